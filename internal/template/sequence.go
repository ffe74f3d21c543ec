package template

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"rollout/internal/value"
)

// The short form of the lookup "sequence": [start-]end[/stride][:format].
var shortSequence = regexp.MustCompile(`^(?:(0x[0-9a-fA-F]+|\d+)-)?(0x[0-9a-fA-F]+|\d+)(?:/(-?\d+))?(?::(.+))?$`)

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
	if m := shortSequence.FindStringSubmatch(strings.TrimSpace(term)); m != nil {
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
			return failf("unknown error parsing with_sequence arguments: %s", quoted(term))
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
	format := "%d"
	for k, v := range fields.All() {
		switch k {
		case "format":
			format = text(v)
		case "start", "end", "stride", "count":
			n, err := strconv.ParseInt(text(v), 0, 32)
			if err != nil {
				return nil, failf("can't parse %s=%s as integer", k, text(v))
			}
			numbers[k.(string)] = int(n)
		default:
			return nil, failf("unrecognized arguments to with_sequence: [%s]", repr(k))
		}
	}
	s, err := sequenceSpan(numbers)
	if err != nil {
		return nil, err
	}
	r := &run{ctx: ctx}
	out := s.list()
	for i, n := range out {
		if out[i], err = percentFormat(r, format, value.Tuple{n}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sequenceSpan is the range that start, stride and end or count describe.
func sequenceSpan(numbers map[string]int) (span, error) {
	end, hasEnd := numbers["end"]
	count, hasCount := numbers["count"]
	if hasEnd == hasCount {
		return span{}, failf("must specify count or end in with_sequence, and not both")
	}
	start, stride := numbers["start"], numbers["stride"]
	if hasCount {
		if count == 0 {
			return span{step: 1}, nil
		}
		end = start + count*stride - stride
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
