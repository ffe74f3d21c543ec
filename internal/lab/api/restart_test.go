package api_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"rollout/internal/lab/api/apitest"
)

// Everything is there again after a restart, and what happened to machines meanwhile is seen.
func TestStateSurvives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	machines := &apitest.Machines{}
	c, server := open(t, apitest.Config(file), machines)
	kept, died := c.boot("kept", ""), c.boot("died", "")
	c.names["port"] = c.port(kept)
	c.status(kept, "ACTIVE")
	c.status(died, "ACTIVE")
	fip := c.ask(201, "POST", "/network/v2.0/floatingips", `{"floatingip":{"floating_network_id":"{Ext-Net}","port_id":"{port}"}}`).at("floatingip.id").(string)
	closeNow(t, server)
	if err := machines.Die(died); err != nil {
		t.Fatal(err)
	}

	again, second := open(t, apitest.Config(file), machines)
	again.token = c.token // still good
	again.status(kept, "ACTIVE")
	again.status(died, "SHUTOFF")
	if status := again.ask(200, "GET", "/network/v2.0/floatingips/"+fip, "").at("floatingip.status"); status != "ACTIVE" {
		t.Errorf("the floating IP is %v", status)
	}
	if n := len(machines.Networks()); n != 4 {
		t.Errorf("%d networks run", n)
	}
	again.ask(200, "GET", "/compute/v2.1/flavors/1", "")
	if n := again.ask(200, "GET", "/network/v2.0/networks", "").at("networks.#"); n != 4.0 {
		t.Errorf("%v networks: seeds were planted twice", n)
	}
	closeNow(t, second)
}

// A restart in the middle of boots, deletions and reboots finishes them.
func TestUnfinishedWorkIsTakenUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	var stuck atomic.Bool
	var stuckCalls atomic.Int32
	machines := &apitest.Machines{Fail: func(ctx context.Context, method, _ string) error {
		if stuck.Load() && (method == "Boot" || method == "Delete" || method == "Power") {
			stuckCalls.Add(1)
			<-ctx.Done()
		}
		return nil
	}}
	c, server := open(t, apitest.Config(file), machines)
	dying, stopping := c.boot("dying", ""), c.boot("stopping", "")
	c.status(dying, "ACTIVE")
	c.status(stopping, "ACTIVE")
	stuck.Store(true)
	born := c.boot("born", "")
	c.ask(204, "DELETE", servers+"/"+dying, "")
	c.ask(202, "POST", servers+"/"+stopping+"/action", `{"os-stop":null}`)
	c.until("three steps under way", func() bool { return stuckCalls.Load() == 3 })
	// While they are, a server says so.
	if task := c.ask(200, "GET", servers+"/"+born, "").at("server.OS-EXT-STS:task_state"); task != "spawning" {
		t.Errorf("the boot's task is %v", task)
	}
	if task := c.ask(200, "GET", servers+"/"+dying, "").at("server.OS-EXT-STS:task_state"); task != "deleting" {
		t.Errorf("the deletion's task is %v", task)
	}
	c.ask(409, "POST", servers+"/"+stopping+"/action", `{"os-start":null}`)
	closeNow(t, server)
	stuck.Store(false)

	again, _ := open(t, apitest.Config(file), machines)
	again.status(born, "ACTIVE")
	again.gone(dying)
	again.status(stopping, "ACTIVE") // nothing was done to it
	if there, _ := machines.Count(); there != 2 {
		t.Errorf("%d machines are there", there)
	}
}

// A deletion cuts a boot short.
func TestDeletionEndsBoot(t *testing.T) {
	var booting atomic.Int32
	machines := &apitest.Machines{Fail: func(ctx context.Context, method, _ string) error {
		if method == "Boot" {
			booting.Add(1)
			<-ctx.Done()
		}
		return nil
	}}
	c, _ := open(t, apitest.Config(filepath.Join(t.TempDir(), "state.json")), machines)
	id := c.boot("web", "")
	c.until("the boot", func() bool { return booting.Load() == 1 })
	c.ask(204, "DELETE", servers+"/"+id, "")
	c.gone(id)
}

// The state is its owner's alone, and whole at any time.
func TestStateFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "state.json")
	c, server := open(t, apitest.Config(file), &apitest.Machines{})
	check := func(when string) {
		t.Helper()
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", when, info.Mode(), err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("%s: %v %v", when, entries, err)
		}
	}
	check("new")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c.ask(400, "POST", "/network/v2.0/networks", `{"network":{"mtu":1}}`)
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Error("a refused request changed the file", err)
	}
	c.ask(201, "POST", "/network/v2.0/networks", `{"network":{"name":"n"}}`)
	check("changed")

	// Where it cannot be written, nothing changes.
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	c.ask(500, "POST", "/network/v2.0/networks", `{"network":{"name":"m"}}`)
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	if n := c.ask(200, "GET", "/network/v2.0/networks?name=m", "").at("networks.#"); n != 0.0 {
		t.Error("a change that could not be kept was made")
	}
	closeNow(t, server)
	for name, text := range map[string]string{"half of it": string(before[:len(before)/2]), "nothing": ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openError(t, file); err == nil {
			t.Errorf("%s is taken for a state", name)
		}
	}
}
