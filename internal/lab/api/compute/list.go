package compute

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// mostItems is Nova's max_limit: no page is longer.
const mostItems = 1000

// listServers answers GET /servers and /servers/detail.
func (s *Service) listServers(detail bool) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		query := r.URL.Query()
		wants, err := wanted(r, query)
		if err != nil {
			return wire.Answer{}, err
		}
		s.hypervisor.Observe()
		body := wire.Object{}
		s.store.View(func(state *cloud.State) { err = fillPage(r, state, body, detail, wants) })
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.OK(body)
	}
}

func fillPage(r *http.Request, state *cloud.State, body wire.Object, detail bool, wants wish) error {
	query := r.URL.Query()
	servers := []*cloud.Server{}
	for _, server := range cloud.ByAge(state.Servers) {
		if wants(state, server) {
			servers = append(servers, server)
		}
	}
	slices.Reverse(servers) // the newest comes first
	if err := order(servers, query); err != nil {
		return err
	}
	page, more, err := wire.Page(servers, func(server *cloud.Server) string { return server.ID }, query, mostItems)
	if err != nil {
		return err
	}
	if more {
		body["servers_links"] = []wire.Object{{"rel": "next",
			"href": wire.Root(r, "compute") + r.URL.Path + "?" + wire.NextQuery(query, page[len(page)-1].ID)}}
	}
	views := []any{}
	for _, server := range page {
		if detail {
			views = append(views, serverView(r, state, server))
		} else {
			views = append(views, wire.Object{"id": server.ID, "name": server.Name, "links": links(r, "servers", server.ID)})
		}
	}
	body["servers"] = views
	return nil
}

// wish tells whether a server is one of those asked for.
type wish func(*cloud.State, *cloud.Server) bool

// filters are the ones that Nova has for a member of a project. Metadata is none of them.
var filters = map[string]func(values []string) (wish, error){
	"name":              byRegex(func(_ *cloud.State, s *cloud.Server) []string { return []string{s.Name} }),
	"ip":                byRegex(ips),
	"status":            byStatus,
	"image":             byValue(func(s *cloud.Server) string { return s.ImageID }),
	"flavor":            byValue(func(s *cloud.Server) string { return s.Flavor.ID }),
	"key_name":          byValue(func(s *cloud.Server) string { return s.KeyName }),
	"availability_zone": byValue(func(s *cloud.Server) string { return s.Zone }),
	"user_id":           byValue(func(s *cloud.Server) string { return s.UserID }),
	"uuid":              byValue(func(s *cloud.Server) string { return s.ID }),
	"vm_state":          byValue(func(s *cloud.Server) string { return s.VMState }),
	"task_state":        byValue(func(s *cloud.Server) string { return s.TaskState }),
	"hostname":          byValue(func(s *cloud.Server) string { return s.Hostname }),
	"description":       byRegex(func(_ *cloud.State, s *cloud.Server) []string { return []string{s.Description} }),
	"tags":              byTags(func(has func(string) bool, want []string) bool { return !slices.ContainsFunc(want, not(has)) }),
	"tags-any":          byTags(func(has func(string) bool, want []string) bool { return slices.ContainsFunc(want, has) }),
	"not-tags":          byTags(func(has func(string) bool, want []string) bool { return slices.ContainsFunc(want, not(has)) }),
	"not-tags-any":      byTags(func(has func(string) bool, want []string) bool { return !slices.ContainsFunc(want, has) }),
	"changes-since":     byTime("changes-since", func(updated, at time.Time) bool { return !updated.Before(at) }),
	"changes-before":    byTime("changes-before", func(updated, at time.Time) bool { return !updated.After(at) }),
}

// directives are query parameters that Nova takes and that filter nothing here.
var directives = []string{"limit", "marker", "sort_key", "sort_dir", "project_id", "tenant_id", "deleted", "locked",
	"host", "node", "reservation_id", "config_drive", "power_state", "progress", "created_at", "launched_at",
	"terminated_at", "access_ip_v4", "access_ip_v6", "ip6", "display_name", "display_description", "root_device_name", "auto_disk_config"}

