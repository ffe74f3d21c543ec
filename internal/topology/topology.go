// Package topology reads the YAML file that says which tiers an application
// has and what each needs, checks all of it, and shows it as an inventory:
// tiers are groups, VMs are hosts. Data goes file → *Topology → inventory; the
// package reaches no cloud and no host.
package topology

import (
	"fmt"
	"net/netip"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Topology is one checked file.
type Topology struct {
	Path           string
	App            string
	Owner          string // prefix of every name
	Cloud          string // entry in clouds.yaml; "" leaves it to OS_CLOUD and OS_*
	Networks       []Network
	SecurityGroups []SecurityGroup
	KeyPairs       []KeyPair
	Vars           *value.Map // vars: of the file, templates still in them
	Tiers          []*Tier    // in link order: a provider before its consumers
	AllInOne       *Machine   // what the one VM of all_in_one.yml is like
}

// Network is a tenant network, created where missing.
type Network struct {
	Pos    document.Position
	Name   string
	CIDR   netip.Prefix
	Router string // the router it is attached to; "" for none
	DNS    []string
}

// SecurityGroup is a named set of rules, created where missing.
type SecurityGroup struct {
	Pos   document.Position
	Name  string
	Rules []Rule
}

// KeyPair is an SSH key that Nova puts into VMs, stored there where missing.
type KeyPair struct {
	Pos            document.Position
	Name           string
	PublicKey      string // the key itself, or
	PublicKeyFile  string // a file that holds it, or
	PrivateKeyFile string // neither: the private key, made where it is not there
}

// Rule lets incoming traffic in, in Neutron's terms.
type Rule struct {
	Protocol       string // tcp, udp, icmp; "" is any
	PortMin        int    // 0 is any
	PortMax        int
	RemoteIPPrefix string
	RemoteGroup    string
}

// Machine is what Nova is asked for.
type Machine struct {
	Image             string
	Flavor            string
	KeyName           string
	KeyFile           string   // the key pair's private key on this machine
	AvailabilityZones []string // the first VM starts in the first; none leaves it to Nova
	Networks          []string // in the order of the NICs
	ManagementNetwork string   // the one rollout reaches the VM on
	SecurityGroups    []string
	FloatingIP        *FloatingIP // nil for none
	ReachByFloatingIP bool        // rollout reaches the VM on that, not on the management network
	User              string      // login user
	UserData          string      // the user's own document; "" for none
	Metadata          *value.Map
	BootTimeout       int // seconds until a BUILD counts as stuck
}

// FloatingIP says which address a VM gets from outside.
type FloatingIP struct {
	Pool    string // external network; "" is the only one there is
	Address string // a certain address; "" is any free one
}

// Tier is one layer of the application: some equal VMs with some containers.
type Tier struct {
	Pos        document.Position
	Name       string
	Count      int
	Machine    Machine
	Vars       *value.Map
	Containers []*Container // in link order
}

// Container is one container on each VM of a tier.
type Container struct {
	Pos   document.Position
	Name  string
	Tier  string
	Image string
	Ports []Port
	Links []Link
	Env   *value.Map // as declared; may hold templates
	Ready *Ready     // nil where nothing is asked
	// Options are docker_container's arguments as written (image, ports,
	// volumes, env, healthcheck …), links and ready left out.
	Options *value.Map
}

// Port is one published port.
type Port struct {
	Pos       document.Position
	Host      int
	Container int
	Protocol  string // tcp or udp
}

// Link makes a container find another under an alias.
type Link struct {
	Pos      document.Position
	Provider string // the name of a container
	Alias    string
}

// Ready is when a container counts as serving, seen from where rollout runs.
type Ready struct {
	HTTP   string // URL, a template over the host's variables
	Status int
	Within int // seconds
}

// VMName is the name of the index-th VM of a tier, counted from 1.
func (t *Topology) VMName(tier string, index int) string {
	return fmt.Sprintf("%s-%s-%d", t.Owner, tier, index)
}

// AllInOneName is the name of the VM that runs every tier.
func (t *Topology) AllInOneName() string { return fmt.Sprintf("%s-%s-all", t.Owner, t.App) }

// Tier returns the tier of that name, or nil.
func (t *Topology) Tier(name string) *Tier {
	for _, tier := range t.Tiers {
		if tier.Name == name {
			return tier
		}
	}
	return nil
}

// Container returns the container of that name, or nil: names are unique in a
// topology because links go by them.
func (t *Topology) Container(name string) *Container {
	for _, tier := range t.Tiers {
		for _, c := range tier.Containers {
			if c.Name == name {
				return c
			}
		}
	}
	return nil
}
