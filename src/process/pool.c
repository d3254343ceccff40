/* The host's side of worker processes. The other side is helper.c. */
#include "fishnet/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "crew.h"
#include "wire.h"

/* Seconds a worker has to notice that its task is not wanted any more; then it is killed. */
#define NOTICE 0.3
/* Seconds the helper has to end by itself. */
#define HELPER_NOTICE 1.0
/* Seconds the helper has to fork or end a worker, which takes milliseconds; and those of them in which that is not
 * broken off: workers of tasks that are still wanted would end with the helper. */
#define HELPER_MOST 4.0
#define HELPER_CALM 1.0
/* Seconds that a worker whose helper is gone may take to end. */
#define WORKER_MOST 5.0
#define TEXT_MOST 1024
#define NOTES_MOST ((uint64_t)1 << 30)

struct fn_pool {
    fn_job job;    /* the caller's */
    fn_job remote; /* what schedulers get */
    char **command;
    void *setup;
    size_t setup_bytes;
    double timeout;
    int workers;
    fn_arena *arena; /* NULL: results are not shared */
    long process;    /* that made the pool */

    pthread_mutex_t lock; /* for what follows: one thread at a time talks to the helper */
    pid_t helper;         /* 0: there is none */
    int control;
    int helper_process; /* descriptor, or 0 where the system has none */
    uint64_t helpers;   /* that have been started */
    void *answer;
    size_t answer_bytes;
};

/* What a thread of the host knows of its worker. */
typedef struct proxy {
    fn_pool *pool;
    int number;
    int socket; /* -1: there is none */
    long process;
    int descriptor;  /* of the process, or 0 where the system has none */
    uint64_t helper; /* fn_pool::helpers as it was forked */
} proxy;

/* A descriptor of a process that has not been waited for; 0: this system has none. */
static int open_process(pid_t process)
{
    int fd = -1;
#ifdef SYS_pidfd_open
    fd = (int)syscall(SYS_pidfd_open, process, 0);
    if (fd >= 0 && fd < 10) {
        const int low = fd;
        fd = fcntl(low, F_DUPFD_CLOEXEC, 10);
        close(low);
    }
#else
    (void)process;
#endif
    return fd < 0 ? 0 : fd;
}

static void close_process(int *descriptor)
{
    if (*descriptor > 0)
        close(*descriptor);
    *descriptor = 0;
}

/* Has the other side nothing to say, as it should while it is asked nothing? */
static bool is_quiet(int socket, int process)
{
    struct pollfd p[2] = {{.fd = socket, .events = POLLIN}, {.fd = process > 0 ? process : -1, .events = POLLIN}};
    return poll(p, 2, 0) <= 0;
}

/* ---- the helper ---- */

/* A socket above those that the helper's file descriptors are put on. */
static bool move_up(int *fd)
{
    const int moved = fcntl(*fd, F_DUPFD_CLOEXEC, 10);
    close(*fd);
    *fd = moved;
    return moved >= 0;
}

static bool make_sockets(int sockets[2])
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
static int spawn(char *const *command, int socket, pid_t *process)
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

static void sleep_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* How the helper ended, after waiting for it. With the lock held. */
static int end_helper(fn_pool *p)
{
    if (p->helper <= 0)
        return 0;
    shutdown(p->control, SHUT_RDWR); /* also where another program of the host has inherited the socket */
    close(p->control);
    int status = 0;
    pid_t ended = 0;
    for (double waited = 0; ended == 0 && waited < HELPER_NOTICE; waited += 0.002) {
        ended = waitpid(p->helper, &status, WNOHANG);
        if (ended == 0)
            sleep_a_little();
    }
    if (ended == 0) {
        kill(p->helper, SIGKILL);
        while (waitpid(p->helper, &status, 0) < 0 && errno == EINTR) {
        }
    }
    close_process(&p->helper_process);
    p->helper = 0;
    return ended < 0 ? 0 : status;
}

