package template

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"rollout/internal/value"
)

// The short form of the lookup "sequence": [start-]end[/stride][:format]. What
// has its shape is told of number by number.
var (
	shortSequence = regexp.MustCompile(`(?i)^(?:(0?x?[0-9a-f]+)-)?(0?x?[0-9a-f]+)(?:/(0?x?[0-9a-f]+))?(?::(.+))?$`)
	// leadingZero is a number that Python does not take, as it once meant octal.
	leadingZero = regexp.MustCompile(`^[+-]?0[0_]*[1-9]`)
)

// sequenceOf terms "start=1 end=5 format=web%02d" or "1-5:web%02d".
func lookupSequence(ctx context.Context, args []any, kw *value.Map, _ Scope) ([]any, error) {
	out := []any{}
	if len(args) == 0 && kw.Len() > 0 {
		args = []any{""}
	}
	for _, arg := range args {
		fields := kw.Clone()
		if err := sequenceTerm(fields, text(arg)); err != nil {
			return nil, err
		}
		more, err := sequenceItems(ctx, fields)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func sequenceTerm(fields *value.Map, term string) error {
	if m := shortSequence.FindStringSubmatch(term); m != nil {
		for i, name := range []string{"start", "end", "stride", "format"} {
			if m[i+1] != "" {
				fields.Set(name, m[i+1])
			}
		}
		return nil
	}
	for _, word := range quotedWords(term) {
		k, v, ok := strings.Cut(word, "=")
		if !ok {
			return failf("unrecognized arguments to with_sequence: ['_raw_params']")
		}
		fields.Set(k, v)
	}
	return nil
}

// quotedWords splits at blanks outside of quotes, which it takes off: old books
// write count="{{ n }}".
func quotedWords(text string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	open := false // a word has begun
	for _, c := range text {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && unicode.IsSpace(c):
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

func sequenceItems(ctx context.Context, fields *value.Map) ([]any, error) {
	numbers := map[string]int{"start": 1, "stride": 1}
	for _, name := range []string{"start", "end", "count", "stride"} {
		v, ok := fields.Get(name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text(v)), 0, 32)
		if err != nil || leadingZero.MatchString(strings.TrimSpace(text(v))) {
			return nil, failf("can't parse %s=%s as integer", name, text(v))
		}
		numbers[name] = int(n)
		fields.Delete(name)
	}
	format := "%d"
	if v, ok := fields.Get("format"); ok {
		format = text(v)
		fields.Delete("format")
	}
	if fields.Len() > 0 {
		return nil, failf("unrecognized arguments to with_sequence: %s", repr(fields.Keys()))
	}
	s, err := sequenceSpan(numbers)
	if err != nil {
		return nil, err
	}
	if strings.Count(format, "%") != 1 {
		return nil, failf("bad formatting string: %s", format)
	}
	r := &run{ctx: ctx}
	out := s.list()
	for i, n := range out {
		if out[i], err = percentFormat(r, format, value.Tuple{n}); err != nil {
			return nil, failf("problem formatting %s with %s", repr(n), quoted(format))
		}
	}
	return out, nil
}

// sequenceSpan is the range that start, stride and end or count describe.
func sequenceSpan(numbers map[string]int) (span, error) {
	end, hasEnd := numbers["end"]
	count, hasCount := numbers["count"]
	switch {
	case hasEnd && hasCount:
		return span{}, failf("can't specify both count and end in with_sequence")
	case !hasEnd && !hasCount:
		return span{}, failf("must specify count or end in with_sequence")
	}
	start, stride := numbers["start"], numbers["stride"]
	if hasCount {
		if count == 0 {
			return span{step: 1}, nil
		}
		// so Ansible counts: with a negative stride it goes beyond count
		end = start + count*stride - 1
	}
	switch {
	case stride == 0:
		return span{step: 1}, nil
	case stride > 0 && end < start:
		return span{}, failf("to count backwards make stride negative")
	case stride < 0 && end > start:
		return span{}, failf("to count forward don't make stride negative")
	}
	step := 1
	if stride < 0 {
		step = -1
	}
	s := span{start, end + step, stride}
	if s.len() > maxRange {
		return span{}, failf("a sequence of more than %d elements", maxRange)
	}
	return s, nil
}
