package system

// gitFunctions make the environment of git and what the steps are told in.
// Every git runs in dest where that is there; what it said is in $work.
const gitFunctions = `
say() { printf '%s=%s\n' "$1" "$2"; }
lines() { sed "s/^/$1=/" "$2"; [ ! -s "$2" ] || [ -z "$(tail -c 1 "$2")" ] || echo; }
text() { printf '%s\n' "$2" | sed "s/^/$1=/"; }
[ "$mask" ] && umask "$mask"
PATH=$PATH:/sbin:/usr/sbin:/usr/local/sbin
LANG=C; LC_ALL=C; LC_MESSAGES=C; LC_CTYPE=C; GIT_TERMINAL_PROMPT=${GIT_TERMINAL_PROMPT-0}
export PATH LANG LC_ALL LC_MESSAGES LC_CTYPE GIT_TERMINAL_PROMPT
work=$(mktemp -d "${TMPDIR:-/tmp}/rollout-XXXXXX") || { say fail "cannot make a folder in ${TMPDIR:-/tmp}"; exit 0; }
trap 'rm -rf "$work"' EXIT
changed=
stop() { text fail "$1"; exit 0; }
warn() { say warn "$1"; }
quoted() { # the words as they would be typed
	for w; do case $w in
		''|*[!A-Za-z0-9@%+=:,./_-]*) printf " '%s'" "$(printf '%s' "$w" | sed "s/'/'\"'\"'/g")" ;;
		*) printf ' %s' "$w" ;;
	esac; done
}
try() { # git's arguments
	cmd=$(quoted "$git" "$@")
	( [ -d "$dest" ] && cd "$dest"; exec "$git" "$@" ) >"$work/out" 2>"$work/err" </dev/null
	rc=$?
	return $rc
}
broke() { # what went wrong; git's last command is told with it
	text fail "$1"; say rc "$rc"; text cmd "${cmd# }"; lines stdout "$work/out"; lines stderr "$work/err"
	exit 0
}
must() { try "$@" || broke "$(cat "$work/err")"; }
said() { cat "$work/out"; printf " "; cat "$work/err"; }
ask_() { try "$@"; cat "$work/out"; } # only for $(): nothing of it may end the program
has() { command -v "$1" >/dev/null 2>&1; }
clean() { # a path without what does not matter in it
	printf '%s\n' "$1" | sed -e 's,//*,/,g' -e ':a' -e 's,/\./,/,g; s,/\.$,,; ta' -e ':b' -e 's,/[^/.][^/]*/\.\.\(/\|$\),\1,; tb' -e 's,\(.\)/$,\1,' -e 's,^$,/,'
}
absolute() { case $1 in /*) clean "$1" ;; *) clean "$PWD/$1" ;; esac; }
real() { # the path without links, whether its last name is there or not
	if [ -d "$1" ]; then (cd -P "$1" && pwd); return; fi
	p=$(absolute "$1")
	if [ -d "${p%/*}/" ]; then printf '%s/%s\n' "$(cd -P "${p%/*}/" && pwd | sed 's,^/$,,')" "${p##*/}"; else printf '%s\n' "$p"; fi
}
same() { [ "$1" = "$2" ] || [ "$(real "$1")" = "$(real "$2")" ]; }
atleast() { # git is of that version or newer
	printf '%s\n%s\n' "$1" "$gitversion" | awk -F. '
		NR == 1 { split($0, want, "."); next }
		{ for (i = 1; i <= 3; i++) { if ($i + 0 > want[i] + 0) exit 0; if ($i + 0 < want[i] + 0) exit 1 } }'
}
git=$executable
if [ ! "$git" ]; then
	git=$(command -v git) || stop "Failed to find required executable \"git\" in paths: $PATH"
fi
gitversion=$(ask_ --version | sed -n 's/^git version \([0-9.]*\).*/\1/p')
[ "$gitversion" ] || broke "cannot run $git: $(cat "$work/err")"
case $repo in /*) repo=file://$repo ;; esac
ssh_() { # how git calls ssh
	strict='-o StrictHostKeyChecking'
	accept=
	[ "$accept_hostkey" ] && accept="$strict=no"
	if [ "$accept_newhostkey" ]; then
		has ssh || stop "Remote host is missing ssh command, so you cannot use acceptnewhostkey option."
		if ssh -o StrictHostKeyChecking=accept-new -V >/dev/null 2>&1; then accept="$strict=accept-new"
		else warn "Your ssh client does not support accept_newhostkey option, therefore it cannot be used."
		fi
	fi
	case $ssh_opts in *"$strict=no"*|*"$strict=accept-new"*) accept= ;; esac
	ssh_opts="$GIT_SSH_OPTS${ssh_opts:+ $ssh_opts}${accept:+ $accept}"
	case $ssh_opts in *BatchMode=yes*) ;; *) ssh_opts="$ssh_opts -o BatchMode=yes" ;; esac
	if [ "$key_file" ]; then
		ssh_opts="$ssh_opts -i$(quoted "$key_file")"
		case $ssh_opts in *IdentitiesOnly=yes*) ;; *) ssh_opts="$ssh_opts -o IdentitiesOnly=yes" ;; esac
	fi
	program=${GIT_SSH:-${GIT_SSH_COMMAND:-ssh}}
	if atleast 2.3.0; then
		GIT_SSH_COMMAND="$program $ssh_opts"; export GIT_SSH_COMMAND
	else # only a program without arguments is known to it
		printf '#!/bin/sh\nexec %s %s "$@"\n' "$program" "$ssh_opts" >"$work/ssh"; chmod 700 "$work/ssh"
		GIT_SSH=$work/ssh; export GIT_SSH
	fi
}
head() { ask_ rev-parse HEAD; }
look() { # at what version is in the repository $1: kind and revision
	must ls-remote "$1" HEAD "refs/heads/$version" "refs/tags/$version" "refs/tags/$version^{}"
	kind=; revision=
	awk -v version="$version" '
		$2 == "refs/heads/" version { branch = $1 } $2 == "refs/tags/" version { tag = $1 }
		$2 == "refs/tags/" version "^{}" { peeled = $1 } $2 == "HEAD" { head = $1 }
		END { print (branch ? "branch " branch : tag ? "tag " (peeled ? peeled : tag) : "other"); print head }' "$work/out" >"$work/kind"
	read -r kind revision <"$work/kind"
	remotehead=$(sed -n 2p "$work/kind")
}
detached() { ! try symbolic-ref -q HEAD; }
branch_() { # the branch of the checkout, or where it is on none the repository's own
	if detached; then ask_ symbolic-ref -q "refs/remotes/$remote/HEAD" | sed "s,^refs/remotes/$remote/,,"
	else sed 's,^refs/heads/,,' "$work/out"
	fi
}
local_() { try show-ref --verify -q "refs/heads/$1"; }
`

