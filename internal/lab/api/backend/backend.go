// Package backend says what the practice cloud asks of what runs its machines, networks and floating IPs: the types are
// plain data, the implementation is handed in from outside.
package backend

import (
	"context"
	"time"
)

// Backend runs the machines, networks and floating IPs that the API is asked for. All methods may be called
// by several goroutines at once, and the API calls none of them while it holds its own lock.
type Backend interface {
	// CreateNetwork makes the network; it is no error when it is there already.
	CreateNetwork(ctx context.Context, network Network) error
	// DeleteNetwork removes a network; it is no error when it is gone already.
	DeleteNetwork(ctx context.Context, id string) error
	// Boot starts a new machine and returns when it runs, not when its user data is done. What it has made of a
	// machine that failed to boot stays until Delete.
	Boot(ctx context.Context, machine Machine) error
	// Delete removes a machine with its disk; it is no error when it is gone already.
	Delete(ctx context.Context, id string) error
	// Power does one of the Action constants.
	Power(ctx context.Context, id string, action Action) error
	// State tells how a machine is, so that one that died or was removed behind the API's back is seen.
	State(ctx context.Context, id string) (State, error)
	// Console returns the last lines of the console log, all of them when lines is 0 or less.
	Console(ctx context.Context, id string, lines int) (string, error)
	// Rules puts the rules of a machine's security groups in force, in place of those that were.
	Rules(ctx context.Context, id string, rules []Rule) error
	// AttachNIC adds a NIC to a machine that is there.
	AttachNIC(ctx context.Context, id string, nic NIC) error
	// DetachNIC removes a NIC from a machine.
	DetachNIC(ctx context.Context, id string, nic NIC) error
	// FloatingIPs puts the whole set of associated floating IPs in force, in place of the set that was.
	FloatingIPs(ctx context.Context, addresses []FloatingIP) error
}

// Action is something done to a machine's power.
type Action string

// The actions that a Backend knows.
const (
	Start      Action = "start"
	Stop       Action = "stop"
	SoftReboot Action = "soft"
	HardReboot Action = "hard"
)

// State is how a machine is.
type State string

// The states of a machine.
const (
	Running State = "running"
	Stopped State = "stopped"
	Missing State = "missing"
)

// Network is a tenant network with its one subnet of IPv4 addresses. The subnet's last usable address (.254 of a /24),
// or the one before where that is the gateway, is never given to a port: the Backend may use it for the host's own side
// of the network.
type Network struct {
	ID        string // of the Neutron network
	Name      string // not unique
	CIDR      string // "192.168.0.0/24"
	Gateway   string // the subnet's gateway address, empty when it has none
	Routed    bool   // whether a router with an external gateway owns the gateway address
	External  bool   // floating IPs come from it; no machine is attached to it
	ProjectID string
}

// Machine is what a new machine is made of.
type Machine struct {
	ID               string
	Name             string
	ImageID          string
	ImageRef         string            // the Docker image
	ImageName        string            // the name in Glance
	UserData         []byte            // decoded; nil when there is none
	Metadata         map[string]string // of the server
	KeyName          string            // empty without a key pair
	PublicKey        string            // in the form of authorized_keys
	NICs             []NIC             // in the order asked for
	Rules            []Rule            // of all its security groups
	VCPUs            int
	MemoryMB         int
	DiskGB           int
	FlavorName       string
	AvailabilityZone string
	ProjectID        string
	Created          time.Time
}

// NIC is one network card of a machine.
type NIC struct {
	PortID      string
	NetworkID   string
	NetworkName string
	MAC         string
	IP          string
	PrefixLen   int
	Gateway     string   // of its subnet, empty when it has none
	DNS         []string // name servers of its subnet
	Name        string   // of the port, often empty
}

// Rule lets traffic through; what no rule lets through is dropped.
type Rule struct {
	Direction   string   // "ingress" or "egress"
	Ethertype   string   // "IPv4" or "IPv6"
	Protocol    string   // "tcp", "udp", "icmp", …, a number, or empty for any
	PortMin     int      // 0 with PortMax 0: all ports; for ICMP the type, -1 for any
	PortMax     int      // for ICMP the code, -1 for any
	RemoteCIDRs []string // empty: from anywhere; a remote group is resolved to its members' addresses
}

// FloatingIP maps an address of the external network to a machine's address.
type FloatingIP struct {
	Address   string
	FixedIP   string
	MachineID string // empty when the port belongs to no machine
	NetworkID string // of the fixed address
}
