#include "processes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fishnet/pool.h"

/* File descriptors below are those that the helper's own are put on. */
#define LOWEST 10

static bool move_up(int *fd)
{
    const int moved = fcntl(*fd, F_DUPFD_CLOEXEC, LOWEST);
    close(*fd);
    *fd = moved;
    return moved >= 0;
}

bool fn_make_sockets(int sockets[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return false;
    const bool first = move_up(&sockets[0]), second = move_up(&sockets[1]);
    if (first && second)
        return true;
    if (first)
        close(sockets[0]);
    if (second)
        close(sockets[1]);
    return false;
}

/* The helper's signals are the system's defaults, whatever the host has made of its own. It reads nothing from the
 * host's input. */
int fn_spawn(char *const *command, int socket, pid_t *process)
{
    extern char **environ;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&files, socket, FN_HELPER_SOCKET);
    if (!failed)
        failed = posix_spawn(process, command[0], &files, &attributes, command, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

int fn_open_process(pid_t process)
{
    int fd = -1;
#ifdef SYS_pidfd_open
    fd = (int)syscall(SYS_pidfd_open, process, 0);
    if (fd >= 0 && fd < LOWEST)
        move_up(&fd);
#else
    (void)process;
#endif
    return fd < 0 ? 0 : fd;
}

void fn_close_process(int *descriptor)
{
    if (*descriptor > 0)
        close(*descriptor);
    *descriptor = 0;
}

bool fn_is_quiet(int socket, int process)
{
    struct pollfd p[2] = {{.fd = socket, .events = POLLIN}, {.fd = process > 0 ? process : -1, .events = POLLIN}};
    return poll(p, 2, 0) <= 0;
}

void fn_describe_end(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        snprintf(text, size, "was killed by signal %d (SIG%s%s)", WTERMSIG(status), name ? name : "?",
                 WTERMSIG(status) == SIGKILL ? ", perhaps for want of memory" : "");
    } else if (WIFEXITED(status))
        snprintf(text, size, "ended by itself, with exit status %d", WEXITSTATUS(status));
    else
        snprintf(text, size, "ended");
}
