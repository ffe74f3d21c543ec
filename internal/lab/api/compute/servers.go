package compute

import (
	"net/http"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) serverRoutes() {
	s.Handle("GET /v2.1/servers", s.listServers(false))
	s.Handle("GET /v2.1/servers/detail", s.listServers(true))
	s.Handle("POST /v2.1/servers", s.createServers)
	s.Handle("GET /v2.1/servers/{id}", s.showServer)
	s.Handle("PUT /v2.1/servers/{id}", s.updateServer)
	s.Handle("DELETE /v2.1/servers/{id}", s.deleteServer)
	s.Handle("POST /v2.1/servers/{id}/action", s.act)
}

func (s *Service) showServer(r *http.Request) (wire.Answer, error) {
	s.hypervisor.Observe()
	return s.look(r, func(state *cloud.State, server *cloud.Server) (any, error) {
		view := serverView(r, state, server)
		showOnly(r, view, server)
		return wire.Object{"server": view}, nil
	})
}

func (s *Service) updateServer(r *http.Request) (wire.Answer, error) {
	var asked struct {
		Server map[string]*string
	}
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err := s.change(r, func(state *cloud.State, server *cloud.Server) error {
		for name, value := range asked.Server {
			if err := setServer(r, server, name, value); err != nil {
				return err
			}
		}
		view = serverView(r, state, server)
		if !since(r, 75) { // until then the answer to an update is poorer than that to a GET
			delete(view, "OS-SRV-USG:launched_at")
			delete(view, "OS-SRV-USG:terminated_at")
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"server": view})
}

func setServer(r *http.Request, server *cloud.Server, name string, value *string) error {
	text := ""
	if value != nil {
		text = *value
	}
	switch {
	case name == "name" && text != "":
		if len(text) > 255 {
			return badRequest("Invalid input for field/attribute name. It must have 1 to 255 characters")
		}
		server.Name = text
	case name == "description" && since(r, 19):
		server.Description = text
	case name == "hostname" && since(r, 90):
		server.Hostname = text
	case (name == "accessIPv4" || name == "accessIPv6") && text == "", name == "OS-DCF:diskConfig":
	default:
		return badRequest("Invalid input for field/attribute %s. Additional properties are not allowed ('%s' was unexpected)", name, name)
	}
	return nil
}

func (s *Service) deleteServer(r *http.Request) (wire.Answer, error) {
	err := s.change(r, func(_ *cloud.State, server *cloud.Server) error {
		if server.Locked {
			return conflict("Instance %s is locked", server.ID)
		}
		server.TaskState = cloud.Deleting
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.hypervisor.Delete(r.PathValue("id"))
	return wire.NoContent()
}
