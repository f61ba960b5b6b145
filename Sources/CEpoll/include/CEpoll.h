#ifndef DETOUR_CEPOLL_H
#define DETOUR_CEPOLL_H

#ifdef __linux__

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

// What Swift's module of the C library leaves out: epoll(7), eventfd(2), accept4(2), pipe2(2), splice(2) and cpu_set_t. Each returns what the call returns,
// or the negated errno. What is opened is closed on exec, and never blocks.

/// A new set of descriptors to wait for.
int detour_epoll_create(void);

/// Waits for `events` at `descriptor`; they are told with `data`.
int detour_epoll_add(int set, int descriptor, uint32_t events, uint64_t data);

/// Waits for `descriptor` no longer.
int detour_epoll_remove(int set, int descriptor);

/// What has happened since the last call, at most `count`; waits for `milliseconds`, for ever with -1.
int detour_epoll_wait(int set, struct epoll_event *events, int count, int milliseconds);

/// A descriptor that can be read once something was written to it.
int detour_eventfd(void);

/// The next connection that waits at a listening socket.
int detour_accept(int listener);

/// A pipe that holds `size` bytes where the kernel lets it: the end that is read, and the one that is written.
int detour_pipe(int ends[2], int size);

/// Moves at most `count` bytes between a socket and a pipe without copying them, and waits for neither.
ssize_t detour_splice(int from, int to, size_t count);

/// How many cores the calling thread may run on.
int detour_allowed_cores(void);

#endif
#endif
