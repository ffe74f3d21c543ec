package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// timed runs a command and appends to a file what it took: seconds of wall
// clock, API calls that the proxy saw, seconds of CPU and the most memory that
// all of its processes had together.
func timed(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("time", flag.ContinueOnError)
	log := flags.String("log", "calls.log", "what the proxy writes")
	results := flags.String("results", "results.tsv", "a line is appended to this file")
	what := flags.String("case", "", "what is measured")
	who := flags.String("as", "", "who is measured")
	count := flags.Int("count", 0, "of how many servers")
	output := flags.String("output", "", "file for what the command prints; default: shown")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("nothing to measure: no command was given")
	}
	before, err := lines(*log)
	if err != nil {
		return err
	}
	row := row{What: *what, Who: *who, Count: *count}
	status, err := row.run(ctx, flags.Args(), *output)
	if err != nil {
		return err
	}
	after, err := lines(*log)
	if err != nil {
		return err
	}
	row.Calls, row.Status = after-before, status
	if err := row.append(*results); err != nil {
		return err
	}
	fmt.Println(row.line())
	if status != 0 {
		return exitError(status)
	}
	return nil
}

func lines(path string) (int, error) {
	data, err := os.ReadFile(path)
	return bytes.Count(data, []byte{'\n'}), err
}

// run runs the command to its end. Its exit status is no error of ours.
func (r *row) run(ctx context.Context, args []string, output string) (int, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	// A command cut off takes its children along: they would go on making servers.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if output != "" {
		file, err := os.Create(output)
		if err != nil {
			return 0, err
		}
		defer file.Close()
		cmd.Stdout, cmd.Stderr = file, file
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	watching, stop := context.WithCancel(ctx)
	peak := make(chan int)
	go func() { peak <- watch(watching, cmd.Process.Pid) }()
	err := cmd.Wait()
	r.Wall = time.Since(start)
	stop()
	r.Peak = <-peak
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.Peak = max(r.Peak, int(usage.Maxrss)) // of the largest process: for those too short to be seen
	}
	return cmd.ProcessState.ExitCode(), nil
}

// How often memory is looked at. It costs the measured one nearly nothing.
const look = 250 * time.Millisecond

// watch returns the most memory, in KiB, that a process and all below it had at
// a time. What they share is counted once.
func watch(ctx context.Context, pid int) int {
	most := 0
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return most
		case <-tick.C:
			most = max(most, memory(pid))
		}
	}
}

func memory(pid int) int {
	dir := "/proc/" + strconv.Itoa(pid)
	sum := 0
	if data, err := os.ReadFile(dir + "/smaps_rollup"); err == nil {
		for line := range strings.Lines(string(data)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				sum, _ = strconv.Atoi(fields[1]) // the kernel's number
			}
		}
	}
	tasks, _ := os.ReadDir(dir + "/task") // a process that has ended has none
	for _, t := range tasks {
		children, _ := os.ReadFile(dir + "/task/" + t.Name() + "/children")
		for child := range strings.FieldsSeq(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				sum += memory(n)
			}
		}
	}
	return sum
}
