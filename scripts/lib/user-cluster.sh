# shellcheck shell=bash
# The cluster of the user's kubeconfig, behind the same commands. Nothing is started or stopped there.

RUN=$CACHE/run-kubeconfig
NETNS=none

# shellcheck source=scripts/lib/processes.sh
. "$LIB/processes.sh"

[ -n "${KUBECONFIG:-}" ] || die "DETOUR_CLUSTER=kubeconfig needs KUBECONFIG"

unsupported() { die "$1 is for the local cluster; unset DETOUR_CLUSTER to use it"; }

admin() { kubectl "$@"; }

up() {
    admin get --raw /readyz >/dev/null || die "the cluster of KUBECONFIG=$KUBECONFIG does not answer"
    note "using the cluster of KUBECONFIG=$KUBECONFIG"
}

# Only what `expose` started.
down() {
    local relay
    for relay in "$RUN"/pids/expose-*; do [ ! -e "$relay" ] || stop "${relay##*/}"; done
    rm -rf "$RUN"
}

status() {
    admin get nodes -o wide
    admin get pods -A -o wide
}

kubeconfig() { echo "$KUBECONFIG"; }

# How images get into a cluster that is not ours is its owner's to say: the command gets the archive as its argument,
# for kind for instance `DETOUR_IMAGE_LOADER='kind load image-archive'`.
load_image() {
    local tar
    [ -n "${DETOUR_IMAGE_LOADER:-}" ] || die "set DETOUR_IMAGE_LOADER to a command that loads an image archive" \
        "into your cluster (kind load image-archive, k3s ctr images import, ...)"
    for tar; do
        # shellcheck disable=SC2086  # a command with its arguments
        $DETOUR_IMAGE_LOADER "$tar"
    done
}

# A port-forward goes to one pod and past the Service, so this is for entry points only.
expose() {
    local id=expose-${1//\//-}-$2 line
    mkdir -p "$RUN"/{pids,log,expose}
    if ! is_up "$id"; then
        spawn "$id" kubectl -n "${1%%/*}" port-forward --address 127.0.0.1 "service/${1#*/}" ":$2"
        await "$id" 20 "the port-forward to $1" grep -q '^Forwarding from' "$RUN/log/$id.log"
    fi
    line=$(grep -m 1 '^Forwarding from' "$RUN/log/$id.log")
    line=${line#Forwarding from }
    echo "${line%% *}"
}

on_node() { unsupported node; }
ctr_() { unsupported ctr; }
pod_netns() { unsupported pod-netns; }
pause() { unsupported pause; }
resume() { unsupported resume; }
kill_component() { unsupported kill; }
restart() { unsupported restart; }
user() { unsupported user; }
