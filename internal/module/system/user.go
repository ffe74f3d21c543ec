package system

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

func groupModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.group",
		Aliases: []string{"ansible.legacy.group"},
		Summary: "Makes and removes groups.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "name", Required: true, Doc: "the group"},
			{Name: "gid", Type: module.Int, Doc: "its number"},
			{Name: "state", Default: "present", Choices: []string{"absent", "present"}, Doc: "whether it is to be there"},
			{Name: "system", Type: module.Bool, Default: false, Doc: "a number of the system's range"},
		}},
		NeedsHost: true,
		Run:       runGroup,
	}
}

// accounts are the functions of programs about users and groups. /etc is read
// where there is no getent.
const accounts = `PATH=$PATH:/usr/sbin:/sbin
entry() { # passwd or group, name
	if command -v getent >/dev/null 2>&1; then getent "$1" "$2"; else grep "^$2:" "/etc/$1"; fi
}
field() { printf '%s' "$1" | cut -d: -f"$2"; }
tool() { command -v "$1" >/dev/null 2>&1 || fail "there is no $1 on this host (it is part of Debian's passwd and of shadow-utils)"; }
`

func runGroup(ctx context.Context, call *module.Call) (module.Result, error) {
	name := call.Args.String("name")
	a, err := ask(ctx, call, vars("name", name, "gid", optional(call.Args, "gid"), "state", call.Args.String("state"),
		"system", flag(call.Args.Bool("system")), "check", flag(call.Check))+saying+accounts+groupProgram, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a["fail"]; msg != "" {
		return module.Fail(msg).Set("name", name), nil
	}
	res := module.Result{Changed: a["changed"] == "1"}.Set("name", name).Set("state", call.Args.String("state")).Set("system", call.Args.Bool("system"))
	if gid, err := strconv.Atoi(a["gid"]); err == nil {
		res = res.Set("gid", gid)
	}
	return res, nil
}

func optional(args *value.Map, name string) string {
	if v, given := args.Get(name); given {
		return fmt.Sprint(v)
	}
	return ""
}

const groupProgram = `
e=$(entry group "$name")
case $state in
absent) [ "$e" ] && { tool groupdel; act groupdel "$name"; } ;;
*)
	if [ ! "$e" ]; then
		tool groupadd; act groupadd ${system:+-r} ${gid:+-g "$gid"} "$name"
	elif [ "$gid" ] && [ "$(field "$e" 3)" != "$gid" ]; then
		tool groupmod; act groupmod -g "$gid" "$name"
	fi
	say gid "$(field "$(entry group "$name")" 3)" ;;
esac
say changed "$changed"
`

func userModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.user",
		Aliases: []string{"ansible.legacy.user"},
		Summary: "Makes, changes and removes users.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "name", Aliases: []string{"user"}, Required: true, Doc: "the user"},
			{Name: "state", Default: "present", Choices: []string{"absent", "present"}, Doc: "whether it is to be there"},
			{Name: "uid", Type: module.Int, Doc: "its number"},
			{Name: "group", Doc: "its first group"},
			{Name: "groups", Type: module.List, Elements: module.Str, Doc: "its further groups"},
			{Name: "append", Type: module.Bool, Default: false, Doc: "keep further groups that are not named"},
			{Name: "home", Type: module.Path, Doc: "its folder"},
			{Name: "move_home", Type: module.Bool, Default: false, Doc: "move what is in the old folder to a new one"},
			{Name: "create_home", Aliases: []string{"createhome"}, Type: module.Bool, Default: true, Doc: "make the folder of a new user"},
			{Name: "shell", Type: module.Path, Doc: "its login shell"},
			{Name: "comment", Doc: "its full name"},
			{Name: "system", Type: module.Bool, Default: false, Doc: "a new user's number is of the system's range"},
			{Name: "password", NoLog: true, Doc: "the hash of its password, as crypt(3) makes it"},
			{Name: "update_password", Default: "always", Choices: []string{"always", "on_create"}, Doc: "when to set the password"},
			{Name: "remove", Type: module.Bool, Default: false, Doc: "with absent: its folder, too"},
			{Name: "force", Type: module.Bool, Default: false, Doc: "with absent: also while it is logged in"},
		}},
		NeedsHost: true,
		Run:       runUser,
	}
}

