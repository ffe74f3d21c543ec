package compute

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// status is what Nova makes of a server's states.
func status(server *cloud.Server) string {
	switch server.VMState {
	case cloud.Building:
		return "BUILD"
	case cloud.Stopped:
		return "SHUTOFF"
	case cloud.Failed:
		return "ERROR"
	}
	switch server.TaskState {
	case cloud.Rebooting:
		return "REBOOT"
	case cloud.RebootingNow:
		return "HARD_REBOOT"
	}
	return "ACTIVE"
}

// powerState is 1 for running, 4 for shut down and 0 for unknown.
func powerState(server *cloud.Server) int {
	switch server.VMState {
	case cloud.Active:
		return 1
	case cloud.Stopped:
		return 4
	}
	return 0
}

// serverView shows a server as GET /servers/{id} and /servers/detail do; what differs is in showOnly.
func serverView(r *http.Request, state *cloud.State, server *cloud.Server) wire.Object {
	view := wire.Object{
		"id": server.ID, "name": server.Name, "status": status(server), "tenant_id": server.ProjectID,
		"user_id": server.UserID, "metadata": metadata(server), "hostId": hostID(server),
		"image":  wire.Object{"id": server.ImageID, "links": []wire.Object{bookmark(r, "images", server.ImageID)}},
		"flavor": flavorOf(r, server), "created": stamp(server.Created), "updated": stamp(server.Updated),
		"addresses": addresses(state, server), "accessIPv4": "", "accessIPv6": "", "links": links(r, "servers", server.ID),
		"OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": server.Zone, "config_drive": configDrive(server),
		"key_name": orNull(server.KeyName), "OS-SRV-USG:launched_at": nil, "OS-SRV-USG:terminated_at": nil,
		"OS-EXT-STS:task_state": orNull(server.TaskState), "OS-EXT-STS:vm_state": server.VMState,
		"OS-EXT-STS:power_state": powerState(server), "os-extended-volumes:volumes_attached": []any{},
	}
	if !server.Launched.IsZero() {
		view["OS-SRV-USG:launched_at"] = micros(server.Launched)
	}
	switch {
	case server.VMState == cloud.Active, server.VMState == cloud.Building:
		view["progress"] = 0
	case server.VMState == cloud.Failed && server.Fault != nil:
		view["fault"] = wire.Object{"code": server.Fault.Code, "message": server.Fault.Message, "created": stamp(server.Fault.Created)}
	}
	if groups := groupNames(state, server); len(groups) > 0 {
		view["security_groups"] = groups
	}
	extend(r, view, server)
	return view
}

// extend adds what came with later microversions.
func extend(r *http.Request, view wire.Object, server *cloud.Server) {
	if since(r, 9) {
		view["locked"] = server.Locked
	}
	if since(r, 19) {
		view["description"] = orNull(server.Description)
	}
	if since(r, 26) {
		view["tags"] = tags(server)
	}
	if since(r, 63) {
		view["trusted_image_certificates"] = nil
	}
	if since(r, 73) {
		view["locked_reason"] = orNull(server.LockedReason)
	}
	if since(r, 90) {
		view["OS-EXT-SRV-ATTR:hostname"] = server.Hostname
	}
}

// showOnly adds what a list of servers has not.
func showOnly(r *http.Request, view wire.Object, server *cloud.Server) {
	if since(r, 71) {
		groups := []string{}
		if server.GroupID != "" {
			groups = append(groups, server.GroupID)
		}
		view["server_groups"] = groups
	}
}

func metadata(server *cloud.Server) map[string]string {
	copied := map[string]string{}
	for name, value := range server.Metadata {
		copied[name] = value
	}
	return copied
}

func tags(server *cloud.Server) []string { return append([]string{}, server.Tags...) }

func configDrive(server *cloud.Server) string {
	if server.ConfigDrive {
		return "True"
	}
	return ""
}

// hostID is empty until a server has been placed.
func hostID(server *cloud.Server) string {
	if server.Launched.IsZero() {
		return ""
	}
	sum := sha256.Sum224([]byte(server.ProjectID + "lab"))
	return hex.EncodeToString(sum[:])
}

// flavorOf is embedded from 2.47 on, a reference before.
func flavorOf(r *http.Request, server *cloud.Server) wire.Object {
	flavor := server.Flavor
	if since(r, 47) {
		return wire.Object{"vcpus": flavor.VCPUs, "ram": flavor.RAM, "disk": flavor.DiskGB, "ephemeral": 0, "swap": 0,
			"original_name": flavor.Name, "extra_specs": wire.Object{}}
	}
	return wire.Object{"id": flavor.ID, "links": []wire.Object{bookmark(r, "flavors", flavor.ID)}}
}

func groupNames(state *cloud.State, server *cloud.Server) []wire.Object {
	var names []wire.Object
	for _, group := range state.GroupsOf(server) {
		names = append(names, wire.Object{"name": group.Name})
	}
	return names
}

// address is one of a server's.
type address struct {
	network, mac, ip, kind string
}

// addressList are a server's addresses in the order of its NICs, each fixed one followed by what floats to it. There are
// none until the boot begins, as in Nova.
func addressList(state *cloud.State, server *cloud.Server) []address {
	var list []address
	if server.TaskState == cloud.Scheduling {
		return nil
	}
	for _, portID := range server.Ports {
		port := state.Ports[portID]
		if port == nil || state.Networks[port.NetworkID] == nil {
			continue
		}
		name := state.Networks[port.NetworkID].Name
		for _, fixed := range port.FixedIPs {
			list = append(list, address{name, port.MAC, fixed.Address, "fixed"})
			for _, floating := range cloud.ByAge(state.FloatingIPs) {
				if floating.PortID == portID && floating.FixedIP == fixed.Address {
					list = append(list, address{name, port.MAC, floating.Address, "floating"})
				}
			}
		}
	}
	return list
}

// byNetwork groups a server's addresses by network, in order.
func byNetwork(list []address, view func(address) wire.Object) wire.Ordered {
	grouped := wire.Ordered{}
	for _, a := range list {
		at := slices.IndexFunc(grouped, func(m wire.Member) bool { return m.Name == a.network })
		if at < 0 {
			at = len(grouped)
			grouped = append(grouped, wire.Member{Name: a.network, Value: []wire.Object{}})
		}
		grouped[at].Value = append(grouped[at].Value.([]wire.Object), view(a))
	}
	return grouped
}

func addresses(state *cloud.State, server *cloud.Server) wire.Ordered {
	return byNetwork(addressList(state, server), func(a address) wire.Object {
		return wire.Object{"version": 4, "addr": a.ip, "OS-EXT-IPS:type": a.kind, "OS-EXT-IPS-MAC:mac_addr": a.mac}
	})
}
