package container

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/value"
)

func (f family) volume() *module.Module {
	return &module.Module{
		Name: "community.docker.docker_volume", Aliases: []string{"docker_volume"},
		Summary: "Keep a volume as it should be.", NeedsHost: true, Run: f.runVolume,
		Args: module.Schema{Args: []module.Arg{
			{Name: "volume_name", Aliases: []string{"name"}, Type: module.Str, Required: true, Doc: "its name"},
			{Name: "state", Type: module.Str, Default: "present", Choices: []string{"present", "absent"}, Doc: "whether it shall be there"},
			{Name: "driver", Type: module.Str, Default: "local", Doc: "its driver"},
			arg("driver_options", module.Dict, "options of the driver"),
			arg("labels", module.Dict, "its labels"),
			{Name: "recreate", Type: module.Str, Default: "never", Choices: []string{"always", "never", "options-changed"},
				Doc: "when it is made anew, which loses its data"},
		}},
	}
}

// namedVolume writes the arguments as an inspection shows them. A create
// request has another name for the options: see changeVolume.
func namedVolume(args *value.Map) ([]docker.Setting, error) {
	settings := []docker.Setting{{Option: "driver", Path: "Driver", Want: args.String("driver")}}
	if options, given := args.Get("driver_options"); given {
		want, err := optionTexts(options)
		if err != nil {
			return nil, fmt.Errorf("driver_options: %w", err)
		}
		settings = append(settings, docker.Setting{Option: "driver_options", Path: "Options", Shape: docker.Dict, Want: want, Strict: docker.AtLeast})
	}
	if labels, given := args.Get("labels"); given {
		want, err := texts(labels)
		if err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
		settings = append(settings, docker.Setting{Option: "labels", Path: "Labels", Shape: docker.Dict, Want: want, Strict: docker.AtLeast})
	}
	return settings, nil
}

func (f family) runVolume(ctx context.Context, call *module.Call) (module.Result, error) {
	settings, err := namedVolume(call.Args)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	e, err := f.engine(ctx, call)
	if err != nil {
		return module.Result{}, err
	}
	name := call.Args.String("volume_name")
	have, err := e.Volume(ctx, name)
	if err != nil {
		return module.Result{}, err
	}
	remove, create, cause := decideVolume(call.Args, settings, have)
	r := module.Result{Changed: remove || create, Msg: cause}
	if r.Changed && !call.Check {
		if err := changeVolume(ctx, e, name, settings, remove, create); err != nil {
			return r, err
		}
		if have, err = e.Volume(ctx, name); err != nil {
			return r, err
		}
	}
	r = r.Set("actions", volumeActions(name, call.Args.String("driver"), remove, create))
	if have != nil {
		r = r.Set("volume", have)
	}
	if call.Diff && r.Changed {
		r.Diff = []module.Diff{{BeforeHeader: name, AfterHeader: name, Before: pretty(value.NewMap("exists", remove)),
			After: pretty(value.NewMap("exists", create))}}
	}
	return r, nil
}

// decideVolume says whether the volume is removed, made, or both, and why.
// Differences alone never remove it: that would lose its data.
func decideVolume(args *value.Map, settings []docker.Setting, have *value.Map) (remove, create bool, cause string) {
	if args.String("state") == "absent" {
		return have != nil, false, ""
	}
	if have == nil {
		return false, true, "not found"
	}
	var causes []string
	for _, c := range docker.Compare(settings, have) {
		causes = append(causes, c.String())
	}
	cause = strings.Join(causes, "; ")
	again := args.String("recreate")
	if again == "always" || again == "options-changed" && cause != "" {
		return true, true, cause
	}
	return false, false, cause
}

func changeVolume(ctx context.Context, e *docker.Engine, name string, settings []docker.Setting, remove, create bool) error {
	if remove {
		if err := e.RemoveVolume(ctx, name); err != nil {
			return err
		}
	}
	if !create {
		return nil
	}
	body := docker.Body(settings)
	if options, given := body.Get("Options"); given {
		body.Delete("Options")
		body.Set("DriverOpts", options)
	}
	return e.CreateVolume(ctx, name, body)
}

func volumeActions(name, driver string, remove, create bool) []any {
	out := []any{}
	if remove {
		out = append(out, "Removed volume "+name)
	}
	if create {
		out = append(out, fmt.Sprintf("Created volume %s with driver %s", name, driver))
	}
	return out
}
