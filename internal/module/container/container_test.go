package container

import (
	"strings"
	"testing"

	"rollout/internal/value"
)

func TestImageMovedToAnotherID(t *testing.T) {
	r := newRig(t)
	const args = "{name: NAME(a), image: IMAGE, force_kill: true}"
	r.container(args)
	was := r.engine.ID(r.engine.Name("a"))
	r.engine.Image("1", "ENV VERSION=2") // the same name, another image
	if res := r.check("docker_container", args); !res.Changed {
		t.Error("check mode sees no other image")
	}
	res := r.container(args)
	if r.engine.ID(r.engine.Name("a")) == was || !res.Changed {
		t.Error("the container of the old image lives on")
	}
	wants(t, res.Msg, "recreated", "image: ", "the container was made of")
	r.settled(args)
	if res := r.container("{name: NAME(a), state: started}"); res.Changed {
		t.Errorf("without an image there is nothing to compare: %s", res.Msg)
	}
}

func TestImageUnderAnotherName(t *testing.T) {
	r := newRig(t)
	r.must("docker_image", "{name: IMAGE, source: local, repository: 'IMAGE-too'}")
	r.container("{name: NAME(a), image: IMAGE, state: present}")
	if res := r.check("docker_container", "{name: NAME(a), image: 'IMAGE-too', state: present}"); !res.Changed {
		t.Error("another name is no difference")
	}
	if res := r.check("docker_container", "{name: NAME(a), image: 'IMAGE-too', state: present, image_name_mismatch: ignore}"); res.Changed {
		t.Errorf("another name was to be ignored: %s", res.Msg)
	}
}

// A container is found in the states in which a killed run leaves it.
func TestRerunAfterAKilledRun(t *testing.T) {
	r := newRig(t)
	const args = "{name: NAME(a), image: IMAGE, env: {A: '1'}, networks: [{name: NAME(n)}, {name: NAME(m), aliases: [x]}]}"
	r.must("docker_network", "{name: NAME(n), labels: {rollout.test: '1'}}")
	r.must("docker_network", "{name: NAME(m), labels: {rollout.test: '1'}}")
	name := r.engine.Name("a")
	states := []struct {
		what  string
		leave func()
		keeps bool
	}{
		{"made, not attached to its second network, not started", func() {
			r.container("{name: NAME(a), image: IMAGE, env: {A: '1'}, state: present, networks: [{name: NAME(n)}]}")
		}, true},
		{"killed", func() { r.engine.Do("POST", "/containers/"+name+"/kill", nil); r.engine.Await(name, "exited") }, true},
		{"gone", func() { r.engine.Do("DELETE", "/containers/"+name+"?force=1", nil) }, false},
		{"running with other settings", func() {
			r.container("{name: NAME(a), state: absent, force_kill: true}")
			r.container("{name: NAME(a), image: IMAGE, env: {A: '0'}}")
		}, false},
	}
	for _, s := range states {
		s.leave()
		was := r.engine.ID(name)
		if res := r.check("docker_container", args); !res.Changed {
			t.Errorf("%s: check mode has nothing to do", s.what)
		}
		r.container(args)
		if r.engine.State(name) != "running" {
			t.Errorf("%s: it is %s", s.what, r.engine.State(name))
		}
		if kept := r.engine.ID(name) == was; kept != s.keeps {
			t.Errorf("%s: kept=%v", s.what, kept)
		}
		r.settled(args)
	}
}

