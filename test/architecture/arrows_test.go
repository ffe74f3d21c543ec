// Package architecture holds the arrows between packages as docs/development.md
// draws them.
package architecture

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// imports are the direct imports of every package of ours, tests left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		all[fields[0]] = fields[1:]
	}
	if len(all) < 20 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

// within reports whether pkg is root or below it.
func within(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }

// doors are the packages that may import a technology.
var doors = map[string][]string{
	"github.com/gophercloud/gophercloud": {"rollout/internal/openstack"},
	"golang.org/x/crypto/ssh":            {"rollout/internal/connection", "rollout/internal/connection/sshtest"},
	"github.com/docker/docker":           {"rollout/internal/docker"},
	"gopkg.in/yaml.v3":                   {"rollout/internal/document"},
	"github.com/spf13/cobra":             {"rollout/cmd/rollout"},
	"github.com/olekukonko/tablewriter":  {"rollout/internal/report"},
}

func TestOneDoorPerTechnology(t *testing.T) {
	for pkg, imported := range imports(t) {
		for _, i := range imported {
			for technology, allowed := range doors {
				if within(i, technology) && !slices.Contains(allowed, pkg) {
					t.Errorf("%s imports %s, which is the door of %v", pkg, i, allowed)
				}
			}
		}
	}
}

// mayImport says which packages of ours a package may import; one that is not
// listed may import none but value, document and regex.
var mayImport = map[string][]string{
	"rollout/internal/topology":   {"rollout/inventory", "rollout/userdata"},
	"rollout/internal/classroom":  {"rollout/inventory", "rollout/userdata"},
	"rollout/internal/template":   {"rollout/internal/template", "rollout/internal/jmespath", "rollout/internal/crypt", "rollout/internal/vault"},
	"rollout/internal/vars":       {"rollout/internal/template", "rollout/internal/playbook"},
	"rollout/internal/module":     {"rollout/internal/module", "rollout/internal/connection", "rollout/internal/openstack", "rollout/internal/docker"},
	"rollout/internal/docker":     {"rollout/internal/connection"},
	"rollout/internal/connection": {"rollout/internal/connection"},
	"rollout/internal/openstack":  {"rollout/internal/openstack"},
	"rollout/internal/runner": {"rollout/internal/crypt", "rollout/internal/runner", "rollout/internal/vars", "rollout/internal/template",
		"rollout/internal/playbook", "rollout/inventory", "rollout/internal/module", "rollout/internal/connection", "rollout/internal/report", "rollout/internal/settings"},
	"rollout/internal/lab":  {"rollout/internal/lab"},
	"rollout/internal/lint": {"rollout/internal/playbook", "rollout/internal/template", "rollout/internal/module", "rollout/internal/connection"},
}

func TestArrowsPointDown(t *testing.T) {
	everywhere := []string{"rollout/internal/value", "rollout/internal/document", "rollout/internal/regex"}
	for pkg, imported := range imports(t) {
		if within(pkg, "rollout/cmd") || within(pkg, "rollout/test") {
			continue
		}
		allowed := everywhere
		for root, more := range mayImport {
			if within(pkg, root) {
				allowed = append(slices.Clone(allowed), more...)
			}
		}
		for _, i := range imported {
			if !within(i, "rollout") {
				continue
			}
			if !slices.ContainsFunc(allowed, func(root string) bool { return within(i, root) }) {
				t.Errorf("%s imports %s, which is not below it", pkg, i)
			}
		}
	}
}

func TestTheRunnerIsHandedItsModules(t *testing.T) {
	for pkg, imported := range imports(t) {
		for _, i := range imported {
			if within(pkg, "rollout/internal/runner") && strings.HasPrefix(i, "rollout/internal/module/") {
				t.Errorf("%s imports %s", pkg, i)
			}
		}
	}
}
