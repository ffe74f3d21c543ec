package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a process that outlives the command that started it. The start time and the host's boot tell it from
// another one that was given its number later.
type Process struct {
	PID    int
	Start  string // field 22 of /proc/PID/stat: clock ticks after boot
	BootID string
}

// spawn starts a program in a session of its own, with its output in a file.
func spawn(logFile, program string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", logFile, err)
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	process := identify(cmd.Process.Pid)
	if err := cmd.Process.Release(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	if process == nil {
		return nil, fmt.Errorf("cannot start %s: it ended at once (see %s)", program, logFile)
	}
	return process, nil
}

// identify describes a running process; nil if there is none with this number, or it is dead and not taken in yet.
func identify(pid int) *Process {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	// The second field is the program's name in brackets and may hold blanks and brackets itself.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return nil
	}
	return &Process{PID: pid, Start: fields[19], BootID: bootID()}
}

// runs tells whether this very process is still there.
func (p *Process) runs() bool {
	if p == nil {
		return false
	}
	now := identify(p.PID)
	return now != nil && *now == *p
}

// end asks a process to end, waits for it as long as patience, then kills it.
func (p *Process) end(ctx context.Context, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	signal := syscall.SIGTERM
	for p.runs() {
		if err := syscall.Kill(p.PID, signal); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("cannot end process %d: %w", p.PID, err)
		}
		for p.runs() && (time.Now().Before(deadline) || signal == syscall.SIGKILL) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("cannot end process %d: %w", p.PID, context.Cause(ctx))
			case <-time.After(20 * time.Millisecond):
			}
		}
		signal = syscall.SIGKILL
	}
	return nil
}

// bootID is different after each start of the host.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// free tells whether this machine's address, host:port, can be listened on.
func free(address string) bool {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return false
	}
	listener.Close()
	return true
}
