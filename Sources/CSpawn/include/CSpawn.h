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

/// Starts a program that outlives this process: in a session of its own (setsid(2)), with this process's environment, its
/// standard output and error going nowhere, and no other open file. It ignores SIGHUP, SIGINT, SIGQUIT and SIGTERM.
///
/// - program: its file; `PATH` is not searched.
/// - arguments: the words, ended by NULL; the first is the program's name.
/// - line: gets the end of a socket whose other end is the program's standard input, which ends with this process. No
///   program started from here gets it.
/// - Returns: the process's number, or the negated errno when it could not be started.
pid_t detour_spawn_guardian(const char *program, char *const arguments[], int *line);

/// Sends some bytes at once and whole, without SIGPIPE.
///
/// - Returns: whether it did; not when nobody reads, or when there is no room.
bool detour_tell(int line, const void *bytes, size_t count);

#endif
