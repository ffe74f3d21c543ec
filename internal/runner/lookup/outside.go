package lookup

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"rollout/internal/regex"
	"rollout/internal/template"
	"rollout/internal/value"
)

// run runs a shell command on the control machine, beside the playbook.
func run(ctx context.Context, command string, scope template.Scope) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pipeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.WaitDelay = time.Second
	if scope != nil {
		if dir, _, err := scope.Lookup("playbook_dir"); err == nil {
			if path, ok := dir.(string); ok && !strings.HasPrefix(path, "embedded:") {
				cmd.Dir = path
			}
		}
	}
	out, err := cmd.Output()
	var code *exec.ExitError
	if errors.As(err, &code) {
		return "", fmt.Errorf("lookup command %q returned %d: %s", command, code.ExitCode(), strings.TrimSpace(string(code.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("cannot run %q: %w", command, err)
	}
	return string(out), nil
}

func (d Deps) pipe(ctx context.Context, terms []any, _ *value.Map, scope template.Scope) ([]any, error) {
	commands, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, c := range commands {
		text, err := run(ctx, c, scope)
		if err != nil {
			return nil, err
		}
		out = append(out, strings.TrimRight(text, " \t\r\n"))
	}
	return out, nil
}

func (d Deps) lines(ctx context.Context, terms []any, _ *value.Map, scope template.Scope) ([]any, error) {
	commands, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, c := range commands {
		text, err := run(ctx, c, scope)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			out = append(out, strings.TrimRight(line, "\r\n"))
		}
	}
	return out, nil
}

// NamesVariable is a variable that lists the names of all others, for varnames.
const NamesVariable = "_rollout_variable_names"

func varnames(_ context.Context, terms []any, _ *value.Map, scope template.Scope) ([]any, error) {
	all, _, err := scope.Lookup(NamesVariable)
	if err != nil {
		return nil, err
	}
	names, _ := asList(all)
	out := []any{}
	for _, term := range terms {
		expr, ok := term.(string)
		if !ok {
			return nil, failure(fmt.Sprintf("Invalid setting identifier, \"%v\" is not a string", term))
		}
		re, err := regex.Compile(expr, 0)
		if err != nil {
			return nil, failure(fmt.Sprintf("Unable to use %q as a search parameter: %v", expr, err))
		}
		for _, name := range names {
			s, ok := name.(string)
			if !ok || s == NamesVariable {
				continue
			}
			m, err := re.Search(s)
			if err != nil {
				return nil, fmt.Errorf("varnames: %w", err)
			}
			if m != nil {
				out = append(out, s)
			}
		}
	}
	return out, nil
}

func (d Deps) hostnames(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	patterns, err := words(terms)
	if err != nil {
		return nil, err
	}
	hosts, err := d.Hosts(strings.Join(patterns, ","))
	return value.List(hosts), err
}
