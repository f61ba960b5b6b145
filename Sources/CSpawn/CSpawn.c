#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

extern char **environ;

// Sockets must not live on in the program: not all libraries mark theirs to be closed.
static int keep_only(int report) {
    int kept = STDERR_FILENO + 1;
    if (report != kept) {
        if (dup2(report, kept) < 0) return report;
        close(report);
    }
    fcntl(kept, F_SETFD, FD_CLOEXEC);
#ifdef SYS_close_range
    if (syscall(SYS_close_range, kept + 1, ~0U, 0) == 0) return kept;
#endif
    long limit = sysconf(_SC_OPEN_MAX);
    for (int other = kept + 1; other < (limit > 0 && limit < 65536 ? limit : 65536); other++) close(other);
    return kept;
}

// Between fork and exec, in a process that had threads: only what signal-safety(7) allows.
static void become(char *const arguments[], char *const environment[], bool own_group, pid_t parent, int report) {
    if (own_group) setpgid(0, 0);
    report = keep_only(report);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int failure = 0;
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have gone before that was set.
    if (getppid() != parent) failure = ESRCH;
#else
    (void)parent;
#endif
    if (failure == 0) {
        environ = (char **)environment;
        execvp(arguments[0], arguments);
        failure = errno;
    }
    ssize_t ignored = write(report, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

pid_t detour_spawn(char *const arguments[], char *const environment[], bool own_group) {
    int report[2];
    if (pipe(report) != 0) return -errno;
    // Closed by a successful exec: then there is nothing to read.
    fcntl(report[0], F_SETFD, FD_CLOEXEC);
    fcntl(report[1], F_SETFD, FD_CLOEXEC);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) become(arguments, environment, own_group, parent, report[1]);
    int failure = child < 0 ? errno : 0;
    close(report[1]);
    if (child > 0) {
        // Set at both ends: whoever is first, the group is there before it is signalled.
        if (own_group) setpgid(child, child);
        ssize_t count;
        do {
            count = read(report[0], &failure, sizeof failure);
        } while (count < 0 && errno == EINTR);
        if (count == sizeof failure) {
            while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
            }
        } else {
            failure = 0;
        }
    }
    close(report[0]);
    return failure != 0 ? -failure : child;
}
