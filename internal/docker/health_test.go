package docker

import "testing"

func TestHealth(t *testing.T) {
	for want, c := range map[string]Listed{
		"healthy":          {State: "running", Status: "Up 2 minutes (healthy)"},
		"health: starting": {State: "running", Status: "Up 2 seconds (health: starting)"},
		"running":          {State: "running", Status: "Up 2 minutes"},
		"exited":           {State: "exited", Status: "Exited (137) 3 seconds ago"},
	} {
		if got := c.Health(); got != want {
			t.Errorf("%+v: got %q, want %q", c, got, want)
		}
	}
}
