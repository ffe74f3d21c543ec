package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"rollout/internal/lab"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/inventory"
)

// inventoryFlags say what of the inventory is shown, and how.
type inventoryFlags struct {
	project       projectFlags
	list, graph   bool
	host          string
	yaml, vars    bool
	export        bool
	offline       bool
	output        string
	graphedGroups []string
}

func inventoryCommand() *cobra.Command {
	f := &inventoryFlags{}
	cmd := &cobra.Command{
		Use:   "inventory [GROUP]",
		Short: "Print the hosts, groups and variables, as ansible-inventory does",
		Example: "  rollout inventory --list\n  rollout inventory --host student07-web-1\n  rollout inventory --graph --offline\n" +
			"  rollout inventory -i openstack.yml --graph --vars",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.graphedGroups = args
			return f.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	f.project.register(flags)
	f.project.registerHosts(flags)
	flags.BoolVar(&f.list, "list", false, "all as JSON, for ansible-playbook -i too")
	flags.StringVar(&f.host, "host", "", "this `HOST`'s variables as JSON")
	flags.BoolVar(&f.graph, "graph", false, "the groups, or the one GROUP, as a tree")
	flags.BoolVarP(&f.yaml, "yaml", "y", false, "YAML instead of JSON")
	flags.BoolVar(&f.vars, "vars", false, "variables in the tree too")
	flags.BoolVar(&f.export, "export", false, "variables where they are defined, groups' apart from hosts'")
	flags.StringVar(&f.output, "output", "", "write to this `FILE` instead of the screen")
	flags.BoolVar(&f.offline, "offline", false, "don't ask the cloud: no addresses of VMs")
	cmd.MarkFlagsMutuallyExclusive("list", "host", "graph")
	cmd.MarkFlagsOneRequired("list", "host", "graph")
	return cmd
}

func (f *inventoryFlags) run(ctx context.Context) error {
	if len(f.graphedGroups) > 0 && !f.graph {
		return fmt.Errorf("cannot show %s alone: a group is named with --graph only (for one host, --host %[1]s)", f.graphedGroups[0])
	}
	p, err := settledProject(ctx, &f.project)
	if err != nil {
		return err
	}
	inv, err := p.source(f.offline).Load(ctx)
	if err != nil {
		return err
	}
	// To the error stream: a program reads the other.
	for _, w := range inv.Warnings {
		fmt.Fprintln(os.Stderr, "warning: "+w)
	}
	text, err := f.text(ctx, inv)
	if err != nil {
		return err
	}
	if f.output != "" {
		return os.WriteFile(f.output, []byte(text), 0o600)
	}
	_, err = os.Stdout.WriteString(text)
	return err
}

// text is what was asked for, as it is printed.
func (f *inventoryFlags) text(ctx context.Context, inv *inventory.Inventory) (string, error) {
	form := inventory.Form{Vars: f.vars, Export: f.export, Show: func(v any) string {
		text, err := rendered(ctx, "{{ content | string }}", vars.Plain(v))
		if err != nil {
			return fmt.Sprint(v)
		}
		return text
	}}
	if f.graph {
		group := inventory.All
		if len(f.graphedGroups) > 0 {
			group = f.graphedGroups[0]
		}
		return inv.Graph(group, form)
	}
	var content *value.Map
	var err error
	switch {
	case f.host != "":
		content, err = inv.HostJSON(f.host, nil, form)
	case f.yaml:
		content = inv.Tree(form)
	default:
		content = inv.List(nil, form)
	}
	if err != nil {
		return "", err
	}
	content, _ = vars.Plain(content).(*value.Map)
	if f.yaml {
		return rendered(ctx, "{{ content | to_nice_yaml(indent=2) }}", content)
	}
	text, err := value.ToJSONIndent(content, "    ")
	return string(text) + "\n", err
}

// rendered is what a template makes of content.
func rendered(ctx context.Context, text string, content any) (string, error) {
	t, err := template.New(template.Options{}).Compile("inventory", text)
	if err != nil {
		return "", err
	}
	return t.Render(ctx, template.MapScope{Vars: value.NewMap("content", content)})
}

// plugins is what inventory files with a `plugin:` need.
func (p *project) plugins() *inventory.Plugins {
	return &inventory.Plugins{
		Clouds:    &cloudLists{pool: p.clouds, byFile: map[string]*openstack.Pool{}},
		Templates: inventoryTemplates{withoutLookups(), p.engine},
		Extra:     p.extra, Getenv: os.Getenv, Cloud: p.cloudName, Fresh: p.flushCache,
	}
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
		return v, ok, nil
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
