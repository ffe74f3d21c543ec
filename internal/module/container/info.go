package container

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/value"
)

// lookup is a module that only says what the engine says of one object.
func (f family) lookup(name, summary string, args module.Schema,
	look func(ctx context.Context, e *docker.Engine, args *value.Map) (module.Result, error)) *module.Module {
	short := strings.TrimPrefix(name, "community.docker.")
	old := strings.TrimSuffix(short, "info") + "facts"
	return &module.Module{Name: name, Aliases: []string{short, old}, Old: map[string]string{old: name}, Summary: summary,
		Args: args, NeedsHost: true,
		Run: func(ctx context.Context, call *module.Call) (module.Result, error) {
			e, err := f.engine(ctx, call)
			if err != nil {
				return module.Result{}, err
			}
			return look(ctx, e, call.Args)
		}}
}

func nameSchema(what string) module.Schema {
	return module.Schema{Args: []module.Arg{{Name: "name", Type: module.Str, Required: true, Doc: what}}}
}

func (f family) containerInfo() *module.Module {
	return f.lookup("community.docker.docker_container_info", "Say what the engine says of a container.",
		nameSchema("name or id of the container"),
		func(ctx context.Context, e *docker.Engine, args *value.Map) (module.Result, error) {
			c, err := e.Container(ctx, args.String("name"))
			if c == nil {
				return found("container", nil), err
			}
			return found("container", c.Raw), err
		})
}

func (f family) networkInfo() *module.Module {
	return f.lookup("community.docker.docker_network_info", "Say what the engine says of a network.",
		nameSchema("name or id of the network"),
		func(ctx context.Context, e *docker.Engine, args *value.Map) (module.Result, error) {
			n, err := e.Network(ctx, args.String("name"))
			return found("network", n), err
		})
}

func (f family) volumeInfo() *module.Module {
	return f.lookup("community.docker.docker_volume_info", "Say what the engine says of a volume.",
		nameSchema("name of the volume"),
		func(ctx context.Context, e *docker.Engine, args *value.Map) (module.Result, error) {
			v, err := e.Volume(ctx, args.String("name"))
			return found("volume", v), err
		})
}

// found is the result of a look-up: exists, and the object or null.
func found(key string, m *value.Map) module.Result {
	r := module.Result{}.Set("exists", m != nil)
	if m == nil {
		return r.Set(key, nil)
	}
	return r.Set(key, m)
}

func (f family) imageInfo() *module.Module {
	schema := module.Schema{Args: []module.Arg{{Name: "name", Type: module.List, Elements: module.Str, Doc: "names or ids; none is all images"}}}
	return f.lookup("community.docker.docker_image_info", "Say what the engine says of images.", schema, images)
}

func images(ctx context.Context, e *docker.Engine, args *value.Map) (module.Result, error) {
	names := value.Strings(args.List("name"))
	if _, given := args.Get("name"); !given {
		all, err := e.Images(ctx)
		if err != nil {
			return module.Result{}, err
		}
		for _, i := range all {
			names = append(names, i.ID)
		}
	}
	out := []any{}
	for _, name := range names {
		image, err := e.Image(ctx, name)
		if err != nil {
			return module.Result{}, err
		}
		if image != nil {
			out = append(out, image.Raw)
		}
	}
	return module.Result{}.Set("images", out), nil
}

func (f family) hostInfo() *module.Module {
	schema := module.Schema{Args: []module.Arg{
		{Name: "containers", Type: module.Bool, Default: false, Doc: "list the running containers"},
		{Name: "containers_all", Type: module.Bool, Default: false, Doc: "with containers: the ended ones too"},
		{Name: "images", Type: module.Bool, Default: false, Doc: "list the images"},
		{Name: "networks", Type: module.Bool, Default: false, Doc: "list the networks"},
		{Name: "volumes", Type: module.Bool, Default: false, Doc: "list the volumes"},
	}}
	return f.lookup("community.docker.docker_host_info", "Say what the engine says of itself.", schema, hostState)
}

func hostState(ctx context.Context, e *docker.Engine, args *value.Map) (module.Result, error) {
	info, err := e.Info(ctx)
	if err != nil {
		return module.Result{}, err
	}
	r := module.Result{}.Set("can_talk_to_docker", true).Set("host_info", info)
	lists := []struct {
		name string
		list func() ([]any, error)
	}{
		{"containers", func() ([]any, error) { return containerLines(ctx, e, args.Bool("containers_all")) }},
		{"images", func() ([]any, error) { return imageLines(ctx, e) }},
		{"networks", func() ([]any, error) { return e.Networks(ctx) }},
		{"volumes", func() ([]any, error) { return e.Volumes(ctx) }},
	}
	for _, l := range lists {
		if !args.Bool(l.name) {
			continue
		}
		items, err := l.list()
		if err != nil {
			return r, err
		}
		r = r.Set(l.name, items)
	}
	return r, nil
}

