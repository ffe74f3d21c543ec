package main

import (
	"context"
	"path/filepath"

	"rollout/internal/connection"
	"rollout/internal/runner"
	"rollout/internal/value"
)

// connector opens the connections of a run. The keys of a host that is a server
// of ours are learnt from its console log.
type connector struct {
	project *project
	pool    *connection.Pool
}

// Connect implements runner.Connector.
func (c connector) Connect(ctx context.Context, t runner.Target) (connection.Host, error) {
	if t.Connection == "local" {
		return connection.Local(), nil
	}
	c.project.noteHostKeys()
	cfg, err := connection.ConfigFromVars(t.Name, connectionVars(t))
	if err != nil {
		return nil, err
	}
	cfg.ProjectKnownHosts = filepath.Join(c.project.stateDir(), "known_hosts")
	if id := c.project.serverID(t.Name); id != "" {
		cfg.ServerID = id
		cfg.LearnHostKeys = func(ctx context.Context) ([]string, error) { return c.project.hostKeys(ctx, id) }
	}
	return c.pool.Get(ctx, cfg)
}

// noteHostKeys tells, once, that the setting which would skip them does not.
func (p *project) noteHostKeys() {
	if s := p.settings; !s.HostKeyChecking || !s.SSHHostKeyChecking {
		p.keysNoted.Do(func() { warn("host keys are always checked: host_key_checking = false has no effect") })
	}
}

// connectionVars puts a target back into the variables that package connection
// reads.
func connectionVars(t runner.Target) *value.Map {
	vars := value.NewMap("ansible_host", t.Address)
	for _, v := range []struct {
		name string
		text string
	}{
		{"ansible_user", t.User}, {"ansible_password", t.Password}, {"ansible_ssh_private_key_file", t.KeyFile},
		{"ansible_ssh_common_args", t.SSHArgs}, {"ansible_host_key_checking", t.HostKeyChecking},
	} {
		if v.text != "" {
			vars.Set(v.name, v.text)
		}
	}
	if t.Port != 0 {
		vars.Set("ansible_port", t.Port)
	}
	if t.Timeout != 0 {
		vars.Set("ansible_timeout", int(t.Timeout.Seconds()))
	}
	return vars
}

func (p *project) hostKeys(ctx context.Context, serverID string) ([]string, error) {
	top, err := p.topology(ctx)
	if err != nil {
		return nil, err
	}
	cloud, err := p.cloud(ctx, top)
	if err != nil {
		return nil, err
	}
	return cloud.HostKeys(ctx, serverID)
}
