package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"rollout/internal/module"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
)

func debugAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "debug", Summary: "Print a message or a variable.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "msg", Type: module.Raw, Doc: "What to print; `Hello world!` by default."},
				{Name: "var", Type: module.Raw, Doc: "The variable or expression to print, without braces."},
				{Name: "verbosity", Type: module.Int, Default: 0, Doc: "Print only with that many -v."},
			},
			MutuallyExclusive: [][]string{{"msg", "var"}},
		}},
		unrendered: anyOf("var"),
		sealed:     true,
		run:        debug,
	}
}

func debug(ctx context.Context, c *call) (*outcome, error) {
	o := newOutcome(module.Result{})
	if c.args.Int("verbosity") > c.job.batch.run.opt.Verbosity {
		o.skipped = true
		o.data.Delete("changed")
		o.data.Set("skipped_reason", "Verbosity threshold not met.")
		return o, nil
	}
	o.debug = true
	expr, isVar := c.args.Get("var")
	if !isVar {
		msg, given := c.args.Get("msg")
		if !given {
			msg = "Hello world!"
		}
		o.data.Set("msg", msg)
		return o, nil
	}
	name, err := c.debugName(ctx, expr)
	if err != nil {
		return nil, err
	}
	src, isText := name.(string)
	if !isText { // as Ansible has it: a list or number is no variable's name
		label := text(name)
		switch name.(type) {
		case []any:
			label = "<class 'list'>"
		case *value.Map:
			label = "<class 'dict'>"
		}
		o.data.Set(label, notDefined)
		return o, nil
	}
	if src != expr { // the text may hold what a host sent
		x, err := c.job.batch.run.engine.CompileExpr(src)
		if err != nil {
			return nil, err
		}
		if x.LooksUp() {
			o.data.Set(src, "{{"+src+"}}")
			return o, nil
		}
	}
	v, err := c.debugVar(ctx, src)
	if err != nil {
		return nil, err
	}
	o.data.Set(src, v)
	return o, nil
}

const notDefined = "VARIABLE IS NOT DEFINED!"

// debugName is what var says: itself, or what its template gives.
func (c *call) debugName(ctx context.Context, expr any) (any, error) {
	src, isText := expr.(string)
	if !isText || !template.IsTemplate(src) {
		return expr, nil
	}
	name, err := c.job.batch.run.engine.Value(ctx, src, c.scope)
	if u, ok := name.(*template.Undefined); ok {
		err = u.Err()
	}
	return name, err
}

// debugVar evaluates what var names; what is undefined is shown as such.
func (c *call) debugVar(ctx context.Context, name string) (any, error) {
	src := "{{" + name + "}}"
	v, err := c.job.batch.run.engine.Value(ctx, src, c.scope)
	var undefined *template.UndefinedError
	if u, ok := v.(*template.Undefined); ok {
		err = u.Err()
	}
	switch {
	case !errors.As(err, &undefined):
		return v, err
	case c.job.batch.run.opt.Verbosity > 0:
		return notDefined + ": " + undefined.Message, nil
	}
	return notDefined, nil
}

func failAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "fail", Summary: "Fail with a message.", Args: module.Schema{
			Args: []module.Arg{{Name: "msg", Type: module.Raw, Default: "Failed as requested from task", Doc: "Why."}},
		}},
		run: func(_ context.Context, c *call) (*outcome, error) {
			o := failure("")
			o.data.Set("msg", c.args.At("msg"))
			return o, nil
		},
	}
}

func assertAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "assert", Summary: "Fail where a condition does not hold.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "that", Type: module.List, Elements: module.Raw, Required: true, Doc: "Conditions, as in when."},
				{Name: "fail_msg", Aliases: []string{"msg"}, Type: module.Raw, Doc: "What to say where one does not hold."},
				{Name: "success_msg", Type: module.Raw, Doc: "What to say where all hold."},
				{Name: "quiet", Type: module.Bool, Default: false, Doc: "Say less."},
			},
		}},
		unrendered: anyOf("that"),
		run:        assert,
	}
}

func assert(ctx context.Context, c *call) (*outcome, error) {
	quiet := c.args.Bool("quiet")
	for _, cond := range c.conditionsOf("that") {
		ok, err := c.holds(ctx, cond)
		if err != nil {
			return nil, &conditionError{text: text(cond), err: err}
		}
		if ok {
			continue
		}
		o := failure("Assertion failed")
		if msg, given := c.args.Get("fail_msg"); given {
			o.data.Set("msg", msg)
		}
		o.data.Set("assertion", cond)
		o.data.Set("evaluated_to", false)
		o.always = !quiet
		return o, nil
	}
	o := newOutcome(module.Result{Msg: "All assertions passed"})
	if msg, given := c.args.Get("success_msg"); given {
		o.data.Set("msg", msg)
	}
	o.always = !quiet
	return o, nil
}

