package inventory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"rollout/internal/document"
)

// Source gives an inventory, anew each time it is asked.
type Source interface {
	Load(ctx context.Context) (*Inventory, error)
}

// adder is a Source that adds to an inventory, so that later sources can refer
// to what earlier ones declared. It tells whether there was anything to read.
type adder interface {
	add(ctx context.Context, inv *Inventory) (parsed bool, err error)
}

// Open returns the source that an -i argument means: a list of names where it
// has a comma and is no file, else the file or directory of that path.
func Open(arg string, opts Options) Source {
	if opts.Config.Enabled == nil {
		opts.Config = DefaultConfig()
	}
	if opts.Plugins == nil {
		opts.Plugins = &Plugins{}
	}
	return &pathSource{path: arg, opts: opts}
}

// Names is a source of hosts that are only named, each perhaps with a port.
type Names []string

// Load implements Source.
func (n Names) Load(ctx context.Context) (*Inventory, error) { return loadOne(ctx, n) }

func (n Names) add(_ context.Context, inv *Inventory) (bool, error) {
	n.addTo(inv, place{dir: "None"}) // as Python writes that there is none
	return true, nil
}

func (n Names) addTo(inv *Inventory, at place) {
	for _, text := range n {
		text = strings.TrimSpace(text)
		host, port, ok := splitAddress(text)
		if !ok || strings.Contains(host, "[") {
			host, port = text, 0
		}
		if host != "" && inv.byHost[host] == nil {
			at.addHost(inv, host, Ungrouped, port)
		}
	}
}

// readHostList is the plugin of that name: an argument with commas.
func readHostList(_ context.Context, p *pathSource, inv *Inventory) error {
	Names(strings.Split(p.path, ",")).addTo(inv, p.place())
	return nil
}

// readAdvancedList is the plugin of that name: its names may hold ranges.
func readAdvancedList(_ context.Context, p *pathSource, inv *Inventory) error {
	for text := range strings.SplitSeq(p.path, ",") {
		text = strings.TrimSpace(text)
		names, port, err := expandHosts(text)
		var wrong *rangeError
		switch {
		case errors.As(err, &wrong) && wrong.shape:
			inv.warn("Unable to parse address from hostname, leaving unchanged: %s", err)
			names, port = []string{text}, 0
		case err != nil:
			return err
		}
		for _, name := range names {
			if name != "" && inv.byHost[name] == nil {
				p.place().addHost(inv, name, Ungrouped, port)
			}
		}
	}
	return nil
}

// Warned is what ends the reading of an inventory, after warnings.
type Warned struct {
	Warnings []string
	Err      error
}

func (w *Warned) Error() string { return w.Err.Error() }
func (w *Warned) Unwrap() error { return w.Err }

func warned(inv *Inventory, err error) error {
	if len(inv.Warnings) == 0 {
		return err
	}
	return &Warned{inv.Warnings, err}
}

// Merge is a source of several, in order: what a later one says wins. The
// directories group_vars and host_vars beside files are read after all of them.
func Merge(sources ...Source) Source { return merged(sources) }

type merged []Source

func (m merged) Load(ctx context.Context) (*Inventory, error) {
	inv := New()
	for _, s := range m {
		if p, ok := s.(*pathSource); ok {
			inv.config = p.opts.Config
			break
		}
	}
	any, err := m.addAll(ctx, inv)
	if err != nil {
		return nil, warned(inv, err)
	}
	if !any {
		if inv.config.UnparsedFails {
			return nil, warned(inv, errors.New("no inventory was parsed, please check your configuration and options"))
		}
		inv.loose = true
		if !inv.config.UnparsedQuiet {
			inv.warn("No inventory was parsed, only implicit localhost is available")
		}
	}
	var errs document.Errors
	for _, s := range m {
		if b, ok := s.(besideSource); ok {
			dir, opts := b.varDir()
			errs.Join(inv.attach(dir, opts))
		}
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	if any {
		inv.warnSameNames()
	}
	return inv, nil
}

func (m merged) addAll(ctx context.Context, inv *Inventory) (any bool, err error) {
	var errs document.Errors
	for _, s := range m {
		parsed, err := addSource(ctx, inv, s)
		errs.Join(err)
		any = any || parsed
	}
	return any, errs.Err()
}

// besideSource has directories group_vars and host_vars beside it; "" is none.
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

func (b *beside) add(ctx context.Context, inv *Inventory) (bool, error) {
	return addSource(ctx, inv, b.src)
}

func (b *beside) varDir() (string, Options) { return absolute(b.dir), b.opts }

func addSource(ctx context.Context, inv *Inventory, s Source) (bool, error) {
	if a, ok := s.(adder); ok {
		return a.add(ctx, inv)
	}
	other, err := s.Load(ctx)
	if err != nil {
		return false, err
	}
	return true, inv.Merge(other)
}

func loadOne(ctx context.Context, s Source) (*Inventory, error) { return merged{s}.Load(ctx) }

func (inv *Inventory) warnSameNames() {
	for _, g := range inv.groups {
		if inv.byHost[g.Name] != nil {
			inv.warn("Found both group and host with same name: %s", g.Name)
		}
	}
}

// place is where hosts are first named: the variables inventory_file and
// inventory_dir.
type place struct{ file, dir string }

// addHost adds a host to a group, with its port unless 0.
func (p place) addHost(inv *Inventory, name, group string, port int) *Host {
	known := inv.byHost[name] != nil
	h := inv.AddHost(name)
	if group != "" {
		inv.AddGroup(group).add(h, inv)
	}
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

// pathSource is what an -i argument names: a file, a program, a directory of
// them, or a list of hosts.
type pathSource struct {
	path   string
	opts   Options
	loaded bool // once before: who loads again wants no cache
}

// Load implements Source.
func (p *pathSource) Load(ctx context.Context) (*Inventory, error) { return loadOne(ctx, p) }

// varDir is where group_vars and host_vars stand: in a directory of
// inventories, or beside a file. A list of hosts has none.
func (p *pathSource) varDir() (string, Options) {
	if p.isList() {
		return "", p.opts
	}
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

func (p *pathSource) add(ctx context.Context, inv *Inventory) (bool, error) {
	defer func() { p.loaded = true }()
	return p.parse(ctx, inv)
}

// place is the variables of hosts first named here. Ansible leaves a path with
// a comma as it was given, and writes that a list has no directory as "None".
func (p *pathSource) place() place {
	abs := absolute(p.path)
	switch {
	case p.isList():
		return place{p.path, "None"}
	case strings.Contains(p.path, ","):
		return place{p.path, filepath.Dir(abs)}
	}
	return place{abs, filepath.Dir(abs)}
}

// readINI is the plugin ini, which any file may be meant for.
func readINI(_ context.Context, p *pathSource, inv *Inventory) error {
	data, err := p.opts.onDisk().bytes(p.path)
	if err != nil {
		return err
	}
	return parseINI(inv, p.path, data, p.place())
}
