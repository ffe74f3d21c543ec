package inventory

import (
	"context"
	"fmt"
	"reflect"

	"rollout/internal/value"
)

// AddDynamicHost does what add_host asks for: a host with variables in groups,
// all added if need be. It tells whether anything changed. The addition
// survives Refresh.
func (inv *Inventory) AddDynamicHost(name string, groups []string, vars *value.Map) (changed bool) {
	inv.dynamic = append(inv.dynamic, func(fresh *Inventory) { fresh.addDynamicHost(name, groups, vars) })
	return inv.addDynamicHost(name, groups, vars)
}

func (inv *Inventory) addDynamicHost(name string, groups []string, vars *value.Map) bool {
	before := inv.changes
	h := inv.AddHost(name, append([]string{All}, groups...)...)
	for key, val := range vars.All() {
		if old, ok := h.Vars.Get(key); !ok || !value.Equal(old, val) && !reflect.DeepEqual(old, val) {
			h.Vars.Set(key, val)
			inv.changes++
		}
	}
	inv.loose = inv.loose && inv.changes == before
	return inv.changes != before
}

// AddDynamicGroup does what group_by asks for: the host joins the group, which
// is under parents. It tells whether anything changed. The addition survives
// Refresh.
func (inv *Inventory) AddDynamicGroup(host, group string, parents []string) (changed bool, err error) {
	changed, err = inv.addDynamicGroup(host, group, parents)
	if err == nil {
		inv.dynamic = append(inv.dynamic, func(fresh *Inventory) {
			_, _ = fresh.addDynamicGroup(host, group, parents) // the host may be gone by then
		})
	}
	return changed, err
}

func (inv *Inventory) addDynamicGroup(host, group string, parents []string) (bool, error) {
	h := inv.Host(host)
	if h == nil {
		return false, fmt.Errorf("cannot group %s: there is no such host in the inventory", host)
	}
	before := inv.changes
	inv.AddGroup(group).add(h, inv)
	for _, p := range parents {
		if p == All {
			inv.putUnderAll(inv.byGroup[group])
			continue
		}
		if err := inv.AddChild(p, group); err != nil {
			return inv.changes != before, err
		}
	}
	inv.loose = inv.loose && inv.changes == before
	return inv.changes != before, nil
}

// putUnderAll notes that a group was asked to be one of all's own: a change for
// one that other groups hold.
func (inv *Inventory) putUnderAll(g *Group) {
	if len(g.parents) > 0 && !g.underAll {
		inv.changes++
	}
	g.underAll = true
}

// Refresh loads the source anew and repeats what add_host and group_by added.
func (inv *Inventory) Refresh(ctx context.Context, src Source) (*Inventory, error) {
	fresh, err := src.Load(ctx)
	if err != nil {
		return nil, err
	}
	for _, repeat := range inv.dynamic {
		repeat(fresh)
	}
	fresh.dynamic = append(fresh.dynamic, inv.dynamic...)
	fresh.changes += inv.changes + 1
	return fresh, nil
}
