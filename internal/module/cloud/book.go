package cloud

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// The modules of Ansible 1.x that books of its time use. Each hands its
// arguments to the module that came after it, and returns what it used to.

// old is one of them.
type old struct {
	name, summary string
	now           string // the module that came after it
	args          []module.Arg
	rules         module.Schema // its rules; Args are not looked at
	run           run
}

func oldModules() []old {
	tenant := module.Arg{Name: "tenant_name", Doc: "project; default: the session's own"}
	return []old{
		{name: "nova_compute", summary: "Boots a server, or deletes it.", now: "server", args: novaComputeArgs(), rules: novaComputeRules(), run: runNovaCompute},
		{name: "nova_keypair", summary: "Stores an SSH key for new servers, or deletes it.", now: "keypair", run: runNovaKeypair,
			args: []module.Arg{{Name: "name", Required: true}, {Name: "public_key"}, stateArg()}},
		{name: "quantum_network", summary: "Makes a network, or deletes it.", now: "network", run: runQuantumNetwork, args: []module.Arg{
			{Name: "name", Required: true}, tenant, {Name: "provider_network_type"}, {Name: "provider_physical_network"},
			{Name: "provider_segmentation_id", Type: module.Int}, {Name: "router_external", Type: module.Bool, Default: false},
			{Name: "shared", Type: module.Bool, Default: false}, {Name: "admin_state_up", Type: module.Bool, Default: true}, stateArg()}},
		{name: "quantum_subnet", summary: "Makes a subnet, or deletes it.", now: "subnet", run: runQuantumSubnet, args: []module.Arg{
			{Name: "name", Required: true}, {Name: "network_name", Required: true}, tenant, {Name: "cidr"},
			{Name: "ip_version", Default: "4", Choices: []string{"4", "6"}}, {Name: "enable_dhcp", Type: module.Bool, Default: true},
			{Name: "gateway_ip"}, {Name: "dns_nameservers", Type: module.List, Elements: module.Str},
			{Name: "allocation_pool_start"}, {Name: "allocation_pool_end"}, stateArg()}},
		{name: "quantum_router", summary: "Makes a router, or deletes it.", now: "router", run: runQuantumRouter, args: []module.Arg{
			{Name: "name", Required: true}, tenant, {Name: "admin_state_up", Type: module.Bool, Default: true}, stateArg()}},
		{name: "quantum_router_gateway", summary: "Gives a router its gateway, or takes it.", now: "router", run: runQuantumGateway, args: []module.Arg{
			{Name: "router_name", Required: true}, {Name: "network_name", Doc: "the external network; required where state is present"}, stateArg()}},
		{name: "quantum_router_interface", summary: "Joins a router with a subnet, or parts them.", now: "router", run: runQuantumInterface, args: []module.Arg{
			{Name: "router_name", Required: true}, {Name: "subnet_name", Required: true}, tenant, stateArg()}},
		{name: "quantum_floating_ip", summary: "Puts a floating IP before a server, or releases it.", now: "floating_ip", run: runQuantumFloating, args: []module.Arg{
			{Name: "network_name", Required: true, Doc: "the external network"}, {Name: "instance_name", Required: true},
			{Name: "internal_network_name"}, stateArg()}},
		{name: "quantum_floating_ip_associate", summary: "Puts a floating IP before a server, or takes it away.", now: "floating_ip", run: runQuantumAssociate, args: []module.Arg{
			{Name: "ip_address", Required: true}, {Name: "instance_name", Required: true}, stateArg()}},
	}
}

// loginArgs are how these modules were told where to log in.
func loginArgs() []module.Arg {
	return []module.Arg{
		{Name: "login_username", Doc: "default $OS_USERNAME, or what clouds.yaml says"},
		{Name: "login_password", NoLog: true, Doc: "default $OS_PASSWORD, or what clouds.yaml says"},
		{Name: "login_tenant_name", Doc: "default $OS_TENANT_NAME, or what clouds.yaml says"},
		{Name: "auth_url", Doc: "default $OS_AUTH_URL, or what clouds.yaml says; a v2.0 address leads to v3"},
		{Name: "region_name"},
	}
}

