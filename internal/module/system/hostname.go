package system

import (
	"context"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

func hostnameModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.hostname",
		Aliases: []string{"ansible.legacy.hostname"},
		Summary: "Sets the name of a host, now and for its next start.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "name", Required: true, Doc: "the name"},
			{Name: "use", Choices: []string{"alpine", "debian", "freebsd", "generic", "macos", "macosx", "darwin", "openbsd", "openrc", "redhat", "sles", "solaris", "systemd"},
				Doc: "how it is set; default: found out; those of systems other than Linux are not supported"},
		}},
		NeedsHost: true,
		Run:       runHostname,
	}
}

func runHostname(ctx context.Context, call *module.Call) (module.Result, error) {
	name, use := call.Args.String("name"), call.Args.String("use")
	switch use {
	case "freebsd", "generic", "macos", "macosx", "darwin", "openbsd", "solaris":
		return module.Fail("use: " + use + " is not supported: rollout sets the names of Linux hosts (alpine, debian, openrc, redhat, sles, systemd)"), nil
	case "debian":
		use = "systemd" // as in Ansible; without systemd it is the default that writes /etc/hostname
	}
	a, err := ask(ctx, call, vars("name", name, "use", use, "check", flag(call.Check))+saying+hostnameProgram, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a["fail"]; msg != "" {
		return module.Fail(msg), nil
	}
	short, _, _ := strings.Cut(name, ".")
	_, domain, _ := strings.Cut(a["fqdn"], ".")
	res := module.Result{
		Changed: a["changed"] == "1",
		Facts:   value.NewMap("ansible_hostname", short, "ansible_nodename", name, "ansible_fqdn", a["fqdn"], "ansible_domain", domain),
	}.Set("name", name)
	if res.Changed {
		res.Diff = []module.Diff{{Before: "hostname = " + a["before"] + "\n", After: "hostname = " + name + "\n"}}
	}
	return res, nil
}

// hostnameProgram: name, use, check. Where the name of now is not that of the
// next start, both are looked at and set. Like Ansible's, the ways that only
// know a file leave the name of now as it is.
const hostnameProgram = `
PATH=$PATH:/sbin:/usr/sbin:/usr/local/sbin
has() { command -v "$1" >/dev/null 2>&1; }
family() { # how this Linux keeps its name
	. /etc/os-release 2>/dev/null
	case $ID in
	debian|ubuntu|kali|parrot|linuxmint|linaro|devuan|raspbian|uos|deepin|neon|void|pop|kylin|cumulus-linux) echo file ;;
	rhel|redhat|centos|anolis|cloudlinux|alinux|scientific|ol|oracle|virtuozzo|amzn|altlinux|eurolinux) echo redhat ;;
	alpine|gentoo) if [ "$ID" = gentoo ]; then echo openrc; else echo alpine; fi ;;
	sles) case ${VERSION_ID%%.*} in 10|11|12) echo sles ;; esac ;;
	esac
}
if [ ! "$use" ]; then
	if has systemctl && { [ -e /run/systemd/system/ ] || [ -e /dev/.run/systemd/ ] || [ -e /dev/.systemd/ ]; }; then use=systemd
	else use=$(family)
	fi
	[ "$use" ] || fail "hostname module cannot be used on platform $(uname -s) ($(. /etc/os-release 2>/dev/null; echo "${ID:-unknown}"))"
fi
write() { # $1 is all of the file; what stands there keeps owner and mode
	[ "$check" ] || out=$({ printf '%s\n' "$1" >"$file"; } 2>&1) || fail "failed to update hostname: $out"
}
line() { # the line that begins with $1 in the file becomes $2; added where $3 is set and there is none
	[ "$check" ] && return
	text=$(cat "$file" 2>/dev/null)
	if printf '%s\n' "$text" | grep -q "^[[:space:]]*$1"; then
		new=$(printf '%s\n' "$text" | old=$1 want=$2 all=$3 awk '{ l = $0; sub(/^[ \t]+/, "", l) }
			index(l, ENVIRON["old"]) == 1 && (ENVIRON["all"] || !done) { print ENVIRON["want"]; done = 1; next } { print }')
	elif [ "$3" ]; then new=$text${text:+
}$2
	else new=$text
	fi
	write "$new"
}
first() { # the value of the first line of the file that begins with $1
	sed -n "s/^[[:space:]]*$1//p" "$file" 2>/dev/null | sed -n 1p
}
now() { permanent; }
permanent() { cat "$file" 2>/dev/null | sed -e ':a' -e '$!{N;ba' -e '}' -e 's/^[[:space:]]*//; s/[[:space:]]*$//'; }
set_now() { :; }
set_permanent() { write "$name"; }
case $use in
systemd)
	has hostnamectl || fail "Failed to find required executable \"hostnamectl\" in paths: $PATH"
	ctl() { out=$(hostnamectl "$@" 2>&1 </dev/null) || fail "Command failed rc=$?, out=, err=$out"; }
	now() { hostnamectl --transient status; }
	permanent() { hostnamectl --static status; }
	set_now() { ctl --transient set-hostname "$name"; }
	set_permanent() { ctl --pretty --static set-hostname "$name"; }
	out=$(hostnamectl --transient status 2>&1) || fail "Command failed rc=$?, out=, err=$out" ;;
file) file=/etc/hostname ;;
sles) file=/etc/HOSTNAME ;;
alpine)
	file=/etc/hostname
	set_now() { out=$(hostname -F "$file" 2>&1) || fail "Command failed rc=$?, out=, err=$out"; } ;;
redhat)
	file=/etc/sysconfig/network
	grep -q '^[[:space:]]*HOSTNAME' "$file" 2>/dev/null || fail "Unable to locate HOSTNAME entry in $file"
	permanent() { first 'HOSTNAME[^=]*=[[:space:]]*' | sed 's/[[:space:]]*$//'; }
	set_permanent() { line HOSTNAME "HOSTNAME=$name" 1; } ;;
openrc)
	file=/etc/conf.d/hostname
	permanent() { first 'hostname=' | sed 's/^.//; s/^"*//; s/[[:space:]]*$//; s/"*$//'; }
	set_permanent() { line hostname= "hostname=\"$name\"" 1; } ;;
esac
current=$(now); lasting=$(permanent)
[ "$current" = "$name" ] && current=$lasting
say before "$current"
current=$(now)
if [ "$use" = systemd ] && [ ${#name} -gt 64 ] && { [ "$current" != "$name" ] || [ "$lasting" != "$name" ]; }; then
	fail "name cannot be longer than 64 characters on systemd servers, try a shorter name"
fi
# The permanent name goes first: NetworkManager minds the other order, and a
# name of now that is read from the file needs it there.
if [ "$lasting" != "$name" ]; then changed=1; [ "$check" ] || set_permanent; fi
if [ "$current" != "$name" ]; then changed=1; [ "$check" ] || set_now; fi
fqdn=$(hostname -f 2>/dev/null) || fqdn=$(uname -n)
say fqdn "${fqdn:-$(uname -n)}"
say changed "$changed"
`
