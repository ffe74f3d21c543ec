package compute

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// action does what POST /servers/{id}/action names, with the argument that comes with it.
type action func(r *http.Request, argument json.RawMessage) (wire.Answer, error)

// serverActions are all actions. What a container cannot do is refused in so many words.
func (s *Service) serverActions() map[string]action {
	actions := map[string]action{
		"os-start":            s.power("start", backend.Start, cloud.PoweringOn, cloud.Active, cloud.Stopped),
		"os-stop":             s.power("stop", backend.Stop, cloud.PoweringOff, cloud.Stopped, cloud.Active, cloud.Failed),
		"reboot":              s.reboot,
		"os-getConsoleOutput": s.console,
		"addSecurityGroup":    s.addGroup,
		"removeSecurityGroup": s.removeGroup,
		"lock":                s.lock,
		"unlock":              s.unlock,
		"os-resetState":       forbid("os-admin-actions:reset_state"),
		"migrate":             forbid("os-migrate-server:migrate"),
		"os-migrateLive":      forbid("os-migrate-server:migrate_live"),
		"evacuate":            forbid("os-evacuate"),
		"forceDelete":         s.forceDelete,
	}
	for _, name := range []string{"rebuild", "resize", "confirmResize", "revertResize", "createImage", "createBackup",
		"pause", "unpause", "suspend", "resume", "shelve", "shelveOffload", "unshelve", "rescue", "unrescue", "restore",
		"changePassword", "os-getVNCConsole", "os-getSerialConsole", "os-getSPICEConsole", "addFloatingIp", "removeFloatingIp",
		"addFixedIp", "removeFixedIp", "trigger_crash_dump"} {
		actions[name] = refuse(name)
	}
	return actions
}

func refuse(name string) action {
	return func(*http.Request, json.RawMessage) (wire.Answer, error) {
		return wire.Answer{}, badRequest("The practice cloud does not do '%s': delete the server and boot it again, or use a real cloud.", name)
	}
}

func forbid(rule string) action {
	return func(*http.Request, json.RawMessage) (wire.Answer, error) { return wire.Answer{}, policy(rule) }
}

func (s *Service) act(r *http.Request) (wire.Answer, error) {
	var body map[string]json.RawMessage
	if err := wire.Read(r, &body); err != nil {
		return wire.Answer{}, err
	}
	if len(body) != 1 {
		return wire.Answer{}, badRequest("Malformed request body")
	}
	if _, err := s.look(r, func(*cloud.State, *cloud.Server) (any, error) { return nil, nil }); err != nil {
		return wire.Answer{}, err
	}
	for name, argument := range body {
		if do := s.actions[name]; do != nil {
			return do(r, argument)
		}
		return wire.Answer{}, badRequest("There is no such action: %s", name)
	}
	return wire.Answer{}, nil
}

// ready refuses what a server's state does not allow.
func ready(server *cloud.Server, doing string, states ...string) error {
	switch {
	case server.Locked:
		return conflict("Instance %s is locked", server.ID)
	case server.TaskState != "":
		return conflict("Cannot '%s' instance %s while it is in task_state %s", doing, server.ID, server.TaskState)
	case !slices.Contains(states, server.VMState):
		return conflict("Cannot '%s' instance %s while it is in vm_state %s", doing, server.ID, server.VMState)
	}
	return nil
}

// power makes the action that changes a server's power, from one of some states.
func (s *Service) power(doing string, do backend.Action, task, then string, from ...string) action {
	return func(r *http.Request, _ json.RawMessage) (wire.Answer, error) {
		err := s.change(r, func(_ *cloud.State, server *cloud.Server) error {
			if err := ready(server, doing, from...); err != nil {
				return err
			}
			server.TaskState = task
			return nil
		})
		if err != nil {
			return wire.Answer{}, err
		}
		s.hypervisor.Power(r.PathValue("id"), do, then)
		return wire.Accepted(nil)
	}
}

func (s *Service) reboot(r *http.Request, argument json.RawMessage) (wire.Answer, error) {
	var asked struct{ Type string }
	if err := json.Unmarshal(argument, &asked); err != nil {
		return wire.Answer{}, badRequest("Invalid input for field/attribute reboot. It is not of type 'object'")
	}
	switch strings.ToUpper(asked.Type) {
	case "SOFT":
		return s.power("reboot", backend.SoftReboot, cloud.Rebooting, cloud.Active, cloud.Active)(r, nil)
	case "HARD":
		return s.power("reboot", backend.HardReboot, cloud.RebootingNow, cloud.Active, cloud.Active, cloud.Stopped, cloud.Failed)(r, nil)
	}
	return wire.Answer{}, badRequest("Invalid input for field/attribute type. Value: %s. '%s' is not one of ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']", asked.Type, asked.Type)
}

