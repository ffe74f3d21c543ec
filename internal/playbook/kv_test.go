package playbook

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"rollout/internal/value"
)

func TestParseKV(t *testing.T) {
	for _, c := range []struct {
		text    string
		command bool
		want    string
	}{
		{"src=a dest=b", false, `[{src a} {dest b}] ""`},
		{`msg="hello world" x='a b'`, false, `[{msg hello world} {x a b}] ""`},
		{"msg={{ a + b }} n=1", false, `[{msg {{ a + b }}} {n 1}] ""`},
		{"echo a=b creates=/x > c", true, `[{creates /x}] "echo a=b > c"`},
		{"echo hi   there", true, `[] "echo hi   there"`},
		{`a=x\=y b\=c`, false, `[{a x\=y}] "b=c"`},
		{`line="a\nb" tab=x\t.`, false, "[{line a\nb} {tab x\t.}] \"\""},
		{"echo one \\\n  two", true, `[] "echo one  two"`},
		{"file.yml tags=x", false, `[{tags x}] "file.yml"`},
		{"a=b\x1c \x1dc=d", false, `[{a b} {c d}] ""`},
		{`echo \N{BULLET}`, true, `[] "echo \\N{BULLET}"`},
		{"a=1 a=2", false, `[{a 2}] ""`},
		{"", false, `[] ""`},
	} {
		pairs, rest, err := ParseKV(c.text, c.command)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		equal(t, c.text, fmt.Sprintf("%v %q", pairs, rest), c.want)
	}
	for _, bad := range []string{`a="b`, "x={{ y", "{% if x", `a=\N{BULLET}`} {
		if _, _, err := ParseKV(bad, false); err == nil {
			t.Errorf("%q must be an error", bad)
		}
	}
}

// randomArgs makes argument strings of the pieces that matter to the splitter.
func randomArgs(n int) []string {
	pieces := []string{
		"a", "b=c", "k=", "=", " ", " ", "  ", "\n", "\\", "\\\n", "\"", "'", "\\\"", "\\'", "{{", "}}", "{%", "%}", "{#", "#}",
		" {{ x }} ", "creates=/tmp", "chdir=x", "é", "\\n", "\\x41", "\\u00e9", "\t", "x\\=y", "echo", "|", ">", "msg='a b'", "\\xzz",
	}
	rng := rand.New(rand.NewPCG(7, 11))
	var out []string
	for range n {
		var b strings.Builder
		b.WriteString(pieces[rng.IntN(3)]) // leading blanks are an error there, not here
		for range rng.IntN(9) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		out = append(out, b.String())
	}
	return out
}

// python is the interpreter of the installed Ansible; the test is skipped
// where there is none.
func python(t *testing.T) []string {
	t.Helper()
	script, err := exec.LookPath("ansible-playbook")
	if err != nil {
		t.Skip("ansible-playbook isn't installed: nothing to compare with")
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.Fields(strings.TrimPrefix(first, "#!"))
}

func TestSplitterAgainstAnsible(t *testing.T) {
	interpreter := python(t)
	inputs := randomArgs(5000)
	in, err := value.ToJSON(value.List(inputs))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter[0], append(interpreter[1:], "testdata/splitter.py")...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := value.FromJSON(out)
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	for i, a := range answers.([]any) {
		want := a.([]any)
		got := []any{splitAnswer(inputs[i]), kvAnswer(inputs[i], false), kvAnswer(inputs[i], true)}
		for j, what := range []string{"words", "pairs", "command"} {
			if !value.Equal(got[j], want[j]) && failures < 20 {
				failures++
				t.Errorf("%s of %q:\n got %#v\nwant %#v", what, inputs[i], got[j], want[j])
			}
		}
	}
}

func splitAnswer(text string) any {
	words, err := SplitArgs(text)
	if err != nil {
		return nil
	}
	return value.List(words)
}

func kvAnswer(text string, command bool) any {
	pairs, rest, err := ParseKV(text, command)
	if err != nil {
		return nil
	}
	m := value.NewMap()
	for _, p := range pairs {
		m.Set(p.Key, p.Value)
	}
	if rest != "" {
		m.Set("_raw_params", rest)
	}
	return m
}

func FuzzParseKV(f *testing.F) {
	for _, text := range randomArgs(50) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := SplitArgs(text)
		if err == nil && len(text) > 0 && len(strings.Join(words, "")) > len(text)*2 {
			t.Fatal("words grew")
		}
		if _, _, err := ParseKV(text, false); err != nil {
			return
		}
		if _, _, err := ParseKV(text, true); err != nil {
			t.Fatal("a command must read what others do")
		}
	})
}

// Arguments given as text stand where they were written.
func TestPairsKnowTheirPlace(t *testing.T) {
	l := &Loader{Files: memory{"site.yml": "- hosts: a\n  tasks:\n  - copy: src=a dest=\"b c\" mode=0644\n  - action: copy dest=d\n" +
		"  - copy: >\n      src=a\n      dest=b\n  - copy: 'src=a  dest=b'\n"}}
	pb, err := l.Load("site.yml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	pb.Walk(func(t *Task) {
		dest := t.Args.Get("dest")
		for _, e := range t.Args.Entries {
			if e.Name() == "dest" {
				got = append(got, e.Key.Pos.String()+" "+dest.Pos.String())
			}
		}
	})
	equal(t, "places", strings.Join(got, "\n"), `site.yml:3:17 site.yml:3:23
site.yml:4:18 site.yml:4:23
site.yml:7:7 site.yml:7:12
site.yml:8:19 site.yml:8:24`)
}
