package main

import (
	"context"
	"slices"

	"github.com/spf13/pflag"

	"rollout/internal/settings"
	"rollout/internal/vars"
	"rollout/internal/vault"
)

// vaultFlags say where the passwords of vaults come from.
type vaultFlags struct {
	ids   []string
	files []string
	ask   bool
}

func (f *vaultFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.ids, "vault-id", nil, "vault password, as `[ID@]SOURCE`: a file, a script, or prompt (repeatable)")
	flags.StringArrayVar(&f.files, "vault-password-file", nil, "vault password `FILE` or script (repeatable)")
	flags.StringArrayVar(&f.files, "vault-pass-file", nil, "the same as --vault-password-file")
	flags.BoolVarP(&f.ask, "ask-vault-password", "J", false, "ask for the vault password")
	flags.BoolVar(&f.ask, "ask-vault-pass", false, "the same as --ask-vault-password")
	for _, alias := range []string{"vault-pass-file", "ask-vault-pass"} {
		_ = flags.MarkHidden(alias) // it was registered above
	}
}

// settings joins the flags to what ansible.cfg and the environment say.
func (f *vaultFlags) settings(s *settings.Settings) vault.Settings {
	out := vault.Settings{IdentityList: s.VaultIdentityList, IDs: f.ids, PasswordFiles: slices.Clone(f.files), Ask: f.ask || s.AskVaultPass,
		Identity: s.VaultIdentity, EncryptIdentity: s.VaultEncryptIdentity, MatchOnly: s.VaultIDMatch}
	if s.VaultPasswordFile != "" {
		out.PasswordFiles = append(out.PasswordFiles, s.VaultPasswordFile)
	}
	return out
}

// unlock reads the secrets to decrypt with; there may be none.
func (f *vaultFlags) unlock(ctx context.Context, s *settings.Settings) (*vault.Keyring, error) {
	return secretReader().Read(ctx, f.settings(s))
}

// secretReader asks at the terminal.
func secretReader() vault.Reader {
	return vault.Reader{Warn: warn, Ask: func(ctx context.Context, text string) (string, error) {
		return stdin{}.Ask(ctx, text, true)
	}}
}

// decoder turns YAML into variables, vaulted ones with the project's secrets.
func (p *project) decoder() vars.Decoder { return vars.Decoder{Decrypt: p.keys.Decrypt} }
