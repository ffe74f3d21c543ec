package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/report"
)

// stepped asks whether to run a task, where --step says so.
func (r *Run) stepped(ctx context.Context, title func() string) (bool, error) {
	r.stepMu.Lock()
	defer r.stepMu.Unlock()
	if r.opt.Step == nil {
		return true, nil
	}
	question := "Perform task: TASK: " + title() + " (N)o/(y)es/(c)ontinue: "
	answer, err := r.opt.Step.Ask(ctx, question, false)
	if err != nil {
		return false, fmt.Errorf("cannot ask before the task: %w", err)
	}
	r.tell(report.Asked{Question: question})
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	case "c", "continue":
		r.opt.Step = nil
		return true, nil
	}
	return false, nil
}

// retryLater writes the hosts that the run ended without to a file for --limit.
func (r *Run) retryLater(sum Summary) error {
	hosts := slices.Concat(sum.Failed, sum.Unreachable)
	if r.opt.RetryFile == "" || len(hosts) == 0 {
		return nil
	}
	slices.Sort(hosts)
	if err := os.MkdirAll(filepath.Dir(r.opt.RetryFile), 0o700); err != nil {
		return fmt.Errorf("cannot write the retry file: %w", err)
	}
	if err := os.WriteFile(r.opt.RetryFile, []byte(strings.Join(slices.Compact(hosts), "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("cannot write the retry file: %w", err)
	}
	r.tell(report.Message{Text: "\tto retry, use: --limit @" + r.opt.RetryFile})
	return nil
}
