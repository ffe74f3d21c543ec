package document

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The implicit types of YAML 1.1 as PyYAML's resolver.py has them.
var (
	boolWord   = regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`)
	nullWord   = regexp.MustCompile(`^(?:~|null|Null|NULL|)$`)
	binInt     = regexp.MustCompile(`^[-+]?0b[0-1_]+$`)
	octInt     = regexp.MustCompile(`^[-+]?0[0-7_]+$`)
	decInt     = regexp.MustCompile(`^[-+]?(?:0|[1-9][0-9_]*)$`)
	hexInt     = regexp.MustCompile(`^[-+]?0x[0-9a-fA-F_]+$`)
	sexInt     = regexp.MustCompile(`^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$`)
	decFloat   = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?$`)
	pointFloat = regexp.MustCompile(`^\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?$`)
	sexFloat   = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$`)
	infFloat   = regexp.MustCompile(`^[-+]?\.(?:inf|Inf|INF)$`)
	nanFloat   = regexp.MustCompile(`^\.(?:nan|NaN|NAN)$`)
)

// ResolveScalar gives a plain scalar the type that PyYAML gives it; what PyYAML
// refuses, such as the 30th of February, stays text.
func ResolveScalar(s string) any {
	v, err := resolve(s)
	if err != nil {
		return s
	}
	return v
}

func resolve(s string) (any, error) {
	switch s {
	case "=":
		return nil, fmt.Errorf("a lone = is no value in YAML 1.1: quote it")
	case "<<":
		return nil, fmt.Errorf("a lone << is no value: quote it")
	}
	if m := timestamp.FindStringSubmatch(s); m != nil {
		return moment(s, m)
	}
	return resolveSimple(s), nil
}

func resolveSimple(s string) any {
	switch {
	case nullWord.MatchString(s):
		return nil
	case boolWord.MatchString(s):
		switch strings.ToLower(s) {
		case "yes", "true", "on":
			return true
		}
		return false
	case s[0] != '.' && s[0] != '-' && s[0] != '+' && (s[0] < '0' || s[0] > '9'):
		return s
	}
	if v, ok := resolveInt(s); ok {
		return v
	}
	if v, ok := resolveFloat(s); ok {
		return v
	}
	return s
}

func resolveInt(s string) (any, bool) {
	bare := strings.ReplaceAll(s, "_", "")
	sign, digits := splitSign(bare)
	switch {
	case binInt.MatchString(s):
		return parseInt(sign, digits[2:], 2)
	case hexInt.MatchString(s):
		return parseInt(sign, digits[2:], 16)
	case octInt.MatchString(s):
		return parseInt(sign, digits, 8)
	case decInt.MatchString(s):
		return parseInt(sign, digits, 10)
	case sexInt.MatchString(s):
		return sign * int(sexagesimal(digits)), true
	}
	return nil, false
}

func splitSign(s string) (int, string) {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return -1, rest
	}
	return 1, strings.TrimPrefix(s, "+")
}

func parseInt(sign int, digits string, base int) (any, bool) {
	if n, err := strconv.ParseInt(digits, base, 64); err == nil {
		return sign * int(n), true
	}
	b, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, false
	}
	if sign < 0 {
		b.Neg(b)
	}
	return b, true
}

func sexagesimal(digits string) float64 {
	total := 0.0
	for part := range strings.SplitSeq(digits, ":") {
		f, _ := strconv.ParseFloat(part, 64)
		total = total*60 + f
	}
	return total
}

func resolveFloat(s string) (any, bool) {
	sign, digits := splitSign(strings.ReplaceAll(s, "_", ""))
	switch {
	case decFloat.MatchString(s), pointFloat.MatchString(s):
		f, _ := strconv.ParseFloat(digits, 64) // too large is infinite
		return float64(sign) * f, true
	case sexFloat.MatchString(s):
		return float64(sign) * sexagesimal(digits), true
	case infFloat.MatchString(s):
		return math.Inf(sign), true
	case nanFloat.MatchString(s):
		return math.NaN(), true
	}
	return nil, false
}
