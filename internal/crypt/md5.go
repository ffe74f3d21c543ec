package crypt

import (
	"crypto/md5"
	"strings"
)

// md5Hash is FreeBSD's MD5-crypt (P.-H. Kamp, 1994).
func md5Hash(key []byte, salt string, _ int, _ string) (string, error) {
	inner := md5.Sum([]byte(string(key) + salt + string(key)))
	h := md5.New()
	h.Write(key)
	h.Write([]byte("$1$" + salt))
	h.Write(stretch(inner[:], len(key)))
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write([]byte{0})
		} else {
			h.Write(key[:1])
		}
	}
	acc := h.Sum(nil)
	for i := range 1000 {
		acc = md5Round(i, acc, key, []byte(salt))
	}
	var out strings.Builder
	out.WriteString("$1$" + salt + "$")
	for i := range 5 {
		third := i + 12
		if i == 4 {
			third = 5
		}
		put(&out, uint(acc[i])<<16|uint(acc[i+6])<<8|uint(acc[third]), 4)
	}
	put(&out, uint(acc[11]), 2)
	return out.String(), nil
}

func md5Round(i int, acc, key, salt []byte) []byte {
	h := md5.New()
	first, last := acc, key
	if i%2 == 1 {
		first, last = key, acc
	}
	h.Write(first)
	if i%3 != 0 {
		h.Write(salt)
	}
	if i%7 != 0 {
		h.Write(key)
	}
	h.Write(last)
	return h.Sum(nil)
}
