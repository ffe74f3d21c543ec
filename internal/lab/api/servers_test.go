package api_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
)

func machineOf(t *testing.T, c *client, id string) api.Machine {
	t.Helper()
	machine, there := c.lab.Machines.Machine(id)
	if !there {
		t.Fatalf("there is no machine %s", id)
	}
	return machine
}

func TestServerLife(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.learn()
	script := "#!/bin/sh\necho hello\n"
	r := c.ask(202, "POST", servers, `{"server":{"name":"web_1","imageRef":"{image}","flavorRef":1,"key_name":"key-for-internal",
		"user_data":"`+base64.StdEncoding.EncodeToString([]byte(script))+`","metadata":{"tier":"web"},"availability_zone":"az2",
		"security_groups":[{"name":"sg-all-from-console"}],
		"networks":[{"uuid":"{dmz-net}"},{"uuid":"{app-net}","fixed_ip":"172.16.10.9"}]}}`)
	id := r.at("server.id").(string)
	if !strings.HasSuffix(r.header.Get("Location"), "/servers/"+id) {
		t.Errorf("Location is %q", r.header.Get("Location"))
	}
	c.names["id"] = id
	c.status(id, "ACTIVE")
	m := machineOf(t, c, id)
	if string(m.UserData) != script || m.Metadata["tier"] != "web" || m.AvailabilityZone != "az2" || m.ImageRef != "rollout-lab:test" || m.PublicKey == "" {
		t.Errorf("the machine is %+v", m)
	}
	if len(m.NICs) != 2 || m.NICs[0].NetworkName != "dmz-net" || m.NICs[0].Gateway != "192.168.0.1" || m.NICs[1].IP != "172.16.10.9" || m.NICs[1].PrefixLen != 24 {
		t.Errorf("its network cards are %+v", m.NICs)
	}
	c.tell([]step{
		{request: "GET " + servers + "/{id}", status: 200, want: `server.addresses.app-net.0.addr="172.16.10.9"; server.key_name="key-for-internal"; ` +
			`server.OS-EXT-STS:power_state=1; server.metadata.tier="web"; server.security_groups=[{"name":"sg-all-from-console"}]`},
		{request: "GET " + servers + "?name=^web_1$", status: 200, want: "servers.#=1"},
		{request: "GET " + servers + "?name=^WEB", status: 200, want: "servers.#=1"},
		{request: "GET " + servers + "?name=none%7Cweb_1", status: 200, want: "servers.#=0"},
		{request: "GET " + servers + "?status=SHUTOFF", status: 200, want: "servers.#=0"},
		{request: "GET " + servers + "?ip=172.16.10.9", status: 200, want: "servers.#=1"},
		{request: `POST ` + servers + `/{id}/metadata {"metadata":{"stage":"two"}}`, status: 200, want: `metadata={"stage":"two","tier":"web"}`},
		{request: `DELETE ` + servers + `/{id}/metadata/tier`, status: 204},
		{request: `PUT ` + servers + `/{id} {"server":{"name":"web-1"}}`, status: 200, want: `server.name="web-1"; server.metadata={"stage":"two"}`},
		{request: `POST ` + servers + `/{id}/action {"os-getConsoleOutput":{"length":1}}`, status: 200, want: `output="web_1 login:\n"`},
		{request: `POST ` + servers + `/{id}/action {"os-getConsoleOutput":{"length":null}}`, status: 200, want: `output="booting web_1\nweb_1 login:\n"`},
		{request: `POST ` + servers + `/{id}/action {"os-start":null}`, status: 409, want: `conflictingRequest.code=409`},
		{request: `POST ` + servers + `/{id}/action {"pause":null}`, status: 400},
		{request: `POST ` + servers + `/{id}/action {"frobnicate":null}`, status: 400},
		{request: `POST ` + servers + `/{id}/action {"lock":null}`, status: 202},
		{request: `DELETE ` + servers + `/{id}`, status: 409},
		{request: `POST ` + servers + `/{id}/action {"unlock":null}`, status: 202},
	})
	for _, power := range []struct{ action, then string }{{`{"os-stop":null}`, "SHUTOFF"}, {`{"os-start":null}`, "ACTIVE"},
		{`{"reboot":{"type":"SOFT"}}`, "ACTIVE"}, {`{"reboot":{"type":"HARD"}}`, "ACTIVE"}} {
		c.ask(202, "POST", servers+"/{id}/action", power.action)
		c.status(id, power.then)
	}
	c.ask(204, "DELETE", servers+"/{id}", "")
	c.gone(id)
	if there, _ := c.lab.Machines.Count(); there != 0 {
		t.Errorf("%d machines are left", there)
	}
	if n := c.ask(200, "GET", "/network/v2.0/ports?device_owner=compute:az2", "").at("ports.#"); n != 0.0 {
		t.Errorf("%v ports are left", n)
	}
}

