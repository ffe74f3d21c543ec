package compute

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// partRoutes are what can be asked of a server's parts.
func (s *Service) partRoutes() {
	const server = "/v2.1/servers/{id}"
	s.Handle("GET "+server+"/ips", s.listIPs)
	s.Handle("GET "+server+"/ips/{network}", s.showIPs)
	s.Handle("GET "+server+"/metadata", s.listMetadata)
	s.Handle("POST "+server+"/metadata", s.setMetadata(false))
	s.Handle("PUT "+server+"/metadata", s.setMetadata(true))
	s.Handle("GET "+server+"/metadata/{key}", s.showItem)
	s.Handle("PUT "+server+"/metadata/{key}", s.setItem)
	s.Handle("DELETE "+server+"/metadata/{key}", s.deleteItem)
	s.Handle("GET "+server+"/tags", s.listTags)
	s.Handle("PUT "+server+"/tags", s.replaceTags)
	s.Handle("GET "+server+"/os-interface", s.listInterfaces)
	s.Handle("POST "+server+"/os-interface", s.attachInterface)
	s.Handle("GET "+server+"/os-interface/{port}", s.showInterface)
	s.Handle("DELETE "+server+"/os-interface/{port}", s.detachInterface)
	s.Handle("GET "+server+"/os-security-groups", s.serverGroups)
	s.Handle("GET /v2.1/os-security-groups", s.listGroups)
	s.Handle("GET /v2.1/os-security-groups/{group}", s.showGroup)
	s.Handle("GET "+server+"/os-volume_attachments", s.nothing("volumeAttachments"))
	s.Handle("POST "+server+"/os-volume_attachments", func(*http.Request) (wire.Answer, error) { return wire.Answer{}, noVolumes() })
	s.Handle("GET "+server+"/os-instance-actions", s.listActions)
	s.Handle("GET "+server+"/diagnostics", forbidRoute("os-server-diagnostics"))
	s.Handle("GET "+server+"/migrations", forbidRoute("servers:migrations:index"))
}

func forbidRoute(rule string) wire.Handler {
	return func(*http.Request) (wire.Answer, error) { return wire.Answer{}, policy(rule) }
}

// nothing is an empty list of a server's.
func (s *Service) nothing(name string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		return s.look(r, func(*cloud.State, *cloud.Server) (any, error) { return wire.Object{name: []any{}}, nil })
	}
}

func plainAddress(a address) wire.Object { return wire.Object{"version": 4, "addr": a.ip} }

func (s *Service) listIPs(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(state *cloud.State, server *cloud.Server) (any, error) {
		return wire.Object{"addresses": byNetwork(addressList(state, server), plainAddress)}, nil
	})
}

func (s *Service) showIPs(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(state *cloud.State, server *cloud.Server) (any, error) {
		for _, member := range byNetwork(addressList(state, server), plainAddress) {
			if member.Name == r.PathValue("network") {
				return wire.Ordered{member}, nil
			}
		}
		return nil, missing("Instance is not a member of specified network")
	})
}

func (s *Service) listMetadata(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(_ *cloud.State, server *cloud.Server) (any, error) {
		return wire.Object{"metadata": metadata(server)}, nil
	})
}

// setMetadata adds to a server's metadata, or puts other in its place.
func (s *Service) setMetadata(replace bool) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		var asked struct{ Metadata map[string]string }
		if err := wire.Read(r, &asked); err != nil {
			return wire.Answer{}, err
		}
		if asked.Metadata == nil {
			return wire.Answer{}, badRequest("Malformed request body")
		}
		var have map[string]string
		err := s.change(r, func(_ *cloud.State, server *cloud.Server) error {
			have = map[string]string{}
			if !replace {
				maps.Copy(have, server.Metadata)
			}
			maps.Copy(have, asked.Metadata)
			server.Metadata = maps.Clone(have)
			return checkMetadata(have)
		})
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.OK(wire.Object{"metadata": have})
	}
}

func noItem() error { return missing("Metadata item was not found") }

func (s *Service) showItem(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(_ *cloud.State, server *cloud.Server) (any, error) {
		key := r.PathValue("key")
		value, there := server.Metadata[key]
		if !there {
			return nil, noItem()
		}
		return wire.Object{"meta": map[string]string{key: value}}, nil
	})
}

func (s *Service) setItem(r *http.Request) (wire.Answer, error) {
	var asked struct{ Meta map[string]string }
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	key := r.PathValue("key")
	value, there := asked.Meta[key]
	if !there || len(asked.Meta) != 1 {
		return wire.Answer{}, badRequest("Request body and URI mismatch")
	}
	err := s.change(r, func(_ *cloud.State, server *cloud.Server) error {
		have := metadata(server)
		have[key] = value
		server.Metadata = have
		return checkMetadata(have)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"meta": asked.Meta})
}

