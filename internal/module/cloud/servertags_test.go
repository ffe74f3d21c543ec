package cloud_test

import (
	"slices"
	"strings"
	"testing"

	"rollout/internal/module"
	"rollout/internal/value"
)

// Tags are given at the boot, changed in place, taken away, and left alone where
// the task does not speak of them.
func TestServerTags(t *testing.T) {
	b := newBench(t)
	name := b.prefix + "tagged"
	server := []any{"name", name, "image", "docker-base", "flavor", "standard.xsmall", "network", "dmz-net", "auto_ip", false,
		"timeout", 240, "meta", value.NewMap("rollout_owner", strings.TrimSuffix(b.prefix, "-"))}
	tags := func(res module.Result) []string { return value.Strings(res.Data.Map("server").List("tags")) }
	has := func(when string, res module.Result, want ...string) {
		t.Helper()
		if got := tags(res); !slices.Equal(got, want) {
			t.Errorf("%s: tags %q, not %q", when, got, want)
		}
	}
	made := b.ok("openstack.cloud.server", with(server, "tags", []any{"web", "blue", "web"})...)
	has("boot", made, "blue", "web")
	has("unchanged", b.ok("openstack.cloud.server", with(server, "tags", []any{"web", "blue"})...), "blue", "web")

	planned, err := b.call(t.Context(), "openstack.cloud.server", true, with(server, "tags", []any{"green"})...)
	if err != nil {
		t.Fatal(err)
	}
	has("check mode", planned, "blue", "web")
	want := []module.Operation{{Kind: module.Change, Thing: "server " + name, Do: "set tags green", Cause: "they are blue,web"}}
	if !slices.Equal(planned.Plan, want) {
		t.Errorf("plan %v, not %v", planned.Plan, want)
	}
	changed := b.ok("openstack.cloud.server", with(server, "tags", []any{"green"})...)
	has("change", changed, "green")
	if changed.Data.String("id") != made.Data.String("id") {
		t.Error("it is another server")
	}
	if res := b.ok("openstack.cloud.server", server...); res.Changed || res.Data.Map("server").At("tags") != nil {
		t.Errorf("without tags: changed=%v tags=%v", res.Changed, tags(res))
	}
	has("none", b.ok("openstack.cloud.server", with(server, "tags", []any{})...))
	b.fails("cannot set the tags", "openstack.cloud.server", with(server, "tags", []any{"a/b"})...)
	b.fails("a/b", "openstack.cloud.server", with(server, "name", b.prefix+"refused", "tags", []any{"a/b"})...)
}
