#ifndef DETOUR_CSPAWN_H
#define DETOUR_CSPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/// Starts a program found by `PATH`, with this process's standard streams and no other open file, default signal
/// actions and an empty mask.
///
/// On Linux the program is killed when the calling thread ends, so that it never outlives it: call this on a thread that
/// then waits for the program's end. C, because fork(2) and the variadic prctl(2) cannot be called from Swift.
///
/// - arguments: the words, ended by NULL; the first is the program.
/// - environment: `NAME=VALUE` texts, ended by NULL.
/// - own_group: whether the program leads a process group of its own.
/// - Returns: the process's number, or the negated errno when it could not be started.
pid_t detour_spawn(char *const arguments[], char *const environment[], bool own_group);

#endif
