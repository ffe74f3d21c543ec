package runner

import (
	"strings"

	"rollout/internal/document"
)

// nearest says, for modules that Ansible has and books use, which of ours do
// the nearest thing; the last always is there.
var nearest = map[string][]string{
	"apk": {"command"}, "apt_key": {"copy", "command"}, "apt_repository": {"copy", "command"},
	"archive": {"command"}, "assemble": {"template"}, "at": {"command"}, "blockinfile": {"lineinfile", "template"},
	"composer": {"command"}, "cron": {"copy"}, "debconf": {"command"}, "docker_compose": {"community.docker.docker_container"},
	"dpkg_selections": {"command"}, "ec2": {"openstack.cloud.server"}, "expect": {"shell"}, "filesystem": {"command"},
	"find": {"command"}, "firewalld": {"openstack.cloud.security_group_rule", "command"}, "gem": {"command"},
	"get_url": {"uri"}, "getent": {"command"}, "hg": {"command"}, "homebrew": {"command"},
	"ini_file": {"lineinfile"}, "iptables": {"command"}, "kernel_blacklist": {"copy"}, "known_hosts": {"lineinfile"},
	"locale_gen": {"command"}, "lvg": {"command"}, "lvol": {"command"}, "make": {"command"}, "modprobe": {"command"},
	"mysql_db": {"command"}, "mysql_user": {"command"}, "npm": {"command"}, "openssl_certificate": {"command"},
	"openssl_privatekey": {"command"}, "package_facts": {"command"}, "pacman": {"command"},
	"pam_limits": {"lineinfile"}, "parted": {"command"}, "patch": {"command"}, "pip": {"command"}, "postgresql_db": {"command"},
	"postgresql_user": {"command"}, "reboot": {"command", "wait_for_connection"}, "replace": {"lineinfile"}, "rpm_key": {"command"},
	"selinux": {"command"}, "seboolean": {"command"}, "service_facts": {"command"}, "subversion": {"command"}, "synchronize": {"copy"},
	"sysctl": {"lineinfile", "command"}, "systemd_service": {"systemd"}, "sysvinit": {"service"}, "timezone": {"command"},
	"ufw": {"command"}, "unarchive": {"copy", "command"}, "win_command": {"command"}, "win_copy": {"copy"},
	"win_shell": {"shell"}, "xml": {"template"}, "yum_repository": {"copy"}, "zypper": {"command"},
}

// collectionsOf hold the modules of nearest; a name of theirs is looked up
// without them.
var collectionsOf = []string{builtin, legacy, "ansible.posix.", "ansible.windows.", "community.general.", "community.mysql.",
	"community.postgresql.", "community.crypto.", "community.docker.", "amazon.aws."}

// absent tells whether name is a module of Ansible's that is missing here, and
// what does the nearest thing.
func (c callables) absent(name string) (instead []string, known bool) {
	for _, collection := range collectionsOf {
		if rest, ok := strings.CutPrefix(name, collection); ok {
			name = rest
			break
		}
	}
	for _, other := range nearest[name] {
		if act, mod := c.find(other, nil); act != nil || mod != nil {
			instead = append(instead, other)
		}
	}
	return instead, len(nearest[name]) > 0
}

// noModule reports a call of what is no module here. Lists show it all the same
// where Ansible has it.
func (c *checker) noModule(name string, pos document.Position) {
	instead, known := c.run.callables.absent(name)
	if !known {
		c.errs.AddHint(pos, c.run.callables.suggest(name), "unknown module %q", name)
		return
	}
	hint := ""
	if len(instead) > 0 {
		hint = "nearest to it: " + strings.Join(instead, ", ")
	}
	missing := &document.Error{Pos: pos, Message: "rollout has no module \"" + name + "\"", Hint: hint}
	if c.run.opt.Listing {
		c.missing = append(c.missing, missing.Error())
		return
	}
	c.errs.Join(missing)
}
