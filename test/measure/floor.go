package main

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"golang.org/x/sync/errgroup"
)

// wanted is what create makes: count servers alike, prefix1, prefix2 …; for
// each of several owners, prefix01-1, prefix01-2 …
type wanted struct {
	prefix, image, flavor, networks, groups, key string
	owners, count, parallel                      int
	interval, limit                              time.Duration
}

func create(ctx context.Context, args []string) error {
	var w wanted
	flags := flag.NewFlagSet("create", flag.ContinueOnError)
	flags.StringVar(&w.prefix, "prefix", "meas-bare-", "what the names begin with")
	flags.IntVar(&w.count, "count", 10, "how many servers, of each owner")
	flags.IntVar(&w.owners, "owners", 0, "how many owners; 0: the names have none in them")
	flags.IntVar(&w.parallel, "parallel", 8, "requests in flight")
	flags.DurationVar(&w.interval, "interval", time.Second, "between two list calls")
	flags.DurationVar(&w.limit, "limit", 20*time.Minute, "how long all of it may take")
	flags.StringVar(&w.image, "image", "docker-base", "")
	flags.StringVar(&w.flavor, "flavor", "standard.xsmall", "")
	flags.StringVar(&w.networks, "networks", "app-net,dbs-net", "names, in the order of the network cards")
	flags.StringVar(&w.groups, "groups", "sg-all-from-console,sg-all-from-dbs-net", "security groups")
	flags.StringVar(&w.key, "key", "key-for-internal", "key pair")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	c, err := open(ctx)
	if err != nil {
		return err
	}
	compute, err := c.service("compute", "")
	if err != nil {
		return err
	}
	body, err := c.lookUp(ctx, compute, w)
	if err != nil {
		return err
	}
	if err := post(ctx, compute, w, body); err != nil {
		return err
	}
	if err := awaitActive(ctx, compute, w); err != nil {
		return err
	}
	c.done(fmt.Sprintf("%d servers ACTIVE", len(w.names())))
	return nil
}

// lookUp turns names into ids, one call for each kind, side by side.
func (c *cloud) lookUp(ctx context.Context, compute *gophercloud.ServiceClient, w wanted) (servers.CreateOpts, error) {
	body := servers.CreateOpts{SecurityGroups: strings.Split(w.groups, ",")}
	image, err := c.service("image", "v2/")
	if err != nil {
		return body, err
	}
	network, err := c.service("network", "v2.0/")
	if err != nil {
		return body, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { body.ImageRef, err = imageID(ctx, image, w.image); return err })
	g.Go(func() (err error) { body.FlavorRef, err = flavorID(ctx, compute, w.flavor); return err })
	g.Go(func() (err error) {
		body.Networks, err = cards(ctx, network, strings.Split(w.networks, ","))
		return err
	})
	return body, g.Wait()
}

func imageID(ctx context.Context, image *gophercloud.ServiceClient, name string) (string, error) {
	page, err := images.List(image, images.ListOpts{Name: name}).AllPages(ctx)
	if err != nil {
		return "", err
	}
	found, err := images.ExtractImages(page)
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%d images are called %s: %w", len(found), name, err)
	}
	return found[0].ID, nil
}

func flavorID(ctx context.Context, compute *gophercloud.ServiceClient, name string) (string, error) {
	page, err := flavors.ListDetail(compute, nil).AllPages(ctx)
	if err != nil {
		return "", err
	}
	all, err := flavors.ExtractFlavors(page)
	for _, f := range all {
		if f.Name == name {
			return f.ID, nil
		}
	}
	return "", fmt.Errorf("no flavor is called %s: %w", name, err)
}

func cards(ctx context.Context, network *gophercloud.ServiceClient, names []string) ([]servers.Network, error) {
	page, err := networks.List(network, nil).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	all, err := networks.ExtractNetworks(page)
	if err != nil {
		return nil, err
	}
	var out []servers.Network
	for _, name := range names {
		for _, n := range all {
			if n.Name == name {
				out = append(out, servers.Network{UUID: n.ID})
			}
		}
	}
	if len(out) != len(names) {
		return nil, fmt.Errorf("not all networks of %v exist, each once", names)
	}
	return out, nil
}

// named is a server to be, and whose it is.
type named struct{ name, owner, index string }

func (w wanted) names() []named {
	var out []named
	for owner := range max(w.owners, 1) {
		whose := strings.TrimSuffix(w.prefix, "-")
		if w.owners > 0 {
			whose = fmt.Sprintf("%s%02d", w.prefix, owner+1)
		}
		for i := range w.count {
			index := strconv.Itoa(i + 1)
			out = append(out, named{whose + "-" + index, whose, index})
		}
	}
	return out
}

func post(ctx context.Context, compute *gophercloud.ServiceClient, w wanted, body servers.CreateOpts) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(w.parallel)
	for _, n := range w.names() {
		g.Go(func() error {
			one := body
			one.Name = n.name
			one.Metadata = map[string]string{"rollout_owner": n.owner, "rollout_tier": "app", "rollout_index": n.index}
			_, err := servers.Create(ctx, compute, withKey{one, w.key}, nil).Extract()
			return err
		})
	}
	return g.Wait()
}

// withKey adds the key pair, for which gophercloud has a package of its own.
type withKey struct {
	servers.CreateOpts
	key string
}

func (o withKey) ToServerCreateMap() (map[string]any, error) {
	body, err := o.CreateOpts.ToServerCreateMap()
	if server, ok := body["server"].(map[string]any); ok && o.key != "" {
		server["key_name"] = o.key
	}
	return body, err
}

// awaitActive waits for as many servers as were asked for. More are there only
// if somebody else left some, which is no reason to wait for ever.
func awaitActive(ctx context.Context, compute *gophercloud.ServiceClient, w wanted) error {
	for {
		all, err := listed(ctx, compute, w.prefix)
		if err != nil {
			return err
		}
		active := 0
		for _, s := range all {
			switch s.Status {
			case "ACTIVE":
				active++
			case "ERROR":
				return fmt.Errorf("server %s is in ERROR: %s", s.Name, s.Fault.Message)
			}
		}
		if active >= len(w.names()) {
			return nil
		}
		if err := pause(ctx, w.interval); err != nil {
			return err
		}
	}
}

func listed(ctx context.Context, compute *gophercloud.ServiceClient, prefix string) ([]servers.Server, error) {
	opts := servers.ListOpts{}
	if prefix != "" {
		opts.Name = "^" + regexp.QuoteMeta(prefix)
	}
	page, err := servers.List(compute, opts).AllPages(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot list servers: %w", err)
	}
	return servers.ExtractServers(page)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
