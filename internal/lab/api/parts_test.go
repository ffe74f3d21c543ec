package api_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api/apitest"
)

// What can be asked of a server's parts.
func TestServerParts(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.tell([]step{{request: `POST /compute/v2.1/os-server-groups {"server_group":{"name":"g","policies":["anti-affinity"]}}`, status: 200,
		keep: "g=server_group.id", want: `server_group.policies=["anti-affinity"]`}})
	c.learn()
	r := c.ask(202, "POST", servers, `{"server":{"name":"web","imageRef":"","flavorRef":"1","networks":[{"uuid":"{dmz-net}","tag":"front"}],"config_drive":"True",
		"metadata":{"a":"b"},"tags":["x"],"block_device_mapping_v2":[{"source_type":"image","destination_type":"local","uuid":"{image}"}]},
		"os:scheduler_hints":{"group":"{g}"}}`, "OpenStack-API-Version: compute 2.52")
	id := r.at("server.id").(string)
	c.status(id, "ACTIVE")
	c.names["id"], c.names["port"] = id, c.port(id)
	const latest = "OpenStack-API-Version: compute 2.93"
	c.tell([]step{
		{request: "GET " + servers + "/{id}", status: 200, headers: []string{latest}, want: `server.tags=["x"]; server.server_groups=["{g}"]; server.config_drive="True"`},
		{request: "GET " + servers + "?tags=x&not-tags-any=y", status: 200, want: "servers.#=1"},
		{request: "GET " + servers + "?tags=x,y", status: 200, want: "servers.#=0"},
		{request: "GET " + servers + "?changes-since=2001-01-01T00:00:00Z", status: 200, want: "servers.#=1"},
		{request: "GET " + servers + "?name=[", status: 400},
		{request: "GET " + servers + "?sort_key=colour", status: 400},
		{request: "GET " + servers + "/{id}/ips", status: 200, want: `addresses={"dmz-net":[{"addr":"192.168.0.2","version":4}]}`},
		{request: "GET " + servers + "/{id}/ips/dmz-net", status: 200, want: `dmz-net.#=1`},
		{request: "GET " + servers + "/{id}/ips/app-net", status: 404},
		{request: "GET " + servers + "/{id}/metadata", status: 200, want: `metadata={"a":"b"}`},
		{request: `PUT ` + servers + `/{id}/metadata/c {"meta":{"c":"d"}}`, status: 200, want: `meta={"c":"d"}`},
		{request: `PUT ` + servers + `/{id}/metadata/c {"meta":{"e":"d"}}`, status: 400},
		{request: "GET " + servers + "/{id}/metadata/c", status: 200, want: `meta={"c":"d"}`},
		{request: "GET " + servers + "/{id}/metadata/none", status: 404},
		{request: `PUT ` + servers + `/{id}/metadata {"metadata":{}}`, status: 200, want: `metadata={}`},
		{request: `PUT ` + servers + `/{id}/tags {"tags":["z","y","z"]}`, status: 200, want: `tags=["y","z"]`},
		{request: "GET " + servers + "/{id}/tags", status: 200, want: `tags=["y","z"]`},
		{request: "GET " + servers + "/{id}/os-interface/{port}", status: 200, headers: []string{latest}, want: `interfaceAttachment.tag="front"`},
		{request: "GET " + servers + "/{id}/os-security-groups", status: 200, want: `security_groups.0.name="default"`},
		{request: "GET " + servers + "/{id}/os-instance-actions", status: 200, want: `instanceActions.0.action="create"`},
		{request: "GET " + servers + "/{id}/os-volume_attachments", status: 200, want: `volumeAttachments=[]`},
		{request: "POST " + servers + "/{id}/os-volume_attachments {}", status: 400},
		{request: "GET " + servers + "/{id}/diagnostics", status: 403},
		{request: "GET /compute/v2.1/os-server-groups/{g}", status: 200, headers: []string{latest}, want: `server_group.members=["{id}"]; server_group.policy="anti-affinity"`},
		{request: "DELETE /compute/v2.1/os-server-groups/{g}", status: 204},
		{request: "GET /compute/v2.1/os-server-groups", status: 200, want: `server_groups=[]`},
		{request: "POST " + servers + `/{id}/action {"forceDelete":null}`, status: 202},
	})
	c.gone(id)
	// Without networks a server gets the only one there is, and there are three.
	c.ask(409, "POST", servers, `{"server":{"name":"web","imageRef":"{image}","flavorRef":"1"}}`)
	c.ask(202, "POST", servers, `{"server":{"name":"web","imageRef":"{image}","flavorRef":"1","networks":"none"}}`, latest)
}

