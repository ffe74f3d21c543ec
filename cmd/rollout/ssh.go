package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"rollout/internal/classroom"
	"rollout/internal/connection"
	"rollout/internal/document"
	"rollout/internal/value"
	"rollout/inventory"
)

func sshCommand() *cobra.Command {
	flags := &projectFlags{}
	cmd := &cobra.Command{
		Use:   "ssh NAME [-- COMMAND...]",
		Short: "Log in to a host of the topology or the inventory",
		Long: `Logs in with this machine's ssh, as the inventory says: address, user and key. The
host's own key must be one that is known or that its console shows.`,
		Example: "  rollout ssh student07-web-1\n  rollout ssh student07-web-1 -- docker ps",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := settledProject(cmd.Context(), flags)
			if err != nil {
				return err
			}
			return p.ssh(cmd.Context(), args[0], args[1:])
		},
	}
	flags.register(cmd.Flags())
	flags.registerHosts(cmd.Flags())
	return cmd
}

// ssh becomes the ssh client.
func (p *project) ssh(ctx context.Context, name string, command []string) error {
	client, err := exec.LookPath("ssh")
	if err != nil {
		return fmt.Errorf("cannot log in to %s: there is no ssh on this machine (install OpenSSH's client: apt install openssh-client)", name)
	}
	cfg, err := p.target(ctx, name)
	if err != nil {
		return err
	}
	args, err := cfg.Arguments(ctx, command)
	if err != nil {
		return err
	}
	if err := syscall.Exec(client, append([]string{"ssh"}, args...), os.Environ()); err != nil {
		return fmt.Errorf("cannot run %s: %w", client, err)
	}
	return nil
}

// target is a step server of the class here, else a host of the inventory.
func (p *project) target(ctx context.Context, name string) (connection.SSHConfig, error) {
	if p.hasTopology() && fileExists(defaultRoster) {
		c, err := openClass(ctx, &rosterFlags{roster: defaultRoster, cloud: p.cloudName}, nil)
		if err != nil {
			return connection.SSHConfig{}, err
		}
		for _, s := range c.roster.Students {
			if name == s.Server() {
				return c.sshTarget(ctx, s)
			}
		}
	}
	return p.sshTarget(ctx, name)
}

// sshTarget is a student's step server.
func (c *class) sshTarget(ctx context.Context, s classroom.Student) (connection.SSHConfig, error) {
	servers, err := c.servers(ctx, []classroom.Student{s})
	if err != nil {
		return connection.SSHConfig{}, err
	}
	step := c.roster.Progress([]classroom.Student{s}, c.layout, servers)[0].Step
	if step == nil {
		return connection.SSHConfig{}, fmt.Errorf("cannot log in to %s: it is not there (run rollout classroom init %s first)", s.Server(), s.Name)
	}
	vars := value.NewMap("ansible_user", c.roster.Step.User, "ansible_ssh_private_key_file", c.roster.KeyFile(s),
		"ansible_host", cmp.Or(step.Address, step.Fixed))
	cfg, err := connection.ConfigFromVars(s.Server(), vars)
	if err != nil {
		return cfg, err
	}
	return c.trusting(ctx, cfg, s)
}

// sshTarget is a host of the inventory.
func (p *project) sshTarget(ctx context.Context, name string) (connection.SSHConfig, error) {
	inv, err := p.source(false).Load(ctx)
	if err != nil {
		return connection.SSHConfig{}, err
	}
	if p.hasTopology() {
		top, err := p.topology(ctx)
		if err != nil {
			return connection.SSHConfig{}, err
		}
		if inv.Host(name) == nil && name != top.AllInOneName() {
			return connection.SSHConfig{}, noHost(inv, name)
		}
		if p.serverID(name) == "" {
			return connection.SSHConfig{}, fmt.Errorf("cannot log in to %s: it is not there (run rollout first)", name)
		}
		return p.sshConfig(inv, top, name)
	}
	host := inv.Host(name)
	if host == nil {
		return connection.SSHConfig{}, noHost(inv, name)
	}
	if err := inv.Locked(host, nil); err != nil {
		return connection.SSHConfig{}, err
	}
	vars, err := p.rendered(ctx, inv.VarsOf(host, nil))
	if err != nil {
		return connection.SSHConfig{}, fmt.Errorf("cannot log in to %s: %w", name, err)
	}
	way, err := connection.WayFromVars(name, vars)
	if err != nil {
		return connection.SSHConfig{}, err
	}
	if way != connection.OverSSH {
		return connection.SSHConfig{}, fmt.Errorf("cannot log in to %s: it is this machine", name)
	}
	cfg, err := connection.ConfigFromVars(name, vars)
	cfg.ProjectKnownHosts = filepath.Join(p.stateDir(), "known_hosts")
	return cfg, err
}

// rendered evaluates the templates among the variables that say how a host is
// reached.
func (p *project) rendered(ctx context.Context, vars *value.Map) (*value.Map, error) {
	out := vars.Clone()
	for key, v := range vars.All() {
		name, _ := key.(string)
		if sealed, ok := v.(*value.Sealed); ok && strings.HasPrefix(name, "ansible_") {
			plain, err := sealed.Open()
			if err != nil {
				return nil, err
			}
			out.Set(name, plain)
			continue
		}
		text, isText := v.(string)
		if !isText || !strings.HasPrefix(name, "ansible_") || !strings.Contains(text, "{{") {
			continue
		}
		v, err := p.render(ctx, text, vars)
		if err != nil {
			return nil, err
		}
		out.Set(name, v)
	}
	return out, nil
}

func noHost(inv *inventory.Inventory, name string) error {
	var names []string
	for _, h := range inv.Hosts() {
		names = append(names, h.Name)
	}
	if hint := document.Suggest(name, names); hint != "" {
		return fmt.Errorf("cannot log in to %s: there is no such host; %s", name, hint)
	}
	return errors.New("cannot log in to " + name + ": there is no such host (rollout inventory --graph shows them)")
}
