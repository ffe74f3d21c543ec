package classroom

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollout/internal/document"
)

// Load reads and checks a roster. All mistakes are reported at once, each with
// file, line and column.
func Load(path string) (*Roster, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the roster: %w", err)
	}
	return Parse(path, data)
}

// Parse is Load for a file already read.
func Parse(path string, data []byte) (*Roster, error) {
	root, err := document.ParseStrict(path, data)
	if err != nil {
		return nil, err
	}
	d := &decoder{roster: &Roster{Path: path, Topology: "topology.yml",
		Step: StepServer{Network: "work-net", User: "root", FloatingIP: true, BootTimeout: 180}}}
	d.decode(root)
	d.errs.Sort()
	return d.roster, d.errs.Err()
}

// decoder turns nodes into a Roster and collects mistakes.
type decoder struct {
	roster   *Roster
	defaults Student // cloud and auth_url of those who have none
	errs     document.Errors
}

type field struct {
	name   string
	decode func(*document.Node)
}

// mapping hands every key of n to its field, in the order of the fields, and
// reports the keys that are none.
func (d *decoder) mapping(n *document.Node, what string, fields ...field) {
	if n.Kind != document.Mapping {
		d.errs.Add(n.Pos, "%s must be a mapping, not %s", what, n.Kind)
		return
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
		if v := n.Get(f.name); v != nil {
			f.decode(v)
		}
	}
	for _, e := range n.Entries {
		if slices.Contains(names, e.Name()) {
			continue
		}
		hint := document.Suggest(e.Name(), names)
		if hint == "" {
			hint = "known: " + strings.Join(names, ", ")
		}
		d.errs.AddHint(e.Key.Pos, hint, "%s has no key %q", what, e.Name())
	}
}

func (d *decoder) decode(n *document.Node) {
	if n.Kind != document.Mapping {
		d.errs.AddHint(n.Pos, "it has students: and step_server:", "a roster must be a mapping, not %s", n.Kind)
		return
	}
	d.mapping(n, "the roster",
		d.text("cloud", "cloud", &d.defaults.Cloud),
		d.text("auth_url", "auth_url", &d.defaults.AuthURL),
		d.text("topology", "topology", &d.roster.Topology),
		field{"students", d.students},
		field{"step_server", d.stepServer},
	)
	for _, need := range []string{"students", "step_server"} {
		if n.Get(need) == nil {
			d.errs.Add(n.Pos, "the roster has no %s", need)
		}
	}
	if t := d.roster.Topology; t != "" && !filepath.IsAbs(t) {
		d.roster.Topology = filepath.Join(filepath.Dir(d.roster.Path), t)
	}
	d.checkNames()
}

func (d *decoder) text(name, what string, to *string) field {
	return field{name, func(n *document.Node) { *to = d.textOf(n, what) }}
}

func (d *decoder) textOf(n *document.Node, what string) string {
	switch {
	case n.Kind != document.Scalar:
		d.errs.Add(n.Pos, "%s must be a single value, not %s", what, n.Kind)
	case n.Value == nil:
		d.errs.Add(n.Pos, "%s is empty", what)
	}
	return n.Text
}

func (d *decoder) numberOf(n *document.Node, what string, least int) int {
	v, ok := n.Value.(int)
	if !ok || v < least {
		d.errs.Add(n.Pos, "%s must be a whole number, at least %d", what, least)
		return least
	}
	return v
}

// seconds reads 90, "90s" or "2m".
func (d *decoder) seconds(n *document.Node, what string) int {
	switch v := n.Value.(type) {
	case int:
		if v > 0 {
			return v
		}
	case string:
		if dur, err := time.ParseDuration(v); err == nil && dur >= time.Second {
			return int(dur / time.Second)
		}
	}
	d.errs.AddHint(n.Pos, "such as 60s or 2m", "%s must be a duration of at least a second", what)
	return 0
}

func (d *decoder) texts(n *document.Node, what string) []*document.Node {
	switch n.Kind {
	case document.Sequence:
		for _, item := range n.Items {
			d.textOf(item, what)
		}
		return n.Items
	case document.Scalar:
		d.textOf(n, what)
		return []*document.Node{n}
	}
	d.errs.Add(n.Pos, "%s must be a list", what)
	return nil
}

func (d *decoder) stepServer(n *document.Node) {
	s := &d.roster.Step
	d.mapping(n, "step_server",
		d.text("image", "image", &s.Image),
		d.text("flavor", "flavor", &s.Flavor),
		d.text("network", "network", &s.Network),
		d.text("availability_zone", "availability_zone", &s.AvailabilityZone),
		field{"user", d.user},
		field{"ssh_from", d.sshFrom},
		field{"security_groups", func(n *document.Node) {
			for _, item := range d.texts(n, "a security group") {
				s.SecurityGroups = append(s.SecurityGroups, item.Text)
			}
		}},
		field{"floating_ip", d.floatingIP},
		field{"boot_timeout", func(n *document.Node) { s.BootTimeout = d.seconds(n, "boot_timeout") }},
		field{"rollout", d.program},
	)
	if n.Kind != document.Mapping {
		return
	}
	for _, need := range []string{"image", "flavor", "ssh_from"} {
		if n.Get(need) == nil {
			d.errs.AddHint(n.Pos, map[string]string{"ssh_from": "the network that the class sits in, such as 203.0.113.0/24"}[need],
				"step_server has no %s", need)
		}
	}
}

func (d *decoder) user(n *document.Node) {
	name := d.textOf(n, "user")
	if strings.ContainsFunc(name, func(r rune) bool { return !inName(r) && r != '_' }) {
		d.errs.Add(n.Pos, "user %q can't be a login name", name)
	}
	d.roster.Step.User = name
}

// sshFrom reads networks; a plain address is a network of one.
func (d *decoder) sshFrom(n *document.Node) {
	for _, item := range d.texts(n, "ssh_from") {
		prefix, err := netip.ParsePrefix(item.Text)
		if addr, bad := netip.ParseAddr(item.Text); err != nil && bad == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			d.errs.AddHint(item.Pos, "such as 203.0.113.0/24", "ssh_from %q is no network", item.Text)
			continue
		}
		d.roster.Step.SSHFrom = append(d.roster.Step.SSHFrom, prefix.Masked())
	}
}

// floatingIP reads true, false or {pool: NAME}.
func (d *decoder) floatingIP(n *document.Node) {
	s := &d.roster.Step
	if on, ok := n.Value.(bool); ok && n.Kind == document.Scalar {
		s.FloatingIP = on
		return
	}
	if n.Kind != document.Mapping {
		d.errs.AddHint(n.Pos, "true, false or {pool: NAME}", "floating_ip must say whether there is one")
		return
	}
	d.mapping(n, "floating_ip", d.text("pool", "pool", &s.Pool))
}

func (d *decoder) program(n *document.Node) {
	s := &d.roster.Step
	d.mapping(n, "rollout", d.text("url", "url", &s.URL), d.text("sha256", "sha256", &s.SHA256))
	if n.Kind != document.Mapping {
		return
	}
	if !strings.HasPrefix(s.URL, "http://") && !strings.HasPrefix(s.URL, "https://") {
		d.errs.AddHint(n.Pos, "url: https://…", "rollout must say where the program is fetched from")
	}
	if len(s.SHA256) != 64 || strings.Trim(s.SHA256, "0123456789abcdef") != "" {
		d.errs.AddHint(n.Pos, "what sha256sum prints", "rollout needs the sha256 of the program: 64 hexadecimal digits")
	}
}
