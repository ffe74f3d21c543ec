package openstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// consoleInterval is how often a console log is asked for.
const consoleInterval = 2 * time.Second

// FollowConsole hands what a server's console log has to show, then what is new
// as it comes, without repeating anything, until the server ends or ctx does.
// The last line is held back until it is whole: a line follows it, or nothing
// new came. It returns why it ended: what became of the server, or ctx's error.
func (c *Cloud) FollowConsole(ctx context.Context, s Server, show func(lines []string)) (string, error) {
	var log consoleLog
	for {
		lines, err := c.Console(ctx, s.ID, 0)
		gone := isGone(err)
		if err != nil && !gone {
			return "", err
		}
		fresh := log.add(lines)
		show(fresh)
		if gone {
			return "it was deleted", nil
		}
		if len(fresh) == 0 {
			if ended, err := c.ended(ctx, s.ID); ended != "" || err != nil {
				show(log.rest())
				return ended, err
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(consoleInterval):
		}
	}
}

func isGone(err error) bool { return IsStatus(err, 404) }

// ended says what became of a server that shows nothing any more.
func (c *Cloud) ended(ctx context.Context, id string) (string, error) {
	now, err := c.Server(ctx, id)
	var none *NotFoundError
	switch {
	case errors.As(err, &none) || isGone(err):
		return "it was deleted", nil
	case err != nil:
		return "", err
	case now.Status == "ERROR" || now.Status == "SHUTOFF" || now.Status == "DELETED":
		return fmt.Sprintf("it is %s", now.Status), nil
	}
	return "", nil
}

// consoleLog is what was seen of a console log, of which Nova keeps the end
// only: the lines of the next answer may begin earlier or later, or, after a
// reboot, be others.
type consoleLog struct {
	seen []string // of the last answer
	held bool     // the last of them was not shown
}

// add takes the next answer and returns the lines that are new in it.
func (l *consoleLog) add(lines []string) []string {
	if slices.Equal(lines, l.seen) {
		return l.rest()
	}
	known := l.seen
	if l.held {
		known = known[:len(known)-1]
	}
	fresh := lines[overlap(known, lines):]
	l.seen, l.held = slices.Clone(lines), len(fresh) > 0
	if !l.held {
		return nil
	}
	return fresh[:len(fresh)-1]
}

// rest is the line that was held back.
func (l *consoleLog) rest() []string {
	if !l.held {
		return nil
	}
	l.held = false
	return l.seen[len(l.seen)-1:]
}

// overlap is how many lines the end of the old has in common with the beginning
// of the new.
func overlap(old, now []string) int {
	for n := min(len(old), len(now)); n > 0; n-- {
		if slices.Equal(old[len(old)-n:], now[:n]) {
			return n
		}
	}
	return 0
}