// conditionsOf is a list of conditions as written: the schema would cut a text
// at its commas.
func (c *call) conditionsOf(name string) []any {
	raw, _ := c.args.Get(name)
	if n := c.job.task.Args.Get(name); n != nil {
		if v, err := c.job.batch.run.decodedValue(n); err == nil {
			raw = v
		}
	}
	if items, ok := raw.([]any); ok {
		return items
	}
	return []any{raw}
}

func (c *call) holds(ctx context.Context, cond any) (bool, error) {
	src, isText := cond.(string)
	if !isText {
		return value.Truthy(cond), nil
	}
	return c.job.batch.run.expression(ctx, c.scope, src)
}

func pauseAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "pause", Summary: "Wait for a time, or until a person answers.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "seconds", Type: module.Trunc, Doc: "How long to wait."},
				{Name: "minutes", Type: module.Trunc, Doc: "How long to wait."},
				{Name: "prompt", Doc: "What to show."},
				{Name: "echo", Type: module.Bool, Default: true, Doc: "Whether to show what is typed."},
			},
			MutuallyExclusive: [][]string{{"seconds", "minutes"}},
		}},
		once: true,
		run:  pause,
	}
}

func pause(ctx context.Context, c *call) (*outcome, error) {
	seconds, timed := c.args.Get("seconds")
	minutes, inMinutes := c.args.Get("minutes")
	if inMinutes {
		seconds, timed = minutes.(int)*60, true
	}
	o := newOutcome(module.Result{})
	for _, e := range []struct {
		name string
		v    any
	}{{"user_input", ""}, {"echo", c.args.Bool("echo")}, {"rc", 0}, {"stderr", ""}} {
		o.data.Set(e.name, e.v)
	}
	start := time.Now()
	if !timed {
		err := c.pauseForAnswer(ctx, o)
		c.paused(o, start, time.Since(start).Seconds(), true)
		return o, err
	}
	wait := max(seconds.(int), 1)
	text := fmt.Sprintf("Pausing for %d seconds", wait)
	if !c.args.Bool("echo") {
		text += " (output is hidden)"
	}
	if prompt := c.args.String("prompt"); prompt != "" {
		text += "\n" + c.question(prompt)
	}
	c.job.batch.run.tell(report.Message{Text: text})
	err := c.job.batch.run.sleep(ctx, float64(wait))
	c.paused(o, start, float64(wait), inMinutes)
	return o, err
}

// paused sets what pause returns about the time that it took.
func (c *call) paused(o *outcome, start time.Time, seconds float64, inMinutes bool) {
	const stamp = "2006-01-02 15:04:05.000000"
	o.data.Set("start", start.Format(stamp))
	o.data.Set("stop", time.Now().Format(stamp))
	o.data.Set("delta", int(seconds))
	unit := "seconds"
	if inMinutes {
		seconds, unit = seconds/60, "minutes"
	}
	o.data.Set("stdout", fmt.Sprintf("Paused for %s %s", value.FloatRepr(math.Round(seconds*100)/100, "inf", "nan"), unit))
}

// question is what pause shows.
func (c *call) question(prompt string) string {
	hidden := ""
	if !c.args.Bool("echo") {
		hidden = " (output is hidden)"
	}
	return fmt.Sprintf("[%s]\n%s%s:", c.job.info.Name, prompt, hidden)
}

// pauseForAnswer waits for a line, if somebody is there to type it.
func (c *call) pauseForAnswer(ctx context.Context, o *outcome) error {
	prompt := c.args.String("prompt")
	if prompt == "" {
		prompt = "Press enter to continue, Ctrl+C to interrupt"
	}
	answer, err := c.job.batch.run.ask(ctx, c.question(prompt), !c.args.Bool("echo"))
	if errors.Is(err, ErrNobody) {
		c.job.batch.run.tell(report.Message{Text: c.question(prompt)})
		o.warnings = append(o.warnings, "Not waiting for response to prompt as stdin is not interactive")
		return nil
	}
	o.data.Set("user_input", strings.TrimRight(answer, "\r\n"))
	return err
}

// ask asks the person at the terminal.
func (r *Run) ask(ctx context.Context, text string, secret bool) (string, error) {
	if r.opt.Person == nil {
		return "", ErrNobody
	}
	return r.opt.Person.Ask(ctx, text, secret)
}