func TestLinks(t *testing.T) {
	r := newRig(t)
	const provider = "{name: NAME(dbs), image: IMAGE, env: {PASSWORD: one}, exposed_ports: ['3306'], stop_timeout: 3}"
	const other = "{name: NAME(dbs), image: IMAGE, env: {PASSWORD: two}, exposed_ports: ['3306'], stop_timeout: 3}"
	const consumer = "{name: NAME(app), image: IMAGE, links: ['NAME(dbs):db'], restart_policy: unless-stopped}"
	r.container(provider)
	r.container(consumer)
	r.settled(consumer)

	t.Run("a restarted provider leaves the link alive", func(t *testing.T) {
		r.must("docker_container", strings.Replace(provider, "stop_timeout", "restart: true, stop_timeout", 1))
		r.settled(consumer)
	})
	t.Run("check mode foretells the dead link", func(t *testing.T) {
		if r.check("docker_container", other); !r.check("docker_container", consumer).Changed {
			t.Error("check mode leaves the consumer alone")
		}
	})
	r.modules = newModules(t)
	t.Run("a provider made anew needs its consumer made anew", func(t *testing.T) {
		was := r.engine.ID(r.engine.Name("app"))
		r.container(other)
		if !r.check("docker_container", consumer).Changed {
			t.Error("check mode sees no dead link")
		}
		res := r.container(consumer)
		if r.engine.ID(r.engine.Name("app")) == was {
			t.Error("the consumer still has the dead link")
		}
		wants(t, res.Msg, "recreated", "links: no living link to "+r.engine.Name("dbs"))
		r.settled(consumer)
	})
	t.Run("another alias", func(t *testing.T) {
		if res := r.container(strings.Replace(consumer, ":db", ":database", 1)); !res.Changed {
			t.Error("nothing changed")
		}
	})
	t.Run("a provider that is not there", func(t *testing.T) {
		wants(t, r.failure("docker_container", "{name: NAME(x), image: IMAGE, links: ['NAME(none):db']}"),
			"cannot link container", "there is no container "+r.engine.Name("none")+" on web-1")
		if res := r.check("docker_container", "{name: NAME(x), image: IMAGE, links: ['NAME(none):db']}"); !res.Changed {
			t.Error("check mode needs the provider that an earlier task would make")
		}
	})
}

func TestLinksOnANetworkOfOnesOwn(t *testing.T) {
	r := newRig(t)
	r.must("docker_network", "{name: NAME(n), labels: {rollout.test: '1'}}")
	r.container("{name: NAME(dbs), image: IMAGE, networks: [{name: NAME(n)}]}")
	for _, args := range []string{
		"{name: NAME(app), image: IMAGE, links: ['NAME(dbs):db'], networks: [{name: NAME(n), aliases: [a]}]}",
		"{name: NAME(two), image: IMAGE, links: ['NAME(dbs):db'], network_mode: NAME(n)}",
	} {
		r.container(args)
		r.settled(args)
	}
	links := r.inspect("two").Map("NetworkSettings").Map("Networks").Map(r.engine.Name("n")).List("Links")
	if len(links) != 1 || links[0] != r.engine.Name("dbs")+":db" {
		t.Errorf("links: %v", links)
	}
}

func TestNetworksOfAContainer(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{
		"{name: NAME(n), labels: {rollout.test: '1'}, ipam_config: [{subnet: 10.231.17.0/28}]}",
		"{name: NAME(m), labels: {rollout.test: '1'}}",
	} {
		r.must("docker_network", n)
	}
	steps := []struct{ args, does string }{
		{"networks: [{name: NAME(n), ipv4_address: 10.231.17.5}]", ""},
		{"networks: [{name: NAME(n), ipv4_address: 10.231.17.6}]", changes},
		{"networks: [{name: NAME(n), ipv4_address: 10.231.17.6}, {name: NAME(m), aliases: [x]}]", changes},
		{"networks: [{name: NAME(n)}]", nothing},
		{"{networks: [{name: NAME(n)}], comparisons: {networks: strict}}", changes},
		{"{networks: [{name: NAME(n)}, {name: NAME(m)}], comparisons: {networks: ignore}}", nothing},
		{"{networks: [{name: NAME(n)}], purge_networks: true}", nothing},
	}
	for i, s := range steps {
		args := r.option("a", s.args, "")
		if i == 0 {
			r.container(args)
		} else {
			r.move("a", args, s.does)
		}
		r.settled(args)
	}
	wants(t, r.failure("docker_container", "{name: NAME(b), image: IMAGE, networks: [{name: NAME(none)}]}"),
		r.engine.Name("none"), "not found")
	late := r.option("c", "{networks: [{name: NAME(n)}], networks_cli_compatible: false}", "")
	r.container(late)
	r.settled(late)
	if n := r.inspect("c").Map("NetworkSettings").Map("Networks").Len(); n != 2 {
		t.Errorf("beside its network it has the engine's own: %d", n)
	}
	none := r.option("d", "{networks: [], comparisons: {networks: strict}}", "")
	r.container(none)
	r.settled(none)
}

