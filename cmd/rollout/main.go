// Command rollout rolls an application out onto a cloud: it reads a topology,
// boots its VMs and runs their containers, by playbooks in Ansible's format.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"rollout/internal/document"
	"rollout/internal/lab"
	"rollout/internal/openstack/clouds"
	"rollout/internal/runner"
	"rollout/inventory"
)

// version is set when the program is built.
var version = "dev"

// exitError ends the program with a code after everything has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitError
	switch {
	case err == nil:
		return runner.ExitOK
	case errors.As(err, &code):
		return int(code)
	}
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "ERROR! interrupted: "+err.Error())
		return runner.ExitInterrupted
	}
	tell(err)
	if errors.Is(err, clouds.ErrNoClouds) {
		fmt.Fprintln(os.Stderr, "       for a practice cloud on this machine: "+practiceHint())
	}
	return runner.ExitError
}

// practiceHint is what to type to work on the practice cloud.
func practiceHint() string {
	if fileExists(lab.CloudsFile()) {
		return "--cloud " + lab.CloudName + ", or export OS_CLOUD=" + lab.CloudName
	}
	return "rollout lab up"
}

// tell prints an error; mistakes in files show their line.
func tell(err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			tell(one)
		}
		return
	}
	var warned *inventory.Warned
	if errors.As(err, &warned) {
		for _, w := range warned.Warnings {
			warn(w)
		}
	}
	if error(warned) == err {
		tell(warned.Err)
		return
	}
	var at *document.Error
	if errors.As(err, &at) && error(at) == err {
		fmt.Fprintln(os.Stderr, "ERROR! "+at.Detail())
		return
	}
	fmt.Fprintln(os.Stderr, "ERROR! "+err.Error())
}
