package node

import (
	"strings"
	"testing"

	"rollout/internal/lab/api/backend"
)

func TestRuleChains(t *testing.T) {
	tests := []struct {
		name string
		rule backend.Rule
		want []string // lines besides the two chains' fixed ones
	}{
		{"a port from anywhere", backend.Rule{Direction: "ingress", Ethertype: "IPv4", Protocol: "tcp", PortMin: 80, PortMax: 80},
			[]string{"-A LAB-IN -p tcp --dport 80 -j RETURN"}},
		{"a range from two networks", backend.Rule{Direction: "ingress", Protocol: "UDP", PortMin: 1, PortMax: 9, RemoteCIDRs: []string{"10.0.0.0/8", "10.1.0.3/32"}},
			[]string{"-A LAB-IN -s 10.0.0.0/8 -p udp --dport 1:9 -j RETURN", "-A LAB-IN -s 10.1.0.3/32 -p udp --dport 1:9 -j RETURN"}},
		{"all that goes out", backend.Rule{Direction: "egress"}, []string{"-A LAB-OUT -j RETURN"}},
		{"what goes to a network", backend.Rule{Direction: "egress", Protocol: "any", RemoteCIDRs: []string{"10.0.0.0/8", "fe80::/64"}},
			[]string{"-A LAB-OUT -d 10.0.0.0/8 -j RETURN"}},
		{"ICMP of any type", backend.Rule{Direction: "ingress", Protocol: "icmp", PortMin: -1, PortMax: -1}, []string{"-A LAB-IN -p icmp -j RETURN"}},
		{"ICMP of a type", backend.Rule{Direction: "ingress", Protocol: "icmp", PortMin: 8, PortMax: -1}, []string{"-A LAB-IN -p icmp --icmp-type 8 -j RETURN"}},
		{"ICMP of a type and code", backend.Rule{Direction: "ingress", Protocol: "1", PortMin: 3, PortMax: 4}, []string{"-A LAB-IN -p icmp --icmp-type 3/4 -j RETURN"}},
		{"another protocol", backend.Rule{Direction: "ingress", Protocol: "47"}, []string{"-A LAB-IN -p 47 -j RETURN"}},
		{"IPv6, which the lab hasn't got", backend.Rule{Direction: "ingress", Ethertype: "IPv6"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for line := range strings.Lines(ruleChains([]backend.Rule{test.rule})) {
				line = strings.TrimSuffix(line, "\n")
				if strings.HasPrefix(line, "-A") && !strings.Contains(line, "conntrack") && !strings.HasSuffix(line, "DROP") {
					got = append(got, line)
				}
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestRuleChainsWithoutRulesLetAnswersIn(t *testing.T) {
	want := `*mangle
:LAB-IN - [0:0]
:LAB-OUT - [0:0]
-A LAB-IN -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A LAB-IN -j DROP
-A LAB-OUT -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A LAB-OUT -j DROP
COMMIT
`
	if got := ruleChains(nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
