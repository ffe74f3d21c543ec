package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/value"
)

// tree writes files into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// parse reads one file as an inventory.
func parse(t *testing.T, name, text string) *Inventory {
	t.Helper()
	inv, err := Open(filepath.Join(tree(t, map[string]string{name: text}), name), Options{}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func names(hosts []*Host) string {
	var out []string
	for _, h := range hosts {
		out = append(out, h.Name)
	}
	return strings.Join(out, " ")
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !value.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

const board = `
solo
[dbs]
db1 ansible_port=2222
[app]
app[1:3]
[web]
web1
app1
[front:children]
web
app
[lab:children]
front
dbs
`

func TestPatterns(t *testing.T) {
	inv := parse(t, "hosts", board)
	for _, c := range []struct{ pattern, want string }{
		{"all", "solo db1 web1 app1 app2 app3"},
		{"*", "solo db1 web1 app1 app2 app3"},
		{"app", "app1 app2 app3"},
		{"app:web", "app1 app2 app3 web1"},
		{"app,web", "app1 app2 app3 web1"},
		{"front:&web", "web1 app1"},
		{"front:!web", "app2 app3"},
		{"!web", "solo db1 app2 app3"},
		{"&web", "web1 app1"},
		{"app[0]", "app1"},
		{"app[-1]", "app3"},
		{"app[1:]", "app2 app3"},
		{"app[0:1]", "app1 app2"},
		{"app[1:2]:web", "app2 app3 web1 app1"},
		{"~a.*[23]", "app2 app3"},
		{"app?", "app1 app2 app3"},
		{"app[!1]", "app2 app3"},
		{"app[12]", ""},
		{"ungrouped", "solo"},
		{"localhost", "localhost"},
		{"none", ""},
		{"web1,app1,web1", "web1 app1"},
	} {
		sel, err := inv.Match(c.pattern)
		if c.pattern == "app[12]" {
			if err == nil {
				t.Error("a subscript beyond the end must be an error")
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
		}
		equal(t, c.pattern, names(sel.Hosts), c.want)
	}
	sel, _ := inv.Select("web", "nobody")
	equal(t, "unmatched", strings.Join(sel.Unmatched, ","), "nobody")
}

func TestINITypesValuesAsPythonLiterals(t *testing.T) {
	inv := parse(t, "hosts", `
h1 a=1 b='"1"' c=[1,2] d="{'k': True}" e=yes f=0644 g=1.5 h=None i="x y" j=a=b k=0x10 l="(1,)" m=1_0 n=-2 o=tru#e
host2:22
[g]
h1
[g:vars]
x = True # a comment
y = some text # no comment
z =
w = "quoted"
v = 'a' 'b'
ansible_group_priority=7
`)
	h := inv.Host("h1").Vars
	for name, want := range map[string]any{
		"a": 1, "b": "1", "c": []any{1, 2}, "d": value.NewMap("k", true), "e": "yes", "f": "0644", "g": 1.5, "h": nil,
		"i": "x y", "j": "a=b", "k": 16, "l": value.Tuple{1}, "m": 10, "n": -2, "o": "tru",
	} {
		equal(t, name, h.At(name), want)
	}
	g := inv.Group("g")
	for name, want := range map[string]any{"x": true, "y": "some text # no comment", "z": "", "w": "quoted", "v": "ab"} {
		equal(t, name, g.Vars.At(name), want)
	}
	equal(t, "port", inv.Host("host2").Vars.At("ansible_port"), 22)
	equal(t, "priority", g.Priority, 7)
}

func TestRanges(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"host[01:03].ex", "host01.ex host02.ex host03.ex"},
		{"h[1:5:2]", "h1 h3 h5"},
		{"[a:c]x", "ax bx cx"},
		{"r[1:2]s[a:b]", "r1sa r1sb r2sa r2sb"},
		{"h[08:10]", "h08 h09 h10"},
		{"plain", "plain"},
		{"10.0.0.[1:2]", "10.0.0.1 10.0.0.2"},
		{"h[3:1]", ""},
	} {
		got, _, err := expandHosts(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
		}
		equal(t, c.in, strings.Join(got, " "), c.want)
	}
	for _, bad := range []string{"h[01:100]", "h[abc]", "h[1:2", "h|[1:2]", "h[1:]", "h[1:2:0]", "h[1:9999999]", "h[a:Z:x]", "h[:x]"} {
		if got, _, err := expandHosts(bad); err == nil {
			t.Errorf("%s gave %v", bad, got)
		}
	}
}

func TestMistakesAreReportedAtOnceWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"hosts", "[a:chidren]\nx\n[b]\n  h1 oops\n[c:vars]\nx=1\n[d:children]\ne\n[bad section]\n",
			` * Failed to parse hosts with yaml plugin: hosts:2:1: not valid YAML: did not find expected <document start> (the keys of one mapping begin in one column; above, lines begin in column 1)
 * Failed to parse hosts with ini plugin: hosts:1:1: Section [a:chidren] has unknown type: chidren (did you mean "children"?); ` +
				`hosts:4:6: Expected key=value host variable assignment, got: oops; ` +
				`hosts:9:1: Invalid section entry: '[bad section]': no spaces or other odd characters may stand in it; ` +
				`hosts:5:1: Section [c:vars] not valid for undefined group: c; ` +
				`hosts:8:1: Section [d:children] includes undefined group: e (declare it with [e])
Unable to parse hosts as an inventory source
No inventory was parsed, only implicit localhost is available`},
		{"inv.json", "all:\n  host:\n    a:\n  children:\n    web: [x]\n  vars:\n    ansible_group_priority: high\n",
			`inv.json:2:3: Skipping unexpected key (host) in group (all), only "vars", "children" and "hosts" are valid (did you mean "hosts"?)
inv.json:5:10: Skipping 'web' as this is not a valid group definition
 * Failed to parse inv.json with yaml plugin: inv.json:5:5: web is not a known host nor group; ` +
				`inv.json:7:5: ansible_group_priority of the group "all" must be a whole number
 * Failed to parse inv.json with ini plugin: inv.json:1:1: Invalid host pattern 'all:': a colon at its end is reserved for a port
Unable to parse inv.json as an inventory source
No inventory was parsed, only implicit localhost is available`},
		{"loop.x", "[a:children]\nb\n[b:children]\na\n", ` * Failed to parse loop.x with ini plugin: loop.x:4:1: adding group 'a' as child to 'b' creates a recursive dependency loop
Unable to parse loop.x as an inventory source
No inventory was parsed, only implicit localhost is available`},
	} {
		dir := tree(t, map[string]string{c.name: c.text})
		inv, err := Open(filepath.Join(dir, c.name), Options{}).Load(t.Context())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		equal(t, c.name, strings.ReplaceAll(strings.Join(inv.Warnings, "\n"), dir+"/", ""), c.want)
	}
}

