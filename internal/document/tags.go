package document

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"rollout/internal/value"
)

// timestamp is YAML 1.1's: a date, or a date with a time.
var timestamp = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)$|^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)` +
	`(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?$`)

// moment reads a timestamp that matched.
func moment(s string, m []string) (any, error) {
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	bad := fmt.Errorf("%q looks like a date, but there is no such day or time: quote it", s)
	if m[1] != "" {
		t := time.Date(number(1), time.Month(number(2)), number(3), 0, 0, 0, 0, time.UTC)
		if t.Day() != number(3) || int(t.Month()) != number(2) || number(1) == 0 {
			return nil, bad
		}
		return value.Moment{T: t, Day: true}, nil
	}
	zone, zoned := time.UTC, m[11] != ""
	if m[12] != "" {
		offset := number(13)*3600 + number(14)*60
		if m[12] == "-" {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	}
	micro, _ := strconv.Atoi((m[10] + "000000")[:6])
	t := time.Date(number(4), time.Month(number(5)), number(6), number(7), number(8), number(9), micro*1000, zone)
	if t.Day() != number(6) || t.Hour() != number(7) || t.Minute() != number(8) || t.Second() != number(9) || number(4) == 0 {
		return nil, bad
	}
	return value.Moment{T: t, Zoned: zoned}, nil
}

// ownTags are the local tags that Ansible's YAML has.
var ownTags = []string{"!unsafe", "!vault", "!vault-encrypted"}

// tagFits refuses tags that are not known, or stand at the wrong kind of node.
func (w *walker) tagFits(y *yaml.Node) error {
	if y.Kind == yaml.AliasNode || y.Style&yaml.TaggedStyle == 0 {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return &Error{Pos: w.pos(y), Message: fmt.Sprintf(format, args...)}
	}
	tag := y.ShortTag()
	known := map[yaml.Kind][]string{
		yaml.ScalarNode:   {"!", "", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp"},
		yaml.SequenceNode: {"!", "", "!!seq"}, yaml.MappingNode: {"!", "", "!!map"},
	}[y.Kind]
	switch {
	case slices.Contains(known, tag), slices.Contains(ownTags, tag):
		return nil
	case strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!"):
		w.errs.AddHint(w.pos(y), cmp.Or(Suggest(tag, ownTags), "quote the value if a text was meant"), "unknown tag %q", tag)
		return nil
	}
	return refuse("the tag %s isn't supported here: write a plain list or mapping, or quoted text", tag)
}

// resolveTagged is a scalar's value under an explicit tag; "" is none.
func resolveTagged(tag string, n *Node, text string) (any, error) {
	switch tag {
	case "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!binary":
		return constructed(tag, text)
	}
	if tag != "" || n.Tag != "" || n.Quoted || n.Bare {
		return text, nil
	}
	return resolve(text)
}

// constructed is what PyYAML's constructor for the tag makes of the text.
func constructed(tag, text string) (any, error) {
	bad := fmt.Errorf("%q cannot be read as %s", text, tag)
	switch tag {
	case "!!null":
		return nil, nil
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil || !utf8.Valid(data) {
			return nil, fmt.Errorf("!!binary holds no text in base64")
		}
		return string(data), nil
	case "!!bool":
		if !boolWord.MatchString(text) {
			return nil, bad
		}
	case "!!int":
		if v, ok := resolveInt(text); ok {
			return v, nil
		}
		return nil, bad
	case "!!float":
		return taggedFloat(text, bad)
	case "!!timestamp":
		m := timestamp.FindStringSubmatch(text)
		if m == nil {
			return nil, bad
		}
		return moment(text, m)
	}
	return resolve(text)
}

func taggedFloat(text string, bad error) (any, error) {
	if v, ok := resolveFloat(text); ok {
		return v, nil
	}
	if f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
		return f, nil
	}
	if v, ok := resolveInt(text); ok {
		switch n := v.(type) {
		case int:
			return float64(n), nil
		case *big.Int:
			f, _ := new(big.Float).SetInt(n).Float64()
			return f, nil
		}
	}
	return nil, bad
}
