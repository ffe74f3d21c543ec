package crypt

import (
	"bufio"
	_ "embed"
	"strconv"
	"strings"
	"testing"
)

// What passlib 1.7.4 makes, a line each: scheme, password, salt, rounds, ident,
// hash.
//
//go:embed testdata/passlib.txt
var passlib string

func TestHashesAreThoseOfPasslib(t *testing.T) {
	lines := bufio.NewScanner(strings.NewReader(passlib))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		rounds, err := strconv.Atoi(f[3])
		if err != nil {
			t.Fatal(err)
		}
		got, err := Hash(f[0], f[1], Options{Salt: f[2], Rounds: rounds, Ident: f[4]})
		if err != nil || got != f[5] {
			t.Errorf("%s %q: got %s, %v; want %s", f[0], f[1], got, err, f[5])
		}
	}
}

func TestRandomSalts(t *testing.T) {
	for _, name := range Names() {
		a, err := Hash(name, "p", Options{Rounds: map[string]int{"bcrypt": 4}[name]})
		b, err2 := Hash(name, "p", Options{Rounds: map[string]int{"bcrypt": 4}[name]})
		if err != nil || err2 != nil || a == b {
			t.Errorf("%s: %s, %s, %v, %v", name, a, b, err, err2)
		}
	}
}

func TestWhatCannotBeHashed(t *testing.T) {
	for want, f := range map[string]func() (string, error){
		"no password scheme": func() (string, error) { return Hash("rot13", "p", Options{}) },
		"has 22 characters":  func() (string, error) { return Hash("bcrypt", "p", Options{Salt: "short"}) },
		"at most 8":          func() (string, error) { return Hash("md5_crypt", "p", Options{Salt: "123456789"}) },
		"letters, digits":    func() (string, error) { return Hash("sha512_crypt", "p", Options{Salt: "a b"}) },
		"from 1000":          func() (string, error) { return Hash("sha512_crypt", "p", Options{Rounds: 3}) },
		"ident":              func() (string, error) { return Hash("bcrypt", "p", Options{Ident: "2x", Rounds: 4}) },
		"NUL":                func() (string, error) { return Hash("bcrypt", "p\x00", Options{Rounds: 4}) },
		"longer than":        func() (string, error) { return Hash("md5_crypt", strings.Repeat("x", 5000), Options{}) },
	} {
		if got, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %s, %v; want the error %q", got, err, want)
		}
	}
}