// gitSubmodules is what becomes of submodules.
const gitSubmodules = `
revisions() { # of the submodules, at $1
	try submodule foreach "$git" rev-parse "$1" || broke "Unable to determine hashes of submodules"
	cat "$work/out" >"$2"
}
missing() { # a submodule that is not checked out
	sed -n 's/^[[:space:]]*path[^=]*=[[:space:]]*//p' "$dest/.gitmodules" >"$work/paths"
	while read -r p; do [ -e "$dest/$p/.git" ] || return 0; done <"$work/paths"
	return 1
}
outdated() { # submodules are to change
	[ -f "$dest/.gitmodules" ] || return 1
	missing && return 0
	if [ "$check" ]; then
		[ "$track_submodules" ] || { must submodule status; grep -q '^[^ ]' "$work/out"; return; }
		revisions HEAD "$work/begin"
		sed -n '/^[0-9a-f]\{40,\}$/p' "$work/begin" >"$work/have"
		r=$remote; export r
		must submodule foreach -q 'git ls-remote "$r" refs/heads/master'
		awk '{ print $1 }' "$work/out" >"$work/want"
		! cmp -s "$work/have" "$work/want"
		return
	fi
	revisions HEAD "$work/begin"
	must submodule foreach "$git" fetch
	if [ "$track_submodules" ]; then
		revisions "$remote/master" "$work/end"
		! cmp -s "$work/begin" "$work/end"
		return
	fi
	must submodule status
	grep -q '^[^ ]' "$work/out"
}
submodules() {
	must submodule sync
	set --
	[ "$track_submodules" ] && atleast 1.8.2 && set -- --remote
	try submodule update --init --recursive "$@" ${force:+--force} || stop "Failed to init/update submodules: $(said)"
}
`

