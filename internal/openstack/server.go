package openstack

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollout/internal/value"
)

// Server is one VM as Nova tells it.
type Server struct {
	ID, Name         string
	Status           string // ACTIVE, BUILD, ERROR, SHUTOFF …
	TaskState        string // what Nova is doing with it; empty for nothing
	Fault            string // Nova's words where Status is ERROR
	FaultCode        int    // the HTTP status that goes with them; 0 where unknown
	Addresses        []Attachment
	Metadata         map[string]string
	Created          time.Time
	AvailabilityZone string
	KeyName          string
	ImageID          string
	ImageName        string // filled in by ListServers only
	FlavorID         string
	FlavorName       string // filled in by ListServers only
	SecurityGroups   []string
	Volumes          []string   // ids of attached volumes
	Raw              *value.Map // Nova's whole answer, keys in its order
}

// Attachment is a server's place in one network.
type Attachment struct {
	Network   string // its name
	Addresses []Address
}

// Address is one address of a server.
type Address struct {
	IP       string
	Version  int  // 4 or 6
	Floating bool // reached through a floating IP
	MAC      string
}

// Fixed returns the server's own addresses on the network of that name, or on
// all networks, in order, where name is empty.
func (s Server) Fixed(network string) []string { return s.pick(network, false) }

// Floating returns the server's floating IPs.
func (s Server) Floating() []string { return s.pick("", true) }

// NetworksText shows the fixed addresses as the openstack command line does:
// net=addr, addr; net=addr.
func (s Server) NetworksText() string {
	var parts []string
	for _, a := range s.Addresses {
		parts = append(parts, a.Network+"="+strings.Join(s.Fixed(a.Network), ", "))
	}
	return strings.Join(parts, "; ")
}

func (s Server) pick(network string, floating bool) []string {
	var out []string
	for _, a := range s.Addresses {
		for _, addr := range a.Addresses {
			if addr.Floating == floating && (network == "" || a.Network == network) {
				out = append(out, addr.IP)
			}
		}
	}
	return out
}

// carries reports whether the server's metadata holds all of want.
func (s Server) carries(want map[string]string) bool {
	for k, v := range want {
		if got, ok := s.Metadata[k]; !ok || got != v {
			return false
		}
	}
	return true
}

func serverFrom(m *value.Map) Server {
	s := Server{
		ID: m.String("id"), Name: m.String("name"), Status: m.String("status"),
		TaskState:        m.String("OS-EXT-STS:task_state"),
		Fault:            m.Map("fault").String("message"),
		FaultCode:        m.Map("fault").Int("code"),
		Metadata:         map[string]string{},
		AvailabilityZone: m.String("OS-EXT-AZ:availability_zone"),
		KeyName:          m.String("key_name"),
		ImageID:          m.Map("image").String("id"),
		FlavorID:         m.Map("flavor").String("id"),
		Raw:              m,
	}
	s.Created, _ = time.Parse(time.RFC3339, m.String("created"))
	for k, v := range m.Map("metadata").All() {
		s.Metadata[fmt.Sprint(k)] = fmt.Sprint(v)
	}
	for k, v := range m.Map("addresses").All() {
		list, _ := v.([]any)
		s.Addresses = append(s.Addresses, attachmentFrom(fmt.Sprint(k), list))
	}
	s.SecurityGroups = fieldOf(m.List("security_groups"), "name")
	s.Volumes = fieldOf(m.List("os-extended-volumes:volumes_attached"), "id")
	return s
}

func attachmentFrom(network string, list []any) Attachment {
	out := Attachment{Network: network}
	for _, e := range list {
		a, _ := e.(*value.Map)
		out.Addresses = append(out.Addresses, Address{
			IP: a.String("addr"), Version: a.Int("version"),
			Floating: a.String("OS-EXT-IPS:type") == "floating", MAC: a.String("OS-EXT-IPS-MAC:mac_addr"),
		})
	}
	return out
}

