package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Options say how files are read. The zero value reads from disk.
type Options struct {
	// Files reads files of variables; nil is the disk. (Inventories themselves
	// are always on disk.)
	Files Files
	// Decode turns a YAML value into data, such as to decrypt !vault; nil is
	// document.Node.Decode.
	Decode func(*document.Node) (any, error)
	// Decrypt returns the plain text of a vaulted file; nil makes one an error.
	Decrypt func([]byte) ([]byte, error)
	// Plugins is what files with a `plugin:` need from outside; nil is nothing.
	Plugins *Plugins
	// Config is Ansible's settings for inventories; the zero value is DefaultConfig.
	Config Config
}

// Files is where variables are read from.
type Files interface {
	document.Lister
	ReadFile(path string) ([]byte, error)
}

type disk struct{}

func (disk) ReadFile(p string) ([]byte, error)       { return os.ReadFile(p) }
func (disk) Stat(p string) (fs.FileInfo, error)      { return os.Stat(p) }
func (disk) ReadDir(p string) ([]fs.DirEntry, error) { return os.ReadDir(p) }

func (o Options) files() Files {
	if o.Files == nil {
		return disk{}
	}
	return o.Files
}

func (o Options) decode(n *document.Node) (any, error) {
	if o.Decode == nil {
		return n.Decode(), nil
	}
	return o.Decode(n)
}

const vaultHeader = "$ANSIBLE_VAULT;"

var errNoPassword = errors.New("it is encrypted, and no vault password was given")

// bytes are those of a file, decrypted.
func (o Options) bytes(path string) ([]byte, error) {
	data, err := o.files().ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return o.plain(path, data)
}

// read parses a YAML file.
func (o Options) read(path string) (*document.Node, error) {
	data, err := o.bytes(path)
	if err != nil {
		return nil, err
	}
	return document.Parse(path, data)
}

// plain decrypts a file that is a vault.
func (o Options) plain(path string, data []byte) ([]byte, error) {
	if !strings.HasPrefix(string(data), vaultHeader) {
		return data, nil
	}
	if o.Decrypt == nil {
		return nil, &LockedError{path, errNoPassword}
	}
	plain, err := o.Decrypt(data)
	if err != nil {
		return nil, &LockedError{path, err}
	}
	return plain, nil
}

// VarFiles are the variables of the group_vars and host_vars directories beside
// an inventory or a playbook.
type VarFiles struct {
	dir    string
	named  bool // asked for by the person, so that listings show them on groups
	opts   Options
	groups map[string]*value.Map
	hosts  map[string]*value.Map
	locked map[string]error // by Layer's name: vaults that no secret opens
}

// Named marks files that a person asked for: listings show them on groups too.
func (v *VarFiles) Named() *VarFiles {
	v.named = true
	return v
}

// LockedError is a vaulted file that no secret opens.
type LockedError struct {
	Path string
	Err  error
}

