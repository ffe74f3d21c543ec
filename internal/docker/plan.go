package docker

import (
	"fmt"
	"strings"

	"rollout/internal/value"
)

// State is what a container shall be in the end.
type State string

// The states.
const (
	Absent  State = "absent"
	Present State = "present" // there, running or not
	Stopped State = "stopped"
	Started State = "started"
	Healthy State = "healthy" // started, and its health check passes
)

// Verb is what a step does: one request to the engine.
type Verb string

// The verbs.
const (
	DoStop       Verb = "stop"
	DoKill       Verb = "kill"
	DoRemove     Verb = "remove"
	DoCreate     Verb = "create"
	DoConnect    Verb = "connect"
	DoDisconnect Verb = "disconnect"
	DoUpdate     Verb = "update"
	DoStart      Verb = "start"
	DoRestart    Verb = "restart"
	DoPause      Verb = "pause"
	DoUnpause    Verb = "unpause"
)

// Step is one request to the engine and why it is made.
type Step struct {
	Do      Verb
	Cause   string
	Network string     // of connect and disconnect
	Body    *value.Map // of create, update and connect, in the API's form
}

func (s Step) String() string {
	text := string(s.Do)
	if s.Network != "" {
		text += " " + s.Network
	}
	return text + ": " + s.Cause
}

// Goal is where a container shall get, and by which means.
type Goal struct {
	State     State
	Recreate  bool // a new container even without a difference
	Restart   bool
	ForceKill bool  // kill instead of stop
	Paused    *bool // nil leaves it
}

// Plan is what has to be done to a container, and the differences behind it.
type Plan struct {
	Changes []Change
	Steps   []Step
}

// String is the plan as a person reads it, a step a line.
func (p Plan) String() string {
	lines := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		lines[i] = s.String()
	}
	return strings.Join(lines, "\n")
}

// Recreates reports whether a container is replaced by a new one.
func (p Plan) Recreates() bool {
	removes, creates := false, false
	for _, s := range p.Steps {
		removes = removes || s.Do == DoRemove
		creates = creates || s.Do == DoCreate
	}
	return removes && creates
}

// Decide says what to do so that have becomes want. have is nil where there is
// no such container, image nil where it is not known.
func Decide(goal Goal, want Spec, have *Container, image *Image) Plan {
	if goal.State == Absent {
		return removal(goal, have)
	}
	if have == nil {
		return Plan{Steps: creation(goal, want, "not found")}
	}
	plan := Plan{Changes: excluded(Diff(want, have, image), have)}
	if cause := replaceCause(goal, have, plan.Changes); cause != "" {
		plan.Steps = append(ending(goal, have, cause), creation(goal, want, cause)...)
		return plan
	}
	plan.Steps = append(plan.Steps, update(want, plan.Changes, have)...)
	plan.Steps = append(plan.Steps, networkSteps(want, have)...)
	plan.Steps = append(plan.Steps, lifeSteps(goal, have)...)
	return plan
}

// replaceCause says why a new container is needed; "" where none is.
func replaceCause(goal Goal, have *Container, changes []Change) string {
	var causes []string
	for _, c := range changes {
		if !c.Live {
			causes = append(causes, c.String())
		}
	}
	switch {
	case len(causes) > 0:
		return strings.Join(causes, "; ")
	case have.Status() == "removing" || have.Status() == "dead":
		return "the container is " + have.Status()
	case goal.Recreate:
		return "recreate was asked for"
	}
	return ""
}

func removal(goal Goal, have *Container) Plan {
	if have == nil {
		return Plan{}
	}
	return Plan{Steps: ending(goal, have, "state absent")}
}

// ending stops and removes a container.
func ending(goal Goal, have *Container, cause string) []Step {
	var steps []Step
	if have.Running() {
		steps = append(steps, halt(goal, cause))
	}
	return append(steps, Step{Do: DoRemove, Cause: cause})
}

func halt(goal Goal, cause string) Step {
	if goal.ForceKill {
		return Step{Do: DoKill, Cause: cause}
	}
	return Step{Do: DoStop, Cause: cause}
}

