package system

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// sections are what the facts program said, by section.
type sections struct {
	text  map[string]string
	order []string
}

func read(out string) sections {
	s := sections{text: map[string]string{}}
	name := ""
	var lines []string
	flush := func() {
		if name != "" {
			s.text[name] = strings.TrimSuffix(strings.Join(lines, "\n"), "\n")
			s.order = append(s.order, name)
		}
		lines = nil
	}
	for line := range strings.SplitSeq(out, "\n") {
		if next, ok := strings.CutPrefix(line, "@@ "); ok {
			flush()
			name = next
			continue
		}
		lines = append(lines, line)
	}
	flush()
	return s
}

func (s sections) lines(name string) []string {
	text := strings.TrimRight(s.text[name], "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func (s sections) line(name string, n int) string {
	if l := s.lines(name); n < len(l) {
		return strings.TrimSpace(l[n])
	}
	return ""
}

// facts are named as Ansible names them. They are sorted into its order by
// whoever prints them.
func (s sections) facts(want map[string]bool) *value.Map {
	m := value.NewMap()
	if want["min"] {
		s.platform(m)
		s.distribution(m)
		s.user(m)
		s.clock(m)
		s.services(m)
		s.settings(m)
		s.local(m)
	}
	if want["python"] {
		s.python(m)
	}
	if want["hardware"] {
		s.processors(m)
		s.memory(m)
		s.firmware(m)
		s.mounts(m)
	}
	if want["network"] {
		s.network(m)
	}
	if want["virtual"] {
		s.virtual(m)
	}
	return m
}

func (s sections) platform(m *value.Map) {
	node, machine := s.line("uname", 1), s.line("uname", 4)
	host, _, _ := strings.Cut(node, ".")
	fqdn := s.line("fqdn", 0)
	if fqdn == "" {
		fqdn = node
	}
	_, domain, _ := strings.Cut(fqdn, ".")
	m.Set("ansible_system", s.line("uname", 0))
	m.Set("ansible_nodename", node)
	m.Set("ansible_hostname", host)
	m.Set("ansible_fqdn", fqdn)
	m.Set("ansible_domain", domain)
	m.Set("ansible_kernel", s.line("uname", 2))
	m.Set("ansible_kernel_version", s.line("uname", 3))
	m.Set("ansible_machine", machine)
	arch := machine
	if len(machine) == 4 && machine[0] == 'i' && strings.HasSuffix(machine, "86") {
		arch = "i386"
	}
	m.Set("ansible_architecture", arch)
	bits := s.line("bits", 0)
	if bits == "" && strings.Contains(machine, "64") {
		bits = "64"
	}
	m.Set("ansible_userspace_bits", bits)
	userspace := arch
	if bits == "32" && arch == "x86_64" {
		userspace = "i386"
	}
	m.Set("ansible_userspace_architecture", userspace)
	m.Set("ansible_machine_id", s.line("machine_id", 0))
}

// shellVars reads NAME="value" lines.
func shellVars(lines []string) map[string]string {
	out := map[string]string{}
	for _, l := range lines {
		if k, v, ok := strings.Cut(strings.TrimSpace(l), "="); ok {
			out[k] = strings.Trim(v, `"'`)
		}
	}
	return out
}

// distroNames are Ansible's names where os-release's ID differs; families say
// which family a distribution belongs to (ansible's distribution.py).
var (
	distroNames = map[string]string{"debian": "Debian", "ubuntu": "Ubuntu", "rhel": "RedHat", "centos": "CentOS", "fedora": "Fedora",
		"alpine": "Alpine", "rocky": "Rocky", "almalinux": "AlmaLinux", "ol": "OracleLinux", "amzn": "Amazon", "arch": "Archlinux",
		"opensuse-leap": "openSUSE Leap", "opensuse-tumbleweed": "openSUSE Tumbleweed", "sles": "SLES", "linuxmint": "Linux Mint",
		"raspbian": "Debian", "kali": "Kali", "devuan": "Devuan", "gentoo": "Gentoo"}
	distroFamilies = map[string]string{"Debian": "Debian", "Ubuntu": "Debian", "Linux Mint": "Debian", "Kali": "Debian", "Devuan": "Debian",
		"RedHat": "RedHat", "CentOS": "RedHat", "Fedora": "RedHat", "Rocky": "RedHat", "AlmaLinux": "RedHat", "OracleLinux": "RedHat",
		"Amazon": "RedHat", "openSUSE Leap": "Suse", "openSUSE Tumbleweed": "Suse", "SLES": "Suse"}
)

func (s sections) distribution(m *value.Map) {
	rel := shellVars(s.lines("os-release"))
	name, ok := distroNames[rel["ID"]]
	if !ok {
		name = rel["NAME"]
	}
	version := rel["VERSION_ID"]
	if full := s.line("debian_version", 0); name == "Debian" && full != "" && full[0] >= '0' && full[0] <= '9' {
		version = full // os-release has no point release
	}
	family, ok := distroFamilies[name]
	if !ok {
		family = name
	}
	major, minor, hasMinor := strings.Cut(version, ".")
	m.Set("ansible_distribution", name)
	m.Set("ansible_distribution_version", orNA(version))
	m.Set("ansible_distribution_major_version", orNA(major))
	if hasMinor {
		m.Set("ansible_distribution_minor_version", minor)
	}
	m.Set("ansible_distribution_release", orNA(rel["VERSION_CODENAME"]))
	m.Set("ansible_distribution_file_path", "/etc/os-release")
	m.Set("ansible_distribution_file_variety", name)
	m.Set("ansible_distribution_file_parsed", len(rel) > 0)
	m.Set("ansible_os_family", family)
}

func orNA(s string) string {
	if s == "" {
		return "NA"
	}
	return s
}

func (s sections) user(m *value.Map) {
	uid, gid := number(s.line("user", 1)), number(s.line("user", 2))
	m.Set("ansible_user_id", s.line("user", 0))
	m.Set("ansible_user_uid", uid)
	m.Set("ansible_user_gid", gid)
	m.Set("ansible_real_user_id", uid)
	m.Set("ansible_effective_user_id", uid)
	m.Set("ansible_real_group_id", gid)
	m.Set("ansible_effective_group_id", gid)
	if f := strings.Split(s.line("passwd", 0), ":"); len(f) == 7 {
		m.Set("ansible_user_gecos", f[4])
		m.Set("ansible_user_dir", f[5])
		m.Set("ansible_user_shell", f[6])
	}
	env := value.NewMap()
	last := ""
	for _, l := range s.lines("env") {
		// A value of several lines goes on in lines that begin no variable.
		k, v, ok := strings.Cut(strings.TrimPrefix(l, " "), "=")
		if ok && isName(k) {
			env.Set(k, v)
			last = k
		} else if last != "" {
			env.Set(last, env.String(last)+"\n"+strings.TrimPrefix(l, " "))
		}
	}
	m.Set("ansible_env", env)
}

func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// number is an int where s is one, else s itself.
func number(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return s
}

func (s sections) clock(m *value.Map) {
	f := strings.Fields(s.line("date", 0))
	if len(f) < 12 {
		return
	}
	date, clock := f[0]+"-"+f[1]+"-"+f[2], f[3]+":"+f[4]+":"+f[5]
	utc := s.line("utc", 0)
	epoch, _ := strconv.Atoi(f[6])
	weekday, _ := strconv.Atoi(f[9])
	m.Set("ansible_date_time", value.NewMap("year", f[0], "month", f[1], "day", f[2], "hour", f[3], "minute", f[4], "second", f[5],
		"epoch", f[6], "epoch_int", strconv.Itoa(epoch), "date", date, "time", clock, "tz", f[7], "tz_dst", f[7], "tz_offset", f[8],
		"weekday", f[11], "weekday_number", strconv.Itoa(weekday%7), "weeknumber", f[10], "iso8601", utc,
		"iso8601_micro", strings.TrimSuffix(utc, "Z")+".000000Z",
		"iso8601_basic", f[0]+f[1]+f[2]+"T"+f[3]+f[4]+f[5]+"000000", "iso8601_basic_short", f[0]+f[1]+f[2]+"T"+f[3]+f[4]+f[5]))
}

var managerNames = map[string]string{"apt-get": "apt", "apk": "apk", "dnf": "dnf", "yum": "yum", "zypper": "zypper", "pacman": "pacman"}

func (s sections) services(m *value.Map) {
	manager := "unknown"
	if l := s.lines("managers"); len(l) > 0 {
		manager = managerNames[l[0][strings.LastIndexByte(l[0], '/')+1:]]
	}
	m.Set("ansible_pkg_mgr", manager)
	init := s.lines("init")
	mgr := "service"
	if len(init) > 0 && init[0] != "init" && init[0] != "sh" && init[0] != "bash" {
		mgr = init[0]
	}
	for _, l := range init[min(1, len(init)):] {
		mgr = l
	}
	m.Set("ansible_service_mgr", mgr)
}

func (s sections) settings(m *value.Map) {
	dns := value.NewMap()
	for _, l := range s.lines("dns") {
		f := strings.Fields(l)
		switch {
		case len(f) < 2 || f[0][0] == '#' || f[0][0] == ';':
		case f[0] == "nameserver":
			dns.Set("nameservers", append(dns.List("nameservers"), value.List(f[1:])...))
		case f[0] == "domain":
			dns.Set("domain", f[1])
		case f[0] == "search", f[0] == "sortlist":
			dns.Set(f[0], value.List(f[1:]))
		case f[0] == "options":
			dns.Set("options", options(f[1:]))
		}
	}
	m.Set("ansible_dns", dns)
	cmdline := value.NewMap()
	for _, w := range strings.Fields(s.line("cmdline", 0)) {
		if k, v, ok := strings.Cut(w, "="); ok {
			cmdline.Set(k, v)
		} else {
			cmdline.Set(w, true)
		}
	}
	m.Set("ansible_cmdline", cmdline)
	m.Set("ansible_proc_cmdline", cmdline.Clone())
	m.Set("ansible_fips", s.line("fips", 0) == "1")
	m.Set("ansible_apparmor", value.NewMap("status", enabled(s.line("apparmor", 0) != "")))
	m.Set("ansible_selinux", value.NewMap("status", enabled(s.line("selinux", 0) != "" && s.line("selinux", 0) != "Disabled")))
	for _, l := range s.lines("hostkeys") {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		kind := strings.TrimPrefix(f[0], "ssh-")
		if strings.HasPrefix(kind, "ecdsa-") {
			kind = "ecdsa"
		}
		m.Set("ansible_ssh_host_key_"+kind+"_public", f[1])
		m.Set("ansible_ssh_host_key_"+kind+"_public_keytype", f[0])
	}
}

func enabled(b bool) string {
	if b {
		return "enabled"
	}
	return "disabled"
}

func options(words []string) *value.Map {
	m := value.NewMap()
	for _, w := range words {
		if k, v, ok := strings.Cut(w, ":"); ok {
			m.Set(k, v)
		} else {
			m.Set(w, true)
		}
	}
	return m
}

// local are the host's own facts: JSON, or else INI as sections of values.
func (s sections) local(m *value.Map) {
	local := value.NewMap()
	for _, name := range s.order {
		fact, ok := strings.CutPrefix(name, "local ")
		if !ok {
			continue
		}
		if v, err := value.FromJSON([]byte(s.text[name])); err == nil {
			local.Set(fact, v)
			continue
		}
		local.Set(fact, ini(s.lines(name)))
	}
	m.Set("ansible_local", local)
}

func ini(lines []string) *value.Map {
	out := value.NewMap()
	section := value.NewMap()
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") && strings.HasSuffix(l, "]") {
			section = value.NewMap()
			out.Set(l[1:len(l)-1], section)
			continue
		}
		if i := strings.IndexAny(l, "=:"); i > 0 && l[0] != '#' && l[0] != ';' {
			section.Set(strings.ToLower(strings.TrimSpace(l[:i])), strings.TrimSpace(l[i+1:]))
		}
	}
	return out
}

