package lab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestStateDir(t *testing.T) {
	t.Setenv("HOME", "/home/somebody")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("ROLLOUT_LAB_STATE", "")
	if got := StateDir(); got != "/home/somebody/.local/state/rollout/lab" {
		t.Errorf("by HOME: %s", got)
	}
	t.Setenv("XDG_STATE_HOME", "/state")
	if got := StateDir(); got != "/state/rollout/lab" {
		t.Errorf("by XDG_STATE_HOME: %s", got)
	}
	t.Setenv("ROLLOUT_LAB_STATE", "/mine")
	if got := CloudsFile(); got != "/mine/clouds.yaml" {
		t.Errorf("by ROLLOUT_LAB_STATE: %s", got)
	}
}

func TestNewSettingsRefuseBadNetworks(t *testing.T) {
	for external, want := range map[string]string{
		"":              "",
		"10.20.30.0/24": "",
		"10.20.0.0/16":  "",
		"10.20.30.1/24": "must be an IPv4 network",
		"10.20.30.0/30": "at least 256 addresses",
		"fd00::/64":     "must be an IPv4 network",
		"ten":           `cannot use "ten"`,
	} {
		_, err := newSettings("/dir", external, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got error %v, want %q", external, err, want)
		}
	}
}

func TestNewSettingsRefuseNetworksThatOverlap(t *testing.T) {
	_, err := newSettings("/dir", "10.20.30.0/24", []Network{{"a", "10.20.0.0/16"}, {"b", "10.1.0.0/24"}, {"c", "10.1.0.0/25"}, {"d", "x"}})
	for _, want := range []string{`network "a": it overlaps with 10.20.30.0/24`, `network "c": it overlaps with 10.1.0.0/24 of b`, `"x" as network "d"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestSettingsAreKept(t *testing.T) {
	dir := t.TempDir()
	if _, err := readSettings(dir); !errors.Is(err, ErrDown) {
		t.Errorf("without a lab: %v", err)
	}
	made, err := newSettings(dir, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readSettings(dir)
	if err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("got %+v, %v, want %+v", got, err, made)
	}
	info, err := os.Stat(filepath.Join(dir, settingsFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the settings hold a password and are readable by others: %v %v", info.Mode(), err)
	}
}

func TestSplitImage(t *testing.T) {
	for image, want := range map[string][2]string{
		"me/dbs:ver1.0":           {"me/dbs", "ver1.0"},
		"me/dbs":                  {"me/dbs", "latest"},
		"nginx":                   {"library/nginx", "latest"},
		"docker.io/library/nginx": {"library/nginx", "latest"},
		"reg.example:5000/a/b":    {"reg.example:5000/a/b", "latest"},
	} {
		if name, tag := splitImage(image); name != want[0] || tag != want[1] {
			t.Errorf("splitImage(%q) = %q, %q", image, name, tag)
		}
	}
}

func TestKeyPairIsOneThatSSHKnows(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	file := filepath.Join(t.TempDir(), KeyName)
	public, err := keyPair(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keyPair(file)
	if err != nil || again != public {
		t.Errorf("the second time: %q, %v, want %q", again, err, public)
	}
	derived, err := exec.Command(keygen, "-y", "-f", file).Output()
	if err != nil {
		t.Fatalf("ssh-keygen does not read the private key: %v", err)
	}
	if got := strings.TrimSpace(string(derived)); !strings.HasPrefix(public, got) {
		t.Errorf("the public key is\n%s\nssh-keygen derives\n%s", public, got)
	}
}

func TestProcess(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	process, err := spawn(log, "sh", "-c", "echo started; exec sleep 600")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.end(context.Background(), 0) })
	if !process.runs() {
		t.Fatal("it does not run")
	}
	other := *process
	other.Start += "1" // the same number, given to another process later
	if other.runs() {
		t.Error("a process with the same number is taken for ours")
	}
	if err := other.end(t.Context(), 0); err != nil || !process.runs() {
		t.Errorf("ending what is gone touched another process (%v)", err)
	}
	if err := process.end(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if process.runs() {
		t.Error("it runs after its end")
	}
}

func TestProcessEndKillsWhatIgnoresTheSignal(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	process, err := spawn(log, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
	if err != nil {
		t.Fatal(err)
	}
	for text := ""; !strings.Contains(text, "ready"); {
		read, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		text = string(read)
		time.Sleep(5 * time.Millisecond)
	}
	if err := process.end(t.Context(), 50*time.Millisecond); err != nil || process.runs() {
		t.Errorf("it still runs (%v)", err)
	}
}

func TestMemoryPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"12:pids:/docker/1\n3:memory:/docker/1\n0::/docker/1\n": "/sys/fs/cgroup/memory/docker/1",
		"0::/system.slice/docker-1.scope/init\n":                "/sys/fs/cgroup/system.slice/docker-1.scope",
	} {
		if got := memoryPlaces(text); len(got) == 0 || got[0].dir != want {
			t.Errorf("%q: got %v, want %s", text, got, want)
		}
	}
	if used := memoryOf(os.Getpid()); used < 0 {
		t.Errorf("this process uses %d bytes", used)
	}
}

func TestLockExcludes(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := lock(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	unlock, err = lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestAPIDFileIsStaleWhereItsProcessIsAnother(t *testing.T) {
	own, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Skip("no /proc")
	}
	pid := strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		text, program string
		stays         bool
	}{
		{pid, strings.TrimSpace(string(own)), true},
		{pid + "\n", "dockerd", false},
		{"999999999", "dockerd", false},
		{"not a number", "dockerd", false},
	} {
		file := filepath.Join(t.TempDir(), "x.pid")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := dropStalePID(file, tt.program); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); (err == nil) != tt.stays {
			t.Errorf("%q of %s: stays %v", tt.text, tt.program, err == nil)
		}
	}
	if err := dropStalePID(filepath.Join(t.TempDir(), "none"), "dockerd"); err != nil {
		t.Error(err)
	}
}
