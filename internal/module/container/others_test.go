package container

import (
	"os"
	"strings"
	"testing"
)

// twice runs a module in check mode, for real and once more: check mode must
// foretell the change and the second run must find none.
func (r *rig) twice(name, args string) {
	r.t.Helper()
	if res := r.check(name, args); !res.Changed {
		r.t.Errorf("%s: check mode foretells nothing: %s", name, args)
	}
	if res := r.must(name, args); !res.Changed {
		r.t.Errorf("%s: nothing changed: %s", name, args)
	}
	r.unchanged(name, args)
}

func (r *rig) unchanged(name, args string) {
	r.t.Helper()
	if res := r.check(name, args); res.Changed {
		r.t.Errorf("%s: check mode would change again: %s: %s", name, args, asJSON(res.Data.At("actions")))
	}
	if res := r.must(name, args); res.Changed {
		r.t.Errorf("%s: changed again: %s: %s", name, args, asJSON(res.Data.At("actions")))
	}
}

func TestNetwork(t *testing.T) {
	r := newRig(t)
	r.twice("docker_network", "{name: NAME(n), labels: {rollout.test: '1', a: 1}, internal: false}")
	r.unchanged("docker_network", "{name: NAME(n)}")
	r.twice("docker_network", "{name: NAME(n), labels: {rollout.test: '1', a: 2}}")
	r.twice("docker_network", "{name: NAME(n), labels: {rollout.test: '1'}, ipam_config: [{subnet: 10.231.18.0/28, gateway: 10.231.18.1}]}")
	r.unchanged("docker_network", "{name: NAME(n), ipam_config: [{subnet: 10.231.18.0/28}]}")
	r.twice("docker_network", "{name: NAME(n), labels: {rollout.test: '1'}, internal: true, driver_options: {com.docker.network.bridge.enable_icc: false}}")

	r.container("{name: NAME(a), image: IMAGE}")
	r.container("{name: NAME(b), image: IMAGE}")
	r.twice("docker_network", "{name: NAME(n), connected: [NAME(a)], appends: true}")
	r.twice("docker_network", "{name: NAME(n), connected: [NAME(b)], appends: true}")
	r.twice("docker_network", "{name: NAME(n), connected: [NAME(b)]}")
	info := r.must("docker_network_info", "name: NAME(n)")
	if got := asJSON(info.Data); !strings.Contains(got, `"exists": true`) || strings.Contains(got, r.engine.Name("a")) {
		t.Errorf("docker_network_info: %s", got)
	}
	r.twice("docker_network", "{name: NAME(n), state: absent}")
	if got := asJSON(r.must("docker_network_info", "name: NAME(n)").Data); got != `{"exists": false, "network": null}` {
		t.Errorf("docker_network_info: %s", got)
	}
	wants(t, r.failure("docker_network", "{name: NAME(n), ipam_config: [{subnet: 10.231.18.0/99}]}"), "cannot create network", "on web-1")
}

func TestVolume(t *testing.T) {
	r := newRig(t)
	r.twice("docker_volume", "{name: NAME(v), labels: {rollout.test: '1', a: 1}}")
	r.unchanged("docker_volume", "{name: NAME(v), labels: {a: 2}}") // its data is worth more than a label
	r.twice("docker_volume", "{name: NAME(v), labels: {rollout.test: '1', a: 2}, recreate: options-changed}")
	r.twice("docker_volume", "{name: NAME(m), labels: {rollout.test: '1'}, driver_options: {type: tmpfs, device: tmpfs}}")
	if got := asJSON(r.must("docker_volume_info", "name: NAME(m)").Data); !strings.Contains(got, `"type": "tmpfs"`) {
		t.Errorf("docker_volume_info: %s", got)
	}
	r.container("{name: NAME(a), image: IMAGE, volumes: ['NAME(v):/data']}")
	wants(t, r.failure("docker_volume", "{name: NAME(v), state: absent}"), "cannot remove volume "+r.engine.Name("v")+" on web-1", "in use")
	r.container("{name: NAME(a), state: absent, force_kill: true}")
	r.twice("docker_volume", "{name: NAME(v), state: absent}")
	if got := asJSON(r.must("docker_volume_info", "name: NAME(v)").Data); got != `{"exists": false, "volume": null}` {
		t.Errorf("docker_volume_info: %s", got)
	}
}

func TestDataOutlivesItsContainer(t *testing.T) {
	r := newRig(t)
	args := "{name: NAME(a), image: IMAGE, volumes: ['NAME(data):/data'], env: {A: '1'}, force_kill: true}"
	r.container(args)
	r.must("docker_container_exec", "{container: NAME(a), argv: [/t, touch, /data/kept]}")
	r.container(strings.Replace(args, "'1'", "'2'", 1))
	r.must("docker_container_exec", "{container: NAME(a), argv: [/t, exists, /data/kept]}")
}

