package node

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// metadataVersions are the dates of OpenStack's metadata service, up to the one that has all we answer.
var metadataVersions = []string{
	"2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27", "latest",
}

// serveMetadata answers as OpenStack's metadata service does
// (docs.openstack.org/nova/latest/user/metadata.html) until ctx ends.
func serveMetadata(ctx context.Context, address string, seed Seed) error {
	handler, err := metadataHandler(seed)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return fmt.Errorf("cannot serve metadata: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve metadata: %w", err)
	}
	return context.Cause(ctx)
}

// metadataHandler has a table of fixed answers; whatever else is asked for is not found.
func metadataHandler(seed Seed) (http.Handler, error) {
	pages, err := metadataPages(seed)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[normalise(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		kind := "text/plain; charset=UTF-8"
		if strings.HasSuffix(r.URL.Path, ".json") {
			kind = "application/json"
		}
		w.Header().Set("Content-Type", kind)
		// A client that hung up asks again.
		_, _ = w.Write(page)
	}), nil
}

// normalise maps every version to one, and drops slashes at the end.
func normalise(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if parts[0] == "openstack" && len(parts) > 1 || parts[0] != "openstack" && parts[0] != "" {
		at := 0
		if parts[0] == "openstack" {
			at = 1
		}
		if isVersion(parts[at]) {
			parts[at] = "latest"
		}
	}
	return strings.Join(parts, "/")
}

func isVersion(s string) bool {
	if s == "latest" || s == "1.0" {
		return true
	}
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func metadataPages(seed Seed) (map[string][]byte, error) {
	metadata, err := json.Marshal(metaData(seed))
	if err != nil {
		return nil, fmt.Errorf("cannot write meta_data.json: %w", err)
	}
	network, err := json.Marshal(networkData(seed))
	if err != nil {
		return nil, fmt.Errorf("cannot write network_data.json: %w", err)
	}
	versions := strings.Join(metadataVersions, "\n")
	pages := map[string][]byte{
		"":                                   []byte("1.0\n2009-04-04\nlatest"),
		"openstack":                          []byte(versions),
		"openstack/latest":                   []byte("meta_data.json\nnetwork_data.json\nuser_data\nvendor_data.json\nvendor_data2.json\npassword"),
		"openstack/latest/meta_data.json":    metadata,
		"openstack/latest/network_data.json": network,
		"openstack/latest/vendor_data.json":  []byte("{}"),
		"openstack/latest/vendor_data2.json": []byte("{}"),
		"openstack/latest/password":          nil,
	}
	if seed.Machine.UserData != nil {
		pages["openstack/latest/user_data"] = seed.Machine.UserData
		pages["latest/user-data"] = seed.Machine.UserData
	}
	for path, text := range ec2Pages(seed) {
		pages["latest/meta-data/"+path] = []byte(text)
	}
	pages["latest"] = []byte("meta-data/\nuser-data")
	pages["latest/meta-data"] = []byte(strings.Join(ec2Index(seed), "\n"))
	return pages, nil
}

// metaData is meta_data.json.
func metaData(seed Seed) map[string]any {
	m := seed.Machine
	meta := m.Metadata
	if meta == nil {
		meta = map[string]string{}
	}
	data := map[string]any{
		"uuid":              m.ID,
		"name":              m.Name,
		"hostname":          seed.Hostname(),
		"launch_index":      0,
		"availability_zone": m.AvailabilityZone,
		"project_id":        m.ProjectID,
		"meta":              meta,
		"devices":           []any{},
		// Enough to be different on each machine; the kernel's own randomness is good already.
		"random_seed": base64.StdEncoding.EncodeToString([]byte(m.ID + m.Created.String())),
	}
	if m.PublicKey != "" {
		data["public_keys"] = map[string]string{m.KeyName: m.PublicKey}
		data["keys"] = []any{map[string]string{"name": m.KeyName, "type": "ssh", "data": m.PublicKey}}
	}
	return data
}

// networkData is network_data.json.
func networkData(seed Seed) map[string]any {
	links, networks, services := []any{}, []any{}, []any{}
	for i, nic := range seed.Machine.NICs {
		link := fmt.Sprintf("tap%.11s", nic.PortID)
		links = append(links, map[string]any{
			"id": link, "vif_id": nic.PortID, "type": "bridge", "mtu": 1500, "ethernet_mac_address": nic.MAC,
		})
		routes := []any{}
		if nic.Gateway != "" {
			routes = append(routes, map[string]any{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": nic.Gateway})
		}
		networks = append(networks, map[string]any{
			"id": fmt.Sprintf("network%d", i), "link": link, "network_id": nic.NetworkID, "type": "ipv4",
			"ip_address": nic.IP, "netmask": net.IP(net.CIDRMask(nic.PrefixLen, 32)).String(), "routes": routes, "services": []any{},
		})
		for _, server := range nic.DNS {
			services = append(services, map[string]any{"type": "dns", "address": server})
		}
	}
	return map[string]any{"links": links, "networks": networks, "services": services}
}

// ec2Pages are the leaves of the older tree below /latest/meta-data, which scripts still ask with curl.
func ec2Pages(seed Seed) map[string]string {
	m := seed.Machine
	pages := map[string]string{
		"ami-id":                      "ami-00000001",
		"ami-launch-index":            "0",
		"hostname":                    seed.Hostname(),
		"instance-id":                 "i-" + m.ID[:min(8, len(m.ID))],
		"instance-type":               m.FlavorName,
		"local-hostname":              seed.Hostname(),
		"placement":                   "availability-zone",
		"placement/availability-zone": m.AvailabilityZone,
		"public-hostname":             seed.Hostname(),
		"public-ipv4":                 "",
		"reservation-id":              "r-" + m.ID[:min(8, len(m.ID))],
		"security-groups":             "",
	}
	if len(m.NICs) > 0 {
		pages["local-ipv4"] = m.NICs[0].IP
	}
	if m.PublicKey != "" {
		pages["public-keys"] = "0=" + m.KeyName
		pages["public-keys/0"] = "openssh-key"
		pages["public-keys/0/openssh-key"] = m.PublicKey
	}
	return pages
}

// ec2Index lists the top of the older tree; a slash marks what has more below.
func ec2Index(seed Seed) []string {
	index := []string{
		"ami-id", "ami-launch-index", "hostname", "instance-id", "instance-type", "local-hostname", "local-ipv4",
		"placement/", "public-hostname", "public-ipv4", "reservation-id", "security-groups",
	}
	if seed.Machine.PublicKey != "" {
		index = append(index, "public-keys/")
	}
	return index
}
