package container

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/value"
)

// Engines finds the Docker Engine of a host; docker.Pool is one.
type Engines interface {
	Engine(ctx context.Context, name string, host docker.Host, become *connection.Become) (*docker.Engine, error)
}

// family is what the modules of this package share.
type family struct {
	engines   Engines
	rehearsed *rehearsal
}

func (f family) engine(ctx context.Context, call *module.Call) (*docker.Engine, error) {
	return f.engines.Engine(ctx, call.HostName, call.Host, call.Become)
}

func (f family) container() *module.Module {
	return &module.Module{
		Name: "community.docker.docker_container", Aliases: []string{"docker_container", "docker"},
		Old:     map[string]string{"docker": "community.docker.docker_container"},
		Summary: "Keep a container as it should be: made, changed, started, stopped or removed.",
		Args:    containerSchema(), NeedsHost: true, Run: f.runContainer,
	}
}

// job is one run of docker_container.
type job struct {
	call   *module.Call
	engine *docker.Engine
	spec   docker.Spec
	goal   docker.Goal
	have   *docker.Container
	seen   *docker.Container // have without its dead links
	image  *docker.Image
	pulled string // the name that was, or would be, pulled
	result module.Result
}

func (f family) runContainer(ctx context.Context, call *module.Call) (module.Result, error) {
	spec, err := readSpec(call.Args)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	engine, err := f.engine(ctx, call)
	if err != nil {
		return module.Result{}, err
	}
	if err := readEnvFile(ctx, call, &spec); err != nil {
		return module.Result{}, err
	}
	j := &job{call: call, engine: engine, spec: spec, goal: readGoal(call.Args)}
	if err := j.observe(ctx); err != nil {
		return j.result, err
	}
	if call.Check {
		j.seen = f.rehearsed.without(engine, j.seen)
	}
	plan := docker.Decide(j.goal, j.spec, j.seen, j.image)
	j.report(plan)
	if call.Check {
		f.rehearsed.note(engine, spec.Name, plan)
		return j.result, nil
	}
	return j.result, j.act(ctx, plan)
}

// observe looks at the container, at the image it shall have and, where it has
// links, at their targets: two requests or three where nothing is to be done.
func (j *job) observe(ctx context.Context) error {
	var err error
	if j.have, err = j.engine.Container(ctx, j.spec.Name); err != nil {
		return err
	}
	j.seen = j.have
	if j.goal.State == docker.Absent {
		return nil
	}
	if j.spec.Image == "" {
		return j.keepImage(ctx)
	}
	if j.image, err = j.engine.Image(ctx, j.spec.Image); err != nil {
		return err
	}
	if err := j.pull(ctx); err != nil {
		return err
	}
	return j.observeOthers(ctx)
}

// observeOthers looks at the containers that this one refers to.
func (j *job) observeOthers(ctx context.Context) error {
	if err := j.observeLinks(ctx); err != nil {
		return err
	}
	return j.resolveNamespaces(ctx)
}

// keepImage stands in for an image that is not named: the container's own.
func (j *job) keepImage(ctx context.Context) error {
	if j.have == nil {
		return fmt.Errorf("cannot make container %s: there is none on %s, and no image is given (add image: NAME)",
			j.spec.Name, j.engine.HostName())
	}
	var err error
	j.spec.Image, j.spec.IgnoreImage = j.have.ImageName(), true
	if j.image, err = j.engine.Image(ctx, j.have.ImageID()); err != nil {
		return err
	}
	return j.observeOthers(ctx)
}

func (j *job) pull(ctx context.Context) error {
	policy, err := pullPolicy(j.call.Args.At("pull"))
	if err != nil {
		return err
	}
	if j.image == nil && (policy == "never" || docker.IsImageID(j.spec.Image)) {
		return fmt.Errorf("cannot make container %s: image %s is not on %s and %s (load it there first)",
			j.spec.Name, j.spec.Image, j.engine.HostName(), whyNoPull(policy))
	}
	if policy == "never" || docker.IsImageID(j.spec.Image) || j.image != nil && policy == "missing" {
		return nil
	}
	if j.call.Check {
		if j.image == nil {
			j.pulled = j.spec.Image
		}
		return nil
	}
	if err := j.engine.Pull(ctx, j.spec.Image, j.spec.Platform, j.call.Progress); err != nil {
		return err
	}
	before := j.image
	if j.image, err = j.engine.Image(ctx, j.spec.Image); err != nil {
		return err
	}
	if j.image != nil && (before == nil || before.ID() != j.image.ID()) {
		j.pulled = j.spec.Image
	}
	return nil
}

func whyNoPull(policy string) string {
	if policy == "never" {
		return "pull is never"
	}
	return "an id cannot be pulled"
}

func pullPolicy(v any) (string, error) {
	switch strings.ToLower(fmt.Sprint(v)) {
	case "never":
		return "never", nil
	case "missing", "not_present", "false", "no":
		return "missing", nil
	case "always", "true", "yes":
		return "always", nil
	}
	return "", fmt.Errorf("argument pull must be never, missing, always or a bool, not %v", v)
}

// report fills in the result from the decision alone, so that check mode says
// the same as a run.
func (j *job) report(plan docker.Plan) {
	var actions []any
	if j.pulled != "" {
		actions = append(actions, "pull "+j.pulled)
	}
	for _, s := range plan.Steps {
		actions = append(actions, s.String())
	}
	j.result.Changed = len(actions) > 0
	j.result.Plan = operations(fmt.Sprintf("container %s on %s", j.spec.Name, j.call.HostName), plan, j.pulled)
	if j.result.Changed {
		j.result = j.result.Set("actions", actions)
		j.result.Msg = summary(j.spec.Name, plan, j.pulled)
	}
	if j.have != nil && j.goal.State != docker.Absent {
		j.result = j.result.Set("container", j.have.Raw)
	}
	if j.call.Diff && j.result.Changed {
		j.result.Diff = []module.Diff{difference(j.spec.Name, plan, j.have)}
	}
}

