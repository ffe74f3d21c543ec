package runner

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/regex"
	"rollout/internal/value"
	"rollout/internal/vars"
)

func includeVarsAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "include_vars", Summary: "Load variables from files.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "file", Type: module.Path, Doc: "The file; found in vars/ of the role or beside the playbook."},
				{Name: "dir", Type: module.Path, Doc: "A directory of which all files are loaded, in order of their names."},
				{Name: "name", Doc: "The variable that holds them all; without it they stand by themselves."},
				{Name: "depth", Type: module.Int, Default: 0, Doc: "How many directories to look into, the first one counted; 0 is all."},
				{Name: "files_matching", Doc: "A regular expression for the names of files in dir."},
				{Name: "ignore_files", Type: module.Raw, Doc: "Regular expressions for the ends of names left out: a list, or text with blanks between them."},
				{Name: "extensions", Type: module.Raw, Default: []any{"yaml", "yml", "json"}, Doc: "Those of files in dir."},
				{Name: "ignore_unknown_extensions", Type: module.Bool, Default: false, Doc: "Leave out other files instead of failing."},
				{Name: "hash_behaviour", Choices: []string{"replace", "merge"}, Doc: "Whether mappings replace those that are there, or are merged with them."},
			},
			FreeForm: true,
		}},
		run: includeVars,
	}
}

// forDirs are the arguments that go with a directory only.
var forDirs = []string{"dir", "depth", "files_matching", "ignore_files", "extensions", "ignore_unknown_extensions"}

// varsFound is what include_vars has loaded so far.
type varsFound struct {
	vars   *value.Map
	paths  []string
	secret bool // one of the files was encrypted
}

func includeVars(_ context.Context, c *call) (*outcome, error) {
	file := c.args.String("file")
	if file == "" {
		file = strings.TrimRight(c.free, "\n")
	}
	forDir := slices.ContainsFunc(forDirs, func(name string) bool { _, ok := c.given.Get(name); return ok })
	if file != "" && forDir {
		return failure("You are mixing file only and dir only arguments, these are incompatible"), nil
	}
	found := &varsFound{vars: value.NewMap()}
	var err error
	if dir := c.args.String("dir"); dir != "" {
		err = c.loadVarDir(dir, found)
	} else {
		err = c.loadVarFile(file, found)
	}
	loaded := found.vars
	if name := c.args.String("name"); name != "" {
		loaded = value.NewMap(name, loaded)
	}
	o := newOutcome(module.Result{Failed: err != nil})
	if err != nil {
		loaded = value.NewMap()
		o.data.Set("message", err.Error())
	} else if how := c.args.String("hash_behaviour"); how != "" && how != cmp.Or(c.job.batch.run.opt.Settings.HashBehaviour, "replace") {
		if loaded, err = c.combined(loaded, how); err != nil {
			return nil, err
		}
	}
	o.noLog = found.secret
	o.data.Set("ansible_facts", vars.Plain(loaded))
	o.data.Set("ansible_included_var_files", value.List(found.paths))
	o.effects = []effect{{included: loaded}}
	return o, nil
}

// combined joins what was loaded with the variables of the same names: all of
// them must be mappings.
func (c *call) combined(loaded *value.Map, how string) (*value.Map, error) {
	out := value.NewMap()
	for k, v := range loaded.All() {
		old, _, err := c.scope.Lookup(text(k))
		if err != nil {
			return nil, err
		}
		have, ok := old.(*value.Map)
		more, isMap := v.(*value.Map)
		if !ok || !isMap {
			return nil, fmt.Errorf("failed to combine the variable %s, expected mappings but got %s and %s", text(k), text(old), text(vars.Plain(v)))
		}
		if how == "merge" {
			out.Set(k, vars.Merge(have, more))
		} else {
			out.Set(k, merged(have, more))
		}
	}
	return out, nil
}

func (c *call) loadVarFile(name string, found *varsFound) error {
	if name == "" {
		//lint:ignore ST1005 playbooks compare the message with ansible-core's
		return fmt.Errorf("Could not find file on the Ansible Controller: give a file or a dir")
	}
	f, path, err := c.files().Open("vars", name)
	if err != nil {
		//lint:ignore ST1005 playbooks compare the message with ansible-core's
		return fmt.Errorf("Could not find or access '%s' on the Ansible Controller.\n%w", name, err)
	}
	return c.readVars(f, path, found)
}