/* "was killed by signal 11 (Segmentation fault)" */
static void describe_end(int status, char *text, size_t size)
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

static fn_status helper_failed(fn_pool *p, fn_received r, fn_error *err)
{
    char how[128];
    if (r == FN_CANCELLED || r == FN_TIMED_OUT) {
        end_helper(p);
        return r == FN_CANCELLED ? fn_fail(err, FN_ERR_CANCELLED, "cancelled")
                                 : fn_fail(err, FN_ERR_SYSTEM, "the helper process does not answer");
    }
    if (r == FN_GARBAGE)
        kill(p->helper, SIGKILL);
    const int status = end_helper(p);
    describe_end(status, how, sizeof how);
    return fn_fail(err, FN_ERR_SYSTEM, "the helper process %s%s", how,
                   r == FN_GARBAGE ? " (it gave an answer that makes no sense)" : "");
}

/* Sends a request and waits for the answer's header. With the lock held. */
static fn_status ask(fn_pool *p, fn_message *m, int fd, const volatile bool *cancel, fn_error *err)
{
    fn_received r = FN_CLOSED;
    if (fn_send(p->control, m, NULL, NULL, NULL, fd))
        r = fn_receive(p->control, m, NULL, (fn_patience){HELPER_CALM, NULL, p->helper_process});
    if (r == FN_TIMED_OUT)
        r = fn_receive(p->control, m, NULL, (fn_patience){HELPER_MOST - HELPER_CALM, cancel, p->helper_process});
    if (r == FN_RECEIVED && (m->kind != FN_MSG_ANSWER || m->text_bytes > TEXT_MOST || m->notes_bytes > NOTES_MOST))
        r = FN_GARBAGE;
    return r == FN_RECEIVED ? FN_OK : helper_failed(p, r, err);
}

/* The helper takes as long as it needs to prepare, and says now and then that it is alive. Silence has the limit
 * that a task has. */
static fn_patience while_it_prepares(const fn_pool *p, const volatile bool *cancel)
{
    return (fn_patience){p->timeout > 0 ? p->timeout : __builtin_inf(), cancel, p->helper_process};
}

static fn_status prepare_failed(fn_pool *p, fn_received r, fn_error *err)
{
    if (r != FN_TIMED_OUT)
        return helper_failed(p, r, err);
    kill(p->helper, SIGKILL);
    end_helper(p);
    return fn_fail(err, FN_ERR_SYSTEM,
                   "the helper process has said nothing for %g seconds while it prepared (TASK_TIMEOUT)", p->timeout);
}

static fn_received wait_until_prepared(fn_pool *p, fn_message *m, const volatile bool *cancel)
{
    fn_received r;
    do
        r = fn_receive(p->control, m, NULL, while_it_prepares(p, cancel));
    while (r == FN_RECEIVED && m->kind == FN_MSG_ALIVE);
    const bool sense = m->kind == FN_MSG_ANSWER && m->text_bytes <= TEXT_MOST && m->notes_bytes <= NOTES_MOST &&
                       m->status <= FN_ERR_SYSTEM;
    return r == FN_RECEIVED && !sense ? FN_GARBAGE : r;
}

/* What another process says of a failure. */
static fn_status pass_on(const fn_message *m, const fn_error *told, fn_error *err)
{
    return fn_fail(err, (fn_status)m->status, "%s", told->text[0] ? told->text : "a worker process gives no reason");
}

