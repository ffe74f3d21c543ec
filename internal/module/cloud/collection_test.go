package cloud_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/module/cloud"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// collection is where Debian and pip put openstack.cloud.
func collection(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("ROLLOUT_OPENSTACK_COLLECTION"),
		"/usr/lib/python3/dist-packages/ansible_collections/openstack/cloud",
		"/usr/share/ansible/collections/ansible_collections/openstack/cloud"} {
		if _, err := os.Stat(filepath.Join(dir, "plugins/modules")); dir != "" && err == nil {
			return dir
		}
	}
	t.Skip("the collection openstack.cloud is not installed (apt install ansible, or name its folder in ROLLOUT_OPENSTACK_COLLECTION)")
	return ""
}

// Every argument that the collection documents is one of ours too, with its
// type, choices, aliases and default.
func TestArgumentsAreTheCollections(t *testing.T) {
	dir := collection(t)
	for _, m := range cloud.Modules(openstack.NewPool(clouds.Config{})) {
		name, theirs := strings.CutPrefix(m.Name, "openstack.cloud.")
		if !theirs {
			continue
		}
		t.Run(name, func(t *testing.T) {
			options := documented(t, filepath.Join(dir, "plugins/modules", name+".py"))
			for _, e := range options.Entries {
				for _, problem := range compare(m.Args.Args, e.Name(), e.Value) {
					if except := exceptions()[name+"."+problem]; except == "" {
						t.Error(problem)
					}
				}
			}
		})
	}
}

// exceptions are what differs on purpose, and why.
func exceptions() map[string]string {
	const unset = "left out it is true, and only then is it not set against floating_ips"
	return map[string]string{
		"server.auto_ip: default yes":  unset,
		"server.auto_ip: default true": unset,
		"network.admin_state_up: default yes": "left out, a new network is up by Neutron's own default, and one that is there is left alone, " +
			"as in version 2",
		"subnet.ip_version: type int":                    "version 1 has a text; a number does as well",
		"quota.floating_ips: alias floatingip":           "in version 1 they are two arguments; both set Neutron's limit",
		"quota.floating_ips: alias network_floating_ips": "in version 1 it belongs to floatingip; both set Neutron's limit",
	}
}

var documentation = regexp.MustCompile(`(?s)DOCUMENTATION = r?(?:'''|""")\n(.*?)(?:'''|""")`)

// documented reads the options out of a module's documentation.
func documented(t *testing.T, file string) *document.Node {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skip(err)
	}
	found := documentation.FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no documentation", file)
	}
	doc, err := document.Parse(file, found[1])
	if err != nil {
		t.Fatal(err)
	}
	options := doc.Get("options")
	if options == nil {
		return &document.Node{}
	}
	return options
}

// compare says what an argument of ours lacks of the documented one.
func compare(ours []module.Arg, name string, theirs *document.Node) []string {
	at := slices.IndexFunc(ours, func(a module.Arg) bool { return a.Name == name || slices.Contains(a.Aliases, name) })
	if at < 0 {
		return []string{name + " is missing"}
	}
	a := ours[at]
	var out []string
	say := func(format string, args ...any) { out = append(out, name+": "+fmt.Sprintf(format, args...)) }
	if kind := text(theirs, "type"); kind != "" && string(a.Type) != kind && !(a.Type == "" && kind == "str") {
		say("type %s", kind)
	}
	if kind := text(theirs, "elements"); kind != "" && string(a.Elements) != kind {
		say("elements %s", kind)
	}
	for _, alias := range list(theirs, "aliases") {
		if alias != a.Name && !slices.Contains(a.Aliases, alias) {
			say("alias %s", alias)
		}
	}
	for _, choice := range list(theirs, "choices") {
		if !slices.Contains(a.Choices, choice) {
			say("choice %s", choice)
		}
	}
	if required := truth(text(theirs, "required")) == "true"; a.Required && !required {
		say("not required")
	}
	if theirs.Get("default") != nil {
		if want := text(theirs, "default"); !sameDefault(a, want) {
			say("default %s", want)
		}
	}
	if sub := theirs.Get("suboptions"); sub != nil && a.Options != nil {
		for _, e := range sub.Entries {
			for _, problem := range compare(a.Options, e.Name(), e.Value) {
				out = append(out, name+"."+problem)
			}
		}
	}
	return out
}

func text(n *document.Node, key string) string {
	v := n.Get(key)
	if v == nil {
		return ""
	}
	if v.Kind == document.Sequence {
		return "[" + strings.Join(list(n, key), " ") + "]"
	}
	if v.Kind == document.Mapping {
		return "{}"
	}
	return v.Text
}

func list(n *document.Node, key string) []string {
	var out []string
	if v := n.Get(key); v != nil {
		for _, item := range v.Items {
			out = append(out, item.Text)
		}
	}
	return out
}

func truth(s string) string {
	switch strings.ToLower(s) {
	case "yes", "true", "on":
		return "true"
	case "no", "false", "off":
		return "false"
	}
	return s
}

// sameDefault takes "false", an empty list and an empty dict for no default.
func sameDefault(a module.Arg, want string) bool {
	switch d := a.Default.(type) {
	case nil:
		return truth(want) == "false" || want == "[]" || want == "{}" || want == ""
	case []any:
		return want == fmt.Sprint(d)
	case *value.Map:
		return want == "{}"
	case bool:
		return truth(want) == fmt.Sprint(d)
	default:
		return want == fmt.Sprint(d)
	}
}
