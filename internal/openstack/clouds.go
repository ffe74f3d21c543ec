package openstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"rollout/internal/document"
)

// cloudFile is one clouds.yaml, flat: entry, then "auth.username" and the like.
type cloudFile struct {
	path    string
	entries map[string]map[string]string
}

// places lists where a file of that name is looked for, in order: $OS_CLIENT_CONFIG_FILE
// stands for clouds.yaml and its folder for those beside it.
func (cfg Config) places(name string) []string {
	if env := cfg.Getenv("OS_CLIENT_CONFIG_FILE"); env != "" {
		if name == "clouds.yaml" {
			return []string{env}
		}
		return []string{filepath.Join(filepath.Dir(env), name)}
	}
	user := cfg.Getenv("XDG_CONFIG_HOME")
	if user == "" {
		user = filepath.Join(cfg.Getenv("HOME"), ".config")
	}
	return []string{name, filepath.Join(user, "openstack", name), filepath.Join("/etc/openstack", name)}
}

// read returns the first file of that name that there is; nil where none is.
func (cfg Config) read(name, top string) (*cloudFile, error) {
	for _, path := range cfg.places(name) {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", path, err)
		}
		return parseClouds(path, data, top)
	}
	return nil, nil
}

func parseClouds(path string, data []byte, top string) (*cloudFile, error) {
	root, err := document.Parse(path, data)
	if err != nil {
		return nil, err
	}
	file := &cloudFile{path: path, entries: map[string]map[string]string{}}
	section := root.Get(top)
	if section == nil {
		return file, nil
	}
	for _, e := range section.Entries {
		flat := map[string]string{}
		flatten(flat, "", e.Value)
		file.entries[e.Name()] = flat
	}
	return file, nil
}

// flatten keeps scalars as they are written, so that a password 0123 stays one.
func flatten(into map[string]string, prefix string, n *document.Node) {
	for _, e := range n.Entries {
		key := prefix + e.Name()
		switch {
		case e.Value.Kind == document.Mapping:
			flatten(into, key+".", e.Value)
		case e.Value.Kind == document.Sequence:
			if len(e.Value.Items) > 0 {
				into[key] = sequenceHead(e.Value.Items[0])
			}
		case e.Value.Value != nil:
			into[key] = e.Value.Text
		}
	}
}

// sequenceHead is the first of `regions:`, which are names or {name: …}.
func sequenceHead(n *document.Node) string {
	if name := n.Get("name"); name != nil {
		return name.Text
	}
	return n.Text
}

// entry merges the named entry of clouds.yaml with its profile below and
// secure.yaml above.
func (cfg Config) entry(name string) (credentials, error) {
	file, err := cfg.fileOf(name)
	if err != nil {
		return credentials{}, err
	}
	if file == nil {
		return credentials{}, &LoginError{Cloud: name, Source: "an entry of clouds.yaml", Err: cfg.noClouds()}
	}
	entry, ok := file.entries[name]
	if !ok {
		err := fmt.Errorf("there is no such entry; it has: %s", strings.Join(sortedKeys(file.entries), ", "))
		if hint := document.Suggest(name, sortedKeys(file.entries)); hint != "" {
			err = fmt.Errorf("%w; %s", err, hint)
		}
		return credentials{}, &LoginError{Cloud: name, Source: file.path, Err: err}
	}
	values, err := cfg.profile(entry)
	if err != nil {
		return credentials{}, &LoginError{Cloud: name, Source: file.path, Err: err}
	}
	put(values, entry)
	source := file.path
	secure, err := cfg.read("secure.yaml", "clouds")
	if err != nil {
		return credentials{}, err
	}
	if secure != nil && secure.entries[name] != nil {
		put(values, secure.entries[name])
		source += " and " + secure.path
	}
	if values["region_name"] == "" {
		values["region_name"] = values["regions"]
	}
	return credentials{name: name, source: source, values: values}, nil
}

// fileOf returns the clouds.yaml to look the entry up in: the first there is,
// or the one known to have the entry where that lacks it.
func (cfg Config) fileOf(name string) (*cloudFile, error) {
	file, err := cfg.read("clouds.yaml", "clouds")
	if err != nil || file != nil && file.entries[name] != nil || cfg.Further[name] == "" {
		return file, err
	}
	data, err := os.ReadFile(cfg.Further[name])
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", cfg.Further[name], err)
	}
	return parseClouds(cfg.Further[name], data, "clouds")
}

func (cfg Config) noClouds() error {
	return fmt.Errorf("%w (looked for %s)", ErrNoClouds, strings.Join(cfg.places("clouds.yaml"), ", "))
}

// profile returns the values of the entry's profile in clouds-public.yaml.
func (cfg Config) profile(entry map[string]string) (map[string]string, error) {
	name := entry["profile"]
	if name == "" {
		name = entry["cloud"]
	}
	values := map[string]string{}
	if name == "" {
		return values, nil
	}
	public, err := cfg.read("clouds-public.yaml", "public-clouds")
	if err != nil {
		return nil, err
	}
	if public == nil || public.entries[name] == nil {
		return nil, fmt.Errorf("its profile %q is not in a clouds-public.yaml (looked for %s)",
			name, strings.Join(cfg.places("clouds-public.yaml"), ", "))
	}
	put(values, public.entries[name])
	return values, nil
}

// onlyEntry is used where nothing names a cloud: a file with one entry leaves
// no doubt.
func (cfg Config) onlyEntry() (credentials, error) {
	file, err := cfg.read("clouds.yaml", "clouds")
	if err != nil {
		return credentials{}, err
	}
	if file == nil {
		return credentials{}, &LoginError{Cloud: "(none named)", Source: "OS_CLOUD and OS_AUTH_URL are not set",
			Err: cfg.noClouds()}
	}
	names := sortedKeys(file.entries)
	if len(names) != 1 {
		return credentials{}, &LoginError{Cloud: "(none named)", Source: file.path,
			Err: fmt.Errorf("which cloud? set OS_CLOUD to one of: %s", strings.Join(names, ", "))}
	}
	return cfg.entry(names[0])
}

func put(into, from map[string]string) {
	for k, v := range from {
		into[k] = v
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
