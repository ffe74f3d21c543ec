package crypt

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
)

// shaKind is one of the SHA-crypt schemes (Drepper, "Unix crypt using SHA-256
// and SHA-512", 2008).
type shaKind struct {
	mark    string
	hash    func() hash.Hash
	rounds  int // Ansible's default
	triples [][3]int
	tail    []int
}

func shaKinds() map[string]shaKind {
	return map[string]shaKind{
		"sha512_crypt": {mark: "$6$", hash: sha512.New, rounds: 656000, triples: rotated(21, 21, 42, false), tail: []int{63}},
		"sha256_crypt": {mark: "$5$", hash: sha256.New, rounds: 535000, triples: rotated(10, 10, 20, true), tail: []int{31, 30}},
	}
}

// rotated lists which bytes are encoded together: the three columns 0…n-1,
// n…2n-1, 2n…3n-1, turned by one place a row.
func rotated(n, second, third int, right bool) [][3]int {
	out := make([][3]int, n)
	for i := range n {
		cols := [3]int{i, i + second, i + third}
		turn := i % 3
		if right {
			turn = (3 - turn) % 3
		}
		out[i] = [3]int{cols[turn], cols[(turn+1)%3], cols[(turn+2)%3]}
	}
	return out
}

// sum is the scheme's steps 1 to 21.
func (k shaKind) sum(key, salt []byte, rounds int) []byte {
	b := k.digest(key, salt, key)
	h := k.hash()
	h.Write(key)
	h.Write(salt)
	h.Write(stretch(b, len(key)))
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write(b)
		} else {
			h.Write(key)
		}
	}
	acc := h.Sum(nil)
	p := stretch(k.digest(repeated(key, len(key))...), len(key))
	s := stretch(k.digest(repeated(salt, 16+int(acc[0]))...), len(salt))
	for i := range rounds {
		acc = k.round(i, acc, p, s)
	}
	return acc
}

func (k shaKind) round(i int, acc, p, s []byte) []byte {
	h := k.hash()
	first, last := acc, p
	if i%2 == 1 {
		first, last = p, acc
	}
	h.Write(first)
	if i%3 != 0 {
		h.Write(s)
	}
	if i%7 != 0 {
		h.Write(p)
	}
	h.Write(last)
	return h.Sum(nil)
}

func (k shaKind) digest(parts ...[]byte) []byte {
	h := k.hash()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func repeated(b []byte, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}

// stretch repeats b up to n bytes.
func stretch(b []byte, n int) []byte {
	out := make([]byte, 0, n+len(b))
	for len(out) < n {
		out = append(out, b...)
	}
	return out[:n]
}

func (k shaKind) encode(sum []byte) string {
	var out strings.Builder
	for _, t := range k.triples {
		put(&out, uint(sum[t[0]])<<16|uint(sum[t[1]])<<8|uint(sum[t[2]]), 4)
	}
	if len(k.tail) == 1 {
		put(&out, uint(sum[k.tail[0]]), 2)
	} else {
		put(&out, uint(sum[k.tail[0]])<<8|uint(sum[k.tail[1]]), 3)
	}
	return out.String()
}

// put writes n characters for a number, the lowest six bits first.
func put(out *strings.Builder, v uint, n int) {
	for range n {
		out.WriteByte(alphabet[v&63])
		v >>= 6
	}
}
