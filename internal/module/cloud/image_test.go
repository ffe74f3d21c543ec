package cloud_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rollout/internal/value"
)

// gone deletes a thing when the test ends, whatever became of it.
func (b *bench) gone(module string, pairs ...any) {
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), time.Minute)
		defer cancel()
		res, err := b.call(ctx, module, false, append(pairs, "state", "absent")...)
		if err != nil || res.Failed {
			b.t.Errorf("%s: delete %v: %v %s", module, pairs, err, res.Msg)
		}
	})
}

func TestImageModule(t *testing.T) {
	b := newBench(t)
	name, file := b.prefix+"img", filepath.Join(t.TempDir(), "disk.raw")
	content := []byte(strings.Repeat("rollout", 100_000))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(content)
	checksum := hex.EncodeToString(sum[:])
	const image = "openstack.cloud.image"
	b.fails("its checksum (MD5) is "+checksum, image, "name", name, "filename", file, "checksum", strings.Repeat("0", 32))
	b.fails("cannot open the image file", image, "name", name, "filename", file+".none")
	b.fails(`"volume" is not supported`, image, "name", name, "volume", "v")
	b.fails(`"uri" is not supported`, image, "name", name, "uri", "http://localhost/x")
	made := []any{"name", name, "filename", file, "checksum", checksum, "disk_format", "raw", "min_disk", 1, "min_ram", 64,
		"tags", []any{"b", "a"}, "properties", value.NewMap("os_distro", "debian", "hw_qemu_guest_agent", true)}
	record := b.ok(image, made...).Data.Map("image")
	b.gone(image, "name", name)
	for key, want := range map[string]any{"status": "active", "checksum": checksum, "size": len(content), "min_disk": 1,
		"visibility": "private", "is_protected": false, "os_distro": "debian", "hw_qemu_guest_agent": "True"} {
		if got := record.At(key); !value.Equal(got, want) {
			t.Errorf("%s is %v, not %v", key, got, want)
		}
	}
	b.fails("'bogus' is not of type 'integer'", image, "name", name, "properties", value.NewMap("min_ram", "bogus"))
	b.ok(image, "name", name, "min_ram", 128, "is_protected", true, "tags", []any{"c"}, "properties", value.NewMap("os_distro", "ubuntu"))
	b.fails("protected", image, "name", name, "state", "absent")
	b.ok(image, "name", name, "protected", false, "visibility", "shared")
	b.ok(image, "name", name, "state", "inactive")
	b.ok(image, "name", name)
	b.ok(image, "name", b.prefix+"renamed", "id", record.String("id"))
	b.gone(image, "name", b.prefix+"renamed")
	info := b.ok("openstack.cloud.image_info", "image", b.prefix+"renamed", "filters", value.NewMap("min_ram", 128))
	if found := info.Data.List("images"); len(found) != 1 {
		t.Errorf("image_info: %v", found)
	}
	b.ok(image, "name", b.prefix+"renamed", "state", "absent")
	b.ok(image, "name", record.String("id"), "state", "absent")
}

