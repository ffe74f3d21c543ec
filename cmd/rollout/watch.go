package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"rollout/internal/report"
)

// watchFlags let a command show again and again what it shows.
type watchFlags struct{ seconds int }

func (f *watchFlags) register(flags *pflag.FlagSet) {
	flags.IntVarP(&f.seconds, "watch", "w", 0, "show it anew every `SECONDS` (5 if none are given) until Ctrl-C")
	flags.Lookup("watch").NoOptDefVal = "5"
}

// show calls draw once, or again and again: in place on a terminal, one block
// after the other elsewhere. A draw that fails while watching is shown, not the
// end; Ctrl-C is the end, and no error.
func (f *watchFlags) show(ctx context.Context, draw func(context.Context, io.Writer) error) error {
	if f.seconds < 0 {
		return fmt.Errorf("cannot watch every %d s: --watch must be 1 or more", f.seconds)
	}
	if f.seconds == 0 {
		return draw(ctx, os.Stdout)
	}
	screen := report.Screen{Out: os.Stdout, InPlace: term.IsTerminal(int(os.Stdout.Fd()))}
	ticks := time.NewTicker(time.Duration(f.seconds) * time.Second)
	defer ticks.Stop()
	for {
		var block bytes.Buffer
		fmt.Fprintln(&block, time.Now().Format(time.TimeOnly))
		if err := draw(ctx, &block); err != nil && ctx.Err() == nil {
			fmt.Fprintln(&block, "ERROR! "+report.Printable(err.Error()))
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := screen.Show(block.String()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}