// loginConfig says which cloud they mean. Empty texts are what lookups of unset
// variables leave, and count as not given.
func loginConfig(args *value.Map) (clouds.Config, error) {
	cfg := clouds.Config{Region: args.String("region_name")}
	for arg, key := range map[string]string{"login_username": "username", "login_password": "password",
		"login_tenant_name": "project_name", "auth_url": "auth_url"} {
		if text := args.String(arg); text != "" {
			if cfg.Auth == nil {
				cfg.Auth = map[string]string{}
			}
			cfg.Auth[key] = text
		}
	}
	return cfg, nil
}

// olds builds the old modules, each with the word on what to use now.
func (f family) olds() []*module.Module {
	var out []*module.Module
	for _, o := range oldModules() {
		s := o.rules
		s.Args = append(append(append([]module.Arg{}, o.args...), loginArgs()...), waitArgs(o.args)...)
		m := f.build(o.name, o.summary+" Of Ansible 1.x: use openstack.cloud."+o.now+".", s, loginConfig, o.run)
		m.Old = map[string]string{o.name: "openstack.cloud." + o.now}
		out = append(out, m)
	}
	return out
}

func waitArgs(own []module.Arg) []module.Arg {
	if _, taken := (module.Schema{Args: own}).Find("wait"); taken {
		return nil
	}
	return []module.Arg{{Name: "wait", Type: module.Bool, Default: true}, {Name: "timeout", Type: module.Int, Default: 180}}
}

// as is the task with the arguments of the module that came after: pairs of the
// old name and the new one, for those that were given.
func (t *task) as(s module.Schema, more *value.Map, pairs ...string) (*task, error) {
	args := value.NewMap()
	for i := 0; i+1 < len(pairs); i += 2 {
		if v, given := t.Args.Get(pairs[i]); given && v != "" {
			args.Set(pairs[i+1], v)
		}
	}
	for _, key := range []string{"state", "wait", "timeout"} {
		if v, given := t.Args.Get(key); given {
			args.Set(key, v)
		}
	}
	args.Update(more)
	s.Args = append(s.Args, sessionArgs(s)...)
	valid, err := s.Validate(args)
	if err != nil {
		return nil, err
	}
	call := *t.Call
	call.Args = valid
	return &task{Call: &call, cloud: t.cloud, rehearsed: t.rehearsed}, nil
}

// become runs the module that came after, and says in a word what it did, as
// the old ones do.
func (t *task) become(ctx context.Context, s module.Schema, do run, more *value.Map, pairs ...string) (module.Result, error) {
	next, err := t.as(s, more, pairs...)
	if err != nil {
		return module.Result{}, err
	}
	res, err := do(ctx, next)
	word := "success"
	switch {
	case t.absent() && res.Changed:
		word = "deleted"
	case t.absent():
		word = "not present"
	case res.Changed:
		word = "created"
	}
	return res.Set("result", word), err
}

func novaComputeArgs() []module.Arg {
	list := func(name, doc string) module.Arg {
		return module.Arg{Name: name, Type: module.List, Elements: module.Str, Doc: doc}
	}
	return []module.Arg{
		{Name: "name", Required: true},
		{Name: "image_id"},
		{Name: "image_name", Doc: "the image of that name, else the newest whose name holds it"},
		{Name: "image_exclude", Default: "(deprecated)", Doc: "with image_name: a text that the image's name must not hold"},
		{Name: "flavor_id", Default: "1"},
		{Name: "flavor_ram", Type: module.Int, Doc: "the smallest flavor of at least this RAM, in MB"},
		{Name: "flavor_include", Doc: "with flavor_ram: what the flavor's name must hold"},
		{Name: "key_name"},
		list("security_groups", "names, with commas between them"),
		{Name: "nics", Type: module.List, Elements: module.Raw, Doc: "dicts of net-id, port-id and v4-fixed-ip"},
		{Name: "auto_floating_ip", Type: module.Bool, Default: false},
		list("floating_ips", "addresses of the project"), list("floating_ip_pools", "external networks"),
		{Name: "availability_zone"}, {Name: "meta", Type: module.Raw}, {Name: "scheduler_hints", Type: module.Dict},
		{Name: "wait", Type: module.Bool, Default: true}, {Name: "wait_for", Type: module.Int, Default: 180, Doc: "in seconds"},
		{Name: "config_drive", Type: module.Bool, Default: false}, {Name: "user_data"}, stateArg(),
	}
}

