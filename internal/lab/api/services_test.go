package api_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollout/internal/lab/api/apitest"
)

// The main paths of all services, as stories of requests.
func TestServices(t *testing.T) {
	for name, story := range map[string][]step{
		"versions": {
			{request: "GET /identity", status: 300, want: `versions.values.0.id="v3.14"`},
			{request: "GET /identity/v3/", status: 200, want: `version.status="stable"`},
			{request: "GET /compute", status: 200, want: `versions.0.id="v2.1"`},
			{request: "GET /compute/v2.1/", status: 200, want: `version.version="2.93"; version.min_version="2.1"`},
			{request: "GET /network/", status: 200, want: `versions.0.id="v2.0"`},
			{request: "GET /image/", status: 300, want: `versions.0.id="v2.9"`},
			{request: "GET /identity/v3/auth/catalog", status: 200, want: `catalog.#=4; catalog.2.type="network"`},
			{request: "GET /identity/v3/auth/projects", status: 200, want: `projects.0.name="lab"`},
		},
		"networks": {
			{request: `POST /network/v2.0/networks {"network":{"name":"n1","description":"d"}}`, status: 201, keep: "net=network.id",
				want: `network.name="n1"; network.mtu=1500; network.subnets=[]; network.router:external=false`},
			{request: `GET /network/v2.0/networks/n1`, status: 404, want: `NeutronError.type="NetworkNotFound"`},
			{request: `GET /network/v2.0/networks?name=n1&fields=id`, status: 200, want: `networks=[{"id":"{net}"}]`},
			{request: `GET /network/v2.0/networks?router:external=true`, status: 200, want: `networks.#=1; networks.0.name="Ext-Net"`},
			{request: `PUT /network/v2.0/networks/{net} {"network":{"name":"n2"}}`, status: 200, want: `network.name="n2"; network.revision_number=2`},
			{request: `PUT /network/v2.0/networks/{net} {"network":{"name":"n3"}}`, status: 412, headers: []string{"If-Match: revision_number=1"}},
			{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{net}","cidr":"10.9.0.0/24","ip_version":4}}`, status: 201, keep: "sub=subnet.id",
				want: `subnet.gateway_ip="10.9.0.1"; subnet.allocation_pools=[{"end":"10.9.0.253","start":"10.9.0.2"}]; subnet.host_routes=[]; subnet.dns_nameservers=[]`},
			{request: `POST /network/v2.0/subnets {"subnet":{"network_id":"{net}","cidr":"10.9.1.0/24","ip_version":4}}`, status: 400},
			{request: `POST /network/v2.0/routers {"router":{"name":"r","external_gateway_info":{"network_id":"{Ext-Net}"}}}`, status: 201, keep: "router=router.id",
				want: `router.external_gateway_info.network_id="{Ext-Net}"`},
			{request: `PUT /network/v2.0/routers/{router}/add_router_interface {"subnet_id":"{sub}"}`, status: 200, keep: "rport=port_id"},
			{request: `GET /network/v2.0/ports?device_id={router}`, status: 200,
				want: `ports.#=1; ports.0.fixed_ips.0.ip_address="10.9.0.1"; ports.0.device_owner="network:router_interface"`},
			{request: `PUT /network/v2.0/ports/{rport} {"port":{"fixed_ips":[]}}`, status: 409},
			{request: `DELETE /network/v2.0/routers/{router}`, status: 409, want: `NeutronError.type="RouterInUse"`},
			{request: `DELETE /network/v2.0/subnets/{sub}`, status: 409, want: `NeutronError.type="SubnetInUse"`},
			{request: `PUT /network/v2.0/routers/{router}/remove_router_interface {"subnet_id":"{sub}"}`, status: 200},
			{request: `DELETE /network/v2.0/routers/{router}`, status: 204},
			{request: `DELETE /network/v2.0/networks/{net}`, status: 204},
			{request: `GET /network/v2.0/subnets/{sub}`, status: 404, want: `NeutronError.type="SubnetNotFound"`},
		},
		"ports": {
			{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}","name":"p","fixed_ips":[{"ip_address":"172.16.10.40"}]}}`, status: 201,
				keep: "port=port.id", want: `port.fixed_ips.0.ip_address="172.16.10.40"; port.status="DOWN"; port.security_groups.#=1`},
			{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}","fixed_ips":[{"ip_address":"172.16.10.40"}]}}`, status: 409,
				want: `NeutronError.type="IpAddressAlreadyAllocated"`},
			{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}","fixed_ips":[{"ip_address":"172.16.10.41"},{"ip_address":"172.16.10.41"}]}}`, status: 409},
			{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}","fixed_ips":[{"ip_address":"172.16.10.254"}]}}`, status: 409},
			{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}","fixed_ips":[{"ip_address":"172.16.99.1"}]}}`, status: 400},
			{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}"}}`, status: 201, keep: "other=port.id", want: `port.fixed_ips.0.ip_address="172.16.10.1"`},
			{request: `PUT /network/v2.0/ports/{other} {"port":{"fixed_ips":[{"ip_address":"172.16.10.40"}]}}`, status: 409},
			{request: `GET /network/v2.0/ports/{other}`, status: 200, want: `port.fixed_ips.0.ip_address="172.16.10.1"`},
			{request: `PUT /network/v2.0/ports/{other} {"port":{"fixed_ips":[{"ip_address":"172.16.10.60"}]}}`, status: 200, want: `port.fixed_ips.0.ip_address="172.16.10.60"`},
			{request: `PUT /network/v2.0/ports/{other} {"port":{"fixed_ips":[]}}`, status: 200, want: `port.fixed_ips=[]`},
			{request: `GET /network/v2.0/ports?fixed_ips=ip_address%3D172.16.10.40`, status: 200, want: `ports.#=1; ports.0.id="{port}"`},
			{request: `DELETE /network/v2.0/ports/{port}`, status: 204},
			{request: `DELETE /network/v2.0/ports/{port}`, status: 404, want: `NeutronError.type="PortNotFound"`},
		},
		"security groups": {
			{request: `POST /network/v2.0/security-groups {"security_group":{"name":"g"}}`, status: 201, keep: "g=security_group.id", want: `security_group.security_group_rules.#=2`},
			{request: `POST /network/v2.0/security-group-rules {"security_group_rule":{"security_group_id":"{g}","direction":"ingress","protocol":"TCP","port_range_min":80,"port_range_max":80,"remote_ip_prefix":"0.0.0.0/0"}}`,
				status: 201, keep: "rule=security_group_rule.id", want: `security_group_rule.protocol="tcp"; security_group_rule.ethertype="IPv4"`},
			{request: `POST /network/v2.0/security-group-rules {"security_group_rule":{"security_group_id":"{g}","direction":"ingress","protocol":"tcp","port_range_min":80,"port_range_max":80}}`,
				status: 409, want: `NeutronError.type="SecurityGroupRuleExists"`},
			{request: `POST /network/v2.0/security-group-rules {"security_group_rule":{"security_group_id":"{g}","direction":"ingress","port_range_min":80,"port_range_max":80}}`, status: 400},
			{request: `POST /network/v2.0/security-group-rules {"security_group_rule":{"security_group_id":"{g}","direction":"ingress","remote_ip_prefix":"10.0.0.0/40"}}`, status: 400},
			{request: `DELETE /network/v2.0/security-group-rules/{rule}`, status: 204},
			{request: `DELETE /network/v2.0/security-groups/{g}`, status: 204},
			{request: `DELETE /network/v2.0/security-groups/{default}`, status: 409},
		},
		"pages": {
			{request: `GET /network/v2.0/networks?limit=3&sort_key=name`, status: 200, want: `networks.#=3; networks.0.name="app-net"; networks_links.0.rel="next"`, keep: "last=networks.2.id"},
			{request: `GET /network/v2.0/networks?limit=3&sort_key=name&marker={last}`, status: 200, want: `networks.#=1; networks_links=null`},
			{request: `GET /network/v2.0/networks?marker=nowhere`, status: 400},
			{request: `GET /network/v2.0/networks?limit=-1`, status: 400},
			{request: `GET /compute/v2.1/flavors?limit=1`, status: 200, want: `flavors.#=1; flavors_links.0.rel="next"`},
			{request: `GET /image/v2/images?limit=1`, status: 200, want: `images.#=1; next=null`},
		},
		"flavors, images, limits": {
			{request: `GET /compute/v2.1/flavors/detail`, status: 200, want: `flavors.0.name="standard.xsmall"; flavors.0.ram=1024; flavors.#=3`},
			{request: `GET /compute/v2.1/flavors/standard.xsmall`, status: 404, want: `itemNotFound.code=404`},
			{request: `GET /image/v2/images?name=docker-base`, status: 200, want: `images.#=1; images.0.status="active"`},
			{request: `GET /image/v2/images/docker-base`, status: 404},
			{request: `GET /compute/v2.1/limits`, status: 200, want: `limits.absolute.totalInstancesUsed=0; limits.absolute.maxTotalInstances=-1`},
			{request: `GET /compute/v2.1/os-availability-zone`, status: 200, want: `availabilityZoneInfo.0.zoneName="az1"; availabilityZoneInfo.#=2`},
		},
		"key pairs": {
			{request: `POST /compute/v2.1/os-keypairs {"keypair":{"name":"k"}}`, status: 200, want: `keypair.name="k"`},
			{request: `POST /compute/v2.1/os-keypairs {"keypair":{"name":"k"}}`, status: 409, want: `conflictingRequest.code=409`},
			{request: `POST /compute/v2.1/os-keypairs {"keypair":{"name":"l","public_key":"ssh-ed25519 AAAA"}}`, status: 400},
			{request: `GET /compute/v2.1/os-keypairs`, status: 200, want: `keypairs.#=2`},
			{request: `GET /compute/v2.1/os-keypairs?limit=1`, status: 200, headers: []string{"OpenStack-API-Version: compute 2.35"},
				want: `keypairs.#=1; keypairs_links.0.rel="next"`},
			{request: `DELETE /compute/v2.1/os-keypairs/k`, status: 202},
			{request: `DELETE /compute/v2.1/os-keypairs/k`, status: 404, want: `itemNotFound.code=404`},
		},
		"tags": {
			{request: `PUT /network/v2.0/networks/{dmz-net}/tags/a`, status: 201},
			{request: `PUT /network/v2.0/networks/{dmz-net}/tags {"tags":["b","c","b"]}`, status: 200, want: `tags=["b","c"]`},
			{request: `GET /network/v2.0/networks?tags=b`, status: 200, want: `networks.#=1`},
			{request: `DELETE /network/v2.0/networks/{dmz-net}/tags/a`, status: 404},
			{request: `DELETE /network/v2.0/networks/{dmz-net}/tags`, status: 204},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, apitest.Start(t))
			c.learn()
			c.tell(story)
		})
	}
}

