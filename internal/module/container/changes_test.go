package container

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"rollout/internal/value"
)

// Outcomes of a change of options.
const (
	recreates = "recreates" // a new container
	changes   = "changes"   // the same container, changed
	nothing   = "nothing"   // no difference
)

// optionChanges are pairs of arguments and what going from the first to the
// second does. Where state is not given it is present, so that nothing runs.
var optionChanges = []struct {
	name, from, to, does string
}{
	{"env value", "env: {A: '1', B: x}", "env: {A: '2', B: x}", recreates},
	{"env number", "env: {A: 1}", "env: {A: 2}", recreates},
	{"env number and text alike", "env: {A: 1}", "env: {A: '1'}", nothing},
	{"env added", "env: {A: '1'}", "env: {A: '1', B: x}", recreates},
	{"env left out", "env: {A: '1', B: x}", "env: {A: '1'}", nothing},
	{"env left out, strict", "env: {A: '1', B: x}", "{env: {A: '1'}, comparisons: {env: strict}}", recreates},
	{"env ignored", "env: {A: '1'}", "{env: {A: '2'}, comparisons: {env: ignore}}", nothing},
	{"everything ignored", "{env: {A: '1'}, user: '1'}", "{env: {A: '2'}, user: '2', comparisons: {'*': ignore}}", nothing},
	{"env with an empty value", "env: {A: ''}", "env: {A: null}", nothing},
	{"label value", "labels: {a: '1'}", "labels: {a: '2'}", recreates},
	{"label added", "labels: {a: '1'}", "labels: {a: '1', b: '2'}", recreates},
	{"label left out", "labels: {a: '1', b: '2'}", "labels: {a: '1'}", nothing},
	{"command", "command: [serve]", "command: [echo, hi]", recreates},
	{"command as list and line", "command: [echo, 'a b', c]", "command: echo 'a b' c", nothing},
	{"command not given", "command: [echo, hi]", "{}", nothing},
	{"entrypoint", "entrypoint: [/t, echo]", "entrypoint: [/t]", recreates},
	{"entrypoint same", "entrypoint: [/t, echo]", "entrypoint: [/t, echo]", nothing},
	{"port added", "ports: ['127.0.0.1::80']", "ports: ['127.0.0.1::80', '127.0.0.1::81']", recreates},
	{"port protocol", "ports: ['127.0.0.1::80']", "ports: ['127.0.0.1::80/udp']", recreates},
	{"port address", "ports: ['127.0.0.1::80']", "ports: ['127.0.0.2::80']", recreates},
	{"port any address", "ports: ['18080:80']", "ports: ['0.0.0.0:18080:80']", nothing},
	{"port number", "ports: ['18080:80']", "ports: ['18081:80']", recreates},
	{"ports as a range", "ports: ['18080-18082:80-82']", "ports: ['18080:80', '18081:81', '18082:82']", nothing},
	{"port range for one port", "ports: ['18080-18082:80']", "ports: ['18080-18083:80']", recreates},
	{"port IPv6", "ports: ['[::1]:18080:80']", "ports: ['127.0.0.1:18080:80']", recreates},
	{"ports left out", "ports: ['127.0.0.1::80']", "ports: []", nothing},
	{"ports left out, strict", "ports: ['127.0.0.1::80']", "{ports: [], comparisons: {published_ports: strict}}", recreates},
	{"default address", "ports: ['18080:80']", "{ports: ['18080:80'], default_host_ip: 127.0.0.1}", recreates},
	{"exposed port", "exposed_ports: ['90']", "exposed_ports: ['90', '91-92/udp']", recreates},
	{"publish all", "publish_all_ports: false", "publish_all_ports: true", recreates},
	{"named volume", "volumes: ['NAME(a):/data']", "volumes: ['NAME(b):/data']", recreates},
	{"volume mode", "volumes: ['NAME(a):/data']", "volumes: ['NAME(a):/data:ro']", recreates},
	{"volume mode rw said", "volumes: ['NAME(a):/data']", "volumes: ['NAME(a):/data:rw']", nothing},
	{"bind", "volumes: ['/tmp:/data:ro']", "volumes: ['/var/tmp:/data:ro']", recreates},
	{"bind added", "volumes: ['/tmp:/data']", "volumes: ['/tmp:/data', '/tmp:/more']", recreates},
	{"anonymous volume", "volumes: [/data]\nkeep_volumes: false", "volumes: [/data, /more]\nkeep_volumes: false", recreates},
	{"mount", "mounts: [{target: /data, source: NAME(a)}]", "mounts: [{target: /data, source: NAME(a), read_only: true}]", recreates},
	{"mount of memory", "mounts: [{target: /m, type: tmpfs, tmpfs_size: 1m}]", "mounts: [{target: /m, type: tmpfs, tmpfs_size: 2m}]", recreates},
	{"tmpfs", "tmpfs: ['/run:size=1m']", "tmpfs: ['/run:size=2m']", recreates},
	{"tmpfs added", "tmpfs: [/run]", "tmpfs: [/run, /tmp]", recreates},
	{"ulimit", "ulimits: ['nofile:100:200']", "ulimits: ['nofile:100:300']", recreates},
	{"ulimit hard as soft", "ulimits: ['nofile:100']", "ulimits: ['nofile:100:100']", nothing},
	{"memory", "memory: 32m", "memory: 64m", changes},
	{"memory four times", "memory: 16m", "memory: 64m", changes},
	{"memory said otherwise", "memory: 32m", "memory: 33554432", nothing},
	{"memory taken away", "memory: 32m", "memory: '0'", recreates},
	{"memory not given", "memory: 32m", "{}", nothing},
	{"memory reservation", "memory_reservation: 16m", "memory_reservation: 20m", changes},
	{"memory while running", "{memory: 32m, state: started}", "{memory: 128m, state: started}", changes},
	{"cpu shares", "cpu_shares: 512", "cpu_shares: 256", changes},
	{"cpus", "cpus: 0.5", "cpus: 1", changes},
	{"cpus taken away", "cpus: 0.5", "cpus: 0", recreates},
	{"cpus in place of a quota", "cpu_quota: 50000", "cpus: 0.5", recreates},
	{"cpu quota", "{cpu_quota: 50000, cpu_period: 100000}", "{cpu_quota: 60000, cpu_period: 100000}", changes},
	{"cpuset", "cpuset_cpus: '0'", "cpuset_cpus: 0-1", changes},
	{"pids limit", "pids_limit: 50", "pids_limit: 60", changes},
	{"limit and environment at once", "{memory: 32m, env: {A: '1'}}", "{memory: 64m, env: {A: '2'}}", recreates},
	{"restart policy", "restart_policy: 'no'", "restart_policy: unless-stopped", changes},
	{"restart policy taken away", "restart_policy: always", "restart_policy: 'no'", changes},
	{"restart policy as it comes", "{}", "restart_policy: 'no'", nothing},
	{"restart retries", "{restart_policy: on-failure, restart_retries: 2}", "{restart_policy: on-failure, restart_retries: 3}", changes},
	{"restart policy while running", "{restart_policy: 'no', state: started}", "{restart_policy: always, state: started}", changes},
	{"hosts file", "etc_hosts: {db: 10.0.0.1}", "etc_hosts: {db: 10.0.0.2}", recreates},
	{"hosts file left out", "etc_hosts: {db: 10.0.0.1}", "etc_hosts: {}", nothing},
	{"host name", "hostname: a", "hostname: b", recreates},
	{"domain name", "domainname: a.example", "domainname: b.example", recreates},
	{"user", "user: '1'", "user: '2'", recreates},
	{"working directory", "working_dir: /tmp", "working_dir: /", recreates},
	{"capabilities", "capabilities: [NET_ADMIN]", "capabilities: [NET_ADMIN, SYS_TIME]", recreates},
	{"capability by its long name", "capabilities: [NET_ADMIN]", "capabilities: [cap_net_admin]", nothing},
	{"capability dropped", "cap_drop: [ALL]", "cap_drop: [ALL, CHOWN]", recreates},
	{"devices", "devices: [/dev/null]", "devices: ['/dev/null:/dev/null:rwm']", nothing},
	{"device", "devices: [/dev/null]", "devices: ['/dev/zero:/dev/null']", recreates},
	{"DNS", "dns_servers: [10.0.0.1, 10.0.0.2]", "dns_servers: [10.0.0.2, 10.0.0.1]", recreates},
	{"security option", "security_opts: [no-new-privileges]", "security_opts: [no-new-privileges, label=disable]", recreates},
	{"sysctl", "sysctls: {net.ipv4.ip_forward: 0}", "sysctls: {net.ipv4.ip_forward: 1}", recreates},
	{"shared memory", "shm_size: 1m", "shm_size: 2m", recreates},
	{"read-only", "read_only: false", "read_only: true", recreates},
	{"read-only not given", "{}", "read_only: false", nothing},
	{"privileged as it comes", "{}", "privileged: false", nothing},
	{"terminal", "tty: false", "tty: true", recreates},
	{"standard input", "interactive: true", "interactive: false", recreates},
	{"init", "init: true", "init: false", recreates},
	{"stop signal", "stop_signal: SIGTERM", "stop_signal: SIGINT", recreates},
	{"stop timeout", "stop_timeout: 3", "stop_timeout: 4", nothing},
	{"stop timeout, strict", "stop_timeout: 3", "{stop_timeout: 4, comparisons: {stop_timeout: strict}}", recreates},
	{"log options", "{log_driver: json-file, log_options: {max-size: 1m}}", "{log_driver: json-file, log_options: {max-size: 2m}}", recreates},
	{"log driver", "log_driver: json-file", "log_driver: none", recreates},
	{"health check", "healthcheck: {test: [CMD, /t, echo], interval: 2s, retries: 3}", "healthcheck: {test: [CMD, /t, echo], interval: 3s, retries: 3}", recreates},
	{"health check said otherwise", "healthcheck: {test: [CMD-SHELL, x], interval: 90s}", "healthcheck: {test: x, interval: 1m30s}", nothing},
	{"health check off", "healthcheck: {test: [CMD, /t, echo]}", "healthcheck: {test: [NONE]}", recreates},
	{"health check off as it comes", "{}", "healthcheck: {test: [NONE]}", nothing},
	{"network mode", "network_mode: bridge", "network_mode: none", recreates},
	{"network mode as it comes", "{}", "network_mode: default", nothing},
	{"PID namespace", "{}", "pid_mode: host", recreates},
	{"image by its id", "image: IMAGE", "image: IMAGEID", nothing},
	{"hardware address", "mac_address: 02-42-AC-11-00-99", "mac_address: 02:42:ac:11:00:99", nothing},
	{"recreate", "{}", "recreate: true", recreates},
	{"started", "state: present", "state: started", changes},
	{"stopped", "state: started", "state: stopped", changes},
	{"paused", "state: started", "{state: started, paused: true}", changes},
	{"compatible defaults", "{}", "container_default_behavior: compatibility", nothing},
}

