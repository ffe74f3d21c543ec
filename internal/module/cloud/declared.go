package cloud

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/openstack/declared"
	"rollout/internal/openstack/lock"
	"rollout/internal/value"
)

func declaredSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "owner", Doc: "for whom what is made is made: clean-up takes it for that owner only, and what was made for nobody for no one"},
		{Name: "app", Doc: "for which application"},
		{Name: "networks", Type: module.List, Elements: module.Dict, Options: []module.Arg{
			{Name: "name", Required: true}, {Name: "cidr", Required: true},
			{Name: "router", Doc: "the router that the network is to be on"},
			{Name: "dns_nameservers", Type: module.List, Elements: module.Str}}},
		{Name: "security_groups", Type: module.List, Elements: module.Dict, Options: []module.Arg{
			{Name: "name", Required: true},
			{Name: "rules", Type: module.List, Elements: module.Dict, Options: []module.Arg{
				{Name: "protocol"}, {Name: "port_range_min", Type: module.Int}, {Name: "port_range_max", Type: module.Int},
				{Name: "remote_ip_prefix"}, {Name: "remote_group"}}}}},
		{Name: "key_pairs", Type: module.List, Elements: module.Dict, Options: []module.Arg{
			{Name: "name", Required: true},
			{Name: "public_key", Doc: "the key itself"},
			{Name: "public_key_file", Doc: "a file of the control machine that holds it"},
			{Name: "private_key_file", Doc: "where neither is given: the private key; it is made where the file is not there, and never overwritten"}}},
	}}
}

// runDeclared creates what is declared and missing, and leaves alone what is
// there.
func runDeclared(ctx context.Context, t *task) (module.Result, error) {
	d := declaration(t.Args)
	var missing []declared.Creation
	var departures []declared.Departure
	var err error
	if t.Check {
		missing, departures, err = declared.Compare(ctx, t.cloud, d)
	} else {
		missing, err = declared.Create(ctx, t.cloud, d, lock.Request{Holder: lock.ThisProcess(), Say: t.progress})
	}
	res, made := module.Result{}, []any{}
	for _, c := range missing {
		thing := c.Kind + " " + c.Name
		res = and(res, t.changed(thing, change{"make " + thing, c.Cause}))
		made = append(made, value.NewMap("kind", c.Kind, "name", c.Name, "cause", c.Cause))
	}
	res = res.Set("made", made)
	res.Plan = append(res.Plan, departed(departures)...)
	res.Warnings = t.strangeKeys(ctx)
	if err != nil && ctx.Err() == nil {
		res.Failed, res.Msg = true, err.Error() // what was made is said too
		return res, nil
	}
	return res, err
}

// strangeKeys says which key pairs are in the cloud with another private key
// than the one here: nobody could log in with that. The list of them is there
// already.
func (t *task) strangeKeys(ctx context.Context) []string {
	var out []string
	for _, m := range dicts(t.Args, "key_pairs") {
		file := m.String("private_key_file")
		have, err := t.cloud.FindKeyPair(ctx, m.String("name"))
		if file == "" || err != nil {
			continue
		}
		private, err := os.ReadFile(file)
		if err != nil {
			out = append(out, fmt.Sprintf("key pair %s was made elsewhere: its private key is not in %s (copy it there, or choose another name)", have.Name, file))
			continue
		}
		if public, err := connection.PublicKey(private, ""); err == nil && !sameKey(public, have.PublicKey) {
			out = append(out, fmt.Sprintf("key pair %s is in the cloud with another key than that of %s (choose another name)", have.Name, file))
		}
	}
	return out
}

func declaration(args *value.Map) declared.Declaration {
	d := declared.Declaration{Mark: openstack.Mark{Owner: args.String("owner"), App: args.String("app")}}
	for _, m := range dicts(args, "networks") {
		d.Networks = append(d.Networks, declared.Network{Name: m.String("name"), CIDR: m.String("cidr"),
			Router: m.String("router"), DNS: value.Strings(m.List("dns_nameservers"))})
	}
	for _, m := range dicts(args, "security_groups") {
		g := declared.Group{Name: m.String("name")}
		for _, r := range dicts(m, "rules") {
			g.Rules = append(g.Rules, declaredRule(r))
		}
		d.Groups = append(d.Groups, g)
	}
	for _, m := range dicts(args, "key_pairs") {
		d.KeyPairs = append(d.KeyPairs, declared.Key{Name: m.String("name"), Public: func() (string, error) { return declaredKey(m) }})
	}
	return d
}

func dicts(m *value.Map, key string) []*value.Map {
	var out []*value.Map
	for _, e := range m.List(key) {
		if d, ok := e.(*value.Map); ok {
			out = append(out, d)
		}
	}
	return out
}

func declaredRule(m *value.Map) openstack.Rule {
	r := openstack.Rule{Direction: "ingress", Ethertype: "IPv4", Protocol: m.String("protocol"),
		RemoteIP: m.String("remote_ip_prefix"), RemoteID: m.String("remote_group")}
	if strings.Contains(r.RemoteIP, ":") {
		r.Ethertype = "IPv6"
	}
	if n, ok := m.At("port_range_min").(int); ok {
		r.PortMin = &n
	}
	if n, ok := m.At("port_range_max").(int); ok {
		r.PortMax = &n
	}
	return r
}

// declaredKey is the public key of a key pair that the cloud lacks.
func declaredKey(m *value.Map) (string, error) {
	if text := strings.TrimSpace(m.String("public_key")); text != "" {
		return text, nil
	}
	if file := m.String("public_key_file"); file != "" {
		return readPublicKey(file)
	}
	file := m.String("private_key_file")
	if file == "" {
		return "", fmt.Errorf("key pair %s has neither public_key, public_key_file nor private_key_file", m.String("name"))
	}
	private, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		private, err = newPrivateKey(file)
	}
	if err != nil {
		return "", fmt.Errorf("cannot get the private key of %s: %w", m.String("name"), err)
	}
	public, err := connection.PublicKey(private, m.String("name"))
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return public, nil
}

// newPrivateKey makes a key and keeps it before the cloud learns of it: a run
// that is killed in between is taken up by the next one. The file comes into
// being whole, and never in the place of another.
func newPrivateKey(file string) ([]byte, error) {
	private, _, err := connection.NewKeyPair(filepath.Base(file))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	draft, err := os.CreateTemp(filepath.Dir(file), ".key-*") // made with mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(private)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return nil, err
	}
	err = os.Link(draft.Name(), file)
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(file) // another run was quicker
	}
	return private, err
}
