package lookup

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollout/internal/template"
	"rollout/internal/value"
)

// inline splits a term such as "key file=x.csv col=1" as Ansible's old form of
// options has it: words with = are options, the rest is the key; quotes hold
// words together, and those of the key belong to it.
func inline(term string) (key string, options *value.Map) {
	options = value.NewMap()
	var words []string
	for _, w := range quotedWords(term) {
		name, v, ok := strings.Cut(w, "=")
		if ok && name != "" && !strings.ContainsAny(name, " \t'\"") {
			options.Set(name, unquoted(v))
			continue
		}
		words = append(words, w)
	}
	return strings.Join(words, " "), options
}

// quotedWords splits at blanks outside of quotes.
func quotedWords(s string) []string {
	var out []string
	var b strings.Builder
	quote := rune(0)
	for _, r := range s {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == ' ' || r == '\t' || r == '\n':
			if b.Len() > 0 {
				out = append(out, b.String())
				b.Reset()
			}
			continue
		}
		b.WriteRune(r)
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

func unquoted(s string) string {
	if len(s) > 1 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// override sets the options that a term itself gives; others than the known
// ones are an error.
func override(lookup string, opt, given *value.Map, known ...string) error {
	for k, v := range given.All() {
		name, _ := k.(string)
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s: %s is not a valid option (%s are)", lookup, name, strings.Join(known, ", "))
		}
		opt.Set(name, v)
	}
	return nil
}

func (d Deps) csvfile(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	out, opt := []any{}, kw.Clone()
	for _, term := range names {
		key, given := inline(term)
		if key == "" {
			return nil, fmt.Errorf("csvfile: Search key is required but was not found")
		}
		if err := override("csvfile", opt, given, "col", "default", "delimiter", "file", "encoding"); err != nil {
			return nil, err
		}
		v, err := d.csvCell(scope, key, opt)
		if err != nil {
			return nil, err
		}
		if items, ok := asList(v); ok {
			out = append(out, items...)
		} else if v != nil {
			out = append(out, v)
		}
	}
	return out, nil
}

// csvCell is the column of the first row that begins with key, or the default.
func (d Deps) csvCell(scope template.Scope, key string, opt *value.Map) (any, error) {
	name := optionText(opt, "file", "ansible.csv")
	data, err := d.read(scope, "files", name)
	if err != nil {
		return nil, fmt.Errorf("csvfile: No such file or directory: %w", err)
	}
	text, err := template.DecodeText(data, optionText(opt, "encoding", "utf-8"))
	if err != nil {
		return nil, fmt.Errorf("csvfile: cannot read %s: %w", name, err)
	}
	sep := optionText(opt, "delimiter", "TAB")
	if sep == "TAB" || sep == `\t` {
		sep = "\t"
	}
	if utf8.RuneCountInString(sep) != 1 {
		return nil, fmt.Errorf("csvfile: the delimiter must be one character, not %q", sep)
	}
	comma, _ := utf8.DecodeRuneInString(sep)
	rows, err := template.ReadCSV(text, template.CSVDialect{Comma: comma, Quote: '"'})
	if err != nil {
		return nil, fmt.Errorf("csvfile: cannot read %s: %w", name, err)
	}
	for _, row := range rows {
		if len(row) == 0 || row[0] != key {
			continue
		}
		return csvColumn(row, name, optionText(opt, "col", "1"))
	}
	return option(opt, "default", nil), nil
}

// csvColumn is a row's column; only of a row that is found does it matter
// whether there is such a column.
func csvColumn(row []string, file, column string) (any, error) {
	col, err := strconv.Atoi(strings.TrimSpace(column))
	if err != nil {
		return nil, fmt.Errorf("csvfile: col must be a number, not %q", column)
	}
	at := col
	if at < 0 {
		at += len(row)
	}
	if at < 0 || at >= len(row) {
		return nil, fmt.Errorf("csvfile: the row of %q in %s has %d columns: there is no column %d", row[0], file, len(row), col)
	}
	return row[at], nil
}
