package report

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/mattn/go-runewidth"

	"rollout/internal/value"
)

// The colours of Ansible's default settings.
const (
	green        = "0;32"
	yellow       = "0;33"
	cyan         = "0;36"
	red          = "0;31"
	brightRed    = "1;31"
	blue         = "0;34"
	gray         = "0;90"
	purple       = "0;35"
	brightPurple = "1;35"
)

// ColorWanted says whether to colour what goes to a terminal or a file:
// NO_COLOR (no-color.org) and ANSIBLE_NOCOLOR forbid it, ANSIBLE_FORCE_COLOR
// asks for it, else terminals get it.
func ColorWanted(terminal bool, getenv func(string) string) bool {
	if getenv == nil {
		getenv = os.Getenv
	}
	switch {
	case getenv("NO_COLOR") != "" || getenv("ANSIBLE_NOCOLOR") != "":
		return false
	case getenv("ANSIBLE_FORCE_COLOR") != "":
		return true
	}
	return terminal && getenv("TERM") != "dumb"
}

func (p *Play) paint(color, text string) string {
	if !p.opt.Color || color == "" || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = "\033[" + color + "m" + l + "\033[0m"
	}
	return strings.Join(lines, "\n")
}

func (p *Play) line(color, text string) {
	fmt.Fprintln(p.opt.Out, p.paint(color, Printable(text)))
}

// heading prints a blank line and text, filled up with stars to the width,
// three at least.
func (p *Play) heading(text string) {
	text = Printable(strings.TrimSpace(text))
	stars := max(p.opt.Width-1-runewidth.StringWidth(text), 3)
	fmt.Fprintf(p.opt.Out, "\n%s %s\n", text, strings.Repeat("*", stars))
}

// dump is a result as JSON with sorted keys; over several lines where it is to
// be read (debug) or -vvv asks for it.
func (p *Play) dump(r Result, debug bool) string {
	data := value.NewMap()
	for k, v := range r.Data.All() {
		if !hidden(fmt.Sprint(k), r, debug) {
			data.Set(k, v)
		}
	}
	if msg, ok := data.Get("msg"); ok && debug {
		data = value.NewMap("msg", msg)
	}
	if debug || r.Always || p.opt.Verbose > 2 {
		return jsonText(data, "    ")
	}
	return jsonText(data, "")
}

// hidden says which keys of a result are for the play, not for the reader.
func hidden(key string, r Result, debug bool) bool {
	if strings.HasPrefix(key, "_ansible_") {
		return true
	}
	switch key {
	case "failed", "skipped", "diff", "exception", "warnings", "deprecations":
		return true
	case "results":
		return r.Loop
	case "changed", "skip_reason", "invocation":
		return debug
	}
	return false
}

func jsonText(v any, indent string) string {
	sorted := sortKeys(v)
	out, err := value.ToJSON(sorted)
	if indent != "" {
		out, err = value.ToJSONIndent(sorted, indent)
	}
	if err != nil {
		return fmt.Sprintf("(cannot be shown: %v)", err)
	}
	return string(out)
}

func oneLineJSON(v any) string { return jsonText(v, "") }

// sortKeys returns v with the keys of every map in order, at all depths.
func sortKeys(v any) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = sortKeys(x[i])
		}
		return out
	case value.Tuple:
		return sortKeys([]any(x))
	case *value.Map:
		keys := x.Keys()
		sort.SliceStable(keys, func(i, j int) bool { return fmt.Sprint(keys[i]) < fmt.Sprint(keys[j]) })
		out := value.NewMap()
		for _, k := range keys {
			out.Set(k, sortKeys(x.At(k)))
		}
		return out
	}
	return v
}
