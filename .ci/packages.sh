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
    apt-get -qq update >&2
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >&2
}

# fetch_package_lists: fill apt's lists if they are empty, for what is fetched but not installed.
fetch_package_lists() {
    if [ "$(id -u)" = 0 ] && command -v apt-cache >/dev/null && ! apt-cache show busybox-static >/dev/null 2>&1; then
        apt-get -qq update >&2
    fi
}

# need_cargo: end with a hint unless Rust is there.
need_cargo() {
    command -v cargo >/dev/null || {
        echo "cargo isn't there: install Rust (the version is in Cargo.toml) and run this again" >&2
        exit 4
    }
}