// What an upload keeps in memory does not grow with the file.
func TestImageUploadNeedsLittleMemory(t *testing.T) {
	b := newBench(t)
	if b.lab == nil {
		t.Skip("it is enough to measure this against the practice cloud")
	}
	const size = 96 << 20
	file := filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	name := b.prefix + "large"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	res, err := b.call(t.Context(), "os_image", false, "name", name, "filename", file, "disk_format", "raw")
	runtime.ReadMemStats(&after)
	if err != nil || res.Failed || res.Data.Map("image").Int("size") != size {
		t.Fatalf("%v %s %v", err, res.Msg, res.Data)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > size/8 {
		t.Errorf("uploading %d MB allocated %d MB", size>>20, used>>20)
	}
}

// A new image whose upload fails is not left behind.
func TestImageUploadFails(t *testing.T) {
	b := newBench(t)
	if b.lab == nil {
		t.Skip("the fault is ordered from the practice cloud")
	}
	name, file := b.prefix+"img", filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.failUploads()
	b.fails("the image was deleted again", "openstack.cloud.image", "name", name, "filename", file, "disk_format", "raw")
	info := b.ok("openstack.cloud.image_info", "image", name)
	if found := info.Data.List("images"); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestServerGroupModule(t *testing.T) {
	b := newBench(t)
	name := b.prefix + "group"
	const group = "openstack.cloud.server_group"
	b.fails("policy is required", group, "name", name)
	b.fails("one policy, not 2", group, "name", name, "policies", []any{"affinity", "anti-affinity"})
	res := b.ok(group, "name", name, "policies", []any{"anti-affinity"})
	b.gone(group, "name", name)
	if g := res.Data.Map("server_group"); g.String("policy") != "anti-affinity" || res.Data.String("id") == "" {
		t.Errorf("server_group: %v", res.Data)
	}
	b.ok("os_server_group", "name", name, "policy", "anti-affinity")
	b.fails("can't be changed to affinity", group, "name", name, "policy", "affinity")
	b.ok(group, "name", name, "state", "absent")
	ruled := b.ok(group, "name", name, "policy", "anti-affinity", "rules", value.NewMap("max_server_per_host", 3))
	if n := ruled.Data.Map("server_group").Map("rules").Int("max_server_per_host"); n != 3 {
		t.Errorf("max_server_per_host is %d", n)
	}
	b.fails("max_server_per_host: 3, which can't be changed", group, "name", name, "policy", "anti-affinity",
		"rules", value.NewMap("max_server_per_host", 2))
}

func TestQuotaModule(t *testing.T) {
	b := newBench(t)
	const quota = "openstack.cloud.quota"
	c := b.open()
	project := c.ProjectName()
	shown := b.ok(quota, "name", project).Data.Map("quotas")
	if shown.Map("compute").At("instances") == nil || shown.Map("network").At("port") == nil {
		t.Fatalf("quotas: %v", shown)
	}
	b.fails("which this cloud does not have", quota, "name", project, "volumes", 3)
	b.fails("which this cloud does not have", quota, "name", project, "volumes_types", value.NewMap("volumes_lvm", 3))
	b.fails(`"pool" is not supported`, quota, "name", project, "pool", 3)
	b.fails("project", quota, "name", b.prefix+"none", "cores", 3)
	planned, err := b.call(t.Context(), quota, true, "name", project, "server_groups", 77)
	if err != nil || planned.Failed || !planned.Changed || !strings.Contains(planned.Diff[0].After, "set compute limit server_groups") {
		t.Fatalf("check mode: %v %+v", err, planned)
	}
	res, err := b.call(t.Context(), quota, false, "name", project, "server_groups", 77)
	if err == nil && res.Failed && strings.Contains(res.Msg, "HTTP 403") {
		t.Skip("only an administrator may set quotas here: ", res.Msg)
	}
	b.gone(quota, "name", project)
	if project != "admin" && b.lab == nil {
		t.Fatal("quotas of a project that others use were changed: name the cloud of a project that nobody uses")
	}
	b.ok(quota, "name", project, "cores", 7, "injected_files", shown.Map("compute").Int("injected_files"), "networks", 0, "floatingip", 0, "security_group", 0, "server_groups", 0, "router", 0)
	b.fails("Quota exceeded for resources: ['network']", "openstack.cloud.network", "name", b.prefix+"n")
	b.fails("Quota exceeded for resources: ['security_group']", "openstack.cloud.security_group", "name", b.prefix+"g")
	b.fails("Quota exceeded for resources: ['router']", "openstack.cloud.router", "name", b.prefix+"r")
	b.fails("Quota exceeded, too many server groups", "openstack.cloud.server_group", "name", b.prefix+"g", "policy", "affinity")
	b.ok(quota, "name", project, "state", "absent")
	after := b.ok(quota, "name", project).Data.Map("openstack_quotas")
	if !value.Equal(after.Map("compute").At("cores"), shown.Map("compute").At("cores")) {
		t.Errorf("cores are %v, and were %v", after.Map("compute").At("cores"), shown.Map("compute").At("cores"))
	}
}

// A server that the quota has no room for is refused in Nova's words, and
// nothing of it is left.
func TestServerOverQuota(t *testing.T) {
	b := newBench(t)
	if b.lab == nil {
		t.Skip("setting the quota of a project with servers is tried on the practice cloud only: others share the real one")
	}
	project := b.open().ProjectName()
	server := []any{"name", b.prefix + "a", "image", "docker-base", "flavor", "standard.small", "network", "dmz-net", "auto_ip", false}
	for _, tc := range []struct{ limit, says string }{
		{"cores", "Quota exceeded for cores: Requested 1, but already used 0 of 0 cores"},
		{"instances", "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances"},
		{"ram", "Quota exceeded for ram: Requested 2048, but already used 0 of 0 ram"},
	} {
		b.ok("openstack.cloud.quota", "name", project, tc.limit, 0)
		b.fails(tc.says, "openstack.cloud.server", server...)
		b.ok("openstack.cloud.quota", "name", project, "state", "absent")
	}
	ports := len(b.ok("openstack.cloud.port_info").Data.List("openstack_ports"))
	b.ok("openstack.cloud.quota", "name", project, "port", ports)
	b.fails("Maximum number of ports exceeded", "openstack.cloud.server", server...)
	if left := b.ok("openstack.cloud.server_info", "server", b.prefix+"*").Data.List("openstack_servers"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
