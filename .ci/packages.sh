# shellcheck shell=bash
# Sourced: Debian packages, installed only if missing.

# install_missing PACKAGE...: install those that aren't there; without root, name the command and end.
install_missing() {
    local package missing=()
    if ! command -v dpkg-query >/dev/null; then
        echo "this isn't Debian: have these ready yourself: $*" >&2
        return 0
    fi
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "missing packages; run: sudo apt-get update && sudo apt-get install ${missing[*]}" >&2
        exit 4
    fi
    echo "installing ${missing[*]}" >&2
    renew_package_lists
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >&2 || {
        echo "apt-get install failed: have these installed and run this again: ${missing[*]}" >&2
        exit 4
    }
}

# renew_package_lists: old lists name packages that the mirrors have replaced; once a run is enough.
renew_package_lists() {
    [ -z "${lists_renewed:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    lists_renewed=yes
    apt-get -qq update >&2 || echo "apt-get update failed; going on with the lists that are here" >&2
}

# need_cargo: end with a hint unless Rust is there.
need_cargo() {
    command -v cargo >/dev/null || {
        echo "cargo isn't there: install Rust (the version is in Cargo.toml) and run this again" >&2
        exit 4
    }
}
