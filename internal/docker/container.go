package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"rollout/internal/value"
)

// Container is what an engine says of a container: `docker inspect`'s answer.
type Container struct{ Raw *value.Map }

// ID is the container's full id.
func (c *Container) ID() string { return c.Raw.String("Id") }

// Name is the container's name without its slash.
func (c *Container) Name() string { return strings.TrimPrefix(c.Raw.String("Name"), "/") }

// ImageID is the id of the image it was made of.
func (c *Container) ImageID() string { return c.Raw.String("Image") }

// ImageName is the name under which the image was asked for.
func (c *Container) ImageName() string { return c.Raw.Map("Config").String("Image") }

// Running reports whether its main process runs (paused counts).
func (c *Container) Running() bool { return c.Raw.Map("State").Bool("Running") }

// Paused reports whether it is paused.
func (c *Container) Paused() bool { return c.Raw.Map("State").Bool("Paused") }

// Status is "running", "exited", "removing" ….
func (c *Container) Status() string { return c.Raw.Map("State").String("Status") }

// ExitCode is what its main process ended with.
func (c *Container) ExitCode() int { return c.Raw.Map("State").Int("ExitCode") }

// Names gives all names of those of the containers that are there: its own, and
// as "consumer/alias" one for each living link to it.
func (e *Engine) Names(ctx context.Context, containers []string) (map[string][]string, error) {
	args := filters.NewArgs()
	for _, name := range containers {
		args.Add("name", "^/?"+regexp.QuoteMeta(name)+"$")
	}
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: args})
	if err != nil {
		return nil, e.failed(ctx, err, "list containers")
	}
	out := map[string][]string{}
	for _, c := range list {
		var names []string
		for _, n := range c.Names {
			names = append(names, strings.TrimPrefix(n, "/"))
		}
		out[plainName(c.Names)] = names
	}
	return out, nil
}

// WithoutLinks is the container with those of its links left out that dead
// names.
func (c *Container) WithoutLinks(dead func(link any) bool) *Container {
	host := dictOf(c.Raw.At("HostConfig")).Clone()
	host.Set("Links", slices.DeleteFunc(slices.Clone(host.List("Links")), dead))
	raw := c.Raw.Clone()
	raw.Set("HostConfig", host)
	return &Container{Raw: raw}
}

// Health is "healthy", "unhealthy", "starting", or "" without a health check.
func (c *Container) Health() string { return c.Raw.Map("State").Map("Health").String("Status") }

// LastCheck is what the last health check printed.
func (c *Container) LastCheck() string {
	log := c.Raw.Map("State").Map("Health").List("Log")
	if len(log) == 0 {
		return ""
	}
	last, _ := log[len(log)-1].(*value.Map)
	return strings.TrimSpace(last.String("Output"))
}

// Container inspects a container by name or id; nil where there is none.
func (e *Engine) Container(ctx context.Context, name string) (*Container, error) {
	_, raw, err := e.api.ContainerInspectWithRaw(ctx, name, false)
	err = e.failed(ctx, err, "inspect container %s", name)
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := decodeMap(raw)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect container %s on %s: %w", name, e.host, err)
	}
	return &Container{Raw: m}, nil
}

func decodeMap(raw []byte) (*value.Map, error) {
	v, err := value.FromJSON(raw)
	if err != nil {
		return nil, err
	}
	m, ok := v.(*value.Map)
	if !ok {
		return nil, fmt.Errorf("the engine's answer is no JSON object")
	}
	return m, nil
}

// Listed is one line of a list of containers.
type Listed struct {
	ID, Name, Image, ImageID string
	State                    string // running, exited, …
	Status                   string // "Up 2 minutes (healthy)"
	Labels                   map[string]string
}

// Health is what the container's health check says ("healthy", "health:
// starting") where it has one and runs, else its state.
func (l Listed) Health() string {
	if _, health, ok := strings.Cut(l.Status, "("); ok && l.State == "running" {
		return strings.TrimSuffix(health, ")")
	}
	return l.State
}

// Containers lists all containers, running or not, that carry every given
// label ("key" or "key=value").
func (e *Engine) Containers(ctx context.Context, labels ...string) ([]Listed, error) {
	args := filters.NewArgs()
	for _, l := range labels {
		args.Add("label", l)
	}
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: args})
	if err != nil {
		return nil, e.failed(ctx, err, "list containers")
	}
	out := make([]Listed, 0, len(list))
	for _, c := range list {
		out = append(out, Listed{ID: c.ID, Name: plainName(c.Names), Image: c.Image, ImageID: c.ImageID,
			State: string(c.State), Status: c.Status, Labels: c.Labels})
	}
	return out, nil
}

