#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
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

// What is asked for of a child, as the parent knows it before it forks.
struct child {
    const char *program;
    char *const *arguments;
    char *const *environment;
    bool own_group;
    pid_t parent;
    int input;
};

static void fail(int report, int failure) {
    ssize_t ignored = write(report, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

static void default_signals(void) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Between fork and exec, in a process that had threads: only what signal-safety(7) allows.
static void become_bound(const struct child *child, int report) {
    if (child->own_group) setpgid(0, 0);
    report = keep_only(report);
    default_signals();
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have gone before that was set.
    if (getppid() != child->parent) fail(report, ESRCH);
#endif
    environ = (char **)child->environment;
    execvp(child->program, child->arguments);
    fail(report, errno);
}

// The same, for one that is to outlive its parent.
static void become_guardian(const struct child *child, int report) {
    int nowhere = open("/dev/null", O_RDWR);
    if (nowhere < 0 || dup2(child->input, STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0
        || dup2(nowhere, STDERR_FILENO) < 0)
        fail(report, errno);
    // Where the parent has no standard input the socket may be that already, marked to be closed.
    fcntl(STDIN_FILENO, F_SETFD, 0);
    // A session of its own: neither a terminal's keys nor its closing reach it.
    setsid();
    report = keep_only(report);
    default_signals();
    // Who asks the command to end may ask all of its programs: it is for the command to say that it has ended well.
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    execv(child->program, child->arguments);
    fail(report, errno);
}

static pid_t start(const struct child *wanted, void (*become)(const struct child *, int)) {
    int report[2];
    if (pipe(report) != 0) return -errno;
    // Closed by a successful exec: then there is nothing to read.
    fcntl(report[0], F_SETFD, FD_CLOEXEC);
    fcntl(report[1], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) become(wanted, report[1]);
    int failure = child < 0 ? errno : 0;
    close(report[1]);
    if (child > 0) {
        // Set at both ends: whoever is first, the group is there before it is signalled.
        if (wanted->own_group) setpgid(child, child);
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

pid_t detour_spawn(char *const arguments[], char *const environment[], bool own_group) {
    struct child child = {arguments[0], arguments, environment, own_group, getpid(), -1};
    return start(&child, become_bound);
}

pid_t detour_spawn_guardian(const char *program, char *const arguments[], int *line) {
    int ends[2];
    // A socket in place of a pipe: writing to one whose reader is gone can be had without SIGPIPE.
#ifdef SOCK_CLOEXEC
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
#else
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    int on = 1;
    setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    struct child child = {program, arguments, NULL, false, getpid(), ends[1]};
    pid_t guardian = start(&child, become_guardian);
    close(ends[1]);
    if (guardian < 0) {
        close(ends[0]);
        return guardian;
    }
    *line = ends[0];
    return guardian;
}

bool detour_tell(int line, const void *bytes, size_t count) {
#ifdef MSG_NOSIGNAL
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
    int flags = MSG_DONTWAIT;
#endif
    ssize_t sent;
    do {
        sent = send(line, bytes, count, flags);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)count;
}
