package template

import (
	"crypto/sha512"
	"math/big"
	"math/bits"
)

// twister is the generator MT19937 as Python's random.Random seeds and uses it,
// so that random(seed=…) and shuffle(seed=…) choose what Ansible's do.
type twister struct {
	state [624]uint32
	next  int
}

// Seeded returns a source of numbers from 0 to n-1 that gives what Python's
// random.Random(seed) chooses by.
func Seeded(seed any) func(n int) int { return seededTwister(seed).below }

// seededTwister seeds as Python does: an int by its digits, text by its bytes
// and their SHA-512.
func seededTwister(seed any) *twister {
	n := new(big.Int)
	switch x := seed.(type) {
	case string:
		sum := sha512.Sum512([]byte(x))
		n.SetBytes(append([]byte(x), sum[:]...))
	default:
		if isNumber(seed) {
			n.Abs(toBig(truncated(toFloat(seed), 0)))
			if i, ok := seed.(int); ok {
				n.Abs(big.NewInt(int64(i)))
			}
		} else {
			return seededTwister(text(seed))
		}
	}
	var key []uint32
	mask := big.NewInt(0xffffffff)
	for n.Sign() > 0 {
		key = append(key, uint32(new(big.Int).And(n, mask).Uint64()))
		n.Rsh(n, 32)
	}
	if key == nil {
		key = []uint32{0}
	}
	t := &twister{}
	t.seedBy(key)
	return t
}

// seedBy is init_by_array of the reference implementation (Matsumoto,
// Nishimura 2002).
func (t *twister) seedBy(key []uint32) {
	s := &t.state
	s[0] = 19650218
	for i := 1; i < 624; i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	i, j := 1, 0
	for range max(624, len(key)) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + key[j] + uint32(j)
		if i++; i >= 624 {
			s[0], i = s[623], 1
		}
		if j++; j >= len(key) {
			j = 0
		}
	}
	for range 623 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		if i++; i >= 624 {
			s[0], i = s[623], 1
		}
	}
	s[0] = 0x80000000
	t.next = 624
}

func (t *twister) word() uint32 {
	if t.next >= 624 {
		t.refill()
	}
	y := t.state[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (t *twister) refill() {
	s := &t.state
	for i := range 624 {
		y := s[i]&0x80000000 | s[(i+1)%624]&0x7fffffff
		s[i] = s[(i+397)%624] ^ y>>1 ^ (y&1)*0x9908b0df
	}
	t.next = 0
}

// below returns a number from 0 to n-1, by Python's rejection of bits.
func (t *twister) below(n int) int {
	if n <= 0 {
		return 0
	}
	k := bits.Len(uint(n))
	for {
		var r uint64
		if k <= 32 {
			r = uint64(t.word() >> (32 - k))
		} else {
			r = uint64(t.word())
			r |= uint64(t.word()>>(64-k)) << 32
		}
		if r < uint64(n) {
			return int(r)
		}
	}
}
