package topology

import (
	"fmt"
	"testing"
)

func TestMissing(t *testing.T) {
	top := &Topology{App: "board", Owner: "me", Tiers: []*Tier{{Name: "dbs", Count: 1}, {Name: "web", Count: 2}}}
	for _, c := range []struct {
		have []Instance
		want string
	}{
		{nil, "[{me-dbs-1 dbs} {me-web-1 web} {me-web-2 web}]"},
		{[]Instance{{Name: "me-web-1"}, {Name: "me-other-1"}}, "[{me-dbs-1 dbs} {me-web-2 web}]"},
		{[]Instance{{Name: "me-board-all"}}, "[]"},
	} {
		if got := fmt.Sprint(top.Missing(c.have)); got != c.want {
			t.Errorf("of %v: got %s, want %s", c.have, got, c.want)
		}
	}
	if top.Rank("dbs") != 0 || top.Rank("web") != 1 || top.Rank("") != 2 {
		t.Error("tiers are not ranked in their order")
	}
}
