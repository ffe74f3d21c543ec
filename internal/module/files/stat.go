package files

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

func statModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.stat",
		Aliases: []string{"ansible.legacy.stat"},
		Summary: "Tells what is known of a file.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "path", Aliases: []string{"dest", "name"}, Type: module.Path, Required: true, Doc: "the file"},
			{Name: "follow", Type: module.Bool, Default: false, Doc: "look at what a link points to"},
			{Name: "get_checksum", Type: module.Bool, Default: true, Doc: "return a checksum of a file's content"},
			{Name: "checksum_algorithm", Aliases: []string{"checksum", "checksum_algo"}, Default: "sha1",
				Choices: []string{"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}, Doc: "which checksum"},
			{Name: "get_mime", Aliases: []string{"mime", "mime_type", "mime-type"}, Type: module.Bool, Default: true, Doc: "return MIME type and charset, where the host has file(1)"},
			{Name: "get_attributes", Aliases: []string{"attr", "attributes"}, Type: module.Bool, Default: true, Doc: "return lsattr(1)'s flags, where the host has it"},
		}},
		NeedsHost: true,
		Run:       runStat,
	}
}

const statProgram = `
f=$path
if ! there "$f"; then
	d=${f%/*}; [ "$d" = "$f" ] && d=.
	[ -e "$d" ] && [ ! -x "$d" ] && fail "Permission denied"
	say exists 0; exit
fi
[ "$follow" ] && [ ! -e "$f" ] && { say exists 0; exit; }
L=; [ "$follow" ] && L=-L
say exists 1
case $path in *'
'*) ;; *) say path "$path" ;; esac
stat $L -c 'raw=%f
uid=%u
gid=%g
size=%s
inode=%i
dev=%d
nlink=%h
blocks=%b
block_size=%o
pw_name=%U
gr_name=%G' "$f"
stat $L -c 'atime=%.9X
mtime=%.9Y
ctime=%.9Z' "$f" 2>/dev/null | grep -v '=%' || stat $L -c 'atime=%X
mtime=%Y
ctime=%Z' "$f"
rdev=$(stat $L -c '%t %T' "$f"); say rdev "$rdev"
for t in r w x; do [ -$t "$f" ] && say $t 1; done
if [ -L "$f" ]; then say lnk_target "$(readlink "$f")"; say lnk_source "$(readlink -f "$f")"; fi
if [ -f "$f" ] && [ -r "$f" ] && { [ "$follow" ] || [ ! -L "$f" ]; }; then
	[ "$checksum" ] && { s=$(${checksum}sum <"$f") && say checksum "${s%% *}"; }
fi
if [ "$mime" ]; then
	if command -v file >/dev/null 2>&1; then
		m=$(file -b --mime-type --mime-encoding "$f" 2>/dev/null); say mimetype "${m%%;*}"; say charset "${m##*charset=}"
	else
		say mimetype unknown; say charset unknown
	fi
fi
if [ "$attributes" ] && command -v lsattr >/dev/null 2>&1; then
	a=$(lsattr -vd "$f" 2>/dev/null) || a=
	[ "$a" ] || { say attr_flags ''; }
	[ "$a" ] && { set -- $a; say version "$1"; say attr_flags "$(printf '%s' "$2" | tr -d -)"; }
fi
:
`

