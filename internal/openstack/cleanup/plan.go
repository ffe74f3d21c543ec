package cleanup

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"rollout/internal/openstack"
)

// What is done with a Row.
const (
	Delete       = "delete"
	Release      = "release"
	Disassociate = "disassociate"
	Keep         = "keep"
)

// Row is one thing of a clean-up plan.
type Row struct {
	Kind   string // one of those that Execute names
	Name   string
	ID     string
	Action string // Delete, Release, Disassociate, Keep
	Cause  string // "name begins with student07-", "of server student07-web-1"
	Status string // of a server

	router string // of an interface: the router's id
}

// Plan is what a clean-up would do.
type Plan struct {
	Rows   []Row    // in the order in which they are deleted; each kind by name
	Owners []string // whose all of this is, as far as it is known
	cloud  *openstack.Cloud
}

// PlanFor looks what a clean-up would delete, and changes nothing. Servers
// go by their names, or by their metadata, and with them what is theirs; what
// Neutron keeps goes by the mark that rollout put on it, unless others use it.
func PlanFor(ctx context.Context, cloud *openstack.Cloud, what Scope) (Plan, error) {
	plan := Plan{cloud: cloud}
	switch {
	case what.names() == "":
		return plan, ErrEmptyPrefix
	case what.OlderThan < 0:
		return plan, fmt.Errorf("cannot clean up what is older than %s: that is a time to come", what.OlderThan)
	}
	e, err := look(ctx, cloud, what)
	if err != nil {
		return plan, err
	}
	plan.Owners = e.owners()
	if len(plan.Owners) > 1 && !what.Force {
		return plan, &SeveralOwnersError{Prefix: what.Prefix, Owners: plan.Owners}
	}
	plan.Rows = slices.Concat(floatingRows(e.floating, e.serverPorts(), e.names, what), serverRows(e.servers, what),
		portRows(e.serverPorts(), e.names), e.lonePorts(), volumeRows(e.volumes, e.names, what), e.marked())
	return plan, nil
}

// ownerOf takes the owner from the metadata; for a server made by other means,
// from its name: what stands before the first dash at or after the prefix's end.
func ownerOf(s openstack.Server, prefix string) string {
	if o := s.Metadata["rollout_owner"]; o != "" {
		return o
	}
	from := strings.TrimRight(prefix, "-")
	rest := s.Name[len(from):]
	if i := strings.IndexByte(rest, '-'); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.IndexByte(from, '-'); i >= 0 {
		return from[:i] // the prefix names more than the owner: student07-app-
	}
	return from + rest
}

func serverRows(servers []openstack.Server, what Scope) []Row {
	cause := "name begins with " + what.Prefix
	if what.Owner != "" {
		cause = "made for " + (openstack.Mark{Owner: what.Owner, App: what.App}).Name()
	}
	if what.NotActive {
		cause += ", not ACTIVE"
	}
	if what.OlderThan > 0 {
		cause += fmt.Sprintf(", older than %s", what.OlderThan)
	}
	var out []Row
	for _, s := range servers {
		out = append(out, Row{Kind: "server", Name: s.Name, ID: s.ID, Action: Delete, Cause: cause, Status: s.Status})
	}
	return out
}

func portRows(ports []openstack.Port, names map[string]string) []Row {
	var out []Row
	for _, p := range ports {
		name := p.Name
		if name == "" {
			name = p.ID
			if len(p.FixedIPs) > 0 {
				name = p.FixedIPs[0].IP
			}
		}
		out = append(out, Row{Kind: "port", Name: name, ID: p.ID, Action: Delete, Cause: "of server " + names[p.DeviceID]})
	}
	sortRows(out)
	return out
}

// floatingRows releases the addresses that rollout allocated, and frees others.
// One of ours that no server uses any more goes too, if its owner is meant.
func floatingRows(ips []openstack.FloatingIP, ports []openstack.Port, names map[string]string, what Scope) []Row {
	server := map[string]string{}
	for _, p := range ports {
		server[p.ID] = names[p.DeviceID]
	}
	var out []Row
	for _, f := range ips {
		row := Row{Kind: "floating IP", Name: f.Address, ID: f.ID, Action: Release}
		switch name := server[f.PortID]; {
		case f.PortID != "" && name != "" && f.Ours():
			row.Cause = "of server " + name
		case f.PortID != "" && name != "":
			row.Action, row.Cause = Disassociate, "of server "+name+", not allocated by rollout"
		case f.PortID == "" && f.Ours() && !what.selective() && what.takes(openstack.MarkFrom(f.Owner())):
			row.Cause = "allocated for " + f.Owner() + ", unused"
		default:
			continue
		}
		out = append(out, row)
	}
	sortRows(out)
	return out
}

// volumeRows deletes the volumes of the servers that have the prefix too, or no
// name, as those made at boot; another name says that somebody wants to keep it.
func volumeRows(volumes []openstack.Volume, names map[string]string, what Scope) []Row {
	var out []Row
	for _, v := range volumes {
		server := ""
		for _, id := range v.Servers {
			server += names[id]
		}
		named := strings.HasPrefix(v.Name, what.names())
		row := Row{Kind: "volume", Name: v.Name, ID: v.ID, Action: Delete, Cause: "of server " + server}
		if row.Name == "" {
			row.Name = v.ID
		}
		switch {
		case server != "" && (named || v.Name == ""):
		case server != "":
			row.Action, row.Cause = Keep, "of server "+server+", but named otherwise"
		case named && len(v.Servers) == 0 && !what.selective() && what.Prefix != "":
			row.Cause = "name begins with " + what.Prefix
		default:
			continue
		}
		out = append(out, row)
	}
	sortRows(out)
	return out
}

func sortRows(rows []Row) {
	sort.Slice(rows, func(i, j int) bool {
		if rows[i].Name != rows[j].Name {
			return rows[i].Name < rows[j].Name
		}
		return rows[i].ID < rows[j].ID
	})
}

// Empty reports whether the plan deletes nothing.
func (p Plan) Empty() bool {
	return !slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Action != Keep })
}
