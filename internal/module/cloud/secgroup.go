package cloud

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func groupSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "name", Required: true}, {Name: "description"}, stateArg(), projectArg(),
		{Name: "stateful", Type: module.Bool, Doc: "whether answers are let through too"},
		{Name: "security_group_rules", Type: module.List, Elements: module.Dict, Options: ruleArgs("ether_type", "ethertype"),
			Doc: "all rules of the group: others are deleted, Neutron's own first ones too. Without this argument its rules are left alone"},
	}}
}

func runGroup(ctx context.Context, t *task) (module.Result, error) {
	name, what := t.text("name"), "security group "+t.text("name")
	project, err := t.project(ctx)
	if err != nil {
		return module.Result{}, err
	}
	have, err := theirs(ctx, t, "security group", name, project, t.cloud.FindSecurityGroup, t.cloud.FilterSecurityGroups,
		func(g openstack.SecurityGroup) string { return g.ID })
	if _, err := missing(err); err != nil {
		return module.Result{}, err
	}
	update := take(t, "description", "description", "stateful", "stateful")
	create := value.NewMap("name", name)
	create.Update(update)
	setProject(create, project)
	res, now, err := t.settle(thing{
		what: what, have: have.Raw, create: create, update: update,
		make: func(a map[string]any) (*value.Map, error) {
			g, err := t.cloud.MakeSecurityGroup(ctx, a)
			have = g
			return g.Raw, err
		},
		change: func(id string, a map[string]any) (*value.Map, error) {
			g, err := t.cloud.UpdateSecurityGroup(ctx, id, a)
			return g.Raw, err
		},
		remove: func(id string) error { return t.cloud.DeleteSecurityGroup(ctx, id) },
	})
	if _, listed := t.Args.Get("security_group_rules"); err == nil && listed && !t.absent() {
		res, now, err = t.settleRules(ctx, res, have, now)
	}
	return withGroup(res, now), err
}

func withGroup(res module.Result, g *value.Map) module.Result {
	if g == nil {
		return res
	}
	return res.Set("secgroup", g).Set("security_group", g).Set("id", g.String("id"))
}

// settleRules makes the group's rules those that the task lists.
func (t *task) settleRules(ctx context.Context, res module.Result, have openstack.SecurityGroup, now *value.Map) (module.Result, *value.Map, error) {
	rules := have.Rules
	if have.ID == "" {
		rules = firstRules() // check mode has not made it
	}
	var want []openstack.Rule
	for _, e := range t.Args.List("security_group_rules") {
		args, _ := e.(*value.Map)
		r, err := ruleOf(ctx, t, args, have)
		if err != nil {
			return res, now, err
		}
		want = append(want, r)
	}
	what := "security group " + t.text("name")
	var add, drop []openstack.Rule
	var changes []change
	for i, r := range want {
		if !slices.ContainsFunc(rules, sameRule(r)) && !slices.ContainsFunc(want[:i], sameRule(r)) {
			add = append(add, r)
			changes = append(changes, change{"add rule " + ruleWords(r), "not found"})
		}
	}
	rules = slices.SortedFunc(slices.Values(rules), func(a, b openstack.Rule) int { return strings.Compare(ruleWords(a), ruleWords(b)) })
	for _, r := range rules {
		if !slices.ContainsFunc(want, sameRule(r)) {
			drop = append(drop, r)
			changes = append(changes, change{"delete rule " + ruleWords(r), "not asked for"})
		}
	}
	if len(changes) == 0 {
		return res, now, nil
	}
	res = and(res, t.changed("rules of "+what, changes...))
	if t.Check {
		return res, now, nil
	}
	return t.applyRules(ctx, res, have, add, drop)
}

func (t *task) applyRules(ctx context.Context, res module.Result, group openstack.SecurityGroup, add, drop []openstack.Rule) (module.Result, *value.Map, error) {
	for _, r := range drop {
		if err := t.cloud.DeleteRule(ctx, r.ID); err != nil {
			return res, nil, err
		}
	}
	for _, r := range add {
		if _, err := t.cloud.CreateRule(ctx, r); err != nil {
			return res, nil, err
		}
	}
	now, err := t.cloud.FilterSecurityGroups(ctx, url.Values{"id": {group.ID}, "project_id": {group.Raw.String("project_id")}})
	if err != nil || len(now) == 0 {
		return res, group.Raw, err
	}
	return res, now[0].Raw, nil
}

// firstRules are those that Neutron gives a new group.
func firstRules() []openstack.Rule {
	return []openstack.Rule{{Direction: "egress", Ethertype: "IPv4"}, {Direction: "egress", Ethertype: "IPv6"}}
}
