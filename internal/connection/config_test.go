package connection_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollout/internal/connection"
	"rollout/internal/connection/sshtest"
	"rollout/internal/value"
)

func TestConfigFromVars(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	sshtest.Write(t, home+"/.ssh/config", `Host web*
  HostName %h.example.org
  User deploy
  Port 2222
  IdentityFile ~/.ssh/deploy_key
  UserKnownHostsFile ~/.ssh/web_hosts
  StrictHostKeyChecking accept-new
Host inner
  ProxyJump admin@gate:2200,second
Host gate
  HostName 192.0.2.1
`)
	get := func(t *testing.T, name string, pairs ...any) connection.SSHConfig {
		t.Helper()
		cfg, err := connection.ConfigFromVars(name, value.NewMap(pairs...))
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	t.Run("the person's file", func(t *testing.T) {
		cfg := get(t, "web1")
		if cfg.String() != "deploy@web1.example.org:2222" || !slices.Equal(cfg.KeyFiles, []string{home + "/.ssh/deploy_key"}) ||
			cfg.KnownHostsFiles[0] != home+"/.ssh/web_hosts" || cfg.StrictChecking != connection.AcceptNew {
			t.Errorf("got %+v", cfg)
		}
	})
	t.Run("variables win", func(t *testing.T) {
		cfg := get(t, "h", "ansible_host", "10.0.0.7", "ansible_port", 2201, "ansible_user", "root", "ansible_password", "p",
			"ansible_ssh_private_key_file", "~/k", "ansible_timeout", "30", "ansible_host_key_checking", false)
		if cfg.String() != "root@10.0.0.7:2201" || cfg.Name != "h" || cfg.Password != "p" || cfg.KeyFiles[0] != home+"/k" ||
			cfg.ConnectTimeout != 30*time.Second || cfg.StrictChecking != connection.AcceptNew {
			t.Errorf("got %+v", cfg)
		}
	})
	t.Run("options of ssh", func(t *testing.T) {
		cfg := get(t, "h", "ansible_ssh_common_args",
			`-o UserKnownHostsFile=/tmp/k -oStrictHostKeyChecking=yes -o "ConnectTimeout 5" -o ControlPersist=60s -C -i /a -p 24`,
			"ansible_ssh_extra_args", "-o IdentityFile='/b c' -J gate")
		if cfg.Port != 24 || cfg.KnownHostsFiles[0] != "/tmp/k" || cfg.ConnectTimeout != 5*time.Second ||
			!slices.Equal(cfg.KeyFiles, []string{"/a", "/b c"}) || len(cfg.ProxyJump) != 1 {
			t.Errorf("got %+v", cfg)
		}
	})
	t.Run("jumps", func(t *testing.T) {
		cfg := get(t, "inner")
		if want := []connection.Jump{{User: "admin", Host: "gate", Port: 2200}, {Host: "second"}}; !slices.Equal(cfg.ProxyJump, want) {
			t.Fatalf("got %+v", cfg.ProxyJump)
		}
		gate, err := cfg.Jumps(cfg.ProxyJump[0])
		if err != nil || gate.String() != "admin@192.0.2.1:2200" {
			t.Errorf("got %s, %v", gate, err)
		}
	})
	for args, want := range map[string]string{
		"-o StrictHostkeyCheckin=no":  `did you mean "StrictHostKeyChecking"?`,
		"-o ProxyCommand='nc %h %p'":  "ProxyCommand is not supported",
		"-D 1080":                     "-D is not supported",
		"-o 'Port=22":                 "quote is not closed",
		"-o Port=http":                "must be a number",
		"-o StrictHostKeyChecking=so": "yes or accept-new",
		"-i":                          "lacks its value",
	} {
		if _, err := connection.ConfigFromVars("h", value.NewMap("ansible_ssh_common_args", args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", args, err)
		}
	}
}

func TestWayFromVars(t *testing.T) {
	for c, want := range map[string]connection.Way{"": connection.OverSSH, "smart": connection.OverSSH, "paramiko": connection.OverSSH,
		"local": connection.OnMachine, "ansible.builtin.ssh": connection.OverSSH} {
		if got, err := connection.WayFromVars("h", value.NewMap("ansible_connection", c)); err != nil || got != want {
			t.Errorf("%q: got %v, %v", c, got, err)
		}
	}
	if _, err := connection.WayFromVars("h", value.NewMap("ansible_connection", "winrm")); err == nil {
		t.Error("winrm was accepted")
	}
}

func TestProxyJump(t *testing.T) {
	gate, inner := sshtest.Start(t, ""), sshtest.Start(t, "")
	cfg := inner.Config()
	sshtest.Write(t, cfg.KnownHostsFiles[0], read(t, cfg.KnownHostsFiles[0])+read(t, gate.Config().KnownHostsFiles[0]))
	sshtest.Write(t, gate.Dir+"/authorized_keys", read(t, inner.Dir+"/authorized_keys"))
	cfg.ProxyJump = []connection.Jump{{Host: "127.0.0.1", Port: gate.Port}}
	h, err := inner.Pool().Get(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Run(t.Context(), connection.Command{Script: "echo $SSH_CONNECTION"})
	if err != nil || len(out.Stdout) == 0 {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
}
