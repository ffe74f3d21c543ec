package runner

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/inventory"
)

func setFactAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "set_fact", Summary: "Set variables of the host for the rest of the run.", Args: module.Schema{
			Args:      []module.Arg{{Name: "cacheable", Type: module.Bool, Default: false, Doc: "Also set them as facts."}},
			OpenEnded: true,
		}},
		sealed: true,
		run:    setFact,
	}
}

// invalidName is what is said of a name that no variable may have.
const invalidName = "The variable name '%s' is not valid. Variables must start with a letter or underscore character, " +
	"and contain only letters, numbers and underscores."

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func setFact(_ context.Context, c *call) (*outcome, error) {
	facts := value.NewMap()
	for k, v := range c.args.All() {
		if k == any("cacheable") {
			continue
		}
		key, err := c.key(k, c.job.task.Args)
		if err != nil {
			return nil, err
		}
		if !identifier.MatchString(key) {
			return failure(fmt.Sprintf(invalidName, key)), nil
		}
		if !c.job.batch.run.opt.Settings.JinjaNative {
			v = wordBool(v)
		}
		facts.Set(key, lists(v))
	}
	if facts.Len() == 0 {
		return failure("No key/value pairs provided, at least one is required for this action to succeed"), nil
	}
	o := newOutcome(module.Result{})
	o.data.Set("ansible_facts", facts)
	o.data.Set("_ansible_facts_cacheable", c.args.Bool("cacheable"))
	e := effect{fixed: facts}
	if c.args.Bool("cacheable") {
		e.facts = facts
	}
	o.effects = []effect{e}
	c.delegateFacts(o)
	return o, nil
}

// key is a key of arguments with its template rendered. One that in is not
// written with came out of a template: it may be what a host sent, and stays.
func (c *call) key(k any, in *document.Node) (string, error) {
	name := text(k)
	if in.Get(name) == nil {
		return name, nil
	}
	v, err := c.scope.Evaluate(name)
	return text(v), err
}

// wordBool makes the words of key=value arguments bools, as set_fact does.
func wordBool(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	switch strings.ToLower(s) {
	case "true", "yes":
		return true
	case "false", "no":
		return false
	}
	return v
}

func addHostAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "add_host", Summary: "Add a host to the inventory of this run.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "name", Aliases: []string{"host", "hostname"}, Doc: "The host, perhaps with a port."},
				{Name: "groups", Aliases: []string{"group", "groupname"}, Type: module.Raw, Doc: "Groups to put it in: a list, or text with commas."},
			},
			OpenEnded: true, FreeForm: true,
		}},
		once:    true,
		mapping: true,
		run:     addHost,
	}
}

// addedHost is what add_host was asked for.
type addedHost struct {
	name   string
	groups []string
	vars   *value.Map
}

func addHost(_ context.Context, c *call) (*outcome, error) {
	h := addedHost{groups: []string{}, vars: value.NewMap()}
	asked := firstOf(c.given, "name", "hostname", "host")
	if asked == nil {
		return failure("name, host or hostname needs to be provided"), nil
	}
	name, port := inventory.SplitAddress(text(asked))
	h.name = name
	for k, v := range c.given.All() {
		if !slices.Contains([]string{"name", "hostname", "groupname", "groups"}, text(k)) {
			h.vars.Set(k, vars.Untemplated(v)) // it may come from a host
		}
	}
	if port > 0 {
		h.vars.Set("ansible_ssh_port", port)
	}
	groups := firstOf(c.given, "groupname", "groups", "group")
	items, isList := listOf(groups)
	if s, isText := groups.(string); isText && s != "" {
		items, isList = value.List(strings.Split(s, ",")), true
	}
	if !isList && value.Truthy(groups) {
		return failure("Groups must be specified as a list."), nil
	}
	for _, g := range items {
		if group := strings.TrimSpace(text(g)); !slices.Contains(h.groups, group) {
			h.groups = append(h.groups, group)
		}
	}
	changed, err := c.job.batch.run.hosts.addHost(h.name, h.groups, h.vars)
	if err != nil {
		return nil, err
	}
	shown := value.NewMap("host_name", h.name, "groups", value.List(h.groups), "host_vars", vars.Plain(h.vars))
	return newOutcome(module.Result{Changed: changed}.Set("add_host", shown)), nil
}

