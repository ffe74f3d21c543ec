// Package files holds the modules for files and folders: copy, template, file,
// stat, find, slurp, fetch, assemble, lineinfile, blockinfile, replace and tempfile. Each is one POSIX sh program that
// looks at what is, changes it unless in check mode, and says what it found and
// did as "key=value" lines.
package files

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollout/internal/connection"
	"rollout/internal/module"
)

// Modules returns the modules of this package.
func Modules() []*module.Module {
	return []*module.Module{
		copyModule(), templateModule(), fileModule(), statModule(), slurpModule(), fetchModule(), lineinfileModule(), blockinfileModule(), replaceModule(), tempfileModule(),
		findModule(), assembleModule(),
	}
}

// attributes are the arguments of every module that makes files.
var attributes = []module.Arg{
	{Name: "mode", Type: module.Raw, Doc: "permissions: octal (quote it), symbolic, or preserve where a file is copied"},
	{Name: "owner", Doc: "name or number of the owner"},
	{Name: "group", Doc: "name or number of the group"},
}

// answers are the "key=value" lines of a program; a key may come several times.
type answers struct {
	first map[string]string
	lines [][2]string
}

func (a *answers) get(key string) string { return a.first[key] }

// all are the values of a key that comes several times.
func (a *answers) all(key string) []any {
	out := []any{}
	for _, l := range a.lines {
		if l[0] == key {
			out = append(out, l[1])
		}
	}
	return out
}

func (a *answers) changed() bool { return a.first["changed"] == "1" }

// ask runs a program. What it could not do is in the answer "fail".
func ask(ctx context.Context, call *module.Call, script string, stdin io.Reader) (*answers, error) {
	out, err := call.Host.Run(ctx, connection.Command{Script: library + script, Stdin: stdin, Env: call.Env, Become: call.Become})
	if err != nil {
		return nil, err
	}
	a := &answers{first: map[string]string{}}
	for line := range strings.SplitSeq(string(out.Stdout), "\n") {
		k, v, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		a.lines = append(a.lines, [2]string{k, v})
		if _, seen := a.first[k]; !seen || k == "changed" || strings.HasPrefix(k, "was_") || strings.HasPrefix(k, "now_") {
			a.first[k] = v
		}
	}
	if out.Code != 0 && a.first["fail"] == "" {
		a.first["fail"] = fmt.Sprintf("the program on the host ended with code %d: %s", out.Code, strings.Join(strings.Fields(string(out.Stderr)), " "))
	}
	return a, nil
}

// vars are assignments at the top of a program.
func vars(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(pairs[i] + "=" + connection.Quote(pairs[i+1]) + "\n")
	}
	return b.String()
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// path leaves a ~ or ~user at the beginning of a path, and variables in it, to
// the host, whose shell knows them; a user who is not there, and a variable that
// is not set, stay as they are written.
func path(p string) string {
	head, rest, below := strings.Cut(p, "/")
	switch user, tilde := strings.CutPrefix(head, "~"); {
	case !tilde || strings.IndexFunc(user, notInLogin) >= 0:
		return module.ExpandingVariables(p)
	case user == "":
		head = `"$HOME"`
	}
	if !below {
		return head
	}
	return head + "/" + module.ExpandingVariables(rest)
}

