package system

// dnfProgram: packages as arguments; state, update, autoremove, downgrade,
// download, nobest, all (upgrade everything), check. What would happen is the
// table that dnf shows before it asks.
const dnfProgram = `
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
command -v dnf >/dev/null 2>&1 || fail "there is no dnf on this host"
dir=$(mktemp -d "${TMPDIR:-/tmp}/rollout-XXXXXX") || fail "cannot make a folder in ${TMPDIR:-/tmp}"
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM INT HUP
log=$dir/log
why() { grep -v '^Unable to detect release version' "$log" | tail -n 5; }
dnf_() { dnf @OPTIONS@ "$@" >"$log" 2>&1 </dev/null; }
[ "$download" ] || [ "$(id -u)" = 0 ] || fail "This command has to be run under the root user."
if [ "$update" ]; then
	dnf_ --refresh makecache || fail "$(why)"
	if [ $# = 0 ]; then say msg "Cache updated"; exit; fi
fi
qf='%{NAME} %{NAME}.%{ARCH} %{NAME}-%{VERSION}-%{RELEASE} %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH} %{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE} %{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n'
rpm -qa --qf "$qf" >"$dir/have" || fail "cannot ask rpm what is installed"
has() { what=$1 awk '{ for (i = 1; i <= NF; i++) if ($i "" == ENVIRON["what"]) found = 1 } END { exit !found }' "$dir/have"; }
newer() { # whether a newer version is there than name-[epoch:]version-release[.arch] says
	what=$1 awk '
	{
		n = $1; w = ENVIRON["what"]
		if (index(w, n "-") != 1) next
		evr = substr(w, length(n) + 2); if (evr !~ /^([0-9]*:)?[0-9][^-]*-[^-]+$/) next
		arch = substr($2, length(n) + 2)
		if (substr(evr, length(evr) - length(arch)) == "." arch) evr = substr(evr, 1, length(evr) - length(arch) - 1)
		have = substr($5, length(n) + 2)
		if (evr !~ /:/) evr = "0:" evr
		print have, evr
	}' "$dir/have" | while read -r have asked; do
		h=$(rpm --eval "%{lua: function part(s) local e, v, r = s:match('^(%d*):([^-]*)-(.*)$'); return {e, v, r} end
			local a, b, c = part('$have'), part('$asked'), 0
			for i = 1, 3 do if c == 0 then c = rpm.vercmp(a[i], b[i]) end end
			print(c)}" 2>/dev/null)
		[ "$h" = 1 ] && echo newer
	done | grep -q newer
}
table() { # the rows of dnf's table as "sign name arch version", those of long names joined
	awk '
	/^Dependencies resolved/ { on = 1; next }
	/^Transaction Summary/ { on = 0 }
	!on { next }
	/^[A-Z].*:$/ {
		sign = ""
		if ($0 ~ /^(Installing|Reinstalling)/ && $0 !~ /[Gg]roup/) sign = "+"
		if ($0 ~ /^(Upgrading|Downgrading)/) sign = "^"
		if ($0 ~ /^Removing/ && $0 !~ /[Gg]roup/) sign = "-"
		next
	}
	sign == "" || NF == 0 { next }
	/^ +replacing / { n = length($2); while (n > 1 && substr($2, n, 1) != ".") n--; print "-", substr($2, 1, n - 1), substr($2, n + 1), $3; next }
	/^ [^ ]/ { row = ""; complete = 0 }
	!complete { row = row " " $0; if (split(row, f, " ") >= 4) { complete = 1; print sign, f[1], f[2], f[3] } }' "$log"
}
act_() { # dnf's arguments: done if they change something
	dnf_ --assumeno "$@"
	[ "$1" = remove ] && sed -n 's/^No match for argument: \(.*[*].*\)/result=\1 is not installed/p' "$log"
	if ! grep -q '^Transaction Summary' "$log"; then
		sed -n 's/^Error: Unable to find a match: //p' "$log" | tr ' ' '\n' | sed 's/^/missing=/'
		if grep -q '^Error: There are no enabled repositories' "$log"; then
			for a; do case $a in install | upgrade | -*) ;; *) say missing "$a" ;; esac; done
		fi
		grep -q '^Nothing to do' "$log" && return
		fail "dnf $1 cannot be done: $(why)"
	fi
	changed=1
	table >"$dir/rows"
	while read -r sign name arch version; do
		old=
		[ "$sign" = "^" ] && old=$(rpm -q --qf '%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n' "$name.$arch" | sed 's/-0:/-/')
		case $sign in
		-) say result "Removed: $name-$version.$arch" ;;
		*) if [ "$download" ]; then say result "Downloaded: $name-$version.$arch"; else say result "Installed: $name-$version.$arch"; fi ;;
		esac
		for o in $old; do say result "Removed: $o"; done
	done <"$dir/rows"
	[ "$check" ] || dnf_ -y "$@" || fail "dnf $1 failed: $(why)"
}
best=; [ "$nobest" ] && best=--setopt=best=False
case $state in
present)
	for p; do
		shift
		if has "$p" || { [ ! "$downgrade" ] && newer "$p"; }; then continue; fi
		set -- "$@" "$p"
	done
	[ $# = 0 ] || act_ install $best "$@" ;;
latest)
	[ "$best" ] || best=--setopt=best=True
	if [ "$all" ]; then act_ upgrade ${nobest:+$best}
	else
		: >"$dir/upgrade"
		for p; do
			shift
			if has "$p"; then echo "$p" >>"$dir/upgrade"
			elif [ "$downgrade" ] || ! newer "$p"; then set -- "$@" "$p"
			fi
		done
		[ $# = 0 ] || act_ install $best "$@"
		set -f; set -- $(cat "$dir/upgrade")
		[ $# = 0 ] || act_ upgrade $best "$@"
	fi ;;
absent)
	[ $# = 0 ] || act_ remove "$@"
	[ ! "$autoremove" ] || act_ autoremove ;;
esac
say changed "$changed"
`
