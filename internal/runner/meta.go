package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/value"
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

// aboutAll are the words that concern the whole play: under a strategy that
// keeps hosts together the first host's condition decides.
var aboutAll = []string{"refresh_inventory", "clear_facts", "clear_host_errors", "end_batch", "end_play"}

// unconditional are the words whose when counts for nothing, as in Ansible.
var unconditional = []string{"noop", "refresh_inventory", "reset_connection"}

// meta does what a meta task says, on those hosts for which its when holds.
func (b *batch) meta(ctx context.Context, t *playbook.Task, hosts []*member, f frame) error {
	word := metaWord(t)
	if f.handlers && word == "flush_handlers" {
		return t.Node.Errorf("flush_handlers cannot be used as a handler")
	}
	if slices.Contains(unconditional, word) && len(t.When) > 0 {
		b.run.tell(report.Warning{Text: word + " task does not support when conditional"})
	}
	asked := hosts
	if slices.Contains(aboutAll, word) {
		asked = hosts[:1]
	}
	chosen, err := b.metaHosts(ctx, t, word, asked, f)
	if err != nil || len(chosen) == 0 {
		return err
	}
	if word == "flush_handlers" {
		return b.flush(ctx, chosen, f)
	}
	return b.steer(ctx, t, word, chosen)
}

// steer does what a meta task says to the play.
func (b *batch) steer(ctx context.Context, t *playbook.Task, word string, chosen []*member) error {
	switch word {
	case "noop":
	case "refresh_inventory":
		return b.run.hosts.refresh(ctx)
	case "end_play":
		b.ended = true
		end(b.hosts)
	case "end_batch":
		end(b.hosts)
	case "end_host":
		end(chosen)
	case "clear_facts":
		for _, host := range b.playHosts {
			b.run.state.clearFacts(host)
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

// metaHosts are the hosts whose condition holds.
func (b *batch) metaHosts(ctx context.Context, t *playbook.Task, word string, hosts []*member, f frame) ([]*member, error) {
	var out []*member
	for _, m := range hosts {
		info := report.Task{ID: b.run.nextID(), Of: t, Name: t.Title(), Where: place(t.Pos), Handler: f.handlers}
		b.run.tell(report.TaskStart{Task: info})
		ok := true
		if !slices.Contains(unconditional, word) {
			s, err := b.scope(ctx, m.name, t, f)
			if err != nil {
				return nil, err
			}
			if ok, _, err = b.conditions(ctx, s, t.When); err != nil {
				return nil, fmt.Errorf("%s: %w", t.Pos, err)
			}
		}
		said := metaSaid(word, m.name, ok)
		b.run.tell(report.Meta{Text: said})
		if ok {
			out = append(out, m)
			continue
		}
		data := value.NewMap("msg", word, "skipped", true, "skip_reason", said)
		b.run.tell(report.Result{Task: info, Host: m.name, Status: report.Skipped, Data: data})
	}
	return out, nil
}

// metaSaid is what ansible-playbook -vv says of a meta task.
func metaSaid(word, host string, ok bool) string {
	done := map[string]string{"flush_handlers": "triggered running handlers for " + host,
		"refresh_inventory": "inventory successfully refreshed", "clear_facts": "facts cleared",
		"clear_host_errors": "cleared host errors", "end_batch": "ending batch", "end_play": "ending play",
		"end_host": "ending play for " + host, "reset_connection": "reset connection"}
	left := map[string]string{"flush_handlers": "not running handlers for " + host,
		"clear_facts": "not clearing facts and fact cache for " + host, "end_batch": "continuing current batch",
		"clear_host_errors": "not clearing host error state for " + host, "end_play": "continuing play",
		"end_host": "continuing execution for " + host}
	if !ok {
		return word + " conditional evaluated to False, " + left[word]
	}
	if said := done[word]; said != "" {
		return said
	}
	return word
}
