package lookup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"rollout/internal/template"
	"rollout/internal/value"
)

func asList(v any) ([]any, bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case value.Tuple:
		return x, true
	}
	return nil, false
}

// flat flattens one level.
func flat(terms []any) []any {
	out := []any{}
	for _, t := range terms {
		if inner, ok := asList(t); ok {
			out = append(out, inner...)
			continue
		}
		out = append(out, t)
	}
	return out
}

func items(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	return flat(terms), nil
}

func list(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	return terms, nil
}

func flattened(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	return flatAll(terms), nil
}

func flatAll(terms []any) []any {
	out := []any{}
	for _, t := range terms {
		if inner, ok := asList(t); ok {
			out = append(out, flatAll(inner)...)
			continue
		}
		if t != nil && t != any("None") && t != any("null") {
			out = append(out, t)
		}
	}
	return out
}

func indexedItems(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	out := []any{}
	for i, v := range flat(terms) {
		out = append(out, []any{i, v})
	}
	return out, nil
}

func dict(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	out := []any{}
	for _, t := range flat(terms) {
		m, ok := t.(*value.Map)
		if !ok {
			return nil, fmt.Errorf("with_dict expects a dict")
		}
		for k, v := range m.All() {
			out = append(out, value.NewMap("key", k, "value", v))
		}
	}
	return out, nil
}

// nested is every combination of one element of each list; the last varies
// fastest.
func nested(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	if len(terms) == 0 {
		return nil, fmt.Errorf("with_nested requires at least one element in the nested list")
	}
	out := []any{[]any{}}
	for _, t := range terms {
		inner, ok := asList(t)
		if !ok {
			inner = []any{t}
		}
		var next []any
		for _, head := range out {
			for _, e := range inner {
				next = append(next, append(append([]any{}, head.([]any)...), flat([]any{e})...))
			}
		}
		out = next
	}
	return out, nil
}

// together zips lists; a shorter one is filled up with None.
func together(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	if len(terms) == 0 {
		return nil, fmt.Errorf("with_together requires at least one element in each list")
	}
	longest, lists := 0, make([][]any, len(terms))
	for i, t := range terms {
		inner, ok := asList(t)
		if !ok {
			inner = []any{t}
		}
		lists[i], longest = inner, max(longest, len(inner))
	}
	out := make([]any, longest)
	for i := range out {
		row := make([]any, len(lists))
		for j, l := range lists {
			if i < len(l) {
				row[j] = l[i]
			}
		}
		out[i] = row
	}
	return out, nil
}

// subelements pairs each map with each element of one of its lists.
func subelements(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	if len(terms) < 2 {
		return nil, fmt.Errorf("subelements lookup expects a list of two or three items")
	}
	key, ok := terms[1].(string)
	if !ok {
		return nil, fmt.Errorf("subelements lookup expects the name of a key as its second item")
	}
	skip := false
	if len(terms) > 2 {
		flags, _ := terms[2].(*value.Map)
		skip = optionBool(flags, "skip_missing", false)
	}
	hosts, ok := asList(terms[0])
	if m, isMap := terms[0].(*value.Map); isMap {
		ok = true
		for _, v := range m.All() {
			hosts = append(hosts, v)
		}
	}
	if !ok {
		return nil, fmt.Errorf("subelements lookup expects a list or dict as its first item")
	}
	out := []any{}
	for _, h := range hosts {
		subs, err := subList(h, key)
		if err != nil && skip {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, s := range subs {
			out = append(out, []any{h, s})
		}
	}
	return out, nil
}

func subList(v any, path string) ([]any, error) {
	for _, key := range strings.Split(path, ".") {
		m, ok := v.(*value.Map)
		if !ok {
			return nil, fmt.Errorf("subelements lookup expects a dictionary, got %v", v)
		}
		if v, ok = m.Get(key); !ok {
			return nil, fmt.Errorf("could not find '%s' key in iterated item", key)
		}
	}
	list, ok := asList(v)
	if !ok {
		return nil, fmt.Errorf("the key %s should point to a list", path)
	}
	return list, nil
}

func randomChoice(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	if len(terms) == 0 {
		return []any{}, nil
	}
	return []any{terms[rand.IntN(len(terms))]}, nil
}

// maxSequence bounds a sequence: more is a mistake.
const maxSequence = 1_000_000

// span is one sequence of numbers.
type span struct {
	start, end, count, stride int
	hasEnd, hasCount          bool
	format                    string
}

func sequence(_ context.Context, terms []any, kw *value.Map, _ template.Scope) ([]any, error) {
	out := []any{}
	if len(terms) == 0 {
		terms = []any{""}
	}
	for _, t := range terms {
		s := span{start: 1, stride: 1, format: "%d"}
		if err := s.read(fmt.Sprint(t), kw); err != nil {
			return nil, err
		}
		numbers, err := s.numbers()
		if err != nil {
			return nil, err
		}
		for _, n := range numbers {
			out = append(out, fmt.Sprintf(s.format, n))
		}
	}
	return out, nil
}

// read takes "start=1 end=5 stride=2 format=%02d" or "1-5/2:%02d".
func (s *span) read(term string, kw *value.Map) error {
	for k, v := range kw.All() {
		if name := fmt.Sprint(k); name != "wantlist" {
			if err := s.set(name, fmt.Sprint(v)); err != nil {
				return err
			}
		}
	}
	if !strings.Contains(term, "=") {
		return s.short(term)
	}
	for _, pair := range strings.Fields(term) {
		k, v, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("can't parse sequence arguments %q: expected key=value", term)
		}
		if err := s.set(k, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *span) short(term string) error {
	if term == "" {
		return nil
	}
	rest, format, ok := strings.Cut(term, ":")
	if ok {
		s.format = format
	}
	rest, stride, ok := strings.Cut(rest, "/")
	if ok {
		if err := s.set("stride", stride); err != nil {
			return err
		}
	}
	start, end, ok := strings.Cut(rest, "-")
	if !ok {
		return s.set("end", rest)
	}
	if err := s.set("start", start); err != nil {
		return err
	}
	return s.set("end", end)
}

func (s *span) set(name, text string) error {
	if name == "format" {
		s.format = text
		return nil
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		return fmt.Errorf("can't parse %s=%s as a whole number", name, text)
	}
	switch name {
	case "start":
		s.start = int(n)
	case "end":
		s.end, s.hasEnd = int(n), true
	case "count":
		s.count, s.hasCount = int(n), true
	case "stride":
		s.stride = int(n)
	default:
		return fmt.Errorf("unrecognized arguments to with_sequence: %s", name)
	}
	return nil
}

func (s *span) numbers() ([]int, error) {
	switch {
	case s.hasEnd && s.hasCount:
		return nil, fmt.Errorf("can't specify both count and end in with_sequence")
	case !s.hasEnd && !s.hasCount:
		return nil, fmt.Errorf("must specify count or end in with_sequence")
	case s.hasCount && s.count == 0, s.stride == 0:
		return nil, nil
	case s.hasCount:
		s.end = s.start + (s.count-1)*s.stride
	}
	if (s.end-s.start)/s.stride > maxSequence {
		return nil, fmt.Errorf("a sequence of more than %d numbers", maxSequence)
	}
	if s.stride > 0 && s.end < s.start || s.stride < 0 && s.end > s.start {
		return nil, fmt.Errorf("to count backwards make stride negative, forwards positive")
	}
	var out []int
	for n := s.start; s.stride > 0 && n <= s.end || s.stride < 0 && n >= s.end; n += s.stride {
		out = append(out, n)
	}
	return out, nil
}
