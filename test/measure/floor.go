package main

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"golang.org/x/sync/errgroup"
)

// wanted is what create makes: count servers alike, prefix1, prefix2 …
type wanted struct {
	prefix, image, flavor, networks, groups, key string
	count, parallel                              int
	interval                                     time.Duration
}

func create(ctx context.Context, args []string) error {
	var w wanted
	flags := flag.NewFlagSet("create", flag.ContinueOnError)
	flags.StringVar(&w.prefix, "prefix", "meas-bare-", "what the names begin with")
	flags.IntVar(&w.count, "count", 10, "how many servers")
	flags.IntVar(&w.parallel, "parallel", 8, "requests in flight")
	flags.DurationVar(&w.interval, "interval", time.Second, "between two list calls")
	flags.StringVar(&w.image, "image", "docker-base", "")
	flags.StringVar(&w.flavor, "flavor", "standard.xsmall", "")
	flags.StringVar(&w.networks, "networks", "app-net,dbs-net", "names, in the order of the network cards")
	flags.StringVar(&w.groups, "groups", "sg-all-from-console,sg-all-from-dbs-net", "security groups")
	flags.StringVar(&w.key, "key", "key-for-internal", "key pair")
	if err := flags.Parse(args); err != nil {
		return err
	}
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
	c.done(fmt.Sprintf("%d servers ACTIVE", w.count))
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

func post(ctx context.Context, compute *gophercloud.ServiceClient, w wanted, body servers.CreateOpts) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(w.parallel)
	for i := range w.count {
		g.Go(func() error {
			one := body
			one.Name = fmt.Sprintf("%s%d", w.prefix, i+1)
			one.Metadata = map[string]string{"rollout_owner": "meas", "rollout_tier": "app", "rollout_index": fmt.Sprint(i + 1)}
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
		if active == w.count {
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

func remove(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("delete", flag.ContinueOnError)
	prefix := flags.String("prefix", "meas-bare-", "what the names begin with")
	parallel := flags.Int("parallel", 8, "requests in flight")
	interval := flags.Duration("interval", time.Second, "between two list calls")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *prefix == "" {
		return fmt.Errorf("cannot delete without a prefix: that would be every server")
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	compute, err := c.service("compute", "")
	if err != nil {
		return err
	}
	doomed, err := listed(ctx, compute, *prefix)
	if err != nil {
		return err
	}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(*parallel)
	for _, s := range doomed {
		g.Go(func() error {
			err := servers.Delete(inner, compute, s.ID).ExtractErr()
			if gophercloud.ResponseCodeIs(err, 404) {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for left := doomed; len(left) > 0; {
		if left, err = listed(ctx, compute, *prefix); err != nil {
			return err
		}
		if len(left) > 0 {
			if err := pause(ctx, *interval); err != nil {
				return err
			}
		}
	}
	c.done(fmt.Sprintf("%d servers gone", len(doomed)))
	return nil
}

func list(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("list", flag.ContinueOnError)
	prefix := flags.String("prefix", "", "only names that begin with it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	compute, err := c.service("compute", "")
	if err != nil {
		return err
	}
	all, err := listed(ctx, compute, *prefix)
	if err != nil {
		return err
	}
	c.done(fmt.Sprintf("%d servers listed", len(all)))
	return nil
}
