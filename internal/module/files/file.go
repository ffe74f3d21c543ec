package files

import (
	"context"

	"rollout/internal/module"
	"rollout/internal/value"
)

func fileModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.file",
		Aliases: []string{"ansible.legacy.file"},
		Summary: "Makes, removes and sets attributes of files, folders and links.",
		Args: module.Schema{
			Args: append([]module.Arg{
				{Name: "path", Aliases: []string{"dest", "name"}, Type: module.Path, Required: true, Doc: "what it is about"},
				{Name: "state", Choices: []string{"absent", "directory", "file", "hard", "link", "touch"}, Doc: "what is to be there; default: what is, else a file"},
				{Name: "src", Type: module.Path, Doc: "what a link points to"},
				{Name: "recurse", Type: module.Bool, Default: false, Doc: "attributes of all below a folder, too"},
				{Name: "force", Type: module.Bool, Default: false, Doc: "make a link to nothing, or in place of a file"},
				{Name: "follow", Type: module.Bool, Default: true, Doc: "attributes of what a link points to"},
				{Name: "access_time", Doc: "preserve, now or YYYYMMDDHHMM.SS", Default: ""},
				{Name: "modification_time", Doc: "preserve, now or YYYYMMDDHHMM.SS", Default: ""},
			}, attributes...),
			RequiredIf: []module.RequiredIf{{Arg: "state", Value: "hard", Need: []string{"src"}}},
		},
		NeedsHost: true,
		Run:       runFile,
	}
}

func runFile(ctx context.Context, call *module.Call) (module.Result, error) {
	want, err := wanted(call)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	state, recurse := call.Args.String("state"), call.Args.Bool("recurse")
	if recurse && state == "" {
		state = "directory"
	}
	if recurse && state != "directory" {
		return module.Fail("recurse option requires state to be 'directory'"), nil
	}
	program := want + vars("state", state, "recurse", flag(recurse), "force", flag(call.Args.Bool("force")), "follow", flag(call.Args.Bool("follow")), "diff", flag(call.Diff),
		"atime", call.Args.String("access_time"), "mtime", call.Args.String("modification_time")) +
		"path=" + path(call.Args.String("path")) + "\nsrc=" + path(call.Args.String("src")) + "\n" + fileProgram
	a, err := ask(ctx, call, program, nil)
	if err != nil {
		return module.Result{}, err
	}
	return fileResult(call, a)
}

func fileResult(call *module.Call, a *answers) (module.Result, error) {
	name := call.Args.String("path")
	if msg := a.get("fail"); msg != "" {
		res := module.Fail(msg).Set("path", name)
		if kind := a.get("found"); kind != "" {
			res = res.Set("state", kind)
		}
		return res, nil
	}
	res := described(module.Result{Changed: a.changed()}, a)
	if a.get("state") == "" && a.get("ends") == "absent" {
		res = res.Set("state", a.get("ends"))
	}
	key := "path"
	switch a.get("ends") {
	case "link", "hard", "touch":
		key = "dest"
	}
	res = res.Set(key, name)
	if src := call.Args.String("src"); src != "" {
		res = res.Set("src", src)
	}
	if !call.Diff {
		return res, nil
	}
	diff, err := fileDiff(name, a)
	res.Diff = append(res.Diff, diff)
	return res, err
}

// fileDiff is what differs of kind and attributes, and what a folder that goes
// had in it.
func fileDiff(name string, a *answers) (module.Diff, error) {
	before, after := value.NewMap(), value.NewMap()
	attributeDiff(a, before, after)
	was, ends := a.get("before"), a.get("ends")
	if was == "directory" && ends == "absent" {
		before.Set("path_content", value.NewMap("directories", a.all("folder"), "files", a.all("file")))
	}
	for _, side := range []struct {
		data  *value.Map
		state string
		src   string
	}{{before, was, "was_src"}, {after, ends, "now_src"}} {
		side.data.Set("path", name)
		if src, changed := a.first[side.src]; changed {
			side.data.Set("src", src)
		}
		if was != ends {
			side.data.Set("state", side.state)
		}
	}
	return dataDiff(name, "", before, after)
}

