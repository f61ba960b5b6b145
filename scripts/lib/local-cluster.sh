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

ctr_() { ctr --address "$CRI" --namespace k8s.io "$@"; }
admin() { kubectl --kubeconfig "$ADMIN" "$@"; }

say() { # with the seconds since `up` began
    local tenths=$((($(date +%s%N) - STARTED) / 100000000))
    printf '%3d.%ds  %s\n' $((tenths / 10)) $((tenths % 10)) "$*" >&2
}

# ---- components -------------------------------------------------------------

start_component() { # NAME
    local kubernetes=$BIN/hyperkube pki=$RUN/pki
    case $1 in
    etcd)
        spawn_node etcd etcd --name etcd --data-dir "$RUN/etcd" \
            --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
            --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
            --initial-cluster etcd=http://127.0.0.1:2380
        ;;
    kube-apiserver)
        spawn_node kube-apiserver "$kubernetes" kube-apiserver \
            --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --secure-port="$API_PORT" \
            --advertise-address="$NODE_IP" --service-cluster-ip-range="$SERVICE_CIDR" \
            --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
            --client-ca-file="$pki/ca.crt" --token-auth-file="$RUN/tokens.csv" --authorization-mode=Node,RBAC \
            --enable-admission-plugins=NodeRestriction --allow-privileged=true \
            --service-account-issuer=https://kubernetes.default.svc \
            --service-account-key-file="$pki/service-account.pub" \
            --service-account-signing-key-file="$pki/service-account.key" \
            --kubelet-client-certificate="$pki/apiserver-kubelet.crt" \
            --kubelet-client-key="$pki/apiserver-kubelet.key" --kubelet-preferred-address-types=InternalIP \
            --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy \
            --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
            --requestheader-username-headers=X-Remote-User \
            --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
        ;;
    api-relay)
        # The API on the machine's own loopback.
        spawn api-relay "$(go_program relay "$LIB/relay")" -listen "127.0.0.1:$(api_port)" \
            -publish "$RUN/api-address" -netns "/run/netns/$NETNS" -to "127.0.0.1:$API_PORT"
        ;;
    containerd) spawn_node containerd containerd --config "$RUN/containerd.toml" ;;
    kube-controller-manager)
        spawn_node kube-controller-manager "$kubernetes" kube-controller-manager \
            --kubeconfig="$RUN/controller-manager.conf" --bind-address=127.0.0.1 --port=0 --leader-elect=false \
            --allocate-node-cidrs=false --kube-api-qps=100 --kube-api-burst=200 \
            --service-account-private-key-file="$pki/service-account.key" --root-ca-file="$pki/ca.crt" \
            --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
            --use-service-account-credentials=true
        ;;
    kube-scheduler)
        spawn_node kube-scheduler "$kubernetes" kube-scheduler \
            --kubeconfig="$RUN/scheduler.conf" --bind-address=127.0.0.1 --port=0 --leader-elect=false
        ;;
    kubelet)
        spawn_node kubelet "$kubernetes" kubelet --config="$RUN/kubelet.yaml" --kubeconfig="$RUN/kubelet.conf" \
            --hostname-override="$NODE" --node-ip="$NODE_IP" --container-runtime=remote \
            --container-runtime-endpoint="unix://$CRI" --image-service-endpoint="unix://$CRI" \
            --root-dir="$RUN/kubelet" --cert-dir="$RUN/kubelet/pki"
        ;;
    kube-proxy) spawn_node kube-proxy "$kubernetes" kube-proxy --config="$RUN/kube-proxy.yaml" ;;
    dns)
        # Names outside the cluster do not exist here: "no such domain" at once, not a timeout.
        spawn_node dns "$(go_program dnsfeed "$LIB/dnsfeed")" -server "https://127.0.0.1:$API_PORT" \
            -ca "$pki/ca.crt" -cert "$pki/kube-proxy.crt" -key "$pki/kube-proxy.key" -hosts "$RUN/dns-hosts" -- \
            dnsmasq --conf-file=/dev/null --keep-in-foreground --log-facility=- --pid-file= --user=root \
            --no-resolv --no-hosts --addn-hosts="$RUN/dns-hosts" --listen-address="$NODE_IP" --bind-interfaces \
            --local=/cluster.local/ --address=/\#/ --bogus-priv --dns-forward-max=1000
        ;;
    *) die "no component $1; there are: ${COMPONENTS[*]}" ;;
    esac
}

# The port chosen at first `up` stays, for kubeconfigs are around that name it.
api_port() {
    if [ -s "$RUN/api-address" ]; then
        sed 's/.*://' "$RUN/api-address"
    else
        echo "${DETOUR_CLUSTER_API_PORT:-$API_PORT}"
    fi
}

