package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// prepareMounts gives the Docker Engine inside what it needs: writable /sys and cgroups, shared mounts, and a cgroup of
// its own for this machine's processes on cgroup v2.
func prepareMounts() error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return fmt.Errorf("cannot list mounts: %w", err)
	}
	for _, mount := range readOnlyMounts(string(mounts)) {
		// Without MS_BIND the remount would be one of the file system, which is "busy".
		if err := syscall.Mount("", mount, "", syscall.MS_REMOUNT|syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot make %s writable: %w", mount, err)
		}
	}
	if err := syscall.Mount("", "/", "", syscall.MS_SHARED|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("cannot share mounts: %w", err)
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return nestCgroups("/sys/fs/cgroup")
	}
	return nil
}

// readOnlyMounts picks /sys and what is below it from the text of /proc/self/mounts, parents first.
func readOnlyMounts(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[1] != "/sys" && !strings.HasPrefix(fields[1], "/sys/") {
			continue
		}
		for option := range strings.SplitSeq(fields[3], ",") {
			if option == "ro" {
				out = append(out, fields[1])
			}
		}
	}
	return out
}

// nestCgroups moves all processes into a leaf, since cgroup v2 gives controllers only to groups without processes.
func nestCgroups(root string) error {
	leaf := filepath.Join(root, "init")
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return fmt.Errorf("cannot make a cgroup: %w", err)
	}
	processes, err := os.ReadFile(filepath.Join(root, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("cannot list the cgroup's processes: %w", err)
	}
	for pid := range strings.FieldsSeq(string(processes)) {
		// A process that has ended meanwhile can't be moved and needn't.
		_ = os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(pid), 0o644)
	}
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("cannot list cgroup controllers: %w", err)
	}
	for name := range strings.FieldsSeq(string(controllers)) {
		// A controller that the host keeps for itself stays out; Docker does without.
		_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+name), 0o644)
	}
	return nil
}
