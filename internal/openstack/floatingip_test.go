package openstack

import (
	"testing"
	"time"
)

// Only the choice of an address is one at a time, and what was let go after a
// list was asked for is not chosen from that list.
func TestClaims(t *testing.T) {
	var c claims
	list := []FloatingIP{{ID: "a"}, {ID: "b"}}
	asked := time.Now().Add(-time.Second)
	first, rest := c.next(list, asked)
	second, _ := c.next(list, asked)
	third, _ := c.next(list, asked)
	if first.ID != "a" || len(rest) != 1 || second.ID != "b" || third.ID != "" {
		t.Errorf("claimed %q, %q, %q", first.ID, second.ID, third.ID)
	}
	c.letGo("a")
	if stale, _ := c.next(list, asked); stale.ID != "" {
		t.Errorf("claimed %q from a list older than its use", stale.ID)
	}
	if fresh, _ := c.next(list, time.Now().Add(time.Second)); fresh.ID != "a" {
		t.Errorf("claimed %q from a newer list", fresh.ID)
	}
}