// creation makes a container, attaches it to its networks and starts it.
func creation(goal Goal, want Spec, cause string) []Step {
	steps := []Step{{Do: DoCreate, Cause: cause, Body: createBody(want)}}
	for i, n := range want.Networks {
		if i == 0 && firstInBody(want) {
			continue
		}
		steps = append(steps, Step{Do: DoConnect, Cause: "not connected", Network: n.Network, Body: n.body()})
	}
	if want.OnlyNetworks && !firstInBody(want) && networkMode(want) == "" {
		steps = append(steps, Step{Do: DoDisconnect, Cause: "not wanted", Network: "bridge"})
	}
	if goal.State == Started || goal.State == Healthy {
		steps = append(steps, Step{Do: DoStart, Cause: cause})
		if goal.Paused != nil && *goal.Paused {
			steps = append(steps, Step{Do: DoPause, Cause: "shall be paused"})
		}
	}
	return steps
}

// lifeSteps brings an existing container to its state.
func lifeSteps(goal Goal, have *Container) []Step {
	var steps []Step
	wantsRun := goal.State == Started || goal.State == Healthy
	switch {
	case wantsRun && !have.Running():
		steps = append(steps, Step{Do: DoStart, Cause: "it is " + have.Status()})
	case wantsRun && goal.Restart:
		steps = append(steps, Step{Do: DoRestart, Cause: "restart was asked for"})
	case goal.State == Stopped && have.Running():
		steps = append(steps, halt(goal, "state stopped"))
	}
	if !wantsRun || goal.Paused == nil || *goal.Paused == have.Paused() {
		return steps
	}
	if *goal.Paused {
		return append(steps, Step{Do: DoPause, Cause: "shall be paused"})
	}
	return append(steps, Step{Do: DoUnpause, Cause: "shall not be paused"})
}

// update changes the live options in one request.
func update(want Spec, changes []Change, have *Container) []Step {
	if len(changes) == 0 {
		return nil
	}
	body := value.NewMap()
	var causes []string
	for _, s := range want.Settings {
		if s.Live {
			put(body, strings.TrimPrefix(s.Path, "HostConfig."), s.Want)
		}
	}
	for _, c := range changes {
		causes = append(causes, c.String())
	}
	followSwap(body, have.Raw.Map("HostConfig"))
	return []Step{{Do: DoUpdate, Cause: strings.Join(causes, "; "), Body: body}}
}

// followSwap keeps the limit of memory and swap together at twice the memory,
// where the engine set it so when it made the container: it refuses an update
// to more memory than that.
func followSwap(body, host *value.Map) {
	_, given := body.Get("MemorySwap")
	memory := body.Int("Memory")
	if !given && memory > 0 && host.Int("Memory") > 0 && host.Int("MemorySwap") == 2*host.Int("Memory") {
		body.Set("MemorySwap", 2*memory)
	}
}

// excluded marks the changes that the engine cannot make while the container
// runs because of another limit that it has: CPUs are limited either as a number
// or by quota and period.
func excluded(changes []Change, have *Container) []Change {
	host := have.Raw.Map("HostConfig")
	for i, c := range changes {
		switch c.What {
		case "cpus":
			changes[i].Live = c.Live && host.Int("CpuQuota") == 0 && host.Int("CpuPeriod") == 0
		case "cpu_quota", "cpu_period":
			changes[i].Live = c.Live && host.Int("NanoCpus") == 0
		}
	}
	return changes
}

// put sets a value under a dotted path, making the maps on the way.
func put(m *value.Map, path string, v any) {
	keys := strings.Split(path, ".")
	for _, k := range keys[:len(keys)-1] {
		next := m.Map(k)
		if next == nil {
			next = value.NewMap()
			m.Set(k, next)
		}
		m = next
	}
	m.Set(keys[len(keys)-1], v)
}

// createBody is the whole Spec in the form of a create request.
func createBody(want Spec) *value.Map {
	body := value.NewMap("Image", want.Image)
	for _, s := range want.Settings {
		put(body, strings.TrimPrefix(s.Path, "Config."), s.Want)
	}
	if want.Platform != "" {
		body.Set("platform", want.Platform)
	}
	if firstInBody(want) {
		first := want.Networks[0]
		put(body, "HostConfig.NetworkMode", first.Network)
		endpoints := value.NewMap(first.Network, first.body())
		body.Set("NetworkingConfig", value.NewMap("EndpointsConfig", endpoints))
	}
	return body
}

// firstInBody says whether the first network is given at creation: a container
// starts with one network, as `docker run --network` does it, and the others
// are connected afterwards.
func firstInBody(want Spec) bool {
	mode := networkMode(want)
	return len(want.Networks) > 0 && !want.LateNetworks && (mode == "" || mode == want.Networks[0].Network)
}

func networkMode(want Spec) string {
	for _, s := range want.Settings {
		if s.Path == "HostConfig.NetworkMode" {
			return fmt.Sprint(s.Want)
		}
	}
	return ""
}
