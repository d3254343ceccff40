/* The helper's side of worker processes, and the workers'. The other side is pool_helper.c and pool_worker.c.
 *
 * The helper has one thread and waits for requests of the host. It ends when the host does: the socket is closed,
 * or, where another program has inherited the host's end of it, the host's process descriptor says so. While it
 * prepares the job, which may take long, a signal tells it. Its workers end with it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "array.h"
#include "crew.h"
#include "fishnet/pool.h"
#include "wire.h"

#define MOST_OPEN_FILES 65536
/* Milliseconds that a worker may take to end after it has closed its socket. */
#define LAST_BREATH 1000

typedef struct helper {
    fn_job job;
    char *arena; /* NULL: results are not shared */
    size_t arena_bytes;
    int host;       /* descriptor of the host's process, or -1 */
    pid_t *workers; /* that have not been waited for */
    size_t n_workers, workers_cap;
} helper;

/* ---- a worker ---- */

typedef struct worker {
    const helper *helper;
    int socket, number;
    void *state; /* what worker_open made */
    fn_task task;
    uint64_t offset; /* of its buffer */
    size_t bytes;    /* of its buffer */
    void *own;       /* the buffer, if it is not shared */
} worker;

/* The host is gone, or out of its mind: nobody is left to tell. */
static _Noreturn void end(int status)
{
    _exit(status);
}

static void set_buffer(worker *w, uint64_t offset, uint64_t bytes)
{
    if (bytes > FN_BUFFER_MOST)
        end(3);
    free(w->own);
    w->own = NULL;
    w->offset = offset;
    w->bytes = w->task.bytes = bytes;
    if (offset != FN_NOT_SHARED) {
        if (!w->helper->arena || offset > w->helper->arena_bytes || bytes > w->helper->arena_bytes - offset)
            end(3);
        w->task.result = w->helper->arena + offset;
    } else
        w->task.result = w->own = aligned_alloc(64, (bytes + 64) / 64 * 64);
}

static fn_status hand_over_part(fn_task *task, size_t used, size_t bytes, fn_error *err)
{
    worker *w = task->owner;
    if (used > w->bytes)
        return fn_fail(err, FN_ERR_ARGUMENT, "a part of %zu bytes from a buffer of %zu", used, w->bytes);
    fn_message m = {.kind = FN_MSG_PART, .bytes = used, .next = bytes};
    if (w->offset == FN_NOT_SHARED)
        m.data_bytes = used;
    if (!fn_send(w->socket, &m, NULL, NULL, w->own, -1) ||
        fn_receive(w->socket, &m, NULL, FN_FOR_EVER) != FN_RECEIVED || m.kind != FN_MSG_BUFFER)
        end(0);
    task->result = NULL;
    if (m.status != FN_OK)
        return fn_fail(err, (fn_status)m.status,
                       m.status == FN_ERR_CANCELLED ? "cancelled" : "out of memory for a part");
    set_buffer(w, m.offset, m.bytes);
    return task->result ? FN_OK : fn_fail(err, FN_ERR_MEMORY, "out of memory: %zu bytes for one part", bytes);
}

static void end_here(fn_task *task)
{
    worker *w = task->owner;
    fn_message m = {.kind = FN_MSG_END};
    if (!fn_send(w->socket, &m, NULL, NULL, NULL, -1))
        end(0);
}

static const fn_task_calls calls = {.part = hand_over_part, .end = end_here};

static fn_status compute(worker *w, fn_error *err)
{
    const fn_job *job = &w->helper->job;
    if (!w->task.result)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory: %zu bytes for one task", w->bytes);
    if (!w->state && !(w->state = job->worker_open(job->user, w->number, err)))
        return err->status != FN_OK ? err->status : FN_ERR_READ;
    return job->worker_run(job->user, w->state, &w->task, err);
}

