package template

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// numberOf returns what a method was called on, with bools as integers.
func (a *args) numberOf() any {
	if i, _, _, k := number(a.in); k == 'i' {
		return i
	}
	return a.in
}

func integerMethods() []*builtin {
	return []*builtin{
		def("as_integer_ratio", "", func(a *args) (any, error) { return value.Tuple{a.numberOf(), 1}, nil }),
		def("bit_count", "", func(a *args) (any, error) {
			n := 0
			for _, w := range toBig(a.in).Bits() {
				n += bits.OnesCount(uint(w))
			}
			return n, nil
		}),
		def("bit_length", "", func(a *args) (any, error) { return toBig(a.in).BitLen(), nil }),
		def("conjugate", "", func(a *args) (any, error) { return a.numberOf(), nil }),
	}
}

func floatMethods() []*builtin {
	return []*builtin{
		def("as_integer_ratio", "", methodRatio),
		def("conjugate", "", func(a *args) (any, error) { return a.in, nil }),
		def("hex", "", func(a *args) (any, error) { return hexFloat(toFloat(a.in)), nil }),
		def("is_integer", "", func(a *args) (any, error) {
			f := toFloat(a.in)
			return !math.IsInf(f, 0) && math.Floor(f) == f, nil
		}),
	}
}

func methodRatio(a *args) (any, error) {
	f := toFloat(a.in)
	if math.IsInf(f, 0) || f != f {
		return nil, failf("cannot convert %s to integer ratio", repr(f))
	}
	r := new(big.Rat).SetFloat64(f)
	return value.Tuple{small(new(big.Int).Set(r.Num())), small(new(big.Int).Set(r.Denom()))}, nil
}

// hexFloat is float.hex: 13 digits after the point and a decimal exponent.
func hexFloat(f float64) string {
	switch {
	case f == 0 && math.Signbit(f):
		return "-0x0.0p+0"
	case f == 0:
		return "0x0.0p+0"
	case math.IsInf(f, 0) || f != f:
		return value.FloatRepr(f, "inf", "nan")
	}
	s := strconv.FormatFloat(f, 'x', 13, 64)
	mantissa, exp, _ := strings.Cut(s, "p")
	n, _ := strconv.Atoi(exp)
	if n >= 0 {
		return mantissa + "p+" + strconv.Itoa(n)
	}
	return mantissa + "p" + strconv.Itoa(n)
}

// numberField is an attribute of a number.
func numberField(x any, name string) (any, bool) {
	_, isFloat := x.(float64)
	if b, ok := x.(bool); ok {
		x, _, _, _ = number(b)
	}
	switch {
	case name == "real", name == "numerator" && !isFloat:
		return x, true
	case name == "imag" && isFloat:
		return 0.0, true
	case name == "imag":
		return 0, true
	case name == "denominator" && !isFloat:
		return 1, true
	}
	return nil, false
}
