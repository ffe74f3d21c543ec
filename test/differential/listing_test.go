package differential

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// listing is what lies in a folder: a line per entry with its kind, mode, owner
// and where it leads, and the text of files.
func listing(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		return entry(&b, root, path, d)
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func entry(b *strings.Builder, root, path string, d fs.DirEntry) error {
	name, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	fmt.Fprintf(b, "%s %d:%d %s\n", info.Mode(), owner.Uid, owner.Gid, name)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		fmt.Fprintf(b, "  -> %s\n", to)
		return err
	case info.Mode().IsRegular():
		text, err := os.ReadFile(path)
		fmt.Fprintf(b, "  %q\n", text)
		return err
	}
	return nil
}