func TestImage(t *testing.T) {
	r := newRig(t)
	r.unchanged("docker_image", "{name: IMAGE, source: local}")
	r.unchanged("docker_image", "{name: IMAGE, source: pull}")
	r.twice("docker_image", "{name: IMAGE, source: local, repository: 'IMAGE-b'}")
	file := t.TempDir() + "/image.tar"
	write(t, file, string(r.engine.Do("GET", "/images/get?names="+r.image+"-b", nil)))
	r.twice("docker_image", "{name: 'IMAGE-b', state: absent}")
	r.twice("docker_image", "{name: 'IMAGE-b', source: load, load_path: "+file+"}")
	infos := r.must("docker_image_info", "name: ['IMAGE', 'IMAGE-b', 'IMAGE-none']").Data.List("images")
	if len(infos) != 2 {
		t.Errorf("docker_image_info: %s", asJSON(infos))
	}
	for args, want := range map[string][]string{
		"{name: 'IMAGE-none', source: local}":                                    {"is not on web-1"},
		"{name: '127.0.0.1:1/none', source: pull}":                               {"cannot pull image 127.0.0.1:1/none:latest on web-1", "refused"},
		"{name: 'IMAGE-none', source: load, load_path: " + file + "}":            {"cannot find image", r.image + "-b"},
		"{name: 'IMAGE-none', source: load, load_path: " + file + ".none}":       {"cannot load image", "on web-1", "No such file"},
		"{name: IMAGE, source: local, repository: 127.0.0.1:1/push, push: true}": {"cannot push image 127.0.0.1:1/push:latest on web-1"},
		"{name: IMAGE}": {"source"},
	} {
		wants(t, r.failure("docker_image", args), want...)
	}
	if err := os.WriteFile(file, []byte("no tar at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, r.failure("docker_image", "{name: 'IMAGE-c', source: load, load_path: "+file+"}"), "cannot load images on web-1")
}

func TestExec(t *testing.T) {
	r := newRig(t)
	r.container("{name: NAME(a), image: IMAGE, env: {A: of the container}}")
	r.must("docker_container_exec", "{container: NAME(a), argv: [/t, touch, /tmp/note]}")
	for args, want := range map[string]string{
		"argv: [/t, echo, 'a b', c]":                       "a b c",
		"command: /t echo 'a  b' c":                        "a  b c",
		"argv: [/t, upper], stdin: text":                   "TEXT",
		"argv: [/t, env, A]":                               "of the container",
		"argv: [/t, env, A], env: {A: 5}":                  "5",
		"argv: [/t, exists, note], chdir: /tmp, tty: true": "there is note",
	} {
		res := r.must("docker_container_exec", "{container: NAME(a), "+args+"}")
		if got := res.Data.String("stdout"); got != want || res.Data.At("rc") != 0 || !res.Changed {
			t.Errorf("%s: %q, %+v", args, got, res)
		}
	}
	res, err := r.try("docker_container_exec", mode{}, "{container: NAME(a), argv: [/t, exit, '5']}")
	if err != nil || !res.Failed || res.Data.At("rc") != 5 || res.Data.String("stdout") != "leaving" {
		t.Errorf("%+v %v", res, err)
	}
	if res := r.must("docker_container_exec", "{container: NAME(a), argv: [/t, echo], detach: true}"); res.Data.String("exec_id") == "" {
		t.Errorf("%+v", res)
	}
	if res := r.check("docker_container_exec", "{container: NAME(a), argv: [/t, echo]}"); !res.Skipped {
		t.Error("a command is run in check mode")
	}
	wants(t, r.failure("docker_container_exec", "{container: NAME(none), argv: [x]}"), "cannot run a command in container", "No such container")
	wants(t, r.failure("docker_container_exec", "{container: NAME(a), argv: [x], detach: true, stdin: y}"), "stdin cannot be given with detach")
}

func TestInfo(t *testing.T) {
	r := newRig(t)
	r.container("{name: NAME(a), image: IMAGE, state: present}")
	res := r.must("docker_host_info", "{containers: true, containers_all: true, images: true, networks: true, volumes: true}")
	if res.Data.At("can_talk_to_docker") != true || res.Data.Map("host_info").String("ServerVersion") == "" {
		t.Errorf("docker_host_info: %s", asJSON(res.Data.Map("host_info")))
	}
	wants(t, asJSON(res.Data.List("containers")), "/"+r.engine.Name("a"))
	wants(t, asJSON(res.Data.List("images")), r.image)
	wants(t, asJSON(res.Data.List("networks")), `"bridge"`)
	if res := r.must("docker_host_info", "containers: true"); strings.Contains(asJSON(res.Data.List("containers")), r.engine.Name("a")) {
		t.Error("a container that does not run is listed")
	}
	if got := asJSON(r.must("docker_container_info", "name: NAME(none)").Data); got != `{"exists": false, "container": null}` {
		t.Errorf("docker_container_info: %s", got)
	}
}
