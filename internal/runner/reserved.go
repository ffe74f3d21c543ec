package runner

import (
	"slices"

	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/value"
)

// reservedNames are the keywords of plays, roles, blocks and tasks and the
// functions of templates: variables of these names hide them or are hidden.
var reservedNames = []string{
	"action", "always", "any_errors_fatal", "args", "async", "async_val", "become", "become_exe", "become_flags",
	"become_method", "become_user", "block", "changed_when", "check_mode", "collections", "connection", "debugger",
	"delay", "delegate_facts", "delegate_to", "diff", "environment", "fact_path", "failed_when", "force_handlers",
	"gather_facts", "gather_subset", "gather_timeout", "handlers", "hosts", "ignore_errors", "ignore_unreachable",
	"local_action", "loop", "loop_control", "loop_with", "max_fail_percentage", "module_defaults", "name", "no_log",
	"notify", "order", "poll", "port", "post_tasks", "pre_tasks", "register", "remote_user", "rescue", "retries",
	"roles", "run_once", "serial", "strategy", "tags", "tasks", "throttle", "timeout", "until", "vars_files",
	"vars_prompt", "when", "with_",
	"cycler", "dict", "joiner", "lipsum", "lookup", "namespace", "now", "q", "query", "range", "undef",
}

// warnReserved tells of variables of the play whose names are taken.
func (b *batch) warnReserved() error {
	var sets []*value.Map
	for _, use := range slices.Concat(b.play.Roles, b.play.Imported) {
		for _, u := range use.All() {
			more, err := b.roleSets(u)
			if err != nil {
				return err
			}
			sets = append(sets, more...)
		}
	}
	for _, l := range b.playLayers {
		sets = append(sets, l.Values)
	}
	for _, set := range b.varsFiles {
		sets = append(sets, set)
	}
	var found []string
	for _, set := range append(sets, b.run.opt.ExtraVars) {
		for k := range set.All() {
			if name := text(k); slices.Contains(reservedNames, name) && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	slices.Sort(found)
	for _, name := range found {
		b.run.warnOnce("Found variable using reserved name: " + name)
	}
	return nil
}

// roleSets are a role's defaults and variables.
func (b *batch) roleSets(use *playbook.RoleUse) ([]*value.Map, error) {
	defaults, err := b.run.decoded(use.Role.Defaults)
	if err != nil {
		return nil, err
	}
	vars, err := b.run.decoded(use.Role.Vars)
	return []*value.Map{defaults, vars}, err
}

// warnOnce tells a warning, but not a second time in the run.
func (r *Run) warnOnce(text string) {
	r.mu.Lock()
	known := r.warned[text]
	r.warned[text] = true
	r.mu.Unlock()
	if !known {
		r.tell(report.Warning{Text: text})
	}
}
