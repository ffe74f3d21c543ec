package topology

import (
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

func (d *decoder) tiers(n *document.Node) {
	if n.Kind != document.Mapping || len(n.Entries) == 0 {
		d.errs.Add(n.Pos, "tiers must be a mapping of at least one name")
		return
	}
	for _, e := range n.Entries {
		d.top.Tiers = append(d.top.Tiers, d.tier(e))
	}
}

// reserved are group names that mean something else in an inventory.
var reserved = []string{"all", "ungrouped", "localhost"}

func (d *decoder) tier(e *document.Entry) *Tier {
	t := &Tier{Pos: e.Key.Pos, Name: e.Name(), Count: 1, Vars: value.NewMap()}
	for _, r := range reserved {
		if t.Name == r {
			d.errs.Add(e.Key.Pos, "a tier can't be called %q: an inventory has that group already", r)
		}
	}
	d.name(e.Key, "tier", t.Name)
	t.Machine = d.machineOf(e.Value, "tier "+t.Name,
		field{"count", func(n *document.Node) { t.Count = d.number(n, "count", 0) }},
		field{"vars", func(n *document.Node) { t.Vars = d.vars(n, "vars of tier "+t.Name) }},
		field{"containers", func(n *document.Node) { t.Containers = d.containers(n, t.Name) }})
	d.countFromOutside(t)
	if f := t.Machine.FloatingIP; f != nil && f.Address != "" && t.Count > 1 {
		d.errs.AddHint(e.Key.Pos, "use true or {pool: NAME}", "tier %s has %d VMs but one floating address", t.Name, t.Count)
	}
	return t
}

// countFromOutside lets -e <tier>_count=50 have the last word on how many VMs
// the tier has.
func (d *decoder) countFromOutside(t *Tier) {
	name := countVariable(t.Name)
	v, given := d.opts.Extra.Get(name)
	if !given {
		return
	}
	if s, ok := v.(string); ok {
		v = document.ResolveScalar(strings.TrimSpace(s)) // -e a=1 gives text
	}
	n, ok := v.(int)
	if !ok || n < 0 {
		d.errs.AddHint(t.Pos, "such as -e "+name+"=3", "%s must be a whole number, at least 0, for it is how many VMs tier %s has", name, t.Name)
		return
	}
	t.Count = n
}

// countVariable is the -e variable that overrides a tier's count. Variables
// have no dashes and dots; tiers may.
func countVariable(tier string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(tier) + "_count"
}

func (d *decoder) containers(n *document.Node, tier string) []*Container {
	if n.Kind != document.Mapping {
		d.errs.Add(n.Pos, "containers of tier %s must be a mapping of names, not %s", tier, n.Kind)
		return nil
	}
	var out []*Container
	for _, e := range n.Entries {
		d.name(e.Key, "container", e.Name())
		out = append(out, d.container(e, tier))
	}
	return out
}

// containerOptions are docker_container's arguments that a topology takes as
// they are; they reach the module unchanged.
var containerOptions = []string{"volumes", "healthcheck", "command", "entrypoint", "restart_policy",
	"restart_retries", "hostname", "user", "working_dir", "memory", "cpus", "privileged", "capabilities",
	"devices", "tmpfs", "ulimits", "log_driver", "log_options", "labels", "stop_timeout", "pull", "tty",
	"interactive", "exposed_ports", "dns_servers", "etc_hosts", "sysctls", "shm_size", "read_only", "init"}

func (d *decoder) container(e *document.Entry, tier string) *Container {
	c := &Container{Pos: e.Key.Pos, Name: e.Name(), Tier: tier, Env: value.NewMap(), Options: value.NewMap()}
	what := "container " + c.Name
	fields := []field{
		{"image", func(n *document.Node) { c.Image, _ = n.Value.(string); c.Options.Set("image", c.Image) }},
		{"ports", func(n *document.Node) { c.Ports = d.ports(n, what); c.Options.Set("ports", n.Decode()) }},
		{"env", func(n *document.Node) { c.Env = d.vars(n, what+"'s env") }},
		{"links", func(n *document.Node) { c.Links = d.links(n, what) }},
		{"ready", func(n *document.Node) { c.Ready = d.ready(n, what) }},
	}
	for _, name := range containerOptions {
		fields = append(fields, field{name, func(n *document.Node) { c.Options.Set(name, n.Decode()) }})
	}
	d.mapping(e.Value, what, fields...)
	if h := e.Value.Get("healthcheck"); h != nil {
		d.healthcheck(h, what)
	}
	if c.Image == "" {
		d.errs.Add(e.Key.Pos, "%s has no image", what)
	}
	return c
}

func (d *decoder) healthcheck(n *document.Node, what string) {
	ignore := func(*document.Node) {}
	d.mapping(n, what+"'s healthcheck", field{"test", ignore}, field{"interval", ignore},
		field{"timeout", ignore}, field{"retries", ignore}, field{"start_period", ignore})
	if n.Kind == document.Mapping && n.Get("test") == nil {
		d.errs.AddHint(n.Pos, "such as test: [CMD, healthcheck]", "%s's healthcheck has no test", what)
	}
}

func (d *decoder) ports(n *document.Node, what string) []Port {
	var out []Port
	items := n.Items
	if n.Kind == document.Scalar {
		items = []*document.Node{n}
	}
	for _, item := range items {
		p, ok := parsePort(item.Text)
		if !ok {
			d.errs.AddHint(item.Pos, `such as "80:80" or "53:53/udp"`, "%s: %q does not publish a port", what, item.Text)
			continue
		}
		p.Pos = item.Pos
		out = append(out, p)
	}
	return out
}

// parsePort reads host:container[/protocol] or address:host:container; a lone
// container port is published on a port of Docker's choice, Host 0.
func parsePort(text string) (Port, bool) {
	text, proto, hasProto := strings.Cut(text, "/")
	if !hasProto {
		proto = "tcp"
	}
	parts := strings.Split(text, ":")
	container, err := strconv.Atoi(parts[len(parts)-1])
	p := Port{Container: container, Protocol: proto}
	if err != nil || !validPort(container) || len(parts) > 3 || proto != "tcp" && proto != "udp" {
		return p, false
	}
	if len(parts) > 1 {
		p.Host, err = strconv.Atoi(parts[len(parts)-2])
		return p, err == nil && validPort(p.Host)
	}
	return p, true
}

func validPort(n int) bool { return n > 0 && n < 65536 }

func (d *decoder) links(n *document.Node, what string) []Link {
	var out []Link
	items := n.Items
	if n.Kind == document.Scalar {
		items = []*document.Node{n}
	}
	for _, item := range items {
		provider, alias, ok := strings.Cut(d.text(item, what+"'s link"), ":")
		if !ok {
			alias = provider
		}
		if provider == "" || alias == "" {
			d.errs.AddHint(item.Pos, "such as dbs:db", "%s: a link is CONTAINER:ALIAS", what)
			continue
		}
		out = append(out, Link{Pos: item.Pos, Provider: provider, Alias: alias})
	}
	return out
}

func (d *decoder) ready(n *document.Node, what string) *Ready {
	r := &Ready{Status: 200, Within: 60}
	d.mapping(n, what+"'s ready",
		field{"http", func(n *document.Node) { r.HTTP = n.Text }},
		field{"status", func(n *document.Node) { r.Status = d.number(n, "status", 100) }},
		field{"within", func(n *document.Node) { r.Within = d.seconds(n, "within") }})
	if r.HTTP == "" {
		d.errs.AddHint(n.Pos, "such as http: \"http://{{ address }}/\"", "%s's ready has no http", what)
	}
	return r
}
