package openstack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"rollout/internal/value"
)

// NoTimeError says that a service's answers don't carry the time.
type NoTimeError struct{ Service string }

func (e *NoTimeError) Error() string { return e.Service + "'s answers don't tell the time" }

// dated makes a call and returns also the service's time, of its Date header
// (RFC 9110, section 6.6.1).
func (s *service) dated(ctx context.Context, method, path string) (*value.Map, time.Time, error) {
	resp, err := s.client.Request(ctx, method, s.client.Endpoint+path, &gophercloud.RequestOpts{
		OkCodes: []int{http.StatusOK, http.StatusCreated, http.StatusNoContent}, KeepResponseBody: true})
	if err != nil {
		return nil, time.Time{}, tidy(s.kind, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("cannot read the answer to %s %s: %w", method, path, err)
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return nil, now, &NoTimeError{serviceName(s.kind)}
	}
	answer, _ := value.FromJSON(data) // an answer without a body is none
	m, _ := answer.(*value.Map)
	return m, now, nil
}

// Clock is the cloud's time, which its servers' ages are told by.
func (c *Cloud) Clock(ctx context.Context) (time.Time, error) {
	_, now, err := c.compute.dated(ctx, http.MethodGet, "servers?limit=1")
	if err != nil {
		return now, fmt.Errorf("cannot ask the cloud for the time: %w", err)
	}
	return now, nil
}