func TestOptionChanges(t *testing.T) {
	r := newRig(t)
	id := r.object("/images/" + r.image + "/json").String("Id")
	for i, c := range optionChanges {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			one := r.in(t)
			part := fmt.Sprintf("o%d", i)
			from, to := one.option(part, c.from, id), one.option(part, c.to, id)
			if res := one.container(from); !res.Changed {
				t.Error("made, and says nothing changed")
			}
			one.settled(from)
			one.move(part, to, c.does)
			if c.name != "recreate" {
				one.settled(to)
			}
			one.must("docker_container", "{name: NAME("+part+"), state: absent, keep_volumes: false}")
		})
	}
}

// in is the rig for a subtest, with a count of its own.
func (r *rig) in(t *testing.T) *rig {
	one := *r
	one.t, one.calls = t, &atomic.Int64{}
	one.host = one.counted()
	return &one
}

// option is the whole of a test container's arguments.
func (r *rig) option(part, given, id string) string {
	args := value.NewMap("name", r.engine.Name(part), "image", r.image, "state", "present", "force_kill", true)
	args.Update(r.args(strings.ReplaceAll(given, "IMAGEID", "'"+id+"'")))
	return asJSON(args)
}

// settled says that the container is as the arguments have it: neither check
// mode nor a run finds anything to do, and a look costs two requests; with links, one more.
func (r *rig) settled(args string) {
	r.t.Helper()
	if res := r.check("docker_container", args); res.Changed {
		r.t.Errorf("check mode would change again: %s", res.Msg)
	}
	before := r.calls.Load()
	if res := r.container(args); res.Changed {
		r.t.Errorf("changed again: %s", res.Msg)
	}
	most := int64(2)
	if strings.Contains(args, "links:") {
		most = 3
	}
	if n := r.calls.Load() - before; n > most {
		r.t.Errorf("a look took %d requests", n)
	}
}

// move goes to other arguments, first in check mode.
func (r *rig) move(part, to, does string) {
	r.t.Helper()
	was := r.engine.ID(r.engine.Name(part))
	before := r.inspect(part)
	if res := r.check("docker_container", to); res.Changed != (does != nothing) {
		r.t.Errorf("check mode says changed=%v: %s", res.Changed, res.Msg)
	}
	if !value.Equal(before, r.inspect(part)) {
		r.t.Error("check mode changed the container")
	}
	res := r.container(to)
	if res.Changed != (does != nothing) {
		r.t.Errorf("changed=%v: %s", res.Changed, res.Msg)
	}
	if made := r.engine.ID(r.engine.Name(part)) != was; made != (does == recreates) {
		r.t.Errorf("a new container: %v; %s", made, res.Msg)
	}
}
