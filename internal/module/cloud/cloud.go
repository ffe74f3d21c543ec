// Package cloud holds the modules that change the cloud, with the names,
// arguments and return values of Ansible's openstack.cloud collection, and two
// of our own. They run in this process and talk to the cloud's API; the host
// that a task is for is not connected to.
package cloud

import (
	"context"
	"errors"
	"time"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// Modules returns the modules; clouds opens each cloud once per run.
func Modules(clouds *openstack.Pool) []*module.Module {
	f := family{clouds, &rehearsal{}}
	return append([]*module.Module{
		f.module("server", "Boots a server, or deletes it.", serverSchema(), runServer),
		f.module("server_info", "Lists servers.", serverInfoSchema(), runServerInfo),
		f.module("server_action", "Starts, stops, reboots or rebuilds a server.", serverActionSchema(), runServerAction),
		f.module("server_metadata", "Changes the metadata of a server.", serverMetadataSchema(), runServerMetadata),
		f.module("keypair", "Stores an SSH key for new servers, or deletes it.", keypairSchema(), runKeypair),
		f.module("network", "Makes a network, or deletes it.", networkSchema(), runNetwork),
		f.module("networks_info", "Lists networks.", namedInfoSchema("name"), runNetworksInfo),
		f.module("subnet", "Makes a subnet, or deletes it.", subnetSchema(), runSubnet),
		f.module("subnets_info", "Lists subnets.", namedInfoSchema("name", "subnet"), runSubnetsInfo),
		f.module("router", "Makes a router, or deletes it.", routerSchema(), runRouter),
		f.module("routers_info", "Lists routers.", namedInfoSchema("name"), runRoutersInfo),
		f.module("port", "Makes a port, or deletes it.", portSchema(), runPort),
		f.module("port_info", "Lists ports.", namedInfoSchema("port", "name"), runPortInfo),
		f.module("security_group", "Makes a security group, or deletes it.", groupSchema(), runGroup),
		f.module("security_group_info", "Lists security groups.", groupInfoSchema(), runGroupInfo),
		f.module("security_group_rule", "Adds a rule to a security group, or deletes it.", ruleSchema(), runRule),
		f.module("floating_ip", "Puts a floating IP before a server, or takes it away.", floatingSchema(), runFloating),
		f.module("floating_ip_info", "Lists floating IPs.", floatingInfoSchema(), runFloatingInfo),
		f.module("server_group", "Makes a server group, or deletes it.", serverGroupSchema(), runServerGroup),
		f.module("quota", "Sets a project's limits.", quotaSchema(), runQuota),
		f.module("image", "Makes an image of a file, changes or deletes it.", imageSchema(), runImage),
		f.module("image_info", "Lists images.", imageInfoSchema(), runImageInfo),
		f.module("compute_flavor_info", "Lists flavors.", flavorInfoSchema(), runFlavorInfo, "os_flavor_info"),
		f.module("keypair_info", "Lists SSH keys for new servers.", keypairInfoSchema(), runKeypairInfo),
		f.module("auth", "Logs in and returns a token.", module.Schema{}, runAuth),
		f.own("server_console", "Follows a server's console log until a text appears.", consoleSchema(), runConsole),
		f.own("declared", "Creates the networks, routers, security groups and key pairs that are declared and not there.", declaredSchema(), runDeclared),
		f.own("cleanup", "Deletes all servers of a name prefix, and what belongs to them.", cleanupSchema(), runCleanup),
	}, f.olds()...)
}

type family struct {
	clouds    *openstack.Pool
	rehearsed *rehearsal
}

// run is what a module does with an open cloud.
type run func(ctx context.Context, t *task) (module.Result, error)

// task is one call with its cloud.
type task struct {
	*module.Call
	cloud     *openstack.Cloud
	rehearsed *rehearsal
}

// module builds a module of the collection; its older name was os_NAME.
func (f family) module(name, summary string, s module.Schema, do run, older ...string) *module.Module {
	m := f.collected("openstack.cloud."+name, summary, s, do)
	m.Old = map[string]string{}
	for _, o := range append([]string{"os_" + name}, older...) {
		m.Aliases = append(m.Aliases, o, "openstack.cloud."+o)
		m.Old[o], m.Old["openstack.cloud."+o] = m.Name, m.Name
	}
	return m
}

func (f family) own(name, summary string, s module.Schema, do run) *module.Module {
	return f.collected("rollout.cloud."+name, summary, s, do)
}

// collected builds a module with the arguments that all of the collection share.
func (f family) collected(name, summary string, s module.Schema, do run) *module.Module {
	s.Args = append(s.Args, sessionArgs(s)...)
	return f.build(name, summary, s, sessionConfig, do)
}

func (f family) build(name, summary string, s module.Schema, session func(*value.Map) (clouds.Config, error), do run) *module.Module {
	return &module.Module{Name: name, Summary: summary, Args: s,
		Run: func(ctx context.Context, call *module.Call) (module.Result, error) {
			cfg, err := session(call.Args)
			if err != nil {
				return module.Fail(err.Error()), nil
			}
			cloud, err := f.clouds.Open(ctx, cfg)
			if err != nil {
				return verdict(ctx, err)
			}
			res, err := do(ctx, &task{Call: call, cloud: cloud, rehearsed: f.rehearsed})
			if err != nil {
				return verdict(ctx, err)
			}
			return res, nil
		}}
}

// verdict makes a failed result of an error; a cancelled run stays an error.
func verdict(ctx context.Context, err error) (module.Result, error) {
	if ctx.Err() != nil {
		return module.Result{}, err
	}
	return module.Fail(err.Error()), nil
}

// sessionArgs are the arguments that all modules share, those left out that a
// module has itself with another meaning or default.
func sessionArgs(own module.Schema) []module.Arg {
	all := []module.Arg{
		{Name: "cloud", Type: module.Raw, Doc: "entry of clouds.yaml, or such an entry itself; default $OS_CLOUD, then the OS_* variables"},
		{Name: "auth", Type: module.Dict, NoLog: true, Doc: "auth_url, username, password, project_name …"},
		{Name: "auth_type", Doc: "password, token or v3applicationcredential"},
		{Name: "region_name"},
		{Name: "interface", Aliases: []string{"endpoint_type"}, Choices: []string{"admin", "internal", "public"}},
		{Name: "validate_certs", Aliases: []string{"verify"}, Type: module.Bool},
		{Name: "ca_cert", Aliases: []string{"cacert"}},
		{Name: "client_cert", Aliases: []string{"cert"}},
		{Name: "client_key", Aliases: []string{"key"}, NoLog: true, Doc: "path to the key of client_cert"},
		{Name: "wait", Type: module.Bool, Default: true, Doc: "wait until what was asked for is done"},
		{Name: "timeout", Type: module.Int, Default: 180, Doc: "how long to wait, in seconds"},
		{Name: "api_timeout", Type: module.Int, Doc: "how long one call of the API may take, in seconds"},
		{Name: "availability_zone", Doc: "of no effect where a module makes no server"},
		{Name: "sdk_log_path", Doc: "of no effect: see -vvv"},
		{Name: "sdk_log_level", Default: "INFO", Choices: []string{"INFO", "DEBUG"}, Doc: "of no effect: see -vvv"},
	}
	var out []module.Arg
	for _, a := range all {
		if _, taken := own.Find(a.Name); !taken {
			out = append(out, a)
		}
	}
	return out
}

func seconds(args *value.Map, key string) time.Duration {
	return time.Duration(args.Int(key)) * time.Second
}

func (t *task) text(key string) string { return t.Args.String(key) }
func (t *task) on(key string) bool     { return t.Args.Bool(key) }
func (t *task) absent() bool           { return t.text("state") == "absent" }
func (t *task) limit() time.Duration   { return seconds(t.Args, "timeout") }

// unlessFalse reads a bool that is true where it was not given.
func (t *task) unlessFalse(key string) bool {
	v, given := t.Args.At(key).(bool)
	return v || !given
}

func (t *task) progress(text string) {
	if t.Progress != nil {
		t.Progress(text)
	}
}

// missing reports whether err says that the thing does not exist; another error
// is returned.
func missing(err error) (bool, error) {
	var none *openstack.NotFoundError
	if errors.As(err, &none) {
		return true, nil
	}
	return false, err
}

func stateArg(more ...string) module.Arg {
	return module.Arg{Name: "state", Default: "present", Choices: append([]string{"present", "absent"}, more...)}
}

func listOf(ms []*value.Map) []any {
	out := make([]any, len(ms))
	for i, m := range ms {
		out[i] = m
	}
	return out
}
