# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154  # names and addresses are set by local-cluster.sh
# What can be asked of a local cluster that is up, and what can be done to it.

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
    [ -d "$RUN/expose" ] || die "the cluster is not up: run scripts/cluster up"
    exec 8>"$file.lock" # tests ask for the same relay at the same time
    flock 8
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
