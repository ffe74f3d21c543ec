package report

import (
	"fmt"
	"sort"
	"strings"

	"rollout/internal/value"
)

// Format is how results are written.
type Format struct {
	Kind   FormatKind
	Pretty Pretty
}

// FormatKind is a notation.
type FormatKind int

// The notations of results.
const (
	JSON FormatKind = iota
	YAML            // as the setting callback_result_format says it
	// BriefYAML is that of the callback yaml of community.general: what
	// changed in the first line, the rest below it.
	BriefYAML
)

// Pretty says whether results take several lines.
type Pretty int

// Whether results take several lines.
const (
	PrettyAuto Pretty = iota // JSON with -vvv or where it is to be read, YAML always
	PrettyYes
	PrettyNo
)

// dump is a result as it is printed, keys in order.
func (d *display) dump(r Result, debug bool) string {
	data := d.data(r, debug)
	switch f := d.opt.Look.Format; {
	case f.Kind == YAML && d.opt.Look.YAML != nil:
		return d.yaml(data)
	case f.Kind == BriefYAML && d.opt.Look.YAML != nil:
		return d.briefYAML(r, data)
	case f.Pretty == PrettyYes, f.Pretty == PrettyAuto && (debug || r.Always || d.opt.Verbose > 2):
		return jsonText(data, "    ")
	}
	return jsonText(data, "")
}

// data is what of a result is printed.
func (d *display) data(r Result, debug bool) *value.Map {
	data := value.NewMap()
	for k, v := range r.Data.All() {
		if !hidden(fmt.Sprint(k), r, debug) {
			data.Set(k, clean(v))
		}
	}
	if msg, ok := data.Get("msg"); ok && debug {
		data = value.NewMap("msg", msg)
	}
	return data
}

// yaml is a result in lines below the one that it belongs to. For reading, it
// has what a command wrote once.
func (d *display) yaml(data *value.Map) string {
	reading, indent := d.opt.Look.Format.Pretty != PrettyNo, 2
	if reading {
		indent = 4
		omitLines(data)
	}
	text, err := d.opt.Look.YAML(sortKeys(data), indent, 80, reading)
	if err != nil {
		return fmt.Sprintf("(cannot be shown: %v)", err)
	}
	return "\n" + indented(text, "    ")
}

// omitLines leaves out stdout_lines where stdout is there.
func omitLines(data *value.Map) {
	for _, name := range []string{"stdout", "stderr"} {
		if _, whole := data.Get(name); whole {
			if _, lines := data.Get(name + "_lines"); lines {
				data.Set(name+"_lines", "<omitted>")
			}
		}
	}
}

func (d *display) briefYAML(r Result, data *value.Map) string {
	if _, censored := r.Data.Get("censored"); censored {
		return oneLineJSON(value.NewMap("censored", r.Data.At("censored")))
	}
	var head strings.Builder
	for _, name := range []string{"changed", "skipped"} {
		if v, ok := data.Get(name); ok {
			fmt.Fprintf(&head, "%s=%v ", name, v)
			data.Delete(name)
		}
	}
	omitLines(data)
	if data.Len() == 0 {
		return strings.TrimRight(head.String(), " ")
	}
	text, err := d.opt.Look.YAML(sortKeys(data), 2, 1000, true)
	if err != nil {
		return fmt.Sprintf("(cannot be shown: %v)", err)
	}
	return head.String() + "\n  " + strings.TrimRight(strings.ReplaceAll(text, "\n", "\n  "), " \n")
}

// indented puts by before every line that holds something.
func indented(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(by)
		}
		b.WriteString(line)
	}
	return b.String()
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

// clean leaves out what is for the engine at every depth.
func clean(v any) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = clean(x[i])
		}
		return out
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			if name, ok := k.(string); !ok || !strings.HasPrefix(name, "_ansible_") {
				out.Set(k, clean(e))
			}
		}
		return out
	}
	return v
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
