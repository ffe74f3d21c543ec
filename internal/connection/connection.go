// Package connection reaches hosts: over SSH, or this machine itself. It runs
// POSIX sh programs there and dials sockets through them, and knows nothing of
// what the programs are for. It is the one place that imports x/crypto/ssh.
package connection

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
)

// Command is one program to run on a host, in one round trip.
type Command struct {
	Script string // a POSIX sh program; never holds a secret
	// Stdin is what the program reads; nil is an empty input. A pipe is closed
	// when the program has ended, so that nobody waits to write into it.
	Stdin  io.Reader
	Env    map[string]string // added to the program's environment
	Become *Become           // run as another user; nil is the login user
	Stdout io.Writer         // where output is streamed; nil collects it in Output
}

// Become says as whom a command runs, in Ansible's terms.
type Become struct {
	Method   string // sudo, su or doas
	User     string // root where empty
	Password string // never shown, never in a process list
	Flags    string // become_flags
	Exe      string // become_exe: the program; the method's name where empty
}

// Output is what a command that ran to its end left.
type Output struct {
	Stdout []byte
	Stderr []byte
	Code   int // exit code; 128+n where signal n ended it
}

// Host is an open way to one machine. It is safe for concurrent use.
type Host interface {
	// Run runs a command. A command that ran and failed is no error: see
	// Output.Code. A connection that broke is an *UnreachableError.
	Run(ctx context.Context, cmd Command) (Output, error)
	// Dial opens a connection from the host to a socket there ("unix" or
	// "tcp"). A local host dials directly.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Close ends the connection.
	Close() error
}

// UnreachableError says that a host could not be reached, or was lost while a
// command ran, so that nothing is known of the command's result.
type UnreachableError struct {
	Host string // as the person names it
	Addr string // user@address:port
	Err  error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach %s (%s): %v", e.Host, e.Addr, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// letGo closes the input of a command that has ended, where it is a pipe that
// somebody may still hold open.
func letGo(stdin io.Reader) {
	if p, ok := stdin.(*io.PipeReader); ok {
		_ = p.Close() // never fails
	}
}

// Quote returns s as one word of a POSIX shell.
func Quote(s string) string {
	if s != "" && strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func unsafe(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r))
}
