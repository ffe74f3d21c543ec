package cloud_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollout/internal/module"
	"rollout/internal/value"
)

// with is a task's arguments with some of them replaced.
func with(args []any, pairs ...any) []any {
	m := value.NewMap(args...)
	m.Update(value.NewMap(pairs...))
	var out []any
	for k, v := range m.All() {
		out = append(out, k, v)
	}
	return out
}

// What cannot be changed on a server that is there is told, and left.
func TestServerThatDiffers(t *testing.T) {
	b := newBench(t)
	server := []any{
		"name", b.prefix + "drift-1", "image", "docker-base", "flavor", "standard.xsmall", "key_name", "key-for-internal",
		"nics", []any{"net-name=dmz-net"}, "userdata", "#!/bin/sh\n:\n", "auto_ip", false, "timeout", 240,
		"meta", value.NewMap("rollout_owner", strings.TrimSuffix(b.prefix, "-"), "rollout_tier", "app"),
	}
	made := b.ok("openstack.cloud.server", server...)
	id := made.Data.String("id")
	for _, c := range []struct {
		name string
		args []any
		says string
	}{
		{"flavor", []any{"flavor", "standard.small"}, "flavor is standard.xsmall, should be standard.small"},
		{"networks", []any{"nics", []any{"net-name=dmz-net", "net-name=app-net"}}, "networks are dmz-net, should be dmz-net, app-net"},
		{"user data", []any{"userdata", "#!/bin/sh\nfalse\n"}, "user data differs"},
		{"several", []any{"flavor", "standard.small", "userdata", ""}, "flavor is standard.xsmall, should be standard.small; user data differs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := b.call(t.Context(), "openstack.cloud.server", false, with(server, c.args...)...)
			if err != nil || res.Failed || res.Changed || res.Data.String("id") != id {
				t.Fatalf("%v %s changed=%v id=%s, not %s", err, res.Msg, res.Changed, res.Data.String("id"), id)
			}
			want := module.Operation{Kind: module.Replace, Thing: "server " + b.prefix + "drift-1",
				Do: "replace server " + b.prefix + "drift-1", Cause: c.says, Held: true}
			if !slices.Equal(res.Plan, []module.Operation{want}) {
				t.Errorf("plan %v, not %v", res.Plan, want)
			}
			warning := b.prefix + "drift-1 differs: " + c.says + ": replace it with rollout --replace -e target=app"
			if !slices.Equal(res.Warnings, []string{warning}) {
				t.Errorf("warns %q, not %q", res.Warnings, warning)
			}
			if len(res.Data.List("differs")) == 0 {
				t.Error("differs is empty")
			}
		})
	}
	b.keepsWithoutItsImage(server)
}

// An image that was deleted or renamed since is no reason to fail for a server
// that is there.
func (b *bench) keepsWithoutItsImage(server []any) {
	b.t.Helper()
	res, err := b.call(b.t.Context(), "openstack.cloud.server", false, with(server, "image", b.prefix+"gone")...)
	if err != nil || res.Failed || res.Changed || len(res.Plan) > 0 {
		b.t.Errorf("an image that is gone: %v %s changed=%v plan=%v", err, res.Msg, res.Changed, res.Plan)
	}
	if !strings.Contains(strings.Join(res.Warnings, " "), "none can be booted") {
		b.t.Errorf("warns %q", res.Warnings)
	}
}

// Servers of others get no metadata of ours.
func TestDigestOnServersOfOursOnly(t *testing.T) {
	b := newBench(t)
	server := []any{"name", b.prefix + "theirs", "image", "docker-base", "flavor", "standard.xsmall", "network", "dmz-net",
		"userdata", "#!/bin/sh\n:\n", "auto_ip", false, "timeout", 240, "meta", value.NewMap("color", "blue")}
	made := b.ok("openstack.cloud.server", server...)
	if meta := made.Data.Map("server").Map("metadata"); meta.Len() != 1 {
		t.Errorf("metadata %v", meta.Keys())
	}
	res, err := b.call(t.Context(), "openstack.cloud.server", false, with(server, "userdata", "")...)
	if err != nil || len(res.Plan)+len(res.Warnings) > 0 {
		t.Errorf("%v plan=%v warnings=%v", err, res.Plan, res.Warnings)
	}
}

// What check mode only pretends to make is there for the tasks after it.
func TestCheckModeGoesOn(t *testing.T) {
	b := newBench(t)
	for _, step := range [][]any{
		{"openstack.cloud.network", "name", b.prefix + "net"},
		{"openstack.cloud.security_group", "name", b.prefix + "sg"},
		{"openstack.cloud.keypair", "name", b.prefix + "key", "public_key",
			"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx"},
		{"openstack.cloud.server", "name", b.prefix + "web-1", "image", "docker-base", "flavor", "standard.xsmall",
			"auto_ip", false, "key_name", b.prefix + "key", "network", b.prefix + "net", "security_groups", []any{b.prefix + "sg"}},
	} {
		res, err := b.call(t.Context(), step[0].(string), true, step[1:]...)
		if err != nil || res.Failed || !res.Changed {
			t.Fatalf("%v: %v %s changed=%v", step, err, res.Msg, res.Changed)
		}
		if len(res.Plan) != 1 || res.Plan[0].Kind != module.Create || res.Plan[0].Cause != "not found" {
			t.Errorf("%v: plan %v", step, res.Plan)
		}
	}
	b.fails("cannot find network", "openstack.cloud.server", "name", b.prefix+"web-2", "image", "docker-base", "flavor", "standard.xsmall",
		"network", b.prefix+"net2")
}

// A server whose image was deleted since is as good as before, and the plan says
// so; where the task's own image is gone, too.
func TestServerWhoseImageIsGone(t *testing.T) {
	b := newBench(t)
	if b.lab != nil {
		t.Skip("the practice cloud keeps images that machines run from")
	}
	image := b.prefix + "image"
	file := filepath.Join(t.TempDir(), "image.raw")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	b.ok("openstack.cloud.image", "name", image, "filename", file, "disk_format", "raw")
	b.gone("openstack.cloud.image", "name", image)
	server := []any{"name", b.prefix + "orphan", "image", image, "flavor", "standard.xsmall", "network", "dmz-net", "auto_ip", false,
		"timeout", 240, "meta", value.NewMap("rollout_owner", strings.TrimSuffix(b.prefix, "-"))}
	b.ok("openstack.cloud.server", server...)
	b.ok("openstack.cloud.image", "name", image, "state", "absent")
	for _, name := range []string{"docker-base", image} {
		res, err := b.call(t.Context(), "openstack.cloud.server", true, with(server, "image", name)...)
		if err != nil || res.Failed || res.Changed || len(res.Plan) != 1 {
			t.Fatalf("%s: %v %s changed=%v plan=%v", name, err, res.Msg, res.Changed, res.Plan)
		}
		op := res.Plan[0]
		if op.Kind != module.Note || op.Thing != "server "+b.prefix+"orphan" || !strings.Contains(op.Cause, "deleted since") {
			t.Errorf("%s: %v", name, op)
		}
	}
}