// fieldOf collects a string field of a list of maps, each value once.
func fieldOf(list []any, key string) []string {
	var out []string
	for _, e := range list {
		m, _ := e.(*value.Map)
		if s := m.String(key); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Filter chooses servers.
type Filter struct {
	NamePrefix string
	Metadata   map[string]string // all of these
}

// ListServers returns the servers of the project that match, by name, with the
// names of their images and flavors.
func (c *Cloud) ListServers(ctx context.Context, f Filter) ([]Server, error) {
	out, err := c.ServersOf(ctx, f)
	if err != nil {
		return nil, err
	}
	c.fillFaults(ctx, out)
	if err := c.nameParts(ctx, out); err != nil {
		return nil, err
	}
	return out, nil
}

// ServersOf is ListServers in one call: without the names of images and flavors,
// and without faults that a list leaves out.
func (c *Cloud) ServersOf(ctx context.Context, f Filter) ([]Server, error) {
	pattern := ""
	if f.NamePrefix != "" {
		pattern = beginning(f.NamePrefix)
	}
	all, err := c.serversMatching(ctx, detailed, pattern)
	if err != nil {
		return nil, fmt.Errorf("cannot list servers: %w", err)
	}
	var out []Server
	for _, s := range all {
		// The database behind Nova may compare without regard to case.
		if strings.HasPrefix(s.Name, f.NamePrefix) && s.carries(f.Metadata) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Server) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// fillFaults asks one by one for faults that a list leaves out: Nova's lists do
// so for servers that no host would take. A fault that can't be had is left out.
func (c *Cloud) fillFaults(ctx context.Context, servers []Server) {
	for i, s := range servers {
		if s.Status != "ERROR" || s.Fault != "" {
			continue
		}
		if now, err := c.Server(withTries(ctx, 1), s.ID); err == nil {
			servers[i].Fault, servers[i].FaultCode = now.Fault, now.FaultCode
		}
	}
}

// nameParts fills in the names of images and flavors. An image that is gone
// since leaves its id as its name.
func (c *Cloud) nameParts(ctx context.Context, servers []Server) error {
	if len(servers) == 0 {
		return nil
	}
	flavors, err := c.Flavors(ctx)
	if err != nil {
		return err
	}
	for i := range servers {
		s := &servers[i]
		s.FlavorName, s.ImageName = s.FlavorID, s.ImageID
		for _, f := range flavors {
			if f.ID == s.FlavorID {
				s.FlavorName = f.Name
			}
		}
		if s.ImageID == "" {
			continue
		}
		if image, err := c.imageByID(ctx, s.ImageID); err == nil {
			s.ImageName = image.Name
		} else if ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// serversMatching is one list call; pattern is a regular expression on names.
func (c *Cloud) serversMatching(ctx context.Context, depth listing, pattern string) ([]Server, error) {
	list, err := c.compute.list(ctx, string(depth), query("name", pattern), "servers")
	if err != nil {
		return nil, err
	}
	out := make([]Server, 0, len(list))
	for _, m := range list {
		out = append(out, serverFrom(m))
	}
	return out, nil
}

// FindServer returns the server of that name or id.
func (c *Cloud) FindServer(ctx context.Context, nameOrID string) (Server, error) {
	if isID(nameOrID) {
		s, err := c.Server(ctx, nameOrID)
		if err == nil || !IsStatus(err, http.StatusNotFound) {
			return s, err
		}
	}
	found, err := c.ServersNamed(ctx, nameOrID)
	if err != nil {
		return Server{}, err
	}
	switch len(found) {
	case 0:
		return Server{}, &NotFoundError{Kind: "server", Name: nameOrID}
	case 1:
		return found[0], nil
	}
	return Server{}, ambiguousServers(nameOrID, found)
}

func ambiguousServers(name string, found []Server) error {
	e := &AmbiguousError{Kind: "server", Name: name}
	for _, s := range found {
		e.IDs = append(e.IDs, s.ID)
	}
	return e
}

// Server returns the server of that id.
func (c *Cloud) Server(ctx context.Context, id string) (Server, error) {
	m, err := c.compute.get(ctx, "servers/"+id, "server")
	if err != nil {
		return Server{}, fmt.Errorf("cannot look at server %s: %w", id, err)
	}
	return serverFrom(m), nil
}

// ServerSpec is a server to be made.
type ServerSpec struct {
	Name             string
	ImageID          string
	FlavorID         string
	KeyName          string
	NICs             []NIC // in the order of the network cards
	SecurityGroups   []string
	UserData         []byte
	Metadata         map[string]string
	AvailabilityZone string
	Description      string
	ConfigDrive      bool
	SchedulerHints   map[string]any
	Tags             []string
}

// NIC is one network card: a network, or a port made before.
type NIC struct {
	NetworkID string
	PortID    string
	FixedIP   string
	Tag       string
}

// MaxUserData is how long user data may be once it is base64.
const MaxUserData = 65535

// The version of Nova's API that knows descriptions, tags and those of network
// cards, of a server to be made.
const extendedCreate = "2.52"

func (s ServerSpec) body() map[string]any {
	server := map[string]any{"name": s.Name, "imageRef": s.ImageID, "flavorRef": s.FlavorID}
	setText(server, "key_name", s.KeyName)
	setText(server, "availability_zone", s.AvailabilityZone)
	setText(server, "description", s.Description)
	if len(s.UserData) > 0 {
		server["user_data"] = base64.StdEncoding.EncodeToString(s.UserData)
	}
	if len(s.Metadata) > 0 {
		server["metadata"] = s.Metadata
	}
	if len(s.Tags) > 0 {
		server["tags"] = s.Tags
	}
	if s.ConfigDrive {
		server["config_drive"] = true
	}
	var nics []map[string]any
	for _, n := range s.NICs {
		nic := map[string]any{}
		setText(nic, "uuid", n.NetworkID)
		setText(nic, "port", n.PortID)
		setText(nic, "fixed_ip", n.FixedIP)
		setText(nic, "tag", n.Tag)
		nics = append(nics, nic)
	}
	if len(nics) > 0 {
		server["networks"] = nics
	}
	var groups []map[string]any
	for _, g := range s.SecurityGroups {
		groups = append(groups, map[string]any{"name": g})
	}
	if len(groups) > 0 {
		server["security_groups"] = groups
	}
	body := map[string]any{"server": server}
	if len(s.SchedulerHints) > 0 {
		body["os:scheduler_hints"] = s.SchedulerHints
	}
	return body
}

func setText(m map[string]any, key, text string) {
	if text != "" {
		m[key] = text
	}
}

func (s ServerSpec) headers() map[string]string {
	extended := s.Description != "" || len(s.Tags) > 0
	for _, n := range s.NICs {
		extended = extended || n.Tag != ""
	}
	if !extended {
		return nil
	}
	return computeVersion(extendedCreate)
}

// CreateServer asks for a server and returns its id at once. A lost answer is
// followed by a look for a server of that name and metadata, never by a twin;
// ids in known are those that were there before.
func (c *Cloud) CreateServer(ctx context.Context, spec ServerSpec, known ...string) (string, error) {
	if n := base64.StdEncoding.EncodedLen(len(spec.UserData)); n > MaxUserData {
		return "", fmt.Errorf("cannot boot %s: its user data is %d bytes in base64, and Nova takes %d (compress it, or fetch parts of it from the VM)",
			spec.Name, n, MaxUserData)
	}
	look := func(ctx context.Context) (string, bool, error) {
		found, err := c.ServersNamed(ctx, spec.Name)
		for _, s := range found {
			if s.Name == spec.Name && s.carries(spec.Metadata) && !slices.Contains(known, s.ID) {
				return s.ID, true, nil
			}
		}
		return "", false, err
	}
	send := func(ctx context.Context) (string, error) {
		if err := c.creating.take(ctx); err != nil {
			return "", err
		}
		defer c.creating.release()
		hearing, end := lingering(ctx, lastAnswers)
		defer end()
		m, err := c.compute.one(hearing, http.MethodPost, "servers", spec.body(), "server", spec.headers())
		return m.String("id"), err
	}
	return makeOnce(ctx, c.grace(), look, send)
}

// exactly is a regular expression for this name and no other.
func exactly(name string) string { return "^" + regexp.QuoteMeta(name) + "$" }

// StartDelete asks for a server's end and does not wait for it.
func (c *Cloud) StartDelete(ctx context.Context, id string) error {
	if err := c.compute.delete(ctx, "servers/"+id); err != nil {
		return fmt.Errorf("cannot delete server %s: %w", id, err)
	}
	return nil
}

// DeleteServer deletes a server and waits until it is gone.
func (c *Cloud) DeleteServer(ctx context.Context, s Server, limit time.Duration) error {
	if err := c.StartDelete(ctx, s.ID); err != nil {
		return err
	}
	return c.AwaitGone(ctx, s, limit)
}

// SetMetadata adds or replaces these keys of a server's metadata.
func (c *Cloud) SetMetadata(ctx context.Context, id string, meta map[string]string) error {
	_, err := c.compute.call(repeatable(ctx), http.MethodPost, "servers/"+id+"/metadata", map[string]any{"metadata": meta}, nil)
	if err != nil {
		return fmt.Errorf("cannot set metadata of server %s: %w", id, err)
	}
	return nil
}

// DeleteMetadata removes a key of a server's metadata.
func (c *Cloud) DeleteMetadata(ctx context.Context, id, key string) error {
	if err := c.compute.delete(ctx, "servers/"+id+"/metadata/"+key); err != nil {
		return fmt.Errorf("cannot delete metadata %s of server %s: %w", key, id, err)
	}
	return nil
}

// Action asks Nova to do something with a server: "os-start", "os-stop",
// "reboot" with {"type": "SOFT"}, "lock", "rebuild" … args may be nil.
func (c *Cloud) Action(ctx context.Context, id, action string, args map[string]any) error {
	var body any
	if args != nil {
		body = args
	}
	_, err := c.compute.call(ctx, http.MethodPost, "servers/"+id+"/action", map[string]any{action: body}, nil)
	if err != nil {
		return fmt.Errorf("cannot %s server %s: %w", strings.TrimPrefix(action, "os-"), id, err)
	}
	return nil
}

// Console returns the last lines of a server's console log; 0 is all there is.
func (c *Cloud) Console(ctx context.Context, id string, lines int) ([]string, error) {
	args := map[string]any{}
	if lines > 0 {
		args["length"] = lines
	}
	m, err := c.compute.call(repeatable(ctx), http.MethodPost, "servers/"+id+"/action", map[string]any{"os-getConsoleOutput": args}, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot read the console log of server %s: %w", id, err)
	}
	text := strings.TrimRight(strings.ReplaceAll(m.String("output"), "\r", ""), "\n")
	if text == "" {
		return nil, nil
	}
	return strings.Split(text, "\n"), nil
}
