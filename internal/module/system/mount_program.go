package system

// mountFunctions tell what is mounted, and mount.
const mountFunctions = `
PATH=$PATH:/usr/sbin:/sbin
[ "$(uname -s)" = Linux ] || fail "mount works on Linux only"
expand() { # path: with ~, $NAME and ${NAME} put in
	case $1 in "~" | "~/"*) set -- "$HOME${1#"~"}" ;; esac
	case $1 in *'$'*) ;; *) printf %s "$1"; return ;; esac
	rest=$1 LC_ALL=C awk 'BEGIN {
		rest = ENVIRON["rest"]
		while (match(rest, /\$([A-Za-z0-9_]+|[{][^}]*[}])/)) {
			word = substr(rest, RSTART, RLENGTH); name = substr(word, 2); gsub(/[{}]/, "", name)
			printf "%s%s", substr(rest, 1, RSTART - 1), (name in ENVIRON) ? ENVIRON[name] : word
			rest = substr(rest, RSTART + RLENGTH)
		}
		printf "%s", rest
	}'
}
bare() { b=$1; while [ "${b%/}" ] && [ "${b%/}" != "$b" ]; do b=${b%/}; done; printf %s "$b"; }
ismount() { # whether path is a mount point by its device
	[ -e "$path" ] && [ ! -L "$path" ] || return 1
	if [ -d "$path" ]; then up=$path/..; else up=$(dirname "$path"); fi
	here=$(stat -c '%d %i' "$path") && there=$(stat -c '%d %i' "$up") || return 1
	[ "${here%% *}" != "${there%% *}" ] || [ "${here#* }" = "${there#* }" ]
}
origin() { # of what is mounted last on path: a folder, as of a bind mount, or what the kernel names
	want=$(bare "$path") LC_ALL=C awk '
	function plain(s,  out, c) { # without its octal escapes
		while (match(s, /\\[0-7][0-7][0-7]/)) {
			c = substr(s, RSTART + 1, 3)
			out = out substr(s, 1, RSTART - 1) sprintf("%c", substr(c, 1, 1) * 64 + substr(c, 2, 1) * 8 + substr(c, 3, 1))
			s = substr(s, RSTART + 4)
		}
		return out s
	}
	{ id[NR] = $1; up[NR] = $2; root[$1] = plain($4); at[$1] = plain($5); device[$1] = plain($(NF - 1)) }
	END {
		for (i = 1; i <= NR; i++) {
			me = id[i]; p = up[i]; from = device[me]
			if (p != 1 && p in at) {
				if (length(root[p]) > 1 && index(root[me], root[p] "/") == 1) root[me] = substr(root[me], length(root[p]) + 1)
				if (at[p] != "/") root[me] = at[p] root[me]
				from = root[me]
			}
			if (at[me] == ENVIRON["want"]) { found = 1; last = from }
		}
		if (found) print last
		exit !found
	}' /proc/self/mountinfo
}
mounted() { ismount || origin >/dev/null; }
mounts() { out=$(mount "$@" 2>&1 </dev/null); }
fromfstab() { # the options of a mount that reads fstab, or those of one that does not
	if [ "$state" = ephemeral ]; then
		if [ "$opts" = defaults ]; then mounts "$@" -t "$fstype" "$src" "$path"; else mounts "$@" -t "$fstype" -o "$opts" "$src" "$path"; fi
	elif [ "$fstab" = /etc/fstab ]; then mounts "$@" "$path"
	else mounts "$@" -T "$fstab" "$path"
	fi
}
unmount() { out=$(umount "$path" 2>&1 </dev/null); }
remount() { # where the file system can't, unmount and mount
	again=remount
	[ "$state" != remounted ] || [ "$opts" = defaults ] || again=remount,$opts
	fromfstab -o "$again" && return
	[ "$again" = remount ] || fail "Options were specified with remounted, but the remount command failed. Nothing else is tried, as the result could be another mount than is wanted: use state: unmounted, then state: mounted with all options. $out"
	unmount && fromfstab
}
`

