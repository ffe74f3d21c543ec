package network

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// mostItems bounds a page; Neutron's own default knows no bound, so this is far above what a lab holds.
const mostItems = 100000

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// stamp renders a time as Neutron does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// common are the attributes that all records have.
func common(c *cloud.Common) wire.Object {
	return wire.Object{"id": c.ID, "name": c.Name, "description": c.Description, "tenant_id": c.ProjectID,
		"project_id": c.ProjectID, "tags": tags(c), "created_at": stamp(c.Created), "updated_at": stamp(c.Updated),
		"revision_number": c.Revision}
}

func tags(c *cloud.Common) []string { return orEmpty(c.Tags) }

// orNull is null for an empty text.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// orEmpty is a copy of the list, which outlives the lock, and an empty list for nil: clients trip over null.
func orEmpty[T any](list []T) []T { return append([]T{}, list...) }

// list answers a GET of a collection: filters on any attribute, sorts, cuts a page, picks fields.
func list(r *http.Request, collection string, views []wire.Object, known wire.Object) (wire.Answer, error) {
	query := r.URL.Query()
	if err := checkFilters(query, known); err != nil {
		return wire.Answer{}, err
	}
	views = slices.DeleteFunc(views, func(view wire.Object) bool { return !matches(view, query) })
	if err := order(views, query); err != nil {
		return wire.Answer{}, err
	}
	page, more, err := wire.Page(views, func(view wire.Object) string { return fmt.Sprint(view["id"]) }, query, mostItems)
	if err != nil {
		return wire.Answer{}, err
	}
	body := wire.Object{}
	if more {
		next := wire.NextQuery(query, fmt.Sprint(page[len(page)-1]["id"]))
		body[collection+"_links"] = []wire.Object{{"rel": "next",
			"href": wire.Root(r, "network") + r.URL.Path + "?" + next}}
	}
	body[collection] = pick(page, query["fields"])
	return wire.OK(body)
}

// directives are the query parameters that are no filters.
var directives = []string{"limit", "marker", "sort_key", "sort_dir", "fields",
	"tags", "tags-any", "not-tags", "not-tags-any"}

func checkFilters(query url.Values, known wire.Object) error {
	for _, name := range sortedNames(query) {
		if _, ok := known[name]; !ok && !slices.Contains(directives, name) {
			return badRequest("['%s'] is invalid attribute for filtering", name)
		}
	}
	return nil
}

func matches(view wire.Object, query url.Values) bool {
	for name, wanted := range query {
		if slices.Contains(directives, name) {
			if !tagged(view, name, wanted[0]) {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(wanted, func(want string) bool { return equal(view[name], name, want) }) {
			return false
		}
	}
	return true
}

func equal(value any, name, want string) bool {
	switch value := value.(type) {
	case nil:
		return want == "" || want == "None"
	case bool:
		return strings.EqualFold(want, fmt.Sprint(value)) || want == map[bool]string{true: "1", false: "0"}[value]
	case []cloud.FixedIP:
		return slices.ContainsFunc(value, func(ip cloud.FixedIP) bool { return fixedMatches(ip, want) })
	case []string:
		return slices.Contains(value, want)
	default:
		if name == "mac_address" {
			return strings.EqualFold(fmt.Sprint(value), want)
		}
		return fmt.Sprint(value) == want
	}
}

// fixedMatches reads the filter fixed_ips=ip_address=… or subnet_id=…, and ip_address_substr.
func fixedMatches(ip cloud.FixedIP, want string) bool {
	key, value, _ := strings.Cut(want, "=")
	switch key {
	case "ip_address":
		return ip.Address == value
	case "ip_address_substr":
		return strings.Contains(ip.Address, value)
	case "subnet_id", "subnet":
		return ip.SubnetID == value
	}
	return false
}

func tagged(view wire.Object, directive, wanted string) bool {
	have, _ := view["tags"].([]string)
	has := func(tag string) bool { return slices.Contains(have, tag) }
	want := strings.Split(wanted, ",")
	all := !slices.ContainsFunc(want, func(tag string) bool { return !has(tag) })
	switch directive {
	case "tags":
		return all
	case "tags-any":
		return slices.ContainsFunc(want, has)
	case "not-tags":
		return !all
	case "not-tags-any":
		return !slices.ContainsFunc(want, has)
	}
	return true
}

// order sorts by ?sort_key= and ?sort_dir=, then by id.
func order(views []wire.Object, query url.Values) error {
	keys, directions := query["sort_key"], query["sort_dir"]
	if len(keys) != len(directions) && len(directions) > 0 {
		return wire.Errorf(http.StatusBadRequest, "BadRequest", "The number of sort_keys and sort_dirs must be same")
	}
	slices.SortStableFunc(views, func(a, b wire.Object) int {
		for i, key := range keys {
			sign := 1
			if i < len(directions) && directions[i] == "desc" {
				sign = -1
			}
			if c := cmp.Compare(strings.ToLower(fmt.Sprint(a[key])), strings.ToLower(fmt.Sprint(b[key]))); c != 0 {
				return sign * c
			}
		}
		return cmp.Compare(fmt.Sprint(a["id"]), fmt.Sprint(b["id"]))
	})
	return nil
}

// pick keeps the attributes named by ?fields=, all when there are none.
func pick(views []wire.Object, names []string) []wire.Object {
	picked := make([]wire.Object, 0, len(views))
	for _, view := range views {
		if len(names) > 0 {
			full := view
			view = wire.Object{}
			for _, name := range names {
				if value, ok := full[name]; ok {
					view[name] = value
				}
			}
		}
		picked = append(picked, view)
	}
	return picked
}

// collection lists records of one kind.
func collection[T any](s *Service, r *http.Request, name string, records func(*cloud.State) map[string]T, view func(*cloud.State, T) wire.Object, blank T) (wire.Answer, error) {
	var views []wire.Object
	var known wire.Object
	s.store.View(func(state *cloud.State) {
		known = view(state, blank)
		for _, record := range cloud.Sorted(records(state)) {
			views = append(views, view(state, record))
		}
	})
	return list(r, name, views, known)
}
