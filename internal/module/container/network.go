package container

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/value"
)

func (f family) network() *module.Module {
	return &module.Module{
		Name: "community.docker.docker_network", Aliases: []string{"docker_network"},
		Summary: "Keep a network as it should be.", NeedsHost: true, Run: f.runNetwork,
		Args: module.Schema{Args: []module.Arg{
			{Name: "name", Aliases: []string{"network_name"}, Type: module.Str, Required: true, Doc: "its name"},
			{Name: "state", Type: module.Str, Default: "present", Choices: []string{"present", "absent"}, Doc: "whether it shall be there"},
			{Name: "connected", Aliases: []string{"containers"}, Type: module.List, Elements: module.Str, Doc: "containers attached to it"},
			{Name: "appends", Aliases: []string{"incremental"}, Type: module.Bool, Default: false, Doc: "leave other containers attached"},
			{Name: "force", Type: module.Bool, Default: false, Doc: "make it anew in any case"},
			{Name: "driver", Type: module.Str, Default: "bridge", Doc: "its driver"},
			arg("driver_options", module.Dict, "options of the driver"),
			arg("ipam_driver", module.Str, "driver of its addresses"),
			arg("ipam_driver_options", module.Dict, "options of that driver"),
			{Name: "ipam_config", Type: module.List, Elements: module.Dict, Doc: "its address ranges", Options: []module.Arg{
				arg("subnet", module.Str, "192.168.0.0/24"), arg("iprange", module.Str, "part for containers"),
				arg("gateway", module.Str, "address of the gateway"), arg("aux_addresses", module.Dict, "addresses in use by name"),
			}},
			arg("enable_ipv6", module.Bool, "whether it has IPv6"),
			arg("internal", module.Bool, "whether it is cut off from outside"),
			arg("attachable", module.Bool, "whether plain containers may join an overlay network"),
			{Name: "scope", Type: module.Str, Choices: []string{"local", "global", "swarm"}, Doc: "its scope"},
			arg("labels", module.Dict, "its labels"),
		}},
	}
}

// networkSettings writes the arguments in the API's form.
func networkSettings(args *value.Map) ([]docker.Setting, error) {
	table := []struct {
		arg, path string
		shape     docker.Shape
		form      func(any) (any, error)
	}{
		{arg: "driver", path: "Driver"},
		{arg: "driver_options", path: "Options", shape: docker.Dict, form: optionTexts},
		{arg: "ipam_driver", path: "IPAM.Driver"},
		{arg: "ipam_driver_options", path: "IPAM.Options", shape: docker.Dict, form: optionTexts},
		{arg: "ipam_config", path: "IPAM.Config", shape: docker.Set, form: addressRanges},
		{arg: "enable_ipv6", path: "EnableIPv6"},
		{arg: "internal", path: "Internal"},
		{arg: "attachable", path: "Attachable"},
		{arg: "scope", path: "Scope"},
		{arg: "labels", path: "Labels", shape: docker.Dict, form: texts},
	}
	var out []docker.Setting
	for _, t := range table {
		given, ok := args.Get(t.arg)
		if !ok {
			continue
		}
		if t.form != nil {
			var err error
			if given, err = t.form(given); err != nil {
				return nil, fmt.Errorf("%s: %w", t.arg, err)
			}
		}
		out = append(out, docker.Setting{Option: t.arg, Path: t.path, Shape: t.shape, Want: given, Strict: docker.AtLeast})
	}
	return out, nil
}

// optionTexts writes driver options, where a bool is what drivers read.
func optionTexts(v any) (any, error) {
	m, _ := v.(*value.Map)
	out := value.NewMap()
	for k, e := range m.All() {
		if b, ok := e.(bool); ok {
			out.Set(k, fmt.Sprint(b))
			continue
		}
		out.Set(k, fmt.Sprint(e))
	}
	return out, nil
}

func addressRanges(v any) (any, error) {
	out := []any{}
	for _, e := range v.([]any) {
		m, _ := e.(*value.Map)
		r := value.NewMap()
		for _, k := range [][2]string{{"subnet", "Subnet"}, {"iprange", "IPRange"}, {"gateway", "Gateway"}} {
			if text := m.String(k[0]); text != "" {
				r.Set(k[1], text)
			}
		}
		if aux := m.Map("aux_addresses"); aux != nil {
			r.Set("AuxiliaryAddresses", aux)
		}
		out = append(out, r)
	}
	return out, nil
}

// rangeCauses compares address ranges: one that was asked for is there where
// the engine has one that agrees in everything that was said.
func rangeCauses(want, have []any) string {
	for _, w := range want {
		asked, _ := w.(*value.Map)
		agrees := func(h any) bool {
			got, _ := h.(*value.Map)
			for k, v := range asked.All() {
				if !value.Equal(got.At(k), v) {
					return false
				}
			}
			return true
		}
		if !slices.ContainsFunc(have, agrees) {
			return fmt.Sprintf("no address range with subnet %s", asked.String("Subnet"))
		}
	}
	return ""
}

