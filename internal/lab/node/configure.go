package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// clearRuntime empties /run, which in a container outlives a restart: pid files there would be believed.
func clearRuntime() error {
	entries, err := os.ReadDir("/run")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		// What is a mount point stays.
		_ = os.RemoveAll(filepath.Join("/run", entry.Name()))
	}
	for _, dir := range []string{"/run/sshd", "/run/lock", "/run/sudo"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// writeConfiguration writes what depends on the lab and the machine; all else is in the image.
func writeConfiguration(seed Seed) error {
	if err := writeDaemonConfig("/etc/docker/daemon.json", seed.RegistryMirror); err != nil {
		return err
	}
	// In place: the file is a mount by Docker. Inner containers can ask this address too, Docker's own they can't.
	return os.WriteFile("/etc/resolv.conf", []byte("nameserver "+metadataIP+"\n"), 0o644)
}

// writeDaemonConfig makes the lab's registry the mirror, and leaves alone a file that somebody has written.
func writeDaemonConfig(file, mirror string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	config := map[string]any{"storage-driver": "overlay2", "log-level": "warn"}
	if mirror != "" {
		config["registry-mirrors"] = []string{mirror}
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
