package cloud_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/value"
)

func TestDeclared(t *testing.T) {
	b := newBench(t)
	owner, keyFile := strings.TrimSuffix(b.prefix, "-"), filepath.Join(t.TempDir(), ".rollout", "key")
	args := []any{"owner", owner, "app", "board",
		"networks", []any{value.NewMap("name", b.prefix+"net", "cidr", "10.226.1.0/24", "router", b.prefix+"router")},
		"security_groups", []any{value.NewMap("name", b.prefix+"web", "rules", []any{
			value.NewMap("protocol", "tcp", "port_range_min", 80, "port_range_max", 80, "remote_ip_prefix", "0.0.0.0/0")})},
		"key_pairs", []any{value.NewMap("name", b.prefix+"key", "private_key_file", keyFile)}}
	made := b.ok("rollout.cloud.declared", args...)
	if n := len(made.Data.List("made")); n != 7 {
		t.Errorf("%d things made: %v", n, made.Data.List("made"))
	}
	info, err := os.Stat(keyFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the private key: %v, %v", info, err)
	}
	first, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}

	// A key pair that is gone from the cloud comes back with the same key.
	before := keyOf(b)
	b.ok("openstack.cloud.keypair", "name", b.prefix+"key", "state", "absent")
	b.ok("rollout.cloud.declared", args...)
	if again, _ := os.ReadFile(keyFile); string(again) != string(first) || keyOf(b) != before {
		t.Error("the private key was made anew")
	}

	// Somebody's who has no private key here is told so.
	if err := os.Rename(keyFile, keyFile+".away"); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := b.call(t.Context(), "rollout.cloud.declared", false, args...)
	if err != nil || len(elsewhere.Warnings) != 1 || !strings.Contains(elsewhere.Warnings[0], "made elsewhere") {
		t.Errorf("%v, warnings: %v", err, elsewhere.Warnings)
	}

	cleaned := b.ok("rollout.cloud.cleanup", "owner", owner, "app", "board")
	if n := len(cleaned.Data.List("plan")); n != 6 { // the rule goes with its group
		t.Errorf("the clean-up has %d rows: %v", n, cleaned.Data.List("plan"))
	}
	b.fails("prefix", "rollout.cloud.cleanup")
}

func keyOf(b *bench) string {
	res := b.ok("openstack.cloud.keypair_info", "name", b.prefix+"key")
	for _, e := range res.Data.List("openstack_keypairs") {
		return e.(*value.Map).String("public_key")
	}
	b.t.Fatal("no key pair")
	return ""
}
