package openstack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"rollout/internal/value"
)

// service is one API of the cloud. Answers are decoded into ordered maps, since
// the order of a server's networks is the order of its network cards, and since
// modules return them whole.
type service struct {
	kind   string
	client *gophercloud.ServiceClient
}

// Pages of a list beyond this number are a server's mistake.
const maxPages = 1000

func (s *service) call(ctx context.Context, method, path string, body any, headers map[string]string) (*value.Map, error) {
	return s.callURL(ctx, method, s.client.Endpoint+path, body, headers)
}

func (s *service) callURL(ctx context.Context, method, address string, body any, headers map[string]string) (*value.Map, error) {
	opts := &gophercloud.RequestOpts{
		JSONBody:         body,
		MoreHeaders:      headers,
		OkCodes:          []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent},
		KeepResponseBody: true,
	}
	resp, err := s.client.Request(ctx, method, address, opts)
	for renewed(ctx, err) {
		resp, err = s.client.Request(ctx, method, address, opts)
	}
	if err != nil {
		return nil, tidy(s.kind, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot read the answer to %s %s: %w", method, address, err)
	}
	if len(strings.TrimSpace(string(data))) == 0 {
		return value.NewMap(), nil
	}
	v, err := value.FromJSON(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the answer to %s %s: %w", method, address, err)
	}
	m, ok := v.(*value.Map)
	if !ok {
		return nil, fmt.Errorf("cannot read the answer to %s %s: not a JSON object", method, address)
	}
	return m, nil
}

// get fetches one thing, which stands under key; no key is the answer itself.
func (s *service) get(ctx context.Context, path, key string) (*value.Map, error) {
	return s.one(ctx, http.MethodGet, path, nil, key, nil)
}

func (s *service) one(ctx context.Context, method, path string, body any, key string, headers map[string]string) (*value.Map, error) {
	m, err := s.call(ctx, method, path, body, headers)
	if err != nil || key == "" {
		return m, err
	}
	inner := m.Map(key)
	if inner == nil {
		return nil, fmt.Errorf("the answer of %s to %s %s has no %q", serviceName(s.kind), method, path, key)
	}
	return inner, nil
}

func (s *service) create(ctx context.Context, path, key string, body any) (*value.Map, error) {
	return s.one(ctx, http.MethodPost, path, map[string]any{key: body}, key, nil)
}

func (s *service) update(ctx context.Context, path, key string, body any) (*value.Map, error) {
	return s.one(ctx, http.MethodPut, path, map[string]any{key: body}, key, nil)
}

// delete deletes, and takes what is gone already for success.
func (s *service) delete(ctx context.Context, path string) error {
	_, err := s.call(ctx, http.MethodDelete, path, nil, nil)
	if IsStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// list fetches all pages of a list.
func (s *service) list(ctx context.Context, path string, query url.Values, key string) ([]*value.Map, error) {
	address := s.client.Endpoint + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var out []*value.Map
	for range maxPages {
		m, err := s.callURL(ctx, http.MethodGet, address, nil, nil)
		if err != nil {
			return nil, err
		}
		page := m.List(key)
		for _, e := range page {
			if item, ok := e.(*value.Map); ok {
				out = append(out, item)
			}
		}
		next := s.nextPage(m, key)
		if next == "" || len(page) == 0 {
			return out, nil
		}
		address = next
	}
	return nil, fmt.Errorf("the list %s of %s does not end", path, serviceName(s.kind))
}

// nextPage finds the link to the next page: Nova and Neutron have
// "<key>_links", Glance a path under "next".
func (s *service) nextPage(m *value.Map, key string) string {
	for _, e := range m.List(key + "_links") {
		if link, ok := e.(*value.Map); ok && link.String("rel") == "next" {
			return s.sameHost(link.String("href"))
		}
	}
	if next := m.String("next"); next != "" {
		return s.sameHost(next)
	}
	return ""
}

// sameHost keeps the scheme and host of the catalog in a next link: behind a
// proxy, services are known to name themselves wrongly there.
func (s *service) sameHost(href string) string {
	u, err := url.Parse(href)
	base, baseErr := url.Parse(s.client.Endpoint)
	if err != nil || baseErr != nil {
		return ""
	}
	u.Scheme, u.Host = base.Scheme, base.Host
	return u.String()
}

// versions reads the list of versions at a service's root: Keystone answers
// {"versions": {"values": […]}}, the others {"versions": […]}.
func (s *service) versions(ctx context.Context) ([]*value.Map, error) {
	opts := &gophercloud.RequestOpts{OkCodes: []int{http.StatusOK, http.StatusMultipleChoices}, KeepResponseBody: true}
	resp, err := s.client.Request(ctx, http.MethodGet, s.client.Endpoint, opts)
	if err != nil {
		return nil, tidy(s.kind, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	v, err := value.FromJSON(data)
	if err != nil {
		return nil, err
	}
	doc, _ := v.(*value.Map)
	list := doc.List("versions")
	if list == nil {
		list = doc.Map("versions").List("values")
	}
	if one := doc.Map("version"); one != nil {
		list = []any{one}
	}
	var out []*value.Map
	for _, e := range list {
		if m, ok := e.(*value.Map); ok {
			out = append(out, m)
		}
	}
	return out, nil
}

// linksOf returns the addresses of an answer's links of that kind.
func linksOf(m *value.Map, rel string) []string {
	var out []string
	for _, e := range m.List("links") {
		if link, ok := e.(*value.Map); ok && link.String("rel") == rel {
			out = append(out, link.String("href"))
		}
	}
	return out
}

// A create, with the looks for what became of lost ones, ends within this.
const maxCreating = 6 * time.Minute

// makeOnce creates something without ever making a twin: after an answer that
// was lost, look tells what the cloud made of the request, before another one
// is sent. What was sent may still be on its way, so it looks more than once.
func makeOnce[T any](ctx context.Context, first time.Duration, look func(context.Context) (T, bool, error), send func(context.Context) (T, error)) (T, error) {
	const tries = 3
	var zero T
	ctx, cancel := context.WithTimeout(ctx, maxCreating)
	defer cancel()
	for try := 1; ; try++ {
		made, err := send(ctx)
		if err == nil || !unsure(err) {
			return made, err
		}
		wait := first
		for range 3 {
			if Sleep(ctx, wait) != nil {
				return zero, err
			}
			found, ok, lookErr := look(ctx)
			if lookErr != nil {
				return zero, fmt.Errorf("%w; and cannot tell what became of it: %w", err, lookErr)
			}
			if ok {
				return found, nil
			}
			wait *= 2
		}
		if try == tries {
			return zero, err
		}
	}
}

// Sleep waits for d, or until ctx ends: then its error is returned.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// grace is how long a lost request gets to show its effect before the first look.
func (c *Cloud) grace() time.Duration { return 4 * c.transport.retry.First }

// query builds a URL query from key, value pairs; empty values are left out.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Add(pairs[i], pairs[i+1])
		}
	}
	return q
}
