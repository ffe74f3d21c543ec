package module

import (
	"strings"
	"testing"

	"rollout/internal/document"
)

func TestLiteralsAreJudgedAsTheyStand(t *testing.T) {
	s := Schema{
		Args: []Arg{
			{Name: "path", Aliases: []string{"dest"}, Required: true}, {Name: "state", Choices: []string{"file", "directory", "absent"}, Default: "file"},
			{Name: "force", Type: Bool}, {Name: "count", Type: Int}, {Name: "src"}, {Name: "content"}, {Name: "user"}, {Name: "password"},
			{Name: "kinds", Type: List, Elements: Str, Choices: []string{"a", "b"}},
			{Name: "ports", Type: List, Elements: Dict, Options: []Arg{{Name: "port", Type: Int, Required: true}, {Name: "proto", Choices: []string{"tcp", "udp"}}}},
		},
		MutuallyExclusive: [][]string{{"src", "content"}}, RequiredTogether: [][]string{{"user", "password"}},
		RequiredIf: []RequiredIf{{"state", "absent", []string{"count"}}},
	}
	for _, c := range []struct{ args, want string }{
		{"{path: x}", ""},
		{"{dest: x, state: directory, force: yes, count: '3', kinds: 'a,b'}", ""},
		{"{state: file}", `f.yml:9:9: copy needs the argument "path"`},
		{"{path: x, state: directry}", `f.yml:1:18: copy's state must be one of file, directory, absent, not "directry" (did you mean "directory"?)`},
		{"{path: x, force: perhaps}", "f.yml:1:18: copy's force: perhaps is not a valid boolean (yes or no)"},
		{"{path: x, count: many}", "f.yml:1:18: copy's count: many is not a whole number, unable to convert to int"},
		{"{path: x, count: '{{ many }}', force: '{{ f }}', state: '{{ s }}', ports: '{{ p }}', kinds: ['{{ k }}']}", ""},
		{"{path: x, kinds: [a, c]}", `f.yml:1:22: copy's kinds must be one of a, b, not "c"`},
		{"{path: x, src: a, content: b}", "f.yml:1:28: copy takes only one of src, content"},
		{"{path: x, user: a}", "f.yml:9:9: copy needs password beside what is there: they go together"},
		{"{path: x, state: absent}", "f.yml:9:9: copy needs count where state is absent"},
		{"{path: x, ports: [{port: 80, proto: icmp}]}", `f.yml:1:37: copy's ports.proto must be one of tcp, udp, not "icmp"`},
		{"{path: x, ports: [{proto: tcp}]}", `f.yml:1:19: copy's ports needs the option "port"`},
		{"{path: null}", `f.yml:9:9: copy needs the argument "path"`},
	} {
		n, err := document.Parse("f.yml", []byte(c.args))
		if err != nil {
			t.Fatal(err)
		}
		var errs document.Errors
		s.CheckLiterals("copy", n, false, document.Position{File: "f.yml", Line: 9, Column: 9}, &errs)
		got := ""
		if errs.Err() != nil {
			got = errs.Err().Error()
		}
		if got != c.want && !(c.want != "" && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.args, got, c.want)
		}
	}
	var errs document.Errors
	s.CheckLiterals("copy", &document.Node{Kind: document.Mapping}, true, document.Position{}, &errs)
	if errs.Len() > 0 {
		t.Errorf("arguments may come from elsewhere: %v", errs.Err())
	}
}
