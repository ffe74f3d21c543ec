package cloud

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"rollout/internal/module"
	"rollout/internal/openstack"
)

// change is a decision: what will be done, and why.
type change struct{ do, cause string }

// kind tells what a change is to the thing that it is about.
func (c change) kind(thing string) string {
	verb, object, _ := strings.Cut(c.do, " ")
	if object != thing {
		return module.Change // something of the thing: "add security group x" to server y
	}
	switch verb {
	case "boot", "make", "add", "store", "upload":
		return module.Create
	case "delete":
		return module.Delete
	case "replace":
		return module.Replace
	}
	return module.Change
}

// changed begins the result of a call that changes, or in check mode would
// change, something.
func (t *task) changed(what string, changes ...change) module.Result {
	res := module.Result{Changed: true}
	for _, c := range changes {
		op := module.Operation{Kind: c.kind(what), Thing: what, Do: c.do, Cause: c.cause}
		res.Plan = append(res.Plan, op)
		if t.Check && op.Kind == module.Create {
			t.rehearsed.note(what)
		}
	}
	if t.Diff {
		var b strings.Builder
		for _, c := range changes {
			fmt.Fprintf(&b, "%s: %s\n", c.do, c.cause)
		}
		res.Diff = []module.Diff{{BeforeHeader: what, AfterHeader: what, After: b.String()}}
	}
	return res
}

// and adds what one more decision changes.
func and(res, more module.Result) module.Result {
	res.Changed = res.Changed || more.Changed
	res.Diff = append(res.Diff, more.Diff...)
	res.Plan = append(res.Plan, more.Plan...)
	return res
}

// rehearsal remembers what check mode would have made, so that it goes on where
// a later task needs it. A run of its own needs none: it finds the thing.
type rehearsal struct {
	mu   sync.Mutex
	made map[string]bool
}

func (r *rehearsal) note(thing string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made == nil {
		r.made = map[string]bool{}
	}
	r.made[thing] = true
}

func (r *rehearsal) holds(thing string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made[thing]
}

// rehearse drops an error that says no more than that check mode has not made
// what an earlier task would have made.
func (t *task) rehearse(err error) error {
	var none *openstack.NotFoundError
	if t.Check && errors.As(err, &none) && t.rehearsed.holds(none.Kind+" "+none.Name) {
		return nil
	}
	return err
}