// What is refused, and how: in each service's own shape.
func TestRefusals(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.learn()
	const newest = "OpenStack-API-Version: compute 2.93"
	server := `POST ` + servers + ` {"server":{"name":"s","imageRef":"{image}","flavorRef":"1","networks":[{"uuid":"{dmz-net}"}]`
	c.tell([]step{
		// bodies over the limit
		{request: `POST /compute/v2.1/os-keypairs {"keypair":{"name":"` + strings.Repeat("x", 300<<10) + `"}}`, status: 413, want: `overLimit.code=413`},
		{request: `POST /network/v2.0/networks {"network":{"name":"` + strings.Repeat("x", 300<<10) + `"}}`, status: 413, want: `NeutronError.type="HTTPRequestEntityTooLarge"`},
		{request: `POST /identity/v3/auth/tokens {"auth":"` + strings.Repeat("x", 300<<10) + `"}`, status: 413, want: `error.code=413`},
		// unknown attributes, bad values
		{request: server + `,"colour":"red"}}`, status: 400, want: `badRequest.code=400`},
		{request: server + `,"tags":["a"]}}`, status: 400},
		{request: server + `,"description":"d"}}`, status: 202, headers: []string{newest}},
		{request: server + `,"user_data":"not base64!"}}`, status: 400},
		{request: server + `,"key_name":"nobody's"}}`, status: 400},
		{request: server + `,"availability_zone":"az9"}}`, status: 400},
		{request: server + `,"security_groups":[{"name":"none"}]}}`, status: 400},
		{request: server + `,"accessIPv4":"1.2.3.4"}}`, status: 400},
		{request: strings.Replace(server, "uuid", "uid", 1) + `}}`, status: 400},
		{request: strings.Replace(server, "{dmz-net}", "{Ext-Net}", 1) + `}}`, status: 403, want: `forbidden.code=403`},
		{request: `POST ` + servers + ` {"server":{"name":"s","flavorRef":"1","networks":[]}}`, status: 400},
		{request: `POST ` + servers + ` not JSON`, status: 400},
		{request: `POST /network/v2.0/networks {"network":{"colour":"red"}}`, status: 400, want: `NeutronError.message="Unrecognized attribute(s) 'colour'"`},
		{request: `POST /network/v2.0/networks {"network":{"mtu":9000}}`, status: 400},
		{request: `POST /network/v2.0/floatingips {"floatingip":{"floating_network_id":"{Ext-Net}","name":"f"}}`, status: 400},
		{request: `POST /network/v2.0/ports {"port":{"network_id":"{app-net}","allowed_address_pairs":[{"ip_address":"1.2.3.4"}]}}`, status: 400},
		{request: `GET /network/v2.0/networks?colour=red`, status: 400},
		{request: `GET ` + servers + `?colour=red`, status: 200},
		{request: `GET ` + servers + `?colour=red`, status: 400, headers: []string{newest}},
		// an administrator's
		{request: `GET ` + servers + `?all_tenants=1`, status: 403, want: `forbidden.code=403`},
		{request: `GET /compute/v2.1/os-hypervisors`, status: 403},
		{request: `POST /compute/v2.1/flavors {}`, status: 403},
		{request: `GET /identity/v3/users`, status: 403, want: `error.code=403`},
		{request: `POST /network/v2.0/networks {"network":{"router:external":true}}`, status: 403, want: `NeutronError.type="PolicyNotAuthorized"`},
		{request: `POST /network/v2.0/networks {"network":{"tenant_id":"another"}}`, status: 403},
		{request: `DELETE /network/v2.0/networks/{Ext-Net}`, status: 403},
		{request: `POST /network/v2.0/routers {"router":{"external_gateway_info":{"network_id":"{Ext-Net}","enable_snat":false}}}`, status: 403},
		{request: `DELETE /image/v2/images/{image}`, status: 403},
		// paths, methods, microversions
		{request: `GET /compute/v2.1/nothing`, status: 404, want: `itemNotFound.code=404`},
		{request: `PUT ` + servers + ` {}`, status: 405, want: `badMethod.code=405`},
		{request: `DELETE /network/v2.0/networks`, status: 405},
		{request: `GET ` + servers, status: 406, headers: []string{"OpenStack-API-Version: compute 2.94"}},
		{request: `GET ` + servers, status: 400, headers: []string{"X-OpenStack-Nova-API-Version: two"}},
	})
}

