package cloud

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// raws puts the cloud's own records of a list under key.
func raws[T any](res module.Result, key string, list []T, raw func(T) *value.Map) module.Result {
	out := make([]*value.Map, len(list))
	for i, x := range list {
		out[i] = raw(x)
	}
	return res.Set(key, listOf(out))
}

// both puts a list of records under the keys of both versions of the collection,
// each with the names that both have for its attributes.
func both[T any](list []T, key string, names []string, raw func(T) *value.Map) module.Result {
	out := make([]*value.Map, len(list))
	for i, x := range list {
		out[i] = named(names, raw(x))
	}
	return module.Result{}.Set("openstack_"+key, listOf(out)).Set(key, listOf(out))
}

// neutronName is what Neutron calls an attribute that was named as the SDK does.
func neutronName(name string) string {
	for _, pairs := range [][]string{networkNames(), subnetNames(), routerNames(), portNames()} {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i+1] == name {
				return pairs[i]
			}
		}
	}
	return name
}

func namedInfoSchema(name string, aliases ...string) module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: name, Aliases: aliases, Doc: "name or id; all where it is left out"},
		{Name: "filters", Type: module.Dict, Doc: "attributes, as Neutron names them, and their values"},
	}}
}

// filtered lists things of Neutron's by name or id and by filters.
func filtered[T any](ctx context.Context, t *task, nameArg string, list func(context.Context, url.Values) ([]T, error)) ([]T, error) {
	q := url.Values{}
	for k, v := range t.Args.Map("filters").All() {
		k = neutronName(fmt.Sprint(k))
		items, many := v.([]any)
		if !many {
			items = []any{v}
		}
		for _, item := range items {
			q.Add(fmt.Sprint(k), queryText(item))
		}
	}
	return byNameOrID(ctx, t.text(nameArg), q, list)
}

// byNameOrID lists the things of that name, else the one of that id; all where
// name is empty.
func byNameOrID[T any](ctx context.Context, name string, q url.Values, list func(context.Context, url.Values) ([]T, error)) ([]T, error) {
	if name == "" {
		return list(ctx, q)
	}
	q.Set("name", name)
	found, err := list(ctx, q)
	if err != nil || len(found) > 0 {
		return found, err
	}
	q.Del("name")
	q.Set("id", name)
	return list(ctx, q)
}

func queryText(v any) string {
	if b, ok := v.(bool); ok {
		return strconv.FormatBool(b)
	}
	return fmt.Sprint(v)
}

func runNetworksInfo(ctx context.Context, t *task) (module.Result, error) {
	found, err := filtered(ctx, t, "name", t.cloud.Networks)
	return both(found, "networks", networkNames(), func(n openstack.Network) *value.Map { return n.Raw }), err
}

func runSubnetsInfo(ctx context.Context, t *task) (module.Result, error) {
	found, err := filtered(ctx, t, "name", t.cloud.Subnets)
	return both(found, "subnets", subnetNames(), func(s openstack.Subnet) *value.Map { return s.Raw }), err
}

func runRoutersInfo(ctx context.Context, t *task) (module.Result, error) {
	found, err := filtered(ctx, t, "name", t.cloud.Routers)
	if err != nil || len(found) == 0 {
		return both(found, "routers", nil, func(openstack.Router) *value.Map { return nil }), err
	}
	var ids []string
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	ports, err := t.cloud.ServerPorts(ctx, ids...)
	return both(found, "routers", routerNames(), func(r openstack.Router) *value.Map {
		m := r.Raw.Clone()
		m.Set("interfaces_info", interfacesOf(r, ports))
		return m
	}), err
}

// interfacesOf lists a router's places on subnets, its gateway left out.
func interfacesOf(r openstack.Router, ports []openstack.Port) []any {
	out := []any{}
	for _, p := range ports {
		if p.DeviceID != r.ID || p.Owner == "network:router_gateway" {
			continue
		}
		for _, f := range p.FixedIPs {
			out = append(out, value.NewMap("port_id", p.ID, "ip_address", f.IP, "subnet_id", f.SubnetID))
		}
	}
	return out
}

func runPortInfo(ctx context.Context, t *task) (module.Result, error) {
	found, err := filtered(ctx, t, "port", t.cloud.Ports)
	return both(found, "ports", portNames(), func(p openstack.Port) *value.Map { return p.Raw }), err
}

func groupInfoSchema() module.Schema {
	tags := func(name, doc string) module.Arg {
		return module.Arg{Name: name, Type: module.List, Elements: module.Str, Doc: doc}
	}
	return module.Schema{Args: []module.Arg{{Name: "name", Doc: "name or id; all where it is left out"}, {Name: "description"},
		{Name: "project_id", Doc: "default: the session's own"}, {Name: "revision_number", Type: module.Int},
		tags("tags", "groups that have all of them"), tags("any_tags", "groups that have one of them"),
		tags("not_tags", "groups that do not have all of them"), tags("not_any_tags", "groups that have none of them")}}
}

