package openstack

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// NoHostKeysError says that a server's console log does not show its SSH host
// keys (yet): cloud-init prints them at the end of the first boot.
type NoHostKeysError struct{ ServerID string }

func (e *NoHostKeysError) Error() string {
	return fmt.Sprintf("the console log of server %s shows no SSH host keys (yet)", e.ServerID)
}

// HostKeys returns the SSH host keys that cloud-init printed on the server's
// console, as "type base64", the format of authorized_keys without a comment.
func (c *Cloud) HostKeys(ctx context.Context, serverID string) ([]string, error) {
	keys, _, err := c.hostKeys(ctx, serverID)
	if err == nil && len(keys) == 0 {
		err = &NoHostKeysError{ServerID: serverID}
	}
	return keys, err
}

// HostFingerprints returns the fingerprints ("SHA256:…") that cloud-init
// printed, for images that print no whole keys.
func (c *Cloud) HostFingerprints(ctx context.Context, serverID string) ([]string, error) {
	_, prints, err := c.hostKeys(ctx, serverID)
	if err == nil && len(prints) == 0 {
		err = &NoHostKeysError{ServerID: serverID}
	}
	return prints, err
}

func (c *Cloud) hostKeys(ctx context.Context, serverID string) (keys, prints []string, err error) {
	lines, err := c.Console(ctx, serverID, 0)
	if err != nil {
		return nil, nil, err
	}
	keys, prints = ParseHostKeys(lines)
	return keys, prints, nil
}

// ParseHostKeys finds host keys and their fingerprints in a console log. Both
// stand between markers (cloud-init's write-ssh-key-fingerprints), each line
// behind whatever the console puts before it. A later block replaces an earlier
// one: the machine may have been rebuilt.
func ParseHostKeys(lines []string) (keys, prints []string) {
	if block := lastBlock(lines, "SSH HOST KEY KEYS"); block != nil {
		keys = matches(block, regexp.MustCompile(`\b((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+) (AAAA[A-Za-z0-9+/]+=*)`), goodKey)
	}
	if block := lastBlock(lines, "SSH HOST KEY FINGERPRINTS"); block != nil {
		prints = matches(block, regexp.MustCompile(`\b(SHA256:[A-Za-z0-9+/]{43})`), func([]string) bool { return true })
	}
	return keys, prints
}

// lastBlock returns the lines of the last whole block of that name.
func lastBlock(lines []string, name string) []string {
	var out []string
	start := -1
	for i, line := range lines {
		switch {
		case strings.Contains(line, "-----BEGIN "+name+"-----"):
			start = i + 1
		case strings.Contains(line, "-----END "+name+"-----") && start >= 0:
			out, start = lines[start:i], -1
		}
	}
	return out
}

func matches(lines []string, re *regexp.Regexp, good func([]string) bool) []string {
	var out []string
	for _, line := range lines {
		m := re.FindStringSubmatch(line)
		if m == nil || !good(m[1:]) {
			continue
		}
		if s := strings.Join(m[1:], " "); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// goodKey reports whether a key is whole: its data begins with its own type.
func goodKey(m []string) bool {
	data, err := base64.StdEncoding.DecodeString(m[1])
	return err == nil && len(data) > 4+len(m[0]) && string(data[4:4+len(m[0])]) == m[0]
}
