package topology

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/value"
)

const keyed = `app: board
owner: student07
key_pairs:
  made: {}
  mine: {public_key_file: keys/id.pub}
  told: {public_key: ssh-ed25519 AAAA me@here}
defaults: {image: i, flavor: f, networks: [net], key_name: KEY}
networks: {net: {cidr: 10.0.0.0/24}}
tiers: {web: {}}
`

func TestKeyPairs(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	id := filepath.Join(dir, "keys", "id")
	if err := os.WriteFile(id, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"made": filepath.Join(dir, ".rollout", "keys", "made"), "mine": id, "told": "/home/x/told", "other": "/home/x/other"} {
		opts := Options{KeyFile: func(_, name string) string {
			if name == "made" {
				return ""
			}
			return "/home/x/" + name
		}}
		top, err := Parse(filepath.Join(dir, "topology.yml"), []byte(strings.Replace(keyed, "KEY", key, 1)), opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := top.Tiers[0].Machine.KeyFile; got != want {
			t.Errorf("the private key of %s is %s, not %s", key, got, want)
		}
		inv, err := top.Inventory(nil)
		if err != nil {
			t.Fatal(err)
		}
		pairs := inv.Group("all").Vars.List("key_pairs")
		if len(pairs) != 3 || pairs[1].(*value.Map).String("public_key_file") != id+".pub" {
			t.Errorf("key_pairs: %v", pairs)
		}
	}
}

func TestKeyPairMistakes(t *testing.T) {
	for pair, says := range map[string]string{
		"a: {public_key: x, public_key_file: y}":                   "has both",
		"a: {public_key: nonsense}":                                "is none",
		"a: {public_key: '-----BEGIN OPENSSH PRIVATE KEY----- x'}": "is none",
		"../a: {}":           "no file's",
		"a: {public_kee: x}": `no key "public_kee"`,
		"[a]":                "must be a mapping",
	} {
		_, err := Parse("topology.yml", []byte(strings.Replace(keyed, "  made: {}\n  mine: {public_key_file: keys/id.pub}\n  told: {public_key: ssh-ed25519 AAAA me@here}", "  "+pair, 1)), Options{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", pair, err)
		}
	}
}
