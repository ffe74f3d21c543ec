package runner

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/vars"
)

// becoming reads as whom the task runs; nil is the login user.
func becoming(s *vars.Scope, t *playbook.Task, login Login) (*connection.Become, error) {
	wanted, err := first(s, t.Become, "become", "ansible_become")
	if err != nil {
		return nil, err
	}
	if wanted == "" && login.Become {
		wanted = "yes"
	}
	yes, ok := asBool(wanted)
	if !ok {
		return nil, fmt.Errorf("the value of 'become' must be yes or no, not %q", wanted)
	}
	if !yes {
		return nil, nil
	}
	out := &connection.Become{}
	method, err := first(s, t.BecomeMethod, "become_method", "ansible_become_method")
	if err != nil {
		return nil, err
	}
	out.Method = plainMethod(cmp.Or(method, login.BecomeMethod))
	own := "ansible_" + out.Method + "_"
	for _, f := range []struct {
		into    *string
		keyword *document.Node
		name    string
		vars    []string
		login   string
	}{
		{&out.User, t.BecomeUser, "become_user", []string{own + "user", "ansible_become_user"}, login.BecomeUser},
		{&out.Exe, t.BecomeExe, "become_exe", []string{own + "exe", "ansible_become_exe"}, ""},
		{&out.Flags, t.BecomeFlags, "become_flags", []string{own + "flags", "ansible_become_flags"}, login.BecomeFlags},
		{&out.Password, nil, "", []string{own + "pass", "ansible_become_pass", "ansible_become_password"}, login.BecomePassword},
	} {
		v, err := first(s, f.keyword, f.name, f.vars...)
		if err != nil {
			return nil, err
		}
		*f.into = cmp.Or(v, f.login)
	}
	return out, completeBecome(out)
}

// plainMethod is the short name of a become method; none is sudo.
func plainMethod(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, builtin), "community.general.")
	return cmp.Or(name, "sudo")
}

func completeBecome(b *connection.Become) error {
	b.Method = plainMethod(b.Method)
	switch b.Method {
	case "sudo", "su", "doas":
	default:
		return fmt.Errorf("unknown become_method %q (known: sudo, su, doas)", b.Method)
	}
	if b.User == "" {
		b.User = "root"
	}
	return nil
}

// unobeyed are the connection variables that change what a host is told, and
// that this engine can obey for some values only.
var unobeyed = []struct {
	name string
	fits func(string) bool
	why  string
}{
	{"ansible_shell_type", func(v string) bool { return strings.TrimPrefix(v, builtin) == "sh" }, "hosts are worked on by /bin/sh"},
	{"ansible_ssh_executable", func(v string) bool { return path.Base(v) == "ssh" }, "SSH is built in"},
	{"ansible_ssh_pkcs11_provider", func(string) bool { return false }, "keys on smart cards come by ssh-agent"},
}

// refused finds a connection variable that cannot be obeyed.
func refused(s *vars.Scope) error {
	for _, v := range unobeyed {
		got, err := first(s, nil, "", v.name)
		if err != nil {
			return err
		}
		if got != "" && !v.fits(got) {
			return fmt.Errorf("rollout cannot obey %s = %s: %s", v.name, got, v.why)
		}
	}
	return nil
}
