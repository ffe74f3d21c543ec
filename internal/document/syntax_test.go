package document

import (
	"errors"
	"strings"
	"testing"
)

// The place of what keeps a text from being YAML, and what to do about it.
func TestYAMLMistakes(t *testing.T) {
	for _, c := range []struct{ name, text, at, hint string }{
		{"tab", "- hosts: all\n  tasks:\n  \t- debug:\n", "3:3", "YAML takes no tabs"},
		{"tab first", "a:\n\tb: 1\n", "2:1", "YAML takes no tabs"},
		{"template and more", "- hosts: all\n  vars:\n    x: {{ y }}/z\n", "3:8", "starts with {{"},
		{"template", "- hosts: all\n  vars:\n    x: {{ y }}\n", "3:9", "starts with {{"},
		{"template in a list", "- hosts: all\n  tasks:\n  - {{ x }}\n", "3:6", "starts with {{"},
		{"statement", "a:\n  x: {% if a %}b{% endif %}\n", "2:6", "starts with {%"},
		{"text behind a quote", "- hosts: all\n  vars:\n    x: \"a\" b\n  tasks: []\n", "3:12", `quote all of it, as in '"a" b'`},
		{"text behind a single quote", "x: 'a' b\n", "1:8", `quote all of it, as in '''a'' b'`},
		{"open quote", "- hosts: all\n  vars:\n    x: \"abc\n    y: 1\n  tasks: []\n", "3:8", `put a " at its end`},
		{"open single quote", "- hosts: all\n  vars:\n    x: 'abc\n    y: 1\n", "3:8", `put a ' at its end`},
		{"open quote after a long one", "a: \"one\n  two\"\nb: 'three\nc: 4\n", "3:4", `put a ' at its end`},
		{"colon in a value", "- hosts: all\n  vars:\n    x: a: b\n", "3:9", `quote a value that holds ": "`},
		{"colon in a command", "- hosts: all\n  tasks:\n  - shell: echo one: two\n", "3:20", `quote a value that holds ": "`},
		{"too deep", "- hosts: all\n  tasks:\n  - name: x\n      debug: msg=1\n", "4:7", "deeper than the line above"},
		{"not deep enough", "- hosts: all\n  tasks:\n    - name: x\n   debug: msg=1\n", "4:4", "begin in column 5, 3, 1"},
		{"items apart", "- hosts: all\n  tasks:\n  - debug:\n   - debug:\n", "4:4", "the items of one list begin in one column"},
		{"item of nothing", "- hosts: all\n- tasks:\n    - debug:\n  - x\n", "4:3", "the items of one list begin in one column"},
		{"no blank behind the dash", "- hosts: all\n  tasks:\n  -debug: x\n  - debug:\n", "3:3", "a blank is missing behind the -"},
		{"no colon", "- hosts: all\n  tasks\n  - debug:\n", "2:3", "a colon and a blank are missing"},
		{"no colon, a value", "- hosts: all\n  become yes\n  tasks: []\n", "2:3", "a colon and a blank are missing"},
		{"no blank behind the colon", "- hosts: all\n  become:yes\n  tasks: []\n", "2:9", "a blank is missing behind the colon"},
		{"no blank in the first line", "- hosts:all\n  tasks: []\n", "1:8", "a blank is missing behind the colon"},
		{"at", "- hosts: @all\n", "1:10", "starts with @"},
		{"backtick", "- hosts: `x`\n", "1:10", "starts with `"},
		{"percent", "a:\n  x: %a\n", "2:6", "starts with %"},
		{"star", "- hosts: *.example\n", "1:10", "starts with *"},
		{"ampersand", "a:\n  x: &\n", "2:6", "starts with &"},
		{"unknown anchor", "- hosts: *web\n", "1:10", "no value is marked &web"},
		{"open bracket", "- hosts: [a, b\n  tasks: []\n", "1:10", "put a ] at its end"},
		{"open brace", "- hosts: all\n  tasks:\n  - debug: {msg: x\n  - debug:\n", "3:12", "put a } at its end"},
		{"escape", "a:\n  x: \"a\\d\"\n", "2:8", `write \\ for a backslash`},
		{"text behind >", "a:\n  x: > a\n", "2:6", "begins on the next line"},
		{"text too far left", "- shell: |\n    echo\n   more\n", "3:4", "the keys of one mapping begin in one column"},
		{"control character", "a: 1\nx: \x07\n", "2:4", `\x07`},
		{"tag", "a: !valut x\n", "1:4", `did you mean "!vault"?`},
		{"behind wide characters", "日本: a: b\n", "1:6", `quote a value that holds ": "`},
		{"with line ends of Windows", "a: 1\r\nb: 'x\r\nc: 2\r\n", "2:4", `put a ' at its end`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f.yml", []byte(c.text))
			var at *Error
			if !errors.As(err, &at) {
				t.Fatalf("no error with a place: %v", err)
			}
			if got := at.Error(); !strings.HasPrefix(got, "f.yml:"+c.at+": ") || !strings.Contains(got, c.hint) {
				t.Errorf("got %s\nwant %s … %s", got, c.at, c.hint)
			}
		})
	}
}

// A mistake at the end of a long file is found without reading it a thousand
// times.
func TestYAMLMistakesInLongFiles(t *testing.T) {
	text := strings.Repeat("- debug:\n    msg: text\n", 5000)
	_, err := Parse("f.yml", []byte(text+"- x: 'y\n"))
	var at *Error
	if !errors.As(err, &at) || at.Pos.Line != 10001 {
		t.Errorf("%v", err)
	}
}

func TestJSONMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"{ }}\n":                             "f.json:1:4: it is neither JSON nor YAML. JSON: invalid character '}' after top-level value.",
		"{\n  \"a\": [1, 2},\n\t\"b\": @\n}": "f.json:2:13: it is neither JSON nor YAML. JSON: invalid character '}' after array element.",
	} {
		_, err := Parse("f.json", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}
