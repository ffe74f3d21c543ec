package differential

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
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

func (t templates) Text(ctx context.Context, text string, vars *value.Map) (string, error) {
	compiled, err := t.engine.Compile("", text)
	if err != nil {
		return "", err
	}
	return compiled.Render(ctx, template.MapScope{Vars: vars})
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
		{[]string{"--list"}, inv.List(inventory.Form{})},
		{[]string{"--list", "--export"}, inv.List(export)},
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

// build makes the program, once per test that needs it.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "rollout")
	line := append(append([]string{"build"}, raceFlags...), "-o", program, "rollout/cmd/rollout")
	cmd := exec.CommandContext(t.Context(), "go", line...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// testCloud is the entry of clouds.yaml to list: of the practice cloud in this
// process, with two servers, or a cloud of one's own, as it is.
func testCloud(t *testing.T) string {
	t.Helper()
	if name := os.Getenv("ROLLOUT_TEST_CLOUD"); name != "" {
		return name
	}
	lab := apitest.Start(t)
	t.Setenv("OS_CLIENT_CONFIG_FILE", lab.Clouds)
	t.Setenv("OS_CLOUD", apitest.Cloud)
	cloud, err := openstack.Open(t.Context(), clouds.Config{Cloud: apitest.Cloud})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	ctx := t.Context()
	image, err := cloud.FindImage(ctx, "docker-base")
	if err != nil {
		t.Fatal(err)
	}
	flavor, err := cloud.FindFlavor(ctx, "standard.xsmall")
	if err != nil {
		t.Fatal(err)
	}
	network, err := cloud.FindNetwork(ctx, "dmz-net")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"student07-web-1", "student07-dbs-1"} {
		metadata := map[string]string{"group": []string{"web", "dbs"}[i], "groups": "board, class", "rollout_app": "board", "rollout_owner": "student07"}
		_, err := cloud.BootServer(ctx, openstack.ServerSpec{Name: name, ImageID: image.ID, FlavorID: flavor.ID,
			NICs: []openstack.NIC{{NetworkID: network.ID}}, Metadata: metadata}, openstack.Boot{Limit: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
	}
	return apitest.Cloud
}

// writeAll writes files into a directory; those that begin with #! can be run.
func writeAll(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		mode := os.FileMode(0o600)
		if strings.HasPrefix(text, "#!") {
			mode = 0o700
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// shownBook has every host say what it knows, without reaching it.
const shownBook = `- hosts: all
  gather_facts: false
  tasks:
  - debug: msg="{{ inventory_hostname }} {{ hostvars[inventory_hostname].ansible_host | default('none') }} {{ group_names | join(',') }}"
`

const boardTopology = `app: board
owner: student07
networks: {dmz-net: {cidr: 192.168.0.0/24}}
defaults: {image: docker-base, flavor: standard.xsmall, key_name: key-for-internal}
tiers:
  web: {networks: [dmz-net], containers: {web: {image: w, links: [dbs]}}}
  dbs: {networks: [dmz-net], containers: {dbs: {image: d, ports: ["3306:3306"]}}}
`

// TestAnsibleTakesOurInventories gives what rollout inventory prints to the real
// ansible-playbook: of a file for the collection's plugin, and of a topology.
func TestAnsibleTakesOurInventories(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("ansible-playbook is not installed")
	}
	program, cloud, dir := build(t), testCloud(t), t.TempDir()
	t.Setenv("OS_CLOUD", cloud)
	writeAll(t, dir, map[string]string{
		"openstack.yml": "plugin: openstack.cloud.openstack\nonly_clouds: [" + cloud + "]\nfail_on_errors: true\n" +
			"keyed_groups: [{key: openstack.flavor.name, prefix: flavor}]\ncompose: {ansible_user: \"'root'\"}\n",
		"topology.yml": boardTopology, "book.yml": shownBook,
		"cloud":    "#!/bin/sh\nexec " + program + " inventory -i " + filepath.Join(dir, "openstack.yml") + ` "$@"` + "\n",
		"topology": "#!/bin/sh\nexec " + program + " inventory --topology " + filepath.Join(dir, "topology.yml") + ` "$@"` + "\n",
	})
	for script, args := range map[string][]string{
		"cloud": {"-i", filepath.Join(dir, "openstack.yml")}, "topology": {"--topology", filepath.Join(dir, "topology.yml")},
	} {
		t.Run(script, func(t *testing.T) {
			path := filepath.Join(dir, script)
			ours, theirs := settled(t, func() string { return ourInventory(t, program, args...) },
				func() string { return ansibleInventory(t, "-i", path, "--list") })
			sameJSON(t, theirs, ours)
			played := run(t, dir, "ansible-playbook", "-i", path, "book.yml")
			mine := run(t, dir, program, append(args, filepath.Join(dir, "book.yml"))...)
			if want, got := messages(played), messages(mine); got != want || want == "" {
				t.Errorf("the runs differ:\nansible-playbook:\n%s\nrollout:\n%s", played, mine)
			}
		})
	}
}

func ourInventory(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, append([]string{"inventory", "--list"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// settled gives both answers for one state of the cloud, which others may use:
// ours is the same before theirs and after.
func settled(t *testing.T, ours, theirs func() string) (string, string) {
	t.Helper()
	before := ours()
	for range 10 {
		other := theirs()
		after := ours()
		if after == before {
			return after, other
		}
		before = after
	}
	t.Skip("the cloud's servers keep changing: nothing to compare with")
	return "", ""
}

func sameJSON(t *testing.T, theirs, ours string) {
	t.Helper()
	a, err := value.FromJSON([]byte(theirs))
	if err != nil {
		t.Fatal(err)
	}
	b, err := value.FromJSON([]byte(ours))
	if err != nil {
		t.Fatal(err)
	}
	if !value.Equal(a, b) {
		t.Errorf("the inventories differ (- theirs, + ours):\n%s", difference(t, a, b))
	}
}

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_DEPRECATION_WARNINGS=False", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// messages are what the tasks of a run said, sorted: hosts answer in any order.
func messages(output string) string {
	var out []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, `"msg"`) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestTheCollectionsInventory compares with the real plugin, where one is at
// hand that works: ROLLOUT_ORACLE_COLLECTIONS is a path for ansible with
// openstack.cloud 2.x in it, ROLLOUT_ORACLE_SDK one for Python with openstacksdk
// 1.0 or later.
func TestTheCollectionsInventory(t *testing.T) {
	collections, sdk := os.Getenv("ROLLOUT_ORACLE_COLLECTIONS"), os.Getenv("ROLLOUT_ORACLE_SDK")
	if collections == "" || sdk == "" {
		t.Skip("no collection to compare with: Debian's 1.10 refuses Debian's openstacksdk (set ROLLOUT_ORACLE_COLLECTIONS and ROLLOUT_ORACLE_SDK)")
	}
	program, cloud := build(t), testCloud(t)
	t.Setenv("ANSIBLE_COLLECTIONS_PATH", collections)
	t.Setenv("PYTHONPATH", sdk)
	for name, options := range map[string]string{
		"plain": "", "all": "show_all: true\n", "private": "private: true\n", "uuid": "inventory_hostname: uuid\n",
		"names": "use_names: true\nlegacy_groups: false\n",
		"constructed": "compose: {az: openstack.availability_zone, ips: \"openstack.addresses.values() | flatten | map(attribute='addr') | list\"}\n" +
			"groups: {small: openstack.flavor.ram < 2048}\nkeyed_groups: [{key: openstack.metadata, prefix: m}, {key: az, parent_group: zones}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeAll(t, dir, map[string]string{"openstack.yml": "plugin: openstack.cloud.openstack\nonly_clouds: [" + cloud + "]\n" + options})
			path := filepath.Join(dir, "openstack.yml")
			ours, theirs := settled(t, func() string { return ourInventory(t, program, "-i", path) },
				func() string { return ansibleInventory(t, "-i", path, "--list") })
			sameJSON(t, theirs, ours)
		})
	}
}
