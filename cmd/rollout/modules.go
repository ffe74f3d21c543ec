package main

import (
	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/module/cloud"
	"rollout/internal/module/command"
	"rollout/internal/module/container"
	"rollout/internal/module/files"
	"rollout/internal/module/system"
	"rollout/internal/openstack"
)

// moduleTable is every module a task can call, under its name and its aliases.
// The engine's own actions (debug, set_fact, include_tasks …) are the runner's.
func moduleTable(clouds *openstack.Pool, engines *docker.Pool) map[string]*module.Module {
	table := map[string]*module.Module{}
	for _, family := range [][]*module.Module{
		command.Modules(),
		files.Modules(),
		system.Modules(),
		cloud.Modules(clouds),
		container.Modules(engines),
	} {
		for _, m := range family {
			table[m.Name] = m
			for _, alias := range m.Aliases {
				table[alias] = m
			}
		}
	}
	return table
}