// Limits, users and other things that clients look at.
func TestOtherThings(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.learn()
	c.names["project"] = c.ask(200, "GET", "/identity/v3/projects", "").at("projects.0.id").(string)
	c.names["user"] = c.ask(200, "GET", "/identity/v3/auth/tokens", "", "X-Subject-Token: "+c.token).at("token.user.id").(string)
	c.tell([]step{
		{request: "GET /identity/v3/projects/{project}", status: 200, want: `project.name="lab"`},
		{request: "GET /identity/v3/projects/other", status: 404},
		{request: "GET /identity/v3/users/{user}", status: 200, want: `user.name="student"`},
		{request: "GET /identity/v3/regions", status: 200, want: `regions.0.id="RegionOne"`},
		{request: "GET /compute/v2.1/os-quota-sets/{project}", status: 200, want: `quota_set.instances=-1`},
		{request: "GET /compute/v2.1/os-quota-sets/{project}/detail", status: 200, want: `quota_set.instances={"in_use":0,"limit":-1,"reserved":0}`},
		{request: "GET /compute/v2.1/os-quota-sets/other", status: 403},
		{request: "GET /compute/v2.1/images", status: 200, want: `images.0.name="docker-base"`},
		{request: "GET /compute/v2.1/extensions", status: 200},
		{request: "GET /image/v2/schemas/image", status: 200, want: `name="image"`},
		{request: "GET /network/v2.0", status: 200, want: `resources.#=7`},
		{request: "GET /network/v2.0/extensions", status: 200, want: `extensions.0.alias="external-net"`},
		{request: "GET /network/v2.0/extensions/router", status: 200, want: `extension.alias="router"`},
		{request: "GET /network/v2.0/extensions/none", status: 404},
		{request: "GET /network/v2.0/quotas/{project}", status: 200, want: `quota.port=-1`},
		{request: "GET /network/v2.0/quotas/{project}/details", status: 200, want: `quota.network.used=3`},
		{request: "GET /network/v2.0/quotas/other", status: 403},
		{request: "GET /network/v2.0/address-groups", status: 200, want: `address_groups=[]`},
		{request: "GET /network/v2.0/security-groups/{default}/tags", status: 200, want: `tags=[]`},
		{request: `PUT /network/v2.0/security-groups/{default} {"security_group":{"name":"other"}}`, status: 409},
		{request: `PUT /network/v2.0/security-groups/{sg-web-from-internet} {"security_group":{"description":"d"}}`, status: 200, want: `security_group.description="d"`},
		{request: `GET /network/v2.0/security-group-rules?security_group_id={sg-all-from-console}&direction=ingress`, status: 200,
			keep: "rule=security_group_rules.0.id", want: `security_group_rules.#=1; security_group_rules.0.remote_ip_prefix="192.168.0.0/24"`},
		{request: "GET /network/v2.0/security-group-rules/{rule}", status: 200, want: `security_group_rule.direction="ingress"`},
	})
}

