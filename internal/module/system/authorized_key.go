package system

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/module"
)

func authorizedKeyModule() *module.Module {
	return &module.Module{
		Name:    "ansible.posix.authorized_key",
		Aliases: []string{"authorized_key", "ansible.builtin.authorized_key"},
		Summary: "Says which keys let in as a user.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "user", Required: true, Doc: "the user on the host"},
			{Name: "key", Required: true, Doc: "public keys, one per line"},
			{Name: "state", Default: "present", Choices: []string{"absent", "present"}, Doc: "whether they are to be there"},
			{Name: "exclusive", Type: module.Bool, Default: false, Doc: "no other keys"},
			{Name: "key_options", Doc: "options that stand before the keys"},
			{Name: "comment", Doc: "comment instead of the keys' own"},
			{Name: "path", Type: module.Path, Doc: "another file than ~user/.ssh/authorized_keys"},
			{Name: "manage_dir", Type: module.Bool, Default: true, Doc: "make the file's folder, private"},
		}},
		NeedsHost: true,
		Run:       runAuthorizedKey,
	}
}

func runAuthorizedKey(ctx context.Context, call *module.Call) (module.Result, error) {
	want, err := parseKeys(call)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	where := vars("user", call.Args.String("user"), "file", call.Args.String("path")) + saying + accounts + authorizedFile
	out, err := run(ctx, call, where+`printf '%s\n' "$file"; cat "$file" 2>/dev/null`, nil)
	if err != nil {
		return module.Result{}, err
	}
	file, old, _ := strings.Cut(string(out.Stdout), "\n")
	if reason, failed := strings.CutPrefix(file, "fail="); failed {
		return module.Fail(reason), nil
	}
	text := authorized(old, want, call.Args.String("state") == "absent", call.Args.Bool("exclusive"))
	res := module.Result{Changed: text != old}.Set("keyfile", file).Set("user", call.Args.String("user")).Set("state", call.Args.String("state")).
		Set("exclusive", call.Args.Bool("exclusive"))
	if call.Diff && res.Changed {
		res.Diff = []module.Diff{{BeforeHeader: file, AfterHeader: file, Before: old, After: text}}
	}
	if call.Check || !res.Changed {
		return res, nil
	}
	a, err := ask(ctx, call, vars("manage", flag(call.Args.Bool("manage_dir")))+where+authorizedWrite, bytes.NewReader([]byte(text)))
	if err != nil {
		return module.Result{}, err
	}
	if msg := a["fail"]; msg != "" {
		return module.Fail(msg), nil
	}
	return res, nil
}

// publicKey is a line of authorized_keys, in its parts (sshd(8)).
type publicKey struct{ options, kind, data, comment string }

func (k publicKey) String() string {
	var parts []string
	for _, p := range []string{k.options, k.kind, k.data, k.comment} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}

func parseKeys(call *module.Call) ([]publicKey, error) {
	var out []publicKey
	for line := range strings.SplitSeq(call.Args.String("key"), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		k, ok := parseKey(line)
		if !ok {
			return nil, fmt.Errorf("invalid key specified: %q is no public key", line)
		}
		if o := call.Args.String("key_options"); o != "" {
			k.options = o
		}
		if c, given := call.Args.Get("comment"); given {
			k.comment = fmt.Sprint(c)
		}
		out = append(out, k)
	}
	return out, nil
}

// parseKey finds the kind outside of quotes, as options hold blanks there.
func parseKey(line string) (publicKey, bool) {
	quoted, start := false, 0
	for i := 0; i <= len(line); i++ {
		switch {
		case i < len(line) && line[i] == '"' && (i == 0 || line[i-1] != '\\'):
			quoted = !quoted
		case quoted || i < len(line) && line[i] != ' ' && line[i] != '\t':
		default:
			if isKeyKind(line[start:i]) {
				f := strings.Fields(line[i:])
				if len(f) == 0 {
					return publicKey{}, false
				}
				return publicKey{strings.TrimSpace(line[:start]), line[start:i], f[0], strings.Join(f[1:], " ")}, true
			}
			start = i + 1
		}
	}
	return publicKey{}, false
}

func isKeyKind(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-sha2-") || strings.HasPrefix(s, "sk-ssh-") || strings.HasPrefix(s, "sk-ecdsa-")
}

// authorized returns the file's new text. Lines that are no keys stay.
func authorized(old string, want []publicKey, absent, exclusive bool) string {
	var lines []string
	done := make([]bool, len(want))
	for line := range strings.Lines(old) {
		k, ok := parseKey(strings.TrimSpace(line))
		i := slices.IndexFunc(want, func(w publicKey) bool { return w.data == k.data })
		switch {
		case !ok || strings.HasPrefix(strings.TrimSpace(line), "#"):
			lines = append(lines, strings.TrimRight(line, "\n"))
		case i < 0 && exclusive && !absent:
		case i < 0:
			lines = append(lines, strings.TrimRight(line, "\n"))
		case absent || done[i]:
		default:
			done[i] = true
			lines = append(lines, want[i].String())
		}
	}
	for i, w := range want {
		if !absent && !done[i] {
			lines = append(lines, w.String())
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

const authorizedFile = `
e=$(entry passwd "$user")
[ "$e" ] || fail "Failed to lookup user $user: there is no such user"
if [ ! "$file" ]; then file=$(field "$e" 6)/.ssh/authorized_keys; fi
`

const authorizedWrite = `
dir=${file%/*}
if [ ! -d "$dir" ]; then
	[ "$manage" ] || fail "there is no folder $dir (manage_dir makes it)"
	out=$(mkdir -p -m 700 "$dir" 2>&1 && chown "$(field "$e" 3):$(field "$e" 4)" "$dir" 2>&1) || fail "cannot make $dir: $out"
fi
tmp=$(mktemp "$dir/.rollout-XXXXXX" 2>&1) || fail "cannot write in $dir: $tmp"
trap 'rm -f "$tmp"' EXIT
cat >"$tmp" || fail "cannot write $tmp"
out=$(chmod 600 "$tmp" 2>&1 && chown "$(field "$e" 3):$(field "$e" 4)" "$tmp" 2>&1 && mv -f "$tmp" "$file" 2>&1) || fail "cannot write $file: $out"
say changed 1
`
