package docker

import (
	"slices"
	"strings"

	"rollout/internal/value"
)

// body is the endpoint in the API's form.
func (n Endpoint) body() *value.Map {
	body := value.NewMap()
	if len(n.Aliases) > 0 {
		body.Set("Aliases", value.List(n.Aliases))
	}
	if len(n.Links) > 0 {
		body.Set("Links", value.List(n.Links))
	}
	if n.IPv4 != "" {
		put(body, "IPAMConfig.IPv4Address", n.IPv4)
	}
	if n.IPv6 != "" {
		put(body, "IPAMConfig.IPv6Address", n.IPv6)
	}
	return body
}

// networkSteps attaches an existing container to the networks it should be on.
func networkSteps(want Spec, have *Container) []Step {
	if want.IgnoreNetworks {
		return nil
	}
	connected := dictOf(at(have.Raw, "NetworkSettings.Networks"))
	var steps []Step
	for _, n := range want.Networks {
		entry, there := connected.Get(n.Network)
		if !there {
			steps = append(steps, Step{Do: DoConnect, Cause: "not connected", Network: n.Network, Body: n.body()})
			continue
		}
		if cause := n.differs(dictOf(entry)); cause != "" {
			steps = append(steps,
				Step{Do: DoDisconnect, Cause: cause, Network: n.Network},
				Step{Do: DoConnect, Cause: cause, Network: n.Network, Body: n.body()})
		}
	}
	if !want.OnlyNetworks {
		return steps
	}
	for k := range connected.All() {
		name, _ := k.(string)
		if !slices.ContainsFunc(want.Networks, func(n Endpoint) bool { return n.Network == name }) {
			steps = append(steps, Step{Do: DoDisconnect, Cause: "not wanted", Network: name})
		}
	}
	return steps
}

// differs says in words what is not as it should be; "" where all is.
func (n Endpoint) differs(have *value.Map) string {
	ipam := have.Map("IPAMConfig")
	switch {
	case n.IPv4 != "" && ipam.String("IPv4Address") != n.IPv4:
		return "address " + n.IPv4 + " instead of " + show(ipam.String("IPv4Address"))
	case n.IPv6 != "" && ipam.String("IPv6Address") != n.IPv6:
		return "address " + n.IPv6 + " instead of " + show(ipam.String("IPv6Address"))
	}
	if missing := without(value.List(n.Aliases), have.List("Aliases")); len(missing) > 0 {
		return "alias " + strings.Join(value.Strings(missing), ", ") + " is missing"
	}
	if missing := without(value.List(n.Links), have.List("Links")); len(missing) > 0 {
		return "link " + strings.Join(value.Strings(missing), ", ") + " is missing"
	}
	return ""
}
