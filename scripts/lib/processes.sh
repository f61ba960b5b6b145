# shellcheck shell=bash
# Background processes, known by pid and start time, so that a pid used again by a stranger is never signalled.
# Needs $RUN (state directory) and $NETNS (the node's network namespace).

# start_time PID: nothing for a process that is gone or a zombie.
start_time() { awk '{ sub(/^.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2>/dev/null || true; }

pid_of() { # NAME
    local pid start
    [ -s "$RUN/pids/$1" ] || return 1
    read -r pid start <"$RUN/pids/$1"
    [ -n "$start" ] && [ "$(start_time "$pid")" = "$start" ] && echo "$pid"
}

is_up() { pid_of "$1" >/dev/null; }

is_paused() { # NAME
    local pid
    pid=$(pid_of "$1") && [ "$(awk '{ sub(/^.*\) /, ""); print $1 }' "/proc/$pid/stat")" = T ]
}

# spawn NAME COMMAND...: start in the background, in the caller's network namespace, unless it runs already.
spawn() {
    local name=$1 log=$RUN/log/$1.log
    shift
    is_up "$name" && return 0
    [ ! -e "$log" ] || mv "$log" "$log.old"
    # The locks of the caller must not live on in a daemon.
    setsid "$@" >"$log" 2>&1 </dev/null 8>&- 9>&- &
    echo "$! $(start_time $!)" >"$RUN/pids/$name"
}

# spawn_node NAME COMMAND...: the same on the node. nsenter execs, so the pid is the program's.
# (`ip netns exec` would mount another /sys, and with it hide the cgroups.)
spawn_node() {
    local name=$1
    shift
    spawn "$name" nsenter --net="/run/netns/$NETNS" "$@"
}

on_node() { nsenter --net="/run/netns/$NETNS" "$@"; }

signal() { # SIGNAL NAME
    local pid
    pid=$(pid_of "$2") || return 0
    kill "-$1" "$pid" 2>/dev/null || true
}

# stop NAME...: ask all to end, and kill what is still there two seconds later.
stop() {
    local name attempt left
    for name; do
        signal TERM "$name"
        signal CONT "$name"
    done
    for ((attempt = 0; attempt < 40; attempt++)); do
        left=
        for name; do ! is_up "$name" || left+=" $name"; done
        [ -n "$left" ] || break
        sleep 0.05
    done
    for name; do
        signal KILL "$name"
        rm -f "$RUN/pids/$name"
    done
}

# await NAME SECONDS WHAT COMMAND...: wait_for, but fail at once with the log's end when process NAME dies.
await() {
    local name=$1 end=$((SECONDS + $2)) what=$3
    shift 3
    until "$@" >/dev/null 2>&1; do
        if ! is_up "$name"; then
            tail -n 5 "$RUN/log/$name.log" >&2 || true
            die "$name ended while waiting for $what (log: $RUN/log/$name.log)"
        fi
        [ "$SECONDS" -lt "$end" ] || die "timed out waiting for $what (logs: $RUN/log)"
        sleep 0.1
    done
}
