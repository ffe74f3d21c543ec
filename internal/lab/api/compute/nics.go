package compute

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// nic is one entry of a new server's networks.
type nic struct {
	UUID    string `json:"uuid"`
	Port    string `json:"port"`
	FixedIP string `json:"fixed_ip"`
	Tag     string `json:"tag"`
}

// wantedNICs reads the networks of a request: a list, or the words "auto" and "none" from 2.37 on. A client that says
// nothing gets its one network.
func wantedNICs(r *http.Request, state *cloud.State, raw json.RawMessage) ([]nic, error) {
	var word string
	if json.Unmarshal(raw, &word) == nil && since(r, 37) && (word == "none" || word == "auto") {
		if word == "none" {
			return nil, nil
		}
		return onlyNetwork(state)
	}
	var list []nic
	if len(raw) > 0 && string(raw) != "null" {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&list); err != nil {
			return nil, badRequest("Invalid input for field/attribute networks. Value: %s. %s", raw, err)
		}
	}
	if len(list) == 0 && !since(r, 37) {
		return onlyNetwork(state)
	}
	return list, nil
}

// onlyNetwork is the one network that servers can be on; two or more are a conflict.
func onlyNetwork(state *cloud.State) ([]nic, error) {
	var list []nic
	for _, network := range cloud.Sorted(state.Networks) {
		if !network.External && len(state.SubnetsOf(network.ID)) > 0 {
			list = append(list, nic{UUID: network.ID})
		}
	}
	if len(list) > 1 {
		return nil, conflict("Multiple possible networks found, use a Network ID to be more specific.")
	}
	return list, nil
}

// addNICs makes or takes a port for each network that a server asks for, in order.
func (s *Service) addNICs(r *http.Request, state *cloud.State, server *cloud.Server, asked request) error {
	groups, err := groupIDs(state, asked.groups())
	if err != nil {
		return err
	}
	list, err := wantedNICs(r, state, asked.Networks)
	if err != nil {
		return err
	}
	for _, wanted := range list {
		port, err := s.addNIC(state, server, wanted, groups)
		if err != nil {
			return inNovasWords(err)
		}
		port.DeviceTag = wanted.Tag
		server.Ports = append(server.Ports, port.ID)
	}
	return nil
}

func groupIDs(state *cloud.State, names []string) ([]string, error) {
	var ids []string
	for _, name := range names {
		group, err := state.GroupNamed(name)
		var known *wire.Error
		if errors.As(err, &known) && known.Status == http.StatusNotFound {
			return nil, badRequest("Unable to find security_group with name or id '%s'", name)
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, group.ID)
	}
	return ids, nil
}

// addNIC gives a server the port that it names, or a new one on the network that it names.
func (s *Service) addNIC(state *cloud.State, server *cloud.Server, wanted nic, groups []string) (*cloud.Port, error) {
	if wanted.Port != "" {
		return takePort(state, server, wanted.Port)
	}
	network := state.Networks[wanted.UUID]
	if network == nil {
		return nil, badRequest("Network %s could not be found.", wanted.UUID)
	}
	if network.External {
		return nil, wire.Errorf(http.StatusForbidden, "", "It is not allowed to create an interface on external network %s", network.ID)
	}
	if len(state.SubnetsOf(network.ID)) == 0 {
		return nil, badRequest("Network %s requires a subnet in order to boot instances on.", network.ID)
	}
	spec := cloud.PortSpec{NetworkID: network.ID, SecurityGroups: groups, DeviceID: server.ID, DeviceOwner: "compute:" + server.Zone}
	if wanted.FixedIP != "" {
		spec.FixedIPs = []cloud.FixedIP{{Address: wanted.FixedIP}}
	}
	port, err := state.AddPort(spec, state.ProjectID, s.now())
	if err != nil {
		return nil, err
	}
	port.MadeByNova = true
	return port, nil
}

func takePort(state *cloud.State, server *cloud.Server, id string) (*cloud.Port, error) {
	port := state.Ports[id]
	switch {
	case port == nil || strings.HasPrefix(port.DeviceOwner, "network:"):
		return nil, badRequest("Port id %s could not be found.", id)
	case port.DeviceID != "":
		return nil, conflict("Port %s is still in use.", id)
	case len(port.FixedIPs) == 0:
		return nil, badRequest("Port %s requires a FixedIP in order to be used.", id)
	}
	port.DeviceID, port.DeviceOwner = server.ID, "compute:"+server.Zone
	return port, nil
}

// inNovasWords turns what Neutron would answer to Nova into what Nova answers.
func inNovasWords(err error) error {
	var known *wire.Error
	if !errors.As(err, &known) || known.Type == "" {
		return err
	}
	if known.Type == "IpAddressGenerationFailure" {
		return badRequest("%s", known.Message)
	}
	if known.Type == "OverQuota" {
		return wire.Errorf(http.StatusForbidden, "", "Maximum number of ports exceeded")
	}
	if known.Status == http.StatusConflict {
		return conflict("%s", known.Message)
	}
	return badRequest("%s", known.Message)
}
