package runner

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/value"
	"rollout/internal/vars"
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

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func setFact(_ context.Context, c *call) (*outcome, error) {
	facts := value.NewMap()
	for k, v := range c.args.All() {
		if k == any("cacheable") {
			continue
		}
		name, err := c.scope.Evaluate(k)
		if err != nil {
			return nil, err
		}
		key := text(name)
		if !identifier.MatchString(key) {
			return failure(fmt.Sprintf("The variable name '%s' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores.", key)), nil
		}
		facts.Set(key, wordBool(v))
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
				{Name: "name", Aliases: []string{"host", "hostname"}, Required: true, Doc: "The host."},
				{Name: "groups", Aliases: []string{"group", "groupname"}, Type: module.List, Elements: module.Str, Doc: "Groups to put it in."},
			},
			OpenEnded: true,
		}},
		once: true,
		run:  addHost,
	}
}

func addHost(_ context.Context, c *call) (*outcome, error) {
	name := c.args.String("name")
	var groups []string
	for _, g := range c.args.List("groups") {
		groups = append(groups, text(g))
	}
	hostVars := value.NewMap()
	for k, v := range c.args.All() {
		if k != any("name") && k != any("groups") {
			hostVars.Set(k, data(v))
		}
	}
	changed, err := c.job.batch.run.hosts.addHost(name, groups, hostVars)
	if err != nil {
		return nil, err
	}
	shown := value.NewMap("host_name", name, "groups", value.List(groups), "host_vars", plain(hostVars))
	return newOutcome(module.Result{Changed: changed}.Set("add_host", shown)), nil
}

// data marks text that must not be taken for a template later: it may come
// from a host.
func data(v any) any {
	switch x := v.(type) {
	case string:
		return vars.Raw(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = data(e)
		}
		return out
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			out.Set(k, data(e))
		}
		return out
	}
	return v
}

// plain is the inverse of data.
func plain(v any) any {
	switch x := v.(type) {
	case vars.Raw:
		return string(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = plain(e)
		}
		return out
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			out.Set(k, plain(e))
		}
		return out
	}
	return v
}

func groupByAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "group_by", Summary: "Put the host in a group named by what is known of it.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "key", Required: true, Doc: "The group; blanks become dashes."},
				{Name: "parents", Type: module.List, Elements: module.Str, Default: []any{"all"}, Doc: "Groups it belongs to."},
			},
		}},
		run: func(_ context.Context, c *call) (*outcome, error) {
			group := dashes(c.args.String("key"))
			var parents []string
			for _, p := range c.args.List("parents") {
				parents = append(parents, dashes(text(p)))
			}
			changed, err := c.job.batch.run.hosts.addToGroup(c.job.host.name, group, parents)
			if err != nil {
				return nil, err
			}
			res := module.Result{Changed: changed}
			return newOutcome(res.Set("add_group", group).Set("parent_groups", value.List(parents))), nil
		},
	}
}

func dashes(s string) string { return strings.ReplaceAll(s, " ", "-") }

func includeVarsAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "include_vars", Summary: "Load variables from files.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "file", Type: module.Path, Doc: "The file; found in vars/ of the role or beside the playbook."},
				{Name: "dir", Type: module.Path, Doc: "A directory of which all files are loaded, in order of their names."},
				{Name: "name", Doc: "The variable that holds them all; without it they stand by themselves."},
				{Name: "depth", Type: module.Int, Default: 0, Doc: "How deep to look into directories; 0 is without limit."},
				{Name: "files_matching", Doc: "A regular expression for the names of files in dir."},
				{Name: "ignore_files", Type: module.List, Elements: module.Str, Doc: "Regular expressions of names left out."},
				{Name: "extensions", Type: module.List, Elements: module.Str, Default: []any{"yaml", "yml", "json"}, Doc: "Those of files in dir."},
				{Name: "ignore_unknown_extensions", Type: module.Bool, Default: false, Doc: "Leave out other files instead of failing."},
			},
			FreeForm:          true,
			MutuallyExclusive: [][]string{{"file", "dir"}},
		}},
		run: includeVars,
	}
}