// firstOf returns the first of the names that is given; nil for none.
func firstOf(m *value.Map, names ...string) any {
	for _, name := range names {
		if v, ok := m.Get(name); ok {
			return v
		}
	}
	return nil
}

func groupByAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "group_by", Summary: "Put the host in a group named by what is known of it.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "key", Doc: "The group; blanks become dashes."},
				{Name: "parents", Type: module.List, Elements: module.Str, Default: []any{"all"}, Doc: "Groups it belongs to."},
			},
		}},
		run: func(_ context.Context, c *call) (*outcome, error) {
			if _, given := c.args.Get("key"); !given {
				return failure("the 'key' param is required when using group_by"), nil
			}
			group := dashes(c.args.String("key"))
			var parents []string
			for _, p := range c.args.List("parents") {
				parents = append(parents, dashes(text(p)))
			}
			o := newOutcome(module.Result{}.Set("add_group", group).Set("parent_groups", value.List(parents)))
			o.effects = append(o.effects, effect{group: group, parents: parents})
			return o, nil
		},
	}
}

func dashes(s string) string { return strings.ReplaceAll(s, " ", "-") }

func includeTasksAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "include_tasks", Aliases: []string{builtin + "include"},
			Summary: "Load tasks from a file when the play comes to it.", Args: module.Schema{
				Args: []module.Arg{
					{Name: "file", Type: module.Path, Doc: "The file of tasks."},
					{Name: "apply", Type: module.Dict, Doc: "Keywords for what is included."},
				},
				FreeForm: true, OpenEnded: true,
			}},
		unrendered: anyOf("apply", "file"),
		run: func(_ context.Context, c *call) (*outcome, error) {
			in := c.job.task.Include
			file, err := words(c.scope, in.File, "file")
			if err != nil {
				return nil, err
			}
			return included(&inclusion{file: strings.TrimSpace(file)}), nil
		},
	}
}

func included(inc *inclusion) *outcome {
	o := newOutcome(module.Result{})
	o.includes = []*inclusion{inc}
	return o
}

func includeRoleAction() *action {
	args := []module.Arg{
		{Name: "name", Aliases: []string{"role"}, Doc: "The role."},
		{Name: "tasks_from", Doc: "The file of its tasks/ to load; main by default."},
		{Name: "vars_from", Doc: "The file of its vars/ to load."},
		{Name: "defaults_from", Doc: "The file of its defaults/ to load."},
		{Name: "handlers_from", Doc: "The file of its handlers/ to load."},
		{Name: "apply", Type: module.Dict, Doc: "Keywords for what is included."},
		{Name: "public", Type: module.Raw, Doc: "Its variables and handlers stay with the play."},
		{Name: "allow_duplicates", Type: module.Raw, Doc: "It may run more than once."},
		{Name: "rolespec_validate", Type: module.Raw, Doc: "Check its argument specs."},
	}
	return &action{
		module: &module.Module{Name: builtin + "include_role", Summary: "Run a role when the play comes to it.",
			Args: module.Schema{Args: args}},
		unrendered: anyOf("apply"),
		run: func(_ context.Context, c *call) (*outcome, error) {
			in := c.job.task.Include
			name, err := words(c.scope, in.Role, "name")
			if err != nil {
				return nil, err
			}
			from, err := c.rolesFiles(in.From)
			if err != nil {
				return nil, err
			}
			flags, err := c.roleFlags()
			if err != nil {
				return nil, err
			}
			return included(&inclusion{role: name, from: from, flags: flags}), nil
		},
	}
}

// rolesFiles renders the names of a role's files.
func (c *call) rolesFiles(from playbook.From) (playbook.From, error) {
	for _, name := range []*string{&from.Tasks, &from.Handlers, &from.Vars, &from.Defaults} {
		v, err := c.scope.Evaluate(*name)
		if err != nil {
			return from, err
		}
		*name = text(v)
	}
	return from, nil
}

func metaAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "meta", Summary: "Steer the play: " + strings.Join(metaWords, ", ") + ".", Args: module.Schema{
			Args:     []module.Arg{{Name: "free_form", Choices: metaWords, Doc: "What to do."}},
			FreeForm: true,
		}},
		meta: true,
	}
}
