package connection

import (
	"context"
	"os"
	"strconv"
	"strings"
)

// Arguments returns what OpenSSH's client is called with to reach the host as
// this package does: as the same user, with the same keys, and accepting no
// other host keys. Those of an unknown host are learnt first.
func (c SSHConfig) Arguments(ctx context.Context, command []string) ([]string, error) {
	keys, err := loadHostKeys(ctx, c)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, f := range keys.files() {
		known = append(known, `"`+f+`"`)
	}
	if len(known) == 0 {
		known = []string{os.DevNull}
	}
	check := "yes"
	if c.StrictChecking == AcceptNew {
		check = string(AcceptNew)
		known = []string{`"` + c.ProjectKnownHosts + `"`}
	}
	args := []string{"-o", "UserKnownHostsFile=" + strings.Join(known, " "), "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "StrictHostKeyChecking=" + check, "-l", c.User}
	for _, f := range c.KeyFiles {
		args = append(args, "-i", f)
	}
	if c.Port != 0 {
		args = append(args, "-p", strconv.Itoa(c.Port))
	}
	if len(c.ProxyJump) > 0 {
		args = append(args, "-J", jumpText(c.ProxyJump))
	}
	return append(append(args, "--", c.Address), command...), nil
}

// jumpText writes jump hosts as ProxyJump does.
func jumpText(jumps []Jump) string {
	var parts []string
	for _, j := range jumps {
		text := j.Host
		if strings.Contains(text, ":") {
			text = "[" + text + "]"
		}
		if j.User != "" {
			text = j.User + "@" + text
		}
		if j.Port != 0 {
			text += ":" + strconv.Itoa(j.Port)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ",")
}
