package system

import (
	"strconv"
	"strings"

	"rollout/internal/value"
)

func (s sections) processors(m *value.Map) {
	var list []any
	logical, physical := 0, map[string]bool{}
	cores, siblings := 1, 1
	for _, l := range s.lines("cpuinfo") {
		k, v, _ := strings.Cut(l, ":")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		switch k {
		case "processor":
			logical++
			list = append(list, v)
		case "vendor_id", "model name", "Processor", "Model":
			list = append(list, v)
		case "physical id":
			physical[v] = true
		case "cpu cores":
			cores = atLeast1(v)
		case "siblings":
			siblings = atLeast1(v)
		}
	}
	count := max(1, len(physical))
	if len(physical) == 0 {
		count, cores, siblings = max(1, logical), 1, 1
	}
	if list == nil {
		list = []any{}
	}
	m.Set("ansible_processor", list)
	m.Set("ansible_processor_count", count)
	m.Set("ansible_processor_cores", cores)
	m.Set("ansible_processor_threads_per_core", max(1, siblings/cores))
	m.Set("ansible_processor_vcpus", max(1, siblings/cores)*count*cores)
	m.Set("ansible_processor_nproc", atLeast1(s.line("nproc", 0)))
}

func atLeast1(s string) int {
	n, _ := strconv.Atoi(s)
	return max(1, n)
}

func (s sections) memory(m *value.Map) {
	mb := map[string]int{}
	for _, l := range s.lines("meminfo") {
		k, v, _ := strings.Cut(l, ":")
		if f := strings.Fields(v); len(f) > 0 {
			kb, _ := strconv.Atoi(f[0])
			mb[k] = kb / 1024
		}
	}
	total, free := mb["MemTotal"], mb["MemFree"]
	uncached := free + mb["Buffers"] + mb["Cached"]
	m.Set("ansible_memtotal_mb", total)
	m.Set("ansible_memfree_mb", free)
	m.Set("ansible_swaptotal_mb", mb["SwapTotal"])
	m.Set("ansible_swapfree_mb", mb["SwapFree"])
	m.Set("ansible_memory_mb", value.NewMap(
		"real", value.NewMap("total", total, "used", total-free, "free", free),
		"nocache", value.NewMap("free", uncached, "used", total-uncached),
		"swap", value.NewMap("total", mb["SwapTotal"], "free", mb["SwapFree"], "used", mb["SwapTotal"]-mb["SwapFree"], "cached", mb["SwapCached"])))
	if f := strings.Fields(s.line("loadavg", 0)); len(f) > 2 {
		load := value.NewMap()
		for i, k := range []string{"1m", "5m", "15m"} {
			n, _ := strconv.ParseFloat(f[i], 64)
			load.Set(k, n)
		}
		m.Set("ansible_loadavg", load)
	}
	if f := strings.Fields(s.line("uptime", 0)); len(f) > 0 {
		up, _ := strconv.ParseFloat(f[0], 64)
		m.Set("ansible_uptime_seconds", int(up))
	}
}

func (s sections) firmware(m *value.Map) {
	for _, f := range []string{"bios_date", "bios_vendor", "bios_version", "board_name", "board_serial", "board_vendor", "board_version",
		"chassis_vendor", "product_name", "product_serial", "product_uuid", "product_version"} {
		m.Set("ansible_"+f, orNA(s.line("dmi "+f, 0)))
	}
	m.Set("ansible_system_vendor", orNA(s.line("dmi sys_vendor", 0)))
}

// mounts are those of devices and of network file systems, as /proc/mounts lists them.
func (s sections) mounts(m *value.Map) {
	uuids := map[string]string{}
	for _, l := range s.lines("uuids") {
		if id, dev, ok := strings.Cut(l, " "); ok {
			uuids[dev] = id
		}
	}
	list := []any{}
	for _, l := range s.lines("mounts") {
		f := strings.Fields(l)
		if len(f) < 4 {
			continue
		}
		uuid, ok := uuids[f[0]]
		if !ok {
			uuid = "N/A"
		}
		mount := value.NewMap("mount", unescape(f[1]), "device", unescape(f[0]), "fstype", f[2], "options", f[3], "uuid", uuid)
		if len(f) == 9 {
			addSizes(mount, f[4:])
		}
		list = append(list, mount)
	}
	m.Set("ansible_mounts", list)
}

// unescape undoes /proc/mounts' octal escapes of blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// addSizes adds block size, blocks, blocks available, inodes, inodes free.
func addSizes(m *value.Map, f []string) {
	n := make([]int, len(f))
	for i := range f {
		v, err := strconv.Atoi(f[i])
		if err != nil {
			return
		}
		n[i] = v
	}
	for i, k := range []string{"block_size", "block_total", "block_available", "inode_total", "inode_available"} {
		m.Set(k, n[i])
	}
	m.Set("block_used", n[1]-n[2])
	m.Set("inode_used", n[3]-n[4])
	m.Set("size_total", n[0]*n[1])
	m.Set("size_available", n[0]*n[2])
}
