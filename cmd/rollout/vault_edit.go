package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rollout/internal/vault"
)

func vaultCreate() *cobra.Command {
	j := &vaultJob{}
	var anyhow bool
	cmd := &cobra.Command{Use: "create FILE", Short: "Write a new encrypted file in $EDITOR"}
	j.register(cmd.Flags())
	j.registerEncrypt(cmd.Flags())
	cmd.Flags().BoolVar(&anyhow, "skip-tty-check", false, "open the editor even where there is no terminal")
	cmd.RunE = j.action(func(ctx context.Context, files []string) error { return j.create(ctx, files, anyhow) })
	return cmd
}

func (j *vaultJob) create(ctx context.Context, files []string, anyhow bool) error {
	if len(files) != 1 {
		return wrongOptions("rollout vault create can take only one filename argument")
	}
	file := files[0]
	secret, err := j.encryption(ctx)
	if err != nil {
		return err
	}
	if fileExists(file) {
		return fmt.Errorf("%s exists, please use 'edit' instead", file)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("cannot create %s: %w", file, err)
	}
	if !anyhow && terminal() == nil {
		return wrongOptions("not a tty, editor cannot be opened (--skip-tty-check opens it anyhow)")
	}
	text, err := editor().Edit(ctx, nil, filepath.Ext(file))
	if err != nil {
		return err
	}
	return encryptTo(file, text, secret, secret.ID)
}

func vaultEdit() *cobra.Command {
	j := &vaultJob{}
	cmd := &cobra.Command{Use: "edit [FILE...]", Short: "Edit encrypted files in $EDITOR", RunE: j.action(j.edit)}
	j.register(cmd.Flags())
	j.registerEncrypt(cmd.Flags())
	return cmd
}

// edit keeps each file's own id and password, as ansible-vault does.
func (j *vaultJob) edit(ctx context.Context, files []string) error {
	ring, err := j.keys(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := readInput(file)
		if err != nil {
			return err
		}
		plain, secret, err := ring.Open(text)
		if err != nil {
			return fmt.Errorf("cannot decrypt %s: %w", file, err)
		}
		envelope, err := vault.ParseEnvelope(text)
		if err != nil {
			return fmt.Errorf("cannot decrypt %s: %w", file, err)
		}
		edited, err := editor().Edit(ctx, plain, filepath.Ext(file))
		if err != nil {
			return fmt.Errorf("cannot edit %s: %w", file, err)
		}
		if bytes.Equal(plain, edited) {
			continue
		}
		if err := encryptTo(file, edited, secret, envelope.Label); err != nil {
			return err
		}
	}
	return nil
}

func encryptTo(file string, plain []byte, secret vault.Secret, label string) error {
	text, err := secret.Encrypt(plain, label, nil)
	if err != nil {
		return fmt.Errorf("cannot encrypt %s: %w", file, err)
	}
	return vault.Replace(file, text, vault.Replacement{})
}

// editor is $EDITOR, with its arguments.
func editor() vault.Editor {
	words := strings.Fields(os.Getenv("EDITOR"))
	if len(words) == 0 {
		words = []string{"vi"}
	}
	return vault.Editor{Command: words}
}
