package differential

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/inventory"
)

// templates evaluates what inventory files compute.
type templates struct{ engine *template.Engine }

func (t templates) Compose(ctx context.Context, text string, vars *value.Map) (any, error) {
	return t.engine.Value(ctx, text, template.MapScope{Vars: vars})
}

func (t templates) Condition(ctx context.Context, text string, vars *value.Map) (any, error) {
	return t.engine.Value(ctx, text, template.MapScope{Vars: vars})
}

const someHosts = `
alone odd="" os=plan9
[web]
web[1:2] os=debian release=12 tags="['a b','c-d','']" zone=""
web3.example.org os=fedora release=39 tags="{'env': 'prod', 'tier': '', 'n': 1}" zone=z-1
[db]
db1 os=debian release=12 size=3 zone=z-1
[web:vars]
port=80
group_only=from-the-group
`

// constructedFiles are configurations of ansible.builtin.constructed.
var constructedFiles = map[string]string{
	"compose": "compose:\n  os_release: os ~ '-' ~ release\n  doubled: port * 2\n  list: \"[1, 2, os]\"\n  missing: nothing.there\n" +
		"  short: inventory_hostname_short\n  groups_then: group_names\n  number: release\n  truth: 'release == 12'\n",
	"groups": "groups:\n  debians: os == 'debian'\n  has port: port is defined\n  0digits: true\n  none: false\n  undefined: nothing.there\n" +
		"  named: inventory_hostname.startswith('web')\n  in_web: \"'web' in group_names\"\n",
	"keyed": "keyed_groups:\n- {key: os, prefix: os}\n- {key: os, prefix: '', separator: ''}\n- {key: zone, prefix: zone, default_value: nowhere}\n" +
		"- {key: tags, prefix: tag}\n- {key: os, separator: '-', parent_group: systems}\n- {key: zone, parent_group: 'all_{{ os }}'}\n- {key: nothing.there}\n",
	"trailing":  "keyed_groups:\n- {key: tags, prefix: t, trailing_separator: false}\n",
	"defaulted": "keyed_groups:\n- {key: tags, prefix: t, default_value: empty}\n",
	"leading":   "leading_separator: false\nkeyed_groups:\n- {key: os}\n- {key: os, prefix: p}\n",
	"later":     "compose: {kind: os}\ngroups: {composed_debian: kind == 'debian'}\nkeyed_groups:\n- {key: kind, prefix: kind}\n- {key: group_names, prefix: of}\n",
}

func TestConstructedInventoriesAreAnsibles(t *testing.T) {
	if _, err := exec.LookPath("ansible-inventory"); err != nil {
		t.Skip("ansible-inventory is not installed")
	}
	for name, text := range constructedFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			hosts, file := filepath.Join(dir, "hosts"), filepath.Join(dir, name+".yml")
			for path, text := range map[string]string{hosts: someHosts, file: "plugin: ansible.builtin.constructed\n" + text} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			opts := inventory.Options{Plugins: &inventory.Plugins{Templates: templates{template.New(template.Options{})}}}
			inv, err := inventory.Merge(inventory.Open(hosts, opts), inventory.Open(file, opts)).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sameInventory(t, inv, "-i", hosts, "-i", file)
		})
	}
}

// sameInventory compares what each says in all its forms.
func sameInventory(t *testing.T, inv *inventory.Inventory, args ...string) {
	t.Helper()
	export := inventory.Form{Export: true}
	for _, c := range []struct {
		flags []string
		ours  *value.Map
	}{
		{[]string{"--list"}, inv.List(nil, inventory.Form{})},
		{[]string{"--list", "--export"}, inv.List(nil, export)},
	} {
		theirs, err := value.FromJSON([]byte(ansibleInventory(t, append(c.flags, args...)...)))
		if err != nil {
			t.Fatal(err)
		}
		if !value.Equal(theirs, c.ours) {
			t.Errorf("%v differs (- ansible-inventory, + rollout):\n%s", c.flags, difference(t, theirs, c.ours))
		}
	}
	graph, err := inv.Graph(inventory.All, inventory.Form{})
	if err != nil {
		t.Fatal(err)
	}
	if theirs := ansibleInventory(t, append([]string{"--graph"}, args...)...); strings.TrimSpace(theirs) != strings.TrimSpace(graph) {
		t.Errorf("--graph differs (- ansible-inventory, + rollout):\n%s", report.UnifiedDiff(report.Diff{Before: theirs, After: graph}))
	}
}

func difference(t *testing.T, theirs, ours any) string {
	t.Helper()
	before, err := value.ToJSONIndent(theirs, " ")
	if err != nil {
		t.Fatal(err)
	}
	after, err := value.ToJSONIndent(ours, " ")
	if err != nil {
		t.Fatal(err)
	}
	return report.UnifiedDiff(report.Diff{Before: string(before), After: string(after)})
}

func ansibleInventory(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ansible-inventory", args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ansible-inventory %v: %v\n%s", args, err, stderr.String())
	}
	return string(out)
}
