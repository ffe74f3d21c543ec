package command

import (
	"bytes"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

// What a detached program prints is what Run returns, but for the times.
func TestDetachedProgramsSayWhatRunSays(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		m    *module.Module
		free string
		args *value.Map
	}{
		{"plain", commandModule(), "echo hello", value.NewMap()},
		{"status and both outputs", shellModule(), "echo out; echo err >&2; exit 3", value.NewMap()},
		{"ends kept", shellModule(), "printf 'a\\n\\n'", value.NewMap("strip_empty_ends", false)},
		{"no end, kept", shellModule(), "printf 'a\\nb'", value.NewMap("strip_empty_ends", false)},
		{"ends stripped", shellModule(), "printf '\\n\\na\\r\\nb\\r\\n\\r\\n'", value.NewMap()},
		{"quotes and such", shellModule(), `printf 'a"b\\c\td\001e\033[0m\303\244 \\n \\r\n%s' "'\$x"`, value.NewMap()},
		{"nothing", commandModule(), "true", value.NewMap()},
		{"argv", commandModule(), "", value.NewMap("argv", []any{"printf", "%s-", "a b", "c"})},
		{"input", commandModule(), "cat", value.NewMap("stdin", "x\ny")},
		{"creates", commandModule(), "echo no", value.NewMap("creates", dir)},
		{"removes", commandModule(), "echo no", value.NewMap("removes", dir+"/nothing")},
		{"chdir", commandModule(), "pwd", value.NewMap("chdir", dir)},
		{"no folder", commandModule(), "pwd", value.NewMap("chdir", dir+"/nothing")},
		{"no command", commandModule(), "nosuchcommand a", value.NewMap()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args, err := tt.m.Args.Validate(tt.args)
			if err != nil {
				t.Fatal(err)
			}
			call := &module.Call{Args: args, FreeForm: tt.free, Host: connection.Local(), Become: nil}
			want, err := tt.m.Run(t.Context(), call)
			if err != nil {
				t.Fatal(err)
			}
			p, err := tt.m.Detach(call)
			if err != nil {
				t.Fatal(err)
			}
			out, err := call.Host.Run(t.Context(), connection.Command{Script: p.Script, Stdin: bytes.NewReader(p.Stdin)})
			if err != nil {
				t.Fatal(err)
			}
			v, err := value.FromJSON(out.Stdout)
			if err != nil {
				t.Fatalf("%v in %s%s", err, out.Stdout, out.Stderr)
			}
			got := v.(*value.Map)
			for _, name := range []string{"stdout", "stderr", "rc", "cmd"} {
				if w, g := want.Data.At(name), got.At(name); tt.name != "no folder" && !(name == "cmd" && w == nil) && !value.Equal(w, g) {
					t.Errorf("%s: got %#v, want %#v", name, g, w)
				}
			}
			if got.Bool("failed") != want.Failed || got.Bool("changed") != want.Changed {
				t.Errorf("got %s, want %+v", out.Stdout, want)
			}
		})
	}
}
