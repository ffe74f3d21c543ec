package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"rollout/internal/runner"
	"rollout/internal/settings"
)

// readSettings reads ansible.cfg and the environment, and says what a person
// should know of it; with -v, where they come from and what has no effect.
func readSettings(verbose int) (*settings.Settings, error) {
	s, err := settings.Read(settings.Here())
	if err != nil {
		return nil, err
	}
	for _, w := range s.Warnings {
		warn(w)
	}
	if verbose+s.Verbosity == 0 {
		return s, nil
	}
	text := "No config file found; using defaults"
	if s.File != "" {
		text = "Using " + s.File + " as config file"
	}
	if len(s.Idle) > 0 {
		text += " (without effect: " + strings.Join(s.Idle, ", ") + ")"
	}
	out := os.Stdout
	if s.VerboseToStderr {
		out = os.Stderr
	}
	fmt.Fprintln(out, text)
	return s, nil
}

// settledProject puts a project together for a command without -v.
func settledProject(ctx context.Context, f *projectFlags) (*project, error) {
	s, err := readSettings(0)
	if err != nil {
		return nil, err
	}
	return openProject(ctx, f, s, 0)
}

// obey takes from the settings what no flag says.
func (f *runFlags) obey(s *settings.Settings) {
	if !f.given.Changed("forks") {
		f.forks = s.Forks
	}
	if len(f.tags) == 0 {
		f.tags = s.RunTags
	}
	if len(f.skipTags) == 0 {
		f.skipTags = s.SkipTags
	}
	f.verbose += s.Verbosity
	f.diff = f.diff || s.DiffAlways
	f.forceHandlers = f.forceHandlers || s.ForceHandlers
	f.login.obey(s)
}

// obey takes from the settings what no flag says.
func (f *loginFlags) obey(s *settings.Settings) {
	for _, of := range []struct {
		flag    *string
		setting string
	}{
		{&f.user, s.RemoteUser}, {&f.privateKey, s.PrivateKeyFile}, {&f.becomeUser, given(s, &s.BecomeUser)},
		{&f.becomeMethod, given(s, &s.BecomeMethod)}, {&f.passFile, s.ConnectionPasswordFile}, {&f.becomePassFile, s.BecomePasswordFile},
		{&f.commonArgs, s.SSHCommonArgs}, {&f.extraArgs, s.SSHExtraArgs}, {&f.connection, given(s, &s.Transport)},
	} {
		if *of.flag == "" {
			*of.flag = of.setting
		}
	}
	if f.timeout == 0 && s.Given(&s.Timeout) {
		f.timeout = s.Timeout
	}
	f.port, f.becomeFlags = s.RemotePort, s.BecomeFlags
	f.become = f.become || s.Become
	f.askPass = f.askPass || s.AskPass
	f.askBecomePass = f.askBecomePass || s.BecomeAskPass
	f.sshArgs = given(s, &s.SSHArgs)
}

// given is a setting's text where it is set, "" where it has its default.
func given(s *settings.Settings, field *string) string {
	if !s.Given(field) {
		return ""
	}
	return *field
}

// defaults are what the flags say of logging in.
func (f *loginFlags) defaults() runner.Login {
	return runner.Login{Connection: f.connection, User: f.user, Port: f.port, KeyFile: f.privateKey,
		SSHArgs: f.sshArgs, CommonArgs: f.commonArgs, ExtraArgs: f.extraArgs, Timeout: time.Duration(f.timeout) * time.Second,
		Become: f.become, BecomeUser: f.becomeUser, BecomeMethod: f.becomeMethod, BecomeFlags: f.becomeFlags}
}
