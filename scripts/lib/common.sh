# shellcheck shell=bash
# shellcheck disable=SC2034  # the variables are for the scripts that source this file
# What every script shares: where things are, how to speak, how to wait.

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCRIPTS=$(dirname "$LIB")
ROOT=$(dirname "$SCRIPTS")

# Everything that is built once and kept lives outside the checkout.
CACHE=${DETOUR_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/detour-cluster}
BIN=$CACHE/bin
IMAGES=$CACHE/images

# Debian keeps several programs we need out of the PATH of some shells.
export PATH=$PATH:/usr/sbin:/sbin

PROGRAM=${0##*/}

die() {
    echo "$PROGRAM: $*" >&2
    exit 1
}

note() { echo "$PROGRAM: $*" >&2; }

need_root() { [ "$(id -u)" = 0 ] || die "this needs root: it makes network namespaces and runs containers"; }

# wait_for SECONDS WHAT COMMAND...: poll COMMAND until it succeeds.
wait_for() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || die "timed out waiting for $what"
        sleep 0.1
    done
}

# content_hash PATH...: a name for what the files hold, the same on every machine.
content_hash() {
    local path
    for path; do
        (cd "$path" 2>/dev/null && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) ||
            sha256sum <"$path"
    done | sha256sum | cut -c1-16
}
