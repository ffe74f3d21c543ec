package docker

import (
	"strings"
	"testing"

	"rollout/internal/value"
)

// inspected is a running container as an engine describes it.
const inspected = `{"Id": "c1", "Name": "/app", "Image": "sha256:aaaaaaaaaaaaaaaa",
	"State": {"Status": "running", "Running": true, "Paused": false},
	"Config": {"Image": "board/app:1", "Env": ["PATH=/bin", "A=1"], "Cmd": ["serve"], "Labels": {"tier": "app", "of": "image"}},
	"HostConfig": {"Memory": 100, "MemorySwap": 200, "NanoCpus": 0, "CpuQuota": 5000, "Links": ["/dbs:/app/db"],
		"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
	"NetworkSettings": {"Networks": {"bridge": {}, "back": {"IPAMConfig": {"IPv4Address": "10.0.0.5"}, "Aliases": ["app", "c1"]}}}}`

const imageInspected = `{"Id": "sha256:aaaaaaaaaaaaaaaa", "Config": {"Env": ["PATH=/bin"], "Labels": {"of": "image"}}}`

func appContainer(t *testing.T, changes ...string) *Container {
	t.Helper()
	text := inspected
	for i := 0; i+1 < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("no %s to replace", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	m, err := decodeMap([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &Container{Raw: m}
}

func anImage(t *testing.T) *Image {
	t.Helper()
	m, err := decodeMap([]byte(imageInspected))
	if err != nil {
		t.Fatal(err)
	}
	return &Image{Raw: m}
}

func env(vars ...string) Setting {
	return Setting{Option: "env", Path: "Config.Env", Shape: Set, Strict: AtLeast, FromImage: true, Want: value.List(vars)}
}

func limit(option, path string, want any) Setting {
	return Setting{Option: option, Path: "HostConfig." + path, Strict: Strict, Live: true, Want: want}
}

func spec(settings ...Setting) Spec {
	return Spec{Name: "app", Image: "board/app:1", NameMatters: true, Settings: settings}
}

// The text of the plan is the test: what is done, in order, each with its cause.
func TestDecide(t *testing.T) {
	yes, no := true, false
	started := Goal{State: Started}
	with := func(s Spec, change func(*Spec)) Spec { change(&s); return s }
	tests := []struct {
		name string
		goal Goal
		want Spec
		have *Container
		plan string
	}{
		{"as it should be", started, spec(env("A=1"), limit("memory", "Memory", 100)), appContainer(t), ""},
		{"not there", started, spec(), nil, "create: not found\nstart: not found"},
		{"not there, only made", Goal{State: Present}, spec(), nil, "create: not found"},
		{"not there, to be stopped", Goal{State: Stopped}, spec(), nil, "create: not found"},
		{"not there, to be gone", Goal{State: Absent}, spec(), nil, ""},
		{"made and not started", started, spec(), appContainer(t, `"running"`, `"created"`, `"Running": true`, `"Running": false`),
			"start: it is created"},
		{"ended", Goal{State: Healthy}, spec(), appContainer(t, `"running"`, `"exited"`, `"Running": true`, `"Running": false`),
			"start: it is exited"},
		{"to be gone", Goal{State: Absent}, spec(), appContainer(t), "stop: state absent\nremove: state absent"},
		{"to be gone, now", Goal{State: Absent, ForceKill: true}, spec(), appContainer(t), "kill: state absent\nremove: state absent"},
		{"to be stopped", Goal{State: Stopped}, spec(), appContainer(t), "stop: state stopped"},
		{"being removed", started, spec(), appContainer(t, `"running"`, `"removing"`, `"Running": true`, `"Running": false`),
			"remove: the container is removing\ncreate: the container is removing\nstart: the container is removing"},
		{"another value", started, spec(env("A=2")), appContainer(t),
			"stop: env: A has another value\nremove: env: A has another value\ncreate: env: A has another value\nstart: env: A has another value"},
		{"two differences", Goal{State: Present}, spec(env("B=2"), Setting{Option: "user", Path: "Config.User", Want: "1"}), appContainer(t),
			"stop: env: B is missing; user: 1 instead of nothing\nremove: env: B is missing; user: 1 instead of nothing\n" +
				"create: env: B is missing; user: 1 instead of nothing"},
		{"more memory", started, spec(limit("memory", "Memory", 500)), appContainer(t), "update: memory: 500 instead of 100"},
		{"no limit of memory any more", Goal{State: Present}, spec(limit("memory", "Memory", 0)), appContainer(t),
			"stop: memory: nothing instead of 100\nremove: memory: nothing instead of 100\ncreate: memory: nothing instead of 100"},
		{"CPUs where there is a quota", Goal{State: Present}, spec(limit("cpus", "NanoCpus", 7)), appContainer(t),
			"stop: cpus: 7 instead of nothing\nremove: cpus: 7 instead of nothing\ncreate: cpus: 7 instead of nothing"},
		{"a limit and the policy in one request", started, spec(limit("memory", "Memory", 200), limit("restart_policy", "RestartPolicy.Name", "always")),
			appContainer(t), "update: memory: 200 instead of 100; restart_policy: always instead of no"},
		{"restart", Goal{State: Started, Restart: true}, spec(), appContainer(t), "restart: restart was asked for"},
		{"recreate", Goal{State: Present, Recreate: true}, spec(), appContainer(t),
			"stop: recreate was asked for\nremove: recreate was asked for\ncreate: recreate was asked for"},
		{"to be paused", Goal{State: Started, Paused: &yes}, spec(), appContainer(t), "pause: shall be paused"},
		{"to go on", Goal{State: Started, Paused: &no}, spec(), appContainer(t, `"Paused": false`, `"Paused": true`), "unpause: shall not be paused"},
		{"another image", Goal{State: Present}, spec(), appContainer(t, "sha256:aaaaaaaaaaaaaaaa", "sha256:bbbbbbbbbbbbbbbb"),
			strings.ReplaceAll("stop: C\nremove: C\ncreate: C", "C", "image: board/app:1 is aaaaaaaaaaaa, the container was made of bbbbbbbbbbbb")},
		{"another image, ignored", started, with(spec(), func(s *Spec) { s.IgnoreImage = true }),
			appContainer(t, "sha256:aaaaaaaaaaaaaaaa", "sha256:bbbbbbbbbbbbbbbb"), ""},
		{"another name of the image", Goal{State: Present}, spec(), appContainer(t, "board/app:1", "board/app:0"),
			strings.ReplaceAll("stop: C\nremove: C\ncreate: C", "C", "image: asked for as board/app:1, the container was made of board/app:0")},
		{"the same name in full", started, with(spec(), func(s *Spec) { s.Image = "docker.io/board/app:1" }), appContainer(t), ""},
		{"a dead link", Goal{State: Present}, spec(Setting{Option: "links", Path: "HostConfig.Links", Shape: Set, Want: []any{"/dbs:/app/db"}}),
			appContainer(t, `["/dbs:/app/db"]`, `null`),
			strings.ReplaceAll("stop: C\nremove: C\ncreate: C", "C", "links: no living link to dbs (it was made anew, or the link is new)")},
		{"another network", started, with(spec(), func(s *Spec) { s.Networks = []Endpoint{{Network: "front"}} }), appContainer(t), "connect front: not connected"},
		{"another address", started, with(spec(), func(s *Spec) { s.Networks = []Endpoint{{Network: "back", IPv4: "10.0.0.6"}} }), appContainer(t),
			"disconnect back: address 10.0.0.6 instead of 10.0.0.5\nconnect back: address 10.0.0.6 instead of 10.0.0.5"},
		{"an alias more", started, with(spec(), func(s *Spec) { s.Networks = []Endpoint{{Network: "back", Aliases: []string{"app", "rest"}}} }), appContainer(t),
			"disconnect back: alias rest is missing\nconnect back: alias rest is missing"},
		{"no other network", started, with(spec(), func(s *Spec) {
			s.Networks, s.OnlyNetworks = []Endpoint{{Network: "back"}}, true
		}), appContainer(t), "disconnect bridge: not wanted"},
		{"networks only at creation", started, with(spec(), func(s *Spec) {
			s.Networks, s.IgnoreNetworks = []Endpoint{{Network: "front"}}, true
		}), appContainer(t), ""},
		{"two networks", started, with(spec(), func(s *Spec) { s.Networks = []Endpoint{{Network: "a"}, {Network: "b"}} }), nil,
			"create: not found\nconnect b: not connected\nstart: not found"},
		{"two networks beside the default", Goal{State: Present}, with(spec(), func(s *Spec) {
			s.Networks, s.LateNetworks = []Endpoint{{Network: "a"}, {Network: "b"}}, true
		}), nil, "create: not found\nconnect a: not connected\nconnect b: not connected"},
		{"no network at all", Goal{State: Present}, with(spec(), func(s *Spec) { s.OnlyNetworks = true }), nil,
			"create: not found\ndisconnect bridge: not wanted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan := Decide(test.goal, test.want, test.have, anImage(t))
			if got := plan.String(); got != test.plan {
				t.Errorf("the plan is\n%s\nand not\n%s", got, test.plan)
			}
			if plan.Recreates() != (strings.Contains(test.plan, "remove") && strings.Contains(test.plan, "create")) {
				t.Errorf("Recreates is %v", plan.Recreates())
			}
		})
	}
}

func TestSwapFollowsMemory(t *testing.T) {
	for _, test := range []struct {
		name string
		have *Container
		more []Setting
		want any
	}{
		{"set by the engine", appContainer(t), nil, 1000},
		{"set by somebody", appContainer(t, `"MemorySwap": 200`, `"MemorySwap": 900`), nil, nil},
		{"asked for", appContainer(t), []Setting{limit("memory_swap", "MemorySwap", 700)}, 700},
	} {
		steps := Decide(Goal{State: Started}, spec(append(test.more, limit("memory", "Memory", 500))...), test.have, anImage(t)).Steps
		if len(steps) != 1 || steps[0].Body.At("MemorySwap") != test.want {
			t.Errorf("%s: %v", test.name, steps)
		}
	}
}

func TestStrictness(t *testing.T) {
	for strict, want := range map[Strictness]string{
		Strict:  "env: A is not wanted, B is missing",
		AtLeast: "env: B is missing",
		Ignore:  "",
	} {
		s := env("B=1")
		s.Strict = strict
		var got []string
		for _, c := range Diff(spec(s), appContainer(t), anImage(t)) {
			got = append(got, c.String())
		}
		if strings.Join(got, "") != want {
			t.Errorf("%s: %q, want %q", strict, got, want)
		}
	}
	labels := Setting{Option: "labels", Path: "Config.Labels", Shape: Dict, Strict: Strict, FromImage: true, Want: value.NewMap("tier", "app")}
	if got := Diff(spec(labels), appContainer(t), anImage(t)); len(got) != 0 {
		t.Errorf("the image's own label is a difference: %v", got)
	}
	labels.Want = value.NewMap("tier", "web")
	if got := Diff(spec(labels), appContainer(t), anImage(t)); len(got) != 1 || got[0].Cause != "tier is app instead of web" {
		t.Errorf("%v", got)
	}
}

func TestCreateBody(t *testing.T) {
	want := spec(env("A=1"), limit("memory", "Memory", 5), Setting{Option: "log_driver", Path: "HostConfig.LogConfig.Type", Want: "none"})
	want.Networks = []Endpoint{{Network: "back", IPv4: "10.0.0.5", Aliases: []string{"x"}, Links: []string{"dbs:db"}}}
	want.Platform = "linux/amd64"
	body := Decide(Goal{State: Present}, want, nil, nil).Steps[0].Body
	const expected = `{"Image": "board/app:1", "Env": ["A=1"], "HostConfig": {"Memory": 5, "LogConfig": {"Type": "none"}, "NetworkMode": "back"}, ` +
		`"platform": "linux/amd64", "NetworkingConfig": {"EndpointsConfig": {"back": ` +
		`{"Aliases": ["x"], "Links": ["dbs:db"], "IPAMConfig": {"IPv4Address": "10.0.0.5"}}}}}`
	if got := show(body); got != expected {
		t.Errorf("%s\nwant\n%s", got, expected)
	}
}

func TestFamiliarName(t *testing.T) {
	for name, want := range map[string]string{
		"nginx": "nginx:latest", "docker.io/library/nginx": "nginx:latest", "board/app:1": "board/app:1",
		"reg.example:5000/a": "reg.example:5000/a:latest", "Not A Name": "Not A Name",
		"nginx@sha256:" + strings.Repeat("a", 64): "nginx@sha256:" + strings.Repeat("a", 64),
	} {
		if got := FamiliarName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
