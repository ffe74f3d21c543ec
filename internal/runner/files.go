package runner

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rollout/internal/module"
	"rollout/internal/playbook"
)

// finder finds the control machine's files as Ansible does: in the role that
// the task belongs to and those that led to it, beside the task's file, beside
// the playbook; in the folder of its kind before the bare directory.
type finder struct {
	source  playbook.Source
	bases   []string
	decrypt func(text []byte) ([]byte, error) // of vaults; nil makes one an error
	sealed  bool                              // vaults are wanted as they are
}

// files implements module.Call.Files.
func (c *call) files() module.Files { return c.finder() }

func (c *call) finder() *finder {
	f := newFinder(c.job.batch.run.opt.Loader.Files, c.job.task, c.job.batch.dir())
	f.decrypt = c.job.batch.run.opt.Decrypt
	if wanted, given := c.args.Get("decrypt"); given {
		f.sealed = wanted == false
	}
	return f
}

func newFinder(source playbook.Source, t *playbook.Task, playDir string) *finder {
	f := &finder{source: source}
	if t != nil && t.Role != nil {
		f.bases = append(f.bases, t.Role.Role.Path)
		uses := t.Role.Chain()
		for i := len(uses) - 1; i >= 0; i-- {
			f.bases = append(f.bases, uses[i].Role.Path)
		}
	}
	if t != nil && t.Path != "" {
		f.bases = append(f.bases, filepath.Dir(t.Path))
	}
	f.bases = append(f.bases, playDir)
	for i, base := range f.bases {
		f.bases[i] = absolute(base)
	}
	f.bases = unique(f.bases)
	return f
}

// places are the paths that name may mean, best first.
func (f *finder) places(kind, name string) []string {
	if strings.HasPrefix(name, "~/") {
		if home, err := os.UserHomeDir(); err == nil {
			return []string{filepath.Join(home, name[2:])}
		}
	}
	if filepath.IsAbs(name) || strings.HasPrefix(name, playbook.Embedded) {
		return []string{name}
	}
	var out []string
	seen := map[string]bool{}
	for _, base := range f.bases {
		for _, p := range []string{filepath.Join(base, kind, name), filepath.Join(base, name)} {
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
	}
	return out
}

// Open implements module.Files.
func (f *finder) Open(kind, name string) (fs.File, string, error) {
	tried := f.places(kind, name)
	for _, p := range tried {
		if _, err := f.source.Stat(p); err != nil {
			continue
		}
		file, err := f.open(p)
		return file, p, err
	}
	return nil, "", &fs.PathError{Op: "cannot find", Path: name,
		Err: fmt.Errorf("looked for %s: %w", strings.Join(tried, ", "), fs.ErrNotExist)}
}

// open opens a file; a vault is decrypted.
func (f *finder) open(p string) (fs.File, error) {
	file, err := f.raw(p)
	if err != nil {
		return nil, err
	}
	return f.opened(file, p)
}

// raw opens a file on disk or one shipped in the program.
func (f *finder) raw(p string) (fs.File, error) {
	files, ok := f.source.(playbook.Files)
	if !ok || !strings.HasPrefix(p, playbook.Embedded) {
		return os.Open(p)
	}
	if files.Shipped == nil {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	name := strings.TrimPrefix(strings.TrimPrefix(filepath.ToSlash(p), playbook.Embedded), "/")
	return files.Shipped.Open(name)
}