func (s sections) virtual(m *value.Map) {
	kind, role := "NA", "NA"
	product := strings.ToLower(s.text["product"])
	switch detected := s.line("virt", 0); {
	case s.line("container", 0) != "":
		kind, role = s.line("container", 0), "guest"
	case strings.Contains(product, "openstack"):
		kind, role = "openstack", "guest"
	case detected != "" && detected != "none":
		kind, role = detected, "guest"
	case strings.Contains(product, "kvm") || strings.Contains(product, "qemu") || s.line("hypervisor", 0) != "":
		kind, role = "kvm", "guest"
	}
	m.Set("ansible_virtualization_type", kind)
	m.Set("ansible_virtualization_role", role)
	guest := []any{}
	if role == "guest" {
		guest = append(guest, kind)
	}
	m.Set("ansible_virtualization_tech_guest", guest)
	m.Set("ansible_virtualization_tech_host", []any{})
}

// network facts: every interface by name, its addresses, and the ones that
// lead to the world.
func (s sections) network(m *value.Map) {
	names := []any{}
	links := map[string]*value.Map{}
	for _, l := range s.lines("links") {
		f := strings.Fields(l)
		if len(f) < 4 {
			continue
		}
		link := newLink(f)
		names = append(names, f[0])
		links[f[0]] = link
		m.Set("ansible_"+factName(f[0]), link)
	}
	v4, v6 := []any{}, []any{}
	for _, l := range s.lines("addresses") {
		addr, link := address(l, links)
		switch {
		case addr == nil:
		case addr.At("scope") != nil:
			link.Set("ipv6", append(link.List("ipv6"), addr))
			if addr.String("address") != "::1" {
				v6 = append(v6, addr.At("address"))
			}
		default:
			if link.At("ipv4") == nil {
				link.Set("ipv4", addr)
			} else {
				link.Set("ipv4_secondaries", append(link.List("ipv4_secondaries"), addr))
			}
			if !strings.HasPrefix(addr.String("address"), "127.") {
				v4 = append(v4, addr.At("address"))
			}
		}
	}
	m.Set("ansible_interfaces", names)
	m.Set("ansible_all_ipv4_addresses", v4)
	m.Set("ansible_all_ipv6_addresses", v6)
	m.Set("ansible_default_ipv4", defaultRoute(s.line("route4", 0), links, "ipv4"))
	m.Set("ansible_default_ipv6", defaultRoute(s.line("route6", 0), links, "ipv6"))
}

