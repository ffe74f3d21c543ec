// Package api answers as an OpenStack cloud does: Keystone, Nova, Neutron and Glance over one state (package cloud),
// with machines, networks and floating IPs run by a Backend.
package api

import "rollout/internal/lab/api/backend"

// What runs the machines is written against these; package backend documents them.
type (
	// Backend runs the machines, networks and floating IPs that the API is asked for.
	Backend = backend.Backend
	// Action is something done to a machine's power.
	Action = backend.Action
	// State is how a machine is.
	State = backend.State
	// Network is a tenant network with its one subnet.
	Network = backend.Network
	// Machine is what a new machine is made of.
	Machine = backend.Machine
	// NIC is one network card of a machine.
	NIC = backend.NIC
	// Rule lets traffic through; what no rule lets through is dropped.
	Rule = backend.Rule
	// FloatingIP maps an address of the external network to a machine's address.
	FloatingIP = backend.FloatingIP
)

// The actions and states that a Backend knows.
const (
	Start      = backend.Start
	Stop       = backend.Stop
	SoftReboot = backend.SoftReboot
	HardReboot = backend.HardReboot

	Running = backend.Running
	Stopped = backend.Stopped
	Missing = backend.Missing
)
