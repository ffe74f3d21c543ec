package lab_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const cloudConfig = `#cloud-config
write_files:
  - {path: /root/written, content: "by cloud-config"}
runcmd:
  - [sh, -c, "echo RUNCMD on $(hostname)"]
`

const multipart = `Content-Type: multipart/mixed; boundary="=="
MIME-Version: 1.0

--==
Content-Type: text/cloud-config

write_files:
  - {path: /root/part, content: "one"}

--==
Content-Type: text/x-shellscript

#!/bin/sh
echo PART two sees $(cat /root/part)

--==--
`

// TestLab is the life of a lab: up, machines, floating IP, images, restarts, and down without a trace.
func TestLab(t *testing.T) {
	w := newWorld(t)
	w.openSSH()
	script := w.boot("script-1", []byte("#!/bin/bash\nservice docker start\necho SCRIPT by $(id -un) with docker $(docker version -f '{{.Server.Version}}')\n"))
	config := w.boot("config-1", []byte(cloudConfig))
	parts := w.boot("parts-1", []byte(multipart))

	console := w.awaitBoot(script, 1)
	contains(t, console, "SCRIPT by root with docker 2", "-----BEGIN SSH HOST KEY FINGERPRINTS-----", "Cloud-init v. ", " finished at ")
	contains(t, w.awaitBoot(config, 1), "RUNCMD on config-1")
	contains(t, w.awaitBoot(parts, 1), "PART two sees one")

	address := w.floatingIP(script)
	t.Run("ssh through the floating IP", func(t *testing.T) {
		out := w.ssh(address, console, "hostname; ip -o -4 addr show eth0; ip -o -4 addr show eth1; ip route show default; curl -s http://169.254.169.254/openstack/latest/meta_data.json")
		contains(t, out, "script-1\n", " 10.88.1.", " 10.88.2.", "default via 10.88.1.1 dev eth0", `"rollout_app":"test"`)
	})
	t.Run("a pushed image runs under its name", func(t *testing.T) {
		image := testImage(t)
		contains(t, w.run("lab", "push", image), "pushed "+image)
		contains(t, w.run("lab", "push", image), "already")
		contains(t, w.ssh(address, console, "docker run --rm "+image+" lab-node --help"), "lab-node")
	})
	t.Run("a restart keeps the order of NICs and runs user data no more", func(t *testing.T) {
		w.call(http.MethodPost, w.compute("/servers/"+script+"/action"), map[string]any{"reboot": map[string]string{"type": "HARD"}})
		again := w.awaitBoot(script, 2)
		if count := strings.Count(again, "SCRIPT by root"); count != 1 {
			t.Errorf("user data ran %d times", count)
		}
		contains(t, w.ssh(address, console, "ip -o -4 addr show eth0; ip route show default; docker ps"), " 10.88.1.", "default via 10.88.1.1 dev eth0", "CONTAINER ID")
	})
	t.Run("a machine removed behind the API's back is told", func(t *testing.T) {
		if out, err := exec.Command("docker", "rm", "-f", "-v", w.settings().ID+"-vm-"+config).CombinedOutput(); err != nil {
			t.Fatalf("docker rm: %v\n%s", err, out)
		}
		w.await("ERROR", time.Minute, func() (bool, string) { status, _ := w.status(config); return status == "ERROR", status })
	})
	t.Run("up heals what was killed", func(t *testing.T) { w.heals(script, address, console) })
	t.Run("down leaves nothing", func(t *testing.T) { w.leavesNothing() })
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

// testImage is an image of one static program, this one.
func testImage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "rollout")
	build := exec.Command("go", "build", "-o", program, "rollout/cmd/rollout")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	image := "lab-test-" + strconv.Itoa(os.Getpid()) + "/tool:1"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY rollout /rollout\nENTRYPOINT [\"/rollout\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build = exec.Command("docker", "build", "-q", "-t", image, dir)
	build.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("docker", "rmi", image).CombinedOutput(); err != nil {
			t.Errorf("docker rmi: %v\n%s", err, out)
		}
	})
	return image
}

// heals kills the API and the router; after another up all answers as before.
func (w *world) heals(server, address, console string) {
	s := w.settings()
	if err := syscall.Kill(s.APIProcess.PID, syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
	if out, err := exec.Command("docker", "rm", "-f", s.ID+"-router").CombinedOutput(); err != nil {
		w.t.Fatalf("docker rm: %v\n%s", err, out)
	}
	w.up()
	if status, _ := w.status(server); status != "ACTIVE" {
		w.t.Errorf("the server is %s", status)
	}
	contains(w.t, w.ssh(address, console, "hostname"), "script-1")
	before := w.settings().APIProcess.PID
	w.up()
	if after := w.settings().APIProcess.PID; after != before {
		w.t.Errorf("an up with nothing to do restarted the API")
	}
}

func (w *world) leavesNothing() {
	s := w.settings()
	var containers []string
	for _, name := range w.objects(s.ID) {
		if strings.Contains(name, "-vm-") {
			containers = append(containers, name)
		}
	}
	volumes, err := exec.Command("docker", append([]string{"inspect", "-f", "{{range .Mounts}}{{.Name}} {{end}}"}, containers...)...).Output()
	if err != nil || len(volumes) == 0 {
		w.t.Fatalf("cannot list the volumes of %v: %v", containers, err)
	}
	w.run("lab", "down")
	if left := w.objects(s.ID); len(left) > 0 {
		w.t.Errorf("left in Docker: %v", left)
	}
	for volume := range strings.FieldsSeq(string(volumes)) {
		if exec.Command("docker", "volume", "inspect", volume).Run() == nil {
			w.t.Errorf("volume %s is left", volume)
		}
	}
	// A dead process that nobody has taken in yet has an empty command line.
	if text, err := os.ReadFile("/proc/" + strconv.Itoa(s.APIProcess.PID) + "/cmdline"); err == nil && len(text) > 0 {
		w.t.Errorf("process %d is left", s.APIProcess.PID)
	}
	if _, err := os.Stat(w.state); err == nil {
		w.t.Errorf("the state folder %s is left", w.state)
	}
}
