package lookup

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rollout/internal/template"
	"rollout/internal/value"
)

// FileVariables are what Ansible adds for a template's file: name is what the
// task calls it, path where it was found, dest where its text goes ("" is
// nowhere), and managed the setting ansible_managed, whose {host}, {uid} and
// {file} are filled in before its strftime directives say when the file was
// changed. The error is of managed.
func FileVariables(name, path, dest, managed string) (*value.Map, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		full = path
	}
	host, _ := os.Hostname()
	owner, changed := ownerAndTime(path)
	line, err := pythonFormat(managed, map[string]string{"host": host, "uid": owner, "file": name})
	if err != nil {
		return nil, fmt.Errorf("the setting ansible_managed is wrong: %w", err)
	}
	m := value.NewMap("template_host", host, "template_path", name, "template_fullpath", full, "template_uid", owner,
		"template_mtime", value.Moment{T: changed}, "template_run_date", value.Moment{T: time.Now()},
		"template_destpath", nil, "ansible_managed", template.Strftime(line, changed))
	if dest != "" {
		m.Set("template_destpath", dest)
	}
	return m, nil
}

// ownerAndTime are a file's owner, by name where there is one, and the time of
// its last change; of a file that is shipped in the program neither is known.
func ownerAndTime(path string) (owner string, changed time.Time) {
	info, err := os.Stat(path)
	if err != nil {
		return "", time.Time{}
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = strconv.Itoa(int(sys.Uid))
		if u, err := user.LookupId(owner); err == nil {
			owner = u.Username
		}
	}
	return owner, info.ModTime()
}

// pythonFormat fills in the fields of str.format, of which only names are known.
func pythonFormat(text string, fields map[string]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case (c == '{' || c == '}') && strings.HasPrefix(text[i+1:], string(c)):
			i++
			b.WriteByte(c)
		case c == '{':
			name, _, closed := strings.Cut(text[i+1:], "}")
			v, known := fields[name]
			if !closed || !known {
				return "", fmt.Errorf("{%s in it is none of {host}, {uid}, {file}", name)
			}
			b.WriteString(v)
			i += len(name) + 1
		case c == '}':
			return "", fmt.Errorf("a } in it has no { before it; one that is meant is written twice")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}
