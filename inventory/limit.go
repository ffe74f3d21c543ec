package inventory

import (
	"fmt"
	"strings"
)

// SplitLimit splits --limit into patterns and reads the files that it names
// with an @: each of their lines is one pattern. A nil files is the disk.
func SplitLimit(limit string, files Files) ([]string, error) {
	if files == nil {
		files = disk{}
	}
	var out []string
	for _, pattern := range SplitPattern(limit) {
		name, isFile := strings.CutPrefix(pattern, "@")
		if !isFile {
			out = append(out, pattern)
			continue
		}
		switch info, err := files.Stat(name); {
		case err != nil:
			return nil, fmt.Errorf("unable to find limit file %s", name)
		case info.IsDir():
			return nil, fmt.Errorf("limit starting with \"@\" must be a file, not a directory: %s", name)
		}
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot use --limit %s: %w", limit, err)
		}
		for line := range strings.Lines(string(data)) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out, nil
}
