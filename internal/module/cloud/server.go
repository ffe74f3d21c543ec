package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func serverSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Required: true, Doc: "with state absent it may be the id"},
			{Name: "image", Doc: "name or id, or a pattern such as ubuntu-*: the newest that fits"},
			{Name: "image_exclude", Default: "(deprecated)", Doc: "a text that the image's name must not hold"},
			{Name: "flavor", Doc: "name or id"},
			{Name: "flavor_ram", Type: module.Int, Doc: "the smallest flavor of at least this RAM, in MB"},
			{Name: "flavor_include", Doc: "with flavor_ram: what the flavor's name must hold"},
			{Name: "key_name"},
			{Name: "security_groups", Type: module.List, Elements: module.Str, Default: []any{"default"}},
			{Name: "network", Doc: "name or id of the one network"},
			{Name: "nics", Type: module.List, Elements: module.Raw,
				Doc: "network cards in order: dicts of net-name, net-id, port-name or port-id, with fixed_ip and tag; or net-name=x,port-id=y"},
			{Name: "auto_ip", Aliases: []string{"auto_floating_ip", "public_ip"}, Type: module.Bool,
				Doc: "give the server a floating IP if it has no address outside; default true"},
			{Name: "floating_ips", Type: module.List, Elements: module.Str, Doc: "addresses of the project"},
			{Name: "floating_ip_pools", Type: module.List, Elements: module.Str, Doc: "external networks"},
			{Name: "meta", Aliases: []string{"metadata"}, Type: module.Raw, Doc: "metadata: a dict, or k=v,k=v"},
			{Name: "config_drive", Type: module.Bool, Default: false},
			{Name: "userdata", Aliases: []string{"user_data"}, Doc: "what cloud-init gets, as it is; at most 65535 bytes in base64"},
			{Name: "boot_from_volume", Type: module.Bool, Doc: "refused"},
			{Name: "volume_size", Type: module.Int, Doc: "refused"},
			{Name: "boot_volume", Aliases: []string{"root_volume"}, Doc: "refused"},
			{Name: "terminate_volume", Type: module.Bool, Doc: "refused"},
			{Name: "volumes", Type: module.List, Elements: module.Str, Doc: "refused"},
			{Name: "scheduler_hints", Type: module.Dict},
			stateArg(),
			{Name: "delete_fip", Aliases: []string{"delete_ips"}, Type: module.Bool, Default: false,
				Doc: "with state absent: release the server's floating IPs too"},
			{Name: "reuse_ips", Type: module.Bool, Default: true, Doc: "auto_ip may take any unused floating IP of the project"},
			{Name: "availability_zone"},
			{Name: "availability_zones", Type: module.List, Elements: module.Str,
				Doc: "rollout's own: the server is booted in the first, and where that fails in the next"},
			{Name: "description"},
			{Name: "tags", Type: module.List, Elements: module.Str, Doc: "exactly these; left out, they are left alone"},
			{Name: "timeout", Type: module.Int, Default: 180,
				Doc: "how long a server may take to become ACTIVE, in seconds; one that takes longer, or fails, is deleted and booted anew, three times and for twice that long at most"},
		},
		MutuallyExclusive: [][]string{
			{"auto_ip", "floating_ips"}, {"auto_ip", "floating_ip_pools"}, {"floating_ips", "floating_ip_pools"},
			{"flavor", "flavor_ram"}, {"nics", "network"},
		},
		RequiredIf: []module.RequiredIf{{Arg: "state", Value: "present", Need: []string{"image"}}},
	}
}

func runServer(ctx context.Context, t *task) (module.Result, error) {
	if err := refuseVolumes(t.Args); err != nil {
		return module.Result{}, err
	}
	if t.absent() {
		return deleteServer(ctx, t)
	}
	meta, err := metadata(t.Args.At("meta"))
	if err != nil {
		return module.Result{}, err
	}
	found, there, err := existing(ctx, t, meta)
	if err != nil {
		return module.Result{}, err
	}
	if there && found.TaskState == "deleting" {
		there, err = false, awaitEnd(ctx, t, found)
	}
	if err != nil {
		return module.Result{}, err
	}
	if !there {
		return createServer(ctx, t, meta)
	}
	return keepServer(ctx, t, found, meta)
}

// awaitEnd waits for a server that somebody deletes, so that another can take
// its place.
func awaitEnd(ctx context.Context, t *task, s openstack.Server) error {
	if t.Check {
		return nil
	}
	t.progress(fmt.Sprintf("%s (%s) is being deleted", s.Name, s.ID))
	if err := t.cloud.AwaitGone(ctx, s, t.limit()); err != nil {
		return fmt.Errorf("server %s (%s) is being deleted, and is not gone yet: %w (try `openstack server delete %s`, then run this again)", s.Name, s.ID, err, s.ID)
	}
	return nil
}

// refuseVolumes says what is left out, rather than leaving it out in silence.
func refuseVolumes(args *value.Map) error {
	for _, name := range []string{"boot_from_volume", "volume_size", "boot_volume", "terminate_volume", "volumes"} {
		switch v := args.At(name).(type) {
		case nil:
			continue
		case bool:
			if !v {
				continue
			}
		case []any:
			if len(v) == 0 {
				continue
			}
		}
		return fmt.Errorf("argument %q is not supported: servers are booted from images only (leave it out)", name)
	}
	return nil
}

