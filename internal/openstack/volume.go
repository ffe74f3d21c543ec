package openstack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"rollout/internal/value"
)

// Volume is a disk of the volume service.
type Volume struct {
	ID, Name, Status string
	Servers          []string // ids of those it is attached to
}

// Volumes returns the project's volumes; none where the cloud has no volume
// service.
func (c *Cloud) Volumes(ctx context.Context) ([]Volume, error) {
	if c.volume == nil {
		return nil, nil
	}
	list, err := c.volume.list(ctx, "volumes/detail", nil, "volumes")
	if err != nil {
		return nil, fmt.Errorf("cannot list volumes: %w", err)
	}
	out := make([]Volume, 0, len(list))
	for _, m := range list {
		out = append(out, volumeFrom(m))
	}
	return out, nil
}

func volumeFrom(m *value.Map) Volume {
	return Volume{ID: m.String("id"), Name: m.String("name"), Status: m.String("status"),
		Servers: fieldOf(m.List("attachments"), "server_id")}
}

// DeleteVolume waits until a volume is free, deletes it, and waits until it is
// gone.
func (c *Cloud) DeleteVolume(ctx context.Context, id string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	asked, last := false, "nothing"
	for {
		m, err := c.volume.get(ctx, "volumes/"+id, "volume")
		if IsStatus(err, http.StatusNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot look at volume %s: %w", id, err)
		}
		last = m.String("status")
		if !asked && (last == "available" || last == "error") {
			if err := c.volume.delete(ctx, "volumes/"+id); err != nil {
				return fmt.Errorf("cannot delete volume %s: %w", id, err)
			}
			asked = true
		}
		if err := Sleep(ctx, time.Second); err != nil {
			return &DeadlineError{What: "volume " + id + " to be gone", Limit: limit, Last: last}
		}
	}
}
