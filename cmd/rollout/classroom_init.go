package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollout/internal/classroom"
	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/lab"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/runner"
	"rollout/internal/value"
	"rollout/inventory"
)

type initFlags struct {
	class  rosterFlags
	run    runFlags
	noWait bool
}

func classroomInit() *cobra.Command {
	flags := &initFlags{}
	cmd := &cobra.Command{
		Use:   "init [STUDENT...]",
		Short: "Boot and equip the step servers of all students, or of some",
		Long: `Boots a step server for each student: with a key pair and a security group of the
student's own, a floating IP, and on it rollout, its playbooks and roles, the topology,
the student's key and credentials. What is there already is left as it is, so a rerun
brings back what is missing. One student's failure stops no other.`,
		RunE: func(cmd *cobra.Command, args []string) error { return initClass(cmd.Context(), flags, args) },
	}
	flags.class.register(cmd.Flags())
	cmd.Flags().BoolVarP(&flags.run.check, "check", "C", false, "change nothing, say what would change")
	cmd.Flags().CountVarP(&flags.run.verbose, "verbose", "v", "say more; -vvvv shows every API call")
	cmd.Flags().IntVarP(&flags.run.forks, "forks", "f", 50, "`NUMBER` of students at a time")
	cmd.Flags().BoolVar(&flags.noWait, "no-wait", false, "don't wait for user data to run: only where the roster says where rollout is fetched from")
	return cmd
}

func initClass(ctx context.Context, flags *initFlags, names []string) error {
	if err := flags.run.validate(); err != nil {
		return err
	}
	var trace func(string)
	if flags.run.verbose > 3 {
		trace = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	c, err := openClass(ctx, &flags.class, trace)
	if err != nil {
		return err
	}
	students, err := c.roster.Choose(names)
	if err != nil {
		return err
	}
	if flags.noWait && c.roster.Step.Pushed() {
		return errors.New("cannot leave the step servers alone before rollout is on them: --no-wait is for rosters with rollout: {url: …}")
	}
	inv, err := c.inventory(ctx, students, flags.run.check)
	if err != nil {
		return err
	}
	inv.Group(classroom.Students).Vars.Set("step_wait", !flags.noWait)
	summary, err := c.runInit(ctx, flags, inv)
	if err != nil {
		return err
	}
	if !flags.run.check {
		if err := c.showLogins(ctx, students, summary); err != nil {
			return err
		}
	}
	if code := summary.ExitCode(); code != runner.ExitOK {
		return exitError(code)
	}
	return nil
}

// inventory makes the class what the playbook runs over.
func (c *class) inventory(ctx context.Context, students []classroom.Student, check bool) (*inventory.Inventory, error) {
	project, err := c.projectFiles()
	if err != nil {
		return nil, err
	}
	var kits []classroom.Kit
	for _, s := range students {
		kit, err := c.kit(ctx, s, project, check)
		if err != nil {
			return nil, err
		}
		kits = append(kits, kit)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program: %w", err)
	}
	top, err := c.read(students[0].Name)
	if err != nil {
		return nil, err
	}
	all, err := top.Inventory(nil)
	if err != nil {
		return nil, err
	}
	vars := all.Group(inventory.All).Vars
	// What the class shares is nobody's of the students: it stays when they go.
	shared := value.NewMap("networks", vars.At("networks"), "security_groups", vars.At("security_groups"),
		"rollout_owner", classroom.Shared, "rollout_app", top.App)
	return c.roster.Inventory(kits, shared, program)
}

// kit is what one student's step server gets.
func (c *class) kit(ctx context.Context, s classroom.Student, project []classroom.File, check bool) (classroom.Kit, error) {
	handout, err := c.handout(ctx, s)
	if err != nil {
		return classroom.Kit{}, err
	}
	// By the comment a clean-up knows whose the key pair is.
	comment := s.KeyPair() + " " + openstack.Mark{Owner: s.Name, App: "classroom"}.KeyComment()
	private, public, err := keyOf(c.roster.KeyFile(s), comment, check)
	if err != nil {
		return classroom.Kit{}, err
	}
	files := []classroom.File{
		{Path: ".config/openstack/clouds.yaml", Mode: "0600", Content: handout.CloudsYAML, Secret: true},
		{Path: "openrc", Mode: "0600", Content: handout.OpenRC + "export STUDENT=" + s.Name + "\n", Secret: true},
	}
	if handout.CACert != "" {
		files = append(files, classroom.File{Path: c.caFile(), Mode: "0644", Content: handout.CACert})
	}
	return classroom.Kit{Student: s, PublicKey: public, PrivateKey: private, Cloud: handout.Entry,
		Files: append(files, project...)}, nil
}

// caFile is where a cloud's certificate is on a step server.
func (c *class) caFile() string { return path.Join(c.roster.Step.Home(), ".config/openstack/ca.pem") }

// handout are the student's credentials, for use on the step server: a
// practice cloud is elsewhere there than here.
func (c *class) handout(ctx context.Context, s classroom.Student) (clouds.Handout, error) {
	handout, err := c.clouds.Handout(ctx, clouds.Config{Cloud: s.Cloud}, s.AuthURL, c.caFile())
	if err != nil || !handout.Loopback() {
		return handout, err
	}
	inside, err := lab.InsideURL(lab.Options{}, handout.AuthURL)
	if err != nil {
		return handout, err
	}
	if inside == "" {
		return handout, fmt.Errorf("cannot equip the step server of %s: cloud %s is at %s, which means another machine there (give auth_url in %s)",
			s.Name, handout.Entry, handout.AuthURL, c.roster.Path)
	}
	return c.clouds.Handout(ctx, clouds.Config{Cloud: s.Cloud}, inside, c.caFile())
}

// keyOf reads a student's private key, or makes one. It is never overwritten.
func keyOf(file, comment string, check bool) (private, public string, err error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		data, public, err = connection.NewKeyPair(comment)
		if err != nil || check {
			return string(data), public, err
		}
		return string(data), public, saveKey(file, data)
	}
	if err != nil {
		return "", "", fmt.Errorf("cannot read a student's key: %w", err)
	}
	if public, err = connection.PublicKey(data, comment); err != nil {
		return "", "", fmt.Errorf("cannot use the key %s: %w", file, err)
	}
	return string(data), public, nil
}

