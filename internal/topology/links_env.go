package topology

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/value"
)

// LinkEnv is the environment that `docker run --link provider:alias` gives the
// consumer, for a provider that is reached at address: its published ports in
// the place of the container's own.
//
// Source: https://docs.docker.com/engine/network/links/#environment-variables
func LinkEnv(consumer, alias, address string, ports []Port) *value.Map {
	env := value.NewMap()
	prefix := strings.ToUpper(strings.ReplaceAll(alias, "-", "_"))
	ports = slices.Clone(ports)
	slices.SortFunc(ports, func(a, b Port) int {
		if a.Container != b.Container {
			return a.Container - b.Container
		}
		return strings.Compare(a.Protocol, b.Protocol)
	})
	for i, p := range ports {
		url := fmt.Sprintf("%s://%s:%d", p.Protocol, address, p.Host)
		if i == 0 {
			env.Set(prefix+"_PORT", url)
		}
		name := fmt.Sprintf("%s_PORT_%d_%s", prefix, p.Container, strings.ToUpper(p.Protocol))
		env.Set(name, url)
		env.Set(name+"_ADDR", address)
		env.Set(name+"_PORT", fmt.Sprint(p.Host))
		env.Set(name+"_PROTO", p.Protocol)
	}
	env.Set(prefix+"_NAME", "/"+consumer+"/"+alias)
	return env
}

// remoteLink is what a consumer needs of a provider on other VMs: the
// environment and hosts entries of a Docker link to the first of them under
// the alias, and to each under alias_1, alias_2 …, as Compose numbered them.
func remoteLink(c *Container, l Link, p *Container, hosts, addresses []string) *value.Map {
	env, names := value.NewMap(), value.NewMap()
	for i, addr := range addresses {
		if addr == "" {
			continue
		}
		if i == 0 {
			env.Update(LinkEnv(c.Name, l.Alias, addr, p.Ports))
			names.Set(l.Alias, addr)
		}
		if len(addresses) > 1 {
			numbered := fmt.Sprintf("%s_%d", l.Alias, i+1)
			env.Update(LinkEnv(c.Name, numbered, addr, p.Ports))
			names.Set(numbered, addr)
		}
	}
	_, checked := p.Options.Get("healthcheck")
	return value.NewMap(
		"alias", l.Alias,
		"container", p.Name,
		"hosts", value.List(hosts),
		"addresses", value.List(addresses),
		"healthcheck", checked,
		"env_prefix", strings.ToUpper(strings.ReplaceAll(l.Alias, "-", "_"))+"_ENV_",
		"env", env,
		"etc_hosts", names,
	)
}
