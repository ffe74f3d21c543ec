package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"golang.org/x/sync/errgroup"
)

func remove(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("delete", flag.ContinueOnError)
	prefix := flags.String("prefix", "meas-bare-", "what the names begin with")
	parallel := flags.Int("parallel", 8, "requests in flight")
	interval := flags.Duration("interval", time.Second, "between two list calls")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *prefix == "" {
		return errors.New("cannot delete without a prefix: that would be every server")
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
	if err := deleteAll(ctx, compute, doomed, *parallel); err != nil {
		return err
	}
	if err := awaitGone(ctx, compute, *prefix, *interval); err != nil {
		return err
	}
	c.done(fmt.Sprintf("%d servers gone", len(doomed)))
	return nil
}

func deleteAll(ctx context.Context, compute *gophercloud.ServiceClient, doomed []servers.Server, parallel int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, s := range doomed {
		g.Go(func() error {
			err := servers.Delete(ctx, compute, s.ID).ExtractErr()
			if gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

func awaitGone(ctx context.Context, compute *gophercloud.ServiceClient, prefix string, interval time.Duration) error {
	for {
		left, err := listed(ctx, compute, prefix)
		if err != nil || len(left) == 0 {
			return err
		}
		if err := pause(ctx, interval); err != nil {
			return err
		}
	}
}

func list(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("list", flag.ContinueOnError)
	prefix := flags.String("prefix", "", "only names that begin with it")
	version := flags.String("microversion", "", "of Nova's API; newer ones tell more, and take longer")
	active := flags.Bool("active", false, "print only how many of how many are ACTIVE")
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
	compute.Microversion = *version
	all, err := listed(ctx, compute, *prefix)
	if err != nil {
		return err
	}
	if !*active {
		c.done(fmt.Sprintf("%d servers listed", len(all)))
		return nil
	}
	n := 0
	for _, s := range all {
		if s.Status == "ACTIVE" {
			n++
		}
	}
	fmt.Printf("%d/%d\n", n, len(all))
	return nil
}
