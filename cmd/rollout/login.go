package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"rollout/internal/runner"
)

// loginFlags say how hosts are reached, and as whom, where neither their
// variables nor the playbook do.
type loginFlags struct {
	user           string
	connection     string
	privateKey     string
	commonArgs     string
	extraArgs      string
	timeout        int
	sftpArgs       string // without effect: files go over the connection of ssh
	scpArgs        string // without effect
	askPass        bool
	passFile       string
	become         bool
	becomeUser     string
	becomeMethod   string
	askBecomePass  bool
	becomePassFile string
	port           int    // of the settings
	becomeFlags    string // of the settings
	sshArgs        string // of the settings
}

func (f *loginFlags) register(flags *pflag.FlagSet) {
	flags.StringVarP(&f.user, "user", "u", "", "log in as this `USER`")
	flags.StringVarP(&f.connection, "connection", "c", "", "`KIND` of connection: ssh or local")
	flags.StringVar(&f.privateKey, "private-key", "", "private key `FILE` to log in with")
	flags.StringVar(&f.privateKey, "key-file", "", "the same as --private-key")
	flags.StringVar(&f.commonArgs, "ssh-common-args", "", "`OPTIONS` of ssh, such as '-o ProxyJump=gate'")
	flags.StringVar(&f.extraArgs, "ssh-extra-args", "", "further `OPTIONS` of ssh")
	flags.StringVar(&f.sftpArgs, "sftp-extra-args", "", "")
	flags.StringVar(&f.scpArgs, "scp-extra-args", "", "")
	_, _ = flags.MarkHidden("sftp-extra-args"), flags.MarkHidden("scp-extra-args") // they were registered above
	flags.IntVarP(&f.timeout, "timeout", "T", 0, "`SECONDS` to wait for a connection (default 10)")
	flags.BoolVarP(&f.askPass, "ask-pass", "k", false, "ask for the password to log in with")
	flags.StringVar(&f.passFile, "connection-password-file", "", "read that password from this `FILE`")
	flags.BoolVarP(&f.become, "become", "b", false, "run tasks as another user")
	flags.StringVar(&f.becomeUser, "become-user", "", "the `USER` to become (default root)")
	flags.StringVar(&f.becomeMethod, "become-method", "", "`HOW` to become that user: sudo (default) or su")
	flags.BoolVarP(&f.askBecomePass, "ask-become-pass", "K", false, "ask for the password to become that user with")
	flags.StringVar(&f.becomePassFile, "become-password-file", "", "read that password from this `FILE`")
	_ = flags.MarkHidden("key-file") // it was registered above
}

// login reads and asks for what the flags leave open.
func (f *loginFlags) login(ctx context.Context) (runner.Login, error) {
	login := f.defaults()
	var err error
	if login.Password, err = password(ctx, "SSH password: ", f.askPass, f.passFile); err != nil {
		return login, err
	}
	question := "BECOME password: "
	if f.askPass {
		question = "BECOME password[defaults to SSH password]: "
	}
	login.BecomePassword, err = password(ctx, question, f.askBecomePass, f.becomePassFile)
	if f.askBecomePass && login.BecomePassword == "" {
		login.BecomePassword = login.Password
	}
	return login, err
}

// password is read from a file, asked for, or none.
func password(ctx context.Context, question string, ask bool, file string) (string, error) {
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("cannot read the password: %w", err)
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	if !ask {
		return "", nil
	}
	answer, err := stdin{}.Ask(ctx, question, true)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	return answer, nil
}
