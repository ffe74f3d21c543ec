set -e
root=$1
# Files go, packages stay: apt must still work inside.
rm -rf "$root"/usr/share/locale/* "$root"/usr/share/i18n/* "$root"/usr/share/man/* "$root"/usr/share/info/* \
	"$root"/usr/share/doc/* "$root"/usr/share/lintian "$root"/usr/share/bash-completion "$root"/usr/share/zsh
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/cache/debconf/*-old "$root"/var/log/*.log
rm -f "$root"/usr/bin/ctr "$root"/usr/bin/containerd-shim "$root"/usr/bin/containerd-shim-runc-v1 \
	"$root"/usr/sbin/dnet "$root"/usr/sbin/ovrouter "$root"/usr/bin/dnet "$root"/usr/bin/ovrouter "$root"/usr/sbin/dhclient
rm -f "$root"/etc/ssh/ssh_host_*
: > "$root"/etc/machine-id
# In a container the audit login id can't always be set.
sed -i 's/^session *required *pam_loginuid.so/session optional pam_loginuid.so/' "$root"/etc/pam.d/sshd
