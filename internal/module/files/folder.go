package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	pathpkg "path"
	"sort"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
)

// tree is a folder to be put on the host.
type tree struct {
	dest  string
	below string // the folder's own name, where it is to stand below dest
	dirs  []string
	files []treeFile
}

type treeFile struct {
	rel  string // path below the folder
	mode string // octal, of the source
}

// copyFolder copies a folder of this machine.
func copyFolder(ctx context.Context, call *module.Call, p placement, src string) (module.Result, error) {
	root := strings.TrimRight(src, "/")
	t := tree{dest: p.dest}
	if !strings.HasSuffix(src, "/") {
		t.below = pathpkg.Base(root)
	}
	if err := t.read(call.Files, root, ""); err != nil {
		return module.Fail(err.Error()), nil
	}
	res, err := t.copy(ctx, call, func(f treeFile, dest string) (module.Result, error) {
		content, found, err := readAll(call.Files, root+"/"+f.rel)
		if err != nil {
			return module.Fail(err.Error()), nil
		}
		q := p
		q.content, q.dest, q.base, q.source = content, dest, "", found
		if call.Args.At("mode") == "preserve" {
			q.mode = f.mode
		}
		return place(ctx, call, q)
	})
	return res.Set("src", src), err
}

// read lists a folder and all below it, in order.
func (t *tree) read(files module.Files, root, rel string) error {
	f, found, err := files.Open("files", pathpkg.Join(root, rel))
	if err != nil {
		return err
	}
	defer f.Close()
	dir, ok := f.(fs.ReadDirFile)
	if !ok {
		return fmt.Errorf("cannot list %s: it is no folder", found)
	}
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return fmt.Errorf("cannot list %s: %w", found, err)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	for _, e := range entries {
		name := pathpkg.Join(rel, e.Name())
		isDir, perm, err := kind(files, pathpkg.Join(root, name))
		if err != nil {
			return err
		}
		if !isDir {
			t.files = append(t.files, treeFile{rel: name, mode: fmt.Sprintf("%04o", perm)})
			continue
		}
		t.dirs = append(t.dirs, name)
		if err := t.read(files, root, name); err != nil {
			return err
		}
	}
	return nil
}

// kind looks through links, as copy does.
func kind(files module.Files, name string) (isDir bool, perm fs.FileMode, err error) {
	return kindIn(files, "files", name)
}

func kindIn(files module.Files, folder, name string) (isDir bool, perm fs.FileMode, err error) {
	f, found, err := files.Open(folder, name)
	if err != nil {
		return false, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false, 0, fmt.Errorf("cannot look at %s: %w", found, err)
	}
	return st.IsDir(), st.Mode().Perm(), nil
}

func readAll(files module.Files, name string) ([]byte, string, error) {
	return readIn(files, "files", name)
}

func readTemplate(files module.Files, name string) ([]byte, string, error) {
	return readIn(files, "templates", name)
}

func readIn(files module.Files, folder, name string) ([]byte, string, error) {
	f, found, err := files.Open(folder, name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, found, fmt.Errorf("cannot read %s: %w", found, err)
	}
	return data, found, nil
}

// copy makes the folders, then puts each file. In check mode files below a
// folder that is not there yet are known to be new.
func (t *tree) copy(ctx context.Context, call *module.Call, one func(treeFile, string) (module.Result, error)) (module.Result, error) {
	top := pathpkg.Join(t.dest, t.below)
	dirs := append([]string{top}, t.dirs...)
	for i := range t.dirs {
		dirs[i+1] = top + "/" + t.dirs[i]
	}
	a, err := t.makeFolders(ctx, call, dirs)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a.get("fail"); msg != "" {
		return module.Fail(msg), nil
	}
	total := described(module.Result{Changed: a.changed()}, a).Set("dest", top+"/")
	if call.Check && a.get("missing") == "1" {
		total.Changed = true
		return total, nil
	}
	for _, f := range t.files {
		res, err := one(f, top+"/"+f.rel)
		var lost *connection.UnreachableError
		if err != nil && !errors.As(err, &lost) {
			err = fmt.Errorf("cannot copy %s: %w", f.rel, err)
		}
		if err != nil || res.Failed {
			return res, err
		}
		total.Changed = total.Changed || res.Changed
		total.Diff = append(total.Diff, res.Diff...)
	}
	return total, nil
}

func (t *tree) makeFolders(ctx context.Context, call *module.Call, dirs []string) (*answers, error) {
	want, err := wanted(call)
	if err != nil {
		return nil, err
	}
	dirMode, err := mode(call.Args.At("directory_mode"))
	if err != nil {
		return nil, err
	}
	script := want + vars("mode", dirMode)
	var words []string
	for _, d := range dirs {
		words = append(words, path(d))
	}
	return ask(ctx, call, script+"top="+words[0]+"\nfor d in "+strings.Join(words, " ")+"; do\n"+foldersProgram, nil)
}

const foldersProgram = `	if [ -d "$d" ]; then continue; fi
	there "$d" && fail "cannot make the folder $d: something else is there"
	changed=1
	if [ "$check" ]; then wouldattrs; say missing 1; continue; fi
	out=$(mkdir -p "$d" 2>&1) || fail "cannot make $d: $out"
	attrs "$d"
done
say changed "$changed"
describe "$top"
`