func saveKey(file string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err != nil {
		return fmt.Errorf("cannot keep a key: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cannot keep a key: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("cannot keep a key: %w", err)
	}
	return nil
}

// projectFiles are the topology and the playbooks and roles that the program
// brings along: for students to read, and to change.
func (c *class) projectFiles() ([]classroom.File, error) {
	text, err := os.ReadFile(c.roster.Topology)
	if err != nil {
		return nil, fmt.Errorf("cannot read the topology: %w", err)
	}
	files := []classroom.File{{Path: path.Join(c.layout.App, "topology.yml"), Mode: "0644", Content: string(text)}}
	for _, root := range []string{"playbooks", "roles"} {
		err := fs.WalkDir(shipped{}, root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".yml") || strings.Contains(name, "step_server") || strings.Contains(name, "classroom_") {
				return err
			}
			text, err := fs.ReadFile(shipped{}, name)
			files = append(files, classroom.File{Path: path.Join(c.layout.App, name), Mode: "0644", Content: string(text)})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read what the program brings along: %w", err)
		}
	}
	return files, nil
}

// runInit runs the playbook that does the work.
func (c *class) runInit(ctx context.Context, flags *initFlags, inv *inventory.Inventory) (runner.Summary, error) {
	conns := connection.NewPool(ctx)
	engines := docker.NewPool()
	defer func() { _ = errors.Join(engines.Close(), conns.Close()) }()
	files := playbook.Files{Shipped: shipped{}}
	modules := moduleTable(c.clouds, engines)
	loader := &playbook.Loader{Files: files, RolesPath: []string{"roles", playbook.Embedded + "roles"}, Known: runner.Known(modules, nil)}
	loaded, err := loader.Load(files.Find(filepath.Join("playbooks", "classroom_init.yml")))
	if err != nil {
		return runner.Summary{}, err
	}
	s, err := readSettings(flags.run.verbose)
	if err != nil {
		return runner.Summary{}, err
	}
	observer, err := flags.run.watch(s)
	if err != nil {
		return runner.Summary{}, err
	}
	run, err := runner.New(runner.Options{
		Playbook: loaded, Loader: loader, Inventory: fixedInventory{inv}, Modules: modules, Connector: classConnector{c, conns},
		Observer: observer, Check: flags.run.check, Forks: flags.run.forks, Verbosity: flags.run.verbose,
	})
	if err != nil {
		return runner.Summary{}, err
	}
	if err := run.Check(); err != nil {
		return runner.Summary{}, err
	}
	return run.Execute(ctx)
}

