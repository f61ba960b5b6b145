# shellcheck shell=bash
# The local cluster: a node that is a network namespace, and every process of Kubernetes in it.
#
# The namespace has no way out. API server, kubelet, pods and Services reach one another and nothing else; the machine's
# own iptables and sysctls stay as they are.

NAME=${DETOUR_CLUSTER_NAME:-kube}
RUN=$CACHE/run
[ "$NAME" = kube ] || RUN=$CACHE/run-$NAME
NETNS=$NAME
CGROUP=detour-$NAME
CRI=$RUN/containerd.sock
NODE=node1
API_PORT=6443                     # on the node; on the machine too, when it is free
NODE_IP=10.99.0.1                 # exists in the namespace only
POD_CIDR=10.244.0.0/24
SERVICE_CIDR=10.96.0.0/16
API_SERVICE_IP=10.96.0.1
DNS_SERVICE_IP=10.96.0.10
ADMIN=$RUN/admin.conf
COMPONENTS=(etcd kube-apiserver api-relay containerd kube-controller-manager kube-scheduler kubelet kube-proxy dns)

# shellcheck source=scripts/lib/processes.sh
. "$LIB/processes.sh"
# shellcheck source=scripts/lib/pki.sh
. "$LIB/pki.sh"
# shellcheck source=scripts/lib/node-config.sh
. "$LIB/node-config.sh"
# shellcheck source=scripts/lib/local-components.sh
. "$LIB/local-components.sh"
# shellcheck source=scripts/lib/local-tools.sh
. "$LIB/local-tools.sh"
# shellcheck source=scripts/lib/local-down.sh
. "$LIB/local-down.sh"

ctr_() { ctr --address "$CRI" --namespace k8s.io "$@"; }
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }

say() { # with the seconds since `up` began
    local tenths=$((($(date +%s%N) - STARTED) / 100000000))
    printf '%3d.%ds  %s\n' $((tenths / 10)) $((tenths % 10)) "$*" >&2
}

make_node() {
    local controller
    [ -e "/run/netns/$NETNS" ] || ip netns add "$NETNS"
    ip -n "$NETNS" link set lo up
    if ! ip -n "$NETNS" link show node0 >/dev/null 2>&1; then
        # The node's interface is a veth pair with both ends here, for some kernels have no dummy device. It holds the
        # node's address and gives connections to Service addresses a route: kube-proxy's rules come after routing.
        ip -n "$NETNS" link add node0 type veth peer name node0-peer
        ip -n "$NETNS" addr add "$NODE_IP/24" dev node0
        ip -n "$NETNS" link set node0-peer up
        ip -n "$NETNS" link set node0 up
        ip -n "$NETNS" route add "$SERVICE_CIDR" dev node0
        # Everything else fails at once; the kubelet would wait six seconds for a cloud's metadata server.
        ip -n "$NETNS" route add unreachable default
    fi
    on_node sysctl -qw net.ipv4.ip_forward=1
    # A cgroup of our own, that a kubelet of someone else does not tidy up.
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        # One at a time, for those that cannot be had must not take the others with them.
        tr ' ' '\n' </sys/fs/cgroup/cgroup.controllers | while read -r controller; do
            echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
        done
        mkdir -p "/sys/fs/cgroup/$CGROUP"
    else
        for controller in /sys/fs/cgroup/*/; do
            [ ! -e "$controller/cgroup.procs" ] || make_cgroup "$controller"
        done
    fi
}

make_cgroup() { # CONTROLLER_DIRECTORY (cgroup v1)
    local file
    mkdir -p "$1/$CGROUP"
    for file in cpuset.cpus cpuset.mems; do
        [ ! -e "$1/$file" ] || [ -n "$(cat "$1/$CGROUP/$file")" ] || cat "$1/$file" >"$1/$CGROUP/$file"
    done
}

api_ready() { [ "$(admin --request-timeout=5s get --raw /readyz)" = ok ]; }
node_ready() {
    local conditions='{.status.conditions[?(@.type=="Ready")].status}/{.spec.taints}'
    [ "$(admin get node "$NODE" -o "jsonpath=$conditions")" = True/ ]
}
# The namespace's default service account exists, so pods are admitted.
pods_admitted() { admin -n default get serviceaccount default -o 'jsonpath={.secrets[0].name}' | grep -q .; }
dns_answers() {
    on_node socat -T 1 - "TCP:$NODE_IP:53,connect-timeout=1" </dev/null && grep -q kubernetes "$RUN/dns-hosts"
}

everything_up() {
    local name
    for name in "${COMPONENTS[@]}"; do is_up "$name" || return 1; done
    [ -e "$RUN/ready" ] && api_ready 2>/dev/null
}

forget_dead_run() {
    # After a reboot nothing of an old run lives, and its mounts are gone.
    local boot
    boot=$(cat /proc/sys/kernel/random/boot_id)
    if [ -d "$RUN" ] && [ "$(cat "$RUN/boot" 2>/dev/null)" != "$boot" ]; then rm -rf "$RUN"; fi
    mkdir -p "$RUN"/{log,pids,expose}
    echo "$boot" >"$RUN/boot"
}

up() {
    local name
    need_root
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock-$NAME"
    flock 9
    STARTED=$(date +%s%N)
    # What a test has paused and left so.
    for name in "${COMPONENTS[@]}"; do signal CONT "$name"; done
    if everything_up; then
        note "already up; KUBECONFIG=$ADMIN"
        return 0
    fi
    "$BIN/hyperkube" kubelet --version >/dev/null 2>&1 || "$LIB/build-kubernetes"
    go_program relay "$LIB/relay" >/dev/null
    go_program dnsfeed "$LIB/dnsfeed" >/dev/null
    mkdir -p "$IMAGES"
    [ -s "$IMAGES/pause-1.tar" ] || pause_image "$IMAGES/pause-1.tar"
    [ -s "$IMAGES/tools-1.tar" ] || tools_image "$IMAGES/tools-1.tar"
    forget_dead_run
    if [ ! -e "$RUN/configured" ]; then
        make_pki
        write_node_config
        touch "$RUN/configured"
    fi
    make_node
    say "configuration and node are made"

    start_component etcd
    start_component kube-apiserver
    start_component api-relay
    start_component containerd
    await api-relay 10 "the relay of the API" test -s "$RUN/api-address"
    user_kubeconfig "$ADMIN" "https://$(cat "$RUN/api-address")" admin
    write_kubeconfig "$RUN/admin-by-token.conf" "https://$(cat "$RUN/api-address")" \
        "{token: $(cut -d, -f1 "$RUN/tokens.csv")}"
    await containerd 20 containerd ctr_ version
    load_image "$IMAGES/pause-1.tar" >/dev/null
    load_image "$IMAGES/tools-1.tar" >/dev/null
    say "containerd is up, the base images are loaded"
    await kube-apiserver 60 "the API server" api_ready
    say "the API server is ready"
    start_component kube-controller-manager
    start_component kube-scheduler
    start_component kubelet
    start_component kube-proxy
    start_component dns
    # The controller that does this would do it ten seconds later.
    await kubelet 60 "node $NODE to register" admin patch node "$NODE" \
        -p "{\"spec\": {\"podCIDR\": \"$POD_CIDR\", \"podCIDRs\": [\"$POD_CIDR\"]}}"
    admin apply -f "$RUN/dns.yaml" >/dev/null
    await kubelet 60 "node $NODE to be ready" node_ready
    await kube-controller-manager 60 "the default service account" pods_admitted
    await dns 10 "cluster DNS" dns_answers
    touch "$RUN/ready"
    say "the node is ready; KUBECONFIG=$ADMIN"
}
