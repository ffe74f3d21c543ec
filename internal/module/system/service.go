package system

import (
	"context"

	"rollout/internal/module"
)

func serviceModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.service",
		Aliases: []string{"ansible.legacy.service", "ansible.builtin.sysvinit"},
		Summary: "Starts, stops and enables services, whatever init runs.",
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "name", Required: true, Doc: "the service"},
				{Name: "state", Choices: []string{"reloaded", "restarted", "started", "stopped"}, Doc: "what it is to do"},
				{Name: "enabled", Type: module.Bool, Doc: "whether it starts at boot"},
				{Name: "sleep", Type: module.Int, Default: 1, Doc: "seconds between stop and start of a restart without systemd"},
				{Name: "use", Default: "auto", Choices: []string{"auto", "openrc", "systemd", "sysvinit"}, Doc: "which init it is; default: found out"},
			},
			RequiredOneOf: [][]string{{"state", "enabled"}},
		},
		NeedsHost: true,
		Run:       runService,
	}
}

func systemdModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.systemd",
		Aliases: []string{"ansible.builtin.systemd_service", "ansible.legacy.systemd"},
		Summary: "Starts, stops, enables and masks systemd units.",
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "name", Aliases: []string{"service", "unit"}, Doc: "the unit"},
				{Name: "state", Choices: []string{"reloaded", "restarted", "started", "stopped"}, Doc: "what it is to do"},
				{Name: "enabled", Type: module.Bool, Doc: "whether it starts at boot"},
				{Name: "masked", Type: module.Bool, Doc: "whether it cannot be started at all"},
				{Name: "daemon_reload", Aliases: []string{"daemon-reload"}, Type: module.Bool, Default: false, Doc: "read the unit files anew first"},
			},
			RequiredOneOf: [][]string{{"state", "enabled", "masked", "daemon_reload"}},
		},
		NeedsHost: true,
		Run:       runService,
	}
}

func runService(ctx context.Context, call *module.Call) (module.Result, error) {
	args := call.Args
	wish := func(name string) string {
		v, given := args.Get(name)
		switch {
		case !given:
			return ""
		case v == true:
			return "yes"
		}
		return "no"
	}
	use := args.String("use")
	if _, isService := args.Get("use"); !isService {
		use = "systemd"
	}
	name := args.String("name")
	if name == "" && (args.String("state") != "" || wish("enabled") != "" || wish("masked") != "") {
		return module.Fail("name is required with state, enabled and masked"), nil
	}
	nap := "1"
	if n := args.Int("sleep"); n > 1 {
		nap = castText(n)
	}
	a, err := ask(ctx, call, vars("name", name, "state", args.String("state"), "enabled", wish("enabled"), "masked", wish("masked"),
		"reload", flag(args.Bool("daemon_reload")), "use", use, "nap", nap, "check", flag(call.Check))+saying+serviceProgram, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a["fail"]; msg != "" {
		return module.Fail(msg).Set("name", name), nil
	}
	res := module.Result{Changed: a["changed"] == "1"}.Set("name", name)
	switch args.String("state") {
	case "stopped":
		res = res.Set("state", "stopped")
	case "":
	default:
		res = res.Set("state", "started")
	}
	if v, given := args.Get("enabled"); given {
		res = res.Set("enabled", v)
	}
	return res, nil
}

// serviceProgram: name, state, enabled, masked, reload, use, nap, check. A
// service's output goes to a file: a daemon keeps it open for good.
const serviceProgram = `
PATH=$PATH:/usr/sbin:/sbin
has() { command -v "$1" >/dev/null 2>&1; }
if [ "$use" = auto ]; then
	if [ -d /run/systemd/system ] && has systemctl; then use=systemd
	elif has rc-service && has rc-update; then use=openrc
	else use=sysvinit
	fi
fi
log=$(mktemp "${TMPDIR:-/tmp}/rollout-XXXXXX") || fail "cannot make a file in ${TMPDIR:-/tmp}"
trap 'rm -f "$log"' EXIT
do_() {
	changed=1
	[ "$check" ] && return 0
	"$@" >"$log" 2>&1 </dev/null || fail "Unable to $what service $name: $(tail -n 5 "$log")"
}
sysv() { if has service; then service "$name" "$@"; else "/etc/init.d/$name" "$@"; fi; }
case $use in
systemd)
	has systemctl || fail "cannot use systemd: there is no systemctl on this host"
	ctl() { systemctl "$@"; }
	running() { systemctl is-active --quiet "$name"; }
	isenabled() { systemctl is-enabled --quiet "$name" >/dev/null 2>&1; }
	run_() { ctl "$1" "$name"; }
	enable_() { ctl enable "$name"; }
	disable_() { ctl disable "$name"; }
	if [ "$reload" ]; then what="reload systemd for"; [ "$check" ] || do_ ctl daemon-reload; changed=; fi
	if [ "$name" ]; then
		loaded=$(systemctl show -p LoadState "$name" 2>/dev/null)
		case ${loaded#LoadState=} in
		not-found) fail "Could not find the requested service $name: host" ;;
		esac
		if [ "$masked" = yes ] && [ "${loaded#LoadState=}" != masked ]; then what=mask; do_ ctl mask "$name"; fi
		if [ "$masked" = no ] && [ "${loaded#LoadState=}" = masked ]; then what=unmask; do_ ctl unmask "$name"; fi
	fi ;;
openrc)
	[ -e "/etc/init.d/$name" ] || fail "Could not find the requested service $name: host"
	running() { rc-service "$name" status >/dev/null 2>&1; }
	isenabled() { rc-update show default 2>/dev/null | grep -q "^ *$name "; }
	run_() { rc-service "$name" "$1"; }
	enable_() { rc-update add "$name" default; }
	disable_() { rc-update del "$name" default; } ;;
*)
	[ -e "/etc/init.d/$name" ] || fail "Could not find the requested service $name: host"
	running() { sysv status >/dev/null 2>&1 </dev/null; }
	isenabled() { ls /etc/rc[2345].d/S??"$name" >/dev/null 2>&1; }
	run_() { if [ "$1" = restart ]; then sysv stop; sleep "$nap"; sysv start; else sysv "$1"; fi; }
	enable_() {
		if has update-rc.d; then update-rc.d "$name" defaults && update-rc.d "$name" enable
		elif has chkconfig; then chkconfig "$name" on
		else echo "there is neither update-rc.d nor chkconfig"; false
		fi
	}
	disable_() {
		if has update-rc.d; then update-rc.d "$name" disable
		elif has chkconfig; then chkconfig "$name" off
		else echo "there is neither update-rc.d nor chkconfig"; false
		fi
	} ;;
esac
case $enabled in
yes) what=enable; isenabled || do_ enable_ ;;
no) what=disable; if isenabled; then do_ disable_; fi ;;
esac
case $state in
started) what=start; running || do_ run_ start ;;
stopped) what=stop; if running; then do_ run_ stop; fi ;;
restarted) what=restart; do_ run_ restart ;;
reloaded) what=reload; if running; then do_ run_ reload; else what=start; do_ run_ start; fi ;;
esac
say changed "$changed"
`
