package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/lab/api/apitest"
)

const watchedRoster = `students: [ada]
step_server: {image: docker-base, flavor: standard.xsmall, ssh_from: [203.0.113.0/24]}
`

const watchedTopology = `app: board
networks: {dmz-net: {cidr: 192.168.0.0/24}}
defaults: {image: docker-base, flavor: standard.xsmall}
tiers: {web: {networks: [dmz-net], containers: {web: {image: w}}}}
`

// Ctrl-C is how one stops watching: no error, and no half table.
func TestCtrlCEndsAWatch(t *testing.T) {
	lab := apitest.Start(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"classroom.yml": watchedRoster, "topology.yml": watchedTopology} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"classroom", "status", "--watch=1"}, {"status", "-w=1"}} {
		program := exec.CommandContext(t.Context(), "rollout", args...)
		program.Dir = dir
		program.Env = append(os.Environ(), "OS_CLIENT_CONFIG_FILE="+lab.Clouds, "OS_CLOUD="+apitest.Cloud, "STUDENT=ada")
		out, err := program.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		lines, blocks := bufio.NewScanner(out), 0
		for blocks < 2 && lines.Scan() {
			if strings.Contains(lines.Text(), "ada") {
				blocks++
			}
			if strings.Contains(lines.Text(), "\x1b") {
				t.Errorf("%v: what is no terminal got %q", args, lines.Text())
			}
		}
		if err := program.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			continue // up to its end
		}
		if code := ended(t, program); code != 0 || blocks != 2 {
			t.Errorf("%v: exit code %d after %d blocks", args, code, blocks)
		}
	}
}
