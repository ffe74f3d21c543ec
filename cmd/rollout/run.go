package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/runner"
	"rollout/inventory"
)

// runFlags are ansible-playbook's, as far as they are built.
type runFlags struct {
	project       projectFlags
	tags          []string
	skipTags      []string
	limit         string
	forks         int
	check, diff   bool
	verbose       int
	startAt       string
	forceHandlers bool
	syntaxCheck   bool
}

func (f *runFlags) register(flags *pflag.FlagSet) {
	f.project.register(flags)
	flags.StringSliceVarP(&f.tags, "tags", "t", nil, "only tasks with one of these tags")
	flags.StringSliceVar(&f.skipTags, "skip-tags", nil, "no tasks with one of these tags")
	flags.StringVarP(&f.limit, "limit", "l", "", "only these hosts (a pattern)")
	flags.IntVarP(&f.forks, "forks", "f", 50, "hosts at a time")
	flags.BoolVarP(&f.check, "check", "C", false, "change nothing, say what would change")
	flags.BoolVarP(&f.diff, "diff", "D", false, "show differences in files and settings")
	flags.CountVarP(&f.verbose, "verbose", "v", "say more; -vvvv shows every API call")
	flags.StringVar(&f.startAt, "start-at-task", "", "start at the task of this name")
	flags.BoolVar(&f.forceHandlers, "force-handlers", false, "run handlers even if a task fails")
	flags.BoolVar(&f.syntaxCheck, "syntax-check", false, "check the playbook, run nothing")
	flags.SortFlags = false
}

// runPlaybooks runs each playbook; site.yml where none is named.
func runPlaybooks(ctx context.Context, flags *runFlags, books []string) error {
	if len(books) == 0 {
		books = []string{filepath.Join("playbooks", "site.yml")}
	}
	p, err := openProject(&flags.project, flags.verbose)
	if err != nil {
		return err
	}
	if p.hasTopology() {
		if _, err := p.topology(ctx); err != nil && !p.mayDoWithout(err, books) {
			return err
		}
	}
	conns := connection.NewPool(ctx)
	engines := docker.NewPool()
	defer func() { _ = errors.Join(engines.Close(), conns.Close()) }()
	for _, book := range books {
		code, err := p.runOne(ctx, flags, book, connector{p, conns}, engines)
		if err != nil {
			return err
		}
		if code != runner.ExitOK {
			return exitError(code)
		}
	}
	return nil
}

// mayDoWithout reports whether only the topology is missing and the playbooks
// are the person's own: localhost is there without an inventory.
func (p *project) mayDoWithout(err error, books []string) bool {
	var none errNoTopology
	if !errors.As(err, &none) {
		return false
	}
	files := playbook.Files{Shipped: shipped{}}
	for _, book := range books {
		if files.Find(book) != book {
			return false
		}
	}
	p.inventories = []string{"localhost,"}
	return true
}

func (p *project) runOne(ctx context.Context, flags *runFlags, book string, c connector, engines *docker.Pool) (int, error) {
	files := playbook.Files{Shipped: shipped{}}
	modules := moduleTable(p.clouds, engines)
	loader := &playbook.Loader{
		Files:     files,
		RolesPath: []string{"roles", playbook.Embedded + "roles"},
		Known:     known(modules),
		Expand:    p.expand(ctx),
	}
	loaded, err := loader.Load(files.Find(book))
	if err != nil {
		return runner.ExitError, err
	}
	run, err := runner.New(runner.Options{
		Playbook: loaded, Loader: loader, Inventory: p.source(flags.syntaxCheck), Modules: modules, Connector: c,
		Observer: newPlayReport(flags), Person: terminal(),
		ExtraVars: p.extra, Tags: flags.tags, SkipTags: flags.skipTags, Limit: flags.limit, StartAt: flags.startAt,
		Check: flags.check, Diff: flags.diff, ForceHandlers: flags.forceHandlers, Forks: flags.forks, Verbosity: flags.verbose,
	})
	if err != nil {
		return runner.ExitError, err
	}
	if err := run.Check(); err != nil {
		return runner.ExitError, err
	}
	if flags.syntaxCheck {
		_, err := fmt.Printf("\nplaybook: %s\n", book)
		return runner.ExitOK, err
	}
	summary, err := run.Execute(ctx)
	if err != nil {
		return runner.ExitError, err
	}
	return summary.ExitCode(), nil
}

// known tells whether a task can call a module of that name.
func known(modules map[string]*module.Module) func(string) bool {
	names := map[string]bool{}
	for _, m := range runner.Actions() {
		names[m.Name] = true
	}
	for name := range modules {
		names[name] = true
	}
	return func(name string) bool {
		return names[name] || names["ansible.builtin."+strings.TrimPrefix(name, "ansible.legacy.")]
	}
}

// source is where the hosts come from.
func (p *project) source(offlineOnly bool) inventory.Source {
	switch {
	case len(p.inventories) > 0:
		var sources []inventory.Source
		for _, arg := range p.inventories {
			sources = append(sources, inventory.Open(arg, inventory.Options{}))
		}
		return inventory.Merge(sources...)
	case offlineOnly:
		return offline{p}
	}
	return p
}

func newPlayReport(flags *runFlags) *report.Play {
	out := int(os.Stdout.Fd())
	isTerminal := term.IsTerminal(out)
	width, _, err := term.GetSize(out)
	if err != nil {
		width = 0
	}
	return report.NewPlay(report.PlayOptions{
		Out: os.Stdout, Err: os.Stderr, Color: report.ColorWanted(isTerminal, os.Getenv), Live: isTerminal,
		Width: width, Verbose: flags.verbose, Diff: flags.diff,
	})
}

// stdin answers prompts at a terminal.
type stdin struct{}

func terminal() runner.Person {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	return stdin{}
}

// Ask implements runner.Person.
func (stdin) Ask(ctx context.Context, text string, secret bool) (string, error) {
	fmt.Fprint(os.Stderr, text)
	if secret {
		line, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		return string(line), err
	}
	return readLine(ctx, os.Stdin)
}

// readLine reads up to a newline, a byte at a time: what follows is somebody
// else's. A read that never ends is left behind when ctx ends, with the process.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		var line []byte
		one := make([]byte, 1)
		for {
			n, err := in.Read(one)
			if n == 1 && one[0] == '\n' {
				err = nil
			} else if n == 1 {
				line = append(line, one[0])
				continue
			}
			got <- answer{string(line), err}
			return
		}
	}()
	select {
	case a := <-got:
		return a.line, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