// Several at once have names, ports and metadata of their own.
func TestMultipleCreate(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.boot("s", `,"min_count":3,"metadata":{"a":"b"}`)
	list := c.ask(200, "GET", servers+"?sort_key=display_name&sort_dir=asc", "")
	for i := range 3 {
		if have := list.at(fmt.Sprintf("servers.%d.name", i)); have != fmt.Sprintf("s-%d", i+1) {
			t.Errorf("server %d is %v", i, have)
		}
	}
	first, second := list.at("servers.0.id").(string), list.at("servers.1.id").(string)
	c.ask(204, "DELETE", servers+"/"+first+"/metadata/a", "")
	if have := c.ask(200, "GET", servers+"/"+second, "").at("server.metadata.a"); have != "b" {
		t.Errorf("the second's metadata went with the first's: %v", have)
	}
}

func TestInterfaces(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	id := c.boot("web", "")
	c.names["id"] = id
	c.status(id, "ACTIVE")
	c.tell([]step{
		{request: `POST /network/v2.0/ports {"port":{"network_id":"{dbs-net}","name":"mine"}}`, status: 201, keep: "mine=port.id"},
		{request: `POST ` + servers + `/{id}/os-interface {"interfaceAttachment":{"port_id":"{mine}"}}`, status: 200, want: `interfaceAttachment.port_state="ACTIVE"`},
		{request: `POST ` + servers + `/{id}/os-interface {"interfaceAttachment":{"port_id":"{mine}"}}`, status: 409},
		{request: `POST ` + servers + `/{id}/os-interface {"interfaceAttachment":{"net_id":"{app-net}"}}`, status: 200, keep: "nova=interfaceAttachment.port_id"},
		{request: `PUT /network/v2.0/ports/{mine} {"port":{"device_id":""}}`, status: 409},
		{request: `DELETE /network/v2.0/ports/{mine}`, status: 409},
		{request: `GET ` + servers + `/{id}/os-interface`, status: 200, want: `interfaceAttachments.#=3`},
	})
	if nics := machineOf(t, c, id).NICs; len(nics) != 3 || nics[2].NetworkName != "app-net" {
		t.Errorf("the machine's cards are %+v", nics)
	}
	c.tell([]step{
		{request: `DELETE ` + servers + `/{id}/os-interface/{mine}`, status: 202},
		{request: `DELETE ` + servers + `/{id}/os-interface/{nova}`, status: 202},
		{request: `GET /network/v2.0/ports/{mine}`, status: 200, want: `port.device_id=""; port.status="DOWN"`},
		{request: `GET /network/v2.0/ports/{nova}`, status: 404},
	})
	if nics := machineOf(t, c, id).NICs; len(nics) != 1 {
		t.Errorf("the machine's cards are %+v", nics)
	}
}

// A machine gets rules with remote groups as addresses, and new ones when members come and go.
func TestSecurityGroupRules(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	web := c.boot("web", `,"security_groups":[{"name":"sg-web-from-internet"}]`)
	c.names["web"] = web
	c.status(web, "ACTIVE")
	ingress := func() []api.Rule {
		return slices.DeleteFunc(slices.Clone(machineOf(t, c, web).Rules), func(r api.Rule) bool { return r.Direction != "ingress" })
	}
	if rules := ingress(); len(rules) != 2 || rules[0].Protocol != "tcp" || rules[0].RemoteCIDRs != nil || rules[0].PortMin+rules[1].PortMin != 80+443 {
		t.Errorf("the rules are %+v", rules)
	}
	c.tell([]step{
		{request: `GET /compute/v2.1/os-security-groups`, status: 200, want: `security_groups.#=5`},
		{request: `GET /compute/v2.1/os-security-groups/{default}`, status: 200, want: `security_group.name="default"; security_group.rules.#=2`},
		{request: `GET /compute/v2.1/os-security-groups`, status: 404, headers: []string{"OpenStack-API-Version: compute 2.36"}},
		{request: `POST ` + servers + `/{web}/action {"addSecurityGroup":{"name":"default"}}`, status: 202},
		{request: `POST ` + servers + `/{web}/action {"addSecurityGroup":{"name":"default"}}`, status: 400},
		{request: `POST ` + servers + `/{web}/action {"addSecurityGroup":{"name":"none"}}`, status: 404},
		{request: `POST ` + servers + `/{web}/action {"removeSecurityGroup":{"name":"sg-web-from-internet"}}`, status: 202},
	})
	members := func() []string {
		for _, rule := range ingress() {
			if rule.Ethertype == "IPv4" {
				return rule.RemoteCIDRs
			}
		}
		return nil
	}
	if have := members(); !slices.Equal(have, []string{"192.168.0.2/32"}) {
		t.Errorf("alone in its group: %v", have)
	}
	app := c.boot("app", "")
	c.until("the rules with the other", func() bool { return slices.Contains(members(), "192.168.0.3/32") })
	c.ask(204, "DELETE", servers+"/"+app, "")
	c.gone(app)
	c.until("the rules without the other", func() bool { return len(members()) == 1 })
	c.ask(201, "POST", "/network/v2.0/security-group-rules", `{"security_group_rule":{"security_group_id":"{default}","direction":"ingress","protocol":"icmp"}}`)
	if rules := ingress(); !slices.ContainsFunc(rules, func(r api.Rule) bool { return r.Protocol == "icmp" && r.PortMin == -1 && r.PortMax == -1 }) {
		t.Errorf("a new rule is not in force: %+v", rules)
	}
	c.ask(409, "DELETE", "/network/v2.0/security-groups/{default}", "")
}

