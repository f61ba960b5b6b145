#ifdef __linux__

#define _GNU_SOURCE
#include "CEpoll.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int result(int value) {
    return value < 0 ? -errno : value;
}

int detour_epoll_create(void) {
    return result(epoll_create1(EPOLL_CLOEXEC));
}

int detour_epoll_add(int set, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return result(epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event));
}

int detour_epoll_remove(int set, int descriptor) {
    return result(epoll_ctl(set, EPOLL_CTL_DEL, descriptor, NULL));
}

int detour_epoll_wait(int set, struct epoll_event *events, int count, int milliseconds) {
    return result(epoll_wait(set, events, count, milliseconds));
}

int detour_eventfd(void) {
    return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int detour_accept(int listener) {
    return result(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

int detour_pipe(int ends[2], int size) {
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    // A pipe that the kernel does not let grow is only slower.
    (void)fcntl(ends[1], F_SETPIPE_SZ, size);
    return 0;
}

ssize_t detour_splice(int from, int to, size_t count) {
    ssize_t moved;
    do {
        moved = splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (moved < 0 && errno == EINTR);
    return moved < 0 ? -errno : moved;
}

int detour_allowed_cores(void) {
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof(allowed), &allowed) < 0 ? -errno : CPU_COUNT(&allowed);
}

#else
typedef int detour_epoll_is_of_linux;
#endif
