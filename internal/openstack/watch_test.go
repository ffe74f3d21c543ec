package openstack

import (
	"testing"
	"time"
)

// A wait that lasts is looked at less often, and so is a cloud that is slow to
// answer; a look-up hurries whatever is.
func TestPauseBetweenLists(t *testing.T) {
	for name, tt := range map[string]struct {
		age, took time.Duration
		hurry     bool
		want      time.Duration
	}{
		"a new wait":         {age: 0, want: 500 * time.Millisecond},
		"after twelve":       {age: 12 * time.Second, want: 3 * time.Second},
		"after a minute":     {age: time.Minute, want: 5 * time.Second},
		"of a slow cloud":    {age: 0, took: time.Second, want: 4 * time.Second},
		"of a stuck cloud":   {age: 0, took: time.Minute, want: 5 * time.Second},
		"while one looks up": {age: time.Minute, took: time.Minute, hurry: true, want: gather},
	} {
		w := newWatcher(nil)
		w.jitter = func() float64 { return 0.5 }
		w.asked, w.took = time.Now().Add(time.Hour), tt.took
		x := w.join("a", tt.hurry)
		x.since = time.Now().Add(-tt.age)
		got := w.pause()
		if !tt.hurry {
			got -= time.Hour
		}
		if got = got.Round(50 * time.Millisecond); got != tt.want.Round(50*time.Millisecond) {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
