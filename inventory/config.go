package inventory

import (
	"fmt"
	"regexp"
)

// Config is what Ansible's settings say about inventories.
type Config struct {
	// Enabled are the plugins that a source is tried with, in this order.
	Enabled []string
	// UnparsedFails makes it an error that not one source could be read;
	// AnyUnparsedFails, that one could not. Else both are warnings.
	UnparsedFails, AnyUnparsedFails bool
	// MergeHashes joins mappings that several sources give one variable of one
	// host or group, at all depths; else the last source's stands.
	MergeHashes bool
	// UnparsedQuiet leaves out the warning that not one source could be read.
	UnparsedQuiet bool
	// GroupChars says what becomes of group names that no variable could have:
	// never (they stay, with a warning), ignore (they stay), always (their odd
	// characters become underscores, with a warning), silently.
	GroupChars string
	// IgnoreExts and IgnorePatterns are the files in a directory that are no
	// inventories: what their names end in, and regular expressions.
	IgnoreExts, IgnorePatterns []string
}

// DefaultConfig is what holds where nothing is set.
func DefaultConfig() Config {
	return Config{
		Enabled:    []string{"host_list", "script", "auto", "yaml", "ini", "toml"},
		GroupChars: "never",
		IgnoreExts: []string{".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".ini", ".cfg", ".retry"},
	}
}

// yamlExts are the extensions of files that the plugins yaml, constructed and
// generator take.
func yamlExts() []string { return []string{".yaml", ".yml", ".json"} }

// ignored matches the names in a directory that are no inventories.
func (c Config) ignored() (*regexp.Regexp, error) {
	text := `^\.|^host_vars$|^group_vars$|^vars_plugins$`
	for _, p := range c.IgnorePatterns {
		if _, err := regexp.Compile(p); err != nil {
			return nil, fmt.Errorf("cannot use the setting ignore_patterns of inventories: %w", err)
		}
		text += "|" + p
	}
	for _, ext := range c.IgnoreExts {
		text += "|" + regexp.QuoteMeta(ext) + "$"
	}
	return regexp.Compile(text)
}
