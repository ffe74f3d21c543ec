package template

import (
	"crypto/sha1"
	"encoding/hex"
	"math"
	"math/big"
	"regexp"
	"strings"
)

func (a *args) number(v any) float64 {
	if !isNumber(v) {
		a.fail(failf("%s() can only be used on numbers: must be real number, not %s", a.def.name, typeName(v)))
		return 1
	}
	return toFloat(v)
}

func filterLog(a *args) (any, error) {
	x := a.number(a.in)
	base := a.number(a.get(0, math.E))
	if x <= 0 || base <= 0 || base == 1 {
		return nil, failf("math domain error")
	}
	switch base {
	case 10:
		return math.Log10(x), nil
	case math.E:
		return naturalLog(x), nil
	}
	return naturalLog(x) / naturalLog(base), nil
}

// naturalLog is the nearest float to the logarithm, as C's library gives; Go's
// is off by the last bit here and there.
func naturalLog(x float64) float64 {
	y := math.Log(x)
	if math.IsInf(y, 0) || y != y || y == 0 {
		return y
	}
	const prec = 160
	rest := new(big.Float).SetPrec(prec).SetFloat64(y / 1024)
	sum, term := big.NewFloat(1).SetPrec(prec), big.NewFloat(1).SetPrec(prec)
	for i := 1; i < 40; i++ {
		term.Mul(term, rest)
		term.Quo(term, big.NewFloat(float64(i)))
		sum.Add(sum, term)
	}
	for range 10 {
		sum.Mul(sum, sum)
	}
	q := new(big.Float).SetPrec(prec).Quo(new(big.Float).SetPrec(prec).SetFloat64(x), sum)
	d := q.Sub(q, big.NewFloat(1))
	out, _ := d.Add(d, new(big.Float).SetPrec(prec).SetFloat64(y)).Float64()
	return out
}

func filterPow(a *args) (any, error) {
	p := pow(a.number(a.in), a.number(a.need(0)))
	if math.IsNaN(p) || math.IsInf(p, 0) {
		return nil, failf("math range error")
	}
	return p, nil
}

func filterRoot(a *args) (any, error) {
	x, base := a.number(a.in), a.number(a.get(0, 2))
	if base == 0 {
		return nil, failf("root() can only be used on numbers: float division by zero")
	}
	r := pow(x, 1/base)
	if base == 2 {
		r = math.Sqrt(x)
	}
	if math.IsNaN(r) {
		return nil, failf("root() can only be used on numbers: math domain error")
	}
	return r, nil
}

// sizeUnits are the suffixes of human-readable sizes, greatest first.
var sizeUnits = []struct {
	letter string
	bytes  float64
}{{"Y", 1 << 80}, {"Z", 1 << 70}, {"E", 1 << 60}, {"P", 1 << 50}, {"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"B", 1}}

func filterHumanReadable(a *args) (any, error) {
	if !isNumber(a.in) {
		return nil, failf("human_readable() failed on bad input: %s is no number", text(a.in))
	}
	size := toFloat(a.in)
	base := "Bytes"
	if a.bool(0, false) {
		base = "bits"
	}
	unit := ""
	if a.given(1) {
		unit = strings.ToUpper(a.str(1, ""))
	}
	for _, u := range sizeUnits {
		if (unit == "" && size >= u.bytes) || (unit != "" && strings.HasPrefix(unit, u.letter)) {
			name := base
			if u.letter != "B" {
				name = u.letter + base[:1]
			}
			return fixed(size/u.bytes, 2) + " " + name, nil
		}
	}
	return fixed(size, 2) + " " + base, nil
}

var humanSize = regexp.MustCompile(`^\s*(\d*\.?\d*)\s*([A-Za-z]+)?`)

func filterHumanToBytes(a *args) (any, error) {
	s := a.input()
	m := humanSize.FindStringSubmatch(s)
	bad := failf("human_to_bytes() can't interpret following string: %s", s)
	if m == nil || m[1] == "" {
		return nil, bad
	}
	n, ok := parseFloat(m[1])
	if !ok {
		return nil, bad
	}
	unit := m[2]
	if unit == "" {
		unit = a.textGiven(0)
	}
	if unit == "" {
		return roundHalfEven(n), nil
	}
	isBits := a.bool(1, false)
	letter := strings.ToUpper(unit[:1])
	for _, u := range sizeUnits {
		if u.letter != letter {
			continue
		}
		if !sizeSuffix(unit, isBits) {
			return nil, failf("human_to_bytes() failed to convert %s. The suffix must be one of B, K, M, G, T, P, E, Z, Y with B for bytes or b for bits", s)
		}
		return roundHalfEven(n * u.bytes), nil
	}
	return nil, bad
}

// sizeSuffix accepts "M", "MB" for bytes and "Mb" for bits, and words.
func sizeSuffix(unit string, bits bool) bool {
	if len(unit) == 1 {
		return true
	}
	kind := "B"
	if bits {
		kind = "b"
	}
	low := strings.ToLower(unit)
	if strings.HasPrefix(low, "b") {
		return (low == "byte" || low == "bytes") && !bits || (low == "bit" || low == "bits") && bits
	}
	return unit[1:] == kind || (!bits && strings.Contains(low, "byte")) || (bits && strings.Contains(low, "bit"))
}

func roundHalfEven(f float64) any { return truncated(math.RoundToEven(f), 0) }

const ansibleNamespace = "361e6d51faec444a9079341386da8e2e"

// filterToUUID is uuid5 in Ansible's namespace or another one.
func filterToUUID(a *args) (any, error) {
	ns := strings.ToLower(strings.NewReplacer("-", "", "{", "", "}", "", "urn:uuid:", "").Replace(a.str(0, ansibleNamespace)))
	space, err := hex.DecodeString(ns)
	if err != nil || len(space) != 16 {
		return nil, failf("Invalid value '%s' for 'namespace': badly formed hexadecimal UUID string", a.str(0, ""))
	}
	sum := sha1.Sum(append(space, a.input()...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"), nil
}

// filterRandom picks a number below the input, or an element of it.
func filterRandom(a *args) (any, error) {
	g := a.generator(2)
	end, _, _, k := number(a.in)
	if k != 'i' {
		if a.given(0) || a.given(1) {
			return nil, failf("start and step can only be used with integer values")
		}
		items := a.items()
		if len(items) == 0 {
			return nil, failf("random: the sequence is empty")
		}
		return items[g.below(len(items))], nil
	}
	start, step := 0, 1
	if a.given(0) {
		start = a.int(0, 0)
	}
	if a.given(1) {
		step = a.int(1, 1)
	}
	if step == 0 {
		step = 1
	}
	n := span{start, end, step}.len()
	if n <= 0 {
		return nil, failf("empty range for randrange() (%d, %d, %d)", start, end, end-start)
	}
	return start + step*g.below(n), nil
}

func filterShuffle(a *args) (any, error) {
	g := a.generator(0)
	out := append([]any(nil), a.items()...)
	for i := len(out) - 1; i > 0; i-- {
		j := g.below(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return a.list(out), nil
}

// generator is seeded by parameter i, else by the engine's options.
func (a *args) generator(i int) *twister {
	if a.given(i) {
		return seededTwister(a.p[i])
	}
	e := a.frame.run.engine
	return seededTwister(int(e.opts.Random>>1) + int(e.draws.Add(1)))
}