// notInLogin tells which characters a shell could take for something of its
// own in a login name.
func notInLogin(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

// mode reads the argument as Ansible does: a number is the number that YAML
// made of it, a text of digits is octal, another text is symbolic.
func mode(v any) (string, error) {
	switch m := v.(type) {
	case nil:
		return "", nil
	case int:
		return strconv.FormatInt(int64(m), 8), nil
	case string:
		if m == "" || m == "preserve" {
			return m, nil
		}
		if _, err := strconv.ParseUint(m, 8, 16); err == nil {
			return m, nil
		}
		if strings.IndexFunc(m, notSymbolic) < 0 {
			return m, nil
		}
	}
	return "", fmt.Errorf("mode must be octal or symbolic, not %v", v)
}

func notSymbolic(r rune) bool { return !strings.ContainsRune("ugoarwxXst+-=,", r) }

// wanted are the variables of the library's attrs for a call.
func wanted(call *module.Call) (string, error) {
	m, err := mode(call.Args.At("mode"))
	if err != nil {
		return "", err
	}
	if m == "preserve" {
		m = ""
	}
	return vars("check", flag(call.Check), "mode", m, "owner", call.Args.String("owner"), "group", call.Args.String("group")), nil
}

// The functions of all programs. attrs gives a file the wanted mode, owner and
// group; a symbolic mode is tried on a file of our own, so that check mode
// knows what it comes to.
const library = `changed=
quiet=
say() { printf '%s=%s\n' "$1" "$2"; }
fail() { printf 'fail=%s\n' "$(printf '%s' "$1" | tr '\n' ' ')"; exit 0; }
there() { [ -e "$1" ] || [ -L "$1" ]; }
sum() { s=$(sha1sum <"$1") && printf '%s' "${s%% *}"; }
newmode() { # path: the mode that it would have
	case $mode in
	*[!0-7]*)
		if [ -d "$1" ]; then t=$(mktemp -d "${TMPDIR:-/tmp}/rollout-XXXXXX"); else t=$(mktemp "${TMPDIR:-/tmp}/rollout-XXXXXX"); fi
		chmod "$(stat -c %a "$1")" "$t" && chmod "$mode" "$t" 2>/dev/null && stat -c %a "$t"
		rm -rf "$t" ;;
	*) printf '%o' "0$mode" ;;
	esac
}
groupid() {
	case $1 in
	*[!0-9]*) { getent group "$1" 2>/dev/null || grep "^$1:" /etc/group; } | { IFS=: read -r _ _ g _; printf '%s' "$g"; } ;;
	*) printf '%s' "$1" ;;
	esac
}
userid() {
	case $1 in
	*[!0-9]*) id -u "$1" 2>/dev/null ;;
	*) printf '%s' "$1" ;;
	esac
}
differs() { # attribute, value, wanted value
	changed=1
	[ "$quiet" ] || { say "was_$1" "$2"; say "now_$1" "$3"; }
}
attrs() { # path
	if [ "$owner" ]; then
		u=$(userid "$owner"); [ "$u" ] || fail "chown failed: failed to look up user $owner"
		if [ "$(stat -c %u "$1")" != "$u" ]; then
			differs owner "$(stat -c %u "$1")" "$u"
			[ "$check" ] || out=$(chown -h "$u" "$1" 2>&1) || fail "chown failed: $out"
		fi
	fi
	if [ "$group" ]; then
		g=$(groupid "$group"); [ "$g" ] || fail "chgrp failed: failed to look up group $group"
		if [ "$(stat -c %g "$1")" != "$g" ]; then
			differs group "$(stat -c %g "$1")" "$g"
			[ "$check" ] || out=$(chgrp -h "$g" "$1" 2>&1) || fail "chgrp failed: $out"
		fi
	fi
	if [ "$mode" ] && [ ! -L "$1" ]; then
		m=$(newmode "$1"); [ "$m" ] || fail "chmod failed: bad mode $mode"
		if [ "$(stat -c %a "$1")" != "$m" ]; then
			differs mode "$(stat -c %a "$1")" "$m"
			[ "$check" ] || out=$(chmod "$m" "$1" 2>&1) || fail "chmod failed: $out"
		fi
	fi
}
wouldattrs() { # in check mode, of a file that is not there: are the names known?
	if [ "$owner" ]; then u=$(userid "$owner"); [ "$u" ] || fail "chown failed: failed to look up user $owner"; fi
	if [ "$group" ]; then g=$(groupid "$group"); [ "$g" ] || fail "chgrp failed: failed to look up group $group"; fi
}
describe() { # path
	there "$1" || return 0
	stat -c 'uid=%u
gid=%g
owner=%U
group=%G
mode=%a
size=%s' "$1"
	if [ -L "$1" ]; then say state link
	elif [ -d "$1" ]; then say state directory
	elif [ "$(stat -c %h "$1")" -gt 1 ]; then say state hard
	else say state file
	fi
}
`

// described puts what the library's describe said into a result.
func described(res module.Result, a *answers) module.Result {
	for _, k := range []string{"uid", "gid", "size"} {
		if n, err := strconv.Atoi(a.get(k)); err == nil {
			res = res.Set(k, n)
		}
	}
	for _, k := range []string{"owner", "group", "state"} {
		if v := a.get(k); v != "" {
			res = res.Set(k, v)
		}
	}
	if m := a.get("mode"); m != "" {
		res = res.Set("mode", fourDigits(m))
	}
	return res
}

func fourDigits(mode string) string {
	if n, err := strconv.ParseUint(mode, 8, 32); err == nil {
		return fmt.Sprintf("%04o", n)
	}
	return mode
}

// maxDiff bounds the text of a diff, in bytes, as Ansible does.
const maxDiff = 104448

// diffText decodes what a program said in base64, or says why it is not shown.
func diffText(encoded string) string {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	return shown(data)
}

func shown(data []byte) string {
	switch {
	case len(data) > maxDiff:
		return fmt.Sprintf("(not shown: over %d bytes)\n", maxDiff)
	case bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data):
		return "(not shown: binary)\n"
	}
	return string(data)
}
