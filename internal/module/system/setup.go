package system

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

func setupModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.setup",
		Aliases: []string{"ansible.legacy.setup", "ansible.builtin.gather_facts", "ansible.legacy.gather_facts"},
		Summary: "Gathers facts about the host, without Python there.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "gather_subset", Type: module.List, Elements: module.Str, Default: []any{"all"}, Doc: "all, min, hardware, network, virtual; with ! to leave out"},
			{Name: "filter", Type: module.List, Elements: module.Str, Doc: "patterns of the facts to return"},
			{Name: "gather_timeout", Type: module.Int, Default: 10, Doc: "seconds that looking at mounts may take"},
			{Name: "fact_path", Type: module.Path, Default: "/etc/ansible/facts.d", Doc: "folder of local facts (*.fact), JSON or INI"},
		}},
		NeedsHost: true,
		Run:       setup,
	}
}

// subsets are the groups of facts that gather_subset names. Those of min are
// always gathered unless !min is said; python, one of them, takes a while and
// stands alone.
var subsets = []string{"min", "python", "hardware", "network", "virtual"}

func setup(ctx context.Context, call *module.Call) (module.Result, error) {
	want, err := chosen(value.Strings(call.Args.List("gather_subset")))
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	script := vars("limit", fmt.Sprint(call.Args.Int("gather_timeout")), "local", call.Args.String("fact_path"), "pythonFacts", pythonFacts) + factsHead
	for _, s := range subsets {
		if want[s] {
			script += factPrograms[s]
		}
	}
	out, err := run(ctx, call, script, nil)
	if err != nil {
		return module.Result{}, err
	}
	facts := read(string(out.Stdout)).facts(want)
	facts.Set("gather_subset", call.Args.List("gather_subset"))
	facts.Set("module_setup", true)
	return module.Result{Facts: filtered(facts, value.Strings(call.Args.List("filter")))}, nil
}

// chosen reads gather_subset as Ansible does: what is named, else all, less
// what is named with a !.
func chosen(list []string) (map[string]bool, error) {
	want, not := map[string]bool{}, map[string]bool{}
	for _, s := range list {
		name, negated := strings.CutPrefix(s, "!")
		set := want
		if negated {
			set = not
		}
		names, err := members(name, negated)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			set[n] = true
		}
	}
	if len(want) == 0 {
		for _, s := range subsets {
			want[s] = true
		}
	}
	named := maps.Clone(want)
	want["min"], want["python"] = true, true
	for s := range not {
		if s == "min" || s == "python" { // what is named wins
			want[s] = named[s] && slices.ContainsFunc(list, func(n string) bool { return n == s || s == "min" && slices.Contains(minFacts, n) })
			continue
		}
		delete(want, s)
	}
	return want, nil
}

// members are the subsets that a name of gather_subset stands for. One fact of
// the minimum brings all of it, and is not left out alone.
func members(name string, negated bool) ([]string, error) {
	switch {
	case name == "all" && negated:
		return []string{"hardware", "network", "virtual"}, nil
	case name == "all":
		return subsets, nil
	case name == "min":
		return []string{"min", "python"}, nil
	case slices.Contains(subsets, name):
		return []string{name}, nil
	case slices.Contains(minFacts, name) && negated:
		return nil, nil
	case slices.Contains(minFacts, name):
		return []string{"min"}, nil
	}
	return nil, fmt.Errorf("gather_subset %q is not known (all and %s are)", name, strings.Join(subsets, ", "))
}

// minFacts are Ansible's names for the collectors that min stands for.
var minFacts = []string{"apparmor", "caps", "cmdline", "date_time", "distribution", "dns", "env", "fips", "local", "lsb",
	"pkg_mgr", "platform", "selinux", "service_mgr", "ssh_pub_keys", "user"}

func filtered(facts *value.Map, patterns []string) *value.Map {
	if len(patterns) == 0 || slices.Contains(patterns, "*") {
		return facts
	}
	out := value.NewMap()
	for k, v := range facts.All() {
		name := fmt.Sprint(k)
		for _, p := range patterns {
			whole, _ := path.Match(p, name)
			short, _ := path.Match("ansible_"+p, name)
			if whole || short {
				out.Set(k, v)
			}
		}
	}
	return out
}

// factsHead begins the program: what follows a line "@@ name" is that section.
const factsHead = `at() { printf '\n@@ %s\n' "$1"; }
LC_ALL=C; export LC_ALL
`

// pythonFacts is what the first Python of the host says of itself.
const pythonFacts = `import platform, sys
try:
    import ssl
    context = hasattr(ssl, "SSLContext") and hasattr(ssl, "create_default_context")
except ImportError:
    context = False
kind = getattr(sys, "subversion", None) or [getattr(getattr(sys, "implementation", None), "name", "")]
print("%d %d %d %s %d" % tuple(sys.version_info))
print(platform.python_version())
print(sys.executable)
print(kind[0])
print(context)
`

