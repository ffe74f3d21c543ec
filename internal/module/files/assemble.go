package files

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"rollout/internal/module"
	"rollout/internal/regex"
)

func assembleModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.assemble",
		Aliases: []string{"ansible.legacy.assemble"},
		Summary: "Puts the files of a folder together to one file on the host.",
		Args: module.Schema{Args: append([]module.Arg{
			{Name: "src", Type: module.Path, Required: true, Doc: "the folder; its files are taken in the order of their names"},
			{Name: "dest", Type: module.Path, Required: true, Doc: "the file to make"},
			{Name: "remote_src", Type: module.Bool, Default: true, Doc: "src is on the host, not on this machine"},
			{Name: "regexp", Doc: "take only files whose name has this regular expression in it"},
			{Name: "ignore_hidden", Type: module.Bool, Default: false, Doc: "leave out files whose name begins with a dot"},
			{Name: "delimiter", Doc: `text between the files, with Python's escapes such as \n`},
			{Name: "decrypt", Type: module.Bool, Default: true, Doc: "files of this machine that are vaults are decrypted"},
			{Name: "backup", Type: module.Bool, Default: false, Doc: "keep the old file beside the new one"},
			{Name: "validate", Doc: "command that must accept the file, %s in it"},
		}, attributes...)},
		NeedsHost: true,
		Run:       runAssemble,
	}
}

// fragment is one file of the folder.
type fragment struct {
	name    string
	content []byte
}

func runAssemble(ctx context.Context, call *module.Call) (module.Result, error) {
	if call.Check {
		return module.Result{Skipped: true, Msg: "check mode is not supported for this task."}, nil
	}
	src, validate := call.Args.String("src"), call.Args.String("validate")
	if validate != "" && !strings.Contains(validate, "%s") {
		return module.Fail("validate must contain %s: " + validate), nil
	}
	there := call.Args.Bool("remote_src")
	list, problem, err := fragmentsHere(call, src)
	if there {
		list, problem, err = fragmentsThere(ctx, call, src)
	}
	if err != nil || problem != "" {
		return module.Fail(problem), err
	}
	if list, err = chosenFragments(call, list); err != nil {
		return module.Fail(err.Error()), nil
	}
	content, err := assembled(list, call.Args.String("delimiter"), there)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	res, err := place(ctx, call, placement{content: content, dest: call.Args.String("dest"), source: src, force: true,
		backup: call.Args.Bool("backup"), validate: validate})
	if err != nil || res.Failed {
		return res, err
	}
	if there {
		res.Msg = "OK"
		res.Data.Delete("path")
	}
	return finish(res.Set("src", src).Set("md5sum", md5Of(content)), nil)
}

// fragmentsHere reads the folder's files on this machine.
func fragmentsHere(call *module.Call, src string) (list []fragment, problem string, err error) {
	if call.Args.Bool("remote_src") {
		return nil, "", nil
	}
	f, folder, err := call.Files.Open("files", strings.TrimRight(src, "/"))
	if err != nil {
		return nil, err.Error(), nil
	}
	defer f.Close()
	dir, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, fmt.Sprintf("Source (%s) is not a directory", folder), nil
	}
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, fmt.Sprintf("Source (%s) is not a directory", folder), nil
	}
	for _, e := range entries {
		name := folder + "/" + e.Name()
		if isDir, _, err := kind(call.Files, name); err != nil || isDir {
			continue // a link to nothing is no fragment either
		}
		content, _, err := readAll(call.Files, name)
		if err != nil {
			return nil, err.Error(), nil
		}
		list = append(list, fragment{e.Name(), content})
	}
	return list, "", nil
}

// fragmentsProgram prints each file of $src: its name and its content, both in
// base64, so that a line end in a name misleads nobody.
const fragmentsProgram = `
there "$src" || fail "Source ($src) does not exist"
[ -d "$src" ] || fail "Source ($src) is not a directory"
for f in "$src"/* "$src"/.*; do
	[ -f "$f" ] || continue
	[ -r "$f" ] || fail "cannot read $f: permission denied"
	say name "$(printf '%s' "${f##*/}" | base64 | tr -d '\n')"
	printf 'content='; base64 <"$f" | tr -d '\n'; echo
done
`

func fragmentsThere(ctx context.Context, call *module.Call, src string) (list []fragment, problem string, err error) {
	a, err := ask(ctx, call, "src="+path(src)+fragmentsProgram, nil)
	if err != nil || a.get("fail") != "" {
		return nil, a.get("fail"), err
	}
	for _, l := range a.lines {
		data, err := base64.StdEncoding.DecodeString(l[1])
		switch {
		case err != nil:
			return nil, fmt.Sprintf("cannot read what the host says of %s: %v", src, err), nil
		case l[0] == "name":
			list = append(list, fragment{name: string(data)})
		case l[0] == "content" && len(list) > 0:
			list[len(list)-1].content = data
		}
	}
	return list, "", nil
}

// chosenFragments are those that the arguments ask for, by name.
func chosenFragments(call *module.Call, list []fragment) ([]fragment, error) {
	var re *regex.Regexp
	if text, given := call.Args.At("regexp").(string); given {
		var err error
		if re, err = regex.Compile(text, 0); err != nil {
			return nil, fmt.Errorf("%s (%w) in %q", "Invalid Regexp", err, text)
		}
	}
	var out []fragment
	for _, f := range list {
		if call.Args.Bool("ignore_hidden") && strings.HasPrefix(f.name, ".") {
			continue
		}
		if re != nil {
			m, err := re.Search(f.name)
			if err != nil {
				return nil, err
			}
			if m == nil {
				continue
			}
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b fragment) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// assembled joins the fragments: each on a line of its own, the delimiter
// between them. Ansible reads the delimiter's escapes anew each time, and only
// where the folder is on the host it sees that the delimiter ends a line.
func assembled(list []fragment, delimiter string, there bool) ([]byte, error) {
	var b bytes.Buffer
	for i, f := range list {
		if i > 0 && !bytes.HasSuffix(list[i-1].content, []byte("\n")) {
			b.WriteByte('\n')
		}
		if i > 0 && delimiter != "" {
			var err error
			if delimiter, err = unescaped(delimiter); err != nil {
				return nil, err
			}
			if b.WriteString(delimiter); !there || !strings.HasSuffix(delimiter, "\n") {
				b.WriteByte('\n')
			}
		}
		b.Write(f.content)
	}
	return b.Bytes(), nil
}

// simpleEscapes are Python's escapes of one character.
var simpleEscapes = map[byte]string{'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

// unescaped reads the escapes of a Python bytes literal; unknown ones stay.
func unescaped(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", errors.New(`trailing \ in the delimiter`)
		}
		c := s[i]
		text, simple := simpleEscapes[c]
		switch {
		case simple:
			b.WriteString(text)
		case c == 'x':
			n, err := strconv.ParseUint(s[min(i+1, len(s)):min(i+3, len(s))], 16, 8)
			if err != nil || i+3 > len(s) {
				return "", fmt.Errorf(`invalid \x escape at position %d`, i-1)
			}
			b.WriteByte(byte(n))
			i += 2
		case c >= '0' && c <= '7':
			end := i + 1
			for end < len(s) && end < i+3 && s[end] >= '0' && s[end] <= '7' {
				end++
			}
			n, _ := strconv.ParseUint(s[i:end], 8, 16) // three octal digits
			b.WriteByte(byte(n))
			i = end - 1
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}
