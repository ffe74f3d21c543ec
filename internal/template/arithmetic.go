package template

import (
	"math"
	"math/big"
	"math/bits"
)

// arithmetic evaluates op on two numbers as Python does: integers never
// overflow, / gives a float, // and % round towards minus infinity.
func arithmetic(op string, a, b any) (any, error) {
	i, _, _, ka := number(a)
	j, _, _, kb := number(b)
	if op == "/" {
		return divide(a, b)
	}
	if op == "**" {
		return power(a, b)
	}
	if ka == 'f' || kb == 'f' {
		return floatArithmetic(op, toFloat(a), toFloat(b))
	}
	if ka == 'i' && kb == 'i' {
		if v, ok, err := intArithmetic(op, i, j); ok || err != nil {
			return v, err
		}
	}
	return bigArithmetic(op, toBig(a), toBig(b))
}

// intArithmetic reports ok=false where the result does not fit.
func intArithmetic(op string, i, j int) (any, bool, error) {
	switch op {
	case "+":
		s := i + j
		return s, (s > i) == (j > 0), nil
	case "-":
		s := i - j
		return s, (s < i) == (j > 0), nil
	case "*":
		hi, lo := bits.Mul64(magnitude(i), magnitude(j))
		return i * j, hi == 0 && lo < 1<<63, nil
	}
	if j == 0 {
		return nil, false, failf("integer division or modulo by zero")
	}
	if i == math.MinInt {
		return nil, false, nil
	}
	q, m := i/j, i%j
	if m != 0 && (m < 0) != (j < 0) {
		q, m = q-1, m+j
	}
	if op == "//" {
		return q, true, nil
	}
	return m, true, nil
}

func magnitude(i int) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

func bigArithmetic(op string, a, b *big.Int) (any, error) {
	out := new(big.Int)
	switch op {
	case "+":
		out.Add(a, b)
	case "-":
		out.Sub(a, b)
	case "*":
		if a.BitLen()+b.BitLen() > maxBits {
			return nil, failf("an integer of more than %d bits", maxBits)
		}
		out.Mul(a, b)
	default:
		if b.Sign() == 0 {
			return nil, &RuntimeError{Message: "integer division or modulo by zero", Cause: ErrZeroDivision}
		}
		m := new(big.Int)
		out.QuoRem(a, b, m)
		if m.Sign() != 0 && (m.Sign() < 0) != (b.Sign() < 0) {
			out.Sub(out, big.NewInt(1))
			m.Add(m, b)
		}
		if op == "%" {
			out = m
		}
	}
	return small(out), nil
}

func floatArithmetic(op string, a, b float64) (any, error) {
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	}
	if b == 0 {
		return nil, &RuntimeError{Message: "float modulo", Cause: ErrZeroDivision}
	}
	m := math.Mod(a, b)
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	if m == 0 {
		m = math.Copysign(0, b)
	}
	if op == "%" {
		return m, nil
	}
	return math.Floor(a / b), nil
}

func divide(a, b any) (any, error) {
	g := toFloat(b)
	if g == 0 {
		return nil, &RuntimeError{Message: "division by zero", Cause: ErrZeroDivision}
	}
	q := toFloat(a) / g
	if math.IsInf(q, 0) && !math.IsInf(toFloat(a), 0) {
		return nil, failf("integer division result too large for a float")
	}
	return q, nil
}

func power(a, b any) (any, error) {
	_, _, _, ka := number(a)
	j, _, _, kb := number(b)
	if ka != 'f' && kb == 'i' && j >= 0 {
		x := toBig(a)
		if x.BitLen() > 1 && (j > maxBits || x.BitLen()*j > maxBits) {
			return nil, failf("an integer of more than %d bits", maxBits)
		}
		if x.BitLen() <= 1 { // 0, 1, -1
			j = min(j, 2+j%2)
		}
		return small(new(big.Int).Exp(x, big.NewInt(int64(j)), nil)), nil
	}
	if ka != 'f' && kb == 'b' && toBig(b).Sign() > 0 && toBig(a).BitLen() > 1 {
		return nil, failf("an integer of more than %d bits", maxBits)
	}
	f, g := toFloat(a), toFloat(b)
	if f == 0 && g < 0 {
		return nil, failf("0.0 cannot be raised to a negative power")
	}
	p := pow(f, g)
	if math.IsNaN(p) && f == f && g == g {
		return nil, failf("a negative number cannot be raised to a fractional power")
	}
	if math.IsInf(p, 0) && !math.IsInf(f, 0) && !math.IsInf(g, 0) {
		return nil, failf("numerical result out of range")
	}
	return p, nil
}

// pow is the correctly rounded power that Python's C library gives; math.Pow is
// off by a digit now and then (27 ** (1/3)).
func pow(x, y float64) float64 {
	p := math.Pow(x, y)
	if !(x > 0) || p == 0 || math.IsInf(p, 0) || math.IsNaN(p) || x == 1 || y == math.Trunc(y) && math.Abs(y) < 3 {
		return p
	}
	const prec = 160
	big1 := func(f float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(f) }
	// One Newton step takes the logarithm from 53 to over 100 bits.
	log := big1(math.Log(x))
	off := new(big.Float).Mul(big1(x), exp(new(big.Float).Neg(log)))
	log.Add(log, off.Sub(off, big1(1)))
	exact, _ := exp(log.Mul(log, big1(y))).Float64()
	return exact
}

// exp is e to the power of x in x's precision, for |x| below 2000 or so.
func exp(x *big.Float) *big.Float {
	const halvings = 24
	small := new(big.Float).SetMantExp(x, -halvings)
	one := new(big.Float).SetPrec(x.Prec() + 2*halvings).SetInt64(1)
	sum, term := new(big.Float).Copy(one), new(big.Float).Copy(one)
	for i := int64(1); i < 14; i++ {
		term.Mul(term, small)
		term.Quo(term, new(big.Float).SetInt64(i))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}