// operations are the plan in the words that all modules share. A container that
// is made anew is one operation, not the steps to it.
func operations(thing string, plan docker.Plan, pulled string) []module.Operation {
	if plan.Recreates() {
		return []module.Operation{{Kind: module.Replace, Thing: thing, Do: "recreate " + thing, Cause: plan.Steps[len(plan.Steps)-1].Cause}}
	}
	var out []module.Operation
	if pulled != "" {
		out = append(out, module.Operation{Kind: module.Change, Thing: thing, Do: "pull " + pulled, Cause: "not on the host, or not the newest"})
	}
	for _, s := range plan.Steps {
		kind := module.Change
		switch s.Do {
		case docker.DoCreate:
			kind = module.Create
		case docker.DoRemove:
			kind = module.Delete
		}
		do := string(s.Do)
		if s.Network != "" {
			do += " " + s.Network
		}
		out = append(out, module.Operation{Kind: kind, Thing: thing, Do: do, Cause: s.Cause})
	}
	return out
}

// summary says in one line what was done and why.
func summary(name string, plan docker.Plan, pulled string) string {
	if len(plan.Steps) == 0 {
		return fmt.Sprintf("pulled %s", pulled)
	}
	if plan.Recreates() {
		return fmt.Sprintf("recreated %s: %s", name, plan.Steps[len(plan.Steps)-1].Cause)
	}
	var parts []string
	for _, s := range plan.Steps {
		parts = append(parts, s.String())
	}
	return name + ": " + strings.Join(parts, "; ")
}

// difference is the before and after of the options that differ.
func difference(name string, plan docker.Plan, have *docker.Container) module.Diff {
	before, after := value.NewMap("exists", have != nil), value.NewMap("exists", have != nil)
	if have != nil {
		before.Set("running", have.Running())
		after.Set("running", have.Running())
	}
	for _, c := range plan.Changes {
		before.Set(c.What, c.From)
		after.Set(c.What, c.To)
	}
	for _, s := range plan.Steps {
		switch s.Do {
		case docker.DoCreate:
			after.Set("exists", true)
		case docker.DoRemove:
			after.Set("exists", false)
			after.Set("running", false)
		case docker.DoStart:
			after.Set("running", true)
		case docker.DoStop, docker.DoKill:
			after.Set("running", false)
		case docker.DoConnect:
			after.Set("network."+s.Network, true)
		case docker.DoDisconnect:
			before.Set("network."+s.Network, true)
			after.Delete("network." + s.Network)
		}
	}
	return module.Diff{BeforeHeader: name, AfterHeader: name, Before: pretty(before), After: pretty(after)}
}

func pretty(m *value.Map) string {
	raw, err := value.ToJSONIndent(m, "    ")
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(raw) + "\n"
}

// act does the plan's steps in order, then looks again.
func (j *job) act(ctx context.Context, plan docker.Plan) error {
	means := readMeans(j.call.Args)
	for _, step := range plan.Steps {
		if step.Do == docker.DoStart && !j.call.Args.Bool("detach") {
			return j.foreground(ctx, means)
		}
		warnings, err := j.engine.Apply(ctx, j.spec.Name, step, means)
		if err != nil {
			return err
		}
		j.result.Warnings = append(j.result.Warnings, warnings...)
	}
	if j.goal.State == docker.Absent {
		return nil
	}
	if j.goal.State == docker.Healthy {
		return j.awaitHealth(ctx, len(plan.Steps) > 0)
	}
	if len(plan.Steps) == 0 {
		return nil
	}
	return j.lookAgain(ctx)
}

func (j *job) lookAgain(ctx context.Context) error {
	c, err := j.engine.Container(ctx, j.spec.Name)
	if err == nil && c != nil {
		j.result = j.result.Set("container", c.Raw)
	}
	return err
}

func (j *job) awaitHealth(ctx context.Context, touched bool) error {
	if !touched && j.have.Health() == "healthy" {
		return nil
	}
	if j.call.Progress != nil {
		j.call.Progress("waiting for container " + j.spec.Name + " to be healthy")
	}
	c, err := j.engine.WaitHealthy(ctx, j.spec.Name, healthyLimit(j.call.Args))
	if c != nil {
		j.result = j.result.Set("container", c.Raw)
	}
	return err
}

// foreground runs a container to its end and returns what it wrote. One that
// fails makes the task fail.
func (j *job) foreground(ctx context.Context, means docker.Means) error {
	code, err := j.engine.RunToEnd(ctx, j.spec.Name)
	if err != nil {
		return err
	}
	output := "Cannot retrieve result as auto_remove is enabled"
	if !j.call.Args.Bool("auto_remove") {
		if output, err = j.engine.Logs(ctx, j.spec.Name, -1); err != nil {
			return err
		}
	}
	if err := j.lookAgain(ctx); err != nil {
		return err
	}
	if j.call.Args.Bool("cleanup") {
		if err := j.engine.Remove(ctx, j.spec.Name, !means.KeepVolumes, true); err != nil && !docker.IsNotFound(err) {
			return err
		}
	}
	facts := j.result.Data.Map("container")
	if facts == nil {
		facts = value.NewMap()
	}
	facts.Set("Output", output)
	j.result = j.result.Set("container", facts).Set("status", code)
	if code != 0 {
		j.result.Failed, j.result.Msg = true, output
	}
	return nil
}
