package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

func waitForModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.wait_for",
		Aliases: []string{"ansible.legacy.wait_for"},
		Summary: "Waits for a port or a file, as the host sees it.",
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "host", Default: "127.0.0.1", Doc: "where the port is, seen from the host"},
				{Name: "port", Type: module.Int, Doc: "TCP port to wait for"},
				{Name: "path", Type: module.Path, Doc: "file to wait for"},
				{Name: "search_regex", Doc: "what the file, or what the port says, must hold"},
				{Name: "state", Default: "started", Choices: []string{"absent", "drained", "present", "started", "stopped"}, Doc: "what to wait for"},
				{Name: "timeout", Type: module.Int, Default: 300, Doc: "seconds to wait at most"},
				{Name: "connect_timeout", Type: module.Int, Default: 5, Doc: "seconds that one connection may take"},
				{Name: "delay", Type: module.Int, Default: 0, Doc: "seconds to wait before looking"},
				{Name: "sleep", Type: module.Int, Default: 1, Doc: "seconds between two looks"},
				{Name: "msg", Doc: "what to say instead where the time is over"},
				{Name: "active_connection_states", Type: module.List, Elements: module.Str, Doc: "TCP states that count for drained",
					Default: value.List([]string{"ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"})},
				{Name: "exclude_hosts", Type: module.List, Elements: module.Str, Doc: "peers that do not count for drained"},
			},
			MutuallyExclusive: [][]string{{"port", "path"}},
		},
		NeedsHost: true,
		Run:       waitFor,
	}
}

// wait is one wait: it looks again and again until it is satisfied.
type wait struct {
	call  *module.Call
	state string
	what  string // for messages: "/var/lib/x" or "127.0.0.1:80"
	look  func(ctx context.Context) (bool, error)
	found []string // what the search expression matched, with its groups
	regex *regexp.Regexp
}

func waitFor(ctx context.Context, call *module.Call) (module.Result, error) {
	w, err := newWait(call)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	if call.Check {
		return skipInCheck("wait_for"), nil
	}
	begin := time.Now()
	limit, cancel := context.WithTimeout(ctx, seconds(call.Args.Int("delay")+call.Args.Int("timeout")))
	defer cancel()
	err = w.until(limit, begin)
	if ctx.Err() != nil {
		return module.Result{}, context.Cause(ctx)
	}
	if err != nil && !over(limit) {
		return module.Result{}, err
	}
	if err != nil {
		return module.Fail(w.timeoutMessage()).Set("elapsed", elapsed(begin)), nil
	}
	return w.result(begin), nil
}

func newWait(call *module.Call) (*wait, error) {
	w := &wait{call: call, state: call.Args.String("state")}
	if expr := call.Args.String("search_regex"); expr != "" {
		var err error
		if w.regex, err = regexp.Compile("(?m)" + expr); err != nil {
			return nil, fmt.Errorf("search_regex is not a valid expression: %w", err)
		}
	}
	port, hasPort := call.Args.Get("port")
	path := call.Args.String("path")
	switch {
	case hasPort:
		w.what = net.JoinHostPort(call.Args.String("host"), fmt.Sprint(port))
		w.look = w.port
	case path != "":
		w.what, w.look = path, w.path
	case w.state == "drained":
		return nil, errors.New("state=drained should only be used for checking a port in the wait_for module")
	default: // as Ansible: nothing to wait for is a pause
		w.look = func(context.Context) (bool, error) { return false, nil }
	}
	if path != "" && (w.state == "stopped" || w.state == "drained") {
		return nil, fmt.Errorf("state=%s should only be used for checking a port in the wait_for module", w.state)
	}
	if w.state == "drained" {
		w.look = w.drained
	}
	return w, nil
}

