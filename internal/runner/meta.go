package runner

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/playbook"
	"rollout/internal/report"
)

// metaWords are the things meta can do.
var metaWords = []string{"clear_facts", "clear_host_errors", "end_batch", "end_host", "end_play", "flush_handlers",
	"noop", "refresh_inventory", "reset_connection"}

// metaWord is what a meta task asks for.
func metaWord(t *playbook.Task) string {
	if t.FreeForm != nil {
		return strings.TrimSpace(t.FreeForm.Text)
	}
	if n := t.Args.Get("free_form"); n != nil {
		return n.Text
	}
	return ""
}

// meta does what a meta task says, on those hosts for which its when holds.
func (b *batch) meta(ctx context.Context, t *playbook.Task, hosts []*member, f frame) error {
	info := report.Task{ID: b.run.nextID(), Name: t.Title(), Where: t.Pos.String()}
	b.run.tell(report.TaskStart{Task: info})
	word := metaWord(t)
	chosen, err := b.metaHosts(ctx, t, info, hosts, f)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return nil
	}
	switch word {
	case "noop":
	case "flush_handlers":
		return b.flush(ctx, hosts)
	case "refresh_inventory":
		return b.run.hosts.refresh(ctx)
	case "end_play":
		b.ended = true
		end(hosts)
	case "end_batch":
		end(hosts)
	case "end_host":
		end(chosen)
	case "clear_facts":
		for _, m := range chosen {
			b.run.state.clearFacts(m.name)
		}
	case "clear_host_errors":
		b.run.forgive(b.hosts)
	case "reset_connection":
		for _, m := range chosen {
			b.run.conns.dropHost(m.name)
		}
	default:
		return t.Node.Errorf("meta cannot do %q (known: %s)", word, strings.Join(metaWords, ", "))
	}
	return nil
}

func end(hosts []*member) {
	for _, m := range hosts {
		m.out = true
	}
}

// metaHosts are the hosts whose condition holds. What concerns the whole play
// is decided by the first host, as in Ansible.
func (b *batch) metaHosts(ctx context.Context, t *playbook.Task, info report.Task, hosts []*member, f frame) ([]*member, error) {
	var out []*member
	for _, m := range hosts {
		s, err := b.scope(ctx, m.name, t, f)
		if err != nil {
			return nil, err
		}
		ok, _, err := b.conditions(ctx, s, t.When)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Pos, err)
		}
		if ok {
			out = append(out, m)
			continue
		}
		b.run.tell(report.Result{Task: info, Host: m.name, Status: report.Skipped})
	}
	return out, nil
}
