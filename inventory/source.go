package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rollout/internal/document"
)

// Source gives an inventory, anew each time it is asked.
type Source interface {
	Load(ctx context.Context) (*Inventory, error)
}

// adder is a Source that adds to an inventory, so that later sources can refer
// to what earlier ones declared.
type adder interface {
	add(ctx context.Context, inv *Inventory) error
}

// Open returns the source that an -i argument means: a list of names where it
// has a comma and is no file, else the file or directory of that path.
func Open(arg string, opts Options) Source {
	if _, err := os.Stat(arg); err != nil && strings.Contains(arg, ",") {
		return Names(strings.Split(arg, ","))
	}
	return &pathSource{path: arg, opts: opts}
}

// Names is a source of hosts that are only named, each perhaps with a port.
type Names []string

// Load implements Source.
func (n Names) Load(ctx context.Context) (*Inventory, error) { return loadOne(ctx, n) }

func (n Names) add(_ context.Context, inv *Inventory) error {
	for _, text := range n {
		text = strings.TrimSpace(text)
		host, port, ok := splitAddress(text)
		if !ok || strings.Contains(host, "[") {
			host, port = text, 0
		}
		if host != "" && inv.byHost[host] == nil {
			place{}.addHost(inv, host, Ungrouped, port)
		}
	}
	return nil
}

// Merge is a source of several, in order: what a later one says wins. The
// directories group_vars and host_vars beside files are read after all of them.
func Merge(sources ...Source) Source { return merged(sources) }

type merged []Source

func (m merged) Load(ctx context.Context) (*Inventory, error) {
	inv := New()
	var errs document.Errors
	for _, s := range m {
		errs.Join(addSource(ctx, inv, s))
	}
	for _, s := range m {
		if b, ok := s.(besideSource); ok {
			dir, opts := b.varDir()
			errs.Join(inv.attach(dir, opts))
		}
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	inv.warnSameNames()
	return inv, nil
}

// besideSource has directories group_vars and host_vars beside it.
type besideSource interface{ varDir() (string, Options) }

// Beside gives a source the group_vars and host_vars of a directory, as files
// have them beside themselves.
func Beside(src Source, dir string, opts Options) Source { return &beside{src, dir, opts} }

type beside struct {
	src  Source
	dir  string
	opts Options
}

// Load implements Source.
func (b *beside) Load(ctx context.Context) (*Inventory, error) { return loadOne(ctx, b) }

func (b *beside) add(ctx context.Context, inv *Inventory) error { return addSource(ctx, inv, b.src) }

func (b *beside) varDir() (string, Options) { return absolute(b.dir), b.opts }

func addSource(ctx context.Context, inv *Inventory, s Source) error {
	if a, ok := s.(adder); ok {
		return a.add(ctx, inv)
	}
	other, err := s.Load(ctx)
	if err != nil {
		return err
	}
	return inv.Merge(other)
}

func loadOne(ctx context.Context, s Source) (*Inventory, error) { return merged{s}.Load(ctx) }

func (inv *Inventory) warnSameNames() {
	for _, g := range inv.groups {
		if inv.byHost[g.Name] != nil {
			inv.warn("found both group and host with same name: %s", g.Name)
		}
	}
}

// place is where hosts are first named: the variables inventory_file and
// inventory_dir.
type place struct{ file, dir string }

// addHost adds a host to a group, with its port unless 0.
func (p place) addHost(inv *Inventory, name, group string, port int) *Host {
	known := inv.byHost[name] != nil
	h := inv.AddHost(name, group)
	if !known {
		if port != 0 {
			h.Vars.Set("ansible_port", port)
		}
		var file, dir any
		if p.file != "" {
			file, dir = p.file, p.dir
		}
		h.Vars.Set("inventory_file", file)
		h.Vars.Set("inventory_dir", dir)
	}
	return h
}

// pathSource is a file, a program or a directory of them.
type pathSource struct {
	path   string
	opts   Options
	loaded bool // once before: who loads again wants no cache
}

// Load implements Source.
func (p *pathSource) Load(ctx context.Context) (*Inventory, error) { return loadOne(ctx, p) }

// varDir is where group_vars and host_vars stand: in a directory of
// inventories, or beside a file.
func (p *pathSource) varDir() (string, Options) {
	if info, err := os.Stat(p.path); err == nil && info.IsDir() {
		return absolute(p.path), p.opts
	}
	return filepath.Dir(absolute(p.path)), p.opts
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (p *pathSource) add(ctx context.Context, inv *Inventory) error {
	defer func() { p.loaded = true }()
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot read the inventory %s: there is no such file (a list of names needs a comma, as in \"%s,\")", p.path, p.path)
	case err != nil:
		return fmt.Errorf("cannot read the inventory %s: %w", p.path, err)
	case info.IsDir():
		return p.addDir(ctx, inv)
	case info.Mode()&0o111 != 0:
		return p.addProgram(ctx, inv)
	}
	return p.addFile(ctx, inv)
}

// ignored are the names in a directory that are no inventories, as ansible-core
// has them by default.
var ignored = regexp.MustCompile(`^\.|^(?:host_vars|group_vars|vars_plugins)$|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$`)

func (p *pathSource) addDir(ctx context.Context, inv *Inventory) error {
	entries, err := os.ReadDir(p.path)
	if err != nil {
		return fmt.Errorf("cannot read the inventory %s: %w", p.path, err)
	}
	var errs document.Errors
	for _, e := range entries {
		if !ignored.MatchString(e.Name()) {
			one := &pathSource{path: filepath.Join(p.path, e.Name()), opts: p.opts, loaded: p.loaded}
			errs.Join(one.add(ctx, inv))
		}
	}
	return errs.Err()
}

// place is the variables of hosts first named here.
func (p *pathSource) place() place {
	abs := absolute(p.path)
	return place{abs, filepath.Dir(abs)}
}

func (p *pathSource) addFile(ctx context.Context, inv *Inventory) error {
	data, err := os.ReadFile(p.path)
	if err != nil {
		return fmt.Errorf("cannot read the inventory %s: %w", p.path, err)
	}
	if data, err = p.opts.plain(p.path, data); err != nil {
		return err
	}
	switch filepath.Ext(p.path) {
	case ".yml", ".yaml", ".json":
		return p.addYAML(ctx, inv)
	case ".toml":
		return fmt.Errorf("cannot read the inventory %s: TOML isn't supported (write it as YAML or INI)", p.path)
	case "", ".config":
		if looksLikeYAML(p.path, data) {
			return p.addYAML(ctx, inv)
		}
	}
	return parseINI(inv, p.path, data, p.place())
}

// looksLikeYAML judges a file whose name doesn't tell: a mapping, or meant so.
func looksLikeYAML(path string, data []byte) bool {
	if doc, err := document.Parse(path, data); err == nil {
		return doc.Kind == document.Mapping
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			return slices.Contains([]string{"---", "all:", "ungrouped:"}, line)
		}
	}
	return false
}