func novaComputeRules() module.Schema {
	return module.Schema{MutuallyExclusive: [][]string{{"auto_floating_ip", "floating_ips"}, {"auto_floating_ip", "floating_ip_pools"},
		{"floating_ips", "floating_ip_pools"}, {"image_id", "image_name"}, {"flavor_id", "flavor_ram"}}}
}

func runNovaCompute(ctx context.Context, t *task) (module.Result, error) {
	more := value.NewMap("timeout", t.Args.Int("wait_for"))
	pairs := []string{"name", "name"}
	if !t.absent() {
		image, err := bookImage(ctx, t)
		if err != nil {
			return module.Result{}, err
		}
		more.Set("image", image)
		more.Set("image_exclude", "")
		pairs = append(pairs, "key_name", "key_name", "security_groups", "security_groups", "nics", "nics", "meta", "meta",
			"availability_zone", "availability_zone", "scheduler_hints", "scheduler_hints", "config_drive", "config_drive",
			"user_data", "userdata", "flavor_include", "flavor_include")
		if t.Args.Int("flavor_ram") > 0 {
			pairs = append(pairs, "flavor_ram", "flavor_ram")
		} else {
			pairs = append(pairs, "flavor_id", "flavor")
		}
		switch {
		case len(t.Args.List("floating_ips")) > 0:
			pairs = append(pairs, "floating_ips", "floating_ips")
		case len(t.Args.List("floating_ip_pools")) > 0:
			pairs = append(pairs, "floating_ip_pools", "floating_ip_pools")
		default:
			more.Set("auto_ip", t.on("auto_floating_ip"))
		}
	}
	res, err := t.become(ctx, serverSchema(), runServer, more, pairs...)
	if s := res.Data.Map("server"); s != nil {
		res = res.Set("status", s.At("status")).Set("info", s).Set("id", s.At("id")).
			Set("private_ip", s.At("private_v4")).Set("public_ip", s.At("public_v4"))
	}
	return res, err
}

// bookImage finds the image as nova_compute does: by id, or by a part of its
// name. The whole name goes before a part of one.
func bookImage(ctx context.Context, t *task) (string, error) {
	part, exclude := t.text("image_name"), t.text("image_exclude")
	switch {
	case t.text("image_id") != "":
		return t.text("image_id"), nil
	case part == "":
		return "", fmt.Errorf("image_id or image_name is required where state is present")
	}
	all, err := t.cloud.MatchImages(ctx, "*")
	if err != nil {
		return "", err
	}
	found := ""
	for _, i := range all { // newest first
		switch {
		case i.Status != "active" || excluded(i.Name, exclude) || !strings.Contains(i.Name, part):
		case i.Name == part:
			return i.ID, nil
		case found == "":
			found = i.ID
		}
	}
	if found == "" {
		return "", &openstack.NotFoundError{Kind: "image", Name: part, Hint: "no image has it in its name"}
	}
	return found, nil
}

func runNovaKeypair(ctx context.Context, t *task) (module.Result, error) {
	res, err := t.become(ctx, keypairSchema(), runKeypair, nil, "name", "name", "public_key", "public_key")
	if k := res.Data.Map("keypair"); k != nil {
		res = res.Set("key", k.At("private_key"))
	}
	return res, err
}