func TestHealth(t *testing.T) {
	r := newRig(t)
	const healthy = "{name: NAME(ok), image: IMAGE, state: healthy, healthcheck: {test: [CMD, /t, echo, fine], interval: 100ms, retries: 3}}"
	res := r.container(healthy)
	if got := res.Data.Map("container").Map("State").Map("Health").String("Status"); got != "healthy" {
		t.Errorf("state healthy ends with %q", got)
	}
	r.settled(healthy)
	info := r.must("docker_container_info", "name: NAME(ok)")
	if h := info.Data.Map("container").Map("State").Map("Health"); h.String("Status") != "healthy" || len(h.List("Log")) == 0 {
		t.Errorf("docker_container_info says %s", asJSON(h))
	}
	wants(t, r.failure("docker_container", "{name: NAME(bad), image: IMAGE, state: healthy, healthy_wait_timeout: 1, "+
		"healthcheck: {test: [CMD, /t, exists, /nowhere], interval: 100ms, retries: 2}}"),
		"cannot see container "+r.engine.Name("bad")+" on web-1 healthy", "no /nowhere", "docker logs")
	wants(t, r.failure("docker_container", "{name: NAME(gone), image: IMAGE, state: healthy, command: [exit, '3'], "+
		"healthcheck: {test: [CMD, /t, echo], interval: 1h}}"), "exited (exit code 3)", "leaving")
	r.container("{name: NAME(plain), image: IMAGE, state: healthy}") // no check: running is all there is
}

func TestHealthCheckOfTheImage(t *testing.T) {
	r := newRig(t)
	r.image = r.engine.Image("checked", "HEALTHCHECK --interval=1h CMD [\"/t\", \"echo\"]")
	r.container("{name: NAME(a), image: IMAGE, state: present, healthcheck: {interval: 2h, test_cli_compatible: true}}")
	if got := asJSON(r.inspect("a").Map("Config").Map("Healthcheck").List("Test")); got != `["CMD", "/t", "echo"]` {
		t.Errorf("the image's test was to stay: %s", got)
	}
	r.container("{name: NAME(b), image: IMAGE, state: present, healthcheck: {interval: 2h}}")
	if got := asJSON(r.inspect("b").Map("Config").Map("Healthcheck").List("Test")); got != `["NONE"]` {
		t.Errorf("without a test there is none: %s", got)
	}
}

func TestForeground(t *testing.T) {
	r := newRig(t)
	res := r.container("{name: NAME(a), image: IMAGE, detach: false, command: [echo, hello]}")
	if got := res.Data.Map("container").String("Output"); strings.TrimSpace(got) != "hello" || res.Data.At("status") != 0 {
		t.Errorf("output %q, status %v", got, res.Data.At("status"))
	}
	failed, err := r.try("docker_container", mode{}, "{name: NAME(b), image: IMAGE, detach: false, cleanup: true, command: [exit, '7']}")
	if err != nil || !failed.Failed || failed.Data.At("status") != 7 {
		t.Errorf("exit code 7 gives %+v, %v", failed, err)
	}
	if r.engine.ID(r.engine.Name("b")) != "" {
		t.Error("cleanup left the container behind")
	}
	// Gone by itself before anybody could ask for its end.
	res = r.container("{name: NAME(c), image: IMAGE, detach: false, auto_remove: true, command: [echo, hello]}")
	if res.Data.At("status") != 0 {
		t.Errorf("status %v", res.Data.At("status"))
	}
}

