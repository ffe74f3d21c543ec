package files

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

// noFile is said where something is to be taken out of a file that is not there.
const noFile = "file not present"

// rewriting is a change of a text file of the host: lineinfile's, blockinfile's,
// replace's.
type rewriting struct {
	create bool // make a file that is not there
	absent bool // something is to be taken out: no file is as good as one without
	plain  bool // the diff is of the text alone
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
		return module.Result{Msg: noFile}, nil
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
				return r.wouldMake(call, res, name, text, msg), err
			}
		}
	}
	p := placement{content: []byte(text), dest: name, source: name, force: true, follow: true,
		backup: call.Args.Bool("backup"), validate: call.Args.String("validate")}
	a, _, err := put(ctx, call, p)
	var wrong *argumentError
	switch {
	case errors.As(err, &wrong):
		return module.Fail(wrong.Error()), nil
	case err != nil:
		return module.Result{}, err
	case a.get("fail") != "":
		return module.Fail(a.get("fail")), nil
	}
	res := module.Result{Changed: a.changed(), Msg: rewritten(msg, text != string(data), a)}
	if f := a.get("backup_file"); f != "" {
		res = res.Set("backup_file", f)
	}
	if !call.Diff {
		return res, nil
	}
	res.Diff, err = r.diffs(name, string(data), text, a)
	return res, err
}

// wouldMake is what is told of a file whose folder isn't there either.
func (r rewriting) wouldMake(call *module.Call, res module.Result, name, text, msg string) module.Result {
	if res.Failed {
		return res
	}
	res.Changed, res.Msg = true, msg
	if call.Diff {
		res.Diff, _ = r.diffs(name, "", text, &answers{})
	}
	return res
}

// rewritten adds to what was done to the text that attributes changed.
func rewritten(msg string, changed bool, a *answers) string {
	if !attributeDiff(a, value.NewMap(), value.NewMap()) {
		return msg
	}
	if changed {
		msg += " and "
	}
	return msg + "ownership, perms or SE linux context changed"
}

// diffs are those of the text and of the attributes.
func (r rewriting) diffs(name, before, after string, a *answers) ([]module.Diff, error) {
	content := module.Diff{Of: name, BeforeHeader: name, AfterHeader: name, Before: shown([]byte(before)), After: shown([]byte(after))}
	if r.plain {
		return []module.Diff{content}, nil
	}
	content.BeforeHeader, content.AfterHeader = name+" (content)", name+" (content)"
	was, now := value.NewMap(), value.NewMap()
	if !attributeDiff(a, was, now) {
		return []module.Diff{content}, nil
	}
	attributes, err := dataDiff(name, name+" (file attributes)", was, now)
	return []module.Diff{content, attributes}, err
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
