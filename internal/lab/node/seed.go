// Package node is what runs inside the containers of the practice cloud: PID 1 of a machine (mounts, NICs, metadata
// service, Docker Engine, cloud-init, sshd, in that order), its security group rules, and the router's address
// translation. Data comes in as a Seed, written into the container before it starts; what a person reads goes to
// stdout, which is the machine's console log.
package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"rollout/internal/lab/api/backend"
)

// SeedDir is where a machine finds its seed.
const SeedDir = "/var/lib/rollout-lab"

const (
	seedFile  = "seed.json"
	rulesFile = "rules.json"
	nicsFile  = "nics.json"
)

// Seed is all that a machine must know before it starts. Rules and NICs that change later are kept in files of
// their own beside it, which win.
type Seed struct {
	Machine        backend.Machine
	RegistryMirror string // "http://HOST:PORT"; empty for none
}

// Hostname is the machine's name as a host name: letters, digits and hyphens, at most 63 of them.
func (s Seed) Hostname() string { return Hostname(s.Machine.Name) }

// Hostname turns a server's name into a host name by the rules of RFC 1123.
func Hostname(name string) string {
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name) && len(out) < 63; i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			out = append(out, c)
		case c >= 'A' && c <= 'Z':
			out = append(out, c+'a'-'A')
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
	}
	for len(out) > 0 && out[len(out)-1] == '-' {
		out = out[:len(out)-1]
	}
	if len(out) == 0 {
		return "machine"
	}
	return string(out)
}

// Files are the seed as files, to be copied to SeedDir.
func (s Seed) Files() (map[string][]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("cannot write the seed of %s: %w", s.Machine.Name, err)
	}
	return map[string][]byte{seedFile: text}, nil
}

// RulesFile is the one file that carries rules to a machine that is off.
func RulesFile(rules []backend.Rule) (name string, text []byte, err error) {
	if text, err = json.Marshal(rules); err != nil {
		return "", nil, fmt.Errorf("cannot write security group rules: %w", err)
	}
	return rulesFile, text, nil
}

// NICsFile is the one file that carries changed NICs to a machine that is off.
func NICsFile(nics []backend.NIC) (name string, text []byte, err error) {
	if text, err = json.Marshal(nics); err != nil {
		return "", nil, fmt.Errorf("cannot write the list of NICs: %w", err)
	}
	return nicsFile, text, nil
}

// readSeed reads the seed with the rules and NICs that replaced the first ones.
func readSeed(dir string) (Seed, error) {
	var seed Seed
	text, err := os.ReadFile(filepath.Join(dir, seedFile))
	if err != nil {
		return seed, fmt.Errorf("cannot read this machine's seed: %w", err)
	}
	if err := json.Unmarshal(text, &seed); err != nil {
		return seed, fmt.Errorf("cannot read this machine's seed: %w", err)
	}
	if err := readOver(filepath.Join(dir, rulesFile), &seed.Machine.Rules); err != nil {
		return seed, err
	}
	return seed, readOver(filepath.Join(dir, nicsFile), &seed.Machine.NICs)
}

// readOver replaces *into by what a JSON file holds, if the file is there.
func readOver[T any](file string, into *T) error {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		return fmt.Errorf("cannot read %s: %w", file, err)
	}
	*into = value
	return nil
}
