// Package classroom reads a class's roster: who the students are, which cloud
// each works on, and what the step server is like that each starts from. Data
// goes file → *Roster → inventory, and what the cloud has → Progress; the
// package reaches no cloud and no host.
package classroom

import (
	"net/netip"
	"path/filepath"
	"strings"

	"rollout/internal/document"
)

// Roster is one checked file.
type Roster struct {
	Path     string
	Students []Student // in the file's order
	Topology string    // path of the topology that each student rolls out
	Step     StepServer
}

// Student is one of the class.
type Student struct {
	Pos     document.Position
	Name    string
	Cloud   string // entry of clouds.yaml; "" is OS_CLOUD and OS_*
	AuthURL string // where the step server finds Keystone; "" is where the entry says
}

// StepServer is what all step servers have in common.
type StepServer struct {
	Image            string
	Flavor           string
	Network          string
	AvailabilityZone string
	User             string
	SSHFrom          []netip.Prefix // who may log in
	SecurityGroups   []string       // besides the student's own
	FloatingIP       bool
	Pool             string // external network of floating IPs; "" is the only one there is
	BootTimeout      int    // seconds until a BUILD counts as stuck
	// URL is where the server fetches the program rollout from at its first
	// boot, and SHA256 what it must be. Where empty, the program is pushed.
	URL    string
	SHA256 string
}

// Pushed reports whether the program and the student's files are sent over SSH
// once the server runs, rather than being in its user data.
func (s StepServer) Pushed() bool { return s.URL == "" }

// Home is the home directory of the user on a step server.
func (s StepServer) Home() string {
	if s.User == "root" {
		return "/root"
	}
	return "/home/" + s.User
}

// Prefix is what the names of all that belongs to a student begin with. Its
// dash keeps student1 and student10 apart.
func (s Student) Prefix() string { return s.Name + "-" }

// Server is the name of the student's step server.
func (s Student) Server() string { return s.Prefix() + "step" }

// KeyPair is the name of the student's key pair.
func (s Student) KeyPair() string { return s.Prefix() + "key" }

// Group is the name of the security group that lets people in to the step
// server.
func (s Student) Group() string { return s.Prefix() + "step-ssh" }

// StateDir is where the class keeps what is its own: keys and host keys.
func (r *Roster) StateDir() string { return filepath.Join(filepath.Dir(r.Path), ".rollout") }

// KeyFile is the student's private key on this machine.
func (r *Roster) KeyFile(s Student) string {
	return filepath.Join(r.StateDir(), "keys", s.KeyPair())
}

// KnownHosts is the file of the host keys that were learnt.
func (r *Roster) KnownHosts() string { return filepath.Join(r.StateDir(), "known_hosts") }

// Find returns the student of that name, or nil.
func (r *Roster) Find(name string) *Student {
	for i := range r.Students {
		if r.Students[i].Name == name {
			return &r.Students[i]
		}
	}
	return nil
}

// Names lists the students.
func (r *Roster) Names() []string {
	var out []string
	for _, s := range r.Students {
		out = append(out, s.Name)
	}
	return out
}

// Of returns the student whose prefix a name has, or nil.
func (r *Roster) Of(name string) *Student {
	for i := range r.Students {
		if strings.HasPrefix(name, r.Students[i].Prefix()) {
			return &r.Students[i]
		}
	}
	return nil
}

// Choose returns the named students, in the roster's order, or all where none
// is named. Unknown names are an error each.
func (r *Roster) Choose(names []string) ([]Student, error) {
	if len(names) == 0 {
		return r.Students, nil
	}
	var errs document.Errors
	wanted := map[string]bool{}
	for _, name := range names {
		if r.Find(name) == nil {
			errs.Join(&UnknownStudentError{Name: name, Roster: r.Path, Hint: document.Suggest(name, r.Names())})
		}
		wanted[name] = true
	}
	var out []Student
	for _, s := range r.Students {
		if wanted[s.Name] {
			out = append(out, s)
		}
	}
	return out, errs.Err()
}

// UnknownStudentError says that somebody is not in the roster.
type UnknownStudentError struct{ Name, Roster, Hint string }

func (e *UnknownStudentError) Error() string {
	text := e.Name + " is no student of " + e.Roster
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}
