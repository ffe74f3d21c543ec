package inventory

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// The shapes of ansible's parse_address: a port after a name or after an
// address in brackets, ranges [1:3] or [a:c] anywhere in it.
var (
	bracketPort = regexp.MustCompile(`^\[(.+)\]:([0-9]+)$`)
	plainPort   = regexp.MustCompile(`^((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)$`)
	numberRange = `\[[0-9]+:[0-9]+(?::[0-9]+)?\]`
	hexRange    = regexp.MustCompile(`(?i)\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]`)
	nameRange   = `\[(?:[a-zA-Z]:[a-zA-Z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`
	ipv4Part    = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|` + numberRange + `)`
	ipv4        = regexp.MustCompile(`^(?:` + ipv4Part + `\.){3}` + ipv4Part + `$`)
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
	if ipv4.MatchString(host) || isIPv6(host) || isHostname(host) {
		return host, port, true
	}
	return text, 0, false
}

func isIPv6(text string) bool {
	addr, err := netip.ParseAddr(hexRange.ReplaceAllString(text, "0"))
	return err == nil && addr.Is6()
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

// expandRanges replaces every [begin:end:step] by its values.
func expandRanges(text string) ([]string, error) {
	open := strings.IndexByte(text, '[')
	if open < 0 || strings.IndexByte(text, ']') < open || !strings.Contains(text[open:], ":") {
		return []string{text}, nil
	}
	head, rest, _ := strings.Cut(text, "[")
	inner, tail, _ := strings.Cut(rest, "]")
	values, err := rangeValues(inner)
	if err != nil {
		return nil, err
	}
	tails, err := expandRanges(tail)
	if err != nil {
		return nil, err
	}
	if len(values)*len(tails) > maxExpansion {
		return nil, fmt.Errorf("the host range %q gives more than %d hosts", text, maxExpansion)
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
// zeros in begin set the width.
func rangeValues(text string) ([]string, error) {
	bounds := strings.Split(text, ":")
	if len(bounds) != 2 && len(bounds) != 3 {
		return nil, fmt.Errorf("host range must be begin:end or begin:end:step, not %q", text)
	}
	begin, end, step := bounds[0], bounds[1], 1
	if begin == "" {
		begin = "0"
	}
	if end == "" {
		return nil, fmt.Errorf("host range must specify an end value, as in [1:3]")
	}
	if len(bounds) == 3 {
		n, err := strconv.Atoi(bounds[2])
		if err != nil || n < 1 {
			return nil, fmt.Errorf("the step of a host range must be a positive number, not %q", bounds[2])
		}
		step = n
	}
	if i, j := strings.Index(letters, begin), strings.Index(letters, end); i >= 0 && j >= 0 {
		return letterRange(i, j, step)
	}
	return numberValues(begin, end, step)
}

func letterRange(from, to, step int) ([]string, error) {
	if from > to {
		return nil, fmt.Errorf("host range must have begin <= end")
	}
	var out []string
	for i := from; i <= to; i += step {
		out = append(out, letters[i:i+1])
	}
	return out, nil
}

func numberValues(begin, end string, step int) ([]string, error) {
	width := 0
	if begin[0] == '0' && len(begin) > 1 {
		if width = len(begin); width != len(end) {
			return nil, fmt.Errorf("host range must specify equal-length begin and end formats, not %s:%s", begin, end)
		}
	}
	from, err1 := strconv.Atoi(begin)
	to, err2 := strconv.Atoi(end)
	switch {
	case err1 != nil || err2 != nil:
		return nil, fmt.Errorf("a host range must go between two numbers or two letters, not %s:%s", begin, end)
	case from > to:
		return nil, fmt.Errorf("host range must have begin <= end, not %s:%s", begin, end)
	case (to-from)/step >= maxExpansion:
		return nil, fmt.Errorf("the host range %s:%s gives more than %d hosts", begin, end, maxExpansion)
	}
	var out []string
	for n := from; n <= to; n += step {
		out = append(out, fmt.Sprintf("%0*d", width, n))
	}
	return out, nil
}
