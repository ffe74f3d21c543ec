package template

import "strings"

// DecodeText reads bytes in one of the encodings that templates know: utf-8,
// ascii and latin-1 with Python's names for them.
func DecodeText(b []byte, encoding string) (string, error) {
	v, err := decodeText(octets(b), encoding)
	if err != nil {
		return "", err
	}
	s, _ := v.(string)
	return s, nil
}

// CSVDialect says how a text of separated values is written.
type CSVDialect struct {
	Comma     rune
	Quote     rune // 0: none
	SkipSpace bool // blanks after the separator go
	Strict    bool // text after a closing quote is an error
}

// ReadCSV reads rows as Python's csv module does: a line without anything is a
// row without fields, and text after a closing quote belongs to the field.
func ReadCSV(text string, d CSVDialect) ([][]string, error) {
	r := csvReader{d: d}
	for _, c := range strings.ReplaceAll(text, "\r\n", "\n") {
		if err := r.char(c); err != nil {
			return nil, err
		}
	}
	if r.state == inQuotes && d.Strict {
		return nil, failf("unexpected end of data")
	}
	if r.state != lineStart {
		r.endRow()
	}
	return r.rows, nil
}

type csvState int

const (
	lineStart csvState = iota
	fieldStart
	inField
	inQuotes
	afterQuote
)

type csvReader struct {
	d     CSVDialect
	state csvState
	field strings.Builder
	row   []string
	rows  [][]string
}

func (r *csvReader) endField() {
	r.row = append(r.row, r.field.String())
	r.field.Reset()
	r.state = fieldStart
}

func (r *csvReader) endRow() {
	r.endField()
	r.rows = append(r.rows, r.row)
	r.row, r.state = nil, lineStart
}

func (r *csvReader) char(c rune) error {
	newline := c == '\n' || c == '\r'
	switch r.state {
	case inQuotes:
		if c == r.d.Quote {
			r.state = afterQuote
			return nil
		}
		r.field.WriteRune(c)
		return nil
	case lineStart:
		if newline {
			r.rows = append(r.rows, nil)
			return nil
		}
		r.state = fieldStart
	case afterQuote:
		if c == r.d.Quote { // a doubled quote
			r.field.WriteRune(c)
			r.state = inQuotes
			return nil
		}
		if c != r.d.Comma && !newline && r.d.Strict {
			return failf("'%c' expected after '%c'", r.d.Comma, r.d.Quote)
		}
	}
	switch {
	case newline:
		r.endRow()
	case c == r.d.Comma:
		r.endField()
	case r.state == fieldStart && c == r.d.Quote && c != 0:
		r.state = inQuotes
	case r.state == fieldStart && c == ' ' && r.d.SkipSpace:
	default:
		r.field.WriteRune(c)
		r.state = inField
	}
	return nil
}
