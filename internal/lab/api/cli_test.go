package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/lab/api/apitest"
)

// commandLine is OpenStack's own client on a lab. Each call takes about a second of processor time, so that the stories
// below go their ways in parallel and keep to what a class types.
type commandLine struct {
	lab *apitest.Lab
	dir string
}

// run returns the output; a call that ends otherwise than expected fails the test.
func (c commandLine) run(t *testing.T, works bool, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "openstack", args...)
	command.Env = append(os.Environ(), "OS_CLIENT_CONFIG_FILE="+c.lab.Clouds, "OS_CLOUD="+apitest.Cloud, "HOME="+c.dir)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); (err == nil) != works {
		t.Fatalf("openstack %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// json returns the output of a call as data.
func (c commandLine) json(t *testing.T, line string) any {
	t.Helper()
	var data any
	if err := json.Unmarshal([]byte(c.run(t, true, append(strings.Fields(line), "-f", "json")...)), &data); err != nil {
		t.Fatalf("openstack %s: %v", line, err)
	}
	return data
}

// column is one column of a listing.
func column(data any, name string) string {
	var values []any
	for _, row := range data.([]any) {
		values = append(values, row.(map[string]any)[name])
	}
	return fmt.Sprint(values)
}

func TestOpenStackCommandLine(t *testing.T) {
	if _, err := exec.LookPath("openstack"); err != nil {
		t.Skip("there is no openstack command line here (Debian: python3-openstackclient)")
	}
	c := commandLine{lab: apitest.Start(t), dir: t.TempDir()}
	script := filepath.Join(c.dir, "user-data")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("stories", func(t *testing.T) {
		t.Run("a server", func(t *testing.T) { t.Parallel(); aServer(t, c, script) })
		t.Run("a network", func(t *testing.T) { t.Parallel(); aNetwork(t, c) })
		t.Run("images and groups", func(t *testing.T) {
			t.Parallel()
			own := commandLine{lab: apitest.Start(t), dir: t.TempDir()} // quotas are set, which the others would meet
			imagesAndGroups(t, own, script)
		})
		t.Run("looking around", func(t *testing.T) { t.Parallel(); lookingAround(t, c) })
	})
}

func aServer(t *testing.T, c commandLine, script string) {
	made := c.json(t, "server create --image docker-base --flavor standard.xsmall --network dmz-net --network app-net --user-data "+script+
		" --property tier=web --key-name key-for-internal --security-group sg-all-from-console --availability-zone az1 --wait web").(map[string]any)
	if made["status"] != "ACTIVE" || made["key_name"] != "key-for-internal" {
		t.Errorf("server create --wait shows %v", made)
	}
	address := c.json(t, "floating ip create Ext-Net").(map[string]any)["floating_ip_address"].(string)
	c.run(t, true, "server", "add", "floating", "ip", "web", address)
	if in := c.lab.Machines.Floating(); len(in) != 1 || in[0].Address != address {
		t.Errorf("in force are %v", in)
	}
	if networks := column(c.json(t, "server list"), "Networks"); !strings.Contains(networks, "192.168.0.2 "+address) {
		t.Errorf("server list shows the networks %s", networks)
	}
	c.run(t, true, "server", "add", "security", "group", "web", "sg-web-from-internet")
	if log := c.run(t, true, "console", "log", "show", "web"); !strings.Contains(log, "web login:") {
		t.Errorf("the console shows %q", log)
	}
	c.run(t, true, "server", "reboot", "--hard", "--wait", "web")
	c.run(t, true, "floating", "ip", "delete", address)
	c.run(t, true, "server", "delete", "--wait", "web")
	c.run(t, false, "server", "show", "web")
}

func aNetwork(t *testing.T, c commandLine) {
	c.run(t, true, "network", "create", "net")
	if subnet := c.json(t, "subnet create --network net --subnet-range 10.9.0.0/24 sub").(map[string]any); subnet["gateway_ip"] != "10.9.0.1" {
		t.Errorf("subnet create shows %v", subnet)
	}
	c.run(t, true, "router", "create", "--external-gateway", "Ext-Net", "router")
	c.run(t, true, "router", "add", "subnet", "router", "sub")
	c.run(t, false, "network", "delete", "net") // it is in use
	c.run(t, true, "router", "remove", "subnet", "router", "sub")
	c.run(t, true, "router", "delete", "router")
	c.run(t, true, "network", "delete", "net")
}

func lookingAround(t *testing.T, c commandLine) {
	c.run(t, true, "security", "group", "create", "sg")
	c.run(t, true, "security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "80:81", "--remote-ip", "10.0.0.0/8", "sg")
	if ports := column(c.json(t, "security group rule list sg"), "Port Range"); !strings.Contains(ports, "80:81") {
		t.Errorf("the rules' ports are %s", ports)
	}
	c.run(t, true, "security", "group", "delete", "sg")
	if names := column(c.json(t, "flavor list"), "Name"); names != "[standard.xsmall standard.small standard.medium]" {
		t.Errorf("flavors are %s", names)
	}
	if names := column(c.json(t, "catalog list"), "Name"); names != "[keystone nova neutron glance]" {
		t.Errorf("the catalog has %s", names)
	}
}

func imagesAndGroups(t *testing.T, c commandLine, file string) {
	c.run(t, true, "image", "create", "--disk-format", "raw", "--min-ram", "64", "--property", "a=b", "--tag", "t", "--file", file, "mine")
	c.run(t, true, "image", "set", "--community", "--protected", "mine")
	shown := c.json(t, "image show mine").(map[string]any)
	if shown["status"] != "active" || shown["visibility"] != "community" || shown["size"] != float64(len("#!/bin/sh\n")) {
		t.Errorf("image show shows %v", shown)
	}
	c.run(t, false, "image", "delete", "mine")
	c.run(t, false, "server", "create", "--image", "mine", "--flavor", "standard.xsmall", "--network", "dmz-net", "x")
	c.run(t, true, "image", "set", "--unprotected", "mine")
	c.run(t, true, "image", "delete", "mine")
	c.run(t, true, "server", "group", "create", "--policy", "anti-affinity", "group")
	c.run(t, true, "quota", "set", "--server-groups", "1", "--networks", "3", "lab")
	c.run(t, false, "server", "group", "create", "--policy", "affinity", "other")
	c.run(t, false, "network", "create", "one-too-many")
	c.run(t, true, "quota", "set", "--server-groups", "-1", "--networks", "-1", "lab")
	c.run(t, true, "server", "group", "delete", "group")
}
