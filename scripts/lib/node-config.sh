# shellcheck shell=bash
# Configuration files of what runs on the node, in $RUN.

write_node_config() {
    mkdir -p "$RUN"/{cni/net.d,kubelet}
    cat >"$RUN/containerd.toml" <<TOML
version = 2
root = "$RUN/containerd"
state = "$RUN/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$CRI"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/local/pause:1"
  # Where CAP_SYS_RESOURCE is missing no process can lower its OOM score, and runc dies of trying.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
TOML
    # Each pod on a link of its own, routed. On a bridge, answers to a Service's client on the same node would pass by
    # the address translation wherever the module br_netfilter is not loaded.
    cat >"$RUN/cni/net.d/10-pods.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "$RUN/cni/ipam",
    "ranges": [[{"subnet": "$POD_CIDR"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
JSON
    cat >"$RUN/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: "$RUN/pki/ca.crt"}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: ["$DNS_SERVICE_IP"]
# The disk belongs to the whole machine: never evict or collect because it is full.
evictionHard: {imagefs.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
volumePluginDir: "$RUN/volume-plugins"
kubeAPIQPS: 50
kubeAPIBurst: 100
syncFrequency: 5s               # else a deleted pod can stay "Terminating" for more than a minute
nodeStatusUpdateFrequency: 1s # else the node is Ready up to ten seconds late
nodeStatusReportFrequency: 1m
# The device manager would use /var/lib/kubelet whatever --root-dir says.
featureGates: {DevicePlugins: false}
YAML
    cat >"$RUN/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: "$RUN/kube-proxy.conf"}
mode: iptables
clusterCIDR: $POD_CIDR
hostnameOverride: $NODE
bindAddress: 0.0.0.0
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
# The machine's conntrack limits cannot be set from a network namespace; leave them all alone.
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 0s, syncPeriod: 30s}
YAML
    # Resolver addresses reach pods as a Service like any other; its endpoint is dnsmasq on the node.
    cat >"$RUN/dns.yaml" <<YAML
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  clusterIP: $DNS_SERVICE_IP
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: kube-dns, namespace: kube-system}
subsets:
- addresses: [{ip: $NODE_IP}]
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
YAML
}
