package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"rollout/internal/lab/api/backend"
)

// Rules reads a JSON list of backend.Rule from r, keeps it in SeedDir for the next start and puts it in force.
func Rules(ctx context.Context, r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("cannot read security group rules: %w", err)
	}
	var rules []backend.Rule
	if err := json.Unmarshal(text, &rules); err != nil {
		return fmt.Errorf("cannot read security group rules: %w", err)
	}
	if err := os.WriteFile(filepath.Join(SeedDir, rulesFile), text, 0o600); err != nil {
		return fmt.Errorf("cannot keep security group rules: %w", err)
	}
	return applyRules(ctx, rules)
}

// applyRules replaces the two chains in one step. They sit in mangle, before Docker's address translation, so that they
// cover the ports that inner containers publish.
func applyRules(ctx context.Context, rules []backend.Rule) error {
	if err := restore(ctx, ruleChains(rules)); err != nil {
		return fmt.Errorf("cannot put security group rules in force: %w", err)
	}
	for _, jump := range [][]string{{"PREROUTING", "-i", "eth+", "-j", "LAB-IN"}, {"POSTROUTING", "-o", "eth+", "-j", "LAB-OUT"}} {
		if err := ensureRule(ctx, "mangle", jump); err != nil {
			return err
		}
	}
	return nil
}

// ruleChains is the input of iptables-restore for a list of rules: answers pass, then what a rule lets through, and
// the rest is dropped.
func ruleChains(rules []backend.Rule) string {
	var b strings.Builder
	b.WriteString("*mangle\n:LAB-IN - [0:0]\n:LAB-OUT - [0:0]\n")
	for _, chain := range []string{"LAB-IN", "LAB-OUT"} {
		fmt.Fprintf(&b, "-A %s -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN\n", chain)
		for _, rule := range rules {
			if rule.Ethertype != "IPv6" && (rule.Direction == "ingress") == (chain == "LAB-IN") {
				writeRule(&b, chain, rule)
			}
		}
		fmt.Fprintf(&b, "-A %s -j DROP\n", chain)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

func writeRule(b *strings.Builder, chain string, rule backend.Rule) {
	side := "-s"
	if chain == "LAB-OUT" {
		side = "-d"
	}
	match := protocolMatch(rule)
	if len(rule.RemoteCIDRs) == 0 {
		fmt.Fprintf(b, "-A %s%s -j RETURN\n", chain, match)
	}
	for _, cidr := range rule.RemoteCIDRs {
		if strings.Contains(cidr, ":") {
			continue // the lab has IPv4 only
		}
		fmt.Fprintf(b, "-A %s %s %s%s -j RETURN\n", chain, side, cidr, match)
	}
}

// protocolMatch is the protocol and port part of a rule, with a leading blank, or nothing.
func protocolMatch(rule backend.Rule) string {
	protocol := strings.ToLower(rule.Protocol)
	switch protocol {
	case "", "any", "0":
		return ""
	case "icmp", "1":
		return " -p icmp" + icmpMatch(rule)
	case "tcp", "udp", "sctp", "udplite", "dccp", "6", "17", "33", "132", "136":
		return " -p " + protocol + portMatch(rule)
	}
	return " -p " + protocol
}

func portMatch(rule backend.Rule) string {
	switch {
	case rule.PortMin <= 0 && rule.PortMax <= 0:
		return ""
	case rule.PortMin == rule.PortMax:
		return " --dport " + strconv.Itoa(rule.PortMin)
	}
	return fmt.Sprintf(" --dport %d:%d", max(rule.PortMin, 0), rule.PortMax)
}

// icmpMatch: Neutron keeps the type in port_range_min and the code in port_range_max; 0 with 0 can only mean that
// neither was given or an echo reply, which passes as an answer anyway.
func icmpMatch(rule backend.Rule) string {
	switch {
	case rule.PortMin < 0 || rule.PortMin == 0 && rule.PortMax <= 0:
		return ""
	case rule.PortMax < 0:
		return " --icmp-type " + strconv.Itoa(rule.PortMin)
	}
	return fmt.Sprintf(" --icmp-type %d/%d", rule.PortMin, rule.PortMax)
}
