package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// FromJSON decodes one JSON document, keeping the order of object keys and
// telling integers from floats as Python's json does.
func FromJSON(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(withWords(data)))
	dec.UseNumber()
	v, err := decode(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("extra data after the JSON document")
	}
	return v, nil
}

// nonNumbers are what Python's json reads beyond JSON.
var nonNumbers = map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}

// wordMark begins a string that stands for one of nonNumbers while decoding.
const wordMark = "\x1aword:"

var wordPattern = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?Infinity|NaN`)

// withWords puts marked strings in the place of nonNumbers.
func withWords(data []byte) []byte {
	if !bytes.Contains(data, []byte("Infinity")) && !bytes.Contains(data, []byte("NaN")) {
		return data
	}
	return wordPattern.ReplaceAllFunc(data, func(m []byte) []byte {
		if m[0] == '"' {
			return m
		}
		return []byte(`"\u001aword:` + string(m) + `"`)
	})
}

// maxDepth is how deep arrays and objects may nest: beyond, the stack is at risk.
const maxDepth = 1000

func decode(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("arrays or objects nested more than %d deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		if t == '{' {
			return decodeObject(dec, depth+1)
		}
		return decodeArray(dec, depth+1)
	case json.Number:
		return fromNumber(t)
	}
	if s, ok := tok.(string); ok && strings.HasPrefix(s, wordMark) {
		return nonNumbers[s[len(wordMark):]], nil
	}
	return tok, nil // string, bool, nil
}

func decodeObject(dec *json.Decoder, depth int) (any, error) {
	m := NewMap()
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := decode(dec, depth)
		if err != nil {
			return nil, err
		}
		m.Set(k, v)
	}
	_, err := dec.Token()
	return m, err
}

func decodeArray(dec *json.Decoder, depth int) (any, error) {
	list := make([]any, 0, 1) // an empty one has a place of its own too
	for dec.More() {
		v, err := decode(dec, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}

func fromNumber(n json.Number) (any, error) {
	if i, err := strconv.Atoi(n.String()); err == nil {
		return i, nil
	}
	if b, ok := new(big.Int).SetString(n.String(), 10); ok {
		return b, nil
	}
	f, err := n.Float64()
	if errors.Is(err, strconv.ErrRange) {
		return f, nil // infinite, as in Python
	}
	return f, err
}

// ToJSON encodes v as Python's json.dumps(v, ensure_ascii=False) spaces it
// (", " and ": "), keys in their order. Values outside the data model are an
// error, never a guess.
func ToJSON(v any) ([]byte, error) { return appendJSON(nil, v, "", "") }

// ToJSONIndent encodes v over several lines, indent per level.
func ToJSONIndent(v any, indent string) ([]byte, error) { return appendJSON(nil, v, "\n", indent) }

func appendJSON(b []byte, v any, nl, indent string) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, x), nil
	case int:
		return strconv.AppendInt(b, int64(x), 10), nil
	case *big.Int:
		return x.Append(b, 10), nil
	case float64:
		return appendFloat(b, x), nil
	case string:
		return appendString(b, x), nil
	case *Sealed: // as Ansible's own encoder has it
		return appendJSON(b, NewMap("__ansible_vault", x.Envelope()), nl, indent)
	case Moment:
		return appendString(b, x.ISO()), nil
	case Tuple:
		return appendJSON(b, []any(x), nl, indent)
	case []any:
		return appendItems(b, '[', ']', len(x), nl, indent, func(b []byte, i int, nl string) ([]byte, error) {
			return appendJSON(b, x[i], nl, indent)
		})
	case *Map:
		keys := x.Keys()
		return appendItems(b, '{', '}', len(keys), nl, indent, func(b []byte, i int, nl string) ([]byte, error) {
			k, err := jsonKey(keys[i])
			if err != nil {
				return nil, err
			}
			return appendJSON(append(appendString(b, k), ": "...), x.At(keys[i]), nl, indent)
		})
	}
	return nil, fmt.Errorf("a value of type %T is not JSON serializable", v)
}

func appendItems(b []byte, open, shut byte, n int, nl, indent string,
	item func([]byte, int, string) ([]byte, error)) ([]byte, error) {
	b = append(b, open)
	inner := nl
	if nl != "" {
		inner = nl + indent
	}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
			if nl == "" {
				b = append(b, ' ')
			}
		}
		b = append(b, inner...)
		var err error
		if b, err = item(b, i, inner); err != nil {
			return nil, err
		}
	}
	if n > 0 {
		b = append(b, nl...)
	}
	return append(b, shut), nil
}

func jsonKey(k any) (string, error) {
	switch x := k.(type) {
	case string:
		return x, nil
	case nil:
		return "null", nil
	case bool, int, float64:
		b, err := ToJSON(x)
		return string(b), err
	}
	return "", fmt.Errorf("a key of type %T is not JSON serializable", k)
}

// appendFloat writes f as Python's repr does, which json.dumps uses.
func appendFloat(b []byte, f float64) []byte { return append(b, FloatRepr(f, "Infinity", "NaN")...) }

// FloatRepr is Python's repr of f, with the given words for infinity and NaN.
func FloatRepr(f float64, inf, nan string) string {
	switch {
	case math.IsInf(f, 1):
		return inf
	case math.IsInf(f, -1):
		return "-" + inf
	case math.IsNaN(f):
		return nan
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !bytes.ContainsRune([]byte(s), '.') {
		s += ".0"
	}
	return s
}

func appendString(b []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return append(b, bytes.TrimRight(buf.Bytes(), "\n")...)
}
