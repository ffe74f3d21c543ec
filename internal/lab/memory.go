package lab

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryOf is what the cgroup of a process uses, in bytes, without the file cache that can be given back; 0 where this
// machine can't tell. It is read here since asking Docker takes a second or two.
func memoryOf(pid int) int64 {
	if pid == 0 {
		return 0
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return 0
	}
	for _, place := range memoryPlaces(string(text)) {
		if used := number(filepath.Join(place.dir, place.usage)); used > 0 {
			return max(used-statistic(filepath.Join(place.dir, "memory.stat"), place.cache), 0)
		}
	}
	return 0
}

// memoryPlace is where a version of cgroups keeps its figures.
type memoryPlace struct{ dir, usage, cache string }

// memoryPlaces reads the text of /proc/PID/cgroup, version 1 first: where both are mounted, it has the memory.
func memoryPlaces(text string) []memoryPlace {
	var first, second []memoryPlace
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		for controller := range strings.SplitSeq(fields[1], ",") {
			if controller == "memory" {
				first = append(first, memoryPlace{"/sys/fs/cgroup/memory" + fields[2], "memory.usage_in_bytes", "total_inactive_file"})
			}
		}
		if fields[1] == "" {
			// Processes of a machine sit in a leaf below the container's group.
			dir := strings.TrimSuffix("/sys/fs/cgroup"+fields[2], "/init")
			second = append(second, memoryPlace{dir, "memory.current", "inactive_file"})
		}
	}
	return append(first, second...)
}

func number(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// statistic is one figure of a file of "name number" lines.
func statistic(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key == name {
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				return n
			}
		}
	}
	return 0
}