func runGroupInfo(ctx context.Context, t *task) (module.Result, error) {
	q := url.Values{}
	for arg, key := range map[string]string{"description": "description", "project_id": "project_id", "revision_number": "revision_number"} {
		if v, given := t.Args.Get(arg); given {
			q.Set(key, queryText(v))
		}
	}
	for arg, key := range map[string]string{"tags": "tags", "any_tags": "tags-any", "not_tags": "not-tags", "not_any_tags": "not-tags-any"} {
		if list := value.Strings(t.Args.List(arg)); len(list) > 0 {
			q.Set(key, strings.Join(list, ","))
		}
	}
	found, err := byNameOrID(ctx, t.text("name"), q, t.cloud.FilterSecurityGroups)
	return raws(module.Result{}, "security_groups", found, func(g openstack.SecurityGroup) *value.Map { return g.Raw }), err
}

func serverInfoSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "server", Aliases: []string{"name"}, Doc: "name, id, or a pattern such as web*; all where it is left out"},
		{Name: "detailed", Type: module.Bool, Default: false, Doc: "of no effect: all is always shown"},
		{Name: "filters", Type: module.Dict, Doc: "attributes and their values, metadata among them"},
		{Name: "all_projects", Type: module.Bool, Default: false, Doc: "refused: rollout looks at its own project only"},
	}}
}

func runServerInfo(ctx context.Context, t *task) (module.Result, error) {
	if t.on("all_projects") {
		return module.Result{}, fmt.Errorf("argument \"all_projects\" is not supported: rollout looks at its own project only (leave it out)")
	}
	pattern := t.text("server")
	prefix, _, _ := strings.Cut(pattern, "*")
	prefix, _, _ = strings.Cut(prefix, "?")
	prefix, _, _ = strings.Cut(prefix, "[")
	servers, err := t.cloud.ListServers(ctx, openstack.Filter{NamePrefix: prefix})
	if err != nil {
		return module.Result{}, err
	}
	if len(servers) == 0 && pattern != "" {
		s, err := t.cloud.FindServer(ctx, pattern)
		if gone, err := missing(err); err != nil {
			return module.Result{}, err
		} else if !gone {
			servers, pattern = []openstack.Server{s}, ""
		}
	}
	var out []*value.Map
	for _, s := range servers {
		m := serverDict(s)
		if matched, err := path.Match(pattern, s.Name); pattern != "" && (err != nil || !matched) {
			continue
		}
		if has(m, t.Args.Map("filters")) {
			out = append(out, m)
		}
	}
	return module.Result{}.Set("openstack_servers", listOf(out)).Set("servers", listOf(out)), nil
}

// has reports whether m has all values of want, in nested maps too.
func has(m, want *value.Map) bool {
	for k, v := range want.All() {
		got, ok := m.Get(k)
		if sub, isMap := v.(*value.Map); isMap {
			inner, _ := got.(*value.Map)
			if !ok || !has(inner, sub) {
				return false
			}
			continue
		}
		if !ok || !value.Equal(got, v) {
			return false
		}
	}
	return true
}

func imageInfoSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "image", Aliases: []string{"name"}, Doc: "name or id; all where it is left out"},
		{Name: "filters", Aliases: []string{"properties"}, Type: module.Dict, Doc: "attributes and their values"},
	}}
}

func runImageInfo(ctx context.Context, t *task) (module.Result, error) {
	var found []openstack.Image
	name := t.text("image")
	if name == "" {
		all, err := t.cloud.Images(ctx)
		if err != nil {
			return module.Result{}, err
		}
		found = all
	} else {
		image, err := t.cloud.FindImage(ctx, name)
		none, err := missing(err)
		if err != nil {
			return module.Result{}, err
		}
		if !none {
			found = append(found, image)
		}
	}
	var out []*value.Map
	for _, i := range found {
		if has(named(imageNames(), i.Raw), t.Args.Map("filters")) {
			out = append(out, named(imageNames(), i.Raw))
		}
	}
	res := module.Result{}.Set("openstack_images", listOf(out)).Set("images", listOf(out)).Set("openstack_image", nil)
	if name != "" && len(out) == 1 {
		res = res.Set("openstack_image", out[0])
	}
	return res, nil
}

func flavorInfoSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Doc: "name or id"}, {Name: "ram", Doc: "in MB: a number, or with <, >, <=, >= before it, or MIN or MAX"},
			{Name: "vcpus", Doc: "as ram"}, {Name: "limit", Type: module.Int}, {Name: "ephemeral", Doc: "in GB, as ram"},
		},
		MutuallyExclusive: [][]string{{"name", "ram"}, {"name", "vcpus"}, {"name", "limit"}, {"name", "ephemeral"}},
	}
}