func (w *wait) until(ctx context.Context, begin time.Time) error {
	if err := sleep(ctx, seconds(w.call.Args.Int("delay"))); err != nil {
		return err
	}
	for {
		done, err := w.look(ctx)
		if done || err != nil {
			return err
		}
		progress(w.call, "waiting for %s to be %s (%ds)", w.what, w.state, elapsed(begin))
		if err := sleep(ctx, max(seconds(w.call.Args.Int("sleep")), 100*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (w *wait) timeoutMessage() string {
	if msg := w.call.Args.String("msg"); msg != "" {
		return msg
	}
	switch {
	case w.what == "":
		return "Timeout"
	case w.regex != nil:
		return fmt.Sprintf("Timeout when waiting for search string %s in %s", w.call.Args.String("search_regex"), w.what)
	case w.state == "stopped":
		return fmt.Sprintf("Timeout when waiting for %s to stop.", w.what)
	case w.state == "absent":
		return fmt.Sprintf("Timeout when waiting for %s to be absent.", w.what)
	case w.state == "drained":
		return fmt.Sprintf("Timeout when waiting for %s to drain", w.what)
	}
	return fmt.Sprintf("Timeout when waiting for %s", w.what)
}

func (w *wait) result(begin time.Time) module.Result {
	groups, named := []any{}, value.NewMap()
	for i, text := range w.found {
		if i == 0 {
			continue
		}
		groups = append(groups, text)
		if name := w.regex.SubexpNames()[i]; name != "" {
			named.Set(name, text)
		}
	}
	res := module.Result{}.Set("state", w.state).Set("port", w.call.Args.At("port")).Set("path", w.call.Args.At("path")).
		Set("search_regex", w.call.Args.At("search_regex"))
	return res.Set("match_groups", groups).Set("match_groupdict", named).Set("elapsed", elapsed(begin))
}

func (w *wait) gone() bool { return w.state == "stopped" || w.state == "absent" }

// port looks at a TCP port from the host, without a program there.
func (w *wait) port(ctx context.Context) (bool, error) {
	one, cancel := context.WithTimeout(ctx, seconds(w.call.Args.Int("connect_timeout")))
	defer cancel()
	conn, err := w.call.Host.Dial(one, "tcp", w.what)
	var lost *connection.UnreachableError
	switch {
	case err != nil && over(ctx): // which says nothing of the port
		return false, context.DeadlineExceeded
	case errors.As(err, &lost):
		return false, err
	case err != nil:
		return w.gone(), nil
	}
	defer conn.Close()
	if w.gone() {
		return false, nil
	}
	return w.regex == nil || w.says(one, conn), nil
}

// over reports whether ctx has ended, also where its deadline has just passed
// and its timer did not fire yet.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

// says reads what a port sends until it matches, ends or takes too long.
func (w *wait) says(ctx context.Context, conn net.Conn) bool {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var text []byte
	buf := make([]byte, 1024)
	for len(text) < 1<<20 {
		n, err := conn.Read(buf)
		text = append(text, buf[:n]...)
		if w.found = w.regex.FindStringSubmatch(string(text)); w.found != nil {
			return true
		}
		if err != nil {
			return false
		}
	}
	return false
}

// pathProgram waits on the host, so that a long wait is one round trip; a dot
// now and then tells that it is still there.
const pathProgram = `n=0
while :; do
	if [ -e "$p" ] || [ -L "$p" ]; then there=1; else there=; fi
	[ "$there" = "$want" ] && { echo reached; exit; }
	echo .
	sleep "$nap"
done
`

// path looks at a file; with a search expression its text comes here.
func (w *wait) path(ctx context.Context) (bool, error) {
	if w.regex != nil {
		return w.pathSays(ctx)
	}
	begin := time.Now()
	out := &dots{tick: func() {
		progress(w.call, "waiting for %s to be %s (%ds)", w.what, w.state, elapsed(begin))
	}}
	script := vars("p", w.what, "want", flag(!w.gone()), "nap", strconv.Itoa(max(1, w.call.Args.Int("sleep")))) + pathProgram
	res, err := w.call.Host.Run(ctx, connection.Command{Script: script, Env: w.call.Env, Become: w.call.Become, Stdout: out})
	if err != nil {
		return false, err
	}
	if !out.reached {
		return false, fmt.Errorf("the wait on the host ended with code %d: %s", res.Code, oneLine(string(res.Stderr)))
	}
	return true, nil
}

// dots reads what pathProgram says.
type dots struct {
	tick    func()
	reached bool
}

func (d *dots) Write(p []byte) (int, error) {
	if strings.ContainsRune(string(p), 'r') {
		d.reached = true
		return len(p), nil
	}
	d.tick()
	return len(p), nil
}

func (w *wait) pathSays(ctx context.Context) (bool, error) {
	out, err := run(ctx, w.call, "cat -- "+connection.Quote(w.what)+" 2>/dev/null", nil)
	if err != nil {
		return false, err
	}
	w.found = w.regex.FindStringSubmatch(string(out.Stdout))
	return (w.found != nil) != w.gone(), nil
}

// tcpStates are the kernel's numbers in /proc/net/tcp (include/net/tcp_states.h).
var tcpStates = map[string]string{"ESTABLISHED": "01", "SYN_SENT": "02", "SYN_RECV": "03", "FIN_WAIT1": "04",
	"FIN_WAIT2": "05", "TIME_WAIT": "06"}

// drained looks whether anybody is still connected to the port.
func (w *wait) drained(ctx context.Context) (bool, error) {
	var states []string
	for _, s := range value.Strings(w.call.Args.List("active_connection_states")) {
		states = append(states, tcpStates[s])
	}
	script := fmt.Sprintf("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$2 ~ /:%04X$/ {print $3, $4}'", w.call.Args.Int("port"))
	out, err := run(ctx, w.call, script, nil)
	if err != nil {
		return false, err
	}
	excluded := value.Strings(w.call.Args.List("exclude_hosts"))
	for line := range strings.Lines(string(out.Stdout)) {
		peer, state, _ := strings.Cut(strings.TrimSpace(line), " ")
		if contains(states, state) && !contains(excluded, peerAddress(peer)) {
			return false, nil
		}
	}
	return true, nil
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// peerAddress decodes /proc/net/tcp's address: 32-bit words in the host's byte
// order, which is little endian where this runs.
func peerAddress(s string) string {
	hex, _, _ := strings.Cut(s, ":")
	ip := make(net.IP, 0, 16)
	for ; len(hex) >= 8; hex = hex[8:] {
		for i := 6; i >= 0; i -= 2 {
			b, err := strconv.ParseUint(hex[i:i+2], 16, 8)
			if err != nil {
				return ""
			}
			ip = append(ip, byte(b))
		}
	}
	return ip.String()
}
