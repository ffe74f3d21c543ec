package template

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
)

// cryptKind is one of the SHA-crypt schemes (Drepper, "Unix crypt using SHA-256
// and SHA-512", 2008).
type cryptKind struct {
	mark    string
	hash    func() hash.Hash
	rounds  int // passlib's default, which Ansible uses
	triples [][3]int
	tail    []int
}

const (
	cryptAlphabet   = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	implicitRounds  = 5000 // not written into the hash
	minCryptRounds  = 1000
	maxCryptRounds  = 5_000_000
	maxCryptSalt    = 16
	maxCryptKeySize = 4096
)

func cryptKinds() map[string]cryptKind {
	return map[string]cryptKind{
		"sha512": {mark: "$6$", hash: sha512.New, rounds: 656000, triples: rotated(21, 21, 42, false), tail: []int{63}},
		"sha256": {mark: "$5$", hash: sha256.New, rounds: 535000, triples: rotated(10, 10, 20, true), tail: []int{31, 30}},
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

func filterPasswordHash(a *args) (any, error) {
	name := strings.TrimSuffix(a.str(0, "sha512"), "_crypt")
	if name == "md5" {
		return a.md5Hash()
	}
	kind, ok := cryptKinds()[name]
	if !ok {
		return nil, failf("password_hash: the scheme %s is not supported: sha512, sha256 and md5 are", quoted(name))
	}
	salt, err := a.salt(maxCryptSalt)
	if err != nil {
		return nil, err
	}
	rounds := kind.rounds
	if a.given(3) {
		rounds = a.int(3, rounds)
	}
	if rounds < minCryptRounds || rounds > maxCryptRounds {
		return nil, failf("password_hash: %d rounds are not possible: from %d to %d are", rounds, minCryptRounds, maxCryptRounds)
	}
	key := a.input()
	if len(key) > maxCryptKeySize {
		return nil, failf("password_hash: the password is longer than %d bytes", maxCryptKeySize)
	}
	sum := kind.sum([]byte(key), []byte(salt), rounds)
	stated := ""
	if rounds != implicitRounds {
		stated = fmt.Sprintf("rounds=%d$", rounds)
	}
	return kind.mark + stated + salt + "$" + kind.encode(sum), a.frame.run.step(rounds)
}

// md5Hash is the old scheme, which has no choice of rounds.
func (a *args) md5Hash() (any, error) {
	salt, err := a.salt(maxMD5Salt)
	if err != nil {
		return nil, err
	}
	key := a.input()
	if len(key) > maxCryptKeySize {
		return nil, failf("password_hash: the password is longer than %d bytes", maxCryptKeySize)
	}
	return md5Crypt(key, salt), a.frame.run.step(md5Rounds)
}

// salt returns the given salt, or a random one.
func (a *args) salt(longest int) (string, error) {
	if a.given(1) {
		s := a.text(1, "")
		if len(s) > longest || strings.Trim(s, cryptAlphabet) != "" {
			return "", failf("password_hash: a salt has at most %d characters out of letters, digits, . and /", longest)
		}
		return s, nil
	}
	size := longest
	if a.given(2) {
		size = min(max(a.int(2, size), 1), longest)
	}
	b := make([]byte, size)
	if _, err := rand.Read(b); err != nil {
		return "", failf("password_hash: no random salt: %s", err)
	}
	for i := range b {
		b[i] = cryptAlphabet[b[i]&63]
	}
	return string(b), nil
}

// sum is the scheme's steps 1 to 21.
func (k cryptKind) sum(key, salt []byte, rounds int) []byte {
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

func (k cryptKind) round(i int, acc, p, s []byte) []byte {
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

func (k cryptKind) digest(parts ...[]byte) []byte {
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

func (k cryptKind) encode(sum []byte) string {
	var out strings.Builder
	put := func(v uint, n int) {
		for range n {
			out.WriteByte(cryptAlphabet[v&63])
			v >>= 6
		}
	}
	for _, t := range k.triples {
		put(uint(sum[t[0]])<<16|uint(sum[t[1]])<<8|uint(sum[t[2]]), 4)
	}
	if len(k.tail) == 1 {
		put(uint(sum[k.tail[0]]), 2)
	} else {
		put(uint(sum[k.tail[0]])<<8|uint(sum[k.tail[1]]), 3)
	}
	return out.String()
}
