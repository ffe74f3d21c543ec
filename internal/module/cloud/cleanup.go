package cloud

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack/cleanup"
	"rollout/internal/value"
)

func cleanupSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "prefix", Doc: "what the names of the servers begin with; never empty"},
			{Name: "owner", Doc: "instead of prefix: for whom rollout made what is meant"},
			{Name: "app", Doc: "with owner: for which application; without it, for any"},
			{Name: "not_active", Type: module.Bool, Default: false, Doc: "only servers that are not ACTIVE"},
			{Name: "older_than", Type: module.Int, Default: 0, Doc: "only servers that were made so many seconds ago, or earlier"},
			{Name: "force", Type: module.Bool, Default: false, Doc: "what belongs to several owners is meant"},
		},
		MutuallyExclusive: [][]string{{"prefix", "owner"}},
		RequiredOneOf:     [][]string{{"prefix", "owner"}},
	}
}

func runCleanup(ctx context.Context, t *task) (module.Result, error) {
	plan, err := cleanup.PlanFor(ctx, t.cloud, cleanup.Scope{
		Prefix: t.text("prefix"), Owner: t.text("owner"), App: t.text("app"),
		NotActive: t.on("not_active"), OlderThan: seconds(t.Args, "older_than"), Force: t.on("force")})
	if err != nil {
		return module.Result{}, err
	}
	res := module.Result{}
	for _, r := range plan.Rows {
		if r.Action != cleanup.Keep {
			thing := r.Kind + " " + r.Name
			res = and(res, t.changed(thing, change{r.Action + " " + thing, r.Cause}))
		}
	}
	res = res.Set("plan", planRows(plan.Rows)).Set("left", []any{})
	if t.Check || plan.Empty() {
		return res, nil
	}
	left := plan.Execute(ctx, func(s cleanup.Step) {
		if !s.Done {
			t.progress(s.String())
		}
	})
	if len(left) > 0 {
		return leftBehind(res, left), ctx.Err()
	}
	return res, nil
}

func planRows(rows []cleanup.Row) []any {
	out := []any{}
	for _, r := range rows {
		out = append(out, value.NewMap("kind", r.Kind, "name", r.Name, "id", r.ID, "action", r.Action, "cause", r.Cause, "status", r.Status))
	}
	return out
}

func leftBehind(res module.Result, left []cleanup.Left) module.Result {
	var names []string
	rows := []any{}
	for _, l := range left {
		names = append(names, fmt.Sprintf("%s %s (%v)", l.Row.Kind, l.Row.Name, l.Err))
		rows = append(rows, value.NewMap("kind", l.Row.Kind, "name", l.Row.Name, "id", l.Row.ID, "error", l.Err.Error()))
	}
	res.Failed, res.Msg = true, "left behind: "+strings.Join(names, "; ")
	return res.Set("left", rows)
}
