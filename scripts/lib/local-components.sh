# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154  # names and addresses are set by local-cluster.sh
# The command line of every process of the local cluster.

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
