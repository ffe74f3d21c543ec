package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"rollout/internal/settings"
	"rollout/internal/vault"
)

// vaultCommand is ansible-vault: the same subcommands, flags and files.
func vaultCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vault",
		Short: "Encrypt and decrypt files and values, as ansible-vault does",
		Example: `  rollout vault encrypt --vault-id prod@prompt group_vars/prod/secrets.yml
  rollout vault edit group_vars/prod/secrets.yml
  rollout vault encrypt_string -n db_password 'the password'
  rollout vault rekey --new-vault-id prod@new-password-file secrets.yml`,
	}
	cmd.AddCommand(vaultCreate(), vaultEdit(), vaultView(), vaultEncrypt(), vaultDecrypt(), vaultRekey(), vaultEncryptString())
	return cmd
}

// vaultJob is one call of a subcommand.
type vaultJob struct {
	flags   vaultFlags
	encrypt string // --encrypt-vault-id
	output  string // --output
	verbose int    // accepted as ansible-vault's; there is nothing more to say

	settings *settings.Settings
}

// usageError is a command line that asks for what cannot be; its code is the one
// that ansible-vault ends with.
type usageError struct {
	err  error
	code int
}

func (e usageError) Error() string { return e.err.Error() }

// The exit codes of ansible-vault for wrong options.
const (
	exitUsage   = 2
	exitOptions = 5
)

func wrongOptions(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...), exitOptions}
}

func (j *vaultJob) register(flags *pflag.FlagSet) {
	flags.SortFlags = false
	j.flags.register(flags)
	flags.CountVarP(&j.verbose, "verbose", "v", "accepted as ansible-vault's; no password is shown")
}

func (j *vaultJob) registerEncrypt(flags *pflag.FlagSet) {
	flags.StringVar(&j.encrypt, "encrypt-vault-id", "", "`ID` to encrypt with, where there are several")
}

func (j *vaultJob) registerOutput(flags *pflag.FlagSet) {
	flags.StringVar(&j.output, "output", "", "write to this `FILE`; - is standard output")
}

// action runs do with the settings read, and tells wrong options with
// ansible-vault's exit code.
func (j *vaultJob) action(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		// A terminal that is closed must not leave plain text behind.
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
		defer stop()
		var err error
		if j.settings, err = settings.Read(settings.Here()); err != nil {
			return err
		}
		err = do(ctx, args)
		var wrong usageError
		var ambiguous *vault.AmbiguousError
		switch {
		case errors.As(err, &wrong):
			tell(wrong.err)
			return exitError(wrong.code)
		case errors.As(err, &ambiguous):
			tell(err)
			return exitError(exitOptions)
		}
		return err
	}
}

// keys are the secrets to decrypt with; asked for where there is no source.
func (j *vaultJob) keys(ctx context.Context) (*vault.Keyring, error) {
	s := j.flags.settings(j.settings)
	if !s.Any() {
		s.Ask = true
	}
	return secretReader().Read(ctx, s)
}

// encryption is the secret to encrypt with, and the label to write.
func (j *vaultJob) encryption(ctx context.Context) (vault.Secret, error) {
	s := j.flags.settings(j.settings)
	ring, err := secretReader().ReadNew(ctx, s)
	if err != nil {
		return vault.Secret{}, err
	}
	if j.encrypt == "" {
		j.encrypt = s.EncryptIdentity
	}
	return ring.Choose(j.encrypt)
}

func vaultEncrypt() *cobra.Command {
	j := &vaultJob{}
	cmd := &cobra.Command{Use: "encrypt [FILE...]", Short: "Encrypt files in place; standard input to standard output without any",
		RunE: j.action(j.encryptFiles)}
	j.register(cmd.Flags())
	j.registerOutput(cmd.Flags())
	j.registerEncrypt(cmd.Flags())
	return cmd
}

func (j *vaultJob) encryptFiles(ctx context.Context, files []string) error {
	secret, err := j.encryption(ctx)
	if err != nil {
		return err
	}
	err = j.eachFile(files, "plaintext", func(file string) error {
		plain, err := readInput(file)
		if err != nil {
			return err
		}
		text, err := secret.Encrypt(plain, secret.ID, nil)
		if err != nil {
			return fmt.Errorf("cannot encrypt %s: %w", file, err)
		}
		return j.write(file, text, vault.Replacement{Shred: true})
	})
	if err == nil {
		succeeded("Encryption successful")
	}
	return err
}

func vaultDecrypt() *cobra.Command {
	j := &vaultJob{}
	cmd := &cobra.Command{Use: "decrypt [FILE...]", Short: "Decrypt files in place; standard input to standard output without any",
		RunE: j.action(j.decryptFiles)}
	j.register(cmd.Flags())
	j.registerOutput(cmd.Flags())
	return cmd
}

func (j *vaultJob) decryptFiles(ctx context.Context, files []string) error {
	ring, err := j.keys(ctx)
	if err != nil {
		return err
	}
	err = j.eachFile(files, "ciphertext", func(file string) error {
		plain, _, err := openVault(ring, file)
		if err != nil {
			return err
		}
		return j.write(file, plain, vault.Replacement{Private: true})
	})
	if err == nil {
		succeeded("Decryption successful")
	}
	return err
}

