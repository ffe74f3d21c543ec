package regex

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestReplaceAsPython(t *testing.T) {
	cases := []struct{ pattern, repl, in, want string }{
		{`x*`, `-`, `abxd`, `-a-b--d-`},
		{`(\w+)@(?P<host>\w+)`, `\g<host>:\1`, `me@here`, `here:me`},
		{`a(?=b)`, `X`, `ab ac`, `Xb ac`},
		{`(?<!a)b`, `X`, `ab bb`, `ab XX`},
		{`(a)(b)?`, `[\2]`, `a ab`, `[] [b]`},
		{`(\w)\1`, `<\1>`, `aabbc`, `<a><b>c`},
		{`^`, `> `, "a\nb", "> a\nb"},
		{`(?m)^`, `> `, "a\nb", "> a\n> b"},
		{`b$`, `X`, "ab\n", "aX\n"},
		{`(?i)ABC`, `x`, "aBc", "x"},
		{`\s+`, ` `, "a \t\n b", "a b"},
		{`[^\w.-]`, `_`, "a b/c.d-e", "a_b_c.d-e"},
		{`(?:ab)+?`, `X`, "ababab", "XXX"},
		{`a{2,3}`, `X`, "aaaaa", "XX"},
		{`a{,2}b`, `X`, "aaab", "aX"},
		{`(?x) a # comment
		  b`, `X`, "ab", "X"},
		{`(a)?b(?(1)c|d)`, `X`, "abc bd abd", "X X aX"},
		{`(?>a+)b`, `X`, "aaab", "X"},
		{`a++a`, `X`, "aaa", "aaa"},
		{`\d+`, `#`, "1٣2", "#"},
		{`(a|ab)(c|bcd)(d*)`, `[\1|\2|\3]`, "abcd", "[a|bcd|]"},
	}
	for _, c := range cases {
		re, err := Compile(c.pattern, 0)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		got, err := re.Replace(c.in, c.repl, 0)
		if err != nil || got != c.want {
			t.Errorf("sub(%q, %q, %q) = %q, %v; want %q", c.pattern, c.repl, c.in, got, err, c.want)
		}
	}
}

func TestAllCountsEmptyMatches(t *testing.T) {
	re, err := Compile(`|a`, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	_ = re.All("a", func(m *Match) error {
		s, _ := m.Group(0)
		got = append(got, s)
		return nil
	})
	if want := []string{"", "a", ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMistakesAreErrors(t *testing.T) {
	for _, p := range []string{`(`, `)`, `a**`, `[a`, `[z-a]`, `\1`, `(?P<n>a)(?P<n>b)`, `(?<=a+)b`, `*`, `\`, `a{3,2}`,
		`(?z)`, `(?P=x)`, `a(?i)b`, `\p`, strings.Repeat("(", 500), `((((a{1000}){1000}){1000}){1000})`, `[\`, `\x1`, `(?P<n`} {
		_, err := Compile(p, 0)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Compile(%.30q) = %v, want an *Error", p, err)
		}
	}
}

func TestBacktrackingIsBounded(t *testing.T) {
	for _, p := range []string{`(a+)+$`, `(a|a)*$`, `(.*)*x`, `(?=(a+)+$)`} {
		re, err := Compile(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := re.Search(strings.Repeat("a", 5000) + "b"); err != nil && !errors.Is(err, ErrTooSlow) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`(?P<a>\w+)(?(a)x|y)[^a-z\d]{2,3}?(?<=ab)`, "some text")
	f.Add(`(a*)*\b|$`, "aab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := Compile(pattern, 0)
		if err != nil {
			return
		}
		_, _ = re.Replace(text, `<\g<0>>`, 0)
	})
}

// What is left over of s makes a full match try other ways.
func TestFullMatchTriesAllWays(t *testing.T) {
	for pattern, want := range map[string]bool{"a|ab": true, "a*?b?": true, "a": false, "(?:a|ab)(?!c)": true, "": false} {
		re, err := Compile(pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		m, err := re.FullMatch("ab")
		if err != nil || (m != nil) != want {
			t.Errorf("%q: %v %v", pattern, m != nil, err)
		}
	}
}
