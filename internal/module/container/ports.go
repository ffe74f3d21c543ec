package container

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// anyAddress is where a port is published when nobody says where; it is every
// IPv4 address.
const anyAddress = "0.0.0.0"

// ports are the published and exposed ports in the API's form.
type ports struct {
	bindings *value.Map // "80/tcp": [{HostIp, HostPort}]
	exposed  *value.Map // "80/tcp": {}
}

// readPorts reads published ports, [[address:]host[-host]:]container[-container][/protocol],
// and exposed ones, port[-port][/protocol]. Where a published one has no
// address, it is published on anywhere.
func readPorts(published, exposed []any, anywhere string) (ports, error) {
	p := ports{bindings: value.NewMap(), exposed: value.NewMap()}
	for _, e := range published {
		if err := p.publish(fmt.Sprint(e), anywhere); err != nil {
			return p, fmt.Errorf("published_ports: port %v: %w", e, err)
		}
	}
	for _, e := range exposed {
		from, to, protocol, err := portRange(fmt.Sprint(e))
		if err != nil {
			return p, fmt.Errorf("exposed_ports: port %v: %w", e, err)
		}
		for n := from; n <= to; n++ {
			p.expose(n, protocol)
		}
	}
	return p, nil
}

func (p ports) expose(port int, protocol string) string {
	key := fmt.Sprintf("%d/%s", port, protocol)
	p.exposed.Set(key, value.NewMap())
	return key
}

func (p ports) publish(text, anywhere string) error {
	address, host, inside, err := cutPort(text, anywhere)
	if err != nil {
		return err
	}
	from, to, protocol, err := portRange(inside)
	if err != nil {
		return err
	}
	hostPorts, err := hostSide(host, to-from+1)
	if err != nil {
		return err
	}
	for n := from; n <= to; n++ {
		hostPort := hostPorts[n-from]
		key := p.expose(n, protocol)
		binding := value.NewMap("HostIp", address, "HostPort", hostPort)
		p.bindings.Set(key, append(p.bindings.List(key), binding))
	}
	return nil
}

// hostSide writes the host's ports for that many ports of the container: none
// is any free one, and a range for one port is whichever of them is free.
func hostSide(host string, count int) ([]string, error) {
	out := make([]string, count)
	if host == "" {
		return out, nil
	}
	if strings.Contains(host, "/") {
		return nil, fmt.Errorf("the protocol stands after the container's port")
	}
	first, last, _, err := portRange(host)
	switch {
	case err != nil:
		return nil, err
	case count == 1:
		out[0] = host
		return out, nil
	case last-first+1 != count:
		return nil, fmt.Errorf("the ranges are of different lengths")
	}
	for i := range out {
		out[i] = strconv.Itoa(first + i)
	}
	return out, nil
}

// cutPort splits [[address:]host:]container; an IPv6 address is in brackets.
func cutPort(text, anywhere string) (address, host, inside string, err error) {
	rest := text
	bracketed := strings.HasPrefix(rest, "[")
	address = anywhere
	if bracketed {
		inner, after, ok := strings.Cut(rest[1:], "]:")
		if !ok {
			return "", "", "", fmt.Errorf("the bracket is not closed")
		}
		address, rest = inner, after
	}
	parts := strings.Split(rest, ":")
	switch {
	case len(parts) == 3 && !bracketed:
		address, host, inside = parts[0], parts[1], parts[2]
	case len(parts) == 2:
		host, inside = parts[0], parts[1]
	case len(parts) == 1:
		inside = parts[0]
	default:
		return "", "", "", fmt.Errorf("expected [[address:]port:]port[/protocol]")
	}
	if _, err := netip.ParseAddr(address); err != nil && address != "" {
		return "", "", "", fmt.Errorf("%q is not an IP address", address)
	}
	return address, host, inside, nil
}

// portRange reads port[-port][/protocol].
func portRange(text string) (from, to int, protocol string, err error) {
	numbers, protocol, given := strings.Cut(text, "/")
	if !given {
		protocol = "tcp"
	}
	if protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
		return 0, 0, "", fmt.Errorf("%q is not a protocol (tcp, udp, sctp)", protocol)
	}
	low, high, ranged := strings.Cut(numbers, "-")
	if from, err = portNumber(low); err != nil {
		return 0, 0, "", err
	}
	to = from
	if ranged {
		if to, err = portNumber(high); err != nil {
			return 0, 0, "", err
		}
	}
	if to < from {
		return 0, 0, "", fmt.Errorf("the range %s ends before it begins", numbers)
	}
	return from, to, protocol, nil
}

func portNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is not a port number", text)
	}
	return n, nil
}

// samePorts fills in the address that the engine leaves out for "any".
func samePorts(v any) any {
	m, _ := v.(*value.Map)
	out := value.NewMap()
	for k, list := range m.All() {
		var bindings []any
		items, _ := list.([]any)
		for _, b := range items {
			binding, _ := b.(*value.Map)
			address := binding.String("HostIp")
			if address == "" {
				address = anyAddress
			}
			bindings = append(bindings, value.NewMap("HostIp", address, "HostPort", binding.String("HostPort")))
		}
		out.Set(k, bindings)
	}
	return out
}