// fixedInventory is a source that always gives the same hosts.
type fixedInventory struct{ inv *inventory.Inventory }

// Load implements inventory.Source.
func (f fixedInventory) Load(context.Context) (*inventory.Inventory, error) { return f.inv, nil }

// classConnector reaches step servers. Their host keys are learnt from the
// console logs.
type classConnector struct {
	class *class
	pool  *connection.Pool
}

// Connect implements runner.Connector.
func (k classConnector) Connect(ctx context.Context, t runner.Target) (connection.Host, error) {
	student := k.class.roster.Find(t.Name)
	if t.Connection == "local" || student == nil {
		return connection.Local(), nil
	}
	cfg, err := connection.ConfigFromVars(t.Name, connectionVars(t))
	if err != nil {
		return nil, err
	}
	if cfg, err = k.class.trusting(ctx, cfg, *student); err != nil {
		return nil, err
	}
	return k.pool.Get(ctx, cfg)
}

// trusting adds where the host keys of a student's step server are learnt from.
func (c *class) trusting(ctx context.Context, cfg connection.SSHConfig, s classroom.Student) (connection.SSHConfig, error) {
	cloud, err := c.clouds.Open(ctx, clouds.Config{Cloud: s.Cloud})
	if err != nil {
		return cfg, err
	}
	server, err := cloud.FindServer(ctx, s.Server())
	if err != nil {
		return cfg, err
	}
	cfg.ProjectKnownHosts, cfg.ServerID = c.roster.KnownHosts(), server.ID
	cfg.LearnHostKeys = func(ctx context.Context) ([]string, error) { return cloud.HostKeys(ctx, server.ID) }
	return cfg, nil
}

// showLogins prints a table of the students and how they log in.
func (c *class) showLogins(ctx context.Context, students []classroom.Student, summary runner.Summary) error {
	servers, err := c.servers(ctx, students)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, p := range c.roster.Progress(students, c.layout, servers) {
		name := p.Student.Name
		state, login := "ready", ""
		switch {
		case slices.Contains(summary.Unreachable, name):
			state = "not reached, see above"
		case slices.Contains(summary.Failed, name):
			state = "failed, see above"
		case p.Step == nil:
			state = "not there"
		case !c.roster.Step.Pushed() && p.Step.Status == "ACTIVE":
			state = "booted"
		}
		if p.Step != nil && p.Step.Status != "ACTIVE" {
			state = cmp.Or(p.Step.Status, state)
		}
		if p.Step != nil {
			// With the keys that were learnt from the console, ssh has nothing to take on trust.
			login = fmt.Sprintf("ssh -i %s -o UserKnownHostsFile=%s %s@%s", c.roster.KeyFile(p.Student), c.roster.KnownHosts(),
				c.roster.Step.User, cmp.Or(p.Step.Address, p.Step.Fixed))
		}
		rows = append(rows, []string{name, p.Student.Server(), state, login})
	}
	return report.Table(os.Stdout, []string{"Student", "Step server", "State", "Log in with"}, rows)
}
