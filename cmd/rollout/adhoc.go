package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/runner"
	"rollout/inventory"
)

// adHocFlags are those of the command ansible.
type adHocFlags struct {
	run         runFlags
	module      string
	args        string
	oneLine     bool
	tree        string
	background  int
	poll        int
	listHosts   bool
	playbookDir string
	taskTimeout int
}

func adHocCommand() *cobra.Command {
	f := &adHocFlags{}
	cmd := &cobra.Command{
		Use:   "run PATTERN",
		Short: "Run one module on hosts, as the command ansible does",
		Long: `Runs one task on the hosts that PATTERN names: a module (command, where -m names none)
with the arguments of -a. Without -i the hosts are the topology's VMs, without a
topology there is localhost.`,
		Example: `  rollout run all -m ping
  rollout run web -a 'uptime'
  rollout run 'web:!web2' -i hosts.ini -b -m service -a 'name=nginx state=restarted'
  rollout run localhost -m debug -a 'msg={{ lookup("env", "HOME") }}'`,
		Version: version,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.execute(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.module, "module-name", "m", "", "the `MODULE` to run (default command)")
	flags.StringVarP(&f.args, "args", "a", "", "its `ARGUMENTS`: key=value, a command line, or a JSON object")
	f.run.registerCommon(flags)
	flags.BoolVarP(&f.oneLine, "one-line", "o", false, "a line per host")
	flags.StringVarP(&f.tree, "tree", "t", "", "write each host's result to a file in this `FOLDER`")
	flags.IntVarP(&f.background, "background", "B", 0, "run in the background, for `SECONDS` at most")
	flags.IntVarP(&f.poll, "poll", "P", 15, "`SECONDS` between looks at what runs in the background")
	flags.BoolVar(&f.listHosts, "list-hosts", false, "list the hosts, run nothing")
	flags.StringVar(&f.playbookDir, "playbook-dir", "", "the `FOLDER` with group_vars, host_vars and roles (default: this one)")
	flags.IntVar(&f.taskTimeout, "task-timeout", 0, "`SECONDS` that the task may take; 0 is no limit")
	return cmd
}

func (f *adHocFlags) execute(ctx context.Context, pattern string) error {
	flags := &f.run
	if err := flags.validate(); err != nil {
		return err
	}
	s, err := readSettings(flags.verbose)
	if err != nil {
		return err
	}
	flags.obey(s)
	f.module = cmp.Or(f.module, s.ModuleName)
	f.args = cmp.Or(f.args, s.ModuleArgs)
	f.playbookDir = cmp.Or(f.playbookDir, s.PlaybookDir, ".")
	if f.taskTimeout == 0 {
		f.taskTimeout = s.TaskTimeout
	}
	if err := f.complete(pattern); err != nil {
		return err
	}
	p, err := openProject(ctx, &flags.project, s, flags.verbose)
	if err != nil {
		return err
	}
	if err := p.checkTopology(ctx, nil); err != nil {
		return err
	}
	login := runner.Login{}
	if !f.listHosts {
		if login, err = flags.login.login(ctx); err != nil {
			return err
		}
	}
	code, err := f.onHosts(ctx, p, pattern, login)
	if err == nil && code != runner.ExitOK {
		return exitError(code)
	}
	return err
}

// complete refuses what makes no sense as one task.
func (f *adHocFlags) complete(pattern string) error {
	bare := strings.TrimPrefix(strings.TrimPrefix(f.module, "ansible.builtin."), "ansible.legacy.")
	switch {
	case f.listHosts:
	case slices.Contains([]string{"command", "shell", "raw", "script"}, bare) && f.args == "":
		hint := "say what to run: -a 'uptime'"
		if strings.HasSuffix(pattern, ".yml") {
			hint = "to run a playbook: rollout " + pattern
		}
		return fmt.Errorf("no argument was passed to the module %s (%s)", f.module, hint)
	case bare == "import_playbook":
		return fmt.Errorf("'%s' is not a valid action for ad-hoc commands", f.module)
	}
	return nil
}

// onHosts runs the task, or lists whom it would be run on.
func (f *adHocFlags) onHosts(ctx context.Context, p *project, pattern string, login runner.Login) (int, error) {
	if len(inventory.SplitPattern(pattern)) == 0 {
		pattern = inventory.All // as Ansible takes "," and ",,"
	}
	conns, engines := connection.NewPool(ctx), docker.NewPool()
	defer func() { _ = errors.Join(engines.Close(), conns.Close()) }()
	modules := moduleTable(p.clouds, engines)
	loader := p.loader(ctx, playbook.Files{Shipped: shipped{}})
	own := p.useLibrary(loader, modules, f.run.modulePath)
	own.Add(f.playbookDir)
	loaded, err := loader.AdHoc(playbook.AdHoc{Hosts: pattern, Module: f.module, Args: f.args, Dir: f.playbookDir, Keyword: f.keywords()})
	if err != nil {
		return runner.ExitError, err
	}
	observer, err := f.watch(p)
	if err != nil {
		return runner.ExitError, err
	}
	opt := p.runOptions(&f.run, login)
	opt.Playbook, opt.Loader, opt.Modules, opt.Own, opt.Connector, opt.Observer = loaded, loader, modules, own, connector{p, conns}, observer
	opt.Inventory = p.source(f.listHosts)
	run, err := runner.New(opt)
	if err != nil {
		return runner.ExitError, err
	}
	if f.listHosts {
		return runner.ExitOK, listHosts(ctx, run)
	}
	if err := run.Check(); err != nil {
		return runner.ExitError, err
	}
	summary, err := run.Execute(ctx)
	if err != nil {
		return runner.ExitError, err
	}
	return summary.ExitCode(), nil
}

// keywords are what flags say of the task.
func (f *adHocFlags) keywords() map[string]string {
	out := map[string]string{}
	if f.taskTimeout > 0 {
		out["timeout"] = strconv.Itoa(f.taskTimeout)
	}
	if f.background > 0 {
		out["async"], out["poll"] = strconv.Itoa(f.background), strconv.Itoa(f.poll)
	}
	return out
}

// watch is who shows the results: minimal, unless a flag says otherwise, or the
// settings do and are to hold here.
func (f *adHocFlags) watch(p *project) (runner.Observer, error) {
	s := p.settings
	callback, further := "minimal", []string(nil)
	if s.AdHocCallbacks {
		further = s.CallbacksEnabled
		if s.StdoutCallback != "default" {
			callback = s.StdoutCallback
		}
	}
	if f.oneLine {
		callback = "oneline"
	}
	if f.tree != "" {
		s.TreeDir = f.tree
		further = append(slices.Clone(further), "tree")
	}
	return newReport(s, callback, f.run.verbose, further)
}

func listHosts(ctx context.Context, run *runner.Run) error {
	plays, err := run.List(ctx)
	if err != nil {
		return err
	}
	for _, play := range plays {
		fmt.Printf("  hosts (%d):\n", len(play.Hosts))
		for _, host := range play.Hosts {
			fmt.Println("    " + report.Printable(host))
		}
	}
	return nil
}