static fn_status read_answer(fn_pool *p, const fn_message *m, const volatile bool *cancel, fn_error *err)
{
    fn_error told = {.text = ""};
    void *answer = malloc(m->notes_bytes ? m->notes_bytes : 1);
    if (!answer) {
        end_helper(p);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    const fn_patience patience = while_it_prepares(p, cancel);
    fn_received r = fn_receive_block(p->control, told.text, m->text_bytes, patience);
    if (r == FN_RECEIVED)
        r = fn_receive_block(p->control, answer, m->notes_bytes, patience);
    told.text[sizeof told.text - 1] = '\0';
    if (r != FN_RECEIVED || m->status != FN_OK) {
        free(answer);
        if (r != FN_RECEIVED)
            return prepare_failed(p, r, err);
        end_helper(p);
        return pass_on(m, &told, err);
    }
    if (p->answer) { /* of an earlier helper, which said the same; the caller may be looking at it */
        free(answer);
        return FN_OK;
    }
    p->answer = answer;
    p->answer_bytes = m->notes_bytes;
    return FN_OK;
}

static fn_status start(fn_pool *p, const volatile bool *cancel, fn_error *err)
{
    if (cancel && fn_is_cancelled(cancel))
        return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    if (p->helper > 0 && is_quiet(p->control, p->helper_process))
        return FN_OK;
    end_helper(p); /* it has ended while nobody asked it for anything */
    int sockets[2];
    if (!make_sockets(sockets))
        return fn_fail(err, FN_ERR_SYSTEM, "a socket cannot be made: %s", strerror(errno));
    const int failed = spawn(p->command, sockets[1], &p->helper);
    close(sockets[1]);
    if (failed) {
        close(sockets[0]);
        p->helper = 0;
        return fn_fail(err, FN_ERR_SYSTEM, "the program %s, which worker processes need, cannot be started: %s",
                       p->command[0], strerror(failed));
    }
    p->control = sockets[0];
    p->helper_process = open_process(p->helper);
    p->helpers++;
    fn_message m = {
        .kind = FN_MSG_SETUP, .bytes = p->arena ? fn_arena_bytes(p->arena) : 0, .data_bytes = p->setup_bytes};
    fn_received r = FN_CLOSED;
    if (fn_send(p->control, &m, NULL, NULL, p->setup, p->arena ? fn_arena_file(p->arena) : -1))
        r = wait_until_prepared(p, &m, cancel);
    return r == FN_RECEIVED ? read_answer(p, &m, cancel, err) : prepare_failed(p, r, err);
}

/* ---- a worker, as its thread sees it ---- */

/* Waits for the end of a worker whose helper has ended: the system kills it, but not at once, and its buffer is
 * about to be another's. */
static void wait_until_gone(const proxy *w)
{
    char rest[256];
    struct pollfd p = {.fd = w->descriptor > 0 ? w->descriptor : w->socket, .events = POLLIN};
    for (double waited = 0; waited < WORKER_MOST; waited += 0.05) {
        const int n = poll(&p, 1, 50);
        if (n > 0 && (w->descriptor > 0 || recv(w->socket, rest, sizeof rest, MSG_DONTWAIT) <= 0))
            return;
    }
}

/* Has the worker ended, by force if need be, and says how it did. */
static void end_worker(proxy *w, bool by_force, char *how, size_t size)
{
    fn_pool *p = w->pool;
    fn_error failure;
    snprintf(how, size, "ended");
    if (w->socket < 0)
        return;
    fn_message m = {.kind = FN_MSG_REAP, .process = w->process, .bytes = by_force};
    pthread_mutex_lock(&p->lock);
    const bool has_helper = p->helper > 0 && p->helpers == w->helper;
    const bool told = has_helper && ask(p, &m, -1, NULL, &failure) == FN_OK;
    pthread_mutex_unlock(&p->lock);
    if (told)
        describe_end((int)m.bytes, how, size);
    else {
        snprintf(how, size, "ended: %.200s", has_helper ? failure.text : "the helper process has ended");
        wait_until_gone(w);
    }
    close(w->socket);
    close_process(&w->descriptor);
    w->socket = -1;
}

static fn_status begin_worker(proxy *w, const volatile bool *cancel, fn_error *err)
{
    fn_pool *p = w->pool;
    int sockets[2];
    char how[256];
    if (w->socket >= 0 && is_quiet(w->socket, w->descriptor))
        return FN_OK;
    end_worker(w, true, how, sizeof how); /* it has ended between two tasks: none of them is to blame */
    if (!make_sockets(sockets))
        return fn_fail(err, FN_ERR_SYSTEM, "a socket cannot be made: %s", strerror(errno));
    fn_message m = {.kind = FN_MSG_FORK, .number = w->number};
    pthread_mutex_lock(&p->lock);
    fn_status status = start(p, cancel, err);
    if (status == FN_OK)
        status = ask(p, &m, sockets[1], cancel, err);
    w->helper = p->helpers;
    pthread_mutex_unlock(&p->lock);
    close(sockets[1]);
    if (status == FN_OK && m.process <= 0)
        status = fn_fail(err, FN_ERR_SYSTEM, "a worker process cannot be made: %s", strerror((int)m.bytes));
    if (status != FN_OK) {
        close(sockets[0]);
        return status;
    }
    w->socket = sockets[0];
    w->process = (long)m.process;
    w->descriptor = open_process((pid_t)m.process);
    return FN_OK;
}

static void label_of(const fn_pool *p, int64_t task, char *label, size_t size)
{
    snprintf(label, size, "task %lld", (long long)task);
    if (p->job.task_label)
        p->job.task_label(p->job.user, task, label, size);
}

/* The worker has not answered as it should. */
static fn_status lost(proxy *w, const fn_task *task, fn_received r, fn_error *err)
{
    char how[256], label[256];
    const long process = w->process;
    label_of(w->pool, task->number, label, sizeof label);
    end_worker(w, r != FN_CLOSED, how, sizeof how);
    switch (r) {
    case FN_CANCELLED:
        return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    case FN_TIMED_OUT:
        return fn_fail(err, FN_ERR_SYSTEM, "%s: worker process %ld has not answered within %g seconds (TASK_TIMEOUT)",
                       label, process, w->pool->timeout);
    case FN_GARBAGE:
        return fn_fail(err, FN_ERR_SYSTEM, "%s: worker process %ld gave an answer that makes no sense", label, process);
    default:
        return fn_fail(err, FN_ERR_SYSTEM, "%s: worker process %ld %s", label, process, how);
    }
}

static fn_received receive_data(proxy *w, const fn_task *task, uint64_t offset, const fn_message *m,
                                fn_patience patience)
{
    if (offset != FN_NOT_SHARED)
        return m->data_bytes == 0 ? FN_RECEIVED : FN_GARBAGE;
    if (m->data_bytes != m->bytes)
        return FN_GARBAGE;
    return fn_receive_block(w->socket, task->result, m->data_bytes, patience);
}

static fn_received receive_end(proxy *w, fn_task *task, uint64_t offset, const fn_message *m, fn_patience patience,
                               fn_error *told)
{
    const fn_job *job = &w->pool->job;
    if (m->text_bytes >= sizeof told->text || m->notes_bytes > NOTES_MOST || m->bytes > task->bytes ||
        m->status > FN_ERR_SYSTEM)
        return FN_GARBAGE;
    fn_received r = fn_receive_block(w->socket, told->text, m->text_bytes, patience);
    told->text[m->text_bytes] = '\0';
    void *notes = r == FN_RECEIVED && m->notes_bytes ? malloc(m->notes_bytes) : NULL;
    if (r == FN_RECEIVED && m->notes_bytes && !notes)
        return FN_CLOSED;
    if (r == FN_RECEIVED && notes)
        r = fn_receive_block(w->socket, notes, m->notes_bytes, patience);
    if (r == FN_RECEIVED)
        r = receive_data(w, task, offset, m, patience);
    if (r == FN_RECEIVED && notes && job->notes_from_bytes)
        task->notes = job->notes_from_bytes(job->user, notes, m->notes_bytes);
    free(notes);
    return r;
}

static uint64_t offset_of(const fn_pool *p, const fn_task *task)
{
    uint64_t offset;
    return p->arena && fn_arena_offset(p->arena, task->result, &offset) ? offset : FN_NOT_SHARED;
}

/* Passes a part on to the scheduler, and its next buffer to the worker. */
static fn_received pass_part(proxy *w, fn_task *task, const fn_message *m, fn_status *status, fn_error *err)
{
    if (!task->calls || m->next > FN_BUFFER_MOST)
        return FN_GARBAGE;
    *status = task->calls->part(task, m->bytes, m->next, err);
    fn_message answer = {.kind = FN_MSG_BUFFER, .status = (uint32_t)*status};
    if (*status == FN_OK) {
        answer.offset = offset_of(w->pool, task);
        answer.bytes = task->bytes;
    }
    return fn_send(w->socket, &answer, NULL, NULL, NULL, -1) ? FN_RECEIVED : FN_CLOSED;
}

/* A task that is not wanted any more: the worker is told, if it can be, and has a moment to come to its end. */
static fn_received give_notice(proxy *w, fn_patience *patience, fn_message *m)
{
    if (!w->pool->arena)
        return FN_CANCELLED;
    __atomic_store_n(&fn_arena_line(w->pool->arena, w->number)->cancel, true, __ATOMIC_RELAXED);
    *patience = (fn_patience){NOTICE, NULL, w->descriptor};
    return fn_receive(w->socket, m, NULL, *patience);
}

static fn_status run(void *user, void *worker, fn_task *task, fn_error *err)
{
    fn_pool *p = user;
    proxy *w = worker;
    fn_error told = {.text = ""};
    fn_status status = begin_worker(w, task->cancel, err), part_status = FN_OK;
    if (status != FN_OK)
        return status;
    task->process = w->process;
    if (p->arena)
        __atomic_store_n(&fn_arena_line(p->arena, w->number)->cancel, false, __ATOMIC_RELAXED);

    uint64_t offset = offset_of(p, task);
    fn_message m = {.kind = FN_MSG_RUN,
                    .number = task->number,
                    .next = (uint64_t)task->variant,
                    .offset = offset,
                    .bytes = task->bytes};
    fn_received r = fn_send(w->socket, &m, NULL, NULL, NULL, -1) ? FN_RECEIVED : FN_CLOSED;
    fn_patience patience = {p->timeout > 0 ? p->timeout : __builtin_inf(), task->cancel, w->descriptor};
    while (r == FN_RECEIVED) {
        r = fn_receive(w->socket, &m, NULL, patience);
        if (r == FN_CANCELLED)
            r = give_notice(w, &patience, &m);
        if (r != FN_RECEIVED)
            break;
        if (m.kind == FN_MSG_PART && m.bytes <= task->bytes && part_status == FN_OK) {
            if ((r = receive_data(w, task, offset, &m, patience)) == FN_RECEIVED)
                r = pass_part(w, task, &m, &part_status, err);
            offset = offset_of(p, task);
        } else if (m.kind == FN_MSG_END && task->calls)
            task->calls->end(task);
        else if (m.kind == FN_MSG_DONE) {
            r = receive_end(w, task, offset, &m, patience, &told);
            break;
        } else
            r = FN_GARBAGE;
    }
    if (part_status != FN_OK) { /* the scheduler has the buffer no more, and the worker has been told */
        if (r != FN_RECEIVED)
            (void)lost(w, task, r, &told);
        return part_status;
    }
    if (r != FN_RECEIVED)
        return lost(w, task, fn_is_cancelled(task->cancel) ? FN_CANCELLED : r, err);
    task->bytes = m.bytes;
    return m.status == FN_OK ? FN_OK : pass_on(&m, &told, err);
}

static void *open_proxy(void *user, int number, fn_error *err)
{
    proxy *w = malloc(sizeof *w);
    if (!w) {
        fn_fail(err, FN_ERR_MEMORY, "out of memory");
        return NULL;
    }
    *w = (proxy){.pool = user, .number = number, .socket = -1};
    return w;
}

static void close_proxy(void *user, void *worker)
{
    (void)user;
    proxy *w = worker;
    char how[256];
    end_worker(w, true, how, sizeof how);
    free(w);
}

/* ---- what else a scheduler asks of a job: the caller's own ---- */

static size_t task_bytes(void *user, int64_t task)
{
    const fn_job *job = &((fn_pool *)user)->job;
    return job->task_bytes(job->user, task);
}

static bool on_failure(void *user, fn_task *task, const fn_error *err)
{
    const fn_job *job = &((fn_pool *)user)->job;
    return job->on_failure(job->user, task, err);
}

static void on_report(void *user, const fn_report *report)
{
    const fn_job *job = &((fn_pool *)user)->job;
    job->on_report(job->user, report);
}

static void task_label(void *user, int64_t task, char *label, size_t size)
{
    const fn_job *job = &((fn_pool *)user)->job;
    job->task_label(job->user, task, label, size);
}

static void *result_new(void *user, size_t bytes)
{
    return fn_arena_take(((fn_pool *)user)->arena, bytes);
}

static void result_free(void *user, void *result, size_t bytes)
{
    fn_arena_give(((fn_pool *)user)->arena, result, bytes);
}

/* ---- birth and death ---- */

static bool copy_command(fn_pool *p, const char *const *command)
{
    size_t n = 0;
    while (command[n])
        n++;
    p->command = calloc(n + 1, sizeof *p->command);
    for (size_t i = 0; p->command && i < n; i++)
        if (!(p->command[i] = strdup(command[i])))
            return false;
    return p->command != NULL;
}

static void destroy(fn_pool *p)
{
    fn_arena_free(p->arena);
    for (char **word = p->command; word && *word; word++)
        free(*word);
    free(p->command);
    free(p->setup);
    free(p->answer);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

fn_status fn_pool_new(const fn_pool_options *options, const fn_job *job, fn_pool **out, fn_error *err)
{
    *out = NULL;
    if (options->workers < 1 || options->workers > FN_WORKERS_MAX)
        return fn_fail(err, FN_ERR_ARGUMENT, "%d workers: 1 to %d are possible", options->workers, FN_WORKERS_MAX);
    fn_pool *p = calloc(1, sizeof *p);
    if (!p)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    pthread_mutex_init(&p->lock, NULL);
    p->job = *job;
    p->setup = malloc(options->setup_bytes ? options->setup_bytes : 1);
    if (!copy_command(p, options->command) || !p->setup) {
        destroy(p);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    memcpy(p->setup, options->setup, options->setup_bytes);
    p->setup_bytes = options->setup_bytes;
    p->timeout = options->timeout;
    p->workers = options->workers;
    p->process = (long)getpid();
    p->arena = fn_arena_new(options->memory, options->workers);
    p->remote = (fn_job){.task_count = job->task_count,
                         .user = p,
                         .task_bytes = task_bytes,
                         .worker_open = open_proxy,
                         .worker_run = run,
                         .worker_close = close_proxy,
                         .on_failure = job->on_failure ? on_failure : NULL,
                         .on_report = job->on_report ? on_report : NULL,
                         .task_label = job->task_label ? task_label : NULL,
                         .result_new = p->arena ? result_new : NULL,
                         .result_free = p->arena ? result_free : NULL};
    *out = p;
    return FN_OK;
}

const fn_job *fn_pool_job(fn_pool *p)
{
    return &p->remote;
}

fn_status fn_pool_start(fn_pool *p, fn_error *err)
{
    pthread_mutex_lock(&p->lock);
    const fn_status status = start(p, NULL, err);
    pthread_mutex_unlock(&p->lock);
    return status;
}

const void *fn_pool_answer(fn_pool *p, size_t *bytes)
{
    pthread_mutex_lock(&p->lock);
    const void *answer = p->answer;
    *bytes = p->answer_bytes;
    pthread_mutex_unlock(&p->lock);
    return answer;
}

void fn_pool_free(fn_pool *p)
{
    if (!p || p->process != (long)getpid())
        return;
    pthread_mutex_lock(&p->lock);
    end_helper(p);
    pthread_mutex_unlock(&p->lock);
    destroy(p);
}
