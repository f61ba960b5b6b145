# shellcheck shell=bash
# Go programs are built with Debian's compiler and Debian's libraries, without a module proxy.

GO=${GO:-/usr/lib/go-1.19/bin/go}

# go_program NAME SOURCE_DIR: build a static program unless its source was built before; print its path.
go_program() {
    local name=$1 source=$2 out
    out=$BIN/$name-$(content_hash "$source")
    if [ ! -x "$out" ]; then
        [ -x "$GO" ] || die "no Go compiler at $GO: run scripts/setup"
        mkdir -p "$BIN"
        note "building $name"
        # GOPATH mode, because Debian's libraries are a GOPATH; the file appears whole or not at all.
        (cd "$source" && GOPATH=/usr/share/gocode GOCACHE=$CACHE/gocache GO111MODULE=off GOFLAGS='' CGO_ENABLED=0 \
            "$GO" build -trimpath -ldflags '-s -w' -o "$out.part$$" .) >&2
        mv "$out.part$$" "$out"
        find "$BIN" -name "$name-*" ! -name "${out##*/}" -mtime +7 -delete
    fi
    echo "$out"
}