func wanted(r *http.Request, query url.Values) (wish, error) {
	var wishes []wish
	for name, values := range query {
		switch build, known := filters[name]; {
		case name == "all_tenants" || name == "all_projects":
			if truth := strings.ToLower(values[0]); truth != "0" && truth != "false" {
				return nil, policy("servers:index:get_all_tenants")
			}
		case known:
			w, err := build(values)
			if err != nil {
				return nil, err
			}
			wishes = append(wishes, w)
		case since(r, 75) && !slices.Contains(directives, name) && !strings.HasPrefix(name, "_"):
			return nil, badRequest("'%s' does not match any of the regexes: '^_'", name)
		}
	}
	return func(state *cloud.State, server *cloud.Server) bool {
		return !slices.ContainsFunc(wishes, func(w wish) bool { return !w(state, server) })
	}, nil
}

func ips(state *cloud.State, server *cloud.Server) []string {
	var list []string
	for _, a := range addressList(state, server) {
		list = append(list, a.ip)
	}
	return list
}

func byRegex(texts func(*cloud.State, *cloud.Server) []string) func([]string) (wish, error) {
	return func(values []string) (wish, error) {
		// Nova's database takes no account of case, and Nova takes alternatives away.
		pattern, err := regexp.Compile("(?i)" + strings.ReplaceAll(values[0], "|", `\|`))
		if err != nil {
			return nil, badRequest("Invalid input for query parameters name. Value: %s. '%s' is not a 'regex'", values[0], values[0])
		}
		return func(state *cloud.State, server *cloud.Server) bool {
			return slices.ContainsFunc(texts(state, server), pattern.MatchString)
		}, nil
	}
}

func byStatus(values []string) (wish, error) {
	return func(_ *cloud.State, server *cloud.Server) bool {
		return slices.ContainsFunc(values, func(value string) bool { return strings.EqualFold(value, status(server)) })
	}, nil
}

func byValue(value func(*cloud.Server) string) func([]string) (wish, error) {
	return func(values []string) (wish, error) {
		return func(_ *cloud.State, server *cloud.Server) bool { return slices.Contains(values, value(server)) }, nil
	}
}

func not(has func(string) bool) func(string) bool {
	return func(text string) bool { return !has(text) }
}

func byTags(good func(has func(string) bool, want []string) bool) func([]string) (wish, error) {
	return func(values []string) (wish, error) {
		want := strings.Split(values[0], ",")
		return func(_ *cloud.State, server *cloud.Server) bool {
			return good(func(tag string) bool { return slices.Contains(server.Tags, tag) }, want)
		}, nil
	}
}

func byTime(name string, good func(updated, at time.Time) bool) func([]string) (wish, error) {
	return func(values []string) (wish, error) {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02T15:04:05-0700", "2006-01-02"} {
			if at, err := time.Parse(layout, values[0]); err == nil {
				return func(_ *cloud.State, server *cloud.Server) bool { return good(server.Updated, at) }, nil
			}
		}
		return nil, badRequest("Invalid input for query parameters %s. Value: %s. '%s' is not a 'date-time'", name, values[0], values[0])
	}
}

// sortKeys are what servers can be sorted by.
var sortKeys = map[string]func(*cloud.Server) string{
	"created_at":        func(s *cloud.Server) string { return s.Created.UTC().Format(time.RFC3339Nano) },
	"updated_at":        func(s *cloud.Server) string { return s.Updated.UTC().Format(time.RFC3339Nano) },
	"launched_at":       func(s *cloud.Server) string { return s.Launched.UTC().Format(time.RFC3339Nano) },
	"display_name":      func(s *cloud.Server) string { return s.Name },
	"name":              func(s *cloud.Server) string { return s.Name },
	"uuid":              func(s *cloud.Server) string { return s.ID },
	"vm_state":          func(s *cloud.Server) string { return s.VMState },
	"task_state":        func(s *cloud.Server) string { return s.TaskState },
	"key_name":          func(s *cloud.Server) string { return s.KeyName },
	"image_ref":         func(s *cloud.Server) string { return s.ImageID },
	"availability_zone": func(s *cloud.Server) string { return s.Zone },
	"hostname":          func(s *cloud.Server) string { return s.Hostname },
}

// order sorts by ?sort_key= and ?sort_dir= ("desc" without one).
func order(servers []*cloud.Server, query url.Values) error {
	keys, directions := query["sort_key"], query["sort_dir"]
	for _, key := range keys {
		if sortKeys[key] == nil {
			return badRequest("Invalid input for query parameters sort_key. Value: %s. '%s' is not one of the keys that servers are sorted by", key, key)
		}
	}
	slices.SortStableFunc(servers, func(a, b *cloud.Server) int {
		for i, key := range keys {
			c := cmp.Compare(sortKeys[key](a), sortKeys[key](b))
			if i >= len(directions) || directions[i] != "asc" {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return nil
}
