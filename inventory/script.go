package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/document"
	"rollout/internal/value"
)

// readProgram is the plugin script: it runs an executable inventory and reads
// the JSON that it prints.
func readProgram(ctx context.Context, p *pathSource, inv *Inventory) error {
	out, err := p.run(ctx, "--list")
	if err != nil {
		return err
	}
	s := &scriptReader{inv: inv, path: p.path, place: p.place(), seen: map[string]bool{}}
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
	return s.hostVars(ctx, list, func(host string) ([]byte, error) { return p.run(ctx, "--host", host) })
}

// noEnd gives a program that was cancelled time to end before its pipes close.
const noEnd = 2 * time.Second

// run calls the program and returns what it prints.
func (p *pathSource) run(ctx context.Context, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, absolute(p.path), args...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, noEnd
	err := cmd.Run()
	if err == nil {
		return stdout.Bytes(), nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return nil, fmt.Errorf("problem running %s %s (%w)", absolute(p.path), strings.Join(args, " "), err)
	}
	return nil, fmt.Errorf("inventory script (%s) had an execution error (%s, %w): %s", absolute(p.path), strings.Join(args, " "), err,
		strings.TrimSpace(stderr.String()))
}

// scriptReader reads what an inventory program prints.
type scriptReader struct {
	inv   *Inventory // a copy that nobody will see, once there was a mistake
	path  string
	place place
	errs  document.Errors
	hosts []string // in the order of their mention
	seen  map[string]bool
}

func (s *scriptReader) object(data []byte, arg string) (*value.Map, error) {
	v, err := value.FromJSON(data)
	if err != nil {
		return nil, fmt.Errorf("failed to parse executable inventory script results from %s %s: %w", s.path, arg, err)
	}
	m, ok := v.(*value.Map)
	if !ok {
		return nil, fmt.Errorf("failed to parse executable inventory script results from %s %s: needs to be a json dict", s.path, arg)
	}
	return m, nil
}

// fail notes a mistake; what follows is looked at but doesn't count.
func (s *scriptReader) fail(format string, args ...any) {
	if s.errs.Err() == nil {
		s.inv = s.inv.clone()
	}
	s.errs.Add(document.Position{File: s.path}, format, args...)
}

// group reads one group: hosts, vars and children, or a bare list of hosts, or
// the variables of a host of that name.
func (s *scriptReader) group(name string, body any) {
	if name == "" {
		s.fail("Invalid empty/false group name provided")
		return
	}
	g := s.inv.AddGroup(name)
	m, ok := body.(*value.Map)
	switch {
	case !ok:
		m = value.NewMap("hosts", body)
	case !hasAny(m, "hosts", "vars", "children"):
		m = value.NewMap("hosts", []any{g.Name}, "vars", m)
	}
	if hosts, ok := m.Get("hosts"); ok {
		s.members(g.Name, hosts)
	}
	if vars, ok := m.Get("vars"); ok {
		s.groupVars(g.Name, vars)
	}
	if children, ok := m.Get("children"); ok {
		s.children(g.Name, children)
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
		s.fail("You defined a group '%s' with bad data for the host list: it must be a list", group)
		return
	}
	for _, h := range list {
		name, ok := h.(string)
		if !ok || name == "" {
			s.fail("a host of the group %s is no text", group)
			continue
		}
		if !s.seen[name] {
			s.hosts = append(s.hosts, name)
			s.seen[name] = true
		}
		s.place.addHost(s.inv, name, group, 0)
	}
}

func (s *scriptReader) groupVars(group string, vars any) {
	m, ok := vars.(*value.Map)
	if !ok {
		s.fail("You defined a group '%s' with bad data for variables: they must be an object", group)
		return
	}
	for name, val := range m.All() {
		if err := s.inv.setVariable(group, name, val); err != nil {
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
		if err := s.inv.AddChild(group, s.inv.AddGroup(name).Name); err != nil {
			s.fail("%v", err)
		}
	}
}

// hostVars takes the hosts' variables from _meta, or asks for each host, for
// several at a time.
func (s *scriptReader) hostVars(ctx context.Context, list *value.Map, ask func(string) ([]byte, error)) error {
	meta, given := list.Map("_meta").Get("hostvars")
	said, isMap := meta.(*value.Map)
	switch {
	case given && meta != nil && !isMap:
		return fmt.Errorf("improperly formatted host information: _meta.hostvars of %s must be an object", s.path)
	case !isMap:
		var err error
		if said, err = s.askAll(ctx, ask); err != nil {
			return err
		}
	}
	for _, name := range s.hosts {
		vars, ok := said.Get(name)
		if !ok {
			continue
		}
		m, isMap := vars.(*value.Map)
		if !isMap {
			return fmt.Errorf("cannot read what %s says of the host %s: it must be an object", s.path, name)
		}
		for key, val := range m.All() {
			if err := s.inv.setVariable(name, key, val); err != nil {
				return err
			}
		}
	}
	return nil
}

// atOnce is how many calls of a program run at a time.
const atOnce = 4

// askAll calls the program for each host.
func (s *scriptReader) askAll(ctx context.Context, ask func(string) ([]byte, error)) (*value.Map, error) {
	answers := make([]*value.Map, len(s.hosts))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, name := range s.hosts {
		g.Go(func() error {
			if gctx.Err() != nil {
				return gctx.Err()
			}
			out, err := ask(name)
			if err == nil && len(bytes.TrimSpace(out)) > 0 {
				answers[i], err = s.object(out, "--host "+name)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	said := value.NewMap()
	for i, name := range s.hosts {
		if answers[i] != nil {
			said.Set(name, answers[i])
		}
	}
	return said, nil
}
