package docker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"rollout/internal/value"
)

// Network inspects a network by name or id; nil where there is none.
func (e *Engine) Network(ctx context.Context, name string) (*value.Map, error) {
	_, raw, err := e.api.NetworkInspectWithRaw(ctx, name, network.InspectOptions{})
	return e.object(ctx, raw, err, "network", name)
}

// Volume inspects a volume; nil where there is none.
func (e *Engine) Volume(ctx context.Context, name string) (*value.Map, error) {
	_, raw, err := e.api.VolumeInspectWithRaw(ctx, name)
	return e.object(ctx, raw, err, "volume", name)
}

func (e *Engine) object(ctx context.Context, raw []byte, err error, kind, name string) (*value.Map, error) {
	err = e.failed(ctx, err, "inspect %s %s", kind, name)
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := decodeMap(raw)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect %s %s on %s: %w", kind, name, e.host, err)
	}
	return m, nil
}

// CreateNetwork makes a network from options in the API's form and returns its
// id.
func (e *Engine) CreateNetwork(ctx context.Context, name string, body *value.Map) (string, error) {
	var req network.CreateOptions
	if err := encode(body, &req); err != nil {
		return "", fmt.Errorf("cannot create network %s on %s: %w", name, e.host, err)
	}
	made, err := e.api.NetworkCreate(ctx, name, req)
	return made.ID, e.failed(ctx, err, "create network %s", name)
}

// RemoveNetwork removes a network.
func (e *Engine) RemoveNetwork(ctx context.Context, name string) error {
	return e.failed(ctx, e.api.NetworkRemove(ctx, name), "remove network %s", name)
}

// CreateVolume makes a volume from options in the API's form.
func (e *Engine) CreateVolume(ctx context.Context, name string, body *value.Map) error {
	var req volume.CreateOptions
	if err := encode(body, &req); err != nil {
		return fmt.Errorf("cannot create volume %s on %s: %w", name, e.host, err)
	}
	req.Name = name
	_, err := e.api.VolumeCreate(ctx, req)
	return e.failed(ctx, err, "create volume %s", name)
}

// RemoveVolume removes a volume.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	return e.failed(ctx, e.api.VolumeRemove(ctx, name, false), "remove volume %s", name)
}

// Info is `docker info`.
func (e *Engine) Info(ctx context.Context) (*value.Map, error) {
	info, err := e.api.Info(ctx)
	if err != nil {
		return nil, e.failed(ctx, err, "ask for the engine's state")
	}
	return asMap(info)
}

// Networks lists the engine's networks in the API's form.
func (e *Engine) Networks(ctx context.Context) ([]any, error) {
	list, err := e.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, e.failed(ctx, err, "list networks")
	}
	return asList(list)
}

// Volumes lists the engine's volumes in the API's form.
func (e *Engine) Volumes(ctx context.Context) ([]any, error) {
	answer, err := e.api.VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		return nil, e.failed(ctx, err, "list volumes")
	}
	return asList(answer.Volumes)
}

// generic turns one of the client's types into values by way of JSON.
func generic(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return value.FromJSON(raw)
}

func asMap(v any) (*value.Map, error) {
	g, err := generic(v)
	return dictOf(g), err
}

func asList(v any) ([]any, error) {
	g, err := generic(v)
	return listOf(g), err
}
