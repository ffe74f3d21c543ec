package template

import (
	"crypto/md5" //nolint:gosec // a scheme that old hosts still ask for
	"strings"
)

// The MD5 scheme of crypt(3), "$1$", as FreeBSD's libcrypt defined it in 1994:
// a thousand rounds, a salt of at most eight characters.
const (
	md5Mark     = "$1$"
	md5Rounds   = 1000
	maxMD5Salt  = 8
	md5Sum      = md5.Size
	md5LastByte = 11 // encoded alone
)

// md5Triples lists which bytes of the sum are encoded together.
var md5Triples = [5][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}}

// md5Crypt is the hash with its mark and salt.
func md5Crypt(key, salt string) string {
	inner := md5.Sum([]byte(key + salt + key)) //nolint:gosec // as above
	text := []byte(key + md5Mark + salt)
	for n := len(key); n > 0; n -= md5Sum {
		text = append(text, inner[:min(n, md5Sum)]...)
	}
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			text = append(text, 0)
		} else {
			text = append(text, key[0])
		}
	}
	sum := md5.Sum(text) //nolint:gosec // as above
	for i := range md5Rounds {
		sum = md5Round(i, sum, key, salt)
	}
	return md5Mark + salt + "$" + md5Text(sum)
}

func md5Round(i int, sum [md5Sum]byte, key, salt string) [md5Sum]byte {
	first, last := string(sum[:]), key
	if i&1 == 1 {
		first, last = last, first
	}
	text := first
	if i%3 != 0 {
		text += salt
	}
	if i%7 != 0 {
		text += key
	}
	return md5.Sum([]byte(text + last)) //nolint:gosec // as above
}

// md5Text is a sum in crypt's alphabet, six bits a character, lowest first.
func md5Text(sum [md5Sum]byte) string {
	var b strings.Builder
	put := func(bits uint, chars int) {
		for range chars {
			b.WriteByte(cryptAlphabet[bits&63])
			bits >>= 6
		}
	}
	for _, t := range md5Triples {
		put(uint(sum[t[0]])<<16|uint(sum[t[1]])<<8|uint(sum[t[2]]), 4)
	}
	put(uint(sum[md5LastByte]), 2)
	return b.String()
}
