package openstack

import (
	"testing"
	"time"
)

// A wait that lasts is looked at less often, and so is a cloud that is slow to
// answer; a look-up hurries whatever is.
func TestPauseBetweenLists(t *testing.T) {
	type waits struct{ first, newest time.Duration } // how long they last
	for name, tt := range map[string]struct {
		waits
		told  time.Duration // how long ago the last list came
		took  time.Duration
		asked bool // a list was asked for since the first joined
		hurry bool
		want  time.Duration
	}{
		"just joined, long after a list": {told: time.Hour, want: 500 * time.Millisecond},
		"one joined a while ago":         {waits: waits{first: 300 * time.Millisecond}, told: time.Hour, want: 200 * time.Millisecond},
		"right after a list":             {asked: true, want: 500 * time.Millisecond},
		"a list came a while ago":        {waits: waits{first: time.Second, newest: time.Second}, asked: true, told: 300 * time.Millisecond, want: 200 * time.Millisecond},
		"one joins those asked about":    {waits: waits{first: time.Second}, asked: true, told: 300 * time.Millisecond, want: 200 * time.Millisecond},
		"after twelve seconds":           {waits: waits{first: time.Minute, newest: 12 * time.Second}, asked: true, want: 1500 * time.Millisecond},
		"after minutes":                  {waits: waits{first: time.Hour, newest: 3 * time.Minute}, asked: true, want: 3 * time.Second},
		"of a slow cloud":                {asked: true, took: time.Second, want: 2 * time.Second},
		"of a stuck cloud":               {asked: true, took: time.Minute, want: 3 * time.Second},
		"while one looks up":             {waits: waits{first: time.Minute, newest: time.Minute}, took: time.Minute, hurry: true, want: gather},
	} {
		w := newWatcher(nil)
		w.jitter = func() float64 { return 0.5 }
		w.told, w.took = time.Now().Add(-tt.told), tt.took
		first, newest := w.join("a", detailed, false), w.join("b", detailed, tt.hurry)
		first.since, newest.since = time.Now().Add(-tt.first), time.Now().Add(-tt.newest)
		first.asked = tt.asked
		if got := w.pause().Round(20 * time.Millisecond); got != tt.want.Round(20*time.Millisecond) {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
