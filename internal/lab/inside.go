package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// insideAddress is where machines of the lab reach the API: this host's address
// on the external network, which a router forwards to, and the API's port. It
// is an address of a bridge of the lab's own: nobody outside of this host comes
// by there.
func (s Settings) insideAddress() (string, error) {
	external, err := s.external()
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(s.API)
	if err != nil {
		return "", fmt.Errorf("cannot tell where the API is: %w", err)
	}
	return net.JoinHostPort(hostOn(external).String(), port), nil
}

// hostOn is this host's address on the external network.
func hostOn(external netip.Prefix) netip.Addr { return external.Masked().Addr().Next() }

// InsideURL is where Keystone is for machines of the lab on a network that is
// routed, of the lab whose Keystone this machine finds at url; "" where no lab's
// is there.
func InsideURL(options Options, url string) (string, error) {
	dir, err := stateDir(options.Dir)
	if err != nil {
		return "", err
	}
	settings, err := readSettings(dir)
	if errors.Is(err, ErrDown) || err == nil && url != authURL(settings.API) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	address, err := settings.insideAddress()
	if err != nil {
		return "", err
	}
	return authURL(address), nil
}
