package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/runner"
)

const bootTopology = `app: boot
owner: student07
networks: {dmz-net: {cidr: 192.168.0.0/24}}
defaults: {image: docker-base, flavor: standard.xsmall, key_name: key-for-internal, user: debian}
tiers: {app: {networks: [dmz-net], count: 1}}
`

const bootPlaybook = `- hosts: all
  gather_facts: false
  tasks:
    - name: Server
      openstack.cloud.server:
        name: "{{ server.name }}"
        image: "{{ server.image }}"
        flavor: "{{ server.flavor }}"
        nics: "{{ server.nics }}"
        meta: "{{ server.meta }}"
        userdata: "{{ user_data }}"
        auto_ip: false
      delegate_to: localhost
`

// bootRun starts the boots of n VMs.
func bootRun(t *testing.T, lab *apitest.Lab, n string, more ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{"topology.yml": bootTopology, "boot.yml": bootPlaybook} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, out := exec.CommandContext(t.Context(), "rollout", append([]string{"boot.yml", "-e", "app_count=" + n}, more...)...), &bytes.Buffer{}
	program.Dir, program.Stdout, program.Stderr = dir, out, out
	program.Env = append(os.Environ(), "OS_CLIENT_CONFIG_FILE="+lab.Clouds, "OS_CLOUD="+apitest.Cloud, "HOME="+dir)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill() })
	return program, out
}

func labCloud(t *testing.T, lab *apitest.Lab) *openstack.Cloud {
	t.Helper()
	c, err := openstack.Open(t.Context(), clouds.Config{Cloud: apitest.Cloud,
		Further: map[string]string{apitest.Cloud: lab.Clouds}, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// awaitServers waits until there are that many servers, and returns them.
func awaitServers(t *testing.T, c *openstack.Cloud, n int) []openstack.Server {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		servers, err := c.ListServers(t.Context(), openstack.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if len(servers) >= n {
			return servers
		}
	}
	t.Fatalf("there were no %d servers within a minute", n)
	return nil
}

// A run that is killed in the midst of its creates leaves what it made; the next
// one goes on with it, and makes no twin.
func TestKilledRunMakesNoTwins(t *testing.T) {
	for _, kill := range []int{1, 7, 19} {
		lab := apitest.Start(t)
		lab.Order(t, api.Faults{Answers: []api.AnswerFault{
			{Method: "POST", Path: "/compute/v2.1/servers", Cut: "after", Count: 3},
			{Method: "POST", Path: "/compute/v2.1/servers", Delay: 20}}})
		c := labCloud(t, lab)
		first, _ := bootRun(t, lab, "20")
		awaitServers(t, c, kill)
		if err := first.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = first.Wait()                                     // killed
		second, out := bootRun(t, lab, "20", "--lock=false") // the dead run's lock has not ended yet
		if code := ended(t, second); code != 0 {
			t.Fatalf("the second run ended with %d:\n%s", code, out)
		}
		names := map[string]bool{}
		for _, s := range awaitServers(t, c, 20) {
			if names[s.Name] || s.Status != "ACTIVE" {
				t.Errorf("killed at %d: a second %s, or it is %s", kill, s.Name, s.Status)
			}
			names[s.Name] = true
		}
		if len(names) != 20 {
			t.Errorf("killed at %d: %d servers", kill, len(names))
		}
	}
}

// Ctrl-C while VMs boot names each that is left, with its id and state.
func TestCtrlCNamesTheServersThatAreLeft(t *testing.T) {
	lab := apitest.Start(t)
	lab.Order(t, api.Faults{Servers: []api.ServerFault{{Name: "*", Fault: "stuck"}}})
	program, out := bootRun(t, lab, "3")
	servers := awaitServers(t, labCloud(t, lab), 3)
	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := ended(t, program); code != runner.ExitInterrupted {
		t.Errorf("exit code %d, not %d", code, runner.ExitInterrupted)
	}
	for _, s := range servers {
		said := regexp.MustCompile(regexp.QuoteMeta(s.Name+" ("+s.ID+") was left in ") + `(BUILD|a state nobody saw)`)
		if !said.MatchString(out.String()) {
			t.Errorf("%s is not named:\n%s", s.Name, out)
		}
	}
	if strings.Contains(out.String(), "Deleting") {
		t.Errorf("something was deleted:\n%s", out)
	}
}
