package cloud

import (
	"context"
	"fmt"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// attributes is what a task wants of a thing of Neutron's, in Neutron's words
// and in a fixed order.
type attributes = *value.Map

// take copies the arguments that were given into attributes, under Neutron's
// names: pairs of argument, attribute.
func take(t *task, pairs ...string) attributes {
	out := value.NewMap()
	for i := 0; i+1 < len(pairs); i += 2 {
		if v, ok := t.Args.Get(pairs[i]); ok {
			out.Set(pairs[i+1], v)
		}
	}
	return out
}

// differing returns the attributes that a thing does not have as wanted, and
// why each is to be changed.
func differing(what string, have *value.Map, want attributes) (attributes, []change) {
	todo := value.NewMap()
	var changes []change
	for k, v := range want.All() {
		if got := have.At(k); !value.Equal(got, v) {
			todo.Set(k, v)
			changes = append(changes, change{fmt.Sprintf("set %v of %s", k, what), fmt.Sprintf("it is %s, not %s", shown(got), shown(v))})
		}
	}
	return todo, changes
}

// shown writes a value for people: as JSON, so that lists and dicts can be read.
func shown(v any) string {
	text, err := value.ToJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func body(a attributes) map[string]any {
	m, _ := plain(a).(map[string]any)
	return m
}

// thing is how one kind of Neutron's things is brought to what a task wants.
type thing struct {
	what   string     // "network dmz-net", for people
	have   *value.Map // nil where it does not exist
	create attributes // what a new one gets
	update attributes // what is compared and changed on one that is there
	make   func(map[string]any) (*value.Map, error)
	change func(id string, attrs map[string]any) (*value.Map, error)
	remove func(id string) error
	first  []change // what goes ahead of the removal
}

// settle decides, and acts unless in check mode. The record is nil where there
// is none in the end.
func (t *task) settle(x thing) (module.Result, *value.Map, error) {
	if t.absent() {
		if x.have == nil {
			return module.Result{}, nil, nil
		}
		res := t.changed(x.what, append(x.first, change{"delete " + x.what, "state is absent"})...)
		if t.Check {
			return res, nil, nil
		}
		return res, nil, x.remove(x.have.String("id"))
	}
	if x.have == nil {
		res := t.changed(x.what, change{"make " + x.what, "not found"})
		if t.Check {
			return res, nil, nil
		}
		made, err := x.make(body(x.create))
		return res, made, err
	}
	todo, changes := differing(x.what, x.have, x.update)
	if len(changes) == 0 {
		return module.Result{}, x.have, nil
	}
	res := t.changed(x.what, changes...)
	if t.Check {
		return res, x.have, nil
	}
	now, err := x.change(x.have.String("id"), body(todo))
	return res, now, err
}

// record puts a thing under key, and its id.
func record(res module.Result, key string, m *value.Map) module.Result {
	if m == nil {
		return res
	}
	return res.Set(key, m).Set("id", m.String("id"))
}

func networkSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "name", Required: true}, stateArg(),
		{Name: "shared", Type: module.Bool, Doc: "takes an administrator"},
		{Name: "admin_state_up", Type: module.Bool, Doc: "a new network is up unless said otherwise"},
		{Name: "external", Type: module.Bool, Doc: "takes an administrator"},
		{Name: "is_default", Type: module.Bool, Doc: "of a new external network: the one that is taken where none is named"},
		{Name: "is_vlan_transparent", Type: module.Bool, Doc: "of a new network"},
		{Name: "provider_physical_network", Doc: "takes an administrator"}, {Name: "provider_network_type", Doc: "takes an administrator"},
		{Name: "provider_segmentation_id", Type: module.Int, Doc: "takes an administrator"},
		projectArg(),
		{Name: "port_security_enabled", Type: module.Bool},
		{Name: "mtu_size", Aliases: []string{"mtu"}, Type: module.Int}, {Name: "dns_domain"},
	}}
}

func runNetwork(ctx context.Context, t *task) (module.Result, error) {
	name := t.text("name")
	project, err := t.project(ctx)
	if err != nil {
		return module.Result{}, err
	}
	found, err := theirs(ctx, t, "network", name, project, t.cloud.FindNetwork, t.cloud.Networks, func(n openstack.Network) string { return n.ID })
	if _, err := missing(err); err != nil {
		return module.Result{}, err
	}
	if err := networkPossible(t, found); err != nil {
		return module.Result{}, err
	}
	res, now, err := t.settle(thing{
		what: "network " + name, have: found.Raw, create: newNetwork(t, project), update: changedNetwork(t),
		make: func(a map[string]any) (*value.Map, error) {
			n, err := t.cloud.CreateNetwork(ctx, a)
			return n.Raw, err
		},
		change: func(id string, a map[string]any) (*value.Map, error) {
			n, err := t.cloud.UpdateNetwork(ctx, id, a)
			return n.Raw, err
		},
		remove: func(id string) error { return t.cloud.DeleteNetwork(ctx, id) },
	})
	return record(res, "network", named(networkNames(), now)), err
}

func newNetwork(t *task, project string) attributes {
	a := take(t, "name", "name", "is_default", "is_default", "is_vlan_transparent", "vlan_transparent",
		"provider_physical_network", "provider:physical_network", "provider_network_type", "provider:network_type")
	a.Update(changedNetwork(t))
	// Only an administrator may say these, even where they are what they are anyway.
	for _, key := range []string{"shared", "router:external", "is_default", "vlan_transparent"} {
		if a.At(key) == false {
			a.Delete(key)
		}
	}
	setProject(a, project)
	return a
}

// changedNetwork is what can be changed later too. What was not asked for by
// name is left alone.
func changedNetwork(t *task) attributes {
	return take(t, "admin_state_up", "admin_state_up", "shared", "shared", "external", "router:external",
		"port_security_enabled", "port_security_enabled", "mtu_size", "mtu", "dns_domain", "dns_domain",
		"provider_segmentation_id", "provider:segmentation_id")
}

// networkPossible says what can't be had: what a network is made of is for life.
func networkPossible(t *task, found openstack.Network) error {
	if found.Raw == nil || t.absent() {
		return nil
	}
	for k, v := range take(t, "provider_physical_network", "provider:physical_network", "provider_network_type", "provider:network_type").All() {
		if got, shown := found.Raw.Get(k); shown && !value.Equal(got, v) {
			return fmt.Errorf("network %s has the %v %v, which can't be changed to %v (delete it first, or choose another name)", found.Name, k, got, v)
		}
	}
	return nil
}
