package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/runner/lookup"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/inventory"
)

// hostTable is the inventory as the run sees and changes it: hosts may be added
// and the source asked anew while tasks run.
type hostTable struct {
	source inventory.Source
	opts   inventory.Options
	limit  string   // as given
	within []string // its patterns; those of files read in

	mismatch string // the setting host_pattern_mismatch

	before *inventory.Inventory // of the playbook before, whose added hosts stay; nil for none

	mu     sync.RWMutex
	inv    *inventory.Inventory
	beside map[string]*inventory.VarFiles // group_vars and host_vars by playbook directory
	cache  map[string]hostVariables       // by host and directory, for one generation
	gen    int
	byName *value.Map // the variable groups
}

func newHostTable(opt Options) *hostTable {
	return &hostTable{source: opt.Inventory, limit: opt.Limit, mismatch: opt.Settings.HostPatternMismatch,
		opts:   inventory.Options{Files: opt.Loader.Files, Decode: vars.Decoder{Decrypt: opt.Decrypt}.Value, Decrypt: opt.Decrypt},
		beside: map[string]*inventory.VarFiles{}, cache: map[string]hostVariables{}}
}

// hostVariables are what the inventory says of a host; err is a vault of its
// that no secret opens.
type hostVariables struct {
	layers []vars.Layer
	err    error
}

// load asks the source for the inventory and reads what stands beside the
// playbooks.
func (h *hostTable) load(ctx context.Context, plays []*playbook.Play) error {
	inv, err := h.first(ctx)
	if err != nil {
		return fmt.Errorf("cannot load the inventory: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inv = inv
	for _, p := range plays {
		if h.beside[p.Dir] != nil {
			continue
		}
		files, err := inventory.LoadVarFiles(inv, p.Dir, h.opts)
		if err != nil {
			return err
		}
		h.beside[p.Dir] = files
	}
	return h.checkLimit()
}

// first is the inventory that the run begins with.
func (h *hostTable) first(ctx context.Context) (*inventory.Inventory, error) {
	switch {
	case h.before != nil && h.source != nil:
		return h.before.Refresh(ctx, h.source)
	case h.before != nil:
		return h.before, nil
	case h.source != nil:
		return h.source.Load(ctx)
	}
	return inventory.New(), nil
}

// checkLimit reads --limit. That it leaves no host is a mistake, but where
// there is none in the first place.
func (h *hostTable) checkLimit() error {
	if h.limit == "" {
		return nil
	}
	var err error
	if h.within, err = inventory.SplitLimit(h.limit, h.opts.Files); err != nil {
		return err
	}
	sel, err := h.inv.Select(h.within...)
	if err != nil {
		return fmt.Errorf("cannot use --limit %s: %w", h.limit, err)
	}
	if len(keep(h.inv.Hosts(), sel.Hosts)) == 0 && len(h.inv.Hosts()) > 0 {
		return fmt.Errorf("cannot use --limit %s: Specified hosts and/or --limit does not match any hosts", h.limit)
	}
	return nil
}

// refresh asks the source anew; what tasks added stays.
func (h *hostTable) refresh(ctx context.Context) error {
	if h.source == nil {
		return nil
	}
	h.mu.RLock()
	old := h.inv
	h.mu.RUnlock()
	fresh, err := old.Refresh(ctx, h.source)
	if err != nil {
		return fmt.Errorf("cannot refresh the inventory: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inv = fresh
	return h.addVarFiles()
}

// addVarFiles reads the variables of hosts and groups that came new.
func (h *hostTable) addVarFiles() error {
	for _, files := range h.beside {
		if err := files.Add(h.inv); err != nil {
			return err
		}
	}
	return nil
}

// match returns the hosts of patterns, within --limit, in inventory order, and
// what a person should know of the patterns.
func (h *hostTable) match(patterns []string, order string) (hosts, warnings []string, err error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var split []string
	for _, p := range patterns {
		split = append(split, inventory.SplitPattern(p)...)
	}
	sel, err := h.inv.Select(split...)
	if err != nil {
		return nil, nil, err
	}
	warnings, err = h.doubts(sel)
	if err != nil {
		return nil, nil, err
	}
	chosen := sel.Hosts
	if h.limit != "" {
		limit, err := h.inv.Select(h.within...)
		if err != nil {
			return nil, nil, err
		}
		more, err := h.doubts(limit)
		if err != nil {
			return nil, nil, err
		}
		warnings = append(warnings, more...)
		chosen = keep(chosen, limit.Hosts)
	}
	chosen, err = inventory.Reorder(chosen, order, rand.Shuffle)
	for _, host := range chosen {
		hosts = append(hosts, host.Name)
	}
	return hosts, warnings, err
}

// doubts are what to say of patterns; the setting host_pattern_mismatch makes
// those that mean nobody an error, or nothing.
func (h *hostTable) doubts(sel inventory.Selection) ([]string, error) {
	out := sel.Warnings
	for _, p := range sel.Unmatched {
		text := "Could not match supplied host pattern, ignoring: " + p
		switch h.mismatch {
		case "error":
			return nil, errors.New(text)
		case "ignore":
		default:
			out = append(out, text)
		}
	}
	return out, nil
}

func keep(hosts, within []*inventory.Host) []*inventory.Host {
	in := map[*inventory.Host]bool{}
	for _, host := range within {
		in[host] = true
	}
	var out []*inventory.Host
	for _, host := range hosts {
		if in[host] {
			out = append(out, host)
		}
	}
	return out
}

// layers are the inventory's variables of a host, with those beside the
// playbook in dir.
func (h *hostTable) layers(host, dir string) ([]vars.Layer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if gen := h.inv.Generation(); gen != h.gen {
		h.cache, h.gen, h.byName = map[string]hostVariables{}, gen, nil
	}
	key := dir + "\x00" + host
	if known, ok := h.cache[key]; ok {
		return known.layers, known.err
	}
	found := h.inv.Host(host)
	var out []vars.Layer
	if found == nil {
		found = &inventory.Host{Name: host, Implicit: true, Vars: value.NewMap()}
	}
	for _, l := range h.inv.Layers(found, h.beside[dir]) {
		out = append(out, vars.Layer{Level: levelOf(l.Name), Values: l.Vars.Clone()})
	}
	err := h.inv.Locked(found, h.beside[dir])
	h.cache[key] = hostVariables{out, err}
	return out, err
}

// levelOf names the precedence of one of the inventory's layers.
func levelOf(name string) vars.Level {
	switch {
	case strings.HasPrefix(name, "host_vars/"):
		return vars.InventoryHostVarsFiles
	case strings.HasPrefix(name, "host "):
		return vars.InventoryHostVars
	case name == "group_vars/all":
		return vars.InventoryGroupVarsAll
	case strings.HasPrefix(name, "group_vars/"):
		return vars.InventoryGroupVarsFiles
	}
	return vars.InventoryGroupVars
}

func (h *hostTable) groupsOf(host string) []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if found := h.inv.Host(host); found != nil {
		return h.inv.GroupNames(found)
	}
	return nil
}

// groups is the variable groups.
func (h *hostTable) groups() *value.Map {
	h.mu.Lock()
	defer h.mu.Unlock()
	if gen := h.inv.Generation(); gen != h.gen {
		h.cache, h.gen, h.byName = map[string]hostVariables{}, gen, nil
	}
	if h.byName == nil {
		h.byName = h.inv.GroupMap()
	}
	return h.byName
}

func (h *hostTable) hostNames() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var out []string
	for _, host := range h.inv.Hosts() {
		out = append(out, host.Name)
	}
	return out
}

// known tells whether the inventory has the host, or it is this machine.
func (h *hostTable) known(host string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.inv.Host(host) != nil
}

func (h *hostTable) addHost(name string, groups []string, vs *value.Map) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := h.inv.AddDynamicHost(name, groups, vs)
	return changed, h.addVarFiles()
}

func (h *hostTable) addToGroup(host, group string, parents []string) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed, err := h.inv.AddDynamicGroup(host, group, parents)
	if err != nil {
		return changed, err
	}
	return changed, h.addVarFiles()
}

