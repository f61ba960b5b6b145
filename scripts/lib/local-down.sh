# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154  # names and addresses are set by local-cluster.sh
# The end of the local cluster: what `up` started is stopped, by pid, and what pods leave behind is removed.

down() {
    local name
    need_root
    [ -d "$RUN" ] || return 0
    exec 9>"$CACHE/lock-$NAME"
    flock 9
    for name in "$RUN"/pids/expose-*; do [ ! -e "$name" ] || stop "${name##*/}"; done
    stop dns api-relay kubelet kube-proxy kube-scheduler kube-controller-manager kube-apiserver etcd
    remove_containers
    remove_pod_leftovers
    [ ! -e "/run/netns/$NETNS" ] || ip netns del "$NETNS"
    rm -rf "$RUN"
}

# While their runtime is there to do it.
remove_containers() {
    local container namespaces=() process
    if is_up containerd; then
        for container in $(ctr_ containers ls -q); do
            mapfile -t -O "${#namespaces[@]}" namespaces < <(
                ctr_ containers info "$container" | grep -o '/run/netns/cni-[0-9a-f-]*' || true)
            ctr_ tasks delete --force "$container" || true
            ctr_ containers delete "$container" || true
        done >/dev/null 2>&1
    fi
    stop containerd
    # Shims that outlived it, if any: those of our socket.
    for process in /proc/[0-9]*; do
        if { tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null |
            grep -q "^[^ ]*/containerd-shim-runc-v2 .*-address $CRI "; then
            kill -KILL "${process#/proc/}" 2>/dev/null || true
        fi
    done
    for container in $(printf '%s\n' "${namespaces[@]}" | sort -u); do
        umount -l "$container" 2>/dev/null || true
        rm -f "$container"
    done
}

# Volumes, overlays, logs and cgroups.
remove_pod_leftovers() {
    local mounts mount pod
    while mounts=$(awk -v d="$RUN/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo) && [ -n "$mounts" ]; do
        while read -r mount; do umount -l "$mount" || die "cannot unmount $mount"; done < <(sort -r <<<"$mounts")
    done
    for pod in "$RUN"/kubelet/pods/*; do rm -rf /var/log/pods/*_"${pod##*/}"; done
    find /var/log/containers -xtype l -delete 2>/dev/null || true
    rmdir /var/log/pods /var/log/containers 2>/dev/null || true
    find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} + 2>/dev/null || true
}