func TestMicroversions(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	id := c.boot("web", "")
	for header, want := range map[string]string{
		"X-Nothing: 1":                          "compute 2.1",
		"X-OpenStack-Nova-API-Version: 2.47":    "compute 2.47",
		"OpenStack-API-Version: compute 2.52":   "compute 2.52",
		"OpenStack-API-Version: compute latest": "compute 2.93",
	} {
		r := c.ask(200, "GET", servers+"/"+id, "", header)
		if have := r.header.Get("OpenStack-API-Version"); have != want || r.header.Get("X-OpenStack-Nova-API-Version") != strings.TrimPrefix(want, "compute ") {
			t.Errorf("%s is echoed as %q", header, have)
		}
		if embedded := r.at("server.flavor.original_name") != nil; embedded != (want != "compute 2.1") {
			t.Errorf("%s: flavor is %v", header, r.at("server.flavor"))
		}
		if _, there := r.body.(map[string]any)["server"].(map[string]any)["tags"]; there != (want != "compute 2.1") {
			t.Errorf("%s: tags there=%v", header, there)
		}
	}
}

func TestTokens(t *testing.T) {
	var later atomic.Int64 // nanoseconds
	config := apitest.Config(filepath.Join(t.TempDir(), "state.json"))
	config.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	c, _ := open(t, config, &apitest.Machines{})
	login := func(password, scope string) string {
		return `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"student","domain":{"id":"default"},"password":"` +
			password + `"}}},"scope":` + scope + `}}`
	}
	c.tell([]step{
		{request: "POST /identity/v3/auth/tokens " + login("wrong", `"unscoped"`), status: 401, want: `error.code=401`},
		{request: "POST /identity/v3/auth/tokens " + login(config.Password, `{"project":{"name":"other","domain":{"id":"default"}}}`), status: 401},
		{request: "POST /identity/v3/auth/tokens " + login(config.Password, `{"system":{"all":true}}`), status: 401},
		{request: "POST /identity/v3/auth/tokens {}", status: 400},
	})
	unscoped := c.ask(201, "POST", "/identity/v3/auth/tokens", login(config.Password, `"unscoped"`))
	if unscoped.at("token.catalog") != nil {
		t.Error("an unscoped token came with a catalog")
	}
	good := c.token
	revoked := c.lab.Token(t)
	c.ask(204, "DELETE", "/identity/v3/auth/tokens", "", "X-Subject-Token: "+revoked)
	c.ask(404, "GET", "/identity/v3/auth/tokens", "", "X-Subject-Token: "+revoked)
	c.ask(200, "GET", "/identity/v3/auth/tokens", "", "X-Subject-Token: "+good)
	paths := []string{servers, "/network/v2.0/networks", "/image/v2/images", "/identity/v3/projects", "/lab/faults"}
	refused := func(what, token string, paths ...string) {
		t.Helper()
		c.token = token
		for _, path := range paths {
			if r := c.ask(401, "GET", path, ""); path != "/lab/faults" && !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Keystone uri=") {
				t.Errorf("%s: %s: %v", what, path, r.header)
			}
		}
	}
	refused("no token", "", paths...)
	refused("forged", good[:len(good)-3]+"xxx", paths...)
	refused("revoked", revoked, paths...)
	refused("unscoped", unscoped.header.Get("X-Subject-Token"), paths[:3]...)
	later.Store(int64(25 * time.Hour))
	refused("expired", good, paths...)
}
