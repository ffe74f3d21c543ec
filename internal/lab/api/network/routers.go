package network

import (
	"encoding/json"
	"net/http"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) routerRoutes() {
	s.Handle("GET /v2.0/routers", s.listRouters)
	s.Handle("POST /v2.0/routers", s.createRouter)
	s.Handle("GET /v2.0/routers/{id}", s.showRouter)
	s.Handle("PUT /v2.0/routers/{id}", s.updateRouter)
	s.Handle("DELETE /v2.0/routers/{id}", s.deleteRouter)
	s.Handle("PUT /v2.0/routers/{id}/add_router_interface", s.addInterface)
	s.Handle("PUT /v2.0/routers/{id}/remove_router_interface", s.removeInterface)
}

func routerView(state *cloud.State, n *cloud.Router) wire.Object {
	view := common(&n.Common)
	view["admin_state_up"] = !n.Down
	view["status"] = "ACTIVE"
	view["routes"] = []any{}
	view["flavor_id"] = nil
	view["availability_zones"] = []string{}
	view["availability_zone_hints"] = []string{}
	view["external_gateway_info"] = nil
	if n.GatewayNetwork != "" {
		addresses := []cloud.FixedIP{}
		if port := state.Ports[n.GatewayPort]; port != nil {
			addresses = orEmpty(port.FixedIPs)
		}
		view["external_gateway_info"] = wire.Object{"network_id": n.GatewayNetwork, "enable_snat": true,
			"external_fixed_ips": addresses}
		view["availability_zones"] = []string{"nova"}
	}
	return view
}

func routers(state *cloud.State) map[string]*cloud.Router { return state.Routers }

func (s *Service) listRouters(r *http.Request) (wire.Answer, error) {
	return collection(s, r, "routers", routers, routerView, &cloud.Router{})
}

func (s *Service) showRouter(r *http.Request) (wire.Answer, error) {
	return s.show(r, "router", "Router", func(state *cloud.State) wire.Object {
		if router := state.Routers[r.PathValue("id")]; router != nil {
			return routerView(state, router)
		}
		return nil
	})
}

var routerAttributes = []string{"admin_state_up", "external_gateway_info", "routes", "availability_zone_hints", "flavor_id"}

func (s *Service) createRouter(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "router", routerAttributes...)
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if err := state.RoomFor("router"); err != nil {
			return err
		}
		router := &cloud.Router{Common: cloud.NewCommon("", state.ProjectID, s.now())}
		state.Routers[router.ID] = router
		if err := s.setRouter(state, router, asked); err != nil {
			return err
		}
		router.Revision = 1
		view = routerView(state, router)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Created(wire.Object{"router": view})
}

// gatewayBody is what external_gateway_info may say; the rest of it is an administrator's.
type gatewayBody struct {
	NetworkID  string            `json:"network_id"`
	EnableSNAT *bool             `json:"enable_snat"`
	FixedIPs   []json.RawMessage `json:"external_fixed_ips"`
}

func (s *Service) setRouter(state *cloud.State, router *cloud.Router, asked fields) error {
	up := !router.Down
	var gateway gatewayBody
	err := first(s.describe(asked, &router.Common), take(asked, "admin_state_up", &up),
		take(asked, "external_gateway_info", &gateway), asked.without("routes", "availability_zone_hints", "flavor_id"))
	if err != nil {
		return err
	}
	router.Down = !up
	switch {
	case !asked.has("external_gateway_info"):
		return nil
	case gateway.EnableSNAT != nil:
		return disallowed("update_router:external_gateway_info:enable_snat")
	case len(gateway.FixedIPs) > 0:
		return disallowed("update_router:external_gateway_info:external_fixed_ips")
	}
	return state.SetGateway(router, gateway.NetworkID, s.now())
}

// ensureRouted brings all networks that a router touches in line.
func (s *Service) ensureRouted(routerID string) error {
	var networks []string
	s.store.View(func(state *cloud.State) {
		for _, port := range cloud.Sorted(state.Ports) {
			if port.DeviceID == routerID && port.DeviceOwner == cloud.RouterInterface {
				networks = append(networks, port.NetworkID)
			}
		}
	})
	for _, id := range networks {
		if err := s.fabric.EnsureNetwork(id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) updateRouter(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "router", routerAttributes...)
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.changeRouter(r, func(state *cloud.State, router *cloud.Router) error {
		if err := expected(r, &router.Common); err != nil {
			return err
		}
		if err := s.setRouter(state, router, asked); err != nil {
			return err
		}
		view = routerView(state, router)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if err := s.ensureRouted(r.PathValue("id")); err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"router": view})
}

// changeRouter lets change change the router that the path names.
func (s *Service) changeRouter(r *http.Request, change func(*cloud.State, *cloud.Router) error) error {
	return s.store.Update(func(state *cloud.State) error {
		router := state.Routers[r.PathValue("id")]
		if router == nil {
			return cloud.NotFound("Router", r.PathValue("id"))
		}
		return change(state, router)
	})
}

func (s *Service) deleteRouter(r *http.Request) (wire.Answer, error) {
	err := s.changeRouter(r, func(state *cloud.State, router *cloud.Router) error {
		var attached []string
		for _, port := range cloud.Sorted(state.Ports) {
			if port.DeviceID == router.ID && port.DeviceOwner == cloud.RouterInterface {
				attached = append(attached, port.ID)
			}
		}
		if len(attached) > 0 {
			return wire.Errorf(http.StatusConflict, "RouterInUse", "Router %s has ports still attached: %s", router.ID, strings.Join(attached, ", "))
		}
		delete(state.Ports, router.GatewayPort)
		delete(state.Routers, router.ID)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

// interfaceBody names a router's interface by its subnet or its port.
type interfaceBody struct {
	SubnetID string `json:"subnet_id"`
	PortID   string `json:"port_id"`
}

func (s *Service) changeInterface(r *http.Request, change func(*cloud.State, *cloud.Router, interfaceBody) (*cloud.Port, error)) (wire.Answer, error) {
	var asked interfaceBody
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	if asked.SubnetID == "" && asked.PortID == "" {
		return wire.Answer{}, wire.Errorf(http.StatusBadRequest, "BadRequest", "Bad router request: Either subnet_id or port_id must be specified.")
	}
	var view wire.Object
	networkID := ""
	err := s.changeRouter(r, func(state *cloud.State, router *cloud.Router) error {
		port, err := change(state, router, asked)
		if err != nil {
			return err
		}
		networkID = port.NetworkID
		subnetID := port.FixedIPs[0].SubnetID
		view = wire.Object{"id": router.ID, "tenant_id": router.ProjectID, "port_id": port.ID, "network_id": networkID,
			"subnet_id": subnetID, "subnet_ids": []string{subnetID}}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if err := s.fabric.EnsureNetwork(networkID); err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(view)
}

func (s *Service) addInterface(r *http.Request) (wire.Answer, error) {
	return s.changeInterface(r, func(state *cloud.State, router *cloud.Router, asked interfaceBody) (*cloud.Port, error) {
		return state.AddInterface(router, asked.SubnetID, asked.PortID, s.now())
	})
}

func (s *Service) removeInterface(r *http.Request) (wire.Answer, error) {
	return s.changeInterface(r, func(state *cloud.State, router *cloud.Router, asked interfaceBody) (*cloud.Port, error) {
		return state.RemoveInterface(router, asked.SubnetID, asked.PortID, s.now())
	})
}