// gitSteps: as Ansible's module of that name goes. In check mode the steps that
// look are the same; a difference is fetched into a repository that goes again.
const gitSteps = `
verify() {
	sub=verify-commit
	[ "$(ask_ for-each-ref "refs/tags/$version" --format '%(objecttype)')" = tag ] && sub=verify-tag
	set --
	[ "$keys" ] && set -- --raw
	try $sub "$version" "$@" || broke "Failed to verify GPG signature of commit/tag \"$version\""
	[ "$keys" ] || return 0
	key=$(awk '$2 == "VALIDSIG" { print (NF == 12 ? $12 : NF == 11 ? $11 : $3); exit }' "$work/err")
	case " $keys " in *" $key "*) ;; *) broke "The gpg_whitelist does not include the public key \"$key\" for this commit" ;; esac
}
clone_() {
	look "$repo"
	mkdir -p "${dest%/*}/" 2>/dev/null
	set --
	if [ "$bare" ]; then set -- --bare; else set -- --origin "$remote"; fi
	named=; [ "$kind" != other ] && named=1
	if [ "$depth" ]; then
		if [ "$version" = HEAD ] || [ "$refspec" ]; then set -- "$@" --depth "$depth"
		elif [ "$named" ]; then set -- "$@" --depth "$depth" --branch "$version"
		else warn "Ignoring depth argument. Shallow clones are only available for HEAD, branches, tags or in combination with refspec."
		fi
	fi
	[ "$reference" ] && set -- "$@" --reference "$reference"
	if [ "$single_branch" ]; then
		if atleast 1.7.10; then
			set -- "$@" --single-branch
			[ "$named" ] && set -- "$@" --branch "$version"
		else warn "git version '$gitversion' is too old to use 'single-branch'. Ignoring."
		fi
	fi
	[ "$separate_git_dir" ] && set -- "$@" "--separate-git-dir=$separate_git_dir"
	here=$dest; dest=${dest%/*}/
	must clone "$@" "$repo" "$here"
	dest=$here
	[ "$bare" ] && [ "$remote" != origin ] && must remote add "$remote" "$repo"
	[ "$refspec" ] && must fetch ${depth:+--depth "$depth"} "$remote" "$refspec"
	[ "$verify_commit" ] && verify
	return 0
}
fetch_() {
	set --; refs=
	if [ "$depth" ]; then
		now=$(branch_)
		look "$repo"
		refs=1
		if [ "$refspec" ]; then set -- "$refspec"
		elif [ "$version" = HEAD ]; then [ "$now" ] && set -- "$now"
		elif [ "$kind" = branch ]; then
			[ "$now" = "$version" ] || set -- "+refs/heads/$version:refs/heads/$version"
			set -- "$@" "+refs/heads/$version:refs/remotes/$remote/$version"
		elif [ "$kind" = tag ]; then set -- "+refs/tags/$version:refs/tags/$version"
		else refs=
		fi
	fi
	tags=; shallow=
	if [ "$refs" ]; then shallow=1
	else
		if [ "$bare" ]; then set -- '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
		elif atleast 1.9; then tags=1
		else
			try fetch "$remote" || stop "Failed to download remote objects and refs: $(said)"
			set -- '+refs/tags/*:refs/tags/*'
		fi
		[ "$refspec" ] && set -- "$@" "$refspec"
	fi
	try fetch ${shallow:+--depth "$depth"} ${tags:+--tags} ${force:+--force} "$remote" "$@" ||
		stop "Failed to download remote objects and refs: $(said)"
}
switch() {
	if [ "$version" = HEAD ]; then
		b=$(branch_)
		try checkout --force "$b" || broke "Failed to checkout branch $b"
		try reset --hard "$remote/$b" -- || broke "Failed to checkout branch $b"
	else
		look "$remote"
		if [ "$kind" != branch ]; then try checkout --force "$version"
		else
			if [ "$depth" ] && ! local_ "$version"; then
				try fetch "--depth=$depth" "$remote" "+refs/heads/$version:refs/heads/$version" "+refs/heads/$version:refs/remotes/$remote/$version" ||
					broke "Failed to fetch branch from remote: $version"
			fi
			if local_ "$version"; then
				try checkout --force "$version" -- || broke "Failed to checkout branch $version"
				try reset --hard "$remote/$version" --
			else try checkout --track -b "$version" "$remote/$version"
			fi
		fi || broke "Failed to checkout $version"
	fi
	[ "$verify_commit" ] && verify
	return 0
}
differ() { # says what lies between $before and $after; $1 is where the newer one can be had
	[ "$diff" ] || return 0
	if [ ! "$before" ]; then say diff ">> Newly checked out $after"; return; fi
	[ "$before" != "$after" ] || return 0
	if [ "$1" ]; then
		objects=$(ask_ rev-parse --git-path objects)
		case $objects in /*) ;; *) objects=$dest/$objects ;; esac
		here=$dest; dest=$work; try init --bare "$work/looked"; dest=$work/looked
		printf '%s\n' "$objects" >"$dest/objects/info/alternates"
		try fetch -q "$1" "+refs/*:refs/*"
		try diff "$before" "$after"; dest=$here
	else try diff "$before" "$after"
	fi
	if [ $rc = 0 ] && [ -s "$work/out" ]; then lines diff "$work/out"
	elif [ $rc = 0 ]; then say diff ">> No visual differences between $before and $after"
	else say diff ">> Failed to get proper diff between $before and $after:"; lines 'diff=>> ' "$work/err" | sed 's/^diff=>> =/diff=>> /'
	fi
}
pack() {
	case $archive in
	*.zip) format=zip ;; *.gz) format=tar.gz ;; *.tar) format=tar ;; *.tgz) format=tgz ;;
	*) say details "Please specify archive as filename with extension. File extension can be one of ['tar', 'tar.gz', 'zip', 'tgz']"
		stop "Unable to get file extension from archive file name : $archive" ;;
	esac
	case $archive in /*) ;; *) archive=$dest/$archive ;; esac
	new=$archive
	[ "$check" ] || [ -e "$archive" ] && new=$work/archive
	if ! try archive --format "$format" --output "$new" ${archive_prefix:+--prefix "$archive_prefix"} "$version"; then
		say details "Git archive command failed to create archive $new using $dest directory.Error: $(tr '\n' ' ' <"$work/err")"
		stop "Failed to perform archive operation"
	fi
	[ "$new" != "$archive" ] || { changed=1; return; }
	cmp -s "$new" "$archive" && return
	changed=1
	[ "$check" ] && return
	why=$(mv -f "$new" "$archive" 2>&1) || { say details "$why"; stop "Failed to move $new to $archive"; }
}
found() { # where the repository of dest is
	place=$dest/.git
	[ "$bare" ] && place=$dest
	[ -f "$place" ] || return 0
	into=$(sed -n '1s/^gitdir: //p' "$place")
	case $into in /*) ;; *) into=$dest/$into ;; esac
	[ "$into" != "$dest/" ] && [ -d "$into" ] && { place=$into; return; }
	stop "Current repo does not have a valid reference to a separate Git dir or it refers to the invalid path"
}
apart() { # moves the repository out of the checkout
	[ "$separate_git_dir" ] && [ -e "$place" ] || return 0
	separate_git_dir=$(real "$separate_git_dir")
	[ "$separate_git_dir" != "$place" ] || return 0
	[ -e "$separate_git_dir" ] && stop "Separate-git-dir path $separate_git_dir already exists."
	changed=1
	[ "$check" ] && return
	why=$(mv "$place" "$separate_git_dir" 2>&1) || stop "Unable to move git dir. $why"
	printf 'gitdir: %s' "$separate_git_dir" >"$dest/.git" || { mv "$separate_git_dir" "$place"; stop "Unable to move git dir."; }
	say git_dir_before "$place"; say git_dir_now "$separate_git_dir"
	place=$separate_git_dir
}
answer() { [ "$seen" ] && say before "$before"; say after "$after"; say changed "$changed"; exit 0; }
upstream() { # after: what the version is in the repository $1, which is the checkout's where $2
	look "$1"
	after=$revision
	if [ "$version" = HEAD ]; then
		after=$remotehead
		if [ "$2" ]; then
			version=$(branch_); [ "$version" ] && look "$1"; after=$revision; version=HEAD
		fi
		[ "$after" ] || broke "Could not determine remote revision for HEAD"
	fi
	if [ ! "$after" ]; then # a commit: nothing but the checkout can tell
		after=$version
		[ "$2" ] && try rev-parse -q --verify "$version^{commit}" && after=$(cat "$work/out")
	fi
}
ssh_
if [ "$depth" ] && ! atleast 1.9.1; then
	warn "git version is too old to fully support the depth argument. Falling back to full checkouts."
	depth=
fi
place=
if [ "$dest" ]; then
	dest=$(absolute "$dest")
	found; apart
fi
before=; seen=; mods=; url=; subs=
if [ ! "$dest" ] || [ ! -e "$place/config" ]; then
	if [ "$check" ] || [ ! "$clone" ]; then
		upstream "$repo"; changed=1
		differ "$repo"
		answer
	fi
	clone_
elif [ ! "$update" ]; then
	before=$(head); after=$before; seen=1
	[ "$archive" ] && pack
	answer
else
	if [ ! "$bare" ] && ask_ status --porcelain | grep -qv '^??'; then mods=1; fi
	before=$(head); seen=1
	if [ "$mods" ]; then
		[ "$force" ] || { say before "$before"; stop "Local modifications exist in the destination: $dest (force=no)."; }
		[ "$check" ] || must reset --hard HEAD
		say msg "Local modifications exist in the destination: $dest"
	fi
	have=$(ask_ ls-remote --get-url "$remote")
	if ! same "$have" "$repo"; then
		url=1
		[ "$check" ] || try remote set-url "$remote" "$repo" || stop "Failed to set a new url $repo for $remote: $(said)"
	fi
	say remote_url_changed "$url"
	if [ "$check" ]; then
		where=$remote
		[ "$url" ] && where=$repo
		upstream "$where" 1
		[ "$before" != "$after" ] || [ "$mods" ] || [ "$url" ] && changed=1
		differ "$where"
		[ "$changed" ] || { [ "$recursive" ] && [ ! "$bare" ] && outdated && { say submodules_changed 1; changed=1; }; }
		[ "$changed" ] || { [ "$archive" ] && pack; }
		answer
	fi
	fetch_
fi
[ "$bare" ] || switch
if [ "$recursive" ] && [ ! "$bare" ] && outdated; then
	subs=1
	say submodules_changed 1
	submodules
fi
after=$(head)
if [ "$before" != "$after" ] || [ "$mods" ] || [ "$url" ] || [ "$subs" ]; then
	changed=1
	differ
fi
[ "$archive" ] && pack
answer
`