/* Computes tasks until the host has no more. */
static _Noreturn void work(const helper *h, int socket, int number)
{
    const fn_job *job = &h->job;
    worker w = {.helper = h, .socket = socket, .number = number};
    static volatile bool never;
    fn_worker_line *line = h->arena ? (fn_worker_line *)(void *)h->arena + number : NULL;
    const volatile bool *cancel = line ? &line->cancel : &never; /* else the host kills us */
    fn_message m;
    while (fn_receive(socket, &m, NULL, FN_FOR_EVER) == FN_RECEIVED && m.kind == FN_MSG_RUN) {
        fn_error err = {.text = ""};
        w.task = (fn_task){.number = m.number, .variant = (int)m.next, .cancel = cancel, .owner = &w, .calls = &calls};
        w.task.done = line ? &line->done : NULL;
        set_buffer(&w, m.offset, m.bytes);
        const fn_status status = compute(&w, &err);
        size_t notes_bytes = 0;
        void *notes =
            w.task.notes && job->notes_to_bytes ? job->notes_to_bytes(job->user, w.task.notes, &notes_bytes) : NULL;
        fn_message done = {.kind = FN_MSG_DONE, .status = (uint32_t)status, .notes_bytes = notes ? notes_bytes : 0};
        if (status != FN_OK) {
            done.text_bytes = (uint32_t)strlen(err.text);
            done.next = job->rest ? (uint64_t)(1000 * job->rest(job->user)) : 0;
        }
        if (status == FN_OK && w.task.result)
            done.bytes = w.task.bytes < w.bytes ? w.task.bytes : w.bytes;
        if (w.offset == FN_NOT_SHARED)
            done.data_bytes = done.bytes;
        if (!fn_send(socket, &done, err.text, notes, w.own, -1))
            break;
        free(notes);
    }
    end(0);
}

/* ---- the helper ---- */

static void answer(fn_message *m, const void *text, const void *notes)
{
    m->kind = FN_MSG_ANSWER;
    if (!fn_send(FN_HELPER_SOCKET, m, text, notes, NULL, -1))
        end(0);
}

static void fork_worker(helper *h, const fn_message *m, int socket)
{
    fn_message reply = {.process = 0};
    const bool room = fn_reserve(&h->workers, &h->workers_cap, h->n_workers + 1, sizeof *h->workers);
    const pid_t parent = getpid();
    const pid_t process = room ? fork() : -1;
    if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* the helper has but one thread: it is that one's end that counts */
        if (getppid() != parent)
            end(0);
        close(FN_HELPER_SOCKET);
        if (h->host >= 0)
            close(h->host);
        work(h, socket, (int)m->number);
    }
    close(socket); /* else nobody would see the worker's end */
    if (process > 0) {
        h->workers[h->n_workers++] = process;
        reply.process = process;
    } else
        reply.bytes = (uint64_t)(errno ? errno : ENOMEM);
    answer(&reply, NULL, NULL);
}