func runStat(ctx context.Context, call *module.Call) (module.Result, error) {
	sum := ""
	if call.Args.Bool("get_checksum") {
		sum = call.Args.String("checksum_algorithm")
	}
	a, err := ask(ctx, call, vars("follow", flag(call.Args.Bool("follow")), "checksum", sum, "mime", flag(call.Args.Bool("get_mime")),
		"attributes", flag(call.Args.Bool("get_attributes")))+"path="+path(call.Args.String("path"))+"\n"+statProgram, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a.get("fail"); msg != "" {
		return module.Fail(msg), nil
	}
	if a.get("exists") != "1" {
		return module.Result{}.Set("stat", value.NewMap("exists", false)), nil
	}
	return module.Result{}.Set("stat", statMap(cmp.Or(a.get("path"), call.Args.String("path")), a)), nil
}

// File types and permission bits of st_mode, as in stat(2).
const (
	typeMask   = 0o170000
	typeSocket = 0o140000
	typeLink   = 0o120000
	typeFile   = 0o100000
	typeBlock  = 0o060000
	typeFolder = 0o040000
	typeChar   = 0o020000
	typeFifo   = 0o010000
)

func statMap(name string, a *answers) *value.Map {
	raw, _ := strconv.ParseUint(a.get("raw"), 16, 32)
	m := value.NewMap("exists", true, "path", name, "mode", fourDigits(strconv.FormatUint(raw&0o7777, 8)))
	setKind(m, raw)
	for _, k := range []string{"uid", "gid", "size", "inode", "dev", "nlink"} {
		m.Set(k, whole(a.get(k)))
	}
	for _, k := range []string{"atime", "mtime", "ctime"} {
		f, _ := strconv.ParseFloat(a.get(k), 64)
		m.Set(k, f)
	}
	setPermissions(m, raw)
	m.Set("blocks", whole(a.get("blocks")))
	m.Set("block_size", whole(a.get("block_size")))
	m.Set("device_type", deviceType(a.get("rdev")))
	m.Set("readable", a.get("r") == "1")
	m.Set("writeable", a.get("w") == "1")
	m.Set("executable", a.get("x") == "1")
	for _, k := range []string{"pw_name", "gr_name", "lnk_source", "lnk_target", "checksum", "mimetype", "charset", "version", "attr_flags"} {
		if v, ok := a.first[k]; ok {
			m.Set(k, v)
		}
	}
	if flags, ok := a.first["attr_flags"]; ok {
		m.Set("attributes", attributeNames(flags))
	}
	return m
}

// setKind puts what kind of file st_mode says it is.
func setKind(m *value.Map, mode uint64) {
	types := []struct {
		key string
		val uint64
	}{{"isdir", typeFolder}, {"ischr", typeChar}, {"isblk", typeBlock}, {"isreg", typeFile}, {"isfifo", typeFifo}, {"islnk", typeLink}, {"issock", typeSocket}}
	for _, t := range types {
		m.Set(t.key, mode&typeMask == t.val)
	}
}

// setPermissions puts who may do what with a file of that st_mode.
func setPermissions(m *value.Map, mode uint64) {
	for i, k := range []string{"xoth", "woth", "roth", "xgrp", "wgrp", "rgrp", "xusr", "wusr", "rusr"} {
		m.Set(k, mode&(1<<i) != 0)
	}
	m.Set("isuid", mode&0o4000 != 0)
	m.Set("isgid", mode&0o2000 != 0)
}

func whole(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// deviceType is st_rdev as glibc's makedev composes it.
func deviceType(s string) int {
	major, minor, _ := strings.Cut(s, " ")
	ma, _ := strconv.ParseUint(major, 16, 32)
	mi, _ := strconv.ParseUint(minor, 16, 32)
	return int(mi&0xff | (ma&0xfff)<<8 | (mi&^uint64(0xff))<<12 | (ma&^uint64(0xfff))<<32)
}

// attributeWords are chattr(1)'s letters as Ansible spells them.
var attributeWords = map[rune]string{'A': "noatime", 'a': "append", 'c': "compressed", 'C': "nocow", 'd': "nodump", 'D': "dirsync",
	'e': "extents", 'E': "encrypted", 'h': "blocksize", 'i': "immutable", 'I': "indexed", 'j': "journalled", 'N': "inline",
	's': "zero", 'S': "synchronous", 't': "notail", 'T': "blockroot", 'u': "undelete", 'X': "compressedraw", 'Z': "compresseddirty"}

func attributeNames(flags string) []any {
	out := []any{}
	for _, r := range flags {
		if w, ok := attributeWords[r]; ok {
			out = append(out, w)
		}
	}
	return out
}
