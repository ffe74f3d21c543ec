package report

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"rollout/internal/value"
)

// JSONRun prints one JSON document at the end of a run: ansible.posix's callback
// json. It is safe for concurrent use.
type JSONRun struct {
	*display
	now func() time.Time

	mu    sync.Mutex
	plays []any
	play  *value.Map
	free  bool
	tasks map[string]*value.Map // by start, and by host where hosts run ahead
}

// NewJSONRun returns a printer; now is the clock.
func NewJSONRun(opt PlayOptions, now func() time.Time) *JSONRun {
	return &JSONRun{display: newDisplay(opt), now: now, plays: []any{}, tasks: map[string]*value.Map{}}
}

// Handle takes one event.
func (j *JSONRun) Handle(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch e := e.(type) {
	case PlayStart:
		j.free = e.Free
		j.play = value.NewMap("play", value.NewMap("name", e.Name, "id", "play-"+strconv.Itoa(len(j.plays)+1), "path", e.Where,
			"duration", value.NewMap("start", j.stamp())), "tasks", []any{})
		j.plays = append(j.plays, j.play)
	case TaskStart:
		if !j.free {
			j.task(e.Task, "")
		}
	case Result:
		if !e.Item && j.play != nil {
			j.result(e)
		}
	case Warning:
		j.warning(e)
	case Recap:
		j.recap(e)
	}
}

// stamp is the time as Python writes it in UTC.
func (j *JSONRun) stamp() string { return j.now().UTC().Format("2006-01-02T15:04:05.000000") + "Z" }

// task returns the entry of a task, where hosts run ahead of each other one for
// each of them.
func (j *JSONRun) task(t Task, host string) *value.Map {
	key := strconv.Itoa(t.ID)
	if j.free {
		key += " " + host
	}
	if m := j.tasks[key]; m != nil {
		return m
	}
	m := value.NewMap("task", value.NewMap("name", t.Name, "id", "task-"+strconv.Itoa(t.ID), "path", t.Where,
		"duration", value.NewMap("start", j.stamp())), "hosts", value.NewMap())
	j.tasks[key] = m
	list, _ := j.play.At("tasks").([]any)
	j.play.Set("tasks", append(list, m))
	return m
}

func (j *JSONRun) result(r Result) {
	entry := j.task(r.Task, r.Host)
	data := r.Data.Clone()
	if r.Status == Failed {
		data.Set("failed", true)
	}
	if r.Status == Skipped {
		data.Set("skipped", true)
	}
	data.Set("action", r.Task.Action)
	inner(entry, "hosts").Set(r.Host, data)
	end := j.stamp()
	inner(inner(entry, "task"), "duration").Set("end", end)
	inner(inner(j.play, "play"), "duration").Set("end", end)
}

// inner is the map below a key; the maps of this file all have theirs.
func inner(m *value.Map, key string) *value.Map {
	below, _ := m.At(key).(*value.Map)
	return below
}

func (j *JSONRun) recap(e Recap) {
	stats := value.NewMap()
	for _, h := range e.Hosts {
		stats.Set(h.Host, value.NewMap("ok", h.OK, "failures", h.Failed, "unreachable", h.Unreachable, "changed", h.Changed,
			"skipped", h.Skipped, "rescued", h.Rescued, "ignored", h.Ignored))
	}
	custom, global := value.NewMap(), value.NewMap()
	if j.opt.Look.CustomStats {
		for k, v := range e.Custom.All() {
			if m, ok := v.(*value.Map); ok && fmt.Sprint(k) == "_run" {
				global = m
				continue
			}
			custom.Set(k, v)
		}
	}
	j.line("", jsonText(value.NewMap("plays", j.plays, "stats", stats, "custom_stats", custom, "global_custom_stats", global), "    "))
}
