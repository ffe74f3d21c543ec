package main

import (
	"path/filepath"
	"slices"

	"rollout/internal/module"
	"rollout/internal/module/library"
	"rollout/internal/playbook"
	"rollout/internal/runner"
)

// useLibrary lets a loader find people's own modules beside what it reads, in
// the folders of --module-path, and in those that settings name.
func (p *project) useLibrary(loader *playbook.Loader, modules map[string]*module.Module, modulePath string) *library.Library {
	own := library.New(slices.Concat(filepath.SplitList(modulePath), p.settings.ModulePath), p.settings.CollectionsPath)
	loader.Found = own.Add
	loader.Known = runner.Known(modules, own)
	return own
}