// plainName picks the container's own name: a linked one is also listed as
// /consumer/alias.
func plainName(names []string) string {
	for _, n := range names {
		if n = strings.TrimPrefix(n, "/"); !strings.Contains(n, "/") {
			return n
		}
	}
	return ""
}

// Create makes a container from a body in the API's own form: Config's keys at
// the top, HostConfig and NetworkingConfig beside them.
func (e *Engine) Create(ctx context.Context, name string, body *value.Map) (id string, warnings []string, err error) {
	var req container.CreateRequest
	if err := encode(body, &req); err != nil {
		return "", nil, fmt.Errorf("cannot create container %s on %s: %w", name, e.host, err)
	}
	if req.Config == nil {
		req.Config = &container.Config{}
	}
	platform, err := platformOf(body.String("platform"))
	if err != nil {
		return "", nil, fmt.Errorf("cannot create container %s on %s: %w", name, e.host, err)
	}
	made, err := e.api.ContainerCreate(ctx, req.Config, req.HostConfig, req.NetworkingConfig, platform, name)
	return made.ID, made.Warnings, e.failed(ctx, err, "create container %s", name)
}

// encode turns a value into one of the client's types by way of JSON.
func encode(v *value.Map, into any) error {
	raw, err := value.ToJSON(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func platformOf(text string) (*ocispec.Platform, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, fmt.Errorf("platform %q is not os/architecture (such as linux/amd64)", text)
	}
	p := &ocispec.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

// Start starts a container; a running one is left alone.
func (e *Engine) Start(ctx context.Context, name string) error {
	return e.failed(ctx, e.api.ContainerStart(ctx, name, container.StartOptions{}), "start container %s", name)
}

// Stop stops a container, killing it after timeout seconds; nil leaves the
// container's own limit.
func (e *Engine) Stop(ctx context.Context, name string, timeout *int) error {
	return e.failed(ctx, e.api.ContainerStop(ctx, name, container.StopOptions{Timeout: timeout}), "stop container %s", name)
}

// Restart stops and starts a container.
func (e *Engine) Restart(ctx context.Context, name string, timeout *int) error {
	return e.failed(ctx, e.api.ContainerRestart(ctx, name, container.StopOptions{Timeout: timeout}), "restart container %s", name)
}

// Kill sends a signal to a container's main process; "" is KILL.
func (e *Engine) Kill(ctx context.Context, name, signal string) error {
	return e.failed(ctx, e.api.ContainerKill(ctx, name, signal), "kill container %s", name)
}

// Pause freezes a container's processes.
func (e *Engine) Pause(ctx context.Context, name string) error {
	return e.failed(ctx, e.api.ContainerPause(ctx, name), "pause container %s", name)
}

// Unpause lets a container's processes go on.
func (e *Engine) Unpause(ctx context.Context, name string) error {
	return e.failed(ctx, e.api.ContainerUnpause(ctx, name), "unpause container %s", name)
}

// Remove removes a container, with its anonymous volumes where volumes is set;
// force kills it first.
func (e *Engine) Remove(ctx context.Context, name string, volumes, force bool) error {
	err := e.api.ContainerRemove(ctx, name, container.RemoveOptions{RemoveVolumes: volumes, Force: force})
	return e.failed(ctx, err, "remove container %s", name)
}

// Update changes limits and the restart policy of a container as it runs. The
// body is in the form of HostConfig.
func (e *Engine) Update(ctx context.Context, name string, body *value.Map) error {
	var req container.UpdateConfig
	if err := encode(body, &req); err != nil {
		return fmt.Errorf("cannot update container %s on %s: %w", name, e.host, err)
	}
	_, err := e.api.ContainerUpdate(ctx, name, req)
	return e.failed(ctx, err, "update container %s", name)
}

// Connect attaches a container to a network; endpoint is in the API's form and
// may be nil.
func (e *Engine) Connect(ctx context.Context, net, name string, endpoint *value.Map) error {
	var settings network.EndpointSettings
	if endpoint != nil {
		if err := encode(endpoint, &settings); err != nil {
			return fmt.Errorf("cannot connect container %s to network %s on %s: %w", name, net, e.host, err)
		}
	}
	return e.failed(ctx, e.api.NetworkConnect(ctx, net, name, &settings), "connect container %s to network %s", name, net)
}

// Disconnect detaches a container from a network.
func (e *Engine) Disconnect(ctx context.Context, net, name string) error {
	return e.failed(ctx, e.api.NetworkDisconnect(ctx, net, name, true), "disconnect container %s from network %s", name, net)
}
