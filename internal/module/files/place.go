package files

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"strings"

	"rollout/internal/module"
)

// placement is one file to be put on the host.
type placement struct {
	content  []byte
	dest     string
	base     string // name below dest where that is a folder; "" forbids a folder
	remote   string // a file on the host instead of content
	source   string // for the diff's header
	force    bool   // replace what is there and differs
	backup   bool
	validate string // command with %s for the file
	follow   bool   // write through a symbolic link
	mode     any    // instead of the argument's where not nil
}

// sentAtOnce is how much content goes along without asking first whether the
// host has it already, in bytes.
const sentAtOnce = 64 << 10

// place puts one file on the host: beside its destination first, with mode and
// owner, and then renamed, so that nobody sees a part of it.
func place(ctx context.Context, call *module.Call, p placement) (module.Result, error) {
	a, hash, err := put(ctx, call, p)
	var wrong *argumentError
	if errors.As(err, &wrong) {
		return module.Fail(wrong.Error()), nil
	}
	return placed(call, p, hash, a), err
}

// argumentError says what is wrong with an argument.
type argumentError struct{ error }

// put does place's work and gives the program's answers, and the content's SHA-1.
func put(ctx context.Context, call *module.Call, p placement) (*answers, string, error) {
	want, err := wanted(call)
	if err == nil && p.mode != nil {
		var m string
		m, err = mode(p.mode)
		want += vars("mode", m)
	}
	if err != nil {
		return nil, "", &argumentError{err}
	}
	digest := sha1.Sum(p.content)
	hash := hex.EncodeToString(digest[:])
	script := func(dry bool) string {
		head := want + vars("base", p.base, "hash", hash, "force", flag(p.force), "backup", flag(p.backup), "validate", strings.ReplaceAll(p.validate, "%s", `"$1"`),
			"follow", flag(p.follow), "diff", flag(call.Diff), "remote", p.remote) + "dest=" + path(p.dest) + "\n"
		if dry {
			head += "check=1\n"
		}
		return head + placeProgram
	}
	if len(p.content) > sentAtOnce || call.Check {
		a, err := ask(ctx, call, script(true), nil)
		if err != nil || call.Check || a.get("fail") != "" || !a.changed() {
			return a, hash, err
		}
	}
	a, err := ask(ctx, call, script(false), bytes.NewReader(p.content))
	return a, hash, err
}

// placed is what copy and template tell. In check mode that is nothing but that
// something would change: Ansible's copy stops there, before it asks the host.
func placed(call *module.Call, p placement, hash string, a *answers) module.Result {
	if a == nil {
		return module.Result{}
	}
	if msg := a.get("fail"); msg != "" {
		return module.Fail(msg).Set("dest", p.dest)
	}
	if p.remote != "" {
		hash = a.get("hash")
	}
	res := module.Result{Changed: a.changed()}
	if !call.Check || p.remote != "" || a.get("new") != "1" {
		res = described(res, a).Set("dest", a.get("dest")).Set("checksum", hash)
	}
	if p.remote == "" && a.get("new") == "1" && !call.Check {
		sum := md5.Sum(p.content)
		res = res.Set("md5sum", hex.EncodeToString(sum[:]))
	}
	if p.remote == "" && a.get("new") != "1" && p.force {
		res = res.Set("path", a.get("dest")) // by the module file, which looks after the attributes alone
	}
	if f := a.get("backup_file"); f != "" {
		res = res.Set("backup_file", f)
	}
	if call.Diff && a.get("new") == "1" && p.remote == "" {
		res.Diff = append(res.Diff, module.Diff{Of: a.get("dest"), BeforeHeader: beforeHeader(a), AfterHeader: p.source,
			Before: diffText(a.get("before")), After: shown(p.content)})
	}
	return res
}

// beforeHeader is the file's name where there was one.
func beforeHeader(a *answers) string {
	if a.get("before") == "" {
		return ""
	}
	return a.get("dest")
}

// placeProgram: dest, base, hash (of the content, read from standard input or
// from the file $remote), force, backup, validate, follow, check, diff.
const placeProgram = `
if [ "$remote" ]; then
	[ -r "$remote" ] || fail "Source $remote not found or not readable"
	hash=$(sum "$remote")
	say hash "$hash"
fi
d=$dest
case $dest in
*/)
	[ "$base" ] || fail "cannot write content to $dest: it names a folder"
	if [ ! -d "$dest" ]; then
		there "${dest%/}" && fail "cannot write into $dest: it is no folder"
		if [ "$check" ]; then say dest "$dest$base"; say new 1; say changed 1; wouldattrs; exit; fi
		out=$(mkdir -p "$dest" 2>&1) || fail "cannot make $dest: $out"
	fi
	d=$dest$base ;;
*)
	if [ -d "$dest" ]; then
		[ "$base" ] || fail "can not use content with a dir as dest"
		d=$dest/$base
	fi ;;
esac
[ -L "$d" ] && [ "$follow" ] && d=$(readlink -f "$d")
[ -d "$d" ] && [ ! -L "$d" ] && fail "cannot write $d: it is a folder"
folder=${d%/*}; [ "$folder" = "$d" ] && folder=.; [ "$folder" ] || folder=/
[ -d "$folder" ] || fail "Destination directory $folder does not exist"
say dest "$d"
if there "$d" && [ ! "$force" ]; then
	describe "$d"; exit
fi
if [ -f "$d" ] && [ ! -L "$d" ] && [ "$(sum "$d")" = "$hash" ]; then
	attrs "$d"
	say changed "$changed"; describe "$d"; exit
fi
say new 1
if [ "$diff" ] && [ -f "$d" ]; then say before "$(head -c 120000 "$d" | base64 | tr -d '\n')"; fi
if [ "$check" ]; then
	if [ -f "$d" ]; then attrs "$d"; else wouldattrs; fi
	say changed 1; describe "$d"; exit
fi
[ -w "$folder" ] || fail "Destination $folder not writable"
tmp=$(mktemp "$folder/.rollout-XXXXXX" 2>&1) || fail "cannot write in $folder: $tmp"
trap 'rm -f "$tmp"' EXIT
trap 'exit 143' TERM INT HUP
cat ${remote:+"$remote"} >"$tmp" || fail "cannot write $tmp"
[ "$(sum "$tmp")" = "$hash" ] || fail "the content arrived damaged at $tmp"
if [ -f "$d" ] && [ ! -L "$d" ]; then
	chown "$(stat -c %u:%g "$d")" "$tmp" 2>/dev/null; chmod "$(stat -c %a "$d")" "$tmp"
else
	chmod =rw "$tmp"
fi
attrs "$tmp"
if [ "$validate" ]; then
	out=$(sh -c "$validate" sh "$tmp" 2>&1 </dev/null) || fail "failed to validate: $out"
fi
if [ "$backup" ] && [ -f "$d" ]; then
	b="$d.$$.$(date +%Y-%m-%d@%H:%M:%S)~"
	out=$(cp -p "$d" "$b" 2>&1) || fail "cannot back up $d: $out"
	say backup_file "$b"
fi
out=$(mv -f "$tmp" "$d" 2>&1) || fail "cannot write $d: $out"
say changed 1; describe "$d"
`

func md5Of(content []byte) string {
	sum := md5.Sum(content)
	return hex.EncodeToString(sum[:])
}
