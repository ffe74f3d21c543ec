package container

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollout/internal/docker"
	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/value"
)

// strictness reads comparisons: which options must match exactly, at least, or
// not at all.
type strictness struct {
	rules    *value.Map
	fallback docker.Strictness // of "*"
}

func readComparisons(args *value.Map) (strictness, error) {
	s := strictness{rules: value.NewMap()}
	for k, v := range args.Map("comparisons").All() {
		name, rule := fmt.Sprint(k), docker.Strictness(fmt.Sprint(v))
		if !slices.Contains([]docker.Strictness{docker.Strict, docker.AtLeast, docker.Ignore}, rule) {
			return s, fmt.Errorf("comparisons: %s must be strict, ignore or allow_more_present, not %v", name, v)
		}
		if name == "*" {
			if rule == docker.AtLeast {
				return s, fmt.Errorf("comparisons: the wildcard can only be strict or ignore")
			}
			s.fallback = rule
			continue
		}
		known, ok := containerSchema().Find(name)
		if !ok {
			hint := document.Suggest(name, containerSchema().Names())
			return s, fmt.Errorf("comparisons: docker_container has no option %q; %s", name, hint)
		}
		s.rules.Set(known.Name, rule)
	}
	return s, nil
}

// of is how strictly an option of that shape is compared.
func (s strictness) of(name string, shape docker.Shape, ignored bool) docker.Strictness {
	if rule, ok := s.rules.At(name).(docker.Strictness); ok {
		return rule
	}
	switch {
	case ignored:
		return docker.Ignore
	case s.fallback != "":
		return s.fallback
	case shape == docker.Set || shape == docker.Dict:
		return docker.AtLeast
	}
	return docker.Strict
}

// readSpec turns the arguments of docker_container into what the engine shall
// have. Mistakes are reported together.
func readSpec(args *value.Map) (docker.Spec, error) {
	var errs document.Errors
	rules, err := readComparisons(args)
	errs.Join(err)
	spec := docker.Spec{Name: args.String("name"), Image: args.String("image"), Platform: args.String("platform"),
		NameMatters: args.String("image_name_mismatch") == "recreate",
		IgnoreImage: rules.rules.At("image") == docker.Ignore}
	if args.String("container_default_behavior") == "compatibility" {
		args = withDefaults(args)
	}
	for _, o := range options() {
		given, ok := args.Get(o.arg.Name)
		if o.arg.Name == "env" && args.String("env_file") != "" && !ok {
			given, ok = value.NewMap(), true
		}
		if !ok {
			continue
		}
		want, err := o.value(given)
		if err != nil {
			errs.Join(fmt.Errorf("%s: %w", o.arg.Name, err))
			continue
		}
		spec.Settings = append(spec.Settings, docker.Setting{Option: o.arg.Name, Path: o.path, Shape: o.shape, Want: want,
			Strict: rules.of(o.arg.Name, o.shape, o.ignored), Live: o.live, FromImage: o.fromImage, Same: o.same})
	}
	for _, more := range []func(*value.Map, strictness) ([]docker.Setting, error){portSettings, volumeSettings} {
		settings, err := more(args, rules)
		errs.Join(err)
		spec.Settings = append(spec.Settings, settings...)
	}
	errs.Join(readNetworks(args, rules, &spec))
	return spec, errs.Err()
}

func (o option) value(given any) (any, error) {
	if o.form == nil {
		return given, nil
	}
	return o.form(given)
}

// withDefaults adds the defaults that old playbooks rely on.
func withDefaults(args *value.Map) *value.Map {
	out := args.Clone()
	defaults := value.NewMap("auto_remove", false, "init", false, "interactive", false, "memory", "0",
		"paused", false, "privileged", false, "read_only", false, "tty", false)
	for k, v := range defaults.All() {
		if _, given := out.Get(k); !given {
			out.Set(k, v)
		}
	}
	return out
}

func portSettings(args *value.Map, rules strictness) ([]docker.Setting, error) {
	_, published := args.Get("published_ports")
	_, exposed := args.Get("exposed_ports")
	if !published && !exposed {
		return nil, nil
	}
	anywhere := anyAddress
	if address, given := args.Get("default_host_ip"); given {
		anywhere = strings.Trim(fmt.Sprint(address), "[]")
	}
	p, err := readPorts(args.List("published_ports"), args.List("exposed_ports"), anywhere)
	if err != nil {
		return nil, err
	}
	settings := []docker.Setting{{Option: "exposed_ports", Path: "Config.ExposedPorts", Shape: docker.Dict, Want: p.exposed,
		FromImage: true, Strict: rules.of("exposed_ports", docker.Dict, false)}}
	if published {
		settings = append(settings, docker.Setting{Option: "published_ports", Path: "HostConfig.PortBindings", Shape: docker.Dict,
			Want: p.bindings, Same: samePorts, Strict: rules.of("published_ports", docker.Dict, false)})
	}
	return settings, nil
}

