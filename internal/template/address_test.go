package template

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"rollout/internal/value"
)

func TestAbbreviatedAddresses(t *testing.T) {
	e := New(Options{})
	for text, want := range map[string]string{
		"{{ '10.0.0' | ipaddr }}":                             "10.0.0.0",
		"{{ '10.0.0/24' | ipaddr('network') }}":               "10.0.0.0",
		"{{ '10/8' | ipaddr('netmask') }}":                    "255.0.0.0",
		"{{ '10' | ipaddr }}":                                 "0.0.0.10",
		"{{ 10 | ipaddr }}":                                   "0.0.0.10",
		"{{ '167772161/24' | ipaddr('subnet') }}":             "10.0.0.0/24",
		"{{ '10.0.0.1/0.0.0.255' | ipaddr('cidr') }}":         "10.0.0.1/24",
		"{{ '010.0.0.1' | ipaddr }}":                          "10.0.0.1",
		"{{ '192.168/16' | ipsubnet(24, 1) }}":                "192.168.1.0/24",
		"{{ '10..1' | ipaddr }}":                              "false",
		"{{ '10.256' | ipaddr }}":                             "false",
		"{{ '10.0.0' is ansible.utils.ip }}":                  "false",
		"{{ '10.1.2.3' is ansible.utils.in_network '10/8' }}": "false",
	} {
		if got, err := e.Value(t.Context(), text, MapScope{value.NewMap()}); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s = %v, %v; want %s", text, got, err, want)
		}
	}
}

// question is a filter of ansible.utils, what it is given, and its arguments.
type question struct {
	filter string
	in     any
	args   []any
}

var addressQueries = []any{"", "6to4", "address", "address/prefix", "bool", "broadcast", "cidr", "first_usable", "gateway", "host",
	"host/prefix", "hostmask", "hostnet", "int", "ip", "ip/prefix", "ip_netmask", "ipv4", "ipv6", "last_usable", "link-local", "lo",
	"loopback", "multicast", "net", "next_usable", "netmask", "network", "network_id", "network/prefix", "network_netmask",
	"network_wildcard", "peer", "prefix", "previous_usable", "private", "public", "range_usable", "revdns", "router", "size",
	"size_usable", "subnet", "type", "unicast", "v4", "v6", "version", "wildcard", "wrap", "1", "-1", "5", "10.0.0.0/8", "192.168.1.0/24",
	"2001:db8::/32", "10.0.0", "nonsense"}

func randomQuestions(n int) []question {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...any) any { return of[r.IntN(len(of))] }
	number := func() string { return fmt.Sprint(pick(0, 1, 10, 127, 128, 168, 172, 192, 224, 255, r.IntN(256))) }
	address := func() any {
		parts := []string{number(), number(), number(), number()}[:pick(4, 4, 4, 4, 3, 2, 1).(int)]
		s := strings.Join(parts, ".")
		if r.IntN(5) == 0 {
			s = pick("::1", "2001:db8::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1", "fd00:1:2::", "2001:db8:0:1::ab", "::", "64:ff9b::1").(string)
		}
		switch r.IntN(6) {
		case 0, 1, 2:
			s += "/" + fmt.Sprint(pick(0, 1, 8, 16, 24, 24, 25, 29, 30, 31, 32, 48, 64, 96, 126, 127, 128, 129))
		case 3:
			s += pick("/255.255.255.0", "/0.0.0.255", "/255.0.0.0", "/ffff::", "", "/", "/255.0.255.0").(string)
		}
		return s
	}
	out := make([]question, n)
	for i := range out {
		q := question{filter: "ipaddr", in: address(), args: []any{pick(addressQueries...)}}
		switch r.IntN(12) {
		case 0:
			q.filter, q.args = "nthhost", []any{fmt.Sprint(pick(1, 5, -1, 300))}
		case 1:
			q.filter, q.args = "ipsubnet", []any{fmt.Sprint(pick(8, 16, 24, 28, 32, 64))}
		case 2:
			q.filter, q.args = "ipsubnet", []any{fmt.Sprint(pick(8, 16, 24, 28, 32, 64)), pick(0, 1, -1, 3)}
		case 3:
			q.filter, q.args = pick("network_in_network", "network_in_usable").(string), []any{address()}
		case 4:
			q.filter, q.args = pick("next_nth_usable", "previous_nth_usable").(string), []any{pick(1, 2, 7)}
		case 5:
			q.filter, q.args = "ipwrap", []any{}
		case 6, 7:
			q.filter = pick("ipv4", "ipv6").(string)
		}
		out[i] = q
	}
	return out
}

// answer is what the filter gives, in a list; nil is an error.
func (q question) answer(t *testing.T, e *Engine) any {
	t.Helper()
	src := "[q | " + q.filter + "(*args)]"
	expr, err := e.CompileExpr(src)
	if err != nil {
		t.Fatal(err)
	}
	got, err := expr.Eval(t.Context(), MapScope{value.NewMap("q", q.in, "args", q.args)})
	if err != nil {
		return nil
	}
	return got
}

func TestAddressesAgainstAnsible(t *testing.T) {
	questions := randomQuestions(5000)
	list := make([]any, len(questions))
	for i, q := range questions {
		list[i] = []any{q.filter, q.in, q.args}
	}
	in, err := value.ToJSON(list)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("ansible-playbook isn't installed: nothing to compare with")
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/addresses.py")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("this machine's Ansible has no ansible.utils: %v", err)
	}
	answers, err := value.FromJSON(out)
	if err != nil {
		t.Fatal(err)
	}
	e, failures := New(Options{}), map[string]int{}
	for i, want := range answers.([]any) {
		q := questions[i]
		if got := q.answer(t, e); !value.Equal(got, want) {
			k := fmt.Sprint(q.filter, q.args)
			failures[k]++
			if failures[k] == 1 {
				t.Errorf("%v | %s%v: got %#v, want %#v", q.in, q.filter, q.args, got, want)
			}
		}
	}
}
