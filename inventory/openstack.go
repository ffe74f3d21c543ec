package inventory

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Clouds lists the servers of clouds.
type Clouds interface {
	// Regions are all of clouds.yaml; files are looked for before the usual places.
	Regions(files []string) ([]CloudRegion, error)
	// Servers are those of a cloud, as hosts' variable openstack shows them.
	Servers(ctx context.Context, from CloudRegion, q ServerQuery) ([]*value.Map, error)
}

// CloudRegion is a cloud, and one of its regions; none is its first.
type CloudRegion struct{ Cloud, Region string }

// ServerQuery says which servers are wanted, and how they are shown.
type ServerQuery struct {
	Files       []string // clouds_yaml_path
	Version     int      // of the collection whose names are used: 1 or 2
	Expand      bool
	AllProjects bool
	Private     bool
	Filters     map[string]string
}

// openstackFile is a file with `plugin: openstack.cloud.openstack`.
type openstackFile struct {
	path         string
	place        place
	query        ServerQuery
	onlyClouds   []string
	byID         bool // inventory_hostname: uuid
	showAll      bool
	useNames     bool
	onlyIPv4     bool
	legacyGroups bool
	failOnErrors bool
	cache        cacheOptions
	constructed  constructed
}

// openstackNames end the names of files that the collection takes for its own.
var openstackNames = []string{"openstack.yml", "openstack.yaml", "clouds.yml", "clouds.yaml"}

func (p *pathSource) addOpenStack(ctx context.Context, inv *Inventory, doc *document.Node) error {
	return mustRead(p.tryOpenStack(ctx, inv, doc))
}

