package clouds

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// entry is one cloud as a file, an argument or the variables have it, flat.
type entry struct {
	values  map[string]string // "auth.username", "region_name" …
	regions []region
}

// region is one of `regions:`, with what is different there.
type region struct {
	name   string
	values map[string]string
}

func newEntry() entry { return entry{values: map[string]string{}} }

// over puts e above below, without changing either.
func (e entry) over(below entry) entry {
	out := entry{values: map[string]string{}, regions: below.regions}
	put(out.values, below.values)
	put(out.values, e.values)
	if len(e.regions) > 0 {
		out.regions = e.regions
	} else if e.values["region_name"] != "" {
		out.regions = nil
	}
	return out
}

// entryFromNode keeps scalars as they are written, so that a password 0123
// stays one.
func entryFromNode(n *document.Node) entry {
	e := newEntry()
	for _, pair := range n.Entries {
		if pair.Name() == "regions" && pair.Value.Kind == document.Sequence {
			for _, item := range pair.Value.Items {
				e.regions = append(e.regions, regionFromNode(item))
			}
			continue
		}
		flatten(e.values, "", pair)
	}
	return e
}

func flatten(into map[string]string, prefix string, pair *document.Entry) {
	key := prefix + strings.ReplaceAll(pair.Name(), "-", "_")
	switch n := pair.Value; {
	case n.Kind == document.Mapping:
		for _, inner := range n.Entries {
			flatten(into, key+".", inner)
		}
	case n.Kind == document.Scalar && n.Value != nil:
		into[key] = n.Text
	}
}

func regionFromNode(n *document.Node) region {
	if n.Kind != document.Mapping {
		return region{name: n.Text}
	}
	r := region{}
	if name := n.Get("name"); name != nil {
		r.name = name.Text
	}
	if values := n.Get("values"); values != nil {
		r.values = entryFromNode(values).values
	}
	return r
}

// entryFromMap is entryFromNode for an entry that is an argument.
func entryFromMap(m *value.Map) entry {
	e := newEntry()
	for k, v := range m.All() {
		if list, ok := v.([]any); ok && k == "regions" {
			for _, item := range list {
				e.regions = append(e.regions, regionFromAny(item))
			}
			continue
		}
		flattenAny(e.values, strings.ReplaceAll(fmt.Sprint(k), "-", "_"), v)
	}
	return e
}

func flattenAny(into map[string]string, key string, v any) {
	switch v := v.(type) {
	case nil, []any:
	case *value.Map:
		for k, inner := range v.All() {
			flattenAny(into, key+"."+strings.ReplaceAll(fmt.Sprint(k), "-", "_"), inner)
		}
	default:
		into[key] = fmt.Sprint(v)
	}
}

func regionFromAny(v any) region {
	m, ok := v.(*value.Map)
	if !ok {
		return region{name: fmt.Sprint(v)}
	}
	return region{name: m.String("name"), values: entryFromMap(m.Map("values")).values}
}

// chooseRegion takes the wanted one of the regions, else the first.
func (c *Credentials) chooseRegion(wanted string) error {
	if names := strings.Split(c.Get("region_name"), ","); len(names) > 1 && len(c.regions) == 0 {
		for _, name := range names {
			c.regions = append(c.regions, region{name: strings.TrimSpace(name)})
		}
	}
	if len(c.regions) == 0 {
		if wanted != "" {
			c.values["region_name"] = wanted
		}
		return nil
	}
	i := 0
	if wanted != "" {
		i = slices.IndexFunc(c.regions, func(r region) bool { return r.name == wanted })
	}
	if i < 0 {
		var names []string
		for _, r := range c.regions {
			names = append(names, r.name)
		}
		return fmt.Errorf("it has no region %q; it has: %s", wanted, strings.Join(names, ", "))
	}
	put(c.values, c.regions[i].values)
	c.values["region_name"] = c.regions[i].name
	return nil
}

// settle brings all the ways to say a thing down to one.
func (c Credentials) settle() {
	v := c.values
	for key, older := range map[string][]string{
		"project_name": {"tenant_name"}, "project_id": {"tenant_id"}, "token": {"auth_token"}, "username": {"user_name"},
	} {
		for _, o := range older {
			move(v, "auth."+o, "auth."+key)
			move(v, o, "auth."+key)
		}
	}
	for _, key := range authKeys() {
		move(v, key, "auth."+key)
	}
	for _, key := range sortedKeys(v) {
		if before, ok := strings.CutSuffix(key, "endpoint_type"); ok && !strings.Contains(key, ".") {
			v[before+"interface"] = v[key]
			delete(v, key)
		}
	}
	c.spreadDomain()
	for key, text := range v {
		if key == "auth.auth_url" || strings.HasSuffix(key, "_endpoint_override") {
			v[key] = c.expand(text)
		}
	}
}

// move renames a key, unless the new one is taken.
func move(values map[string]string, from, to string) {
	text, ok := values[from]
	if !ok {
		return
	}
	delete(values, from)
	if values[to] == "" {
		values[to] = text
	}
}

// spreadDomain lets who is in one domain name it once. Without a project, it
// is the domain itself that is meant.
func (c Credentials) spreadDomain() {
	if c.First("auth.project_name", "auth.project_id") == "" {
		return
	}
	for _, kind := range []string{"name", "id"} {
		domain := c.Get("auth.domain_" + kind)
		if domain == "" {
			continue
		}
		for _, of := range []string{"auth.user_domain_", "auth.project_domain_"} {
			if c.Get(of+kind) == "" {
				c.values[of+kind] = domain
			}
		}
		delete(c.values, "auth.domain_"+kind)
	}
}

// expand fills in {region_name} and the like, which vendors' profiles have in
// their addresses.
func (c Credentials) expand(text string) string {
	return regexp.MustCompile(`\{\w+\}`).ReplaceAllStringFunc(text, func(s string) string {
		if v := c.Get(s[1 : len(s)-1]); v != "" {
			return v
		}
		return s
	})
}
