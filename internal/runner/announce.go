package runner

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
)

// announce tells the observer that the task starts.
func (b *batch) announce(ctx context.Context, t *playbook.Task, first *member, f frame) report.Task {
	info := report.Task{ID: b.run.nextID(), Of: t, Name: b.title(ctx, t, first, f), Where: place(t.Pos), Action: t.Action,
		Handler: f.handlers}
	set := b.run.opt.Settings
	if set.DisplayArgs {
		info.Args = shownArgs(t)
	}
	if set.CheckModeMarkers {
		if s, err := b.scope(ctx, first.name, t, f); err == nil {
			info.Check, _ = b.taskCheckMode(s, t) // a mistake in it is the task's to tell
		}
	}
	b.run.tell(report.TaskStart{Task: info})
	return info
}

// place is file:line, as Ansible tells a task's.
func place(at document.Position) string { return fmt.Sprintf("%s:%d", absolute(at.File), at.Line) }

// shownArgs are a task's arguments as written, unless they are not to be seen.
func shownArgs(t *playbook.Task) string {
	if t.NoLog != nil || t.Args == nil {
		return ""
	}
	var parts []string
	for _, e := range t.Args.Entries {
		parts = append(parts, e.Name()+"="+text(e.Value.Decode()))
	}
	if len(parts) == 0 && t.FreeForm != nil {
		parts = append(parts, "_raw_params="+t.FreeForm.Text)
	}
	return " " + strings.Join(parts, ", ")
}

// checks tells whether the play runs in check mode, for its heading.
func (b *batch) checks(ctx context.Context) bool {
	if b.play.CheckMode == nil {
		return b.run.opt.Check
	}
	s, err := b.playScope(ctx)
	if err != nil {
		return b.run.opt.Check
	}
	yes, err := truth(s, b.play.CheckMode, "check_mode")
	return yes && err == nil // a mistake in it is the tasks' to tell
}