// Subnets and their routes reach the backend as they change.
func TestNetworksReachTheBackend(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.learn()
	c.tell([]step{
		{request: `POST /network/v2.0/networks {"network":{"name":"n"}}`, status: 201, keep: "n=network.id"},
		{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.7/24","ip_version":4}}`, status: 400},
		{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.0/24","ip_version":4,"allocation_pools":[{"start":"10.9.0.9","end":"10.9.0.5"}]}}`, status: 400},
		{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.0/24","ip_version":4,"allocation_pools":[{"start":"10.9.0.0","end":"10.9.0.5"}]}}`, status: 400},
		{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.0/24","ip_version":4,"allocation_pools":[{"start":"10.9.0.1","end":"10.9.0.5"}]}}`, status: 409},
		{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.0/24","ip_version":4,"allocation_pools":[{"start":"10.9.0.2","end":"10.9.0.5"},{"start":"10.9.0.5","end":"10.9.0.7"}]}}`, status: 409},
		{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.0/24","ip_version":4,"host_routes":[{"destination":"1.0.0.0/8","nexthop":"10.9.0.3"}]}}`, status: 400},
		{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{n}","cidr":"10.9.0.0/24","ip_version":4,"gateway_ip":"10.9.0.254"}}`, status: 201, keep: "s=subnet.id",
			want: `subnet.allocation_pools=[{"end":"10.9.0.252","start":"10.9.0.1"}]`},
	})
	runs := func(gateway string, routed bool) {
		t.Helper()
		if have := c.lab.Machines.Networks()[c.names["n"]]; have.Gateway != gateway || have.Routed != routed {
			t.Errorf("the network runs as %+v", have)
		}
	}
	runs("10.9.0.254", false)
	c.ask(200, "PUT", "/network/v2.0/subnets/{s}", `{"subnet":{"gateway_ip":"10.9.0.1","allocation_pools":[{"start":"10.9.0.2","end":"10.9.0.9"}]}}`)
	runs("10.9.0.1", false)
	c.ask(200, "PUT", "/network/v2.0/routers/{Ext-Router}/add_router_interface", `{"subnet_id":"{s}"}`)
	runs("10.9.0.1", true)
	c.ask(409, "PUT", "/network/v2.0/subnets/{s}", `{"subnet":{"gateway_ip":null}}`)
	c.ask(200, "PUT", "/network/v2.0/routers/{Ext-Router}", `{"router":{"external_gateway_info":null}}`)
	runs("10.9.0.1", false)
	c.ask(200, "PUT", "/network/v2.0/routers/{Ext-Router}", `{"router":{"external_gateway_info":{"network_id":"{Ext-Net}"}}}`)
	runs("10.9.0.1", true)
	c.ask(200, "PUT", "/network/v2.0/routers/{Ext-Router}", `{"router":{"admin_state_up":false}}`)
	runs("10.9.0.1", false)
}

// Readers see whole records while writers change them.
func TestReadersAndWriters(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.learn()
	c.tell([]step{{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}"}}`, status: 201, keep: "port=port.id"}})
	requests := []func(i int) (reply, error){
		func(int) (reply, error) { return c.try("GET", "/network/v2.0/ports", "") },
		func(int) (reply, error) { return c.try("GET", "/network/v2.0/networks", "") },
		func(int) (reply, error) { return c.try("GET", servers+"/detail", "") },
		func(i int) (reply, error) {
			return c.try("PUT", "/network/v2.0/ports/{port}", fmt.Sprintf(`{"port":{"fixed_ips":[{"ip_address":"172.16.10.%d"}],"security_groups":["{default}"]}}`, 50+i))
		},
		func(i int) (reply, error) {
			return c.try("PUT", "/network/v2.0/ports/{port}/tags", fmt.Sprintf(`{"tags":["a","t%d"]}`, i))
		},
		func(int) (reply, error) { return c.try("DELETE", "/network/v2.0/ports/{port}/tags/a", "") },
	}
	var group errgroup.Group
	for _, request := range requests {
		group.Go(func() error {
			for i := range 20 {
				if r, err := request(i); err != nil || r.status >= 500 {
					return fmt.Errorf("%d %s %w", r.status, r.text, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// Bodies that no client sends are refused, and break nothing.
func TestNastyBodies(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.names["id"] = c.boot("web", "")
	c.status(c.names["id"], "ACTIVE")
	c.names["port"] = c.port(c.names["id"])
	kinds := map[string]string{"POST " + servers: "server", "PUT " + servers + "/{id}": "server", "POST /compute/v2.1/os-keypairs": "keypair",
		"POST " + servers + "/{id}/os-interface": "interfaceAttachment", "POST " + servers + "/{id}/metadata": "metadata",
		"PUT " + servers + "/{id}/tags": "tags", "POST /identity/v3/auth/tokens": "auth", "PUT /network/v2.0/ports/{port}": "port",
		"PUT /network/v2.0/routers/{Ext-Router}": "router", "PUT /network/v2.0/routers/{Ext-Router}/add_router_interface": "subnet_id",
		"PUT /network/v2.0/subnets/{dmz-subnet}": "subnet", "PUT /network/v2.0/security-groups/{default}": "security_group",
		"POST /network/v2.0/networks": "network", "POST /network/v2.0/subnets": "subnet", "POST /network/v2.0/ports": "port",
		"POST /network/v2.0/routers": "router", "POST /network/v2.0/floatingips": "floatingip",
		"POST /network/v2.0/security-group-rules": "security_group_rule", "PUT /network/v2.0/networks/{dmz-net}/tags": "tags"}
	for _, action := range []string{"reboot", "os-getConsoleOutput", "addSecurityGroup", "removeSecurityGroup", "lock"} {
		kinds["POST "+servers+"/{id}/action "+action] = action
	}
	values := []string{`null`, `5`, `"text"`, `[]`, `[null]`, `{}`, `{"name":5}`, `{"name":{}}`, `{"name":"n","imageRef":5,"flavorRef":{}}`,
		`{"type":5,"length":{}}`, `{"fixed_ips":[null],"security_groups":[null],"network_id":"{app-net}"}`, `{"external_gateway_info":5}`,
		`{"allocation_pools":[null]}`, `{"identity":{"methods":[null]},"scope":5}`, `{"metadata":null,"networks":[null],"security_groups":[null]}`}
	for request, kind := range kinds {
		method, path, _ := strings.Cut(request, " ")
		path, _, _ = strings.Cut(path, " ")
		bodies := []string{``, `null`, `[]`, `{}`}
		for _, value := range values {
			bodies = append(bodies, `{"`+kind+`":`+value+`}`)
		}
		for _, body := range bodies {
			if r, err := c.try(method, path, body); err != nil || r.status >= 500 {
				t.Errorf("%s %s: %d %s %v", request, body, r.status, r.text, err)
			}
		}
	}
}
