package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rollout/internal/value"
	"rollout/inventory"
)

func inventoryCommand() *cobra.Command {
	flags := &projectFlags{}
	var list, graph, withoutCloud bool
	var host string
	cmd := &cobra.Command{
		Use:     "inventory",
		Short:   "Print the hosts, groups and variables, as ansible-inventory does",
		Example: "  rollout inventory --list\n  rollout inventory --host student07-web-1\n  rollout inventory --graph --offline",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := openProject(flags, 0)
			if err != nil {
				return err
			}
			inv, err := p.source(withoutCloud).Load(cmd.Context())
			if err != nil {
				return err
			}
			return printInventory(inv, list, graph, host)
		},
	}
	flags.register(cmd.Flags())
	flags.registerHosts(cmd.Flags())
	cmd.Flags().BoolVar(&list, "list", false, "all as JSON, for ansible-playbook -i too")
	cmd.Flags().StringVar(&host, "host", "", "this `HOST`'s variables as JSON")
	cmd.Flags().BoolVar(&graph, "graph", false, "the groups as a tree")
	cmd.Flags().BoolVar(&withoutCloud, "offline", false, "don't ask the cloud: no addresses of VMs")
	cmd.MarkFlagsMutuallyExclusive("list", "host", "graph")
	cmd.MarkFlagsOneRequired("list", "host", "graph")
	return cmd
}

func printInventory(inv *inventory.Inventory, list, graph bool, host string) error {
	if graph {
		text, err := inv.Graph(inventory.All)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(os.Stdout, text)
		return err
	}
	content := inv.List(nil)
	if !list {
		var err error
		if content, err = inv.HostJSON(host, nil); err != nil {
			return err
		}
	}
	text, err := value.ToJSONIndent(content, "    ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(os.Stdout, string(text))
	return err
}
