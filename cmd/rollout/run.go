package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/runner"
	"rollout/internal/settings"
	"rollout/internal/value"
	"rollout/inventory"
)

// runFlags are ansible-playbook's.
type runFlags struct {
	given         *pflag.FlagSet
	project       projectFlags
	login         loginFlags
	lock          lockFlags
	tags          []string
	skipTags      []string
	limit         string
	forks         int
	check, diff   bool
	verbose       int
	startAt       string
	forceHandlers bool
	syntaxCheck   bool
	list          report.ListingParts
	step          bool
	modulePath    string
	replace       bool
	observer      runner.Observer // nil prints as ansible-playbook does
	patience      int             // seconds to wait for VMs where no variable says so; 0 is the roles' own
}

func (f *runFlags) register(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringSliceVarP(&f.tags, "tags", "t", nil, "only tasks with one of these `TAGS` (a,b or repeated)")
	flags.StringSliceVar(&f.skipTags, "skip-tags", nil, "no tasks with one of these `TAGS`")
	f.registerCommon(flags)
	flags.BoolVar(&f.replace, "replace", false, "delete VMs that cannot become what the topology says, and boot them anew, one after the other")
	flags.StringVar(&f.startAt, "start-at-task", "", "start at the task of this `NAME`")
	flags.BoolVar(&f.step, "step", false, "ask before each task: (N)o, (y)es or (c)ontinue without asking")
	flags.BoolVar(&f.forceHandlers, "force-handlers", false, "run handlers even if a task fails")
	flags.BoolVar(&f.syntaxCheck, "syntax-check", false, "check the playbook, run nothing")
	flags.BoolVar(&f.list.Hosts, "list-hosts", false, "list the hosts of each play, run nothing")
	flags.BoolVar(&f.list.Tasks, "list-tasks", false, "list the tasks of each play, run nothing")
	flags.BoolVar(&f.list.Tags, "list-tags", false, "list the tags of each play, run nothing")
	f.lock.register(flags)
}

// registerCommon adds the flags that one task of the command line has too.
func (f *runFlags) registerCommon(flags *pflag.FlagSet) {
	f.given = flags
	f.project.register(flags)
	f.project.registerHosts(flags)
	flags.StringVarP(&f.limit, "limit", "l", "", "only hosts of this `PATTERN`; @FILE reads patterns from a file")
	flags.IntVarP(&f.forks, "forks", "f", 50, "`NUMBER` of hosts at a time")
	flags.BoolVarP(&f.check, "check", "C", false, "change nothing, say what would change")
	flags.BoolVarP(&f.diff, "diff", "D", false, "show differences in files and settings")
	flags.CountVarP(&f.verbose, "verbose", "v", "say more; -vvvv shows every API call")
	flags.StringVarP(&f.modulePath, "module-path", "M", "", "where modules of your own are, `DIRECTORIES` separated by colons")
	f.login.register(flags)
}

// validate refuses what cannot be done.
func (f *runFlags) validate() error {
	switch {
	case f.forks < 1:
		return fmt.Errorf("cannot run on %d hosts at a time: --forks must be 1 or more", f.forks)
	case f.login.timeout < 0:
		return fmt.Errorf("cannot wait %d s: --timeout must be 1 or more", f.login.timeout)
	}
	return nil
}

// runsNothing reports whether the playbooks are only looked at.
func (f *runFlags) runsNothing() bool { return f.syntaxCheck || f.list.Any() }

// runPlaybooks runs each playbook; site.yml where none is named.
func runPlaybooks(ctx context.Context, flags *runFlags, books []string) error {
	if err := flags.validate(); err != nil {
		return err
	}
	if len(books) == 0 {
		books = []string{filepath.Join("playbooks", "site.yml")}
	}
	s, err := readSettings(flags.verbose)
	if err != nil {
		return err
	}
	flags.obey(s)
	p, err := openProject(ctx, &flags.project, s, flags.verbose)
	if err != nil {
		return err
	}
	flags.setExtra(p.extra)
	if err := p.checkTopology(ctx, books); err != nil {
		return err
	}
	var login runner.Login
	if !flags.runsNothing() {
		if login, err = flags.login.login(ctx); err != nil {
			return err
		}
	}
	conns := connection.NewPool(ctx)
	engines := docker.NewPool()
	defer func() { _ = errors.Join(engines.Close(), conns.Close()) }()
	all := func(ctx context.Context) error {
		var before *runner.Run
		for _, book := range books {
			run, code, err := p.runOne(ctx, flags, book, before, login, connector{p, conns}, engines)
			if err != nil {
				return err
			}
			before = run
			if code != runner.ExitOK {
				return exitError(code)
			}
		}
		return nil
	}
	if flags.check || flags.runsNothing() {
		return all(ctx)
	}
	return p.holdTopology(ctx, flags.lock, all)
}

// systemInventory is where Ansible looks for hosts if nobody names any.
const systemInventory = "/etc/ansible/hosts"

// checkTopology reads the topology, so that its mistakes are told first. Where
// only the file is missing and the playbooks are the person's own, they are run
// without: localhost is there always.
func (p *project) checkTopology(ctx context.Context, books []string) error {
	if !p.hasTopology() {
		return nil
	}
	_, err := p.topology(ctx)
	var none errNoTopology
	if !errors.As(err, &none) {
		return err
	}
	files := playbook.Files{Shipped: shipped{}}
	for _, book := range books {
		if files.Find(book) != book {
			return err
		}
	}
	if fileExists(systemInventory) {
		p.inventories = []string{systemInventory}
		return nil
	}
	p.hostless = true
	return nil
}