func runFlavorInfo(ctx context.Context, t *task) (module.Result, error) {
	all, err := t.cloud.Flavors(ctx)
	if err != nil {
		return module.Result{}, err
	}
	var out []openstack.Flavor
	for _, f := range all {
		if n := t.text("name"); n == "" || n == f.Name || n == f.ID {
			out = append(out, f)
		}
	}
	attributes := []struct {
		arg string
		of  func(openstack.Flavor) int
	}{
		{"ram", func(f openstack.Flavor) int { return f.RAM }},
		{"vcpus", func(f openstack.Flavor) int { return f.VCPUs }},
		{"ephemeral", func(f openstack.Flavor) int { return f.Raw.Int("OS-FLV-EXT-DATA:ephemeral") }},
	}
	for _, a := range attributes {
		if out, err = inRange(out, t.text(a.arg), a.of); err != nil {
			return module.Result{}, fmt.Errorf("argument %q: %w", a.arg, err)
		}
	}
	if n := t.Args.Int("limit"); n > 0 && n < len(out) {
		out = out[:n]
	}
	return both(out, "flavors", flavorNames(), func(f openstack.Flavor) *value.Map { return f.Raw }), nil
}

// inRange keeps the flavors whose attribute is as expr says, as shade's
// range_search has it.
func inRange(list []openstack.Flavor, expr string, of func(openstack.Flavor) int) ([]openstack.Flavor, error) {
	expr = strings.TrimSpace(expr)
	if expr == "" || len(list) == 0 {
		return list, nil
	}
	test, err := comparison(list, expr, of)
	if err != nil {
		return nil, err
	}
	var out []openstack.Flavor
	for _, f := range list {
		if test(of(f)) {
			out = append(out, f)
		}
	}
	return out, nil
}

func comparison(list []openstack.Flavor, expr string, of func(openstack.Flavor) int) (func(int) bool, error) {
	least, most := of(list[0]), of(list[0])
	for _, f := range list {
		least, most = min(least, of(f)), max(most, of(f))
	}
	switch strings.ToUpper(expr) {
	case "MIN":
		return func(n int) bool { return n == least }, nil
	case "MAX":
		return func(n int) bool { return n == most }, nil
	}
	digits := strings.TrimLeft(expr, "<>=")
	limit, err := strconv.Atoi(strings.TrimSpace(digits))
	if err != nil {
		return nil, fmt.Errorf("%q is neither a number with <, >, <= or >= before it, nor MIN, nor MAX", expr)
	}
	switch strings.TrimSuffix(expr, digits) {
	case "<":
		return func(n int) bool { return n < limit }, nil
	case ">":
		return func(n int) bool { return n > limit }, nil
	case "<=":
		return func(n int) bool { return n <= limit }, nil
	case ">=":
		return func(n int) bool { return n >= limit }, nil
	}
	return func(n int) bool { return n == limit }, nil
}

func keypairInfoSchema() module.Schema {
	return module.Schema{Args: []module.Arg{{Name: "name", Doc: "all where it is left out"},
		{Name: "user_id", Doc: "whose keys; another's than one's own take an administrator"},
		{Name: "limit", Type: module.Int, Doc: "how many at most"}, {Name: "marker", Doc: "the last key of the page before"}}}
}

func runKeypairInfo(ctx context.Context, t *task) (module.Result, error) {
	all, err := t.cloud.FilterKeyPairs(ctx, openstack.KeyPairFilter{UserID: t.text("user_id"), Limit: t.Args.Int("limit"), Marker: t.text("marker")})
	var out []openstack.KeyPair
	for _, k := range all {
		if n := t.text("name"); n == "" || n == k.Name {
			out = append(out, k)
		}
	}
	return both(out, "keypairs", keyNames(), func(k openstack.KeyPair) *value.Map { return k.Raw }), err
}

// runAuth returns the token; the runner keeps Secret texts off every output.
func runAuth(_ context.Context, t *task) (module.Result, error) {
	catalog := []any{}
	for _, e := range t.cloud.Catalog() {
		endpoints := []any{}
		for _, p := range e.Endpoints {
			endpoints = append(endpoints, value.NewMap("id", p.ID, "interface", p.Interface, "region", p.Region, "region_id", p.Region, "url", p.URL))
		}
		catalog = append(catalog, value.NewMap("name", e.Name, "type", e.Type, "endpoints", endpoints))
	}
	token := t.cloud.Token()
	return module.Result{
		Data:   value.NewMap("auth_token", token),
		Facts:  value.NewMap("auth_token", token, "service_catalog", catalog),
		Secret: []string{token},
	}, nil
}
