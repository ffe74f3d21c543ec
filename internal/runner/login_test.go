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
	login := Login{Connection: "local", User: "cli", Password: "s", KeyFile: "k", SSHArgs: "-o A=b", Timeout: 7 * time.Second,
		Become: true, BecomeUser: "clerk", BecomeMethod: "su"}
	for name, c := range map[string]struct {
		text  string
		extra *value.Map
		want  Target

		become bool
	}{
		"nothing else": {"", nil, Target{Connection: "local", User: "cli", Password: "s", KeyFile: "k", SSHArgs: "-o A=b", Timeout: 7 * time.Second}, true},
		"a keyword": {"remote_user: play\nconnection: ssh\n", nil,
			Target{Connection: "ssh", User: "play", Password: "s", KeyFile: "k", SSHArgs: "-o A=b", Timeout: 7 * time.Second}, true},
		"variables": {"remote_user: play\nbecome: false\n", value.NewMap("ansible_user", "v", "ansible_timeout", 3, "ansible_ssh_common_args", "-o C=d"),
			Target{Connection: "local", User: "v", Password: "s", KeyFile: "k", SSHArgs: "-o C=d", Timeout: 3 * time.Second}, false},
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
