package clouds

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"rollout/internal/document"
)

// cloudFile is one clouds.yaml.
type cloudFile struct {
	path    string
	entries map[string]entry
}

// places lists where a file of that name is looked for, in order, its suffix
// left open. A variable may name the file itself.
func (cfg Config) places(name, variable string) []string {
	var out []string
	if env := cfg.Getenv(variable); env != "" {
		out = append(out, env)
	}
	home := cfg.Getenv("HOME")
	dirs := []string{""}
	if xdg := cfg.Getenv("XDG_CONFIG_HOME"); xdg != "" {
		dirs = append(dirs, filepath.Join(xdg, "openstack"))
	}
	dirs = append(dirs, filepath.Join(home, ".config", "openstack"), "/etc/xdg/openstack", "/etc/openstack")
	for _, dir := range dirs {
		out = append(out, filepath.Join(dir, name+".yaml"))
	}
	// Last, since other clients don't look there: beside a clouds.yaml that was named.
	if env := cfg.Getenv("OS_CLIENT_CONFIG_FILE"); env != "" && variable != "OS_CLIENT_CONFIG_FILE" {
		out = append(out, filepath.Join(filepath.Dir(env), name+".yaml"))
	}
	return out
}

func (cfg Config) cloudsPlaces() []string { return cfg.places("clouds", "OS_CLIENT_CONFIG_FILE") }

// readFirst returns the first file that there is; nil where none is.
func readFirst(places []string, top string) (*cloudFile, error) {
	for _, place := range places {
		stem := strings.TrimSuffix(place, ".yaml")
		for _, path := range []string{place, stem + ".yml", stem + ".json"} {
			file, err := readClouds(path, top)
			if file != nil || err != nil {
				return file, err
			}
		}
	}
	return nil, nil
}

// readClouds reads one file; nil where it is not there.
func readClouds(path, top string) (*cloudFile, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return parseClouds(path, data, top)
}

func parseClouds(path string, data []byte, top string) (*cloudFile, error) {
	root, err := document.ParseStrict(path, data)
	if err != nil {
		return nil, err
	}
	file := &cloudFile{path: path, entries: map[string]entry{}}
	section := root.Get(top)
	if section == nil {
		return file, nil
	}
	for _, e := range section.Entries {
		file.entries[e.Name()] = entryFromNode(e.Value)
	}
	return file, nil
}

// entry merges the named entry of clouds.yaml with its profile below and
// secure.yaml above.
func (cfg Config) entry(ctx context.Context, name string) (Credentials, error) {
	file, err := cfg.fileOf(name)
	if err != nil {
		return Credentials{}, err
	}
	if file == nil {
		return Credentials{}, &LoginError{Cloud: name, Source: "an entry of clouds.yaml", Err: cfg.noClouds()}
	}
	found, ok := file.entries[name]
	if !ok {
		err := fmt.Errorf("there is no such entry; it has: %s", strings.Join(sortedKeys(file.entries), ", "))
		if hint := document.Suggest(name, sortedKeys(file.entries)); hint != "" {
			err = fmt.Errorf("%w; %s", err, hint)
		}
		return Credentials{}, &LoginError{Cloud: name, Source: file.path, Err: err}
	}
	source := file.path
	secure, err := readFirst(cfg.places("secure", "OS_CLIENT_SECURE_FILE"), "clouds")
	if err != nil {
		return Credentials{}, err
	}
	if secure != nil {
		if secret, ok := secure.entries[name]; ok {
			found = secret.over(found)
			source += " and " + secure.path
		}
	}
	return cfg.withProfile(ctx, Credentials{Name: name, Source: source, entry: found})
}

// withProfile puts what is known of the vendor below what the entry says.
func (cfg Config) withProfile(ctx context.Context, cred Credentials) (Credentials, error) {
	below, err := cfg.profile(ctx, cred.entry)
	if err != nil {
		return Credentials{}, &LoginError{Cloud: cred.Name, Source: cred.Source, Err: err}
	}
	cred.entry = cred.entry.over(below)
	return cred, nil
}

// fileOf returns the clouds.yaml to look the entry up in: the first there is,
// or the one known to have the entry where that lacks it.
func (cfg Config) fileOf(name string) (*cloudFile, error) {
	file, err := readFirst(cfg.cloudsPlaces(), "clouds")
	if err != nil || cfg.Further[name] == "" {
		return file, err
	}
	if file != nil {
		if _, ok := file.entries[name]; ok {
			return file, nil
		}
	}
	further, err := readClouds(cfg.Further[name], "clouds")
	if further == nil {
		return file, err
	}
	return further, err
}

func (cfg Config) noClouds() error {
	return fmt.Errorf("%w (looked for %s)", ErrNoClouds, strings.Join(cfg.cloudsPlaces(), ", "))
}

// onlyEntry is used where nothing names a cloud: a file with one entry leaves
// no doubt.
func (cfg Config) onlyEntry(ctx context.Context) (Credentials, error) {
	file, err := readFirst(cfg.cloudsPlaces(), "clouds")
	if err != nil {
		return Credentials{}, err
	}
	if file == nil {
		return Credentials{}, &LoginError{Cloud: "(none named)", Source: "OS_CLOUD and OS_AUTH_URL are not set",
			Err: cfg.noClouds()}
	}
	names := sortedKeys(file.entries)
	if len(names) != 1 {
		return Credentials{}, &LoginError{Cloud: "(none named)", Source: file.path,
			Err: fmt.Errorf("which cloud? set OS_CLOUD to one of: %s", strings.Join(names, ", "))}
	}
	return cfg.entry(ctx, names[0])
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