// fstabFunctions read and write fstab: in place, as others may hold it by a
// link. setline makes the line of path what it should be, dropline takes it out;
// both write to $dir/new and set differs.
const fstabFunctions = `
field() { printf '%s\n' "$1" | sed 's/\\/\\134/g; s/ /\\040/g; s/&/\\046/g'; }
edit() { # set or drop
	how=$1 line_src=$(field "$src") line_path=$(field "$path") line_fstype=$(field "$fstype") line_opts=$(field "$opts") \
	line_dump=$(field "$dump") line_passno=$(field "$passno") src=$src LC_ALL=C awk '
	function is(have, name) { return have "" == ENVIRON[name] "" }
	BEGIN {
		set = ENVIRON["how"] == "set"
		line = ENVIRON["line_src"] " " ENVIRON["line_path"] " " ENVIRON["line_fstype"] " " ENVIRON["line_opts"] " " ENVIRON["line_dump"] " " ENVIRON["line_passno"]
	}
	{ sub(/\r$/, "") }
	$1 ~ /^#/ || NF > 6 || NF < (set ? 4 : 6) || !is($2, "line_path") { print; next }
	ENVIRON["src"] != "" && $2 == "none" && $3 == "swap" && !is($1, "src") { print; next }
	!set { differs = 1; next }
	{
		found = 1
		if (NF < 6 || !is($1, "line_src") || !is($3, "line_fstype") || !is($4, "line_opts") || !is($5, "line_dump") || !is($6, "line_passno")) differs = 1
		print (differs ? line : $0)
	}
	END {
		if (set && !found) { print line; differs = 1 }
		exit differs ? 3 : 0
	}' "$dir/old" >"$dir/new"
	case $? in
	0) differs= ;;
	3) differs=1 ;;
	*) fail "cannot edit $fstab" ;;
	esac
}
read_() { # fstab to $dir/old; it is made where there is none
	if [ ! -e "$fstab" ]; then
		: >"$dir/old"
		[ "$check" ] && return
		case $fstab in */*) out=$(mkdir -p "${fstab%/*}" 2>&1) || fail "cannot make the folder of $fstab: $out" ;; esac
		out=$({ : >>"$fstab"; } 2>&1) || fail "Failed to open $fstab: $out"
	fi
	out=$(cat "$fstab" 2>&1 >"$dir/old") || fail "cannot read $fstab: $out"
}
write_() {
	changed=1
	[ "$check" ] && return
	if [ "$backup" ]; then
		b="$fstab.$$.$(date +%Y-%m-%d@%H:%M:%S)~"
		out=$(cp -p "$fstab" "$b" 2>&1) || fail "cannot back up $fstab: $out"
	fi
	out=$({ cat "$dir/new" >"$fstab"; } 2>&1) || fail "cannot write $fstab: $out"
	written=1
}
folders() { # makes path and what is missing above it, noting what it made
	[ -e "$1" ] && return
	case $1 in */*) above=${1%/*} ;; *) above= ;; esac
	[ "$above" ] && folders "$above"
	out=$(mkdir "$1" 2>&1) || [ -d "$1" ] || fail "Error making dir $path: $out"
	made="$1
$made"
}
undo() { # leaves no fstab behind that does not mount
	[ "$written" ] && cat "$dir/old" >"$fstab"
	printf %s "$made" | while IFS= read -r f; do rmdir "$f" || break; done 2>/dev/null
}
`

// mountProgram: path, state, src, fstype, opts, dump, passno, fstab, backup,
// check.
const mountProgram = `
path=$(expand "$path"); src=$(expand "$src")
say name "$path"; say src "$src"; say fstype "$fstype"
dir=$(mktemp -d "${TMPDIR:-/tmp}/rollout-XXXXXX") || fail "cannot make a folder in ${TMPDIR:-/tmp}"
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM INT HUP
written=; made=; b=
[ "$state" = ephemeral ] || read_
case $state in
present) edit set; [ "$differs" ] && write_ && say backup_file "$b" ;;
absent_from_fstab) edit drop; [ "$differs" ] && write_ ;;
absent)
	edit drop
	if [ "$differs" ]; then
		write_
		if [ ! "$check" ]; then
			if mounted; then unmount || fail "Error unmounting $path: $out"; fi
			if [ -e "$path" ]; then out=$(rmdir "$path" 2>&1) || fail "Error rmdir $path: $out"; fi
		fi
	fi ;;
unmounted)
	if mounted; then
		changed=1
		[ "$check" ] || unmount || fail "Error unmounting $path: $out"
	fi ;;
remounted)
	changed=1
	[ "$check" ] || remount || fail "Error remounting $path: $out" ;;
mounted)
	[ "$check" ] || folders "$(bare "$path")"
	edit set
	if [ "$differs" ]; then write_; say backup_file "$b"; fi
	if ismount || [ "$(origin)" = "$src" ]; then
		[ ! "$differs" ] || [ "$check" ] || remount
	else
		changed=1
		[ "$check" ] || fromfstab
	fi || { undo; fail "Error mounting $path: $out"; } ;;
ephemeral)
	changed=1
	[ "$check" ] || folders "$(bare "$path")"
	if ismount || [ "$(origin)" = "$src" ]; then
		[ "$(origin)" = "$src" ] || LC_ALL=C mount | line="$src on $(bare "$path") type " LC_ALL=C awk '
			index($0, ENVIRON["line"]) == 1 { found = 1 }
			END { exit !found }' || fail "Ephemeral mount point is already mounted with a different source than the specified one: use state: unmounted first, or another path"
		[ "$check" ] || remount
	else
		[ "$check" ] || fromfstab
	fi || { undo; fail "Error mounting $path: $out"; } ;;
esac
say changed "$changed"
`
