package system

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

func aptModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.apt",
		Aliases: []string{"ansible.legacy.apt"},
		Summary: "Installs and removes Debian packages.",
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "name", Aliases: []string{"package", "pkg"}, Type: module.List, Elements: module.Str, Doc: "packages, as name or name=version"},
				{Name: "state", Default: "present", Choices: []string{"absent", "latest", "present"}, Doc: "what is to be so"},
				{Name: "update_cache", Aliases: []string{"update-cache"}, Type: module.Bool, Default: false, Doc: "apt-get update first"},
				{Name: "cache_valid_time", Type: module.Int, Default: 0, Doc: "seconds; lists that are younger are not updated"},
				{Name: "install_recommends", Aliases: []string{"install-recommends"}, Type: module.Bool, Doc: "also install what is recommended; default: the host's"},
				{Name: "default_release", Aliases: []string{"default-release"}, Doc: "apt-get's -t"},
				{Name: "purge", Type: module.Bool, Default: false, Doc: "remove settings, too"},
				{Name: "autoremove", Type: module.Bool, Default: false, Doc: "remove what nothing needs any more"},
				{Name: "upgrade", Default: "no", Choices: []string{"dist", "full", "no", "safe", "yes"}, Doc: "upgrade all packages"},
				{Name: "lock_timeout", Type: module.Int, Default: 60, Doc: "seconds to wait for another apt to end"},
			},
			RequiredOneOf: [][]string{{"autoremove", "name", "update_cache", "upgrade"}},
		},
		NeedsHost: true,
		Run:       runApt,
	}
}

func runApt(ctx context.Context, call *module.Call) (module.Result, error) {
	args := call.Args
	var names []string
	for _, n := range value.Strings(args.List("name")) {
		if n = strings.TrimSpace(n); n != "" {
			if strings.HasPrefix(n, "-") || strings.ContainsAny(n, "*? \t\n") {
				return module.Fail(fmt.Sprintf("%q is not the name of a package (patterns are not supported)", n)), nil
			}
			names = append(names, connection.Quote(n))
		}
	}
	recommends := ""
	if v, given := args.Get("install_recommends"); given {
		recommends = "-o APT::Install-Recommends=" + map[bool]string{true: "yes", false: "no"}[v == true]
	}
	if r := args.String("default_release"); r != "" {
		recommends += " -t " + connection.Quote(r)
	}
	a, err := ask(ctx, call, vars("state", args.String("state"), "update", flag(args.Bool("update_cache") || args.Int("cache_valid_time") > 0),
		"valid", castText(args.Int("cache_valid_time")), "purge", flag(args.Bool("purge")), "autoremove", flag(args.Bool("autoremove")),
		"upgrade", args.String("upgrade"), "wait", castText(args.Int("lock_timeout")), "check", flag(call.Check))+
		"set -- "+strings.Join(names, " ")+"\n"+saying+
		strings.ReplaceAll(aptProgram, "@OPTIONS@", recommends), nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a["fail"]; msg != "" {
		return module.Fail(msg), nil
	}
	res := module.Result{Changed: a["changed"] == "1"}.Set("cache_updated", a["updated"] == "1")
	if t, err := strconv.Atoi(a["cache_time"]); err == nil {
		res = res.Set("cache_update_time", t)
	}
	return res, nil
}

func castText(n int) string { return strconv.Itoa(n) }

// aptProgram: packages as arguments; state, update, valid, purge, autoremove,
// upgrade, wait, check. What would happen is what apt-get -s says.
const aptProgram = `
DEBIAN_FRONTEND=noninteractive; DEBIAN_PRIORITY=critical; LC_ALL=C; export DEBIAN_FRONTEND DEBIAN_PRIORITY LC_ALL
command -v apt-get >/dev/null 2>&1 || fail "there is no apt-get on this host"
log=$(mktemp "${TMPDIR:-/tmp}/rollout-XXXXXX") || fail "cannot make a file in ${TMPDIR:-/tmp}"
trap 'rm -f "$log"' EXIT
why() { grep -E '^(E|W):' "$log" | tail -n 5; }
locked() { grep -q 'Could not get lock\|Unable to lock' "$log"; }
apt_() {
	left=$wait
	while :; do
		apt-get -q -y -o DPkg::Lock::Timeout="$wait" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" >"$log" 2>&1 </dev/null && return 0
		locked && [ "$left" -gt 0 ] || return 1
		left=$((left - 2)); sleep 2
	done
}
age() {
	for f in /var/lib/apt/periodic/update-success-stamp /var/lib/apt/lists; do
		[ -e "$f" ] && { stat -c %Y "$f"; return; }
	done
	echo 0
}
if [ "$update" ] && [ $(($(age) + valid)) -le "$(date +%s)" ]; then
	if [ ! "$check" ]; then
		apt_ update || fail "Failed to update apt cache: $(why)"
		touch /var/lib/apt/lists
	fi
	say updated 1
	[ $# -gt 0 ] || [ "$upgrade" != no ] || [ "$autoremove" ] || changed=1
fi
say cache_time "$(age)"
has() { # package[=version]
	v=$(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "${1%%=*}" 2>/dev/null | grep '^installed ') || provided "${1%%=*}" || return 1
	case $1 in *=*) [ "${v#installed }" = "${1#*=}" ] ;; esac
}
provided() {
	case $1 in *=*) return 1 ;; esac
	[ "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ] && return 1 # a package of its own
	dpkg-query -W -f '${db:Status-Status},${Provides}\n' 2>/dev/null | grep '^installed,' | tr ',' '\n' | sed 's/^ *//; s/ (.*//' | grep -qxF "$1"
}
act_() { # apt-get's arguments: done if they change something
	if ! apt_ -s "$@"; then
		if [ "$check" ] && [ "$update" ]; then changed=1; return; fi
		fail "apt-get $1 cannot be done: $(why)"
	fi
	grep -q '^\(Inst\|Remv\|Purg\|Conf\) ' "$log" || return 0
	changed=1
	[ "$check" ] || apt_ "$@" || fail "apt-get $1 failed: $(why)"
}
todo=
case $state in
absent)
	for p; do if dpkg-query -W -f '${db:Status-Status}\n' "${p%%=*}" 2>/dev/null | grep -q '^\(installed\|half\|unpacked\)' ||
		{ [ "$purge" ] && dpkg-query -W -f '${db:Status-Status}\n' "${p%%=*}" 2>/dev/null | grep -q config-files; }; then todo="$todo ${p%%=*}"; fi; done
	[ "$todo" ] && act_ remove ${purge:+--purge} $todo ;;
present)
	for p; do has "$p" || todo="$todo $p"; done
	[ "$todo" ] && act_ install --allow-downgrades @OPTIONS@ $todo ;;
latest)
	[ $# -gt 0 ] && act_ install @OPTIONS@ "$@" ;;
esac
case $upgrade in
yes|safe) act_ upgrade --with-new-pkgs @OPTIONS@ ;;
dist|full) act_ dist-upgrade @OPTIONS@ ;;
esac
[ "$autoremove" ] && act_ autoremove ${purge:+--purge}
say changed "$changed"
`
