package lock

import (
	"errors"
	"os"
	"os/user"
	"strings"
	"syscall"
)

// Holder is who holds a lock, or wants to.
type Holder struct {
	Who     string // user@host, for others to read
	PID     int    // of the process
	Machine string // tells this start of this machine from any other; "" where that can't be known
}

// ThisProcess is the holder that this process is.
func ThisProcess() Holder {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname() // an empty one is shown as such
	host, _, _ = strings.Cut(host, ".")
	return Holder{Who: name + "@" + host, PID: os.Getpid(), Machine: machine()}
}

// machine is where the ids of processes mean what they mean here: one start of
// one kernel, and one namespace of processes in it (Linux, proc(5)).
func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space
}

// alive reports whether a process of this machine still runs.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
