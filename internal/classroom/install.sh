#!/bin/sh
# Equips a student's step server: the program, credentials, and the project.
set -eu
umask 077

# put PATH MODE writes a file, given compressed and in base64.
put() {
    [ -d "${1%/*}" ] || mkdir -p "${1%/*}"
    base64 -d | gzip -dc >"$1.new"
    chmod "$2" "$1.new"
    mv "$1.new" "$1"
}

# fetch URL FILE
fetch() {
    if command -v curl >/dev/null; then curl -fsSL --max-time 300 -o "$2" "$1"; else wget -q -T 300 -O "$2" "$1"; fi
}

# program URL SHA256 PATH fetches a program, and takes no other than this.
program() {
    for pause in 1 5 15 30 60; do
        fetch "$1" "$3.new" && break
        sleep "$pause"
    done
    echo "$2  $3.new" | sha256sum -c --quiet
    chmod 0755 "$3.new"
    mv "$3.new" "$3"
}

