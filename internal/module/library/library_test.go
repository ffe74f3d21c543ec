package library_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/module/library"
	"rollout/internal/value"
)

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func call(args *value.Map) *module.Call {
	return &module.Call{Args: args, HostName: "h", Host: connection.Local(),
		Render: func(context.Context, string, string, *value.Map) (string, error) { return "", nil }}
}

func TestModulesOfAllStyles(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"old.sh":       "#!/bin/sh\n. \"$1\"\n[ \"$word\" = \"it's \\\"two\\\" words\" ] && echo '{\"changed\": true, \"got\": \"same\"}'\n",
		"json.sh":      "#!/bin/sh\n# WANT_JSON\nprintf 'a line of others\\n{\"got\": %s}\\n' \"$(cat \"$1\")\"; echo behind\n",
		"inside":       "#!/bin/sh\ncat <<'END'\n{\"got\": <<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>}\nEND\n",
		"fails.sh":     "#!/bin/sh\necho '{\"failed\": true, \"msg\": \"no luck\"}'\n",
		"code.sh":      "#!/bin/sh\necho '{\"rc\": 3}'\n",
		"silent.sh":    "#!/bin/sh\necho oops >&2; exit 4\n",
		"facts.sh":     "#!/bin/sh\necho '{\"ansible_facts\": {\"a\": 1}}'\n",
		"nowhere.none": "#!/no/such/interpreter\n",
	} {
		put(t, filepath.Join(dir, file), text)
	}
	lib := library.New([]string{dir}, nil)
	// What keeps the arguments secret is not the module's umask.
	put(t, filepath.Join(dir, "umask.sh"), "#!/bin/sh\nprintf '{\"got\": \"%s\"}' \"$(umask)\"\n")
	args := value.NewMap("word", "it's \"two\" words", "number", 3)
	run := func(name string) module.Result {
		t.Helper()
		m := lib.Find(name)
		if m == nil {
			t.Fatalf("%s was not found", name)
		}
		res, err := m.Run(t.Context(), call(args))
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := run("old"); !res.Changed || res.Data.String("got") != "same" {
		t.Errorf("old: %+v %v", res, res.Data)
	}
	for _, name := range []string{"json", "inside"} {
		if got := run(name).Data.Map("got"); got.String("word") != `it's "two" words` || got.At("number") != 3 || got.At("_ansible_check_mode") != false {
			t.Errorf("%s: %v", name, got)
		}
	}
	if res := run("json"); len(res.Warnings) != 1 {
		t.Errorf("junk was not told: %v", res.Warnings)
	}
	if res := run("fails"); !res.Failed || res.Msg != "no luck" {
		t.Errorf("fails: %+v", res)
	}
	if res := run("code"); !res.Failed {
		t.Errorf("code: %+v", res)
	}
	if res := run("silent"); !res.Failed || res.Data.At("rc") != 4 || !strings.Contains(res.Data.String("module_stderr"), "oops") {
		t.Errorf("silent: %+v", res)
	}
	old := syscall.Umask(0o026)
	res := run("umask")
	syscall.Umask(old)
	if got := res.Data.String("got"); got != "0026" && got != "026" {
		t.Errorf("umask: %s", got)
	}
	if res := run("facts"); res.Facts.At("a") != 1 {
		t.Errorf("facts: %+v", res)
	}
	if lib.Find("nowhere") != nil || lib.Find("absent") != nil {
		t.Error("a module was found that is not there")
	}
}

func TestModulesOfCollectionsAndRoles(t *testing.T) {
	root, role := t.TempDir(), t.TempDir()
	put(t, filepath.Join(root, "ansible_collections/ns/coll/plugins/modules/m.sh"), "#!/bin/sh\necho '{}'\n")
	put(t, filepath.Join(role, "library", "r.py"), "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n")
	lib := library.New(nil, []string{root})
	if lib.Find("ns.coll.m") == nil || lib.Find("ns.coll.n") != nil || lib.Find("m") != nil || lib.Find("r") != nil {
		t.Error("collections")
	}
	lib.Add(role)
	if lib.Find("r") == nil {
		t.Error("the role's module was not found")
	}
	if err := lib.Problem("r"); err == nil || !strings.Contains(err.Error(), "ansible.module_utils") {
		t.Errorf("%v", err)
	}
	if err := lib.Problem("ns.coll.m"); err != nil {
		t.Error(err)
	}
}

// A module that the machine runs by itself gets its arguments as JSON.
func TestBinary(t *testing.T) {
	content, err := os.ReadFile("/bin/cat")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "cat"), string(content))
	res, err := library.New([]string{dir}, nil).Find("cat").Run(t.Context(), call(value.NewMap("changed", true, "x", "1")))
	if err != nil || !res.Changed || res.Data.String("x") != "1" {
		t.Errorf("%+v %v", res, err)
	}
}
