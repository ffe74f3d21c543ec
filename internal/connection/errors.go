package connection

import (
	"fmt"
	"strings"
)

// BecomeError says that the login user could not become another one, so the
// command never ran.
type BecomeError struct {
	Method string // sudo, su or doas
	User   string // who should have been become
	Detail string // what the tool said, without prompts
}

func (e *BecomeError) Error() string {
	text := fmt.Sprintf("cannot become %s through %s", e.User, e.Method)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text + " (check the become password and that the login user may use " + e.Method + ")"
}

// SocketReason tells why a socket on a host could not be opened.
type SocketReason string

// The reasons of a SocketError.
const (
	SocketMissing    SocketReason = "it does not exist"
	SocketForbidden  SocketReason = "the login user may not open it"
	SocketNotSocket  SocketReason = "it is not a socket"
	SocketSilent     SocketReason = "nothing listens on it"
	SocketNoForwards SocketReason = "the SSH server forwards no sockets"
)

// SocketError says that a socket on a host could not be opened, and why.
type SocketError struct {
	Host   string // as the person names it
	Path   string
	Reason SocketReason
	Err    error
}

func (e *SocketError) Error() string {
	text := fmt.Sprintf("cannot open %s on %s: %s", e.Path, e.Host, e.Reason)
	if hint := e.hint(); hint != "" {
		text += " (" + hint + ")"
	}
	return text
}

func (e *SocketError) hint() string {
	switch e.Reason {
	case SocketMissing, SocketSilent:
		return "is the service behind it running?"
	case SocketForbidden:
		return "add the user to the socket's group and connect anew, or log in as root"
	case SocketNoForwards:
		return "set AllowStreamLocalForwarding yes in its sshd_config"
	}
	return ""
}

// Unwrap returns the cause.
func (e *SocketError) Unwrap() error { return e.Err }

// OutputError says that a command wrote more than is collected in memory; it
// was ended.
type OutputError struct{ Limit int } // bytes

func (e *OutputError) Error() string {
	return fmt.Sprintf("cannot collect the command's output: it is over %d MB (send it to a file on the host)", e.Limit>>20)
}

// AuthError says that a host's key was verified but that it let nobody in.
type AuthError struct {
	User  string
	Tried []string // "key /root/.ssh/id_ed25519", "password", …
	Notes []string // keys that could not be used, and why
	Err   error
}

func (e *AuthError) Error() string {
	tried := "nothing, for there is no key and no password"
	if len(e.Tried) > 0 {
		tried = strings.Join(e.Tried, ", ")
	}
	text := fmt.Sprintf("it refuses to let %s in; tried %s", e.User, tried)
	if len(e.Notes) > 0 {
		text += "; not tried: " + strings.Join(e.Notes, ", ")
	}
	return text + " (set ansible_user and ansible_ssh_private_key_file)"
}

// Unwrap returns the cause.
func (e *AuthError) Unwrap() error { return e.Err }

// HostKeyError says that a host's key is not known, or not the one that is.
type HostKeyError struct {
	Address     string   // host:port
	Fingerprint string   // of the key that was offered, SHA256; may be empty
	Known       []string // file:line of what is known; empty for an unknown host
	File        string   // where a verified key belongs
	Err         error
}

func (e *HostKeyError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("the host key of %s is not known%s, and it is never accepted blind "+
			"(compare the key with the machine's console, then: %s)", e.Address, e.offered(), e.scan())
	}
	return fmt.Sprintf("the host key of %s CHANGED%s, but another one is known from %s: either the machine was "+
		"replaced or someone sits in between (if it was replaced: ssh-keygen -f %s -R %s, then try again)",
		e.Address, e.offered(), strings.Join(e.Known, ", "), Quote(knownFile(e.Known[0])), Quote(normalHost(e.Address)))
}

func (e *HostKeyError) offered() string {
	if e.Fingerprint == "" {
		return ""
	}
	return " (it offered " + e.Fingerprint + ")"
}

func (e *HostKeyError) scan() string {
	host, port := splitAddress(e.Address)
	return fmt.Sprintf("ssh-keyscan -p %s %s >> %s", port, Quote(host), Quote(e.File))
}

// Unwrap returns the cause.
func (e *HostKeyError) Unwrap() error { return e.Err }

func knownFile(at string) string {
	if i := strings.LastIndexByte(at, ':'); i > 0 {
		return at[:i]
	}
	return at
}