func volumeSettings(args *value.Map, rules strictness) ([]docker.Setting, error) {
	var settings []docker.Setting
	if _, given := args.Get("volumes"); given {
		binds, anonymous, err := readVolumes(args.List("volumes"))
		if err != nil {
			return nil, err
		}
		settings = append(settings,
			docker.Setting{Option: "volumes", Path: "HostConfig.Binds", Shape: docker.Set, Want: binds, Same: sameBinds,
				Strict: rules.of("volumes", docker.Set, false)},
			docker.Setting{Option: "volumes", Path: "Config.Volumes", Shape: docker.Dict, Want: anonymous, FromImage: true,
				Strict: rules.of("volumes", docker.Dict, false)})
	}
	if _, given := args.Get("mounts"); given {
		mounts, err := readMounts(args.List("mounts"))
		if err != nil {
			return nil, err
		}
		settings = append(settings, docker.Setting{Option: "mounts", Path: "HostConfig.Mounts", Shape: docker.Set, Want: mounts,
			Strict: rules.of("mounts", docker.Set, false)})
	}
	return settings, nil
}

// readNetworks reads the networks and the links. On the engine's own network a
// link is an option of the container, on all others one of its endpoint there.
func readNetworks(args *value.Map, rules strictness, spec *docker.Spec) error {
	rule := rules.of("networks", docker.Set, false)
	if _, given := args.Get("networks"); given {
		spec.OnlyNetworks = rule == docker.Strict || args.Bool("purge_networks")
	}
	spec.IgnoreNetworks = rule == docker.Ignore
	spec.LateNetworks = !args.Bool("networks_cli_compatible")
	for _, e := range args.List("networks") {
		m, _ := e.(*value.Map)
		n := docker.Endpoint{Network: m.String("name"), IPv4: m.String("ipv4_address"), IPv6: m.String("ipv6_address"),
			Aliases: value.Strings(m.List("aliases"))}
		links, err := readLinks(m.List("links"))
		if err != nil {
			return err
		}
		n.Links = links
		spec.Networks = append(spec.Networks, n)
	}
	links, err := readLinks(args.List("links"))
	if _, given := args.Get("links"); !given || err != nil {
		return err
	}
	if name := ownNetwork(args); name != "" {
		linkOn(spec, name, links)
		return nil
	}
	spec.Settings = append(spec.Settings, docker.Setting{Option: "links", Path: "HostConfig.Links", Shape: docker.Set,
		Want: listedLinks(links, spec.Name), Strict: rules.of("links", docker.Set, false)})
	return nil
}

// readLinks writes links in full: target:alias.
func readLinks(list []any) ([]string, error) {
	var out []string
	for _, link := range value.Strings(list) {
		target, alias, given := strings.Cut(link, ":")
		if !given {
			alias = target
		}
		if target == "" || alias == "" {
			return nil, fmt.Errorf("links: %q is not container[:alias]", link)
		}
		out = append(out, target+":"+alias)
	}
	return out, nil
}

// listedLinks writes links as the engine lists them: /target:/consumer/alias.
func listedLinks(links []string, consumer string) []any {
	out := []any{}
	for _, link := range links {
		target, alias, _ := strings.Cut(link, ":")
		out = append(out, fmt.Sprintf("/%s:/%s/%s", target, consumer, alias))
	}
	return out
}

// ownNetwork is the network, made by somebody, that a container starts on; ""
// where it starts on one of the engine's own.
func ownNetwork(args *value.Map) string {
	mode := args.String("network_mode")
	if networks := args.List("networks"); mode == "" && len(networks) > 0 && args.Bool("networks_cli_compatible") {
		first, _ := networks[0].(*value.Map)
		mode = first.String("name")
	}
	switch {
	case mode == "", mode == "default", mode == "bridge", mode == "host", mode == "none", strings.HasPrefix(mode, "container:"):
		return ""
	}
	return mode
}

func linkOn(spec *docker.Spec, network string, links []string) {
	for i, n := range spec.Networks {
		if n.Network == network {
			spec.Networks[i].Links = append(n.Links, links...)
			return
		}
	}
	spec.Networks = slices.Insert(spec.Networks, 0, docker.Endpoint{Network: network, Links: links})
}

