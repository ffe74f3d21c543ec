package connection

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"strings"
)

// A longer script is sent through standard input: Linux takes at most 128 KiB
// for one argument (MAX_ARG_STRLEN).
const maxArgument = 100 << 10

// program is a Command made ready to be sent: one line for the login shell,
// and what stands before the command's own input.
//
// The line starts a shell that first writes "<mark> <pid>" to standard error.
// The pid leads the command's process group, so that a cancelled command can
// be ended, and everything before the mark, where a command runs as another
// user, was said by sudo, su or doas.
type program struct {
	line   string
	header []byte
	mark   string
	become *Become
}

// newMark returns a word that no output and no password holds by chance.
func newMark() (string, error) {
	b := make([]byte, 12)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("cannot get random numbers: %w", err)
	}
	return "rollout-" + hex.EncodeToString(b), nil
}

// build makes a program of a command. mark must be fresh for each command.
func build(cmd Command, mark string) (program, error) {
	p := program{mark: mark, become: cmd.Become}
	var sent []string // statements that travel through standard input
	if len(cmd.Env) > 0 {
		export, err := exportStatement(cmd.Env)
		if err != nil {
			return p, err
		}
		sent = append(sent, export)
	}
	script := cmd.Script
	if len(Quote(script)) > maxArgument {
		sent = append(sent, "rollout_s="+oneLine(script))
		script = `eval "$rollout_s"`
	}
	head := ""
	if len(sent) > 0 {
		head = strings.Join(sent, "; ") + "\n"
		script = "rollout_n='\n'; IFS= read -r rollout_e && eval \"$rollout_e\"; unset rollout_e rollout_n\n" + script
	}
	if cmd.Become == nil {
		p.line = "exec /bin/sh -c " + Quote("echo "+mark+" $$ >&2\n"+script)
		p.header = []byte(head)
		return p, nil
	}
	become, err := becomeCommand(*cmd.Become)
	if err != nil {
		return p, err
	}
	// What precedes the mark in the input is a password that was not asked
	// for; the program skips it.
	skip := "while IFS= read -r rollout_l; do [ \"$rollout_l\" = " + mark + " ] && break; done; unset rollout_l\n"
	inner := "echo " + mark + " >&2\n" + skip + script
	p.line = "exec /bin/sh -c " + Quote("echo "+mark+" $$ >&2\nexec "+become) + " sh " + Quote(inner)
	if cmd.Become.Password != "" {
		p.header = append(p.header, cmd.Become.Password+"\n"...)
	}
	p.header = append(p.header, mark+"\n"+head...)
	return p, nil
}

// becomeCommand is the command that runs the program in $1 as another user.
// Flags are Ansible's defaults unless given.
func becomeCommand(b Become) (string, error) {
	if strings.ContainsAny(b.Password, "\n\x00") {
		return "", fmt.Errorf("a become password cannot hold a line end")
	}
	user := Quote(b.user())
	switch b.Method {
	case "", "sudo":
		flags := b.Flags
		if flags == "" {
			flags = "-H -S -n"
		}
		if b.Password != "" {
			flags = strings.Join(without(strings.Fields(flags), "-n"), " ") + " -S -p ''"
		}
		return exe(b.Exe, "sudo") + " " + flags + " -u " + user + ` /bin/sh -c "$1"`, nil
	case "su":
		return strings.Join(strings.Fields(exe(b.Exe, "su")+" "+b.Flags+" "+user), " ") + ` -s /bin/sh -c "$1"`, nil
	case "doas":
		if b.Password != "" {
			return "", fmt.Errorf("doas takes a password at a terminal only: let doas.conf say nopass, and leave the password out")
		}
		flags := strings.Join(append(without(strings.Fields(b.Flags), "-n"), "-n", "-u", user), " ")
		return exe(b.Exe, "doas") + " " + flags + ` /bin/sh -c "$1"`, nil
	}
	return "", fmt.Errorf("become method %q is not known (sudo, su and doas are)", b.Method)
}

func exe(given, method string) string {
	if given == "" {
		return method
	}
	return Quote(given)
}

func (b Become) user() string {
	if b.User == "" {
		return "root"
	}
	return b.User
}

func (b Become) method() string {
	if b.Method == "" {
		return "sudo"
	}
	return b.Method
}

func without(words []string, word string) []string {
	var out []string
	for _, w := range words {
		if w != word {
			out = append(out, w)
		}
	}
	return out
}

// exportStatement is one line of shell that exports env. It travels through
// standard input, because values may be secrets and everybody sees arguments.
func exportStatement(env map[string]string) (string, error) {
	names := make([]string, 0, len(env))
	for name := range env {
		if !isEnvName(name) {
			return "", fmt.Errorf("%q cannot be the name of an environment variable", name)
		}
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString("export")
	for _, name := range names {
		if strings.ContainsRune(env[name], 0) {
			return "", fmt.Errorf("the environment variable %s holds a zero byte", name)
		}
		b.WriteString(" " + name + "=" + oneLine(env[name]))
	}
	return b.String(), nil
}

func isEnvName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// oneLine quotes s in one line; $rollout_n holds a line end where it is evaluated.
func oneLine(s string) string {
	parts := strings.Split(s, "\n")
	for i, p := range parts {
		parts[i] = Quote(p)
	}
	return strings.Join(parts, `"$rollout_n"`)
}

// input is everything the program reads.
func (p program) input(stdin io.Reader) io.Reader {
	head := bytes.NewReader(p.header)
	if stdin == nil {
		return head
	}
	return io.MultiReader(head, stdin)
}

// verdict takes the marks out of standard error. It returns a *BecomeError
// where the other user was never become, so that the program did not run.
func (p program) verdict(stderr []byte) ([]byte, error) {
	before, rest, found := p.cut(stderr)
	if p.become == nil {
		return append(before, rest...), nil
	}
	said, own, ran := p.cut(rest)
	if !found || !ran {
		detail := strings.TrimSpace(string(said))
		return stderr, &BecomeError{Method: p.become.method(), User: p.become.user(), Detail: strings.Join(strings.Fields(detail), " ")}
	}
	return append(before, own...), nil
}

// cut splits at the first line that the mark begins, which is left out.
func (p program) cut(b []byte) (before, after []byte, found bool) {
	before, after, found = bytes.Cut(b, []byte(p.mark))
	if !found {
		return b, nil, false
	}
	_, after, _ = bytes.Cut(after, []byte("\n"))
	return bytes.Clone(before), after, true
}

// pid is the process group of the running program, "" before it started.
func (p program) pid(stderr []byte) string {
	_, after, found := bytes.Cut(stderr, []byte(p.mark+" "))
	line, _, whole := bytes.Cut(after, []byte("\n"))
	if !found || !whole {
		return ""
	}
	for _, c := range line {
		if c < '0' || c > '9' {
			return ""
		}
	}
	return string(line)
}