func (h *hostTable) warnings() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return append([]string{}, h.inv.Warnings...)
}

// tellOfNoHosts warns of inventories without a host, unless an ad hoc task is
// for this machine anyway.
func (r *Run) tellOfNoHosts() {
	pb := r.opt.Playbook
	if len(r.opt.InventorySources) == 0 || !r.opt.Settings.LocalhostWarning || len(r.hosts.hostNames()) > 0 {
		return
	}
	if pb.IsAdHoc() && inventory.IsLocal(pb.Plays[0].Hosts.Text) {
		return
	}
	r.tell(report.Warning{Text: "provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'"})
}

// hostVars is the variable hostvars: every host's variables, each evaluated
// when it is asked for.
type hostVars struct {
	batch *batch
	from  *vars.Scope
}

func (b *batch) hostVars(from *vars.Scope) template.Dict { return &hostVars{b, from} }

// Item implements template.Dict.
func (h *hostVars) Item(host string) (any, bool, error) {
	if !h.batch.run.hosts.known(host) {
		return nil, false, nil
	}
	layers, err := h.batch.hostLayers(host)
	if err != nil {
		return nil, true, err
	}
	var s *vars.Scope
	lazy := map[string]func() (any, error){
		"groups":   func() (any, error) { return h.batch.run.hosts.groups(), nil },
		"hostvars": func() (any, error) { return h.batch.hostVars(s), nil },
	}
	magic := vars.Layer{Level: vars.Magic, Values: h.batch.hostMagic(host), Data: true, Lazy: lazy}
	s = h.from.Of(host, append(layers, magic))
	return &oneHost{s}, true, nil
}

// Keys implements template.Dict.
func (h *hostVars) Keys() []string { return h.batch.run.hosts.hostNames() }

// oneHost is one host's variables within hostvars.
type oneHost struct{ scope *vars.Scope }

// Item implements template.Dict. As in ansible-core, a text that needs what the
// host does not have, such as a variable of the play, is given as it was written.
func (o *oneHost) Item(name string) (any, bool, error) {
	v, ok, err := o.scope.Lookup(name)
	if _, undefined := v.(*template.Undefined); undefined {
		return o.scope.Partly(name)
	}
	return v, ok, err
}

// Keys implements template.Dict.
func (o *oneHost) Keys() []string {
	var out []string
	for _, name := range o.scope.Names() {
		if name != "hostvars" && name != lookup.NamesVariable {
			out = append(out, name)
		}
	}
	return out
}

// allVars is the variable vars.
type allVars struct{ scope *vars.Scope }

// Item implements template.Dict: the value as it was written, as ansible-core
// has it.
func (a *allVars) Item(name string) (any, bool, error) { return a.scope.Written(name) }

// Keys implements template.Dict.
func (a *allVars) Keys() []string {
	var out []string
	for _, name := range a.scope.Names() {
		if name != "vars" && name != "hostvars" && name != lookup.NamesVariable {
			out = append(out, name)
		}
	}
	return out
}