func (e *LockedError) Error() string { return fmt.Sprintf("cannot decrypt %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *LockedError) Unwrap() error { return e.Err }

// varExts are the extensions a file of variables may have; a bare name counts
// first (ansible-core's host_group_vars).
var varExts = []string{"", ".yml", ".yaml", ".json"}

// LoadVarFiles reads dir's group_vars and host_vars for all that inv knows.
// All mistakes are reported at once. No such directories is no mistake. A vault
// that cannot be opened is one for the hosts it concerns only: see Locked.
func LoadVarFiles(inv *Inventory, dir string, opts Options) (*VarFiles, error) {
	v := &VarFiles{dir: dir, opts: opts, groups: map[string]*value.Map{}, hosts: map[string]*value.Map{}, locked: map[string]error{}}
	return v, v.Add(inv)
}

// Add reads the variables of groups and hosts that came to inv since.
func (v *VarFiles) Add(inv *Inventory) error {
	var errs document.Errors
	if there := v.names("group_vars"); there != nil {
		for _, g := range inv.groups {
			errs.Join(v.load(there, "group_vars", g.Name, v.groups))
		}
	}
	if there := v.names("host_vars"); there != nil {
		names := slices.Sorted(maps.Keys(inv.implicit))
		for _, h := range inv.hosts {
			names = append(names, h.Name)
		}
		for _, name := range names {
			errs.Join(v.load(there, "host_vars", name, v.hosts))
		}
	}
	return errs.Err()
}

// names are what stands in a directory, nil where there is none: most hosts
// have no file, and need not be looked for one by one.
func (v *VarFiles) names(sub string) map[string]bool {
	dir := filepath.Join(v.dir, sub)
	if info, err := v.opts.files().Stat(dir); err != nil || !info.IsDir() {
		return nil
	}
	entries, err := v.opts.files().ReadDir(dir)
	if err != nil {
		return nil // as where there is none: Ansible passes over it too
	}
	out := map[string]bool{}
	for _, e := range entries {
		out[e.Name()] = true
	}
	return out
}

// load reads the files of one group or host. A name that would lead out of the
// directory has none.
func (v *VarFiles) load(there map[string]bool, sub, name string, into map[string]*value.Map) error {
	if _, known := into[name]; known || name == "" || strings.HasPrefix(name, "/") || strings.Contains(name, "..") {
		return nil
	}
	first, _, deeper := strings.Cut(name, "/")
	if !slices.ContainsFunc(varExts, func(ext string) bool { return there[name+ext] || deeper && there[first] }) {
		return nil
	}
	files, err := document.FindVars(v.opts.files(), filepath.Join(v.dir, sub, name), varExts, true)
	if err != nil {
		return fmt.Errorf("cannot read the %s of %s: %w", sub, name, err)
	}
	vars := value.NewMap()
	for _, file := range files {
		err := v.opts.varsFrom(file, vars)
		var locked *LockedError
		if errors.As(err, &locked) {
			v.locked[sub+"/"+name] = locked
			continue
		}
		if err != nil {
			return err
		}
	}
	into[name] = vars
	return nil
}

// varsFrom adds the variables of one file to vars.
func (o Options) varsFrom(file string, vars *value.Map) error {
	doc, err := o.read(file)
	switch {
	case err != nil:
		return err
	case doc.Kind == document.Scalar && doc.Value == nil:
		return nil
	case doc.Kind != document.Mapping:
		return doc.Errorf("a file of variables must be a mapping, not %s", doc.Kind)
	}
	var errs document.Errors
	for _, e := range doc.Entries {
		val, err := o.decode(e.Value)
		errs.Join(err)
		vars.Set(e.Key.Value, val)
	}
	return errs.Err()
}

// Layer is one step in the precedence of a host's variables.
type Layer struct {
	Name string // where they come from, as "group_vars/web" or "group web"
	Vars *value.Map
}

// Layers returns the host's variables from the inventory, the weakest first, as
// ansible-core orders them: inventory's all and groups, group_vars of all, of
// groups, then the host's own and its host_vars. Files beside the inventory
// come before those beside the playbook, play, which may be nil.
func (inv *Inventory) Layers(h *Host, play *VarFiles) []Layer {
	var out []Layer
	add := func(name string, vars *value.Map) {
		if vars.Len() > 0 {
			out = append(out, Layer{name, vars})
		}
	}
	files := slices.Clone(inv.beside)
	if play != nil {
		files = append(files, play)
	}
	groups := inv.GroupsOf(h)
	add("group "+All, inv.byGroup[All].Vars)
	for _, g := range groups {
		add("group "+g.Name, g.Vars)
	}
	for _, f := range files {
		add("group_vars/"+All, f.groups[All])
	}
	for _, f := range files {
		for _, g := range groups {
			add("group_vars/"+g.Name, f.groups[g.Name])
		}
	}
	add("host "+h.Name, h.Vars)
	for _, f := range files {
		add("host_vars/"+h.Name, f.hosts[h.Name])
	}
	return out
}

// Locked returns the error of the first file of the host's variables that is a
// vault which no secret opens; nil if there is none.
func (inv *Inventory) Locked(h *Host, play *VarFiles) error {
	files := slices.Clone(inv.beside)
	if play != nil {
		files = append(files, play)
	}
	names := []string{"group_vars/" + All}
	for _, g := range inv.GroupsOf(h) {
		names = append(names, "group_vars/"+g.Name)
	}
	names = append(names, "host_vars/"+h.Name)
	for _, name := range names {
		for _, f := range files {
			if err := f.locked[name]; err != nil {
				return err
			}
		}
	}
	return nil
}

// VarsOf merges the host's Layers.
func (inv *Inventory) VarsOf(h *Host, play *VarFiles) *value.Map {
	out := value.NewMap()
	for _, l := range inv.Layers(h, play) {
		out.Update(l.Vars)
	}
	return out
}

// attach reads the variables in a source's directory. Where several sources
// share one, it counts as the last of them.
func (inv *Inventory) attach(dir string, opts Options) error {
	if i := slices.IndexFunc(inv.beside, func(v *VarFiles) bool { return v.dir == dir }); i >= 0 {
		v := inv.beside[i]
		inv.beside = append(slices.Delete(inv.beside, i, i+1), v)
		return nil
	}
	if dir == "" {
		return nil
	}
	v, err := LoadVarFiles(inv, dir, opts)
	inv.beside = append(inv.beside, v)
	return err
}

func toInt(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case float64:
		return int(n), true
	case bool:
		if n {
			return 1, true
		}
		return 0, true
	case string:
		i, err := strconv.Atoi(strings.TrimSpace(n))
		return i, err == nil
	}
	return 0, false
}

// positioned puts a position before an error that has none.
func positioned(pos document.Position, err error) error {
	var at *document.Error
	if err == nil || errors.As(err, &at) {
		return err
	}
	return &document.Error{Pos: pos, Message: err.Error()}
}