func TestFloatingIPs(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	web, app := c.boot("web", ""), c.boot("app", "")
	c.status(web, "ACTIVE")
	c.status(app, "ACTIVE")
	c.names["webport"], c.names["appport"], c.names["web"] = c.port(web), c.port(app), web
	c.tell([]step{
		{request: `POST /network/v2.0/floatingips {"floatingip":{"floating_network_id":"{dmz-net}"}}`, status: 400},
		{request: `POST /network/v2.0/floatingips {"floatingip":{"floating_network_id":"{Ext-Net}"}}`, status: 201, keep: "fip=floatingip.id",
			want: `floatingip.floating_ip_address="10.20.30.101"; floatingip.status="DOWN"; floatingip.port_id=null`},
		{request: `PUT /network/v2.0/floatingips/{fip} {"floatingip":{"port_id":"{webport}"}}`, status: 200, want: `floatingip.status="ACTIVE"; floatingip.port_details.device_id="{web}"`},
		{request: `GET ` + servers + `/{web}`, status: 200, want: `server.addresses.dmz-net.1.addr="10.20.30.101"; server.addresses.dmz-net.1.OS-EXT-IPS:type="floating"`},
		{request: `PUT /network/v2.0/routers/{Ext-Router}/remove_router_interface {"subnet_id":"{dmz-subnet}"}`, status: 409},
	})
	inForce := func(want string) {
		t.Helper()
		var have []string
		for _, f := range c.lab.Machines.Floating() {
			have = append(have, f.Address+">"+f.FixedIP+"@"+map[string]string{web: "web", app: "app"}[f.MachineID])
		}
		if fmt.Sprint(have) != want {
			t.Errorf("in force are %v, not %s", have, want)
		}
	}
	addressOf := func(id string) string { return machineOf(t, c, id).NICs[0].IP }
	inForce("[10.20.30.101>" + addressOf(web) + "@web]")
	c.ask(200, "PUT", "/network/v2.0/floatingips/{fip}", `{"floatingip":{"port_id":"{appport}"}}`)
	inForce("[10.20.30.101>" + addressOf(app) + "@app]")
	c.ask(409, "POST", "/network/v2.0/floatingips", `{"floatingip":{"floating_network_id":"{Ext-Net}","port_id":"{appport}"}}`)
	c.ask(200, "PUT", "/network/v2.0/floatingips/{fip}", `{"floatingip":{"port_id":null}}`)
	inForce("[]")
	c.ask(200, "PUT", "/network/v2.0/floatingips/{fip}", `{"floatingip":{"port_id":"{appport}"}}`)
	c.ask(204, "DELETE", servers+"/"+app, "")
	c.gone(app)
	c.until("the floating IP to be free", func() bool { return len(c.lab.Machines.Floating()) == 0 })
	c.tell([]step{
		{request: "GET /network/v2.0/floatingips/{fip}", status: 200, want: `floatingip.port_id=null; floatingip.status="DOWN"`},
		{request: "DELETE /network/v2.0/floatingips/{fip}", status: 204},
		{request: "GET /network/v2.0/floatingips", status: 200, want: `floatingips.#=0`},
	})
}

