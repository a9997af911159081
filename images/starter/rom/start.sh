#!/bin/sh
# Starts the player of this stick:  sh start.sh [VERB...]   (no verb: info)
#
# A FAT volume keeps no execute bit, so the player is copied to a private directory, run from there,
# and the copy removed. Nothing is installed. Exit codes are the player's own; 4 if it can't start.
set -eu
umask 077

stop() {
    printf 'start.sh: error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
    exit 4
}

# The platform's folder under players/, or nothing.
platform() {
    case "$(uname -s)/$(uname -m)" in
        Linux/x86_64 | Linux/amd64) echo linux-x86_64 ;;
        Linux/aarch64 | Linux/arm64) echo linux-aarch64 ;;
        Darwin/*) echo macos-universal ;;
        MINGW*/* | MSYS*/* | CYGWIN*/*) echo windows-x86_64 ;;
    esac
}

# Whether programs may run in the directory: many systems mount temporary ones with noexec.
runs_programs() {
    printf '#!/bin/sh\nexit 0\n' >"$1/probe" && chmod 700 "$1/probe" || return 1
    "$1/probe" 2>/dev/null && rm -f "$1/probe"
}

# Makes $private, a directory of our own in the first base that lets programs run.
make_private() {
    for base in "${XDG_RUNTIME_DIR:-}" "${TMPDIR:-}" /tmp /var/tmp; do
        [ -d "$base" ] || continue
        private=$(mktemp -d "$base/scrip.XXXXXXXX" 2>/dev/null) || continue
        if runs_programs "$private" && cp "$player" "$private/$program" 2>/dev/null; then
            return 0
        fi
        rm -rf "$private"
        private=
    done
    return 1
}

# Whether an argument already says which medium.
names_medium() {
    for argument in "$@"; do
        case $argument in --medium | --medium=*) return 0 ;; esac
    done
    return 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || stop "can't find the folder of $0"
platform=$(platform)
[ -n "$platform" ] || stop "no player is made for $(uname -s) on $(uname -m)"
program=scrip-wallet
[ "$platform" != windows-x86_64 ] || program=scrip-wallet.exe
player=$here/players/$platform/$program
[ -f "$player" ] || stop "this stick carries no player for $platform: $player isn't there" \
    "the start page, START.HTM, lists the players that are on it"

private=
trap '[ -z "$private" ] || rm -rf "$private"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
make_private || stop "no temporary directory has room for the player and lets programs run" \
    "name one that does: TMPDIR=\$HOME sh '$0'"
chmod 700 "$private/$program"

[ $# -gt 0 ] || set -- info
names_medium "$@" || set -- --medium "$here" "$@"
status=0
"$private/$program" "$@" || status=$?
exit "$status"
