package cloud

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func serverActionSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "server", Aliases: []string{"name"}, Required: true, Doc: "name or id"},
			{Name: "action", Required: true, Choices: []string{"stop", "start", "pause", "unpause", "lock", "unlock", "suspend",
				"resume", "rebuild", "shelve", "shelve_offload", "unshelve", "reboot_soft", "reboot_hard"}},
			{Name: "image", Doc: "for rebuild: name or id"},
			{Name: "admin_password", NoLog: true, Doc: "for rebuild"},
			{Name: "all_projects", Type: module.Bool, Default: false, Doc: "refused: rollout looks at its own project only"},
		},
		RequiredIf: []module.RequiredIf{{Arg: "action", Value: "rebuild", Need: []string{"image"}}},
	}
}

// action is how one is asked for, and the states that it ends in; always means
// that being in such a state already is no reason to leave it out.
type action struct {
	call   string
	ends   []string
	always bool
}

func actions() map[string]action {
	return map[string]action{
		"stop":           {call: "os-stop", ends: []string{"SHUTOFF"}},
		"start":          {call: "os-start", ends: []string{"ACTIVE"}},
		"pause":          {call: "pause", ends: []string{"PAUSED"}},
		"unpause":        {call: "unpause", ends: []string{"ACTIVE"}},
		"suspend":        {call: "suspend", ends: []string{"SUSPENDED"}},
		"resume":         {call: "resume", ends: []string{"ACTIVE"}},
		"shelve":         {call: "shelve", ends: []string{"SHELVED", "SHELVED_OFFLOADED"}},
		"shelve_offload": {call: "shelveOffload", ends: []string{"SHELVED_OFFLOADED"}},
		"unshelve":       {call: "unshelve", ends: []string{"ACTIVE"}},
		"lock":           {call: "lock"},
		"unlock":         {call: "unlock"},
		"rebuild":        {call: "rebuild", ends: []string{"ACTIVE"}, always: true},
		"reboot_soft":    {call: "reboot", ends: []string{"ACTIVE"}, always: true},
		"reboot_hard":    {call: "reboot", ends: []string{"ACTIVE"}, always: true},
	}
}

func runServerAction(ctx context.Context, t *task) (module.Result, error) {
	name := t.text("action")
	act := actions()[name]
	if t.on("all_projects") {
		return module.Result{}, fmt.Errorf("argument \"all_projects\" is not supported: rollout looks at its own project only (leave it out)")
	}
	s, err := t.cloud.FindServer(ctx, t.text("server"))
	if err != nil {
		return module.Result{}, err
	}
	done, cause, err := actionDone(ctx, t, name, s)
	if err != nil || done {
		return withServer(module.Result{}, s), err
	}
	args, err := actionArgs(ctx, t, name)
	if err != nil {
		return module.Result{}, err
	}
	if s.TaskState != "" && !act.always && !t.Check {
		// Nova refuses a second action while one is under way; it may be the one asked for.
		s, err = t.cloud.AwaitServer(ctx, s, "server "+s.Name+" to be done with "+s.TaskState, t.limit(),
			func(now openstack.Server) bool { return now.TaskState == "" })
		if err != nil || slices.Contains(act.ends, s.Status) {
			return withServer(module.Result{}, s), err
		}
	}
	res := t.changed("server "+s.Name, change{name + " server " + s.Name, cause})
	if t.Check {
		return res, nil
	}
	if err := t.cloud.Action(ctx, s.ID, act.call, args); err != nil {
		return res, err
	}
	if t.on("wait") && len(act.ends) > 0 {
		if s, err = t.cloud.Await(ctx, s.Name, s.ID, t.limit(), t.progress, act.ends...); err != nil {
			return res, err
		}
	}
	return withServer(res, s), nil
}

// actionDone reports whether the server is as the action would leave it, and if
// not, how it is.
func actionDone(ctx context.Context, t *task, name string, s openstack.Server) (bool, string, error) {
	act := actions()[name]
	if name == "lock" || name == "unlock" {
		locked, err := t.cloud.ServerLocked(ctx, s.ID)
		return locked == (name == "lock"), map[bool]string{true: "it is locked", false: "it is not locked"}[locked], err
	}
	return !act.always && slices.Contains(act.ends, s.Status), "it is " + s.Status, nil
}

func actionArgs(ctx context.Context, t *task, name string) (map[string]any, error) {
	switch name {
	case "reboot_soft":
		return map[string]any{"type": "SOFT"}, nil
	case "reboot_hard":
		return map[string]any{"type": "HARD"}, nil
	case "rebuild":
		image, err := t.cloud.FindImage(ctx, t.text("image"))
		args := map[string]any{"imageRef": image.ID}
		if p := t.text("admin_password"); p != "" {
			args["adminPass"] = p
		}
		return args, err
	}
	return nil, nil
}

func serverMetadataSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "server", Aliases: []string{"name"}, Required: true, Doc: "name or id"},
		{Name: "meta", Aliases: []string{"metadata"}, Type: module.Dict, Required: true}, stateArg(),
	}}
}

func runServerMetadata(ctx context.Context, t *task) (module.Result, error) {
	meta, err := metadata(t.Args.At("meta"))
	if err != nil {
		return module.Result{}, err
	}
	s, err := t.cloud.FindServer(ctx, t.text("server"))
	if err != nil {
		return module.Result{}, err
	}
	todo := map[string]string{}
	var changes []change
	for _, k := range sortedNames(meta) {
		got, there := s.Metadata[k]
		switch {
		case t.absent() && there:
			changes = append(changes, change{"delete metadata " + k, "state is absent"})
		case !t.absent() && (!there || got != meta[k]):
			changes = append(changes, change{"set metadata " + k, fmt.Sprintf("it is %q, not %q", got, meta[k])})
		default:
			continue
		}
		todo[k] = meta[k]
	}
	if len(todo) == 0 {
		return withMetadata(module.Result{}, s), nil
	}
	res := t.changed("server "+s.Name, changes...)
	if t.Check {
		return res, nil
	}
	if err := applyMetadata(ctx, t, s.ID, todo); err != nil {
		return res, err
	}
	if s, err = t.cloud.Server(ctx, s.ID); err != nil {
		return res, err
	}
	return withMetadata(res, s), nil
}

func applyMetadata(ctx context.Context, t *task, id string, todo map[string]string) error {
	if !t.absent() {
		return t.cloud.SetMetadata(ctx, id, todo)
	}
	for _, k := range sortedNames(todo) {
		if err := t.cloud.DeleteMetadata(ctx, id, k); err != nil {
			return err
		}
	}
	return nil
}

func withMetadata(res module.Result, s openstack.Server) module.Result {
	m := value.NewMap()
	for _, k := range sortedNames(s.Metadata) {
		m.Set(k, s.Metadata[k])
	}
	return res.Set("server_id", s.ID).Set("metadata", m).Set("server", serverDict(s))
}