var factPrograms = map[string]string{
	"min": `at os-release; cat /etc/os-release 2>/dev/null
at debian_version; cat /etc/debian_version 2>/dev/null
at uname; uname -s; uname -n; uname -r; uname -v; uname -m
at fqdn; hostname -f 2>/dev/null
at bits; getconf LONG_BIT 2>/dev/null
at date; date '+%Y %m %d %H %M %S %s %Z %z %u %U %A'
at utc; date -u '+%Y-%m-%dT%H:%M:%SZ'
at user; id -un; id -u; id -g
at passwd; grep "^$(id -un):" /etc/passwd 2>/dev/null
at init; cat /proc/1/comm 2>/dev/null; [ -d /run/systemd/system ] && echo systemd; [ -x /sbin/openrc ] && echo openrc
at managers; for m in apt-get dnf yum zypper apk pacman; do command -v $m; done 2>/dev/null
at dns; cat /etc/resolv.conf 2>/dev/null
at cmdline; cat /proc/cmdline 2>/dev/null
at machine_id; cat /etc/machine-id 2>/dev/null
at fips; cat /proc/sys/crypto/fips_enabled 2>/dev/null
at apparmor; [ -d /sys/kernel/security/apparmor ] && echo enabled
at selinux; command -v getenforce >/dev/null 2>&1 && getenforce
at hostkeys; for f in /etc/ssh/ssh_host_*_key.pub; do [ -r "$f" ] && cat "$f"; done
at env; env | sed 's/^/ /'
for f in "$local"/*.fact; do
	[ -r "$f" ] || continue
	n=${f##*/}; at "local ${n%.fact}"
	if [ -x "$f" ]; then "$f" </dev/null 2>/dev/null; else cat "$f"; fi
done
`,
	"python": `at python
for p in /usr/bin/python3 python3 /usr/libexec/platform-python python; do
	command -v "$p" >/dev/null 2>&1 && "$p" -c "$pythonFacts" 2>/dev/null && break
done
`,
	"hardware": `at cpuinfo; cat /proc/cpuinfo 2>/dev/null
at nproc; nproc 2>/dev/null
at meminfo; cat /proc/meminfo 2>/dev/null
at uptime; cat /proc/uptime 2>/dev/null
at loadavg; cat /proc/loadavg 2>/dev/null
for f in bios_date bios_vendor bios_version board_name board_serial board_vendor board_version chassis_vendor product_name \
	product_serial product_uuid product_version sys_vendor; do
	at "dmi $f"; cat /sys/class/dmi/id/$f 2>/dev/null
done
at uuids; for f in /dev/disk/by-uuid/*; do [ -e "$f" ] && echo "${f##*/} $(readlink -f "$f")"; done
at mounts
while read -r dev dir type opts _; do
	case $dev in /*|*:/*) ;; *) continue ;; esac
	p=$(printf '%b' "$dir")
	size=$(if command -v timeout >/dev/null 2>&1; then timeout "$limit" stat -f -c '%S %b %a %c %d' "$p"; else stat -f -c '%S %b %a %c %d' "$p"; fi 2>/dev/null)
	printf '%s %s %s %s %s\n' "$dev" "$dir" "$type" "$opts" "$size"
done </proc/mounts
`,
	"network": `at links
for d in /sys/class/net/*; do
	n=${d##*/}; [ -d "$d" ] || continue
	t=$(cat "$d/type" 2>/dev/null); [ -d "$d/bridge" ] && t=bridge; [ -d "$d/bonding" ] && t=bonding
	echo "$n $(cat "$d/mtu" 2>/dev/null) $t $(cat "$d/flags" 2>/dev/null) $(cat "$d/operstate" 2>/dev/null) $(cat "$d/address" 2>/dev/null)"
done
at addresses; ip -o addr show 2>/dev/null
at route4; ip -4 route get 8.8.8.8 2>/dev/null
at route6; ip -6 route get 2404:6800:400a:800::1012 2>/dev/null
`,
	"virtual": `at virt; command -v systemd-detect-virt >/dev/null 2>&1 && systemd-detect-virt 2>/dev/null
at container; { [ -e /.dockerenv ] || grep -q '[/-]docker[/-]' /proc/1/cgroup; } 2>/dev/null && echo docker; [ -e /run/.containerenv ] && echo podman
at hypervisor; grep -m1 -o hypervisor /proc/cpuinfo 2>/dev/null
at product; cat /sys/class/dmi/id/product_name /sys/class/dmi/id/sys_vendor 2>/dev/null
`,
}