// mustRead makes a mistake final: a cloud that is described wrongly, or does
// not answer, is none without servers.
func mustRead(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

func (p *pathSource) tryOpenStack(ctx context.Context, inv *Inventory, doc *document.Node) error {
	if !slices.ContainsFunc(openstackNames, func(end string) bool { return strings.HasSuffix(p.path, end) }) {
		return doc.Get("plugin").Errorf("the name of a file for %s must end in openstack.yml or openstack.yaml, %s doesn't (rename it)",
			doc.Get("plugin").Text, filepath.Base(p.path))
	}
	f, err := p.openstackFile(doc)
	if err != nil {
		return err
	}
	if p.opts.Plugins.Clouds == nil {
		return doc.Get("plugin").Errorf("cannot list servers here")
	}
	lists, err := f.servers(ctx, inv, p.opts.Plugins, p.opts.Plugins.Fresh || p.loaded)
	if err != nil {
		return positioned(doc.Get("plugin").Pos, err)
	}
	return f.addHosts(ctx, inv, lists)
}

// openstackFile reads the options.
func (p *pathSource) openstackFile(doc *document.Node) (*openstackFile, error) {
	s := &settings{doc: doc}
	s.node("plugin")
	s.node("clouds") // the file may be a clouds.yaml too
	plugins := p.opts.Plugins
	f := &openstackFile{path: absolute(p.path), place: p.place(), onlyClouds: s.list("only_clouds"),
		byID: s.choice("inventory_hostname", "name", "uuid") == "uuid", showAll: s.flag("show_all", false),
		useNames: s.flag("use_names", false), onlyIPv4: s.flag("only_ipv4", false),
		legacyGroups: s.flag("legacy_groups", true), failOnErrors: s.flag("fail_on_errors", false)}
	if plugins.Cloud != "" {
		f.onlyClouds = []string{plugins.Cloud}
	}
	f.query = ServerQuery{Files: s.list("clouds_yaml_path"), Expand: s.flag("expand_hostvars", false),
		AllProjects: s.flag("all_projects", false), Private: s.flag("private", false), Filters: s.texts("server_filters"), Version: 2}
	if s.choice("collection_version", "2", "1") == "1" {
		f.query.Version = 1
	}
	f.cache = s.cache(plugins)
	f.constructed = s.constructed(plugins)
	f.constructed.stern = f.query.Version == 2
	f.constructed.data = plugins.Data
	return f, s.left()
}

// servers lists those of all clouds at once, or takes them from the cache.
func (f *openstackFile) servers(ctx context.Context, inv *Inventory, plugins *Plugins, fresh bool) ([]*value.Map, error) {
	if kept, ok := f.cache.read(f.cacheKey(), time.Now(), fresh, inv.warn); ok {
		return kept, nil
	}
	regions, err := f.regions(plugins.Clouds)
	if err != nil {
		return nil, err
	}
	lists, errs, err := f.list(ctx, plugins.Clouds, regions)
	if err != nil {
		return nil, err
	}
	whole := true
	for i, err := range errs {
		if err != nil {
			whole = false
			inv.warn("the servers of the cloud %s are missing from the inventory: %v", regions[i].Cloud, err)
		}
	}
	all := slices.Concat(lists...)
	if whole {
		f.cache.write(f.cacheKey(), all, inv.warn)
	}
	return all, nil
}

// list asks all at once. Without fail_on_errors, the errors of some are told
// apart from that which ends it all.
func (f *openstackFile) list(ctx context.Context, clouds Clouds, regions []CloudRegion) ([][]*value.Map, []error, error) {
	lists, errs := make([][]*value.Map, len(regions)), make([]error, len(regions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, from := range regions {
		g.Go(func() error {
			lists[i], errs[i] = clouds.Servers(gctx, from, f.query)
			if f.failOnErrors {
				return errs[i]
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, fmt.Errorf("cannot list the servers of all clouds (fail_on_errors: false takes those that answer): %w", err)
	}
	return lists, errs, ctx.Err()
}

// regions are those to list.
func (f *openstackFile) regions(clouds Clouds) ([]CloudRegion, error) {
	var out []CloudRegion
	for _, name := range f.onlyClouds {
		out = append(out, CloudRegion{Cloud: name})
	}
	if len(out) > 0 {
		return out, nil
	}
	out, err := clouds.Regions(f.query.Files)
	if err != nil {
		return nil, fmt.Errorf("cannot tell which clouds to list: %w", err)
	}
	return out, nil
}

// cacheKey tells apart what different questions were answered.
func (f *openstackFile) cacheKey() string {
	q := f.query
	return fmt.Sprintf("%s %q %q %d %v %v %v %s", f.path, f.onlyClouds, q.Files, q.Version, q.Expand, q.AllProjects, q.Private, sortedTexts(q.Filters))
}

// named is a server and the name of its host.
type named struct {
	host    string
	server  *value.Map
	byGroup bool // it has the name of others: they stand in a group of that name
}

// addHosts makes hosts of the servers, with their variables and groups.
func (f *openstackFile) addHosts(ctx context.Context, inv *Inventory, servers []*value.Map) error {
	hosts := f.named(servers)
	for _, n := range hosts {
		h := f.place.addHost(inv, n.host, All, 0)
		h.Vars.Update(f.data(f.hostVars(n.server)))
	}
	for _, n := range hosts {
		if err := f.construct(ctx, inv, inv.byHost[n.host]); err != nil {
			return err
		}
	}
	if f.legacyGroups {
		for _, n := range hosts {
			f.joinLegacy(inv, n)
		}
	}
	return nil
}

func (f *openstackFile) construct(ctx context.Context, inv *Inventory, h *Host) error {
	c := &f.constructed
	vars := inv.plain(h)
	if f.query.Version == 2 {
		vars = h.Vars.Clone()
	}
	if err := c.setVars(ctx, h, vars); err != nil {
		return err
	}
	if err := c.setGroups(ctx, inv, h, inv.plain(h)); err != nil {
		return err
	}
	return c.setKeyed(ctx, inv, h, inv.plain(h))
}

// named gives hosts the names of their servers, or the ids where these are
// wanted or several servers share a name.
func (f *openstackFile) named(servers []*value.Map) []named {
	if f.query.Version == 1 {
		return f.named1(servers)
	}
	count := map[string]int{}
	for _, s := range servers {
		count[s.String("name")]++
	}
	var out []named
	for _, s := range servers {
		n := named{host: s.String("name"), server: s}
		if f.byID || count[n.host] > 1 {
			n.host = s.String("id")
		}
		if f.showAll || s.Map("addresses").Len() > 0 {
			out = append(out, n)
		}
	}
	return out
}

// named1 is what 1.x did: servers of one name side by side, in a group of that
// name, and those without an address too.
func (f *openstackFile) named1(servers []*value.Map) []named {
	byName, order := map[string][]*value.Map{}, []string{}
	for _, s := range servers {
		name := s.String("name")
		if byName[name] == nil {
			order = append(order, name)
		}
		byName[name] = append(byName[name], s)
	}
	var out []named
	for _, name := range order {
		same := byName[name]
		if !f.byID && !slices.ContainsFunc(same, func(s *value.Map) bool { return s.String("id") != same[0].String("id") }) {
			out = append(out, named{host: name, server: same[0]})
			continue
		}
		for _, s := range same {
			out = append(out, named{host: s.String("id"), server: s, byGroup: true})
		}
	}
	return out
}

// data are variables whose texts came from a cloud.
func (f *openstackFile) data(vars *value.Map) *value.Map {
	if f.constructed.data == nil {
		return vars
	}
	marked, _ := f.constructed.data(vars).(*value.Map)
	return marked
}

func (f *openstackFile) hostVars(s *value.Map) *value.Map {
	vars := value.NewMap()
	address := any(s.String("name"))
	if !f.useNames {
		address = f.address(s)
	}
	if address != nil {
		vars.Set("ansible_ssh_host", address)
		vars.Set("ansible_host", address)
	}
	vars.Set("openstack", s)
	return vars
}

// address is where a host is reached: its floating IP, else its first fixed
// address. nil is none.
func (f *openstackFile) address(s *value.Map) any {
	if f.query.Version == 1 {
		return s.At("interface_ip")
	}
	var fixed any
	for _, list := range s.Map("addresses").All() {
		addresses, _ := list.([]any)
		for _, e := range addresses {
			a, _ := e.(*value.Map)
			floating := a.String("OS-EXT-IPS:type") == "floating"
			if floating && !f.query.Private {
				return a.At("addr")
			}
			if fixed == nil && !floating && (!f.onlyIPv4 || a.Int("version") == 4) {
				fixed = a.At("addr")
			}
		}
	}
	return fixed
}

// joinLegacy puts a host into the groups that its server's facts make. They
// keep their names as they are, as Ansible leaves them.
func (f *openstackFile) joinLegacy(inv *Inventory, n named) {
	h := inv.byHost[n.host]
	for _, name := range f.legacy(n) {
		if name == "" {
			continue
		}
		switch safe := safeGroupName(name); {
		case safe == name:
		case slices.Contains([]string{"always", "silently"}, inv.config.GroupChars):
			name = safe
		case inv.config.GroupChars == "never":
			inv.warn("some groups that %s makes have names that a variable can't have (legacy_groups: false leaves them out)", f.path)
		}
		inv.addGroup(name).add(h, inv)
	}
}

// legacy are the groups that the collection makes of a server.
func (f *openstackFile) legacy(n named) []string {
	s := n.server
	cloud, region, zone := s.String("cloud"), s.String("region"), s.String("az")
	if f.query.Version == 2 {
		cloud, region, zone = s.Map("cloud").String("name"), s.Map("cloud").String("region"), s.String("availability_zone")
	}
	groups := []string{cloud}
	if region != "" {
		groups = append(groups, region)
	}
	if region != "" || f.query.Version == 1 {
		groups = append(groups, cloud+"_"+region)
	}
	groups = append(groups, f.groupsOf(n)...)
	if zone == "" {
		return groups
	}
	groups = append(groups, zone)
	if region != "" || f.query.Version == 1 {
		groups = append(groups, region+"_"+zone, cloud+"_"+region+"_"+zone)
	}
	return groups
}

// groupsOf are those of a server's metadata, id, name, flavor and image.
func (f *openstackFile) groupsOf(n named) []string {
	s := n.server
	var named, meta, out []string
	metadata := s.Map("metadata")
	if v, ok := metadata.Get("group"); ok {
		named = append(named, pythonText(v))
	}
	for name := range strings.SplitSeq(metadata.String("groups"), ",") {
		if name != "" {
			named = append(named, strings.TrimSpace(name))
		}
	}
	for k, v := range metadata.All() {
		meta = append(meta, "meta-"+pythonText(k)+"_"+pythonText(v))
	}
	own := []string{"instance-" + s.String("id")}
	if n.byGroup {
		own = append(own, s.String("name"))
	}
	for _, kind := range []string{"flavor", "image"} {
		if name, ok := s.Map(kind).Get("name"); ok {
			out = append(out, kind+"-"+pythonText(name))
		}
	}
	if f.query.Version == 2 {
		return slices.Concat(named, meta, own, out)
	}
	return slices.Concat(named, own, out, meta)
}
