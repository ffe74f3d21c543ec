package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/openstack"
	"rollout/internal/report"
	"rollout/internal/topology"
	"rollout/inventory"
)

func statusCommand() *cobra.Command {
	flags := &projectFlags{}
	var url bool
	watch := watchFlags{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the VMs of the topology and their containers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := settledProject(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if url {
				return p.printURL(cmd.Context())
			}
			return watch.show(cmd.Context(), p.status)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVar(&url, "url", false, "print only the address of the page")
	watch.register(cmd.Flags())
	cmd.MarkFlagsMutuallyExclusive("url", "watch")
	return cmd
}

// reachTimeout bounds how long status waits for one VM: a dead one is shown as
// such, not waited for.
const reachTimeout = 10 * time.Second

func (p *project) status(ctx context.Context, out io.Writer) error {
	top, err := p.topology(ctx)
	if err != nil {
		return err
	}
	servers, err := p.servers(ctx, top)
	if err != nil {
		return err
	}
	list := instances(servers)
	p.remember(list)
	inv, err := top.Inventory(list)
	if err != nil {
		return err
	}
	containers := p.containers(ctx, inv, top, servers)
	var rows [][]string
	for _, vm := range top.Missing(list) {
		rows = append(rows, []string{vm.Name, vm.Tier, "not there", "", "", ""})
	}
	for _, s := range servers {
		status := s.Status
		if s.Fault != "" {
			status += ": " + s.Fault
		}
		rows = append(rows, []string{s.Name, s.Metadata["rollout_tier"], status, s.NetworksText(),
			strings.Join(s.Floating(), ", "), containers[s.Name]})
	}
	slices.SortStableFunc(rows, func(a, b []string) int {
		return cmp.Or(top.Rank(a[1])-top.Rank(b[1]), strings.Compare(a[0], b[0]))
	})
	return report.Table(out, []string{"Name", "Tier", "Status", "Networks", "Floating IP", "Containers"}, rows)
}

// containers asks every active VM's Docker Engine at once, each for at most
// reachTimeout, and gives what to show for it.
func (p *project) containers(ctx context.Context, inv *inventory.Inventory, top *topology.Topology, servers []openstack.Server) map[string]string {
	conns, engines := connection.NewPool(ctx), docker.NewPool()
	defer func() { _ = errors.Join(engines.Close(), conns.Close()) }()
	texts := make([]string, len(servers))
	var group errgroup.Group
	for i, s := range servers {
		if s.Status != "ACTIVE" {
			continue
		}
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, reachTimeout)
			defer cancel()
			texts[i] = p.containersOf(ctx, inv, top, s, conns, engines)
			return nil
		})
	}
	_ = group.Wait() // every outcome is a text
	out := map[string]string{}
	for i, s := range servers {
		out[s.Name] = texts[i]
	}
	return out
}

func (p *project) containersOf(ctx context.Context, inv *inventory.Inventory, top *topology.Topology, s openstack.Server, conns *connection.Pool, engines *docker.Pool) string {
	cfg, err := p.sshConfig(inv, top, s.Name)
	if err != nil {
		return err.Error()
	}
	host, err := conns.Get(ctx, cfg)
	if err != nil {
		return "unreachable: " + shortReason(err)
	}
	engine, err := engines.Engine(ctx, s.Name, host, nil)
	if err != nil {
		return shortReason(err)
	}
	listed, err := engine.Containers(ctx)
	if err != nil {
		return shortReason(err)
	}
	var texts []string
	for _, c := range listed {
		texts = append(texts, c.Name+" ("+c.Health()+")")
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// sshConfig says how a VM of the topology is reached.
func (p *project) sshConfig(inv *inventory.Inventory, top *topology.Topology, name string) (connection.SSHConfig, error) {
	vars := inv.Group(inventory.All).Vars
	if h := inv.Host(name); h != nil {
		vars = inv.VarsOf(h, nil)
	} else if name == top.AllInOneName() {
		vars = top.AllInOneVars(p.instance(name))
	}
	cfg, err := connection.ConfigFromVars(name, vars)
	if err != nil {
		return cfg, err
	}
	id := p.serverID(name)
	cfg.ProjectKnownHosts = filepath.Join(p.stateDir(), "known_hosts")
	cfg.ServerID = id
	cfg.LearnHostKeys = func(ctx context.Context) ([]string, error) { return p.hostKeys(ctx, id) }
	return cfg, nil
}

// shortReason is the innermost cause, in a table's width.
func shortReason(err error) string {
	var lost *connection.UnreachableError
	if errors.As(err, &lost) {
		err = lost.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", reachTimeout)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return text
}

// printURL prints where the page is: the floating IP of the first VM whose tier
// has one, in the reverse of the link order, for the front comes last.
func (p *project) printURL(ctx context.Context) error {
	top, err := p.topology(ctx)
	if err != nil {
		return err
	}
	servers, err := p.servers(ctx, top)
	if err != nil {
		return err
	}
	slices.SortStableFunc(servers, func(a, b openstack.Server) int {
		return top.Rank(b.Metadata["rollout_tier"]) - top.Rank(a.Metadata["rollout_tier"])
	})
	for _, s := range servers {
		if floating := s.Floating(); len(floating) > 0 {
			fmt.Printf("http://%s/\n", floating[0])
			return nil
		}
	}
	return fmt.Errorf("no VM of %s has a floating IP: run rollout first", top.App)
}