func containerLines(ctx context.Context, e *docker.Engine, all bool) ([]any, error) {
	list, err := e.Containers(ctx)
	out := []any{}
	for _, c := range list {
		if all || c.State == "running" {
			out = append(out, value.NewMap("Id", c.ID, "Names", []any{"/" + c.Name}, "Image", c.Image, "ImageID", c.ImageID,
				"State", c.State, "Status", c.Status))
		}
	}
	return out, err
}

func imageLines(ctx context.Context, e *docker.Engine) ([]any, error) {
	list, err := e.Images(ctx)
	out := []any{}
	for _, i := range list {
		out = append(out, value.NewMap("Id", i.ID, "RepoTags", value.List(i.Tags), "Size", int(i.Size)))
	}
	return out, err
}

func (f family) containerExec() *module.Module {
	return &module.Module{
		Name: "community.docker.docker_container_exec", Aliases: []string{"docker_container_exec"},
		Summary: "Run a command in a running container.", NeedsHost: true, Run: f.runExec,
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "container", Type: module.Str, Required: true, Doc: "name or id"},
				strs("argv", "the command as a list"),
				arg("command", module.Str, "the command as a line, split as a shell splits it"),
				arg("chdir", module.Str, "directory to run it in"),
				{Name: "detach", Type: module.Bool, Default: false, Doc: "do not wait for its end"},
				arg("env", module.Dict, "its environment"),
				arg("stdin", module.Str, "what it reads"),
				{Name: "stdin_add_newline", Type: module.Bool, Default: true, Doc: "end stdin with a new line"},
				{Name: "strip_empty_ends", Type: module.Bool, Default: true, Doc: "strip empty lines from the end of the output"},
				{Name: "tty", Type: module.Bool, Default: false, Doc: "give it a terminal"},
				arg("user", module.Str, "user it runs as"),
			},
			MutuallyExclusive: [][]string{{"argv", "command"}},
			RequiredOneOf:     [][]string{{"argv", "command"}},
		},
	}
}

func (f family) runExec(ctx context.Context, call *module.Call) (module.Result, error) {
	if call.Check {
		return module.Result{Skipped: true, Msg: "a command is not run in check mode"}, nil
	}
	cmd, err := readExec(call.Args)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	e, err := f.engine(ctx, call)
	if err != nil {
		return module.Result{}, err
	}
	out, err := e.Exec(ctx, call.Args.String("container"), cmd)
	if err != nil {
		return module.Result{}, err
	}
	r := module.Result{Changed: true}
	if cmd.Detach {
		return r.Set("exec_id", out.ID), nil
	}
	stdout, stderr := string(out.Stdout), string(out.Stderr)
	if call.Args.Bool("strip_empty_ends") {
		stdout, stderr = strings.TrimRight(stdout, "\r\n"), strings.TrimRight(stderr, "\r\n")
	}
	r = r.Set("stdout", stdout).Set("stderr", stderr).Set("rc", out.Code)
	if out.Code != 0 {
		r.Failed, r.Msg = true, fmt.Sprintf("the command ended with exit code %d", out.Code)
	}
	return r, nil
}

func readExec(args *value.Map) (docker.Exec, error) {
	cmd := docker.Exec{Argv: value.Strings(args.List("argv")), Dir: args.String("chdir"), User: args.String("user"),
		TTY: args.Bool("tty"), Detach: args.Bool("detach")}
	if line, given := args.Get("command"); given {
		var err error
		if cmd.Argv, err = splitWords(fmt.Sprint(line)); err != nil {
			return cmd, fmt.Errorf("command: %w", err)
		}
	}
	env, err := environment(args.Map("env"))
	if err != nil {
		return cmd, fmt.Errorf("env: %w", err)
	}
	cmd.Env = value.Strings(env.([]any))
	if in, given := args.Get("stdin"); given {
		if cmd.Detach {
			return cmd, fmt.Errorf("stdin cannot be given with detach: nobody is there to pass it on")
		}
		cmd.Stdin = []byte(fmt.Sprint(in))
		if args.Bool("stdin_add_newline") {
			cmd.Stdin = append(cmd.Stdin, '\n')
		}
	}
	return cmd, nil
}