// eachFile goes through the files; none is standard input.
func (j *vaultJob) eachFile(files []string, kind string, do func(string) error) error {
	if j.output != "" && len(files) > 1 {
		return wrongOptions("At most one input file may be used with the --output option")
	}
	if len(files) == 0 {
		files = []string{"-"}
		if term.IsTerminal(int(os.Stdin.Fd())) {
			fmt.Fprintf(os.Stderr, "Reading %s input from stdin\n", kind)
		}
	}
	for _, file := range files {
		if err := do(file); err != nil {
			return err
		}
	}
	return nil
}

// write replaces the file that was read, or makes that of --output.
func (j *vaultJob) write(file string, text []byte, how vault.Replacement) error {
	if j.output != "" {
		file = j.output
	}
	if file == "-" {
		_, err := os.Stdout.Write(text)
		return err
	}
	return vault.Replace(file, text, how)
}

func vaultView() *cobra.Command {
	j := &vaultJob{}
	cmd := &cobra.Command{Use: "view [FILE...]", Short: "Show what files hold, decrypted", RunE: j.action(j.view)}
	j.register(cmd.Flags())
	return cmd
}

func (j *vaultJob) view(ctx context.Context, files []string) error {
	ring, err := j.keys(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		plain, _, err := openVault(ring, file)
		if err != nil {
			return err
		}
		if err := page(ctx, string(plain)); err != nil {
			return err
		}
	}
	return nil
}

// page shows text a screen at a time, on a terminal that has a pager.
func page(ctx context.Context, text string) error {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	pager := strings.Fields(os.Getenv("PAGER"))
	if len(pager) == 0 {
		pager = []string{"less"}
	}
	path, err := exec.LookPath(pager[0])
	if err != nil || !term.IsTerminal(int(os.Stdout.Fd())) {
		_, err := os.Stdout.WriteString(text)
		return err
	}
	cmd := exec.CommandContext(ctx, path, pager[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "LESS=FRSX")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot show the text with %s (set $PAGER to another): %w", pager[0], err)
	}
	return nil
}

func vaultRekey() *cobra.Command {
	j := &vaultJob{}
	var fresh vaultFlags
	cmd := &cobra.Command{Use: "rekey [FILE...]", Short: "Encrypt files with another password"}
	j.register(cmd.Flags())
	j.registerEncrypt(cmd.Flags())
	cmd.Flags().StringArrayVar(&fresh.ids, "new-vault-id", nil, "the new password, as `[ID@]SOURCE`")
	cmd.Flags().StringArrayVar(&fresh.files, "new-vault-password-file", nil, "the new password's `FILE` or script")
	cmd.RunE = j.action(func(ctx context.Context, files []string) error { return j.rekey(ctx, &fresh, files) })
	return cmd
}

func (j *vaultJob) rekey(ctx context.Context, fresh *vaultFlags, files []string) error {
	if len(fresh.ids) > 0 && len(fresh.files) > 0 {
		return usageError{errors.New("--new-vault-password-file and --new-vault-id exclude each other"), exitUsage}
	}
	ring, err := j.keys(ctx)
	if err != nil {
		return err
	}
	secret, err := j.newSecret(ctx, fresh)
	if err != nil {
		return err
	}
	for _, file := range files {
		plain, _, err := openVault(ring, file)
		if err != nil {
			return err
		}
		text, err := secret.Encrypt(plain, secret.ID, nil)
		if err != nil {
			return fmt.Errorf("cannot encrypt %s: %w", file, err)
		}
		if err := vault.Replace(file, text, vault.Replacement{}); err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stderr, "Rekey successful")
	return nil
}

// newSecret is what rekey encrypts with: the new password, or with
// --encrypt-vault-id one of those that the settings list.
func (j *vaultJob) newSecret(ctx context.Context, fresh *vaultFlags) (vault.Secret, error) {
	s := j.flags.settings(j.settings)
	if j.encrypt == "" {
		j.encrypt = s.EncryptIdentity
	}
	if j.encrypt == "" {
		s.IdentityList = nil
	}
	s.IDs, s.PasswordFiles, s.Ask = fresh.ids, fresh.files, j.flags.ask
	ring, err := secretReader().ReadNew(ctx, s)
	if err != nil {
		return vault.Secret{}, err
	}
	id := j.encrypt
	if id == "" && len(ring.Secrets) > 0 {
		id = ring.Secrets[0].ID
	}
	return ring.Choose(id)
}

// openVault decrypts a file.
func openVault(ring *vault.Keyring, file string) ([]byte, vault.Secret, error) {
	text, err := readInput(file)
	if err != nil {
		return nil, vault.Secret{}, err
	}
	plain, secret, err := ring.Open(text)
	if err != nil {
		return nil, vault.Secret{}, fmt.Errorf("cannot decrypt %s: %w", file, err)
	}
	return plain, secret, nil
}

// readInput reads a file, or standard input where it is -.
func readInput(file string) ([]byte, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(os.Stdin)
	} else {
		data, err = os.ReadFile(filepath.Clean(file))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the source: %w", err)
	}
	return data, nil
}

// succeeded says so to a person; programs see the exit code.
func succeeded(text string) {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		fmt.Fprintln(os.Stderr, text)
	}
}