// factName is an interface's name as Ansible makes a variable's of it.
func factName(s string) string { return strings.NewReplacer("-", "_", ":", "_", ".", "_").Replace(s) }

// linkTypes are of if_arp.h.
var linkTypes = map[string]string{"1": "ether", "32": "infiniband", "512": "ppp", "772": "loopback", "65534": "tunnel",
	"bridge": "bridge", "bonding": "bonding"}

func newLink(f []string) *value.Map {
	link := value.NewMap("device", f[0], "mtu", number(f[1]))
	kind, ok := linkTypes[f[2]]
	if !ok {
		kind = "unknown"
	}
	link.Set("type", kind)
	flags, _ := strconv.ParseUint(strings.TrimPrefix(f[3], "0x"), 16, 32)
	link.Set("promisc", flags&0x100 != 0)                            // IFF_PROMISC
	link.Set("active", len(f) > 4 && f[4] != "down" && flags&1 != 0) // IFF_UP
	if len(f) > 5 && kind != "loopback" {
		link.Set("macaddress", f[5])
	}
	return link
}

// address reads a line of `ip -o addr`: "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0".
func address(line string, links map[string]*value.Map) (addr, link *value.Map) {
	f := strings.Fields(line)
	if len(f) < 4 {
		return nil, nil
	}
	name, _, _ := strings.Cut(f[1], "@")
	link, ok := links[name]
	ip, network, err := net.ParseCIDR(f[3])
	if err != nil {
		ip, network, err = net.ParseCIDR(f[3] + "/32") // a peer address has no prefix
	}
	if !ok || err != nil {
		return nil, nil
	}
	ones, _ := network.Mask.Size()
	if f[2] == "inet6" {
		return value.NewMap("address", ip.String(), "prefix", strconv.Itoa(ones), "scope", after(f, "scope")), link
	}
	return value.NewMap("address", ip.String(), "broadcast", after(f, "brd"), "netmask", net.IP(network.Mask).String(),
		"network", network.IP.String(), "prefix", strconv.Itoa(ones)), link
}

func after(f []string, word string) string {
	for i := range len(f) - 1 {
		if f[i] == word {
			return f[i+1]
		}
	}
	return ""
}

// defaultRoute reads `ip route get`: "8.8.8.8 via 10.0.0.254 dev eth0 src 10.0.0.1".
func defaultRoute(line string, links map[string]*value.Map, family string) *value.Map {
	out := value.NewMap()
	f := strings.Fields(line)
	link, ok := links[after(f, "dev")]
	if !ok || after(f, "src") == "" {
		return out
	}
	out.Set("gateway", after(f, "via"))
	out.Set("interface", after(f, "dev"))
	out.Set("address", after(f, "src"))
	for _, k := range []string{"macaddress", "mtu", "type"} {
		out.Set(k, link.At(k))
	}
	all := append(append([]any{link.At(family)}, link.List(family)...), link.List(family+"_secondaries")...)
	for _, a := range all {
		if addr, ok := a.(*value.Map); ok && addr.String("address") == after(f, "src") {
			out.Update(addr)
		}
	}
	if family == "ipv4" {
		out.Set("alias", fmt.Sprint(out.At("interface")))
	}
	return out
}
