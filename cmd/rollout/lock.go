package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"rollout/internal/openstack"
	"rollout/internal/openstack/lock"
	"rollout/internal/report"
)

// lockFlags say how two runs for one owner are kept apart.
type lockFlags struct {
	on   bool
	wait time.Duration
}

func (f *lockFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "lock", true, "keep other runs of the same owner out while this one changes the cloud")
	flags.DurationVar(&f.wait, "lock-timeout", 0, "wait so long (`DURATION`, such as 10m) for another run of the same owner to end")
}

// hold does something while nobody else does the same for that owner.
func (f lockFlags) hold(ctx context.Context, cloud *openstack.Cloud, owner string, do func(context.Context) error) error {
	if !f.on {
		return do(ctx)
	}
	req := lock.Request{Owner: owner, Holder: lock.ThisProcess(), Wait: f.wait, Say: warn}
	return lock.Hold(ctx, cloud, req, do)
}

// holdAll is hold for several owners, one within the other.
func (f lockFlags) holdAll(ctx context.Context, cloud *openstack.Cloud, owners []string, do func(context.Context) error) error {
	if len(owners) == 0 {
		return do(ctx)
	}
	return f.hold(ctx, cloud, owners[0], func(ctx context.Context) error {
		return f.holdAll(ctx, cloud, owners[1:], do)
	})
}

// holdTopology is hold for the topology's owner; what runs on other hosts, or
// changes nothing, needs no lock.
func (p *project) holdTopology(ctx context.Context, f lockFlags, do func(context.Context) error) error {
	if !f.on || !p.hasTopology() {
		return do(ctx)
	}
	top, err := p.topology(ctx)
	if err != nil {
		return err
	}
	cloud, err := p.cloud(ctx, top)
	if err != nil {
		return err
	}
	return f.hold(ctx, cloud, top.Owner, do)
}

func warn(text string) { fmt.Fprintln(os.Stderr, "[WARNING]: "+report.Printable(text)) }
