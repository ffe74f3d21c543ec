package inventory

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/value"
)

// TestRandomInventoriesAgainstAnsible makes up inventories and patterns: both
// tools must find the same hosts in the same order, the same groups and the
// same variables.
func TestRandomInventoriesAgainstAnsible(t *testing.T) {
	const inventories, patterns = 60, 60
	r := &maker{rand.New(rand.NewPCG(20, 14))}
	files := map[string]string{}
	for i := range inventories {
		files[fmt.Sprintf("inv%02d", i)] = r.ini()
	}
	dir := tree(t, files)
	var asked, texts []any
	for i := range inventories {
		asked = append(asked, []any{filepath.Join(dir, fmt.Sprintf("inv%02d", i))})
	}
	for range patterns * 10 {
		texts = append(texts, r.pattern())
	}
	answer := oracle(t, value.NewMap("inventories", asked, "patterns", texts, "literals", []any{}, "words", []any{}))
	for i, paths := range asked {
		r.compare(t, paths.([]any)[0].(string), files[fmt.Sprintf("inv%02d", i)], texts, answer.List("inventories")[i].(*value.Map))
		if t.Failed() {
			return
		}
	}
}

type maker struct{ *rand.Rand }

func (r *maker) one(of ...string) string { return of[r.IntN(len(of))] }

func (r *maker) name() string {
	return r.one("web", "app", "db", "a", "b", "c", "x1", "x2", "prod", "all", "ungrouped", "w-1", "w.ex", "e1", "e2", "e3")
}

func (r *maker) host() string {
	return r.one("h1", "h2", "h3", "web1", "web2", "n[1:3]", "m[a:c].ex", "k[08:12:2]", "10.0.0.1", "10.0.0.[1:3]:22", "h4:2222", "[::1]:5", "fe80::2", "u_1", "web-1.ex", "localhost", "127.0.0.1", "q[2:1]")
}

func (r *maker) value() string {
	return r.one("1", "-1.5", "True", "text", "'a b'", `"[1, 'x']"`, `"{'k': 1}"`, "0644", "None", "1e3", "", "a#b", `"q\"q"`, "x=y", "1_0", "0x1f")
}

// ini makes an inventory; it may be a wrong one.
func (r *maker) ini() string {
	var b strings.Builder
	for range r.IntN(3) {
		b.WriteString(r.host() + "\n")
	}
	for range 1 + r.IntN(7) {
		switch r.IntN(6) {
		case 0:
			fmt.Fprintf(&b, "[%s:vars]\n", r.name())
			for range r.IntN(3) {
				fmt.Fprintf(&b, "%s = %s\n", r.one("v1", "v2", "ansible_group_priority"), r.one("1", "2", "5"))
			}
		case 1, 2:
			fmt.Fprintf(&b, "[%s:children]\n", r.name())
			for range r.IntN(3) {
				if child := r.name(); child != All && child != Ungrouped { // Ansible ends at once, or loses hosts
					b.WriteString(child + "\n")
				}
			}
		default:
			fmt.Fprintf(&b, "[%s]%s\n", r.name(), r.one("", " # note", "  "))
			for range r.IntN(4) {
				b.WriteString(r.one("", "  ", "\t") + r.host() + r.one("", " v1="+r.value(), " v1="+r.value()+" v2="+r.value()+" # c") + "\n")
			}
		}
	}
	return b.String()
}

// pattern makes a pattern of one to three parts.
func (r *maker) pattern() string {
	part := func() string {
		text := r.one(r.name(), r.one("h1", "web1", "n2", "mb.ex", "k10", "10.0.0.1", "nobody", "localhost"), r.one("*", "w*", "*1", "?1", "[hw]*", "[!h]*", "n[1-2]", "*.ex", "h[12]", "[a-c", "[]x]1", "*[1-"),
			r.one("~h[12]", "~(?!h).*1", "~.*x$", "~w(eb)?", "~(?i)WEB", "~["), r.name()+r.one("[0]", "[-1]", "[1:]", "[0:1]", "[1:2]", "[9]", "[1:0]", "[0-1]", "[-2]", "[:1]"))
		return r.one("", "", "", "!", "&") + text
	}
	text := part()
	for range r.IntN(3) {
		text += r.one(":", ",", ", ") + part()
	}
	return text
}

func (r *maker) compare(t *testing.T, path, text string, patterns []any, want *value.Map) {
	t.Helper()
	inv, err := Open(path, Options{}).Load(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	groups := want.Map("groups")
	if groups.Len() != len(inv.groups) {
		t.Errorf("%s\nhas %d groups, not %d: %v", text, len(inv.groups), groups.Len(), inv.Warnings)
	}
	for name, hosts := range groups.All() {
		equal(t, text+"\ngroup "+name.(string), sortedNames(hostNames(inv.HostsOf(inv.Group(name.(string))))), sortedNames(hosts))
	}
	for name, groups := range want.Map("names").All() {
		if !inv.loose {
			equal(t, text+"\ngroups of "+name.(string), value.List(inv.GroupNames(inv.Host(name.(string)))), groups)
		}
	}
	for _, h := range inv.hosts {
		vars := h.Vars.Clone()
		vars.Delete("inventory_file")
		vars.Delete("inventory_dir")
		equal(t, text+"\nhost "+h.Name, plain(vars), want.Map("vars").At(h.Name))
	}
	for _, p := range patterns {
		var got any
		if sel, err := inv.Match(p.(string)); err == nil {
			got = hostNames(sel.Hosts)
		}
		// The order of groups of one depth is by chance in Ansible: of parts that
		// take some of a group, only how many can be compared.
		wanted := want.Map("patterns").At(p)
		if list, ok := wanted.([]any); ok && strings.Contains(p.(string), "[") {
			found, _ := got.([]any)
			equal(t, text+"\npattern "+p.(string), len(found), len(list))
			continue
		}
		equal(t, text+"\npattern "+p.(string), sortedNames(got), sortedNames(wanted))
	}
}
