package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollout/internal/docker"
	"rollout/internal/document"
	"rollout/internal/lint"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/runner"
	"rollout/internal/value"
	"rollout/inventory"
)

type lintFlags struct {
	project projectFlags
	format  string
	strict  bool
}

func lintCommand() *cobra.Command {
	flags := &lintFlags{}
	cmd := &cobra.Command{
		Use:   "lint [FILE...]",
		Short: "Look for mistakes in playbooks, roles, variables and inventories",
		Long: `Looks for what is certain to go wrong, and warns of what likely isn't meant, in playbooks
with all they import and include by name, roles (their folders), files of tasks and of
variables, templates (.j2), the topology, and with -i inventories. Without a file, all playbooks in
this folder and in playbooks/ are looked at. No host and no cloud is asked, nothing is run.

Ends with 0 if there is no mistake, with 1 if there is one; warnings count with --strict.`,
		Example: `  rollout lint
  rollout lint site.yml roles/web -i hosts.ini
  rollout lint --format json --strict site.yml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLint(cmd.Context(), flags, args)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	flags.project.hosts = true
	fs.StringVar(&flags.project.topology, "topology", defaultTopology, "the topology `FILE`")
	fs.StringArrayVarP(&flags.project.inventories, "inventory", "i", nil, "inventory `FILE` or directory (repeatable)")
	fs.StringArrayVarP(&flags.project.extraVars, "extra-vars", "e", nil, "`VARIABLES` that are known: key=value, JSON, YAML or @FILE (repeatable)")
	flags.project.vault.register(fs)
	fs.StringVar(&flags.format, "format", "text", "text or json, by `NAME`")
	fs.BoolVar(&flags.strict, "strict", false, "end with 1 for warnings too")
	return cmd
}

func runLint(ctx context.Context, flags *lintFlags, paths []string) error {
	if flags.format != "text" && flags.format != "json" {
		return fmt.Errorf("--format is text or json, not %q", flags.format)
	}
	p, err := settledProject(ctx, &flags.project)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		paths = playbooksHere()
	}
	if len(paths) == 0 && len(p.inventories) == 0 && !fileExists(p.topologyFile) {
		return errors.New("there is no playbook here: name the files to look at")
	}
	engines := docker.NewPool()
	defer func() { _ = engines.Close() }()
	found, err := p.lintAll(ctx, engines, paths)
	if err != nil {
		return err
	}
	found = lint.Sort(found)
	show := lint.Print
	if flags.format == "json" {
		show = lint.PrintJSON
	}
	if err := show(os.Stdout, found); err != nil {
		return err
	}
	if mistakes, warnings := lint.Count(found); mistakes > 0 || flags.strict && warnings > 0 {
		return exitError(runner.ExitError)
	}
	return nil
}

// playbooksHere are the files that can be playbooks in this folder and in
// playbooks/, and are.
func playbooksHere() []string {
	l := &lint.Linter{Loader: &playbook.Loader{Files: playbook.Files{}}}
	var out []string
	for _, pattern := range []string{"*.yml", "*.yaml", "playbooks/*.yml", "playbooks/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // the patterns are our own, and good
		}
		for _, path := range found {
			if kind, err := l.KindOf(path); err != nil || kind == lint.Playbook {
				out = append(out, path)
			}
		}
	}
	return out
}

// lintAll looks at inventories first: what they define is known then.
func (p *project) lintAll(ctx context.Context, engines *docker.Pool, paths []string) ([]lint.Finding, error) {
	known := p.extra.Clone()
	found := append(p.lintTopology(ctx, known), p.lintInventories(ctx, known)...)
	for _, path := range paths {
		more, err := p.lintPath(ctx, engines, path, known)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

func (p *project) lintPath(ctx context.Context, engines *docker.Pool, path string, known *value.Map) ([]lint.Finding, error) {
	files := playbook.Files{Shipped: shipped{}}
	path = files.Find(path)
	plain := &lint.Linter{Loader: p.loader(ctx, files), Engine: p.engine}
	plain.Loader.Doubt = nil // told when the file is looked at whole
	kind, err := plain.KindOf(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s (%s)", path, meant(path, "there are", files.Beside(path)))
	}
	if err != nil {
		return lint.Mistakes(lint.RuleSyntax, err), nil
	}
	switch kind {
	case lint.Template:
		return plain.TemplateFile(path), nil
	case lint.Variables:
		return plain.VarsFile(path), nil
	case lint.Other:
		return nil, fmt.Errorf("%s is no playbook, role, file of tasks, of variables, or template (inventories are named with -i)", path)
	case lint.Playbook:
		return p.lintBook(ctx, engines, path, files, known)
	}
	w := lint.Wrap(files, filepath.Clean(path), kind)
	return p.lintBook(ctx, engines, w.Path, w, known)
}

// lintBook looks at a playbook as a run would, and further.
func (p *project) lintBook(ctx context.Context, engines *docker.Pool, path string, files playbook.Source, known *value.Map) ([]lint.Finding, error) {
	modules := moduleTable(p.clouds, engines)
	loader := p.loader(ctx, files)
	own := p.useLibrary(loader, modules, "")
	var doubts []lint.Finding
	loader.Doubt = func(d *document.Error) {
		doubts = append(doubts, lint.Finding{Error: *d, Rule: lint.RuleTwice, Warning: true})
	}
	loaded, mistakes := loader.Load(path)
	run, err := runner.New(runner.Options{Playbook: loaded, Loader: loader, Modules: modules, Own: own, Thorough: true, Settings: p.settings,
		Decrypt: p.keys.Decrypt, ExtraVars: p.extra, Inventory: inventory.Names{}, CheckAll: true})
	if err != nil {
		return nil, err
	}
	found := lint.Mistakes(lint.RuleSyntax, inOrder(mistakes, run.Check()))
	l := linter(run, loader, runner.Schemas(modules, own))
	names, more := l.Beside(filepath.Dir(path))
	l.Known = known.Clone()
	for _, name := range names {
		l.Known.Set(name, nil)
	}
	found = slices.Concat(found, more, l.Playbook(loaded), lint.Deprecations(run.Deprecations()))
	return append(found, doubts...), nil
}

// linter looks further than a run does before it begins.
func linter(run *runner.Run, loader *playbook.Loader, schemas func(string, []string) (string, module.Schema, bool)) *lint.Linter {
	return &lint.Linter{Loader: loader, Engine: run.Templates(), Modules: schemas, Places: places(run), Known: value.NewMap()}
}

// places are those of the run, as a person in this folder names them.
func places(run *runner.Run) func(*playbook.Task, string, string) []string {
	here, err := os.Getwd()
	return func(t *playbook.Task, kind, name string) []string {
		out := run.Places(t, kind, name)
		for i, path := range out {
			if rel, relErr := filepath.Rel(here, path); err == nil && relErr == nil && filepath.IsLocal(rel) {
				out[i] = rel
			}
		}
		return out
	}
}

// lintMistakes are the mistakes of a playbook that lint finds beyond Check, for
// --syntax-check.
func lintMistakes(run *runner.Run, loader *playbook.Loader, schemas func(string, []string) (string, module.Schema, bool), loaded *playbook.Playbook) error {
	var errs document.Errors
	for _, f := range linter(run, loader, schemas).Playbook(loaded) {
		if !f.Warning {
			errs.Join(&f.Error)
		}
	}
	return errs.Err()
}

// lintTopology reads the topology, where there is one and it is the inventory.
func (p *project) lintTopology(ctx context.Context, known *value.Map) []lint.Finding {
	if !p.hasTopology() || !fileExists(p.topologyFile) {
		return nil
	}
	inv, err := offline{p}.Load(ctx)
	if err != nil {
		return lint.Mistakes(lint.RuleTopology, err)
	}
	learn(inv, known)
	return nil
}

// learn adds the names of an inventory's variables.
func learn(inv *inventory.Inventory, known *value.Map) {
	for _, g := range inv.Groups() {
		known.Update(g.Vars)
	}
	for _, h := range inv.Hosts() {
		known.Update(h.Vars)
	}
}

// lintInventories reads inventories that are files, without running programs or
// asking clouds, and adds the names of their variables to known.
func (p *project) lintInventories(ctx context.Context, known *value.Map) []lint.Finding {
	var found []lint.Finding
	l := &lint.Linter{Loader: p.loader(ctx, playbook.Files{}), Engine: p.engine}
	for _, arg := range p.inventories {
		if !still(arg) {
			continue
		}
		names, more := l.Beside(inventoryDir(arg))
		for _, name := range names {
			known.Set(name, nil)
		}
		found = append(found, more...)
		opts := p.inventoryOptions()
		opts.Config.AnyUnparsedFails = true
		inv, err := inventory.Open(arg, opts).Load(ctx)
		if err != nil {
			found = append(found, lint.Mistakes(lint.RuleInventory, likeliest(err))...)
			continue
		}
		learn(inv, known)
	}
	return found
}

// likeliest is why an inventory could not be read by the plugin that it was
// probably written for.
func likeliest(err error) error {
	var none *inventory.UnparsedError
	if !errors.As(err, &none) || len(none.Causes) == 0 {
		return err
	}
	switch filepath.Ext(none.Path) {
	case ".yml", ".yaml", ".json":
		for _, c := range none.Causes {
			if c.Plugin == "yaml" {
				return c.Err
			}
		}
	}
	return none.Causes[len(none.Causes)-1].Err
}

func inventoryDir(arg string) string {
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		return arg
	}
	return filepath.Dir(arg)
}

// still tells whether an inventory can be read without running a program or
// asking a cloud: all of it, where it is a folder.
func still(arg string) bool {
	info, err := os.Stat(arg)
	if err != nil {
		return true // a list of hosts, or an error to be told
	}
	if !info.IsDir() {
		data, err := os.ReadFile(arg)
		return err != nil || info.Mode()&0o111 == 0 && !strings.HasPrefix(string(data), "plugin:") && !strings.Contains(string(data), "\nplugin:")
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return true
	}
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() && !still(filepath.Join(arg, e.Name())) })
}