// networkJob is one run of docker_network.
type networkJob struct {
	call     *module.Call
	engine   *docker.Engine
	name     string
	settings []docker.Setting
	have     *value.Map
	causes   []string
	actions  []any
}

func (f family) runNetwork(ctx context.Context, call *module.Call) (module.Result, error) {
	settings, err := networkSettings(call.Args)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	e, err := f.engine(ctx, call)
	if err != nil {
		return module.Result{}, err
	}
	j := &networkJob{call: call, engine: e, name: call.Args.String("name"), settings: settings}
	if j.have, err = e.Network(ctx, j.name); err != nil {
		return module.Result{}, err
	}
	before := j.have
	steps := []func(context.Context) error{j.replace, j.create, j.connect, j.disconnectOthers}
	if call.Args.String("state") == "absent" {
		steps = []func(context.Context) error{j.remove}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return module.Result{}, err
		}
	}
	return j.result(ctx, before)
}

func (j *networkJob) result(ctx context.Context, before *value.Map) (module.Result, error) {
	r := module.Result{Changed: len(j.actions) > 0, Msg: strings.Join(j.causes, "; ")}
	r = r.Set("actions", append([]any{}, j.actions...))
	if r.Changed && !j.call.Check {
		var err error
		if j.have, err = j.engine.Network(ctx, j.name); err != nil {
			return r, err
		}
	}
	if j.have != nil {
		r = r.Set("network", j.have)
	}
	if j.call.Diff && r.Changed {
		r.Diff = []module.Diff{{BeforeHeader: j.name, AfterHeader: j.name,
			Before: pretty(value.NewMap("exists", before != nil)),
			After:  pretty(value.NewMap("exists", j.call.Args.String("state") == "present", "actions", append([]any{}, j.actions...)))}}
	}
	return r, nil
}

// do notes an action and, outside check mode, does it.
func (j *networkJob) do(action string, act func() error) error {
	j.actions = append(j.actions, action)
	if j.call.Check {
		return nil
	}
	return act()
}

// replace removes a network that differs: a network cannot be changed.
func (j *networkJob) replace(ctx context.Context) error {
	if j.have == nil {
		return nil
	}
	for _, s := range j.settings {
		if s.Path == "IPAM.Config" {
			have, _ := j.have.Map("IPAM").At("Config").([]any)
			want, _ := s.Want.([]any)
			if cause := rangeCauses(want, have); cause != "" {
				j.causes = append(j.causes, cause)
			}
			continue
		}
		for _, c := range docker.Compare([]docker.Setting{s}, j.have) {
			j.causes = append(j.causes, c.String())
		}
	}
	if len(j.causes) == 0 && !j.call.Args.Bool("force") {
		return nil
	}
	return j.remove(ctx)
}

func (j *networkJob) remove(ctx context.Context) error {
	if j.have == nil {
		return nil
	}
	for _, name := range j.attached() {
		if err := j.detach(ctx, name); err != nil {
			return err
		}
	}
	err := j.do("Removed network "+j.name, func() error { return j.engine.RemoveNetwork(ctx, j.name) })
	j.have = nil
	return err
}

func (j *networkJob) detach(ctx context.Context, name string) error {
	return j.do("Disconnected container "+name, func() error { return j.engine.Disconnect(ctx, j.name, name) })
}

// attached are the names of the containers on the network.
func (j *networkJob) attached() []string {
	var names []string
	for _, c := range j.have.Map("Containers").All() {
		if m, ok := c.(*value.Map); ok {
			names = append(names, m.String("Name"))
		}
	}
	slices.Sort(names)
	return names
}

func (j *networkJob) create(ctx context.Context) error {
	if j.have != nil {
		return nil
	}
	driver := j.call.Args.String("driver")
	return j.do(fmt.Sprintf("Created network %s with driver %s", j.name, driver), func() error {
		_, err := j.engine.CreateNetwork(ctx, j.name, docker.Body(j.settings))
		return err
	})
}

func (j *networkJob) connect(ctx context.Context) error {
	there := j.attached()
	for _, name := range value.Strings(j.call.Args.List("connected")) {
		if slices.Contains(there, name) {
			continue
		}
		if err := j.do("Connected container "+name, func() error { return j.engine.Connect(ctx, j.name, name, nil) }); err != nil {
			return err
		}
	}
	return nil
}

// disconnectOthers detaches what connected does not name: the list is the whole
// of it unless appends is set.
func (j *networkJob) disconnectOthers(ctx context.Context) error {
	wanted := value.Strings(j.call.Args.List("connected"))
	if j.call.Args.Bool("appends") || j.have == nil {
		return nil
	}
	for _, name := range j.attached() {
		if slices.Contains(wanted, name) {
			continue
		}
		if err := j.detach(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
