package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
)

// Place is where settings are looked for.
type Place struct {
	Dir     string   // the working directory
	Home    string   // of the person; "" for none
	Environ []string // NAME=VALUE, as os.Environ gives them
}

// Here is the place of this process.
func Here() Place {
	dir, _ := os.Getwd() // without one, no file is looked for there
	home, _ := os.UserHomeDir()
	return Place{Dir: dir, Home: home, Environ: os.Environ()}
}

// Read returns the settings of a place: from ansible.cfg, and, stronger, from the
// environment. The error joins a document.Error for every mistake.
func Read(p Place) (*Settings, error) {
	s := Default()
	r := &reader{place: p, settings: s, env: map[string]string{}, known: map[string]bool{}}
	for _, pair := range p.Environ {
		name, text, _ := strings.Cut(pair, "=")
		r.env[name] = text
	}
	r.find()
	if s.File != "" {
		data, err := os.ReadFile(s.File)
		if err != nil {
			return nil, fmt.Errorf("cannot read the settings: %w", err)
		}
		if r.entries, err = parseINI(s.File, string(data)); err != nil {
			return nil, err
		}
	}
	for _, d := range all() {
		r.setting(d)
	}
	r.idle()
	return s, r.errs.Err()
}

// reader reads one place.
type reader struct {
	place    Place
	settings *Settings
	env      map[string]string
	entries  []entry
	known    map[string]bool // keys of the table
	errs     document.Errors
}

// find looks for the file: where $ANSIBLE_CONFIG says, here, in the home
// directory, in /etc/ansible. A folder that anybody may write to is passed over.
func (r *reader) find() {
	s := r.settings
	here := filepath.Join(r.place.Dir, "ansible.cfg")
	var places []string
	named, given := r.env["ANSIBLE_CONFIG"]
	if given {
		named = resolve(named, r.place.Dir)
		if info, err := os.Stat(named); err == nil && info.IsDir() {
			named = filepath.Join(named, "ansible.cfg")
		}
		places = append(places, named)
	}
	open := false
	if info, err := os.Stat(r.place.Dir); err == nil && r.place.Dir != "" {
		open = info.Mode().Perm()&0o002 != 0
		if !open {
			places = append(places, here)
		}
	}
	if r.place.Home != "" {
		places = append(places, filepath.Join(r.place.Home, ".ansible.cfg"))
	}
	places = append(places, "/etc/ansible/ansible.cfg")
	for _, file := range places {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			s.File = file
			break
		}
	}
	if _, err := os.Stat(here); err == nil && open && (!given || s.File != named) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("Ansible is being run in a world writable directory (%s), ignoring it as an ansible.cfg source. "+
			"For more information see https://docs.ansible.com/ansible/devel/reference_appendices/config.html#cfg-in-world-writable-dir", r.place.Dir))
	}
	if given && s.File != named {
		if _, err := os.Stat(named); !errors.Is(err, fs.ErrNotExist) {
			s.Warnings = append(s.Warnings, "cannot read the file "+named+" that ANSIBLE_CONFIG names")
		}
	}
}

// said is what a place says for a setting.
type said struct {
	text   string
	origin string
	dir    string // what its paths are relative to
	pos    document.Position
	env    string // the variable
}

// setting reads one setting; the environment goes before the file.
func (r *reader) setting(d Setting) {
	for _, key := range d.Keys {
		r.known[key] = true
	}
	for _, name := range d.Env {
		r.known[name] = true
	}
	what, ok := r.said(d)
	if !ok {
		return
	}
	content, err := d.parse(what.text, what.dir)
	if err != nil {
		r.fail(what, "see docs/settings.md", "Invalid type for configuration option setting: %s (from %s): %v", d.Name, what.origin, err)
		return
	}
	v := Value{content, what.origin}
	text := strings.TrimSpace(what.text)
	switch {
	case d.Use == Refused && !slices.Contains(d.Choices, text) && !same(content, r.settings.values[d.Name].Content):
		r.fail(what, "leave it out", "rollout cannot obey %s = %s: %s", d.called(what), text, d.Doc)
	case d.Use == Used && len(d.Choices) > 0 && !slices.Contains(d.Choices, fmt.Sprint(content)):
		r.fail(what, "", "Invalid value %q for configuration option %q, valid values are: %s", text, "setting: "+d.Name, strings.Join(d.Choices, ", "))
	}
	r.settings.set(d, v)
}

// said is what the environment, else the file says. A variable that is empty says
// nothing.
func (r *reader) said(d Setting) (said, bool) {
	for _, name := range slices.Backward(d.Env) {
		if text, ok := r.env[name]; ok && text != "" {
			return said{text: text, origin: "env: " + name, dir: r.place.Dir, env: name}, true
		}
	}
	for _, key := range slices.Backward(d.Keys) {
		for _, e := range r.entries {
			if e.name() == key {
				return said{text: e.text, origin: e.pos.String(), dir: filepath.Dir(r.settings.File), pos: e.pos}, true
			}
		}
	}
	return said{}, false
}

func (r *reader) fail(what said, hint, format string, args ...any) {
	pos := what.pos
	if what.env != "" {
		pos = document.Position{File: "the variable " + what.env}
	}
	r.errs.AddHint(pos, hint, format, args...)
}

// called is the name by which a place calls the setting.
func (d Setting) called(what said) string {
	if what.env != "" || len(d.Keys) == 0 {
		return what.env
	}
	_, key, _ := strings.Cut(d.Keys[0], ".")
	return key
}

func same(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// idle notes what has no effect: keys that do not exist or concern nothing here.
func (r *reader) idle() {
	s := r.settings
	used := map[string]bool{}
	for _, d := range all() {
		for _, name := range slices.Concat(d.Keys, d.Env) {
			used[name] = used[name] || d.Use != Ignored
		}
	}
	for _, e := range r.entries {
		switch {
		case !r.known[e.name()]:
			s.Idle = append(s.Idle, fmt.Sprintf("%s: [%s] %s (no such setting)", e.pos, e.section, e.key))
		case !used[e.name()]:
			s.Idle = append(s.Idle, fmt.Sprintf("%s: [%s] %s", e.pos, e.section, e.key))
		}
	}
	for _, pair := range r.place.Environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "ANSIBLE_") && !used[name] && !slices.Contains(quiet(), name) {
			s.Idle = append(s.Idle, name)
		}
	}
	slices.Sort(s.Idle)
}

// quiet are variables about which nothing is said: where the file is, and that
// no cow is wanted. There is none.
func quiet() []string { return []string{"ANSIBLE_CONFIG", "ANSIBLE_NOCOWS"} }