func (s *Service) console(r *http.Request, argument json.RawMessage) (wire.Answer, error) {
	var asked struct{ Length *anyInt }
	if err := json.Unmarshal(argument, &asked); err != nil {
		return wire.Answer{}, badRequest("Invalid input for field/attribute length. Length in request body must be an integer value")
	}
	lines := 0
	if asked.Length != nil {
		lines = int(*asked.Length)
	}
	id := r.PathValue("id")
	notReady := conflict("Instance %s is not ready", id)
	failed := false
	_, err := s.look(r, func(_ *cloud.State, server *cloud.Server) (any, error) {
		failed = server.VMState == cloud.Failed
		if server.Launched.IsZero() && !failed {
			return nil, notReady
		}
		return nil, nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if asked.Length != nil && lines == 0 {
		return wire.OK(wire.Object{"output": ""})
	}
	text, err := s.hypervisor.Console(r.Context(), id, lines)
	if err != nil && failed {
		err = notReady // there may be no machine that could have said anything
	}
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"output": text})
}

func (s *Service) addGroup(r *http.Request, argument json.RawMessage) (wire.Answer, error) {
	return s.changeGroups(r, argument, func(_ *cloud.Server, group *cloud.SecurityGroup, port *cloud.Port) error {
		if slices.Contains(port.SecurityGroups, group.ID) {
			return badRequest("Invalid input for security_groups. Reason: Duplicate items in the list: '%s'.", group.ID)
		}
		port.SecurityGroups = append(port.SecurityGroups, group.ID)
		return nil
	})
}

func (s *Service) removeGroup(r *http.Request, argument json.RawMessage) (wire.Answer, error) {
	return s.changeGroups(r, argument, func(server *cloud.Server, group *cloud.SecurityGroup, port *cloud.Port) error {
		at := slices.Index(port.SecurityGroups, group.ID)
		if at < 0 {
			return missing("Security group %s not associated with the instance %s", group.Name, server.ID)
		}
		port.SecurityGroups = slices.Delete(port.SecurityGroups, at, at+1)
		return nil
	})
}

// changeGroups changes the groups of all of a server's ports, and puts them in force.
func (s *Service) changeGroups(r *http.Request, argument json.RawMessage, change func(*cloud.Server, *cloud.SecurityGroup, *cloud.Port) error) (wire.Answer, error) {
	var asked struct{ Name string }
	if err := json.Unmarshal(argument, &asked); err != nil || asked.Name == "" {
		return wire.Answer{}, badRequest("Missing parameter: a security group's name is needed")
	}
	err := s.change(r, func(state *cloud.State, server *cloud.Server) error {
		group, err := state.GroupNamed(asked.Name)
		if err != nil {
			return missing("Security group %s is not found for project %s", asked.Name, state.ProjectID)
		}
		for _, id := range server.Ports {
			if port := state.Ports[id]; port != nil {
				if err := change(server, group, port); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.hypervisor.Apply()
	return wire.Accepted(nil)
}

func (s *Service) lock(r *http.Request, argument json.RawMessage) (wire.Answer, error) {
	var asked struct {
		Reason string `json:"locked_reason"`
	}
	if err := json.Unmarshal(argument, &asked); err != nil {
		return wire.Answer{}, badRequest("Invalid input for field/attribute lock.")
	}
	return s.setLock(r, true, asked.Reason)
}

func (s *Service) unlock(r *http.Request, _ json.RawMessage) (wire.Answer, error) {
	return s.setLock(r, false, "")
}

func (s *Service) setLock(r *http.Request, locked bool, reason string) (wire.Answer, error) {
	err := s.change(r, func(_ *cloud.State, server *cloud.Server) error {
		server.Locked, server.LockedReason = locked, reason
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Accepted(nil)
}

func (s *Service) forceDelete(r *http.Request, _ json.RawMessage) (wire.Answer, error) {
	if _, err := s.deleteServer(r); err != nil {
		return wire.Answer{}, err
	}
	return wire.Accepted(nil)
}
