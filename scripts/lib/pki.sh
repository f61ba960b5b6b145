# shellcheck shell=bash
# shellcheck disable=SC2153  # NAME, RUN and the addresses are set by local-cluster.sh
# Certificates and kubeconfigs of the local cluster, in $RUN.

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }

authority() { # NAME
    new_key "$RUN/pki/$1.key"
    openssl req -x509 -new -key "$RUN/pki/$1.key" -subj "/CN=$1" -days 365 -out "$RUN/pki/$1.crt" \
        -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
}

# certificate NAME AUTHORITY SUBJECT [SUBJECT_ALT_NAMES] [DAYS]
certificate() {
    local pki=$RUN/pki
    new_key "$pki/$1.key"
    openssl req -new -key "$pki/$1.key" -subj "$3" -out "$pki/$1.csr"
    openssl x509 -req -in "$pki/$1.csr" -CA "$pki/$2.crt" -CAkey "$pki/$2.key" -days "${5:-365}" \
        -set_serial "0x$(openssl rand -hex 16)" -out "$pki/$1.crt" 2>/dev/null -extfile <(
            echo "extendedKeyUsage=serverAuth,clientAuth"
            [ -z "${4:-}" ] || echo "subjectAltName=$4"
        )
    rm -f "$pki/$1.csr"
}

in_base64() { base64 -w 0 "$1"; }

# write_kubeconfig FILE SERVER USER_YAML: one cluster, one user, one context.
write_kubeconfig() {
    (
        umask 077
        cat >"$1.part" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: $NAME
  cluster:
    server: $2
    certificate-authority-data: $(in_base64 "$RUN/pki/ca.crt")
users:
- name: $NAME
  user: $3
contexts:
- name: $NAME
  context: {cluster: $NAME, user: $NAME}
current-context: $NAME
YAML
    )
    mv "$1.part" "$1"
}

# user_kubeconfig FILE SERVER CERTIFICATE: a user known by client certificate.
user_kubeconfig() {
    write_kubeconfig "$1" "$2" \
        "{client-certificate-data: $(in_base64 "$RUN/pki/$3.crt"), client-key-data: $(in_base64 "$RUN/pki/$3.key")}"
}

# subject USER [GROUP...]: as Kubernetes reads it from a certificate.
subject() {
    local user=$1 group text=
    shift
    for group; do text+="/O=$group"; done
    echo "$text/CN=$user"
}

make_pki() {
    local name
    mkdir -p "$RUN/pki"
    authority ca
    authority front-proxy-ca
    name=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
    certificate apiserver ca /CN=kube-apiserver \
        "$name,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$NODE_IP,IP:$API_SERVICE_IP"
    certificate apiserver-kubelet ca "$(subject apiserver-kubelet system:masters)"
    certificate front-proxy front-proxy-ca /CN=front-proxy
    new_key "$RUN/pki/service-account.key"
    openssl ec -in "$RUN/pki/service-account.key" -pubout -out "$RUN/pki/service-account.pub" 2>/dev/null
    certificate admin ca "$(subject admin system:masters)"
    certificate controller-manager ca "$(subject system:kube-controller-manager)"
    certificate scheduler ca "$(subject system:kube-scheduler)"
    certificate kube-proxy ca "$(subject system:kube-proxy)"
    certificate kubelet ca "$(subject "system:node:$NODE" system:nodes)"
    for name in controller-manager scheduler kube-proxy kubelet; do
        user_kubeconfig "$RUN/$name.conf" "https://127.0.0.1:$API_PORT" "$name"
    done
    # For clients that want a bearer token.
    (umask 077 && echo "$(openssl rand -hex 16),admin-by-token,admin-by-token,\"system:masters\"" >"$RUN/tokens.csv")
}
