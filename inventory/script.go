package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"rollout/internal/document"
	"rollout/internal/value"
)

// addProgram runs an executable inventory and reads the JSON it prints. A file
// that only happens to be executable is read as a file.
func (p *pathSource) addProgram(ctx context.Context, inv *Inventory) error {
	out, err := p.run(ctx, "--list")
	if errors.Is(err, syscall.ENOEXEC) {
		return p.addFile(ctx, inv)
	}
	if err != nil {
		return err
	}
	s := &scriptReader{inv: inv, path: p.path, place: p.place()}
	list, err := s.object(out, "--list")
	if err != nil {
		return err
	}
	for name, body := range list.All() {
		if name != "_meta" {
			s.group(fmt.Sprint(name), body)
		}
	}
	if err := s.errs.Err(); err != nil {
		return err
	}
	return s.hostVars(list, func(host string) ([]byte, error) { return p.run(ctx, "--host", host) })
}

// run calls the program and returns what it prints.
func (p *pathSource) run(ctx context.Context, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, absolute(p.path), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		said := strings.TrimSpace(stderr.String())
		if said != "" {
			said = ": " + said
		}
		return nil, fmt.Errorf("the inventory program failed: %s %s: %w%s", p.path, strings.Join(args, " "), err, said)
	}
	return stdout.Bytes(), nil
}

// scriptReader reads what an inventory program prints.
type scriptReader struct {
	inv   *Inventory
	path  string
	place place
	errs  document.Errors
	hosts []string // in the order of their mention
}

func (s *scriptReader) object(data []byte, arg string) (*value.Map, error) {
	v, err := value.FromJSON(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read what %s %s printed: %w", s.path, arg, err)
	}
	m, ok := v.(*value.Map)
	if !ok {
		return nil, fmt.Errorf("cannot read what %s %s printed: it must be a JSON object", s.path, arg)
	}
	return m, nil
}

func (s *scriptReader) fail(format string, args ...any) {
	s.errs.Add(document.Position{File: s.path}, format, args...)
}

// group reads one group: hosts, vars and children, or a bare list of hosts, or
// the variables of a host of that name.
func (s *scriptReader) group(name string, body any) {
	g := s.inv.AddGroup(name)
	m, ok := body.(*value.Map)
	switch {
	case !ok:
		m = value.NewMap("hosts", body)
	case !hasAny(m, "hosts", "vars", "children"):
		m = value.NewMap("hosts", []any{name}, "vars", m)
	}
	if hosts, ok := m.Get("hosts"); ok {
		s.members(name, hosts)
	}
	if vars, ok := m.Get("vars"); ok {
		s.groupVars(g, vars)
	}
	if children, ok := m.Get("children"); ok {
		s.children(name, children)
	}
}

func hasAny(m *value.Map, keys ...string) bool {
	for _, k := range keys {
		if _, ok := m.Get(k); ok {
			return true
		}
	}
	return false
}

func (s *scriptReader) members(group string, hosts any) {
	list, ok := hosts.([]any)
	if !ok {
		s.fail("the hosts of the group %s must be a list", group)
		return
	}
	for _, h := range list {
		name, ok := h.(string)
		if !ok || name == "" {
			s.fail("a host of the group %s is no text", group)
			continue
		}
		s.hosts = append(s.hosts, name)
		s.place.addHost(s.inv, name, group, 0)
	}
}

func (s *scriptReader) groupVars(g *Group, vars any) {
	m, ok := vars.(*value.Map)
	if !ok {
		s.fail("the vars of the group %s must be an object", g.Name)
		return
	}
	for name, val := range m.All() {
		if err := g.set(name, val); err != nil {
			s.fail("%v", err)
		}
	}
}

func (s *scriptReader) children(group string, children any) {
	list, ok := children.([]any)
	if !ok {
		s.fail("the children of the group %s must be a list", group)
		return
	}
	for _, c := range list {
		name, ok := c.(string)
		if !ok || name == "" {
			s.fail("a child of the group %s is no text", group)
			continue
		}
		if err := s.inv.AddChild(group, name); err != nil {
			s.fail("%v", err)
		}
	}
}

// hostVars takes the hosts' variables from _meta, or asks for each host.
func (s *scriptReader) hostVars(list *value.Map, ask func(string) ([]byte, error)) error {
	var meta *value.Map
	if v, ok := list.Map("_meta").Get("hostvars"); ok {
		if meta, ok = v.(*value.Map); !ok {
			return fmt.Errorf("cannot read what %s printed: _meta.hostvars must be an object", s.path)
		}
	}
	for _, name := range s.hosts {
		vars := meta.Map(name)
		if meta == nil {
			out, err := ask(name)
			if err != nil {
				return err
			}
			if len(bytes.TrimSpace(out)) == 0 {
				continue
			}
			if vars, err = s.object(out, "--host "+name); err != nil {
				return err
			}
		}
		s.inv.byHost[name].Vars.Update(vars)
	}
	return nil
}
