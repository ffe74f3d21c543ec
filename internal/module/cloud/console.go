package cloud

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"rollout/internal/module"
	"rollout/internal/value"
)

func consoleSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "server", Aliases: []string{"name"}, Required: true, Doc: "name or id"},
		{Name: "until", Aliases: []string{"search_regex"}, Doc: "a regular expression (RE2) that ends the wait when a line matches; without one, what is there is returned at once"},
		{Name: "fail_on", Doc: "a regular expression (RE2) that ends the wait with a failure when a line matches"},
		{Name: "lines", Type: module.Int, Default: 0, Doc: "how many of the last lines to return; 0 is all"},
		{Name: "show", Type: module.Int, Default: 1, Doc: "how many of the last lines to show while waiting"},
		{Name: "timeout", Type: module.Int, Default: 600},
	}}
}

// The console is asked for at this interval, which grows a little.
const (
	consoleFirst = 500 * time.Millisecond
	consoleMost  = 3 * time.Second
)

// follow is what a wait for a text on a console looks for.
type follow struct {
	until, failOn *regexp.Regexp
	show          int
}

func runConsole(ctx context.Context, t *task) (module.Result, error) {
	f := follow{show: t.Args.Int("show")}
	for arg, re := range map[string]**regexp.Regexp{"until": &f.until, "fail_on": &f.failOn} {
		if s := t.text(arg); s != "" {
			compiled, err := regexp.Compile(s)
			if err != nil {
				return module.Result{}, fmt.Errorf("argument %q: %w", arg, err)
			}
			*re = compiled
		}
	}
	s, err := t.cloud.FindServer(ctx, t.text("server"))
	if none, other := missing(err); none && t.Check {
		// In check mode the server may be one that an earlier task would boot.
		return module.Result{Skipped: true, Msg: "server " + t.text("server") + " does not exist yet"}, nil
	} else if none || other != nil {
		return module.Result{}, err
	}
	lines, matched, err := t.console(ctx, s.ID, f)
	res := module.Result{}.Set("lines", value.List(lastLines(lines, t.Args.Int("lines")))).Set("server_id", s.ID)
	if err != nil && ctx.Err() == nil {
		res.Failed, res.Msg = true, fmt.Sprintf("server %s: %v", s.Name, err)
		return res, nil
	}
	return res.Set("matched", matched), err
}

// console reads the log until f is content or the time is up.
func (t *task) console(ctx context.Context, id string, f follow) (lines []string, matched string, err error) {
	bounded, cancel := context.WithTimeout(ctx, t.limit())
	defer cancel()
	wait, seen := consoleFirst, 0
	for {
		now, err := t.cloud.Console(bounded, id, 0)
		if err == nil {
			lines = now
		} else if bounded.Err() == nil {
			return lines, "", err
		}
		if line := lastMatch(f.failOn, lines); line != "" {
			return lines, "", fmt.Errorf("its console says: %s", line)
		}
		if line := lastMatch(f.until, lines); line != "" || f.until == nil {
			return lines, line, nil
		}
		if len(lines) != seen {
			seen = len(lines)
			t.progress(strings.Join(lastLines(lines, max(f.show, 1)), "\n"))
		}
		select {
		case <-bounded.Done():
			return lines, "", fmt.Errorf("no line of its console matched %q within %s; it ends with:\n  %s",
				f.until, t.limit(), strings.Join(lastLines(lines, 10), "\n  "))
		case <-time.After(wait):
		}
		wait = min(wait*5/4, consoleMost)
	}
}

func lastMatch(re *regexp.Regexp, lines []string) string {
	if re == nil {
		return ""
	}
	for i := len(lines) - 1; i >= 0; i-- {
		if re.MatchString(lines[i]) {
			return lines[i]
		}
	}
	return ""
}

func lastLines(lines []string, n int) []string {
	if n <= 0 || n >= len(lines) {
		return lines
	}
	return lines[len(lines)-n:]
}
