// Package cloud is what the practice cloud consists of: servers, networks, addresses and the rest as plain records, the
// rules between them, and one file that keeps them. It knows nothing of HTTP routes and runs nothing.
package cloud

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"rollout/internal/lab/api/wire"
)

// State is everything there is. It is only looked at or changed inside Store.View and Store.Update.
type State struct {
	ProjectID string // of the one project, "lab"
	UserID    string // of its one user
	AdminID   string // of the project that Ext-Net and the image belong to; nobody logs in to it
	TokenKey  []byte // signs tokens
	Revoked   map[string]time.Time

	Flavors        map[string]*Flavor
	Images         map[string]*Image
	KeyPairs       map[string]*KeyPair // by name
	Servers        map[string]*Server
	ServerGroups   map[string]*ServerGroup
	Networks       map[string]*Network
	Subnets        map[string]*Subnet
	Ports          map[string]*Port
	Routers        map[string]*Router
	FloatingIPs    map[string]*FloatingIP
	SecurityGroups map[string]*SecurityGroup
	Rules          map[string]*Rule
	LastKeyPair    int
	AppCredentials map[string]*AppCredential
	Quotas         map[string]int // limits that were set, by Nova's and Neutron's names
}

// AppCredential lets a program log in as the user, without the password.
type AppCredential struct {
	ID, Name, Description string
	SecretSum             []byte // SHA-256
	Unrestricted          bool   // may manage others
	Expires               time.Time
}

// Common is what most records have.
type Common struct {
	ID          string
	Name        string
	Description string
	ProjectID   string
	Tags        []string
	Created     time.Time
	Updated     time.Time
	Revision    int
}

// NewCommon starts a record.
func NewCommon(name, projectID string, now time.Time) Common {
	return Common{ID: wire.NewID(), Name: name, ProjectID: projectID, Created: now, Updated: now, Revision: 1}
}

// Touch notes a change.
func (c *Common) Touch(now time.Time) {
	c.Updated = now
	c.Revision++
}

// Base returns the part that most records have.
func (c *Common) Base() *Common { return c }

// Record is what has a Common.
type Record interface{ Base() *Common }

// Flavor is a size of servers.
type Flavor struct {
	ID, Name           string
	VCPUs, RAM, DiskGB int // RAM in MiB
	Created            time.Time
}

// Image is what servers are booted from where it has a Ref. What is uploaded is summed up, not kept.
type Image struct {
	Common
	Ref        string // of the Docker image; empty: nothing boots from it
	Size       int64  // in bytes
	Status     string // queued or deactivated; empty: active
	Visibility string // empty: public
	DiskFormat string // empty: raw
	Container  string // container_format; empty: docker
	Checksum   string // MD5 of what was uploaded
	SHA512     string
	MinDisk    int // GiB
	MinRAM     int // MiB
	Protected  bool
	Hidden     bool
	Properties map[string]string
	Members    map[string]*ImageMember // by project
}

// ImageMember is a project that a shared image is offered to.
type ImageMember struct {
	ProjectID, Status string
	Created, Updated  time.Time
}

// KeyPair is an SSH key to log in to servers with.
type KeyPair struct {
	Number                       int
	Name, PublicKey, Fingerprint string
	Type                         string // "ssh"
	Created                      time.Time
}

// ServerGroup is a named policy; the practice cloud has one host, so it keeps the members and no more.
type ServerGroup struct {
	ID, Name, Policy string
	MaxPerHost       int `json:",omitempty"` // of the rule max_server_per_host; 0: none
	Members          []string
}

// What a server's VMState and TaskState may be, in Nova's words.
const (
	Building = "building"
	Active   = "active"
	Stopped  = "stopped"
	Failed   = "error"

	Scheduling   = "scheduling"
	Spawning     = "spawning"
	Deleting     = "deleting"
	PoweringOff  = "powering-off"
	PoweringOn   = "powering-on"
	Rebooting    = "rebooting"
	RebootingNow = "rebooting_hard"
)

// Server is a VM.
type Server struct {
	Common
	UserID, Hostname string
	ImageID          string
	Flavor           Flavor // as it was at the time of the boot
	KeyName          string
	PublicKey        string
	Zone             string
	Metadata         map[string]string
	UserData         string // base64, as it came
	ConfigDrive      bool
	Ports            []string // ids in the order of the NICs
	VMState          string
	TaskState        string // empty: none
	Fault            *Fault
	Launched         time.Time // zero: never
	Locked           bool
	LockedReason     string
	GroupID          string
	AdminPassword    string
}

// Fault is why a server is in ERROR.
type Fault struct {
	Code    int
	Message string
	Created time.Time
}

// Network is a network; machines are attached to it when it has a subnet and is not external.
type Network struct {
	Common
	External bool
	Shared   bool
	Down     bool // admin_state_up false
	MTU      int
}

// Pool is a range of addresses, ends included.
type Pool struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// Subnet is the IPv4 subnet of a network.
type Subnet struct {
	Common
	NetworkID string
	CIDR      string
	Gateway   string // empty: none
	Pools     []Pool
	DNS       []string
	NoDHCP    bool
}

// FixedIP is an address of a port.
type FixedIP struct {
	SubnetID string `json:"subnet_id"`
	Address  string `json:"ip_address"`
}

// What Neutron calls the owner of a port that belongs to a router; a server's port has "compute:" and the zone.
const (
	RouterInterface = "network:router_interface"
	RouterGateway   = "network:router_gateway"
	FloatingOwner   = "network:floatingip"
)

// Port is where something is attached to a network.
type Port struct {
	Common
	NetworkID      string
	MAC            string
	FixedIPs       []FixedIP
	SecurityGroups []string
	DeviceID       string
	DeviceOwner    string
	DeviceTag      string // that Nova shows for a server's NIC
	Down           bool   // admin_state_up false
	Insecure       bool   // port_security_enabled false
	Live           bool   // its machine runs
	MadeByNova     bool   // goes when its server goes
}

// Router joins networks with each other and the outside.
type Router struct {
	Common
	GatewayNetwork string // empty: none
	GatewayPort    string
	Down           bool
}

// FloatingIP is an address of the external network that stands for a port's.
type FloatingIP struct {
	Common
	NetworkID string
	SubnetID  string
	Address   string
	PortID    string // empty: not associated
	FixedIP   string
	RouterID  string
	Status    string // ACTIVE, DOWN or ERROR
}

// SecurityGroup is a named set of rules.
type SecurityGroup struct {
	Common
}

// Rule is one rule of a security group.
type Rule struct {
	Common
	GroupID       string
	Direction     string
	Ethertype     string
	Protocol      string // empty: any
	PortMin       *int
	PortMax       *int
	RemotePrefix  string
	RemoteGroupID string
}

// Sorted returns the records of a map in the order of their keys.
func Sorted[T any](records map[string]T) []T {
	sorted := make([]T, 0, len(records))
	for _, key := range slices.Sorted(maps.Keys(records)) {
		sorted = append(sorted, records[key])
	}
	return sorted
}

// ByAge returns the records of a map, oldest first.
func ByAge[T Record](records map[string]T) []T {
	sorted := Sorted(records)
	slices.SortStableFunc(sorted, func(a, b T) int { return cmp.Compare(a.Base().Created.UnixNano(), b.Base().Created.UnixNano()) })
	return sorted
}