func (s *Service) deleteItem(r *http.Request) (wire.Answer, error) {
	key := r.PathValue("key")
	err := s.change(r, func(_ *cloud.State, server *cloud.Server) error {
		if _, there := server.Metadata[key]; !there {
			return noItem()
		}
		delete(server.Metadata, key)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

func (s *Service) listTags(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(_ *cloud.State, server *cloud.Server) (any, error) {
		return wire.Object{"tags": tags(server)}, nil
	})
}

// checkTags refuses what Nova's schema does.
func checkTags(tags []string) error {
	const most, longest = 50, 60
	if len(tags) > most {
		return badRequest("Invalid input for field/attribute tags. Value: %v. %v is too long", tags, tags)
	}
	for i, tag := range tags {
		n := utf8.RuneCountInString(tag)
		switch {
		case n == 0:
			return badRequest("Invalid input for field/attribute %d. Value: %s. '%s' is too short", i, tag, tag)
		case n > longest:
			return badRequest("Invalid input for field/attribute %d. Value: %s. '%s' is too long", i, tag, tag)
		case strings.ContainsAny(tag, ",/"):
			return badRequest("Invalid input for field/attribute %d. Value: %s. '%s' does not match '^[^,/]*$'", i, tag, tag)
		}
	}
	return nil
}

func (s *Service) replaceTags(r *http.Request) (wire.Answer, error) {
	var asked struct{ Tags []string }
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	if err := checkTags(asked.Tags); err != nil {
		return wire.Answer{}, err
	}
	slices.Sort(asked.Tags)
	wanted := append([]string{}, slices.Compact(asked.Tags)...)
	err := s.change(r, func(_ *cloud.State, server *cloud.Server) error {
		server.Tags = slices.Clone(wanted)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"tags": wanted})
}

func interfaceView(r *http.Request, port *cloud.Port) wire.Object {
	state := "DOWN"
	if port.Live {
		state = "ACTIVE"
	}
	view := wire.Object{"net_id": port.NetworkID, "port_id": port.ID, "mac_addr": port.MAC, "port_state": state,
		"fixed_ips": slices.Clone(port.FixedIPs)}
	if since(r, 70) {
		view["tag"] = orNull(port.DeviceTag)
	}
	return view
}

func (s *Service) listInterfaces(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(state *cloud.State, server *cloud.Server) (any, error) {
		views := []wire.Object{}
		for _, id := range server.Ports {
			if port := state.Ports[id]; port != nil {
				views = append(views, interfaceView(r, port))
			}
		}
		return wire.Object{"interfaceAttachments": views}, nil
	})
}

func (s *Service) showInterface(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(state *cloud.State, server *cloud.Server) (any, error) {
		port := state.Ports[r.PathValue("port")]
		if port == nil || port.DeviceID != server.ID {
			return nil, missing("Port id %s could not be found.", r.PathValue("port"))
		}
		return wire.Object{"interfaceAttachment": interfaceView(r, port)}, nil
	})
}

// attachment is the body of POST os-interface.
type attachment struct {
	NetID    string `json:"net_id"`
	PortID   string `json:"port_id"`
	FixedIPs []struct {
		Address string `json:"ip_address"`
	} `json:"fixed_ips"`
}

func (a attachment) nic() nic {
	wanted := nic{UUID: a.NetID, Port: a.PortID}
	if len(a.FixedIPs) > 0 {
		wanted.FixedIP = a.FixedIPs[0].Address
	}
	return wanted
}