# ---- up ---------------------------------------------------------------------

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

api_ready() { [ "$(admin get --raw /readyz)" = ok ]; }
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
    need_root
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock-$NAME"
    flock 9
    STARTED=$(date +%s%N)
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

# ---- down -------------------------------------------------------------------

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

# ---- the rest ---------------------------------------------------------------

kubeconfig() { # [--token]
    local file=$ADMIN
    [ "${1:-}" != --token ] || file=$RUN/admin-by-token.conf
    [ -s "$file" ] || die "the cluster is not up: run scripts/cluster up"
    echo "$file"
}

status() {
    local name pid memory
    for name in "${COMPONENTS[@]}" $(cd "$RUN/pids" 2>/dev/null && ls -d expose-* 2>/dev/null); do
        if pid=$(pid_of "$name"); then
            memory=$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$pid/status")
            printf '%-24s %-7s pid %-7s %5s MiB\n' "$name" "$(is_paused "$name" && echo paused || echo up)" \
                "$pid" "$memory"
        else
            printf '%-24s down\n' "$name"
        fi
    done
    everything_up || return 1
    admin get nodes -o wide
    admin get pods -A -o wide
}

# load_image TAR...: an image is found by name and by digest afterwards.
load_image() {
    local tar name digest
    for tar; do
        [ -s "$tar" ] || die "no image archive $tar"
        ctr_ images import "$tar"
        while read -r name digest; do
            case $name in
            *@* | sha256:*) ;;
            *) ctr_ images tag --force "$name" "${name%:*}@$digest" >/dev/null ;;
            esac
        done < <(ctr_ images ls | awk 'NR > 1 { print $1, $3 }')
    done
}

# expose NAMESPACE/SERVICE PORT: relay a free loopback port of the machine to the Service; print where.
expose() {
    local target address id=expose-${1//\//-}-$2 file
    file=$RUN/expose/$id
    address=$(admin -n "${1%%/*}" get service "${1#*/}" -o 'jsonpath={.spec.clusterIP}') || exit 1
    case $address in None | "") die "service $1 has no ClusterIP" ;; esac
    target=$address:$2
    if is_up "$id" && [ "$(cat "$file.target" 2>/dev/null)" != "$target" ]; then stop "$id"; fi
    if ! is_up "$id"; then
        rm -f "$file"
        echo "$target" >"$file.target"
        spawn "$id" "$(go_program relay "$LIB/relay")" -publish "$file" -netns "/run/netns/$NETNS" -to "$target"
        await "$id" 10 "the relay of $1" test -s "$file"
    fi
    cat "$file"
}

pod_pid() { # NAMESPACE/POD: the process that holds the pod's namespaces
    local filter id
    filter="labels.\"io.kubernetes.pod.namespace\"==\"${1%%/*}\",labels.\"io.kubernetes.pod.name\"==\"${1#*/}\""
    id=$(ctr_ containers ls -q "$filter,labels.\"io.cri-containerd.kind\"==sandbox" | tail -n 1)
    [ -n "$id" ] || die "no such pod: $1"
    ctr_ tasks ls | awk -v id="$id" '$1 == id { print $2 }'
}

pod_netns() { # NAMESPACE/POD COMMAND...
    local pid
    pid=$(pod_pid "$1") || exit 1
    shift
    exec nsenter --target "$pid" --net "$@"
}

known_component() {
    is_up "$1" || die "no running component $1; there are: ${COMPONENTS[*]}"
}

pause() {
    known_component "$1"
    signal STOP "$1"
}

resume() {
    known_component "$1"
    signal CONT "$1"
}

# kill_component NAME [SIGNAL]: and leave it dead until `up` or `restart`.
kill_component() {
    known_component "$1"
    signal "${2:-KILL}" "$1"
}

restart() {
    case " ${COMPONENTS[*]} " in *" $1 "*) ;; *) die "no component $1; there are: ${COMPONENTS[*]}" ;; esac
    stop "$1"
    start_component "$1"
}

# user NAME [--expired] [GROUP...]: a kubeconfig for a user who may do nothing until a RoleBinding says so.
user() {
    local name=$1 days=365
    shift
    if [ "${1:-}" = --expired ]; then
        days=-1
        shift
    fi
    [ -s "$RUN/api-address" ] || die "the cluster is not up: run scripts/cluster up"
    certificate "user-$name" ca "$(subject "$name" "$@")" "" "$days"
    user_kubeconfig "$RUN/user-$name.conf" "https://$(cat "$RUN/api-address")" "user-$name"
    echo "$RUN/user-$name.conf"
}
