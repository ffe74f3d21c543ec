package command_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/module/command"
	"rollout/internal/value"
)

type folder string

func (f folder) Open(_, name string) (fs.File, string, error) {
	path := filepath.Join(string(f), name)
	file, err := os.Open(path)
	return file, path, err
}

func run(t *testing.T, name, free string, check bool, files module.Files, pairs ...any) module.Result {
	t.Helper()
	for _, m := range command.Modules() {
		if m.Name != "ansible.builtin."+name {
			continue
		}
		args, err := m.Args.Validate(value.NewMap(pairs...))
		if err != nil {
			t.Fatal(err)
		}
		res, err := m.Run(t.Context(), &module.Call{Args: args, FreeForm: free, Host: connection.Local(), Check: check,
			Env: map[string]string{"GREETING": "hi there"}, Files: files})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	t.Fatalf("no module %s", name)
	return module.Result{}
}

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/there.txt", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/s.sh", []byte("#!/bin/sh\necho \"$# $2\"; exit 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type m = []any
	cases := []struct {
		name, module, free string
		args               m
		check              bool
		stdout             string
		rc                 any
		changed, failed    bool
		skipped            bool
	}{
		{"words", "command", `printf '%s|' a "b  c" $GREETING $UNSET_1 ~/x '|'`, nil, false, "a|b  c|hi there|$UNSET_1|" + os.Getenv("HOME") + "/x|||", 0, true, false, false},
		{"argv", "command", "", m{"argv", []any{"printf", "%s", "a b"}}, false, "a b", 0, true, false, false},
		{"code", "command", "false", nil, false, "", 1, true, true, false},
		{"not there", "command", "no-such-command x", nil, false, "", 2, false, true, false},
		{"nothing", "command", "", nil, false, "", 256, false, true, false},
		{"stdin", "command", "cat", m{"stdin", "x", "strip_empty_ends", false}, false, "x\n", 0, true, false, false},
		{"stdin as it is", "command", "cat", m{"stdin", "x", "stdin_add_newline", false, "strip_empty_ends", false}, false, "x", 0, true, false, false},
		{"chdir", "shell", "pwd", m{"chdir", dir}, false, dir, 0, true, false, false},
		{"chdir to nothing", "shell", "pwd", m{"chdir", dir + "/no"}, false, "", 1, false, true, false},
		{"creates", "shell", "echo x", m{"creates", dir + "/there*"}, false, "skipped, since " + dir + "/there* exists", 0, false, false, false},
		{"removes", "shell", "echo x", m{"removes", dir + "/not*"}, false, "skipped, since " + dir + "/not* does not exist", 0, false, false, false},
		{"removes there", "shell", "echo x", m{"removes", dir + "/there.txt"}, false, "x", 0, true, false, false},
		{"check", "shell", "touch " + dir + "/made", nil, true, "", 0, false, false, true},
		{"check with creates", "shell", "touch " + dir + "/made", m{"creates", dir + "/made"}, true, "", 0, true, false, false},
		{"shell", "shell", "echo a; echo b | tr b c", nil, false, "a\nc", 0, true, false, false},
		{"bash", "shell", "echo ${BASH_VERSION:+yes}", m{"executable", "/bin/bash"}, false, "yes", 0, true, false, false},
		{"raw", "raw", "echo out; exit 9", nil, false, "out\n", 9, true, true, false},
		{"script", "script", "s.sh 'a b' c", nil, false, "2 c\n", 3, true, true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res := run(t, c.module, c.free, c.check, folder(dir), c.args...)
			if c.stdout != res.Data.String("stdout") || c.rc != res.Data.At("rc") || res.Changed != c.changed || res.Failed != c.failed || res.Skipped != c.skipped {
				j, _ := value.ToJSON(res.Data)
				t.Errorf("got %+v %s", res, j)
			}
		})
	}
	if _, err := os.Stat(dir + "/made"); err == nil {
		t.Error("check mode ran the command")
	}
	if got := run(t, "shell", `printf 'a\nb\n\n'`, false, nil).Data.List("stdout_lines"); !reflect.DeepEqual(got, []any{"a", "b"}) {
		t.Errorf("stdout_lines %v", got)
	}
}