// runOne runs one playbook, with the state that the one before it left, and
// returns the run that has ended and the exit code; lists have no such run.
func (p *project) runOne(ctx context.Context, flags *runFlags, book string, before *runner.Run, login runner.Login, c connector, engines *docker.Pool) (*runner.Run, int, error) {
	files := playbook.Files{Shipped: shipped{}}
	modules := moduleTable(p.clouds, engines)
	loader := p.loader(ctx, files)
	own := p.useLibrary(loader, modules, flags.modulePath)
	loaded, mistakes := loader.Load(files.Find(book))
	observer, err := flags.watch(p.settings)
	if err != nil {
		return nil, runner.ExitError, err
	}
	opt := p.runOptions(flags, login)
	opt.Before = before
	opt.Playbook, opt.Loader, opt.Modules, opt.Own, opt.Connector, opt.Observer = loaded, loader, modules, own, c, observer
	opt.CheckAll = flags.syntaxCheck
	opt.Thorough = flags.syntaxCheck
	opt.Inventory, opt.RetryFile = p.source(flags.runsNothing()), p.retryFile(book)
	run, err := runner.New(opt)
	if err != nil {
		return nil, runner.ExitError, err
	}
	mistakes = inOrder(mistakes, run.Check())
	if flags.syntaxCheck {
		mistakes = inOrder(mistakes, lintMistakes(run, loader, runner.Schemas(modules, own), loaded))
	}
	if mistakes != nil {
		return nil, runner.ExitError, mistakes
	}
	if flags.runsNothing() {
		return nil, runner.ExitOK, list(ctx, run, flags, book)
	}
	summary, err := run.Execute(ctx)
	if err != nil {
		return nil, runner.ExitError, err
	}
	return run, summary.ExitCode(), nil
}

// loader reads playbooks with the project's roles, collections and vault keys.
func (p *project) loader(ctx context.Context, files playbook.Source) *playbook.Loader {
	return &playbook.Loader{
		Files:           files,
		RolesPath:       slices.Concat(p.settings.RolesPath, []string{"roles", playbook.Embedded + "roles"}),
		CollectionsPath: p.settings.CollectionsPath,

		Expand:  p.expand(ctx),
		Decrypt: p.keys.Decrypt,
		Doubt:   p.doubt(),
		Strict:  p.settings.DuplicateDictKey == "error",
	}
}

// doubt tells of keys that stand twice, unless the settings let them pass.
func (p *project) doubt() func(*document.Error) {
	if p.settings.DuplicateDictKey == "ignore" {
		return nil
	}
	return func(d *document.Error) { warn(d.Error()) }
}

// runOptions are what flags and settings say of a run; what is run and on whom
// is the caller's.
func (p *project) runOptions(flags *runFlags, login runner.Login) runner.Options {
	opt := runner.Options{
		Person: terminal(), Decrypt: p.keys.Decrypt, ExtraVars: p.extra, InventorySources: p.inventories,
		Tags: flags.tags, SkipTags: flags.skipTags, Limit: flags.limit, StartAt: flags.startAt, Login: login,
		Check: flags.check, Diff: flags.diff, ForceHandlers: flags.forceHandlers, Forks: flags.forks, Verbosity: flags.verbose,
		Settings: p.settings, FlushCache: p.flushCache, Listing: flags.list.Any(),
	}
	if flags.step {
		opt.Step = stdin{}
	}
	return opt
}

// retryFile is where the hosts that fail are written to, "" where they are not.
func (p *project) retryFile(book string) string {
	if !p.settings.RetryFiles {
		return ""
	}
	base := strings.TrimSuffix(filepath.Base(book), filepath.Ext(book)) + ".retry"
	if p.settings.RetryPath != "" {
		return filepath.Join(p.settings.RetryPath, base)
	}
	dir, err := filepath.Abs(filepath.Dir(book))
	if err != nil {
		dir = filepath.Dir(book)
	}
	return filepath.Join(dir, base)
}

// inOrder joins the mistakes of several looks at the same files, by their places.
func inOrder(errs ...error) error {
	var all document.Errors
	for _, err := range errs {
		all.Join(err)
	}
	all.Sort()
	return all.Err()
}

// setExtra adds the variables that flags stand for.
func (f *runFlags) setExtra(extra *value.Map) {
	if f.replace {
		extra.Set("rollout_replace", true)
	}
	for _, name := range []string{"vm_ssh_timeout", "vm_boot_timeout", "all_in_one_boot_timeout"} {
		if _, given := extra.Get(name); !given && f.patience > 0 {
			extra.Set(name, f.patience)
		}
	}
}

// watch is who is told what happens.
func (f *runFlags) watch(s *settings.Settings) (runner.Observer, error) {
	if f.observer != nil {
		return f.observer, nil
	}
	return newReport(s, s.StdoutCallback, f.verbose, s.CallbacksEnabled)
}

// list says what the playbook would do; nothing where only its syntax was to be
// checked.
func list(ctx context.Context, run *runner.Run, flags *runFlags, book string) error {
	if !flags.list.Any() {
		return report.Listings(os.Stdout, book, nil, flags.list)
	}
	plays, err := run.List(ctx)
	if err != nil {
		return err
	}
	return report.Listings(os.Stdout, book, plays, flags.list)
}

// source is where the hosts come from.
func (p *project) source(offlineOnly bool) inventory.Source {
	switch {
	case p.hostless:
		return inventory.Names{}
	case len(p.inventories) > 0:
		var sources []inventory.Source
		opts := p.inventoryOptions()
		for _, arg := range p.inventories {
			sources = append(sources, inventory.Open(arg, opts))
		}
		return inventory.Merge(sources...)
	case offlineOnly:
		return offline{p}
	}
	return p
}
