package inventory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The shapes of ansible's parse_address: a port after a name or after an
// address in brackets, ranges [1:3] or [a:c] anywhere in it. As there, most
// forms of an IPv6 address need to begin a text only.
var (
	bracketPort = regexp.MustCompile(`^\[(.+)\]:([0-9]+)$`)
	plainPort   = regexp.MustCompile(`^((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)$`)
	numberRange = `\[[0-9]+:[0-9]+(?::[0-9]+)?\]`
	nameRange   = `\[(?:[a-zA-Z]:[a-zA-Z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`
	ipv4Part    = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|` + numberRange + `)`
	ipv4        = regexp.MustCompile(`^(?:` + ipv4Part + `\.){3}` + ipv4Part + `$`)
	hexPart     = `(?:[0-9a-f]{1,4}|\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\])`
	ipv6        = regexp.MustCompile(strings.ReplaceAll(`^(?i:(?:H:){7}H|(?:H:){1,6}:|:(?::H){1,6}|H?::|(?:0:){6}(?:H\.){3}H|(?:0:){5}ffff:(?:H\.){3}H$)`, "H", hexPart))
	label       = regexp.MustCompile(`^(?:[\pL\pN_]|` + nameRange + `)(?:[\pL\pN_-]|` + nameRange + `)*$`)
)

// isAddress tells whether text is a host name or address, perhaps with ranges
// and a port.
func isAddress(text string) bool {
	_, _, ok := splitAddress(text)
	return ok
}

// SplitAddress takes the port off a host's name or address, as add_host gets
// it; port is 0 for none, and what is no address stays as it is.
func SplitAddress(text string) (host string, port int) {
	host, port, _ = splitAddress(text)
	return host, port
}

// splitAddress takes the port off a host name or address; port is 0 for none.
func splitAddress(text string) (host string, port int, ok bool) {
	host = text
	for _, shape := range []*regexp.Regexp{bracketPort, plainPort} {
		if m := shape.FindStringSubmatch(host); m != nil {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return text, 0, false
			}
			host, port = m[1], n
		}
	}
	if ipv4.MatchString(host) || ipv6.MatchString(host) || isHostname(host) {
		return host, port, true
	}
	return text, 0, false
}

func isHostname(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if !label.MatchString(part) || strings.HasSuffix(part, "-") || strings.HasSuffix(part, "_") {
			return false
		}
	}
	return true
}

// maxExpansion bounds what ranges in one name may expand to.
const maxExpansion = 100_000

// expandHosts returns the names that a host pattern of an inventory stands for,
// such as db[01:10:2].example, and their port, 0 for none.
func expandHosts(pattern string) (names []string, port int, err error) {
	host, port, ok := splitAddress(pattern)
	if !ok {
		host = pattern
	}
	names, err = expandRanges(host)
	return names, port, err
}

// rangeError is a mistake in a host range.
type rangeError struct {
	text  string
	shape bool // it is no range at all, which lists of hosts take for a name
}

func (e *rangeError) Error() string { return e.text }

func misshapen(format string, args ...any) error {
	return &rangeError{text: fmt.Sprintf(format, args...), shape: true}
}

func badRange(format string, args ...any) error {
	return &rangeError{text: fmt.Sprintf(format, args...)}
}

// expandRanges replaces every [begin:end:step] by its values.
func expandRanges(text string) ([]string, error) {
	head, rest, found := strings.Cut(text, "[")
	if !found {
		return []string{text}, nil
	}
	inner, tail, closed := strings.Cut(rest, "]")
	if !closed || strings.ContainsAny(head, "|]") || strings.Contains(inner+tail, "|") {
		return nil, badRange("cannot read the host range in %q: it must be [begin:end] or [begin:end:step], and a name has no | and no ] before it", text)
	}
	values, err := rangeValues(inner)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	tails, err := expandRanges(tail)
	if err != nil {
		return nil, err
	}
	if len(values)*len(tails) > maxExpansion {
		return nil, badRange("the host range %q gives more than %d hosts", text, maxExpansion)
	}
	var out []string
	for _, v := range values {
		for _, t := range tails {
			out = append(out, head+v+t)
		}
	}
	return out, nil
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// rangeValues lists begin:end or begin:end:step, numbers or letters. Leading
// zeros in begin set the width. Numbers that go down give nothing.
func rangeValues(text string) ([]string, error) {
	bounds := strings.Split(text, ":")
	if len(bounds) != 2 && len(bounds) != 3 {
		return nil, misshapen("host range must be begin:end or begin:end:step, not %q", text)
	}
	begin, end, width, step := or(bounds[0], "0"), bounds[1], 0, 1
	if end == "" {
		return nil, misshapen("host range must specify end value, as in [1:3]")
	}
	if begin[0] == '0' && len(begin) > 1 {
		if width = len(begin); width != len(end) {
			return nil, misshapen("host range must specify equal-length begin and end formats, not %s:%s", begin, end)
		}
	}
	if len(bounds) == 3 {
		n, err := strconv.Atoi(bounds[2])
		if err != nil || n < 1 {
			return nil, badRange("the step of a host range must be a positive number, not %q", bounds[2])
		}
		step = n
	}
	if i, j := strings.Index(letters, begin), strings.Index(letters, end); i >= 0 && j >= 0 {
		return letterRange(i, j, step)
	}
	return numberValues(begin, end, width, step)
}

func letterRange(from, to, step int) ([]string, error) {
	if from > to {
		return nil, misshapen("host range must have begin <= end")
	}
	var out []string
	for i := from; i <= to; i += step {
		out = append(out, letters[i:i+1])
	}
	return out, nil
}

func numberValues(begin, end string, width, step int) ([]string, error) {
	from, err1 := strconv.Atoi(begin)
	to, err2 := strconv.Atoi(end)
	switch {
	case err1 != nil || err2 != nil:
		return nil, badRange("a host range must go between two numbers or two letters, not %s:%s", begin, end)
	case (to-from)/step >= maxExpansion || to < 0 && from > 0 && to-from > 0:
		return nil, badRange("the host range %s:%s gives more than %d hosts", begin, end, maxExpansion)
	}
	var out []string
	for n := from; n <= to; n += step {
		out = append(out, fmt.Sprintf("%0*d", width, n))
	}
	return out, nil
}
