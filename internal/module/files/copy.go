package files

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	pathpkg "path"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

func copyModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.copy",
		Aliases: []string{"ansible.legacy.copy"},
		Summary: "Puts a file, a folder or a text on the host.",
		Args: module.Schema{
			Args: append([]module.Arg{
				{Name: "src", Type: module.Path, Doc: "file or folder of this machine; a folder with a trailing / gives its content only"},
				{Name: "content", Type: module.Raw, Doc: "the text itself, instead of src"},
				{Name: "dest", Type: module.Path, Required: true, Doc: "where it goes; a trailing / makes a folder of it"},
				{Name: "remote_src", Type: module.Bool, Default: false, Doc: "src is on the host"},
				{Name: "force", Aliases: []string{"thirsty"}, Type: module.Bool, Default: true, Doc: "replace a file that differs"},
				{Name: "backup", Type: module.Bool, Default: false, Doc: "keep the old file beside the new one"},
				{Name: "validate", Doc: "command that must accept the file, %s in it"},
				{Name: "checksum", Doc: "SHA-1 that src must have"},
				{Name: "directory_mode", Type: module.Raw, Doc: "mode of folders that are made"},
				{Name: "decrypt", Type: module.Bool, Default: true, Doc: "an src that is a vault is decrypted"},
				{Name: "follow", Type: module.Bool, Default: false, Doc: "write through a link at dest"},
			}, attributes...),
			MutuallyExclusive: [][]string{{"src", "content"}},
			RequiredOneOf:     [][]string{{"src", "content"}},
		},
		NeedsHost: true,
		Run:       runCopy,
	}
}

func runCopy(ctx context.Context, call *module.Call) (module.Result, error) {
	p := placement{dest: call.Args.String("dest"), force: call.Args.Bool("force"), backup: call.Args.Bool("backup"),
		validate: call.Args.String("validate"), follow: call.Args.Bool("follow")}
	if p.validate != "" && !strings.Contains(p.validate, "%s") {
		return module.Fail("validate must contain %s: " + p.validate), nil
	}
	if content, ok := call.Args.Get("content"); ok {
		text, err := contentText(content)
		if err != nil {
			return module.Fail(err.Error()), nil
		}
		p.content, p.source = []byte(text), "content"
		return finish(place(ctx, call, p))
	}
	src := call.Args.String("src")
	if call.Args.Bool("remote_src") {
		return copyThere(ctx, call, p, src)
	}
	f, found, err := call.Files.Open("files", strings.TrimRight(src, "/"))
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return module.Fail(fmt.Sprintf("cannot look at %s: %v", found, err)), nil
	}
	if st.IsDir() {
		return copyFolder(ctx, call, p, src)
	}
	return copyFile(ctx, call, p, f, st, found)
}

// contentText is the text of content; what is no text becomes JSON, as in
// Ansible.
func contentText(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := value.ToJSON(v)
	return string(b), err
}

func copyFile(ctx context.Context, call *module.Call, p placement, f fs.File, st fs.FileInfo, found string) (module.Result, error) {
	var err error
	if p.content, err = io.ReadAll(f); err != nil {
		return module.Fail(fmt.Sprintf("cannot read %s: %v", found, err)), nil
	}
	p.base, p.source = pathpkg.Base(call.Args.String("src")), found
	if call.Args.At("mode") == "preserve" {
		p.mode = fmt.Sprintf("%04o", st.Mode().Perm())
	}
	res, err := place(ctx, call, p)
	if want := call.Args.String("checksum"); err == nil && want != "" && !res.Failed && want != res.Data.String("checksum") {
		return module.Fail(fmt.Sprintf("%s does not have the checksum %s", found, want)), nil
	}
	if err == nil && !res.Failed {
		sum := md5.Sum(p.content)
		res = res.Set("src", found).Set("md5sum", hex.EncodeToString(sum[:]))
	}
	return finish(res, err)
}

// finish leaves a copied hard link's state as Ansible names it.
func finish(res module.Result, err error) (module.Result, error) {
	if res.Data != nil && res.Data.String("state") == "hard" {
		res.Data.Set("state", "file")
	}
	return res, err
}

// copyThere copies on the host. A folder is copied file by file, by the
// program that a single file takes.
func copyThere(ctx context.Context, call *module.Call, p placement, src string) (module.Result, error) {
	a, err := ask(ctx, call, "src="+path(src)+remoteListProgram, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a.get("fail"); msg != "" {
		return module.Fail(msg), nil
	}
	root := a.get("root")
	preserve := call.Args.At("mode") == "preserve"
	one := func(from, dest, base, mode string) (module.Result, error) {
		q := p
		q.remote, q.dest, q.base, q.source = from, dest, base, from
		if preserve {
			q.mode = mode
		}
		return place(ctx, call, q)
	}
	if a.get("kind") == "file" {
		res, err := one(root, p.dest, pathpkg.Base(root), a.get("perm"))
		return finish(res.Set("src", src), err)
	}
	t := tree{dest: p.dest}
	if !strings.HasSuffix(src, "/") {
		t.below = pathpkg.Base(root)
	}
	perm := ""
	for _, l := range a.lines {
		switch l[0] {
		case "dir":
			t.dirs = append(t.dirs, l[1])
		case "filemode":
			perm = l[1]
		case "path":
			t.files = append(t.files, treeFile{rel: l[1], mode: perm})
		}
	}
	res, err := t.copy(ctx, call, func(f treeFile, dest string) (module.Result, error) {
		return one(root+"/"+f.rel, dest, "", f.mode)
	})
	return res.Set("src", src), err
}

const remoteListProgram = `
[ -e "$src" ] || fail "Source $src not found"
root=${src%/}; [ "$root" ] || root=/
say root "$root"
if [ ! -d "$src" ]; then say kind file; say perm "$(stat -c %a "$src")"; exit; fi
say kind directory
cd "$src" || fail "cannot enter $src"
find . -type d | while IFS= read -r f; do [ "$f" = . ] || say dir "${f#./}"; done
find . ! -type d | while IFS= read -r f; do say filemode "$(stat -c %a "$f")"; say path "${f#./}"; done
`