func readGoal(args *value.Map) docker.Goal {
	g := docker.Goal{State: docker.State(args.String("state")), Recreate: args.Bool("recreate"),
		Restart: args.Bool("restart"), ForceKill: args.Bool("force_kill")}
	if paused, given := args.Get("paused"); given {
		p := paused == true
		g.Paused = &p
	}
	return g
}

func readMeans(args *value.Map) docker.Means {
	m := docker.Means{KillSignal: args.String("kill_signal"), KeepVolumes: args.Bool("keep_volumes")}
	if seconds, given := args.Get("stop_timeout"); given {
		n, _ := seconds.(int)
		m.StopTimeout = &n
	}
	return m
}

// healthyLimit is how long state healthy waits.
func healthyLimit(args *value.Map) time.Duration {
	seconds, _ := args.At("healthy_wait_timeout").(float64)
	return time.Duration(seconds * float64(time.Second))
}

// containerSchema is what docker_container accepts.
func containerSchema() module.Schema {
	args := []module.Arg{
		{Name: "name", Type: module.Str, Required: true, Doc: "the container's name"},
		arg("image", module.Str, "image it is made of: name[:tag] or an id"),
		{Name: "state", Type: module.Str, Default: "started", Doc: "what it shall be",
			Choices: []string{"absent", "present", "healthy", "stopped", "started"}},
		arg("comparisons", module.Dict, "per option: strict, ignore or allow_more_present"),
		{Name: "container_default_behavior", Type: module.Str, Default: "no_defaults", Choices: []string{"compatibility", "no_defaults"},
			Doc: "whether options not given have old defaults"},
		arg("cleanup", module.Bool, "with detach false: remove it when it has ended"),
		arg("default_host_ip", module.Str, "address on which ports are published that name none; 0.0.0.0 where left out"),
		{Name: "detach", Type: module.Bool, Default: true, Doc: "false waits until it ends and returns its output"},
		{Name: "exposed_ports", Aliases: []string{"exposed", "expose"}, Type: module.List, Elements: module.Str, Doc: "ports open to linked containers"},
		{Name: "force_kill", Aliases: []string{"forcekill"}, Type: module.Bool, Default: false, Doc: "kill instead of stop"},
		{Name: "healthy_wait_timeout", Type: module.Float, Default: 300.0, Doc: "seconds that state healthy waits"},
		{Name: "image_name_mismatch", Type: module.Str, Default: "recreate", Choices: []string{"ignore", "recreate"},
			Doc: "what to do where the image is the same and its name is not"},
		{Name: "keep_volumes", Type: module.Bool, Default: true, Doc: "keep the anonymous volumes of a removed container"},
		arg("env_file", module.Path, "file on the host with NAME=VALUE lines, below env"),
		arg("kill_signal", module.Str, "signal that force_kill sends"),
		{Name: "links", Type: module.List, Elements: module.Str, Doc: "containers to link: name[:alias]"},
		networksArg(),
		{Name: "networks_cli_compatible", Type: module.Bool, Default: true,
			Doc: "the first of networks is the one it is made on, in place of the engine's default"},
		{Name: "purge_networks", Type: module.Bool, Default: false, Doc: "detach it from networks that networks does not name"},
		mountsArg(),
		arg("paused", module.Bool, "whether it is paused"),
		arg("platform", module.Str, "os/architecture of the image"),
		{Name: "published_ports", Aliases: []string{"ports"}, Type: module.List, Elements: module.Str,
			Doc: "ports: [[address:]host:]container[/protocol], ranges allowed"},
		{Name: "pull", Type: module.Raw, Default: "missing", Doc: "when the image is pulled: never, missing (false), always (true)"},
		{Name: "recreate", Type: module.Bool, Default: false, Doc: "make a new container in any case"},
		{Name: "restart", Type: module.Bool, Default: false, Doc: "restart it if it runs already"},
		{Name: "volumes", Type: module.List, Elements: module.Str, Doc: "volumes: [source:]path[:mode]"},
	}
	for _, o := range options() {
		args = append(args, o.arg)
	}
	return module.Schema{Args: args, RequiredIf: []module.RequiredIf{{Arg: "state", Value: "present", Need: []string{"image"}}}}
}

func networksArg() module.Arg {
	return module.Arg{Name: "networks", Type: module.List, Elements: module.Dict, Doc: "networks it is attached to; the first is its main one",
		Options: []module.Arg{
			{Name: "name", Type: module.Str, Required: true, Doc: "the network's name"},
			arg("ipv4_address", module.Str, "its address there"),
			arg("ipv6_address", module.Str, "its IPv6 address there"),
			strs("aliases", "further names it has there"),
			strs("links", "containers it names there: name[:alias]"),
		}}
}