func TestSourcesThatCannotBeReadMayEndARun(t *testing.T) {
	dir := tree(t, map[string]string{"good": "h\n", "bad.x": "h oops\n"})
	for _, c := range []struct {
		config Config
		want   string // "" is no error
		files  []string
	}{
		{Config{UnparsedFails: true}, "", []string{"bad.x", "good"}},
		{Config{UnparsedFails: true}, "no inventory was parsed", []string{"bad.x"}},
		{Config{AnyUnparsedFails: true}, "completely failed to parse inventory source", []string{"good", "bad.x"}},
		{Config{}, "", []string{"missing"}},
	} {
		c.config.Enabled = DefaultConfig().Enabled
		var sources []Source
		for _, name := range c.files {
			sources = append(sources, Open(filepath.Join(dir, name), Options{Config: c.config}))
		}
		_, err := Merge(sources...).Load(t.Context())
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, not %q", c.files, err, c.want)
		}
		var warned *Warned
		if err != nil && (!errors.As(err, &warned) || !strings.Contains(warned.Warnings[0], "Failed to parse")) {
			t.Errorf("%v: the warnings are lost: %v", c.files, err)
		}
	}
}

func TestPrecedenceOfGroups(t *testing.T) {
	dir := tree(t, map[string]string{
		"inv/hosts":               "[parent:children]\nchild\nother\n[child]\nh own=1\n[other]\nh\n[all:vars]\nx=all\na=all\n[parent:vars]\nx=parent\np=parent\n[child:vars]\nx=child\nq=child\n[other:vars]\nq=other\n",
		"inv/group_vars/all.yml":  "f: all\nown: 0\n",
		"inv/group_vars/child":    "f: child\n",
		"inv/host_vars/h/b.yml":   "d: b\n",
		"inv/host_vars/h/a.json":  `{"d": "a", "own": 2}`,
		"inv/host_vars/h/x.txt":   "d: x\n",
		"play/group_vars/all.yml": "f: play\nz: play\n",
		"play/host_vars/h.yaml":   "",
	})
	inv, err := Open(filepath.Join(dir, "inv/hosts"), Options{}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	play, err := LoadVarFiles(inv, filepath.Join(dir, "play"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	vars := inv.VarsOf(inv.Host("h"), play)
	for name, want := range map[string]any{"x": "child", "a": "all", "p": "parent", "q": "other", "f": "child", "d": "b", "own": 2, "z": "play"} {
		equal(t, name, vars.At(name), want)
	}
	inv.Group("child").Priority = 10
	equal(t, "priority", inv.VarsOf(inv.Host("h"), play).At("q"), "child")
	equal(t, "group names", strings.Join(inv.GroupNames(inv.Host("h")), " "), "child other parent")
}

func TestBuiltInGo(t *testing.T) {
	inv := New()
	inv.AddGroup("dbs").Vars.Set("tier", "dbs")
	inv.AddHost("s-dbs-1", "dbs").Vars.Set("index", 1)
	inv.AddHost("s-web-1", "web")
	inv.AddHost("alone")
	if err := inv.AddChild("lab", "web"); err != nil {
		t.Fatal(err)
	}
	equal(t, "hosts", names(inv.Hosts()), "alone s-dbs-1 s-web-1")
	equal(t, "implicit", inv.Host("localhost").Vars.At("ansible_connection"), "local")
	equal(t, "var", inv.VarsOf(inv.Host("s-dbs-1"), nil).At("tier"), "dbs")
	graph, _ := inv.Graph("all", Form{})
	equal(t, "graph", graph, "@all:\n  |--@ungrouped:\n  |  |--alone\n  |--@dbs:\n  |  |--s-dbs-1\n  |--@lab:\n  |  |--@web:\n  |  |  |--s-web-1\n")
}

func TestWhatIsAddedAtRunTimeSurvivesARefresh(t *testing.T) {
	src := Names{"a", "b"}
	inv, err := src.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !inv.AddDynamicHost("c", []string{"new"}, value.NewMap("v", 1)) || inv.AddDynamicHost("c", []string{"new"}, value.NewMap("v", 1)) {
		t.Error("only the first addition is a change")
	}
	if changed, err := inv.AddDynamicGroup("a", "os_debian", []string{"os"}); !changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
	if _, err := inv.AddDynamicGroup("nobody", "g", nil); err == nil {
		t.Error("a host that isn't there can't be grouped")
	}
	fresh, err := inv.Refresh(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	sel, _ := fresh.Match("new,os")
	equal(t, "hosts", names(sel.Hosts), "c a")
	if fresh.Generation() == inv.Generation() {
		t.Error("a refresh must change the generation")
	}
}

func TestAProgramIsASource(t *testing.T) {
	inv := parse(t, "inv.sh", `#!/bin/sh
case $1 in
--list) echo '{"web": {"hosts": ["w1"], "vars": {"g": 1}, "children": ["sub"]}, "sub": ["s1"], "lone": {"x": 1}}';;
--host) [ "$2" = w1 ] && echo '{"h": 2}';;
esac; exit 0
`)
	equal(t, "hosts", names(inv.Hosts()), "w1 lone s1")
	equal(t, "vars", inv.VarsOf(inv.Host("w1"), nil).At("h"), 2)
	equal(t, "group", inv.VarsOf(inv.Host("s1"), nil).At("g"), 1)
	dir := tree(t, map[string]string{"bad": "#!/bin/sh\necho oh no >&2; exit 3\n", "plain": "[g]\nh\n"})
	if inv, err := Open(dir+"/bad", Options{}).Load(t.Context()); err != nil || !strings.Contains(strings.Join(inv.Warnings, "\n"), "oh no") {
		t.Errorf("a failing program: %v", err)
	}
	if err := os.Chmod(dir+"/plain", 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir+"/plain", Options{}).Load(t.Context()); err != nil {
		t.Errorf("an executable file that is no program: %v", err)
	}
}

func TestASourceInGoCanHaveFilesOfVariables(t *testing.T) {
	dir := tree(t, map[string]string{"group_vars/all.yml": "a: 1\n", "host_vars/h1.yml": "b: 2\n", "hosts": "h2\n"})
	inv, err := Merge(Beside(Names{"h1"}, dir, Options{}), Open(filepath.Join(dir, "hosts"), Options{})).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	vars := inv.VarsOf(inv.Host("h1"), nil)
	equal(t, "all", vars.At("a"), 1)
	equal(t, "host", vars.At("b"), 2)
	var layers []string
	for _, l := range inv.Layers(inv.Host("h1"), nil) {
		layers = append(layers, l.Name)
	}
	equal(t, "layers", strings.Join(layers, ", "), "group_vars/all, host h1, host_vars/h1")
}

func TestVaultedFilesNeedTheirPassword(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": "h\n", "group_vars/all.yml": "$ANSIBLE_VAULT;1.1;AES256\n00\n", "host_vars/h.yml": "s: !vault x\n"})
	shut, err := Open(dir+"/hosts", Options{}).Load(t.Context())
	if err != nil {
		t.Fatal(err) // a vault is its hosts' matter
	}
	if err := shut.Locked(shut.Host("h"), nil); err == nil || !strings.Contains(err.Error(), "vault password") {
		t.Errorf("got %v", err)
	}
	opts := Options{
		Decrypt: func([]byte) ([]byte, error) { return []byte("a: plain\n"), nil },
		Decode:  func(n *document.Node) (any, error) { return n.Tag + n.Text, nil },
	}
	inv, err := Open(dir+"/hosts", opts).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	vars := inv.VarsOf(inv.Host("h"), nil)
	equal(t, "file", vars.At("a"), "plain")
	equal(t, "value", vars.At("s"), "!vaultx")
}
