package main

import (
	"io/fs"
	"strings"

	"rollout/playbooks"
	"rollout/roles"
)

// shipped is the file system of what the program brings along: playbooks/ and
// roles/, as they stand in the source tree.
type shipped struct{}

// Open implements fs.FS.
func (shipped) Open(name string) (fs.File, error) {
	dir, rest, _ := strings.Cut(name, "/")
	if rest == "" {
		rest = "."
	}
	switch dir {
	case "playbooks":
		return playbooks.Files.Open(rest)
	case "roles":
		return roles.Files.Open(rest)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
