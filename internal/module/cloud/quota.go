package cloud

import (
	"context"
	"fmt"
	"strconv"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// limit is one argument of quota: the limit of a service's that it sets.
type limit struct {
	arg     string
	aliases []string
	service openstack.QuotaService
	key     string // as the service calls it
}

// limits are the arguments in the spellings of both versions of the collection.
func limits() []limit {
	compute, network, volume := openstack.ComputeQuota, openstack.NetworkQuota, openstack.VolumeQuota
	return []limit{
		{"cores", nil, compute, "cores"},
		{"fixed_ips", nil, compute, "fixed_ips"},
		{"injected_file_size", []string{"injected_file_content_bytes"}, compute, "injected_file_content_bytes"},
		{"injected_files", nil, compute, "injected_files"},
		{"injected_path_size", []string{"injected_file_path_bytes"}, compute, "injected_file_path_bytes"},
		{"instances", nil, compute, "instances"},
		{"key_pairs", nil, compute, "key_pairs"},
		{"metadata_items", nil, compute, "metadata_items"},
		{"ram", nil, compute, "ram"},
		{"server_group_members", nil, compute, "server_group_members"},
		{"server_groups", nil, compute, "server_groups"},
		{"floating_ips", []string{"compute_floating_ips"}, network, "floatingip"},
		{"floatingip", []string{"network_floating_ips"}, network, "floatingip"},
		{"network", []string{"networks"}, network, "network"},
		{"port", []string{"ports"}, network, "port"},
		{"rbac_policy", []string{"rbac_policies"}, network, "rbac_policy"},
		{"router", []string{"routers"}, network, "router"},
		{"security_group", []string{"security_groups"}, network, "security_group"},
		{"security_group_rule", []string{"security_group_rules"}, network, "security_group_rule"},
		{"subnet", []string{"subnets"}, network, "subnet"},
		{"subnetpool", []string{"subnet_pools"}, network, "subnetpool"},
		{"backup_gigabytes", nil, volume, "backup_gigabytes"},
		{"backups", nil, volume, "backups"},
		{"gigabytes", nil, volume, "gigabytes"},
		{"groups", nil, volume, "groups"},
		{"per_volume_gigabytes", nil, volume, "per_volume_gigabytes"},
		{"snapshots", nil, volume, "snapshots"},
		{"volumes", nil, volume, "volumes"},
	}
}

// Limits by volume type come as dicts of the whole names: volumes_lvm: 10.
func typedLimits() []string { return []string{"gigabytes_types", "snapshots_types", "volumes_types"} }

// Limits of the load balancer service, which rollout does not speak to.
func balancerLimits() []module.Arg {
	var out []module.Arg
	for _, names := range [][]string{{"loadbalancer", "load_balancers"}, {"pool", "pools"}, {"health_monitors"},
		{"l7_policies"}, {"listeners"}, {"members"}} {
		out = append(out, module.Arg{Name: names[0], Aliases: names[1:], Type: module.Int, Doc: "refused: of the load balancer service"})
	}
	return out
}

func quotaSchema() module.Schema {
	args := []module.Arg{{Name: "name", Required: true, Doc: "project, by name or id; only an administrator may name another than the session's own"}, stateArg()}
	for _, l := range limits() {
		args = append(args, module.Arg{Name: l.arg, Aliases: l.aliases, Type: module.Int,
			Doc: fmt.Sprintf("limit %s of the %s service; -1 is none", l.key, l.service)})
	}
	for _, name := range typedLimits() {
		args = append(args, module.Arg{Name: name, Type: module.Dict, Doc: "limits by volume type: names such as volumes_lvm, and numbers"})
	}
	args = append(args, balancerLimits()...)
	return module.Schema{Args: append(args,
		module.Arg{Name: "properties", Type: module.Int, Doc: "of no effect, as in the collection"},
		module.Arg{Name: "project", Type: module.Int, Doc: "of no effect, as in the collection"})}
}

// quotas is what is known of a project's limits, by service.
type quotas map[openstack.QuotaService]*value.Map

func quotaServices() []openstack.QuotaService {
	return []openstack.QuotaService{openstack.ComputeQuota, openstack.NetworkQuota, openstack.VolumeQuota}
}

func runQuota(ctx context.Context, t *task) (module.Result, error) {
	want, err := wantedLimits(t)
	if err != nil {
		return module.Result{}, err
	}
	project, err := t.cloud.FindProject(ctx, t.text("name"), "")
	if err != nil {
		return module.Result{}, err
	}
	have, err := readQuotas(ctx, t, project, t.cloud.Quota)
	if err != nil {
		return module.Result{}, err
	}
	if t.absent() {
		if want, err = readQuotas(ctx, t, project, t.cloud.DefaultQuota); err != nil {
			return module.Result{}, err
		}
	}
	todo, changes, err := quotaChanges(have, want)
	if err != nil || len(changes) == 0 {
		return withQuotas(module.Result{}, have), err
	}
	res := t.changed("quota of project "+t.text("name"), changes...)
	if t.Check {
		return withQuotas(res, have), nil
	}
	for _, s := range quotaServices() {
		if err := settleQuota(ctx, t, s, project, todo[s]); err != nil {
			return res, err
		}
	}
	have, err = readQuotas(ctx, t, project, t.cloud.Quota)
	return withQuotas(res, have), err
}

func settleQuota(ctx context.Context, t *task, s openstack.QuotaService, project string, todo *value.Map) error {
	switch {
	case todo.Len() == 0:
		return nil
	case t.absent():
		return t.cloud.ResetQuota(ctx, s, project)
	}
	return t.cloud.SetQuota(ctx, s, project, todo)
}

// wantedLimits collects the limits that were given, and refuses those of a
// service that the cloud does not have.
func wantedLimits(t *task) (quotas, error) {
	want := quotas{}
	put := func(arg string, s openstack.QuotaService, key string, v any) error {
		if !t.cloud.HasQuota(s) {
			return fmt.Errorf("argument %q is about the %s service, which this cloud does not have (leave it out)", arg, s)
		}
		if want[s] == nil {
			want[s] = value.NewMap()
		}
		want[s].Set(key, v)
		return nil
	}
	for _, a := range balancerLimits() {
		if _, given := t.Args.Get(a.Name); given {
			return nil, fmt.Errorf("argument %q is not supported: rollout sets quotas of compute, network and volume (leave it out)", a.Name)
		}
	}
	for _, l := range limits() {
		if v, given := t.Args.Get(l.arg); given {
			if err := put(l.arg, l.service, l.key, v); err != nil {
				return nil, err
			}
		}
	}
	for _, arg := range typedLimits() {
		for k, v := range t.Args.Map(arg).All() {
			n, err := strconv.Atoi(fmt.Sprint(v))
			if err != nil {
				return nil, fmt.Errorf("argument %q: %v: %w", arg, k, err)
			}
			if err := put(arg, openstack.VolumeQuota, fmt.Sprint(k), n); err != nil {
				return nil, err
			}
		}
	}
	return want, nil
}

func readQuotas(ctx context.Context, t *task, project string, read func(context.Context, openstack.QuotaService, string) (*value.Map, error)) (quotas, error) {
	out := quotas{}
	for _, s := range quotaServices() {
		if !t.cloud.HasQuota(s) {
			continue
		}
		q, err := read(ctx, s, project)
		if err != nil {
			return nil, err
		}
		out[s] = q
	}
	return out, nil
}

// quotaChanges decides: the limits that differ.
func quotaChanges(have, want quotas) (quotas, []change, error) {
	todo := quotas{}
	var changes []change
	for _, s := range quotaServices() {
		for k, v := range want[s].All() {
			got, known := have[s].Get(k)
			switch {
			case !known:
				return nil, nil, fmt.Errorf("the cloud's %s service has no limit %v", s, k)
			case k == "id" || value.Equal(got, v):
				continue
			case todo[s] == nil:
				todo[s] = value.NewMap()
			}
			todo[s].Set(k, v)
			changes = append(changes, change{fmt.Sprintf("set %s limit %v", s, k), fmt.Sprintf("it is %v, not %v", got, v)})
		}
	}
	return todo, changes, nil
}

func withQuotas(res module.Result, q quotas) module.Result {
	m := value.NewMap()
	for _, s := range quotaServices() {
		if q[s] != nil {
			m.Set(string(s), q[s])
		}
	}
	return res.Set("openstack_quotas", m).Set("quotas", m)
}
