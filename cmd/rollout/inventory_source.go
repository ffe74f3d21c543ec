package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"

	"rollout/internal/lab"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/inventory"
)

// inventoryOptions says how inventories are read.
func (p *project) inventoryOptions() inventory.Options {
	s := p.settings
	return inventory.Options{Decode: p.decoder().Value, Decrypt: p.keys.Decrypt, Plugins: p.plugins(), Config: inventory.Config{
		Enabled: s.InventoryPlugins, UnparsedFails: s.UnparsedFails, AnyUnparsedFails: s.AnyUnparsedFails, UnparsedQuiet: !s.InventoryUnparsedWarning,
		MergeHashes: s.HashBehaviour == "merge", GroupChars: s.TransformGroupChars, IgnoreExts: s.InventoryIgnoreExts, IgnorePatterns: s.InventoryIgnorePatterns,
	}}
}

// plugins is what inventory files with a `plugin:` need.
func (p *project) plugins() *inventory.Plugins {
	return &inventory.Plugins{
		Clouds:    &cloudLists{pool: p.clouds, byFile: map[string]*openstack.Pool{}},
		Templates: inventoryTemplates{withoutLookups(), p.engine},
		Extra:     p.extra, Getenv: p.cacheSetting, Cloud: p.cloudName, Fresh: p.flushCache, Data: vars.Untemplated,
	}
}

// cacheSetting is a variable of the environment; of the settings of the cache
// those count that stand in a file, too.
func (p *project) cacheSetting(name string) string {
	s := p.settings
	for _, c := range []struct {
		name  string
		field any
		text  string
	}{
		{"ANSIBLE_INVENTORY_CACHE", &s.InventoryCache, strconv.FormatBool(s.InventoryCache)},
		{"ANSIBLE_INVENTORY_CACHE_PLUGIN", &s.InventoryCachePlugin, s.InventoryCachePlugin},
		{"ANSIBLE_INVENTORY_CACHE_CONNECTION", &s.InventoryCacheConnection, s.InventoryCacheConnection},
		{"ANSIBLE_INVENTORY_CACHE_PLUGIN_PREFIX", &s.InventoryCachePrefix, s.InventoryCachePrefix},
		{"ANSIBLE_INVENTORY_CACHE_TIMEOUT", &s.InventoryCacheTimeout, strconv.Itoa(s.InventoryCacheTimeout)},
	} {
		if c.name == name && s.Given(c.field) {
			return c.text
		}
	}
	return os.Getenv(name)
}

// inventoryTemplates evaluates compose, groups and keyed_groups.
type inventoryTemplates struct{ plain, full *template.Engine }

// errLookups is why compose and keyed_groups have none: Ansible forbids them too.
var errLookups = errors.New("lookups can't be used here")

func withoutLookups() *template.Engine {
	none := map[string]template.Lookup{}
	for _, name := range template.New(template.Options{}).LookupNames() {
		none[name] = func(context.Context, []any, *value.Map, template.Scope) ([]any, error) { return nil, errLookups }
	}
	return template.New(template.Options{Lookups: none})
}

// Compose implements inventory.Templates.
func (t inventoryTemplates) Compose(ctx context.Context, text string, vars *value.Map) (any, error) {
	return t.plain.Value(ctx, text, lazy{ctx, t.plain, vars})
}

// Condition implements inventory.Templates.
func (t inventoryTemplates) Condition(ctx context.Context, text string, vars *value.Map) (any, error) {
	return t.full.Value(ctx, text, lazy{ctx, t.full, vars})
}

// Text implements inventory.Templates.
func (t inventoryTemplates) Text(ctx context.Context, text string, vars *value.Map) (string, error) {
	compiled, err := t.full.Compile("", text)
	if err != nil {
		return "", err
	}
	return compiled.Render(ctx, lazy{ctx, t.full, vars})
}

// lazy is a scope of variables that may be templates over one another. What a
// cloud says of a server is none: whoever may set metadata is not to evaluate.
type lazy struct {
	ctx    context.Context //nolint:containedctx // of the one evaluation that the scope is made for
	engine *template.Engine
	vars   *value.Map
}

// Lookup implements template.Scope.
func (l lazy) Lookup(name string) (any, bool, error) {
	v, ok := l.vars.Get(name)
	if !ok || name == "openstack" {
		return vars.Plain(v), ok, nil
	}
	v, err := l.engine.Deep(l.ctx, v, l)
	return vars.Plain(v), true, err
}

// cloudLists lists servers of clouds for inventory files.
type cloudLists struct {
	pool *openstack.Pool

	mu     sync.Mutex
	byFile map[string]*openstack.Pool // clouds that other files than the usual ones describe
}

// environment is what these files say in place of the usual ones. A file that
// the environment names comes first, as openstacksdk has it.
func environment(files []string) func(string) string {
	return func(name string) string {
		v := os.Getenv(name)
		if name != "OS_CLIENT_CONFIG_FILE" || v != "" {
			return v
		}
		for _, file := range files {
			if fileExists(file) {
				return file
			}
		}
		return ""
	}
}

// Regions implements inventory.Clouds.
func (c *cloudLists) Regions(files []string) ([]inventory.CloudRegion, error) {
	regions, err := clouds.Config{Getenv: environment(files)}.Regions()
	var out []inventory.CloudRegion
	for _, r := range regions {
		out = append(out, inventory.CloudRegion{Cloud: r.Cloud, Region: r.Region})
	}
	return out, err
}

// Servers implements inventory.Clouds.
func (c *cloudLists) Servers(ctx context.Context, from inventory.CloudRegion, q inventory.ServerQuery) ([]*value.Map, error) {
	cloud, err := c.of(q.Files).Open(ctx, clouds.Config{Cloud: from.Cloud, Region: from.Region})
	if err != nil {
		return nil, err
	}
	return cloud.Inventory(ctx, openstack.InventoryQuery{Shape: openstack.Shape(q.Version), Expand: q.Expand,
		AllProjects: q.AllProjects, Private: q.Private, Filters: q.Filters})
}

// of is the pool for the clouds of these files.
func (c *cloudLists) of(files []string) *openstack.Pool {
	if len(files) == 0 {
		return c.pool
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.Join(files, "\n")
	if c.byFile[key] == nil {
		c.byFile[key] = openstack.NewPool(clouds.Config{Getenv: environment(files),
			Further: map[string]string{lab.CloudName: lab.CloudsFile()}})
	}
	return c.byFile[key]
}
