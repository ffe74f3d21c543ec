package runner

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollout/internal/connection"
	"rollout/internal/value"
	"rollout/inventory"
)

// recorder keeps the targets that were asked for.
type recorder struct{ got *[]Target }

func (r recorder) Connect(_ context.Context, t Target) (connection.Host, error) {
	*r.got = append(*r.got, t)
	return fakeHosts{}.Connect(context.Background(), t)
}

func TestTheCommandLineIsWeakestInHowHostsAreReached(t *testing.T) {
	login := Login{Connection: "local", User: "cli", Password: "s", KeyFile: "k", SSHArgs: "-o A=b", CommonArgs: "-o B=c", ExtraArgs: "-o E=f", Timeout: 7 * time.Second,
		Become: true, BecomeUser: "clerk", BecomeMethod: "su"}
	for name, c := range map[string]struct {
		text  string
		extra *value.Map
		want  Target

		become bool
	}{
		"nothing else": {"", nil, Target{Connection: "local", User: "cli", Password: "s", KeyFile: "k", SSHArgs: "-o A=b -o B=c -o E=f", Timeout: 7 * time.Second}, true},
		"a keyword": {"remote_user: play\nconnection: ssh\n", nil,
			Target{Connection: "ssh", User: "play", Password: "s", KeyFile: "k", SSHArgs: "-o A=b -o B=c -o E=f", Timeout: 7 * time.Second}, true},
		"variables": {"remote_user: play\nbecome: false\n", value.NewMap("ansible_user", "v", "ansible_timeout", 3, "ansible_ssh_common_args", "-o C=d"),
			Target{Connection: "local", User: "v", Password: "s", KeyFile: "k", SSHArgs: "-o A=b -o C=d -o E=f", Timeout: 3 * time.Second}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got []Target
			tr, sum, err := ran(t, map[string]string{"site.yml": play("h1", c.text+"tasks:\n  - test.where:\n")}, func(o *Options) {
				o.Login, o.ExtraVars, o.Connector = login, c.extra, recorder{&got}
			})
			if err != nil || sum.ExitCode() != 0 || len(got) != 1 {
				t.Fatalf("%v, %+v, %+v", err, sum, got)
			}
			c.want.Name, c.want.Address = "h1", "h1"
			if got[0] != c.want {
				t.Errorf("got  %+v\nwant %+v", got[0], c.want)
			}
			if become := strings.Contains(tr.text(), " as clerk by su "); become != c.become {
				t.Errorf("become is %v: %s", become, tr.text())
			}
		})
	}
}

// Of two variables for one thing the one of SSH wins, as in ansible-core; a
// become method's own variable is stronger than the general one.
func TestConnectionVariablesThatSayTheSame(t *testing.T) {
	extra := value.NewMap("ansible_user", "a", "ansible_ssh_user", "b", "ansible_port", 1, "ansible_ssh_port", "2", "ansible_host", "h",
		"ansible_ssh_host", "i", "ansible_timeout", 3, "ansible_ssh_timeout", 4, "ansible_private_key_file", "k", "ansible_ssh_private_key_file", "l",
		"ansible_password", "p", "ansible_ssh_pass", "q", "ansible_ssh_args", "-o A=b", "ansible_connection", "ssh", "ansible_become", true,
		"ansible_become_method", "community.general.doas", "ansible_become_user", "x", "ansible_doas_user", "y", "ansible_sudo_user", "z")
	var got []Target
	tr, sum, err := ran(t, map[string]string{"site.yml": play("h1", "tasks:\n  - test.where:\n")}, func(o *Options) {
		o.Login, o.ExtraVars, o.Connector = Login{SSHArgs: "-o Z=z", ExtraArgs: "-o E=f"}, extra, recorder{&got}
	})
	if err != nil || sum.ExitCode() != 0 || len(got) != 1 {
		t.Fatalf("%v, %+v, %+v", err, sum, got)
	}
	want := Target{Name: "h1", Connection: "ssh", Address: "i", Port: 2, User: "b", Password: "q", KeyFile: "l",
		SSHArgs: "-o A=b -o E=f", Timeout: 4 * time.Second}
	if got[0] != want {
		t.Errorf("got  %+v\nwant %+v", got[0], want)
	}
	if !strings.Contains(tr.text(), " as y by doas ") {
		t.Errorf("the wrong user: %s", tr.text())
	}
}

func TestConnectionVariablesThatCannotBeObeyed(t *testing.T) {
	for name, text := range map[string]string{"ansible_shell_type": "powershell", "ansible_ssh_executable": "/usr/bin/mosh",
		"ansible_ssh_pkcs11_provider": "/lib/x.so", "ansible_connection": "winrm", "ansible_become_method": "pbrun"} {
		var got []Target
		tr, sum, err := ran(t, map[string]string{"site.yml": play("h1", "become: true\ntasks:\n  - test.where:\n")}, func(o *Options) {
			o.ExtraVars, o.Connector = value.NewMap(name, text), recorder{&got}
		})
		if err != nil || sum.ExitCode() != 2 || len(got) != 0 || !strings.Contains(tr.text(), text) {
			t.Errorf("%s: %v, %+v, %+v: %s", name, err, sum, got, tr.text())
		}
	}
}

func TestLimitFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "failed hosts.retry")
	if err := os.WriteFile(file, []byte("h1\n\nh3\nh4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := prepared(t, play("all", ""), func(o *Options) {
		o.Inventory, o.Limit = inventory.Names{"h1", "h2", "h3", "h4"}, "!h4,@"+file
	})
	got, err := run.List(t.Context())
	if err != nil || len(got[0].Hosts) != 2 || got[0].Hosts[1] != "h3" {
		t.Errorf("%v, %+v", err, got)
	}
	run = prepared(t, play("all", ""), func(o *Options) { o.Limit = "@" + file + "x" })
	if _, err := run.List(t.Context()); err == nil {
		t.Error("a file that is not there is no limit")
	}
}