func runUser(ctx context.Context, call *module.Call) (module.Result, error) {
	args := call.Args
	name, password := args.String("name"), args.String("password")
	_, hasGroups := args.Get("groups")
	_, hasComment := args.Get("comment")
	// The password's hash is read from standard input, never an argument.
	a, err := ask(ctx, call, vars("name", name, "state", args.String("state"), "uid", optional(args, "uid"), "group", args.String("group"),
		"groups", strings.Join(value.Strings(args.List("groups")), ","), "setgroups", flag(hasGroups), "append", flag(args.Bool("append")),
		"home", args.String("home"), "move", flag(args.Bool("move_home")), "makehome", flag(args.Bool("create_home")), "shell", args.String("shell"),
		"comment", args.String("comment"), "setcomment", flag(hasComment), "system", flag(args.Bool("system")), "remove", flag(args.Bool("remove")),
		"force", flag(args.Bool("force")), "setpassword", flag(password != ""), "always", flag(args.String("update_password") == "always"),
		"check", flag(call.Check))+saying+accounts+userProgram, strings.NewReader(password+"\n"))
	if err != nil {
		return module.Result{}, err
	}
	if msg := a["fail"]; msg != "" {
		return module.Fail(msg).Set("name", name), nil
	}
	res := module.Result{Changed: a["changed"] == "1"}.Set("name", name).Set("state", args.String("state"))
	if password != "" {
		res.Secret = append(res.Secret, password)
		res = res.Set("password", "NOT_LOGGING_PASSWORD")
	}
	for _, k := range []string{"uid", "group"} {
		if n, err := strconv.Atoi(a[k]); err == nil {
			res = res.Set(k, n)
		}
	}
	for _, k := range []string{"home", "shell", "comment"} {
		if v, ok := a[k]; ok {
			res = res.Set(k, v)
		}
	}
	return res, nil
}

const userProgram = `
IFS= read -r password
e=$(entry passwd "$name")
if [ "$state" = absent ]; then
	[ "$e" ] && { tool userdel; act userdel ${force:+-f} ${remove:+-r} "$name"; }
	say changed "$changed"
	exit
fi
sorted() { printf '%s' "$1" | tr ', ' '\n\n' | grep . | sort -u | tr '\n' ' '; }
gid() { case $1 in *[!0-9]*) field "$(entry group "$1")" 3 ;; *) printf '%s' "$1" ;; esac; }
[ ! "$group" ] || [ "$(gid "$group")" ] || fail "Group $group does not exist"
for g in $(sorted "$groups"); do [ "$(entry group "$g")" ] || fail "Group $g does not exist"; done
new=
if [ ! "$e" ]; then
	new=1
	tool useradd
	set -- ${system:+-r} ${uid:+-u "$uid"} ${group:+-g "$group"} ${groups:+-G "$groups"} ${home:+-d "$home"} ${shell:+-s "$shell"} ${comment:+-c "$comment"}
	# As useradd, but a group of the user's name that is there is taken.
	[ "$group" ] || [ ! "$(entry group "$name")" ] || set -- "$@" -N -g "$name"
	if [ "$makehome" ]; then set -- "$@" -m; else set -- "$@" -M; fi
	act useradd "$@" "$name"
else
	set --
	[ "$uid" ] && [ "$(field "$e" 3)" != "$uid" ] && set -- "$@" -u "$uid"
	[ "$group" ] && [ "$(field "$e" 4)" != "$(gid "$group")" ] && set -- "$@" -g "$group"
	[ "$home" ] && [ "$(field "$e" 6)" != "$home" ] && set -- "$@" -d "$home" ${move:+-m}
	[ "$shell" ] && [ "$(field "$e" 7)" != "$shell" ] && set -- "$@" -s "$shell"
	[ "$setcomment" ] && [ "$(field "$e" 5)" != "$comment" ] && set -- "$@" -c "$comment"
	if [ "$setgroups" ]; then
		first=$(id -gn "$name")
		have=$(sorted "$(id -Gn "$name" | tr ' ' '\n' | grep -vxF "$first")")
		want=$(sorted "$groups")
		[ "$append" ] && want=$(sorted "$have $want")
		[ "$have" = "$want" ] || set -- "$@" -G "$(printf '%s' "${want% }" | tr ' ' ',')"
	fi
	[ $# -eq 0 ] || { tool usermod; act usermod "$@" "$name"; }
fi
if [ "$setpassword" ] && { [ "$new" ] || [ "$always" ]; }; then
	if [ "$(field "$(grep "^$name:" /etc/shadow 2>/dev/null)" 2)" != "$password" ]; then
		changed=1
		if [ ! "$check" ]; then
			tool chpasswd
			out=$(printf '%s:%s\n' "$name" "$password" | chpasswd -e 2>&1) || fail "chpasswd failed: $out"
		fi
	fi
fi
e=$(entry passwd "$name")
if [ "$e" ]; then
	say uid "$(field "$e" 3)"; say group "$(field "$e" 4)"; say comment "$(field "$e" 5)"; say home "$(field "$e" 6)"; say shell "$(field "$e" 7)"
fi
say changed "$changed"
`
