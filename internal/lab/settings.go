// Package lab gives a machine with a Docker Engine a practice cloud: an OpenStack API in a process of its own, and
// machines that are containers. Up builds and starts what is missing, Status tells what is there, Down takes all of it
// away and nothing else. Everything is found again by the state folder and by labels in Docker.
package lab

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
)

// DefaultExternal is the network of floating IPs unless another is asked for.
const DefaultExternal = "10.20.30.0/24"

// CloudName is the lab's entry in clouds.yaml.
const CloudName = "lab"

const (
	settingsFile = "lab.json"
	cloudsFile   = "clouds.yaml"
	// KeyName is the key pair that the lab comes with; its private key is in the state folder under this name.
	KeyName = "key-for-internal"

	apiLog      = "api.log"
	apiDir      = "api"      // the API's state
	machinesDir = "machines" // the machines' records
)

// Network is a tenant network that a new lab starts with.
type Network struct {
	Name string
	CIDR string
}

// defaultNetworks are those of the exercise.
func defaultNetworks() []Network {
	return []Network{{"dmz-net", "192.168.0.0/24"}, {"app-net", "172.16.10.0/24"}, {"dbs-net", "172.16.20.0/24"}}
}

// ErrDown says that there is no lab.
var ErrDown = errors.New("there is no practice cloud here (run: rollout lab up)")

// Settings are what a lab keeps about itself, in lab.json of its state folder.
type Settings struct {
	ID            string    // begins the name of every Docker object
	External      string    // prefix of the network of floating IPs
	Networks      []Network // that the cloud is seeded with
	API           string    // host:port that the API listens on
	Password      string    // of the API's one user
	Image         string    // reference of the machines' image
	Privileged    *bool     // whether the engine can start privileged containers; nil when not tried yet
	BootID        string    // of the host at the last Up
	APIProcess    *Process
	APIImage      string   // the image of the program that the API's process runs
	EngineProcess *Process // dockerd, if Up started it by itself
}

// StateDir is the lab's state folder: $ROLLOUT_LAB_STATE, else $XDG_STATE_HOME/rollout/lab, else
// ~/.local/state/rollout/lab.
func StateDir() string {
	if dir := os.Getenv("ROLLOUT_LAB_STATE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "rollout", "lab")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/root" // no HOME, as under some init systems
	}
	return filepath.Join(home, ".local", "state", "rollout", "lab")
}

// CloudsFile is the lab's clouds.yaml with its entry "lab". It is there while the lab is.
func CloudsFile() string { return filepath.Join(StateDir(), cloudsFile) }

// KeyFile is the private key of the key pair key-for-internal. It is there while the lab is.
func KeyFile() string { return filepath.Join(StateDir(), KeyName) }

// labID tells apart labs on one engine by their state folders.
func labID(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "lab-" + hex.EncodeToString(sum[:3])
}

// readSettings reads the settings; without any the error is ErrDown.
func readSettings(dir string) (Settings, error) {
	var s Settings
	text, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, ErrDown
	}
	if err != nil {
		return s, fmt.Errorf("cannot read the lab's settings: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("cannot read the lab's settings: %w", err)
	}
	return s, nil
}

func (s Settings) write(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot keep the lab's settings: %w", err)
	}
	return writeFile(filepath.Join(dir, settingsFile), text)
}

// external is the network of floating IPs.
func (s Settings) external() (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s.External)
	if err != nil {
		return prefix, fmt.Errorf("cannot use %q for floating IPs: %w", s.External, err)
	}
	if !prefix.Addr().Is4() || prefix.Bits() > 24 || prefix.Masked() != prefix {
		return prefix, fmt.Errorf("cannot use %s for floating IPs: it must be an IPv4 network of at least 256 addresses, such as %s",
			s.External, DefaultExternal)
	}
	return prefix, nil
}

// newSettings are those of a lab that was not there before.
func newSettings(dir, external string, networks []Network) (Settings, error) {
	if external == "" {
		external = DefaultExternal
	}
	if networks == nil {
		networks = defaultNetworks()
	}
	s := Settings{ID: labID(dir), External: external, Networks: networks, Password: rand.Text()}
	prefix, err := s.external()
	if err != nil {
		return s, err
	}
	return s, checkNetworks(networks, prefix)
}

// checkNetworks tells all that is wrong with a new lab's networks.
func checkNetworks(networks []Network, external netip.Prefix) error {
	var wrong []error
	taken := map[netip.Prefix]string{external: "the floating IPs"}
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network.CIDR)
		if err != nil || network.Name == "" || !prefix.Addr().Is4() || prefix.Masked() != prefix {
			wrong = append(wrong, fmt.Errorf("cannot use %q as network %q: it must be an IPv4 network such as 192.168.0.0/24", network.CIDR, network.Name))
			continue
		}
		for other, name := range taken {
			if other.Overlaps(prefix) {
				wrong = append(wrong, fmt.Errorf("cannot use %s as network %q: it overlaps with %s of %s", prefix, network.Name, other, name))
			}
		}
		taken[prefix] = network.Name
	}
	return errors.Join(wrong...)
}

// freePort picks a port of this machine that nobody listens on.
func freePort() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("cannot find a port for the API: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// writeFile replaces a file as a whole; only its owner may read it.
func writeFile(name string, text []byte) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	if err := os.Rename(temporary, name); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	return nil
}
