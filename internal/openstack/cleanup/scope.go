// Package cleanup finds and deletes what rollout made in a cloud, and leaves
// what is others'.
package cleanup

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"rollout/internal/openstack"
)

// Scope says what is to be deleted: what has a name prefix, or what rollout
// made for an owner's application.
type Scope struct {
	// Prefix is what the names of the servers begin with, letter by letter.
	// "student1" means student10's servers too; a plan that would touch what
	// belongs to several owners is refused, unless Force is set.
	Prefix string
	// Owner and App, instead of Prefix, mean the servers with this metadata.
	Owner, App string
	NotActive  bool          // only servers that are not ACTIVE, and what belongs to them
	OlderThan  time.Duration // only servers that were made so long ago, by the cloud's clock, and what belongs to them
	Force      bool          // several owners are meant
}

// selective reports whether only some servers are meant: then nothing goes that
// other servers can need.
func (w Scope) selective() bool { return w.NotActive || w.OlderThan > 0 }

// names is what the names of the servers begin with.
func (w Scope) names() string {
	if w.Owner != "" {
		return w.Owner + "-"
	}
	return w.Prefix
}

// takes reports whether what was made for m is meant. A prefix that names less
// than an owner, such as student07-web-, takes nothing by its mark.
func (w Scope) takes(m openstack.Mark) bool {
	switch {
	case m.Owner == "":
		return false
	case w.Owner != "":
		return m.Owner == w.Owner && (m.App == w.App || m.App == "" || w.App == "")
	}
	return strings.HasPrefix(m.Owner+"-", w.Prefix)
}

// LikelyOwner is whose things are meant, as far as the names tell it before the
// cloud is asked: what stands before the prefix's first dash.
func (w Scope) LikelyOwner() string {
	if w.Owner != "" {
		return w.Owner
	}
	owner, _, _ := strings.Cut(w.Prefix, "-")
	return owner
}

// String says what is meant, behind "Nothing to delete:" and the like.
func (w Scope) String() string {
	if w.Owner != "" {
		return "what rollout made for " + (openstack.Mark{Owner: w.Owner, App: w.App}).Name()
	}
	return "what begins with " + w.Prefix
}

// ErrEmptyPrefix says that a clean-up of everything was asked for.
var ErrEmptyPrefix = errors.New("cannot clean up without a prefix: an empty one means every server of the project (give a prefix such as student07-, or change to the directory of a topology)")

// SeveralOwnersError says that a prefix means more people than one.
type SeveralOwnersError struct {
	Prefix string
	Owners []string
}

func (e *SeveralOwnersError) Error() string {
	return fmt.Sprintf("cannot clean up %q: what belongs to %d owners has that prefix: %s (end the prefix with a dash, or use --force to mean all of them)",
		e.Prefix, len(e.Owners), strings.Join(e.Owners, ", "))
}
