package cloud

import (
	"context"
	"fmt"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func serverGroupSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Required: true},
			{Name: "policy", Choices: []string{"anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity"},
				Doc: "required to make a group, unless policies is given"},
			{Name: "policies", Type: module.List, Elements: module.Str, Doc: "the older spelling of policy: a list of one"},
			{Name: "rules", Type: module.Dict, Options: []module.Arg{{Name: "max_server_per_host", Type: module.Int}},
				Doc: "of the policy anti-affinity; needs Nova 18.0 or later"},
			stateArg(),
		},
		MutuallyExclusive: [][]string{{"policy", "policies"}},
	}
}

func runServerGroup(ctx context.Context, t *task) (module.Result, error) {
	name, what := t.text("name"), "server group "+t.text("name")
	policy, err := wantedPolicy(t)
	if err != nil {
		return module.Result{}, err
	}
	have, err := t.cloud.FindServerGroup(ctx, name)
	none, err := missing(err)
	switch {
	case err != nil:
		return module.Result{}, err
	case t.absent() && none:
		return module.Result{}, nil
	case t.absent():
		res := t.changed(what, change{"delete " + what, "state is absent"})
		if t.Check {
			return res, nil
		}
		return res, t.cloud.DeleteServerGroup(ctx, have.ID)
	case !none:
		return withServerGroup(module.Result{}, have), sameGroup(t, have, policy)
	case policy == "":
		return module.Result{}, fmt.Errorf("policy is required to make server group %s", name)
	}
	res := t.changed(what, change{"make " + what, "not found"})
	if t.Check {
		return res, nil
	}
	made, err := t.cloud.CreateServerGroup(ctx, name, policy, body(t.Args.Map("rules")))
	if err != nil {
		return res, err
	}
	return withServerGroup(res, made), nil
}

func wantedPolicy(t *task) (string, error) {
	switch list := value.Strings(t.Args.List("policies")); len(list) {
	case 0:
		return t.text("policy"), nil
	case 1:
		return list[0], nil
	default:
		return "", fmt.Errorf("a server group has one policy, not %d (list one in policies)", len(list))
	}
}

// sameGroup says what can't be had: a group's policy is for life.
func sameGroup(t *task, have openstack.ServerGroup, policy string) error {
	const advice = "(delete the group first, or choose another name)"
	if policy != "" && policy != have.Policy {
		return fmt.Errorf("server group %s has the policy %s, which can't be changed to %s %s", have.Name, have.Policy, policy, advice)
	}
	for k, v := range t.Args.Map("rules").All() {
		if got := have.Rules.At(k); !value.Equal(got, v) {
			return fmt.Errorf("server group %s has the rule %v: %v, which can't be changed to %v %s", have.Name, k, got, v, advice)
		}
	}
	return nil
}

// withServerGroup returns the group as the collection's version 2 does, and its
// attributes one by one as version 1 does.
func withServerGroup(res module.Result, g openstack.ServerGroup) module.Result {
	m := value.NewMap("id", g.ID, "name", g.Name, "policy", g.Policy, "policies", []any{g.Policy},
		"members", value.List(g.Members), "member_ids", value.List(g.Members), "rules", g.Rules,
		"metadata", value.NewMap(), "project_id", g.Raw.At("project_id"), "user_id", g.Raw.At("user_id"))
	for _, key := range []string{"id", "name", "policies", "members", "metadata", "project_id", "user_id"} {
		res = res.Set(key, m.At(key))
	}
	return res.Set("server_group", m)
}
