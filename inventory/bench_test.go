package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// large writes an inventory of 5,000 hosts in 50 groups, which are in 5 others,
// with variables of all of them and of each tenth host.
func large(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	var text strings.Builder
	for g := range 50 {
		fmt.Fprintf(&text, "[group%02d]\nhost%02d-[001:100].example ansible_port=22 rack=%d\n[group%02d:vars]\nown=%d\n", g, g, g, g, g)
	}
	for p := range 5 {
		fmt.Fprintf(&text, "[site%d:children]\n", p)
		for g := range 10 {
			fmt.Fprintf(&text, "group%02d\n", p*10+g)
		}
	}
	files := map[string]string{"hosts": text.String(), "group_vars/all.yml": "domain: example\nlist: [1, 2, 3]\n"}
	for g := range 50 {
		files[fmt.Sprintf("group_vars/group%02d.yml", g)] = "a: 1\nb: {c: d}\n"
		for h := 1; h <= 100; h += 10 {
			files[fmt.Sprintf("host_vars/host%02d-%03d.example.yml", g, h)] = "special: true\n"
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return filepath.Join(dir, "hosts")
}

func BenchmarkLoad5000Hosts(b *testing.B) {
	path := large(b)
	for b.Loop() {
		inv, err := Open(path, Options{}).Load(b.Context())
		if err != nil || len(inv.Hosts()) != 5000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkVarsOf5000Hosts(b *testing.B) {
	inv, err := Open(large(b), Options{}).Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, h := range inv.Hosts() {
			inv.VarsOf(h, nil)
		}
	}
}

func BenchmarkPatternsOver5000Hosts(b *testing.B) {
	inv, err := Open(large(b), Options{}).Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, p := range []string{"all", "site1:&group1*:!*-05?.example", "~host(0|1).*-00[1-3]", "group07[10:20]", "host49-100.example"} {
			if _, err := inv.Match(p); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkList5000Hosts(b *testing.B) {
	inv, err := Open(large(b), Options{}).Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		inv.List(Form{})
		inv.Tree(Form{})
	}
}