// existing finds the server. What belongs to somebody else is refused: two
// servers of one name would be taken for each other from then on, and a server
// of another rollout, or of none, is not ours to change.
func existing(ctx context.Context, t *task, meta map[string]string) (openstack.Server, bool, error) {
	found, err := t.cloud.ServersNamed(ctx, t.text("name"))
	if err != nil || len(found) == 0 {
		return openstack.Server{}, false, err
	}
	if len(found) == 1 {
		return found[0], true, notOurs(found[0], meta)
	}
	var ids, foreign []string
	for _, s := range found {
		ids = append(ids, s.ID)
		if !ours(s, meta) {
			foreign = append(foreign, s.ID)
		}
	}
	err = &openstack.AmbiguousError{Kind: "server", Name: t.text("name"), IDs: ids}
	if len(foreign) > 0 && len(foreign) < len(ids) {
		err = fmt.Errorf("%w; not made by this rollout: %s (rename it with `openstack server set --name`, or delete it)", err, strings.Join(foreign, ", "))
	}
	return openstack.Server{}, false, err
}

// notOurs says whose a server is, where the task asks for one of a certain
// rollout's and this is another's.
func notOurs(s openstack.Server, meta map[string]string) error {
	for _, key := range []string{"rollout_owner", "rollout_app"} {
		want, asked := meta[key]
		got, marked := s.Metadata[key]
		switch {
		case !asked || got == want:
		case marked:
			return fmt.Errorf("server %s (%s) is there already, for %s %s, not %s: it is left alone", s.Name, s.ID, key, got, want)
		default:
			return fmt.Errorf("server %s (%s) is there already, and rollout did not make it: it is left alone (rename or delete it; or hand it over: `openstack server set --property %s=%s %s`)",
				s.Name, s.ID, key, want, s.ID)
		}
	}
	return nil
}

// ours reports whether a server carries the rollout_ metadata that the task
// asks for. Only such a server is replaced when it has failed.
func ours(s openstack.Server, meta map[string]string) bool {
	n := 0
	for k, v := range meta {
		if !strings.HasPrefix(k, "rollout_") {
			continue
		}
		if s.Metadata[k] != v {
			return false
		}
		n++
	}
	return n > 0
}

// plannedAddresses adds to the decision what a new server's floating IP would
// take.
func plannedAddresses(ctx context.Context, t *task, res module.Result, spec openstack.ServerSpec) (module.Result, error) {
	if t.unlessFalse("auto_ip") && len(t.Args.List("floating_ips"))+len(t.Args.List("floating_ip_pools")) == 0 {
		external, err := t.cloud.ExternalNetwork(ctx, "")
		outside := func(n openstack.NIC) bool { return n.NetworkID == external.ID }
		if err == nil && slices.ContainsFunc(spec.NICs, outside) {
			return res, nil
		}
	}
	res, err := addressed(ctx, t, res, openstack.Server{Name: spec.Name})
	res.Data = nil // there is no server yet
	return res, err
}

func createServer(ctx context.Context, t *task, meta map[string]string) (module.Result, error) {
	spec, err := serverSpec(ctx, t, meta)
	if err != nil {
		return module.Result{}, err
	}
	res := t.changed("server "+spec.Name, change{"boot server " + spec.Name, "not found"})
	if t.Check {
		return plannedAddresses(ctx, t, res, spec)
	}
	res, err = bootServer(ctx, t, res, spec)
	return tagged(res, spec.Tags), err
}

func bootServer(ctx context.Context, t *task, res module.Result, spec openstack.ServerSpec) (module.Result, error) {
	if !t.on("wait") {
		id, err := t.cloud.CreateServer(ctx, spec)
		if err != nil {
			return module.Result{}, err
		}
		t.progress(fmt.Sprintf("%s (%s) is on its way", spec.Name, id))
		s, err := t.cloud.Server(ctx, id)
		return withServer(res, s), err
	}
	s, err := t.cloud.BootServer(ctx, spec, t.boot())
	if err != nil {
		return module.Result{}, err
	}
	return addressed(ctx, t, res, s)
}

func (t *task) boot() openstack.Boot {
	return openstack.Boot{Limit: t.limit(), Zones: value.Strings(t.Args.List("availability_zones")), Progress: t.progress}
}

func deleteServer(ctx context.Context, t *task) (module.Result, error) {
	s, err := t.cloud.FindServer(ctx, t.text("name"))
	if gone, err := missing(err); err != nil || gone {
		return module.Result{}.Set("result", "not present"), err
	}
	res := t.changed("server "+s.Name, change{"delete server " + s.Name, "state is absent"})
	if t.Check {
		return res, nil
	}
	if t.on("delete_fip") {
		if err := releaseAll(ctx, t, s); err != nil {
			return res, err
		}
	}
	if err := t.cloud.StartDelete(ctx, s.ID); err != nil {
		return res, err
	}
	if t.on("wait") {
		if err := t.cloud.AwaitGone(ctx, s, t.limit()); err != nil {
			return res, err
		}
	}
	return res.Set("result", "deleted"), nil
}

func releaseAll(ctx context.Context, t *task, s openstack.Server) error {
	for _, addr := range s.Floating() {
		ip, err := t.cloud.FindFloatingIP(ctx, addr)
		if gone, err := missing(err); err != nil || gone {
			if err != nil {
				return err
			}
			continue
		}
		if err := t.cloud.Release(ctx, ip); err != nil {
			return err
		}
	}
	return nil
}

func withServer(res module.Result, s openstack.Server) module.Result {
	m := serverDict(s)
	return res.Set("server", m).Set("id", s.ID).Set("openstack", m)
}