// fileProgram: path, state, src, recurse, force, follow, diff, atime, mtime, check.
const fileProgram = `
case $path in ?*/) path=${path%/} ;; esac
kind() {
	if [ -L "$1" ]; then echo link
	elif [ -d "$1" ]; then echo directory
	elif [ -e "$1" ]; then if [ "$(stat -c %h "$1")" -gt 1 ]; then echo hard; else echo file; fi
	else echo absent
	fi
}
was=$(kind "$path")
say before "$was"
if [ ! "$state" ]; then
	if [ "$src" ] && [ "$was" != absent ]; then state=$was
	elif [ "$was" = absent ]; then state=file
	else state=$was
	fi
fi
say ends "$state"
do_() { # runs a change unless in check mode
	changed=1
	[ "$check" ] && return 0
	out=$("$@" 2>&1) || fail "cannot set $path to $state: $out"
}
target() { # what attributes belong to
	if [ -L "$path" ] && [ "$follow" ] && [ -e "$path" ]; then readlink -f "$path"; else printf '%s' "$path"; fi
}
case $state in
absent)
	if [ "$diff" ] && [ "$was" = directory ]; then
		find "$path" -mindepth 1 -type d | sort | sed 's/^/folder=/'
		find "$path" -mindepth 1 ! -type d | sort | sed 's/^/file=/'
	fi
	[ "$was" = absent ] || do_ rm -rf -- "$path" ;;
file)
	t=$(target)
	case $(kind "$t") in
	file|hard) attrs "$t" ;;
	link) attrs "$t" ;;
	absent) say found absent; fail "file ($path) is absent, cannot continue" ;;
	*) say found "$(kind "$t")"; fail "file ($path) is $(kind "$t"), cannot continue" ;;
	esac ;;
touch)
	t=$(target)
	new=
	if ! there "$t"; then
		new=1
		do_ touch -- "$t"
		[ "$check" ] && wouldattrs
	fi
	stamp() { # flag, wanted time
		case $2 in
		preserve) ;;
		''|now) do_ touch -c "$1" -- "$t" ;;
		*)
			if [ "$1" = -m ]; then f=%Y; else f=%X; fi
			r=$(mktemp "${TMPDIR:-/tmp}/rollout-XXXXXX"); touch "$1" -t "$2" "$r" 2>/dev/null || { rm -f "$r"; fail "$2 is no time like 202601311200.00"; }
			[ "$(stat -c $f "$r")" = "$(stat -c $f "$t" 2>/dev/null)" ] || do_ touch -c "$1" -t "$2" -- "$t"
			rm -f "$r" ;;
		esac
	}
	if [ ! "$new" ] || [ "$mtime" ]; then stamp -m "$mtime"; fi
	if [ ! "$new" ] || [ "$atime" ]; then stamp -a "$atime"; fi
	there "$t" && attrs "$t" ;;
directory)
	t=$(target)
	case $(kind "$t") in
	directory) ;;
	absent)
		changed=1
		if [ "$check" ]; then wouldattrs
		else
			made=; p=$t
			while [ ! -d "$p" ]; do
				there "$p" && fail "cannot make $path: $p already exists as a file"
				made="$p
$made"
				case $p in */*) p=${p%/*}; [ "$p" ] || p=/ ;; *) p=. ;; esac
			done
			out=$(mkdir -p -- "$t" 2>&1) || fail "There was an issue creating $path: $out"
			while IFS= read -r p; do [ "$p" ] && attrs "$p"; done <<END
$made
END
		fi ;;
	*) fail "$path already exists as a $(kind "$t")" ;;
	esac
	[ -d "$t" ] && attrs "$t"
	if [ "$recurse" ] && [ -d "$t" ]; then
		list=$(mktemp "${TMPDIR:-/tmp}/rollout-XXXXXX") || fail "cannot make a file in ${TMPDIR:-/tmp}"
		trap 'rm -f "$list"' EXIT
		find "$t" >"$list"
		quiet=1
		while IFS= read -r p; do there "$p" && attrs "$p"; done <"$list"
	fi ;;
link)
	if [ ! "$src" ]; then
		[ "$was" = link ] || fail "src is required for creating new symlinks"
		src=$(readlink "$path")
	fi
	if [ "$was" = directory ] && [ ! "$force" ]; then
		fail "refusing to convert from directory to symlink for $path"
	fi
	case $src in /*) abs=$src ;; *) case $path in */*) abs=${path%/*}/$src ;; *) abs=$src ;; esac ;; esac
	[ -e "$abs" ] || [ "$force" ] || fail "src file does not exist, use \"force=yes\" if you really want to create the link: $abs"
	case $was in
	link) [ "$(readlink "$path")" = "$src" ] || { say was_src "$(readlink "$path")"; say now_src "$src"; do_ rm -f -- "$path"; do_ ln -s -- "$src" "$path"; } ;;
	absent) do_ ln -s -- "$src" "$path" ;;
	directory)
		[ "$(ls -A "$path")" ] && fail "the directory $path is not empty, refusing to convert it"
		do_ rmdir -- "$path"; do_ ln -s -- "$src" "$path" ;;
	*)
		[ "$force" ] || fail "refusing to convert from $was to symlink for $path"
		do_ rm -f -- "$path"; do_ ln -s -- "$src" "$path" ;;
	esac
	if [ -L "$path" ] && [ ! "$check" ]; then
		if [ "$follow" ] && [ -e "$path" ]; then attrs "$(readlink -f "$path")"; else attrs "$path"; fi
	fi ;;
hard)
	[ -e "$src" ] || fail "src does not exist: $src"
	same() { [ "$(stat -c %d:%i "$1")" = "$(stat -c %d:%i "$2")" ]; }
	case $was in
	absent) do_ ln -- "$src" "$path" ;;
	directory) fail "refusing to convert from directory to hard link for $path" ;;
	*)
		if ! same "$src" "$path"; then
			[ "$force" ] || [ "$was" = hard ] || fail "Cannot link, different hard link exists at destination"
			do_ ln -f -- "$src" "$path"
		fi ;;
	esac
	[ -e "$path" ] && attrs "$path" ;;
esac
say changed "$changed"
if [ "$state" != absent ]; then
	if [ "$state" = link ]; then describe "$path"; else describe "$(target)"; fi
fi
`