func TestAbsentAndPaused(t *testing.T) {
	r := newRig(t)
	if res := r.container("{name: NAME(a), state: absent}"); res.Changed {
		t.Error("nothing was there to remove")
	}
	r.container("{name: NAME(a), image: IMAGE, paused: true}")
	if got := r.engine.State(r.engine.Name("a")); got != "paused" {
		t.Errorf("it is %s", got)
	}
	if res := r.container("{name: NAME(a), paused: false}"); !res.Changed || r.engine.State(r.engine.Name("a")) != "running" {
		t.Error("it is still paused")
	}
	if res := r.check("docker_container", "{name: NAME(a), state: absent}"); !res.Changed || r.engine.ID(r.engine.Name("a")) == "" {
		t.Error("check mode removes, or does not say so")
	}
	r.container("{name: NAME(a), state: absent, force_kill: true, kill_signal: KILL}")
	if r.engine.ID(r.engine.Name("a")) != "" {
		t.Error("it is still there")
	}
}

func TestPullFailures(t *testing.T) {
	r := newRig(t)
	msg := r.failure("docker_container", "{name: NAME(a), image: '127.0.0.1:1/no/such:ver1.0'}")
	wants(t, msg, "cannot pull image 127.0.0.1:1/no/such:ver1.0 on web-1: ", "connection refused")
	wants(t, r.failure("docker_container", "{name: NAME(a), image: 'rollout.test/nowhere:1', pull: never}"),
		"rollout.test/nowhere:1 is not on web-1", "pull is never")
	wants(t, r.failure("docker_container", "{name: NAME(a), image: 'sha256:"+strings.Repeat("0", 64)+"'}"), "is not on web-1")
	if res := r.check("docker_container", "{name: NAME(a), image: '127.0.0.1:1/no/such:ver1.0'}"); !res.Changed {
		t.Error("check mode would not pull")
	}
}

func TestSecretsStayOutOfMessages(t *testing.T) {
	r := newRig(t)
	r.container("{name: NAME(a), image: IMAGE, state: present, env: {PASSWORD: first-secret, OTHER: x}}")
	res, err := r.try("docker_container", mode{diff: true}, "{name: NAME(a), image: IMAGE, state: present, env: {PASSWORD: second-secret, OTHER: x}}")
	if err != nil || len(res.Diff) != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	shown := res.Msg + res.Diff[0].Before + res.Diff[0].After + asJSON(res.Data.At("actions"))
	if strings.Contains(shown, "secret") {
		t.Errorf("a value is shown: %s", shown)
	}
	wants(t, res.Msg, "env: PASSWORD has another value")
}

func TestEnvFile(t *testing.T) {
	r := newRig(t)
	file := t.TempDir() + "/env"
	write(t, file, "# comment\nA=from file\n\nB=x=y\n")
	args := "{name: NAME(a), image: IMAGE, state: present, env_file: " + file + ", env: {B: over}}"
	r.container(args)
	got := asJSON(r.inspect("a").Map("Config").List("Env"))
	wants(t, got, `"A=from file"`, `"B=over"`)
	r.container("{name: NAME(b), image: IMAGE, state: present, env_file: " + file + "}")
	write(t, file, "A=secret\nnonsense secret\n")
	msg := r.failure("docker_container", args)
	wants(t, msg, "cannot read env_file "+file, "line 2 is not NAME=VALUE")
	if strings.Contains(msg, "secret") {
		t.Errorf("a value is shown: %s", msg)
	}
	wants(t, r.failure("docker_container", strings.Replace(args, "/env,", "/none,", 1)), "cannot read env_file", "web-1")
}

