package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

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

// maxDownload bounds what url reads.
const maxDownload = 32 << 20

func (d Deps) url(ctx context.Context, terms []any, kw *value.Map, _ template.Scope) ([]any, error) {
	urls, err := words(terms)
	if err != nil {
		return nil, err
	}
	seconds, err := strconv.ParseFloat(optionText(kw, "timeout", "10"), 64)
	if err != nil {
		return nil, fmt.Errorf("url: timeout must be a number of seconds")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second)))
	defer cancel()
	out := []any{}
	for _, u := range urls {
		text, err := download(ctx, u, kw)
		if err != nil {
			return nil, err
		}
		if !optionBool(kw, "split_lines", true) {
			out = append(out, text)
			continue
		}
		for line := range strings.Lines(text) {
			out = append(out, strings.TrimRight(line, "\r\n"))
		}
	}
	return out, nil
}

func download(ctx context.Context, url string, kw *value.Map) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("cannot look up %s: %w", url, err)
	}
	if user := optionText(kw, "username", ""); user != "" {
		req.SetBasicAuth(user, optionText(kw, "password", ""))
	}
	if headers, ok := option(kw, "headers", nil).(*value.Map); ok {
		for k, v := range headers.All() {
			req.Header.Set(fmt.Sprint(k), fmt.Sprint(v))
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("cannot look up %s: %w", url, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		return "", fmt.Errorf("cannot look up %s: the server answers %s", url, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDownload+1))
	if err == nil && len(body) > maxDownload {
		err = fmt.Errorf("more than %d bytes", maxDownload)
	}
	if err != nil {
		return "", fmt.Errorf("cannot look up %s: %w", url, err)
	}
	return string(body), nil
}

// NamesVariable is a variable that lists the names of all others, for varnames.
const NamesVariable = "_rollout_variable_names"

func varnames(_ context.Context, terms []any, _ *value.Map, scope template.Scope) ([]any, error) {
	exprs, err := words(terms)
	if err != nil {
		return nil, err
	}
	all, _, err := scope.Lookup(NamesVariable)
	if err != nil {
		return nil, err
	}
	names, _ := asList(all)
	out := []any{}
	for _, expr := range exprs {
		re, err := regexp.Compile(expr)
		if err != nil {
			return nil, fmt.Errorf("varnames: %w", err)
		}
		for _, name := range names {
			if s, ok := name.(string); ok && s != NamesVariable && re.MatchString(s) {
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
