# shellcheck shell=bash
# Container images without a container engine: an OCI image layout in a tar, written with tar and sha256sum.

# blob FILE LAYOUT: move a file into the layout's blob store, print its digest and size.
blob() {
    local sum size
    sum=$(sha256sum <"$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$2/blobs/sha256/$sum"
    echo "$sum $size"
}

# oci_image NAME OUT ROOT USER [COMMAND...]: pack the root file system ROOT as image NAME (full, with tag) into OUT.
# The same input gives the same bytes.
oci_image() {
    local name=$1 out=$2 root=$3 user=$4 layout layer config manifest size command=null
    shift 4
    layout=$(mktemp -d)
    mkdir -p "$layout/blobs/sha256"
    tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$layout/part" .
    read -r layer size < <(blob "$layout/part" "$layout")
    [ $# -eq 0 ] || command=$(jq -cn '$ARGS.positional' --args -- "$@")
    jq -cn --arg user "$user" --argjson command "$command" --arg layer "sha256:$layer" '{
        architecture: "amd64", os: "linux",
        config: {User: $user, Env: ["PATH=/bin:/usr/bin:/sbin:/usr/sbin"], Entrypoint: $command},
        rootfs: {type: "layers", diff_ids: [$layer]}}' >"$layout/part"
    local layer_size=$size
    read -r config size < <(blob "$layout/part" "$layout")
    jq -cn --arg config "sha256:$config" --arg layer "sha256:$layer" --argjson csize "$size" \
        --argjson lsize "$layer_size" '{
        schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $csize},
        layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $layer, size: $lsize}]}' \
        >"$layout/part"
    read -r manifest size < <(blob "$layout/part" "$layout")
    jq -cn --arg manifest "sha256:$manifest" --argjson size "$size" --arg name "$name" '{
        schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $manifest, size: $size,
            annotations: {"io.containerd.image.name": $name, "org.opencontainers.image.ref.name": $name}}]}' \
        >"$layout/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
    tar -C "$layout" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$out.part" \
        oci-layout index.json blobs
    mv "$out.part" "$out"
    rm -rf "$layout"
}

# copy_into ROOT FILE...: keep the paths.
copy_into() {
    local root=$1 file
    shift
    for file; do
        mkdir -p "$root${file%/*}"
        [ -e "$root$file" ] || cp -L "$file" "$root$file"
    done
}

# libraries PROGRAM...: the shared libraries they load.
libraries() { { ldd "$@" || true; } 2>/dev/null | grep -o '/[^ :]*\.so[^ :]*' | sort -u; }

busybox_root() { # DIRECTORY
    local busybox applet loaded
    busybox=$(command -v busybox) || die "no busybox: run scripts/setup"
    mkdir -p "$1"/{bin,etc,tmp,proc,sys,dev,root,run}
    chmod 1777 "$1/tmp"
    cp "$busybox" "$1/bin/busybox"
    mapfile -t loaded < <(libraries "$busybox")
    copy_into "$1" "${loaded[@]}"
    for applet in $("$busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"; done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
}

# pause_image OUT: what holds a pod's namespaces.
pause_image() {
    local root
    root=$(mktemp -d)
    busybox_root "$root"
    oci_image docker.io/local/pause:1 "$1" "$root" 0 /bin/sleep 2147483647
    rm -rf "$root"
}

# tools_image OUT: busybox, curl, ip, nft and both kinds of iptables, to look at things from inside a pod.
# (curl, because `wget -T` of Debian 12's busybox crashes.)
tools_image() {
    local root programs loaded name
    root=$(mktemp -d)
    busybox_root "$root"
    rm -f "$root/bin/ip"
    mapfile -t programs < <(command -v curl ip nft xtables-nft-multi xtables-legacy-multi)
    copy_into "$root" "${programs[@]}" /usr/lib/*-linux-gnu/xtables/*.so
    mapfile -t loaded < <(libraries "${programs[@]}")
    copy_into "$root" "${loaded[@]}"
    for name in iptables iptables-save iptables-restore ip6tables; do
        ln -s xtables-nft-multi "$root/usr/sbin/$name"
        ln -s xtables-nft-multi "$root/usr/sbin/${name/tables/tables-nft}"
        ln -s xtables-legacy-multi "$root/usr/sbin/${name/tables/tables-legacy}"
    done
    oci_image docker.io/local/tools:1 "$1" "$root" 0 /bin/sh
    rm -rf "$root"
}

# go_image NAME SOURCE_DIR: an image that is one static Go program; print the path of its tar. Built when the source
# changed.
go_image() {
    local name=$1 source=$2 program out root
    program=$(go_program "$name" "$source")
    out=$IMAGES/$name-${program##*-}.tar
    if [ ! -s "$out" ]; then
        mkdir -p "$IMAGES"
        root=$(mktemp -d)
        mkdir -p "$root"/{etc,tmp}
        chmod 1777 "$root/tmp"
        cp "$program" "$root/$name"
        oci_image "docker.io/local/$name:1" "$out" "$root" 65532:65532 "/$name"
        rm -rf "$root"
        find "$IMAGES" -name "$name-*.tar" ! -name "${out##*/}" -mtime +7 -delete
    fi
    echo "$out"
}

# python_image: the interpreter of python-peers with all that it loads, each file where it is on this machine, so that the
# environment finds itself; print the path of its tar.
python_image() {
    local python place program library out root modules loaded
    python=$("$LIB/python-peers")
    place=${python%/bin/python}
    out=$IMAGES/python-peers-${place##*/}.tar
    if [ ! -s "$out" ]; then
        mkdir -p "$IMAGES"
        root=$(mktemp -d)
        chmod 755 "$root"
        read -r program library < <("$python" -c 'import os, sys
print(os.path.realpath(sys.executable), os.path.dirname(os.__file__))')
        mapfile -t modules < <(find "$library/lib-dynload" "$place/lib" -name '*.so')
        mapfile -t loaded < <(libraries "$program" "${modules[@]}")
        copy_into "$root" "$program" "$place/pyvenv.cfg" "${loaded[@]}"
        tar -C / --exclude={test,idlelib,tkinter,turtledemo,ensurepip,lib2to3,pydoc_data,__pycache__,pip,setuptools} \
            --exclude="${library#/}"/{site-packages,'config-*'} -c "${library#/}" "${place#/}/lib" | tar -C "$root" -x
        mkdir -p "$root$place/bin" "$root/tmp"
        chmod 1777 "$root/tmp"
        ln -s "$program" "$root$place/bin/python"
        oci_image docker.io/local/python-peers:1 "$out" "$root" 65532:65532 "$place/bin/python"
        rm -rf "$root"
        find "$IMAGES" -name 'python-peers-*.tar' ! -name "${out##*/}" -mtime +7 -delete
    fi
    echo "$out"
}
