package node

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Init is PID 1 of a machine. It starts program (this binary) again as a supervisor that does the work, and does itself
// what only PID 1 can: take in orphans, end the machine on SIGTERM or SIGPWR, and start it anew on SIGINT, which is
// what `reboot` inside sends. It returns the exit code of the machine.
func Init(program string, args []string) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGPWR, syscall.SIGINT, syscall.SIGCHLD)
	for {
		child, err := startSupervisor(program, args)
		if err != nil {
			fmt.Printf("cannot start the supervisor %s: %v\n", program, err)
			return 1
		}
		again, code := watch(child, signals)
		if !again {
			return code
		}
		endAll()
	}
}

func startSupervisor(program string, args []string) (int, error) {
	return syscall.ForkExec(program, append([]string{program}, args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 1}, // one stream: the console
	})
}

// watch reaps until the supervisor has ended, and tells whether the machine is to start again.
func watch(supervisor int, signals <-chan os.Signal) (again bool, code int) {
	for received := range signals {
		switch received {
		case syscall.SIGINT:
			again = true
			fallthrough
		case syscall.SIGTERM, syscall.SIGPWR:
			// The supervisor stops the Docker Engine and ends; a supervisor that is gone already is seen below.
			_ = syscall.Kill(supervisor, syscall.SIGTERM)
		}
		if ended, status := reap(supervisor); ended {
			return again, exitCode(status)
		}
	}
	return false, 1
}

// reap takes in every child that has ended.
func reap(supervisor int) (ended bool, status syscall.WaitStatus) {
	for {
		var s syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &s, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 {
			return ended, status
		}
		if pid == supervisor {
			ended, status = true, s
		}
	}
}

// endAll kills every process but this one, as a reboot does, and takes them in.
func endAll() {
	_ = syscall.Kill(-1, syscall.SIGKILL)
	for {
		var s syscall.WaitStatus
		if _, err := syscall.Wait4(-1, &s, 0, nil); err != nil && err != syscall.EINTR {
			return
		}
	}
}

func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