// What happened to machines behind the API's back is seen by who asks.
func TestMachinesBehindTheBack(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	died, lost := c.boot("died", ""), c.boot("lost", "")
	c.status(died, "ACTIVE")
	c.status(lost, "ACTIVE")
	if err := c.lab.Machines.Die(died); err != nil {
		t.Fatal(err)
	}
	c.lab.Machines.Lose(lost)
	c.status(died, "SHUTOFF")
	if fault := c.status(lost, "ERROR").at("server.fault.message"); !strings.Contains(fmt.Sprint(fault), "removed from outside") {
		t.Errorf("the fault is %v", fault)
	}
	c.ask(202, "POST", servers+"/"+died+"/action", `{"os-start":null}`)
	c.status(died, "ACTIVE")
	c.ask(409, "POST", servers+"/"+lost+"/action", `{"os-getConsoleOutput":{}}`)
	c.ask(204, "DELETE", servers+"/"+lost, "")
	c.gone(lost)
}

// What the backend cannot do ends in ERROR with its words, and can be deleted.
func TestBackendFails(t *testing.T) {
	machines := &apitest.Machines{Fail: func(_ context.Context, method, _ string) error {
		if method == "Boot" || method == "Rules" {
			return errors.New("the engine is on fire")
		}
		return nil
	}}
	c, _ := open(t, apitest.Config(t.TempDir()+"/state.json"), machines)
	id := c.boot("web", "")
	if fault := c.status(id, "ERROR").at("server.fault.message"); fault != "the engine is on fire" {
		t.Errorf("the fault is %v", fault)
	}
	c.ask(204, "DELETE", servers+"/"+id, "")
	c.gone(id)
}

// Networks that the machine cannot have or give back stay as they were in the state.
func TestNetworksThatFail(t *testing.T) {
	var broken atomic.Value // the method that fails
	broken.Store("")
	machines := &apitest.Machines{Fail: func(_ context.Context, method, _ string) error {
		if method == broken.Load() {
			return errors.New("the range is in use on this machine")
		}
		return nil
	}}
	c, _ := open(t, apitest.Config(t.TempDir()+"/state.json"), machines)
	c.tell([]step{{request: `POST /network/v2.0/networks {"network":{"name":"n"}}`, status: 201, keep: "n=network.id"}})
	subnet := `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.0/24","ip_version":4}}`
	broken.Store("CreateNetwork")
	c.tell([]step{{request: subnet, status: 409}, {request: "GET /network/v2.0/networks/{n}", status: 200, want: "network.subnets=[]"}})
	broken.Store("")
	c.tell([]step{{request: subnet, status: 201, keep: "s=subnet.id"}})
	broken.Store("DeleteNetwork")
	c.tell([]step{{request: "DELETE /network/v2.0/networks/{n}", status: 500}, {request: "DELETE /network/v2.0/subnets/{s}", status: 500},
		{request: "GET /network/v2.0/networks/{n}", status: 200, want: `network.subnets=["{s}"]`}})
	broken.Store("")
	c.tell([]step{{request: "DELETE /network/v2.0/networks/{n}", status: 204}})
	if _, there := machines.Networks()[c.names["n"]]; there {
		t.Error("the network is still there")
	}
}

// Fifty servers at once: no address twice while they are there, nothing left when they are gone.
func TestFiftyAtOnce(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.learn()
	var ids [50]string
	var group errgroup.Group
	for i := range ids {
		group.Go(func() error {
			r, err := c.try("POST", servers, fmt.Sprintf(`{"server":{"name":"s%d","imageRef":"{image}","flavorRef":"1",
				"networks":[{"uuid":"{dmz-net}"},{"uuid":"{app-net}"}]}}`, i))
			if err != nil || r.status != 202 {
				return fmt.Errorf("server %d: %d %s %w", i, r.status, r.text, err)
			}
			ids[i] = r.at("server.id").(string)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	c.until("all to be ACTIVE", func() bool { return c.ask(200, "GET", servers+"?status=ACTIVE", "").at("servers.#") == 50.0 })
	seen := map[string]string{}
	for _, id := range ids {
		for _, nic := range machineOf(t, c, id).NICs {
			for _, unique := range []string{nic.IP, nic.MAC} {
				if other := seen[unique]; other != "" {
					t.Errorf("%s is given to %s and %s", unique, other, id)
				}
				seen[unique] = id
			}
		}
	}
	for _, id := range ids {
		for range 2 { // a client that asks twice changes nothing
			group.Go(func() error {
				r, err := c.try("DELETE", servers+"/"+id, "")
				if err == nil && r.status != 204 && r.status != 404 {
					err = fmt.Errorf("deletion of %s: %d %s", id, r.status, r.text)
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	c.until("all to be gone", func() bool { return c.ask(200, "GET", servers, "").at("servers.#") == 0.0 })
	if there, booted := c.lab.Machines.Count(); there != 0 || booted != 50 {
		t.Errorf("%d machines are left, %d were booted", there, booted)
	}
	if n := c.ask(200, "GET", "/network/v2.0/ports", "").at("ports.#"); n != 1.0 {
		t.Errorf("%v ports are there; the router's alone should be", n)
	}
}
