/* The other end of the wire: a host that is out of its mind, as the helper and a worker see it. helper.c is a part
 * of this file; no process is forked or ended. See README.md for the layout of the input. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "fishnet/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- in place of the system ---- */

#define BYTES_HAD ((size_t)1 << 20)

static jmp_buf ended;
static int control;
static bool as_worker;

static _Noreturn void leave(void)
{
    longjmp(ended, 1);
}

static void *map_some(size_t bytes)
{
    return bytes == 0 || bytes > BYTES_HAD
               ? MAP_FAILED
               : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Memory that a process has when it ends is the system's again. */
static void *held[64];

static void *hold(void *data)
{
    for (size_t i = 0; data && i < sizeof held / sizeof *held; i++)
        if (!held[i])
            return held[i] = data;
    CHECK(!data);
    return NULL;
}

static void let_go(void *data)
{
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        if (held[i] == data)
            held[i] = NULL;
    free(data);
}

static void *give_some(size_t bytes)
{
    return bytes > BYTES_HAD ? NULL : hold(malloc(bytes));
}

static void *give_aligned(size_t bytes)
{
    return bytes > BYTES_HAD ? NULL : hold(aligned_alloc(64, bytes));
}

static pid_t fork_not(void)
{
    return as_worker ? 0 : 4711;
}

static pid_t has_ended(int *status)
{
    if (status)
        *status = 0;
    return 4711;
}

static int nothing(long number)
{
    (void)number;
    return 0;
}

#undef FN_HELPER_SOCKET
#define FN_HELPER_SOCKET control
#define _exit(status) ((void)(status), leave())
#define fork() fork_not()
#define mmap(address, bytes, protection, flags, file, offset) map_some(bytes)
#define malloc(bytes) give_some(bytes)
#define aligned_alloc(alignment, bytes) give_aligned(bytes)
#define free(data) let_go(data)
#define waitpid(process, status, flags) has_ended(status)
#define kill(process, number) nothing(process)
#define prctl(option, value) nothing(option)
#define getppid() getpid()
#define syscall(...) (errno = ENOSYS, -1)
#include "helper.c"
#undef free
#undef mmap

/* ---- a job ---- */

static unsigned touched;

static void *open_worker(void *user, int number, fn_error *err)
{
    if (number == 13) {
        fn_fail(err, FN_ERR_READ, "13");
        return NULL;
    }
    return user;
}

static void *notes_to_bytes(void *user, void *notes, size_t *bytes)
{
    (void)user;
    *bytes = 7;
    return notes;
}

/* What it does, the task's number says. */
static fn_status run_task(void *user, void *state, fn_task *task, fn_error *err)
{
    CHECK(user == state && task->result != NULL);
    memset(task->result, 1, task->bytes);
    if (task->number & 1)
        task->notes = memset(malloc(7), 3, 7);
    if (task->number & 2)
        return fn_fail(err, FN_ERR_READ, "%s", task->number & 4 ? "" : "why");
    for (int parts = 0; (task->number & 8) && parts < 3; parts++) {
        const fn_status status = task->calls->part(task, task->bytes / 2, (size_t)1 << (task->number >> 8 & 31), err);
        if (status != FN_OK)
            return status;
        memset(task->result, 2, task->bytes);
    }
    if (task->number & 16)
        task->calls->end(task);
    return FN_OK;
}

static fn_status prepare_job(const void *setup, size_t setup_bytes, fn_job *job, void **answer_to, size_t *bytes,
                             fn_error *err)
{
    static int user;
    for (size_t i = 0; i < setup_bytes; i++)
        touched += ((const unsigned char *)setup)[i];
    if (setup_bytes > 0 && *(const char *)setup == 'x')
        return fn_fail(err, FN_ERR_READ, "a setup that begins with x");
    fn_pool_alive();
    *job = (fn_job){.task_count = 1,
                    .user = &user,
                    .worker_open = open_worker,
                    .worker_run = run_task,
                    .notes_to_bytes = notes_to_bytes};
    *answer_to = memset(malloc(5), 4, 5);
    *bytes = 5;
    return FN_OK;
}

/* A descriptor goes along with each message's worth of bytes: the file of results, then sockets of workers. */
static void say(int socket, const uint8_t *data, size_t size, int along)
{
    for (size_t at = 0; at < size; at += sizeof(fn_message)) {
        struct iovec block = {(void *)(data + at), size - at < sizeof(fn_message) ? size - at : sizeof(fn_message)};
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } room = {{0}};
        struct msghdr header = {.msg_iov = &block, .msg_iovlen = 1};
        if (along >= 0) {
            header.msg_control = room.bytes;
            header.msg_controllen = sizeof room.bytes;
            struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof along);
            memcpy(CMSG_DATA(rights), &along, sizeof along);
        }
        CHECK(sendmsg(socket, &header, MSG_DONTWAIT) == (ssize_t)block.iov_len);
    }
    shutdown(socket, SHUT_WR);
}

static void help(void)
{
    static const fn_helper caller = {.prepare = prepare_job};
    static helper h;
    h = (helper){.host = -1};
    preparing = false;
    if (setjmp(ended) != 0)
        free(h.workers);
    else if (prepare(&h, &caller))
        serve(&h);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        free(held[i]);
        held[i] = NULL;
    }
    if (h.arena && h.arena != MAP_FAILED)
        munmap(h.arena, h.arena_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    const size_t rest = size - 3, to_helper = (size_t)(data[1] | data[2] << 8) % (rest + 1);
    int host[2], peer[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, host) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, peer) == 0);
    /* Nobody reads what is answered: what does not fit into a socket is a host that has gone. */
    const struct timeval moment = {.tv_usec = 10000};
    CHECK(setsockopt(host[1], SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment) == 0);
    CHECK(setsockopt(peer[1], SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment) == 0);
    say(peer[0], data + 3 + to_helper, rest - to_helper, -1);
    say(host[0], data + 3, to_helper, data[0] & 1 ? peer[1] : -1);
    close(peer[1]);
    as_worker = data[0] & 2;
    control = host[1];
    const int kept = dup(control); /* a worker closes its own */
    CHECK(kept >= 0);
    help();
    if (fcntl(control, F_GETFD) >= 0)
        close(control);
    close(kept);
    close(host[0]);
    close(peer[0]);
    return 0;
}
