package clouds

import (
	"fmt"
	"os"

	"rollout/internal/document"
)

// Region is a cloud, and one of its regions where it has several.
type Region struct{ Cloud, Region string }

// Regions returns all that clouds.yaml has, in its order, and the cloud of
// the OS_* variables where they hold a log-in of their own.
func (cfg Config) Regions() ([]Region, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	var out []Region
	file, err := readFirst(cfg.cloudsPlaces(), "clouds")
	if err != nil {
		return nil, err
	}
	if file != nil {
		names, err := entryNames(file.path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			regions := file.entries[name].regions
			if len(regions) == 0 {
				out = append(out, Region{Cloud: name})
			}
			for _, r := range regions {
				out = append(out, Region{name, r.name})
			}
		}
	}
	if cfg.Getenv("OS_AUTH_URL") != "" {
		out = append(out, Region{Cloud: cfg.variablesName()})
	}
	if len(out) == 0 {
		return nil, cfg.noClouds()
	}
	return out, nil
}

// entryNames are a file's entries in their order, in which inventories list
// clouds.
func entryNames(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	root, err := document.ParseStrict(path, data)
	if err != nil {
		return nil, err
	}
	var names []string
	if clouds := root.Get("clouds"); clouds != nil {
		for _, e := range clouds.Entries {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