static int wait_for(pid_t process, bool by_force)
{
    int status = 0;
    for (int ms = 0; !by_force && ms < LAST_BREATH; ms += 2) {
        if (waitpid(process, &status, WNOHANG) != 0)
            return status;
        poll(NULL, 0, 2);
    }
    kill(process, SIGKILL);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static void reap_worker(helper *h, const fn_message *m)
{
    fn_message reply = {.process = m->process};
    int status = 0;
    for (size_t i = 0; i < h->n_workers; i++)
        if (h->workers[i] == m->process) {
            status = wait_for(h->workers[i], m->bytes != 0);
            h->workers[i] = h->workers[--h->n_workers];
            break;
        }
    reply.bytes = (uint64_t)status;
    answer(&reply, NULL, NULL);
}

/* Waits for a request. False: the host is gone. */
static bool wait_for_host(const helper *h)
{
    struct pollfd p[2] = {{.fd = FN_HELPER_SOCKET, .events = POLLIN}, {.fd = h->host, .events = POLLIN}};
    for (;;) {
        const int n = poll(p, 2, -1); /* a descriptor of -1 is passed over */
        if (n > 0)
            return p[1].revents == 0;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static void serve(helper *h)
{
    fn_message m;
    for (int fd; wait_for_host(h) && fn_receive(FN_HELPER_SOCKET, &m, &fd, FN_FOR_EVER) == FN_RECEIVED;) {
        if (m.kind == FN_MSG_FORK && fd >= 0)
            fork_worker(h, &m, fd);
        else if (m.kind == FN_MSG_REAP)
            reap_worker(h, &m);
        else
            break;
    }
    for (size_t i = 0; i < h->n_workers; i++)
        kill(h->workers[i], SIGKILL);
    for (size_t i = 0; i < h->n_workers; i++)
        while (waitpid(h->workers[i], NULL, 0) < 0 && errno == EINTR) {
        }
    free(h->workers);
}

/* A second has passed since it was said last: *said. */
static bool is_time(struct timespec *said)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const bool time = now.tv_sec - said->tv_sec > 1 || (now.tv_sec - said->tv_sec == 1 && now.tv_nsec >= said->tv_nsec);
    if (time)
        *said = now;
    return time;
}

static bool preparing;

void fn_pool_alive(void)
{
    static struct timespec said;
    fn_message m = {.kind = FN_MSG_ALIVE};
    if (preparing && is_time(&said) && !fn_send(FN_HELPER_SOCKET, &m, NULL, NULL, NULL, -1))
        end(0);
}

/* While the job is prepared. */
static void on_socket_signal(int signal)
{
    (void)signal;
    struct pollfd p = {.fd = FN_HELPER_SOCKET, .events = 0};
    if (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP))
        _exit(0);
}

static void watch_socket(bool on)
{
    struct sigaction action = {.sa_handler = on ? on_socket_signal : SIG_IGN, .sa_flags = SA_RESTART};
    sigaction(SIGIO, &action, NULL);
    fcntl(FN_HELPER_SOCKET, F_SETOWN, getpid());
    const int flags = fcntl(FN_HELPER_SOCKET, F_GETFL);
    fcntl(FN_HELPER_SOCKET, F_SETFL, on ? flags | O_ASYNC : flags & ~O_ASYNC);
    if (on)
        on_socket_signal(SIGIO); /* it may have been closed before */
}

static bool prepare(helper *h, const fn_helper *caller)
{
    fn_message m;
    int file;
    if (fn_receive(FN_HELPER_SOCKET, &m, &file, FN_FOR_EVER) != FN_RECEIVED || m.kind != FN_MSG_SETUP)
        return false;
    void *setup = malloc(m.data_bytes ? m.data_bytes : 1);
    if (!setup || fn_receive_block(FN_HELPER_SOCKET, setup, m.data_bytes, FN_FOR_EVER) != FN_RECEIVED)
        return false;
    fn_error err = {.text = ""};
    fn_message reply = {.status = FN_OK};
    void *left = NULL;
    size_t bytes = 0;
    if (m.bytes > 0 && file < 0)
        reply.status =
            (uint32_t)fn_fail(&err, FN_ERR_SYSTEM, "memory for results cannot be shared: too many files are open");
    if (file >= 0) {
        h->arena = mmap(NULL, m.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
        h->arena_bytes = m.bytes;
        close(file);
        if (h->arena == MAP_FAILED)
            reply.status =
                (uint32_t)fn_fail(&err, FN_ERR_MEMORY, "memory for results cannot be shared: %s", strerror(errno));
    }
    if (reply.status == FN_OK) {
        watch_socket(true);
        preparing = true;
        reply.status = (uint32_t)caller->prepare(setup, m.data_bytes, &h->job, &left, &bytes, &err);
        preparing = false;
        watch_socket(false);
    }
    explicit_bzero(setup, m.data_bytes); /* there may be passwords in it */
    free(setup);
    if (reply.status == FN_OK)
        reply.notes_bytes = left ? bytes : 0;
    else
        reply.text_bytes = (uint32_t)strlen(err.text);
    answer(&reply, err.text, left);
    free(left);
    return reply.status == FN_OK;
}

static void close_inherited(void)
{
    if (syscall(SYS_close_range, FN_HELPER_SOCKET + 1, ~0U, 0) == 0)
        return;
    const long most = sysconf(_SC_OPEN_MAX);
    for (int fd = FN_HELPER_SOCKET + 1; fd < (most > 0 && most < MOST_OPEN_FILES ? most : MOST_OPEN_FILES); fd++)
        close(fd);
}

/* A host without an output or error output gives us none, and the next file that is opened would be taken for it. */
static void open_missing(int fd)
{
    if (fcntl(fd, F_GETFD) < 0)
        (void)!open("/dev/null", O_WRONLY);
}

int fn_pool_help(const fn_helper *caller)
{
    helper h = {.host = -1};
    open_missing(STDOUT_FILENO);
    open_missing(STDERR_FILENO);
    fcntl(FN_HELPER_SOCKET, F_SETFD, FD_CLOEXEC);
    close_inherited();
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
#ifdef SYS_pidfd_open
    h.host = (int)syscall(SYS_pidfd_open, getppid(), 0);
    if (h.host >= 0)
        fcntl(h.host, F_SETFD, FD_CLOEXEC);
#endif
    if (prepare(&h, caller))
        serve(&h);
    return 0;
}