func includeVars(_ context.Context, c *call) (*outcome, error) {
	file := c.args.String("file")
	if file == "" {
		file = strings.TrimSpace(c.free)
	}
	files := []string{file}
	if dir := c.args.String("dir"); dir != "" {
		var err error
		if files, err = c.varFilesIn(dir); err != nil {
			return failure(err.Error()), nil
		}
	} else if file == "" {
		return failure("include_vars needs a file or a dir"), nil
	}
	loaded, paths := value.NewMap(), []string{}
	for _, f := range files {
		m, path, err := c.loadVars(f)
		if err != nil {
			return failure(err.Error()), nil
		}
		loaded.Update(m)
		paths = append(paths, path)
	}
	if name := c.args.String("name"); name != "" {
		loaded = value.NewMap(name, loaded)
	}
	o := newOutcome(module.Result{})
	o.data.Set("ansible_facts", plain(loaded))
	o.data.Set("ansible_included_var_files", value.List(paths))
	o.effects = []effect{{included: loaded}}
	return o, nil
}

// loadVars reads one file of variables.
func (c *call) loadVars(name string) (*value.Map, string, error) {
	f, path, err := c.files().Open("vars", name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, path, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if text, err = c.job.batch.run.decrypted(path, text); err != nil {
		return nil, path, err
	}
	n, err := document.Parse(path, text)
	if err != nil {
		return nil, path, err
	}
	m, err := c.job.batch.run.decoder.Map(n)
	return m, path, err
}

// decrypted returns a file's plain text.
func (r *Run) decrypted(path string, text []byte) ([]byte, error) {
	if !strings.HasPrefix(string(text), "$ANSIBLE_VAULT;") {
		return text, nil
	}
	if r.opt.Decrypt == nil {
		return nil, fmt.Errorf("cannot read %s: it is encrypted (give its vault password)", path)
	}
	return r.opt.Decrypt(text)
}

// varFilesIn lists the files of a directory of variables, in order.
func (c *call) varFilesIn(dir string) ([]string, error) {
	root, err := c.finder().dir("vars", dir)
	if err != nil {
		return nil, err
	}
	var out []string
	err = c.walkVars(root, 1, &out)
	sort.Strings(out)
	return out, err
}

func (c *call) walkVars(dir string, depth int, out *[]string) error {
	if limit := c.args.Int("depth"); limit > 0 && depth > limit {
		return nil
	}
	entries, err := c.job.batch.run.opt.Loader.Files.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot list %s: %w", dir, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			if err := c.walkVars(path, depth+1, out); err != nil {
				return err
			}
			continue
		}
		ok, err := c.wantsVarFile(path)
		if err != nil {
			return err
		}
		if ok {
			*out = append(*out, path)
		}
	}
	return nil
}

func (c *call) wantsVarFile(path string) (bool, error) {
	name := filepath.Base(path)
	if expr := c.args.String("files_matching"); expr != "" {
		re, err := regexp.Compile(expr)
		if err != nil {
			return false, fmt.Errorf("files_matching: %w", err)
		}
		if !re.MatchString(name) {
			return false, nil
		}
	}
	for _, expr := range c.args.List("ignore_files") {
		re, err := regexp.Compile(text(expr) + "$")
		if err != nil {
			return false, fmt.Errorf("ignore_files: %w", err)
		}
		if re.MatchString(name) {
			return false, nil
		}
	}
	ext := strings.TrimPrefix(filepath.Ext(name), ".")
	if slices.Contains(value.Strings(c.args.List("extensions")), ext) {
		return true, nil
	}
	if c.args.Bool("ignore_unknown_extensions") {
		return false, nil
	}
	return false, fmt.Errorf("%s does not have a valid extension: %s", path, strings.Join(value.Strings(c.args.List("extensions")), ", "))
}

func setStatsAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "set_stats", Summary: "Keep values for the end of the run.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "data", Type: module.Dict, Required: true, Doc: "The values."},
				{Name: "per_host", Type: module.Bool, Default: false, Doc: "Keep them for each host apart."},
				{Name: "aggregate", Type: module.Bool, Default: true, Doc: "Add to what is there instead of replacing it."},
			},
		}},
		run: func(_ context.Context, c *call) (*outcome, error) {
			r := c.job.batch.run
			who := "_run"
			if c.args.Bool("per_host") {
				who = c.job.host.name
			}
			r.state.addStats(who, c.args.Map("data"), c.args.Bool("aggregate"))
			shown := value.NewMap("data", c.args.Map("data"), "per_host", c.args.Bool("per_host"), "aggregate", c.args.Bool("aggregate"))
			return newOutcome(module.Result{}.Set("ansible_stats", shown)), nil
		},
	}
}

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
			return included(&inclusion{role: name, from: from}), nil
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
