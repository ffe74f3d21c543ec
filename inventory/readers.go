package inventory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
)

// reader is a way to read a source, which Ansible calls an inventory plugin.
type reader struct {
	name  string
	wants func(*pathSource) bool // judges by the name, and whether it can be read
	read  func(context.Context, *pathSource, *Inventory) error
}

// readers are all there are; Config.Enabled says which are tried.
func readers() []reader {
	return []reader{
		{"host_list", (*pathSource).isList, readHostList},
		{"advanced_host_list", (*pathSource).isList, readAdvancedList},
		{"script", (*pathSource).isProgram, readProgram},
		{"auto", (*pathSource).isPluginFile, readAuto},
		{"yaml", (*pathSource).isYAML, readYAML},
		{"ini", (*pathSource).isReadable, readINI},
		{"toml", (*pathSource).isTOML, readTOML},
		{"constructed", (*pathSource).isConfigured, readConfigured("constructed", (*pathSource).addConstructed)},
		{"generator", (*pathSource).isConfigured, readConfigured("generator", (*pathSource).addGenerator)},
		{"openstack.cloud.openstack", (*pathSource).isConfigured, readConfigured("openstack.cloud.openstack", (*pathSource).addOpenStack)},
	}
}

// shortName is a plugin's name without the collection of those that are
// Ansible's own.
func shortName(name string) string {
	if name == "openstack" {
		return "openstack.cloud.openstack"
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, "ansible.builtin."), "ansible.legacy.")
}

// enabled are the readers that are tried, in their order.
func (inv *Inventory) enabled() ([]reader, error) {
	all := readers()
	var out []reader
	for _, name := range inv.config.Enabled {
		i := slices.IndexFunc(all, func(r reader) bool { return r.name == shortName(name) })
		if i < 0 {
			inv.warn("Failed to load inventory plugin, skipping %s", name)
			continue
		}
		out = append(out, all[i])
	}
	if len(out) == 0 {
		return nil, errors.New("no inventory plugins available to generate inventory, make sure you have at least one enabled")
	}
	return out, nil
}

// final is a mistake that ends the run, while others make a source count as
// unreadable only.
type final struct{ error }

// Unwrap gives the mistake itself.
func (f final) Unwrap() error { return f.error }

// parse reads the source with the first reader that can; it tells whether one
// could. What a reader took in before it gave up stays, as Ansible has it.
func (p *pathSource) parse(ctx context.Context, inv *Inventory) (bool, error) {
	if info, err := os.Stat(p.path); err == nil && info.IsDir() {
		return p.parseDir(ctx, inv)
	}
	list, err := inv.enabled()
	if err != nil {
		return false, err
	}
	var failures []string
	var causes []Cause
	for _, r := range list {
		if !r.wants(p) {
			continue
		}
		err := r.read(ctx, p, inv)
		if err == nil {
			inv.sources = append(inv.sources, p)
			return true, nil
		}
		var end final
		if errors.As(err, &end) {
			return false, end.error
		}
		if ctx.Err() != nil {
			return false, err
		}
		causes = append(causes, Cause{r.name, err})
		failures = append(failures, fmt.Sprintf(" * Failed to parse %s with %s plugin: %s", p.place().file, r.name, oneLine(err, r.name == "ini" && slices.Contains(yamlExts(), p.extension()))))
	}
	return false, p.unparsed(inv, failures, causes)
}

// defaultSource is where Ansible looks if nothing is said: that it isn't there
// is no news.
const defaultSource = "/etc/ansible/hosts"

// Cause is why one of Ansible's plugins could not read a source.
type Cause struct {
	Plugin string
	Err    error
}

// UnparsedError says that no plugin could read a source, with
// Config.AnyUnparsedFails.
type UnparsedError struct {
	Path   string
	Causes []Cause // in the order in which the plugins were tried
}

func (e *UnparsedError) Error() string {
	return "completely failed to parse inventory source " + e.Path
}

// unparsed says that nothing could read the source.
func (p *pathSource) unparsed(inv *Inventory, failures []string, causes []Cause) error {
	path := p.place().file
	if _, err := os.Stat(path); err != nil && path == defaultSource {
		return nil
	}
	for _, f := range failures {
		inv.warn("%s", f)
	}
	if inv.config.AnyUnparsedFails {
		return &UnparsedError{Path: path, Causes: causes}
	}
	inv.warn("Unable to parse %s as an inventory source", path)
	return nil
}

// oneLine is an error, or several, on one line. Of a file that is plainly
// meant for another reader, the first tells enough.
func oneLine(err error, onlyFirst bool) string {
	var errs document.Errors
	errs.Join(err)
	many, ok := errs.Err().(interface{ Unwrap() []error })
	if !ok {
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
	var parts []string
	for _, e := range many.Unwrap() {
		parts = append(parts, strings.ReplaceAll(e.Error(), "\n", " "))
		if onlyFirst {
			break
		}
	}
	return strings.Join(parts, "; ")
}

// parseDir reads what stands in a directory, in the order of the names.
func (p *pathSource) parseDir(ctx context.Context, inv *Inventory) (bool, error) {
	entries, err := os.ReadDir(p.path)
	if err != nil {
		return false, fmt.Errorf("cannot read the inventory %s: %w", p.path, err)
	}
	ignored, err := inv.config.ignored()
	if err != nil {
		return false, err
	}
	any := false
	for _, e := range entries {
		if ignored.MatchString(e.Name()) {
			continue
		}
		one := &pathSource{path: filepath.Join(p.path, e.Name()), opts: p.opts, loaded: p.loaded}
		parsed, err := one.parse(ctx, inv)
		if err != nil {
			return any, err
		}
		any = any || parsed
	}
	return any, p.nothingIn(inv, any)
}

// nothingIn says that a directory held no inventory.
func (p *pathSource) nothingIn(inv *Inventory, any bool) error {
	if any {
		return nil
	}
	return p.unparsed(inv, nil, nil)
}

// isReadable tells whether there is a file that may be read.
func (p *pathSource) isReadable() bool {
	f, err := os.Open(p.path)
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was written
	return true
}

func (p *pathSource) isList() bool {
	_, err := os.Stat(p.path)
	return err != nil && strings.Contains(p.path, ",")
}

// isProgram tells whether the file may be executed, or looks as if it wanted to.
func (p *pathSource) isProgram() bool {
	f, err := os.Open(p.path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	mark := make([]byte, 2)
	n, _ := f.Read(mark)
	return info.Mode()&0o111 != 0 || string(mark[:n]) == "#!"
}

func (p *pathSource) isPluginFile() bool {
	return (strings.HasSuffix(p.path, ".yml") || strings.HasSuffix(p.path, ".yaml")) && p.isReadable()
}

// extension is the file's, as Python's splitext has it: names that only begin
// with a dot have none.
func (p *pathSource) extension() string {
	return filepath.Ext(strings.TrimLeft(filepath.Base(p.path), "."))
}

func (p *pathSource) isYAML() bool {
	ext := p.extension()
	return (ext == "" || slices.Contains(yamlExts(), ext)) && p.isReadable()
}

func (p *pathSource) isConfigured() bool {
	return (p.extension() == ".config" || p.isYAML()) && p.isReadable()
}

func (p *pathSource) isTOML() bool { return p.extension() == ".toml" && p.isReadable() }