func (s *Service) attachInterface(r *http.Request) (wire.Answer, error) {
	var asked struct {
		Attachment attachment `json:"interfaceAttachment"`
	}
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	var card backend.NIC
	err := s.change(r, func(state *cloud.State, server *cloud.Server) error {
		if err := ready(server, "attach_interface", cloud.Active, cloud.Stopped); err != nil {
			return err
		}
		port, err := s.addNIC(state, server, asked.Attachment.nic(), []string{state.DefaultGroup().ID})
		if err != nil {
			return inNovasWords(err)
		}
		server.Ports = append(server.Ports, port.ID)
		port.Live = server.VMState == cloud.Active
		view = interfaceView(r, port)
		card, err = state.NIC(port)
		return err
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if err := s.hypervisor.Attach(r.PathValue("id"), card); err != nil {
		undo := s.dropInterface(r, card.PortID)
		return wire.Answer{}, fmt.Errorf("cannot attach a network card to %s: %w", r.PathValue("id"), errors.Join(err, undo))
	}
	return wire.OK(wire.Object{"interfaceAttachment": view})
}

// dropInterface takes a port from a server in the state.
func (s *Service) dropInterface(r *http.Request, portID string) error {
	return s.change(r, func(state *cloud.State, server *cloud.Server) error {
		at := slices.Index(server.Ports, portID)
		if at < 0 {
			return missing("Port id %s could not be found.", portID)
		}
		server.Ports = slices.Delete(server.Ports, at, at+1)
		state.Release(portID, s.now())
		return nil
	})
}

// detachInterface takes the NIC away first: until then its address must be nobody else's.
func (s *Service) detachInterface(r *http.Request) (wire.Answer, error) {
	id, portID := r.PathValue("id"), r.PathValue("port")
	var card backend.NIC
	_, err := s.look(r, func(state *cloud.State, server *cloud.Server) (any, error) {
		if err := ready(server, "detach_interface", cloud.Active, cloud.Stopped); err != nil {
			return nil, err
		}
		if !slices.Contains(server.Ports, portID) {
			return nil, missing("Port id %s could not be found.", portID)
		}
		var err error
		card, err = state.NIC(state.Ports[portID])
		return nil, err
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if err := s.hypervisor.Detach(id, card); err != nil {
		return wire.Answer{}, err
	}
	if err := s.dropInterface(r, portID); err != nil {
		return wire.Answer{}, err
	}
	s.hypervisor.Apply()
	return wire.Accepted(nil)
}

func (s *Service) serverGroups(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(state *cloud.State, server *cloud.Server) (any, error) {
		views := []wire.Object{}
		for _, group := range state.GroupsOf(server) {
			views = append(views, oldGroup(state, group))
		}
		return wire.Object{"security_groups": views}, nil
	})
}

func oldGroup(state *cloud.State, group *cloud.SecurityGroup) wire.Object {
	return wire.Object{"id": group.ID, "name": group.Name, "description": group.Description, "tenant_id": group.ProjectID,
		"rules": oldRules(state, group)}
}

// listGroups and showGroup answer what the openstack command line asks of Nova to find a server's group by its name.
// Nova has them up to 2.35.
func (s *Service) listGroups(r *http.Request) (wire.Answer, error) {
	if since(r, 36) {
		return wire.Answer{}, missing("The resource could not be found.")
	}
	views := []wire.Object{}
	s.store.View(func(state *cloud.State) {
		for _, group := range cloud.ByAge(state.SecurityGroups) {
			views = append(views, oldGroup(state, group))
		}
	})
	return wire.OK(wire.Object{"security_groups": views})
}

func (s *Service) showGroup(r *http.Request) (wire.Answer, error) {
	var view wire.Object
	s.store.View(func(state *cloud.State) {
		if group := state.SecurityGroups[r.PathValue("group")]; group != nil {
			view = oldGroup(state, group)
		}
	})
	if view == nil || since(r, 36) {
		return wire.Answer{}, missing("Security group %s not found.", r.PathValue("group"))
	}
	return wire.OK(wire.Object{"security_group": view})
}

// oldRules are a group's incoming rules in the shape of the network service that Nova once had.
func oldRules(state *cloud.State, group *cloud.SecurityGroup) []wire.Object {
	views := []wire.Object{}
	for _, rule := range state.RulesOf(group.ID) {
		if rule.Direction != "ingress" {
			continue
		}
		view := wire.Object{"id": rule.ID, "parent_group_id": group.ID, "ip_protocol": orNull(rule.Protocol),
			"from_port": rule.PortMin, "to_port": rule.PortMax, "group": wire.Object{}, "ip_range": wire.Object{}}
		if rule.RemotePrefix != "" {
			view["ip_range"] = wire.Object{"cidr": rule.RemotePrefix}
		}
		if remote := state.SecurityGroups[rule.RemoteGroupID]; remote != nil {
			view["group"] = wire.Object{"name": remote.Name, "tenant_id": remote.ProjectID}
		}
		views = append(views, view)
	}
	return views
}

// listActions knows of a server's creation only.
func (s *Service) listActions(r *http.Request) (wire.Answer, error) {
	return s.look(r, func(_ *cloud.State, server *cloud.Server) (any, error) {
		return wire.Object{"instanceActions": []wire.Object{{"action": "create", "instance_uuid": server.ID,
			"request_id": "req-" + server.ID, "user_id": server.UserID, "project_id": server.ProjectID, "message": nil,
			"start_time": micros(server.Created), "updated_at": micros(server.Updated)}}}, nil
	})
}
