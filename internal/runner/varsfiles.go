package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// fixedVarsFiles loads those of the play's vars_files whose names are no
// templates, so that one that is missing is found before a host is touched.
func (b *batch) fixedVarsFiles(ctx context.Context) error {
	b.varsFiles = map[*document.Node]*value.Map{}
	for _, n := range b.play.VarsFiles {
		if namesVary(n) {
			continue
		}
		m, err := b.varsFile(b.run.newScope(ctx, "", nil), n)
		if err != nil {
			return err
		}
		b.varsFiles[n] = m
	}
	return nil
}

// namesVary tells whether an entry of vars_files holds a template.
func namesVary(n *document.Node) bool {
	if n.Kind == document.Sequence {
		return slices.ContainsFunc(n.Items, namesVary)
	}
	return template.IsTemplate(n.Text)
}

// stackVarsFiles adds the play's vars_files, in order. A name that a host's
// variables make is rendered with those below and the files before it; while
// they are not known, the file is left out. host is "" for the play itself.
func (b *batch) stackVarsFiles(ctx context.Context, st *stack, host string, t *playbook.Task) {
	for _, n := range b.play.VarsFiles {
		if m, ok := b.varsFiles[n]; ok {
			st.source(vars.PlayVarsFiles, m)
			continue
		}
		m, err := b.varsFile(b.soFar(ctx, host, st.layers), n)
		if err != nil {
			if st.err == nil && b.mustHave(err, host, t) {
				st.err = err
			}
			continue
		}
		st.source(vars.PlayVarsFiles, m)
	}
}

// soFar is the scope of the layers below.
func (b *batch) soFar(ctx context.Context, host string, layers []vars.Layer) *vars.Scope {
	layers = append(slices.Clone(layers), vars.Layer{Level: vars.ExtraVars, Values: b.run.opt.ExtraVars})
	magic := b.hostMagic(host)
	if host == "" {
		magic.Delete("inventory_hostname")
		magic.Delete("inventory_hostname_short")
	}
	var s *vars.Scope
	lazy := map[string]func() (any, error){
		"groups":   func() (any, error) { return b.run.hosts.groups(), nil },
		"hostvars": func() (any, error) { return b.hostVars(s), nil },
	}
	s = b.run.newScope(ctx, host, append(layers, vars.Layer{Level: vars.Magic, Values: magic, Data: true, Lazy: lazy}))
	return s
}

// mustHave tells whether a file of variables that isn't there ends the run: not
// before a host's variables, and then its facts, can have named it.
func (b *batch) mustHave(err error, host string, t *playbook.Task) bool {
	switch {
	case isUndefined(err):
		facts, _, _ := b.run.state.of(host)
		return facts.Bool("module_setup") && t != nil
	case errors.Is(err, fs.ErrNotExist):
		return host != ""
	}
	return true
}

// missingVars says that none of the files that an entry names is there.
type missingVars struct{ at *document.Error }

func (e *missingVars) Error() string { return e.at.Error() }

// Unwrap makes it an fs.ErrNotExist, and keeps the position.
func (e *missingVars) Unwrap() []error { return []error{e.at, fs.ErrNotExist} }

// varsFile loads one entry: a file, or the first of a list that exists.
func (b *batch) varsFile(s *vars.Scope, n *document.Node) (*value.Map, error) {
	candidates := []*document.Node{n}
	if n.Kind == document.Sequence {
		candidates = n.Items
	}
	var tried []string
	for _, c := range candidates {
		name, err := words(s, c, "vars_files")
		if err != nil {
			return nil, err
		}
		for _, p := range b.varsPlaces(name) {
			if _, err := b.run.opt.Loader.Files.Stat(p); err != nil {
				tried = append(tried, p)
				continue
			}
			doc, err := b.run.opt.Loader.ReadYAML(p)
			if err != nil {
				return nil, err
			}
			return b.run.decodedFile(doc)
		}
	}
	return nil, &missingVars{&document.Error{Pos: n.Pos,
		Message: fmt.Sprintf("cannot find the vars file (looked for %s)", strings.Join(tried, ", "))}}
}

// decodedFile returns the variables of a file: a mapping, or a list of them of
// which later ones win.
func (r *Run) decodedFile(doc *document.Node) (*value.Map, error) {
	if doc.Kind != document.Sequence {
		return r.decoded(doc)
	}
	out := value.NewMap()
	for _, item := range doc.Items {
		m, err := r.decoded(item)
		if err != nil {
			return nil, err
		}
		out.Update(m)
	}
	return out, nil
}

// varsPlaces are the paths that a file of variables may be at.
func (b *batch) varsPlaces(name string) []string {
	if filepath.IsAbs(name) || strings.HasPrefix(name, playbook.Embedded) {
		return []string{name}
	}
	out := []string{filepath.Join(b.play.Dir, name)}
	if strings.Split(name, "/")[0] != "vars" {
		out = append([]string{filepath.Join(b.play.Dir, "vars", name)}, out...)
	}
	return out
}