func TestMistakesInArguments(t *testing.T) {
	r := newRig(t)
	for args, want := range map[string]string{
		"env: {A: true}":                         "env: A: true must be quoted",
		"ports: ['80:90:100:110']":               "published_ports: port 80:90:100:110",
		"ports: ['80-81:90-92']":                 "the ranges are of different lengths",
		"ports: ['localhost:80:80']":             `"localhost" is not an IP address`,
		"ports: ['80:http']":                     `"http" is not a port number`,
		"ports: ['80/tcp:80']":                   "the protocol stands after the container's port",
		"exposed_ports: ['99999']":               `exposed_ports: port 99999: "99999" is not a port number`,
		"memory: 5 potatoes":                     `unknown unit "potatoes"`,
		"volumes: ['./here:/data']":              "must be absolute",
		"volumes: ['/data:ro']":                  "a mode needs a source",
		"volumes: ['a:/data:sideways']":          `unknown mode "sideways"`,
		"links: [':db']":                         "is not container[:alias]",
		"ulimits: ['nofile']":                    "is not name:soft[:hard]",
		"command: \"echo 'open\"":                "ends inside a quotation",
		"healthcheck: {test: x, interval: 2}":    "interval 2 is not a time",
		"comparisons: {enf: strict}":             `has no option "enf"`,
		"comparisons: {env: loose}":              "must be strict, ignore or allow_more_present",
		"comparisons: {'*': allow_more_present}": "wildcard",
		"pull: sometimes":                        "argument pull must be",
		"healthcheck: {tests: x}":                `unknown argument "healthcheck.tests"`,
	} {
		wants(t, r.failure("docker_container", r.option("a", args, "")), want)
	}
	msg := r.failure("docker_container", r.option("a", "{memory: much, ports: [x], links: ['a:']}", ""))
	wants(t, msg, "memory", "port x", "links")
	if r.engine.ID(r.engine.Name("a")) != "" {
		t.Error("a container was made in spite of a mistake")
	}
}

// The role containers hands a container's options over as one dict, after they
// have been through templates.
func TestArgumentsOfTheRole(t *testing.T) {
	r := newRig(t)
	r.container("{name: NAME(dbs), image: IMAGE, exposed_ports: ['3306']}")
	const options = `
name: NAME(app)
state: started
image: IMAGE
ports: ["127.0.0.1:15555:5555", "127.0.0.1:15300-15301:5300-5301/udp"]
volumes: ["NAME(data):/var/lib/app", "/tmp:/host:ro"]
healthcheck: {test: [CMD, /t, echo, fine], interval: 2s, timeout: 1s, retries: 30, start_period: 1m}
links: ["NAME(dbs):db"]
env: {RETRIES: 3, DB_PORT_3306_TCP_ADDR: 172.16.20.11, DB_NAME: /app/db, EMPTY: ""}
etc_hosts: {rest: 172.16.10.4}
restart_policy: unless-stopped
labels: {rollout_app: board, rollout_owner: student07, rollout_tier: app, index: 1}
memory: 64m
cpus: 0.5
tmpfs: ["/run:size=1m"]
ulimits: ["nofile:1024:2048"]
log_driver: json-file
log_options: {max-size: 1m, max-file: 3}
stop_timeout: 3
user: 1000
exposed_ports: [8000]
read_only: yes
tty: false
command: [serve]
`
	r.container(options)
	r.settled(options)
	c := r.inspect("app")
	for path, want := range map[string]string{
		"Config.Healthcheck":       `{"Test": ["CMD", "/t", "echo", "fine"], "Interval": 2000000000, "Timeout": 1000000000, "StartPeriod": 60000000000, "Retries": 30}`,
		"HostConfig.RestartPolicy": `{"Name": "unless-stopped", "MaximumRetryCount": 0}`,
		"HostConfig.ExtraHosts":    `["rest:172.16.10.4"]`,
		"HostConfig.Memory":        "67108864",
		"HostConfig.NanoCpus":      "500000000",
		"Config.User":              `"1000"`,
		"HostConfig.LogConfig":     `{"Type": "json-file", "Config": {"max-file": "3", "max-size": "1m"}}`,
	} {
		if got := asJSON(follow(c, path)); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	wants(t, asJSON(c.Map("Config").List("Env")), "RETRIES=3", "DB_NAME=/app/db")
	wants(t, asJSON(c.Map("HostConfig").Map("PortBindings")), `"5555/tcp": [{"HostIp": "127.0.0.1", "HostPort": "15555"}]`, `"5301/udp"`)
	wants(t, asJSON(c.Map("HostConfig").List("Binds")), r.engine.Name("data")+":/var/lib/app:rw", "/tmp:/host:ro")
	if got := c.Map("Config").Map("Labels").At("index"); got != "1" {
		t.Errorf("label index: %v", got)
	}
}

func follow(m *value.Map, path string) any {
	first, rest, more := strings.Cut(path, ".")
	if !more {
		return m.At(first)
	}
	return follow(m.Map(first), rest)
}
