package files

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/module"
)

// rewriting is a change of a text file of the host: lineinfile's, blockinfile's,
// replace's.
type rewriting struct {
	create bool // make a file that is not there
	absent bool // something is to be taken out: no file is as good as one without
	// edit returns the new text and what was done to it; there tells whether
	// the file is.
	edit func(text string, there bool) (out, msg string, err error)
}

// rewrite reads the file that path names, changes its text, and puts it back in
// one piece where it became another.
func rewrite(ctx context.Context, call *module.Call, r rewriting) (module.Result, error) {
	name := call.Args.String("path")
	data, problem, err := readThere(ctx, call, name)
	missing := strings.HasPrefix(problem, "file not found")
	switch {
	case err != nil:
		return module.Result{}, err
	case missing && r.absent:
		return module.Result{Msg: "file not present"}, nil
	case missing && !r.create:
		return module.Fail(fmt.Sprintf("Path %s does not exist !", name)).Set("rc", 257), nil
	case problem != "" && !missing:
		return module.Fail(problem), nil
	}
	text, msg, err := r.edit(string(data), !missing)
	if err != nil {
		return module.Fail(fmt.Sprintf("cannot change %s: %v", name, err)), nil
	}
	if missing {
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			if res, err := makeParent(ctx, call, name[:i]); err != nil || res.Failed || call.Check {
				res.Changed, res.Msg = !res.Failed, orText(res.Msg, msg)
				return res, err
			}
		}
	}
	res, err := place(ctx, call, placement{content: []byte(text), dest: name, source: name, force: true, follow: true,
		backup: call.Args.Bool("backup"), validate: call.Args.String("validate")})
	if err != nil || res.Failed {
		return res, err
	}
	if text == string(data) && res.Changed {
		msg = "ownership, perms or SE linux context changed"
	}
	res.Msg = msg
	return res.Set("backup", res.Data.String("backup_file")), nil
}

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// makeParent makes the folder of a file that is to be made, as create does.
func makeParent(ctx context.Context, call *module.Call, folder string) (module.Result, error) {
	a, err := ask(ctx, call, vars("check", flag(call.Check))+"d="+path(folder)+`
[ -d "$d" ] || [ "$check" ] || out=$(mkdir -p "$d" 2>&1) || fail "Error creating $d: $out"
`, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a.get("fail"); msg != "" {
		return module.Fail(msg), nil
	}
	return module.Result{}, nil
}
