package openstack

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Belongings is all that is one person's, for cleaning up.
type Belongings struct {
	Owner          string
	Prefix         string   // of servers and volumes; never empty
	KeyPairs       []string // by their whole names
	SecurityGroups []string
}

// ClassCleanup says what of several people's is to be deleted.
type ClassCleanup struct {
	Of        []Belongings
	NotActive bool          // only servers that are not ACTIVE
	OlderThan time.Duration // only servers made so long ago
	Now       time.Time     // what OlderThan counts from
}

// chosen reports whether only some servers are meant, so that what they share
// with others stays.
func (w ClassCleanup) chosen() bool { return w.NotActive || w.OlderThan > 0 }

// meant reports whether a server is one of those asked for, and why.
func (w ClassCleanup) meant(s Server, prefix string) (string, bool) {
	cause := "name begins with " + prefix
	if w.NotActive {
		cause += ", not ACTIVE"
	}
	if w.OlderThan > 0 {
		cause += ", older than " + w.OlderThan.String()
	}
	young := w.OlderThan > 0 && (s.Created.IsZero() || w.Now.Sub(s.Created) < w.OlderThan)
	return cause, !young && !(w.NotActive && s.Status == "ACTIVE")
}

// ClassPlan is what a clean-up of several people's belongings would do.
type ClassPlan struct{ Plan }

// belongings is what the cloud has, each kind from one list.
type belongings struct {
	servers []Server
	ports   []Port
	ips     []FloatingIP
	volumes []Volume
	keys    []KeyPair
	groups  []SecurityGroup
}

// PlanClass looks what a clean-up would delete, and changes nothing. However
// many people it is about, each kind is listed once. A server that carries
// another owner's name in its metadata is kept, whatever its name begins with.
func (c *Cloud) PlanClass(ctx context.Context, what ClassCleanup) (ClassPlan, error) {
	plan := ClassPlan{Plan{cloud: c}}
	if len(what.Of) == 0 || slices.ContainsFunc(what.Of, func(b Belongings) bool { return b.Prefix == "" }) {
		return plan, ErrEmptyPrefix
	}
	have, err := c.belongings(ctx, what)
	if err != nil {
		return plan, err
	}
	for _, b := range what.Of {
		plan.Rows = append(plan.Rows, have.rows(what, b)...)
	}
	return plan, nil
}

func (c *Cloud) belongings(ctx context.Context, what ClassCleanup) (belongings, error) {
	var have belongings
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if have.servers, err = c.ListServers(ctx, Filter{NamePrefix: commonStart(what.Of)}); err != nil {
			return err
		}
		var ids []string
		for _, s := range have.servers {
			if slices.ContainsFunc(what.Of, func(b Belongings) bool { return strings.HasPrefix(s.Name, b.Prefix) }) {
				ids = append(ids, s.ID)
			}
		}
		have.ports, err = c.ServerPorts(ctx, ids...)
		return err
	})
	group.Go(func() (err error) { have.ips, err = c.FloatingIPs(ctx, nil); return err })
	group.Go(func() (err error) { have.volumes, err = c.Volumes(ctx); return err })
	if !what.chosen() {
		group.Go(func() (err error) { have.keys, err = c.KeyPairs(ctx); return err })
		group.Go(func() (err error) { have.groups, err = c.SecurityGroups(ctx, "", ""); return err })
	}
	return have, group.Wait()
}

// commonStart is what all the prefixes begin with.
func commonStart(of []Belongings) string {
	start := of[0].Prefix
	for _, b := range of[1:] {
		for !strings.HasPrefix(b.Prefix, start) {
			start = start[:len(start)-1]
		}
	}
	return start
}

func (have belongings) rows(what ClassCleanup, b Belongings) []Row {
	var servers []Row
	names := map[string]string{}
	for _, s := range have.servers {
		if !strings.HasPrefix(s.Name, b.Prefix) {
			continue
		}
		row := Row{Kind: "server", Name: s.Name, ID: s.ID, Action: Delete, Status: s.Status}
		owner := s.Metadata["rollout_owner"]
		cause, meant := what.meant(s, b.Prefix)
		switch {
		case owner != "" && owner != b.Owner:
			row.Action, row.Cause = Keep, "it is "+owner+"'s by its metadata"
		case !meant:
			continue
		default:
			row.Cause, names[s.ID] = cause, s.Name
		}
		servers = append(servers, row)
	}
	var ports []Port
	for _, p := range have.ports {
		if names[p.DeviceID] != "" {
			ports = append(ports, p)
		}
	}
	some := Cleanup{Prefix: b.Prefix, NotActive: what.chosen()}
	return slices.Concat(floatingRows(have.ips, ports, names, some), servers, portRows(ports, names),
		volumeRows(have.volumes, names, some), have.shared(b))
}

// shared are the key pairs and security groups; none were listed where only
// some servers are meant.
func (have belongings) shared(b Belongings) []Row {
	var out []Row
	for _, k := range have.keys {
		if slices.Contains(b.KeyPairs, k.Name) {
			out = append(out, Row{Kind: "key pair", Name: k.Name, ID: k.Name, Action: Delete, Cause: "made for " + b.Owner})
		}
	}
	for _, g := range have.groups {
		if slices.Contains(b.SecurityGroups, g.Name) {
			out = append(out, Row{Kind: "security group", Name: g.Name, ID: g.ID, Action: Delete, Cause: "made for " + b.Owner})
		}
	}
	sortRows(out)
	return out
}

// Execute is Plan's, and deletes key pairs and security groups when the servers
// are gone.
func (p ClassPlan) Execute(ctx context.Context, observe func(Step)) []Left {
	left := p.Plan.Execute(ctx, observe)
	run := &cleaning{cloud: p.cloud, observe: observe, left: left}
	run.all(ctx, p.rows("key pair"), func(ctx context.Context, row Row) error {
		return ignoreGone(run.cloud.DeleteKeyPair(ctx, row.ID))
	})
	run.all(ctx, p.rows("security group"), func(ctx context.Context, row Row) error {
		return ignoreGone(run.cloud.DeleteSecurityGroup(ctx, row.ID))
	})
	return run.left
}

// ignoreGone makes a success of the deletion of what is not there any more.
func ignoreGone(err error) error {
	if isGone(err) {
		return nil
	}
	return err
}