// readVars adds the variables of one open file, and closes it.
func (c *call) readVars(f fs.File, path string, found *varsFound) error {
	defer func() { _ = f.Close() }() // it was read: its end says nothing more
	text, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	if _, vaulted := f.(*decrypted); vaulted {
		found.secret = true
	}
	n, err := document.Parse(path, text)
	if err != nil {
		return err
	}
	if n.Kind != document.Mapping && (n.Kind != document.Scalar || n.Value != nil) {
		return fmt.Errorf("%s must be stored as a dictionary/hash", path)
	}
	m, err := c.job.batch.run.decoder.Map(n)
	if err != nil {
		return err
	}
	found.paths = append(found.paths, path)
	found.vars.Update(m)
	return nil
}

// loadVarDir adds the variables of the files in a directory and those below it.
func (c *call) loadVarDir(name string, found *varsFound) error {
	root, source := c.varDir(name), c.job.batch.run.opt.Loader.Files
	info, err := source.Stat(root)
	switch {
	case err != nil:
		return fmt.Errorf("%s directory does not exist", root)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", root)
	}
	dirs, err := subdirectories(source, root)
	if err != nil {
		return err
	}
	if depth := c.args.Int("depth"); depth > 0 && depth < len(dirs) {
		dirs = dirs[:depth] // ansible-core counts directories, not how deep they are
	}
	wanted, err := c.varFileFilter()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := c.loadVarFiles(dir, wanted, found); err != nil {
			return err
		}
	}
	return nil
}

// varDir is the directory that name means: below vars/ of the role, or beside
// the task's file.
func (c *call) varDir(name string) string {
	t := c.job.task
	switch {
	case filepath.IsAbs(name):
		return name
	case t.Role == nil:
		return filepath.Join(absolute(filepath.Dir(t.Path)), name)
	case strings.Split(name, "/")[0] == "vars":
		return filepath.Join(absolute(t.Role.Role.Path), name)
	}
	return filepath.Join(absolute(t.Role.Role.Path), "vars", name)
}

// subdirectories lists root and all directories below it, sorted.
func subdirectories(source interface {
	ReadDir(path string) ([]fs.DirEntry, error)
}, root string) ([]string, error) {
	out := []string{root}
	for i := 0; i < len(out); i++ {
		entries, err := source.ReadDir(out[i])
		if err != nil {
			return nil, fmt.Errorf("cannot list %s: %w", out[i], err)
		}
		for _, e := range entries {
			if e.IsDir() {
				out = append(out, filepath.Join(out[i], e.Name()))
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

func (c *call) loadVarFiles(dir string, wanted func(name string) (bool, error), found *varsFound) error {
	entries, err := c.job.batch.run.opt.Loader.Files.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot list %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		ok, err := wanted(e.Name())
		if err != nil {
			return fmt.Errorf("%s %w", path, err)
		}
		if !ok {
			continue
		}
		f, err := c.finder().open(path)
		if err != nil {
			return err
		}
		if err := c.readVars(f, path, found); err != nil {
			return err
		}
	}
	return nil
}

// varFileFilter tells which names of files are loaded.
func (c *call) varFileFilter() (func(name string) (bool, error), error) {
	var matching *regex.Regexp
	if expr := c.args.String("files_matching"); expr != "" {
		var err error
		if matching, err = regex.Compile(expr, 0); err != nil {
			return nil, fmt.Errorf("files_matching: %w", err)
		}
	}
	var ignored []*regex.Regexp
	for _, expr := range textsOf(c.args.At("ignore_files"), strings.Fields) {
		re, err := regex.Compile(expr+"$", 0)
		if err != nil {
			//lint:ignore ST1005 playbooks compare the message with ansible-core's
			return nil, fmt.Errorf("Invalid regular expression: %s", expr)
		}
		ignored = append(ignored, re)
	}
	known := textsOf(c.args.At("extensions"), func(s string) []string { return strings.Split(s, "") })
	return func(name string) (bool, error) {
		if matching != nil {
			if m, err := matching.Search(name); err != nil || m == nil {
				return false, err
			}
		}
		for _, re := range ignored {
			if m, err := re.Search(name); err != nil || m != nil {
				return false, err
			}
		}
		if slices.Contains(known, strings.TrimPrefix(filepath.Ext(name), ".")) {
			return true, nil
		}
		if c.args.Bool("ignore_unknown_extensions") {
			return false, nil
		}
		return false, fmt.Errorf("does not have a valid extension: %s", strings.Join(known, ", "))
	}, nil
}

// textsOf is a list's texts, or what split makes of one text.
func textsOf(v any, split func(string) []string) []string {
	if items, ok := listOf(v); ok {
		var out []string
		for _, item := range items {
			out = append(out, text(item))
		}
		return out
	}
	if v == nil {
		return nil
	}
	return split(text(v))
}
