package playbook

import (
	"io/fs"
	"path/filepath"
	"testing/fstest"
)

// memory is a Source of files by name.
type memory map[string]string

func (m memory) fs() fs.FS {
	out := fstest.MapFS{}
	for name, text := range m {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func (m memory) ReadFile(p string) ([]byte, error)  { return fs.ReadFile(m.fs(), filepath.Clean(p)) }
func (m memory) Stat(p string) (fs.FileInfo, error) { return fs.Stat(m.fs(), filepath.Clean(p)) }
func (m memory) ReadDir(p string) ([]fs.DirEntry, error) {
	return fs.ReadDir(m.fs(), filepath.Clean(p))
}
