/* The host's side of a worker process: what the thread of the host does that is its worker. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"
#include "pool_internal.h"

/* Seconds a worker has to notice that its task has been cancelled; then it is killed. */
#define NOTICE 0.3
/* Seconds that a worker whose helper is gone may take to end. */
#define WORKER_MOST 5.0
/* Milliseconds that services are left alone for; a worker that says more is out of its mind. */
#define REST_MOST 600000

/* What a thread of the host knows of its worker. */
typedef struct proxy {
    fn_pool *pool;
    int number;
    int socket; /* -1: there is none */
    long process;
    int descriptor;  /* of the process, or 0 where the system has none */
    uint64_t helper; /* fn_pool::helpers as it was forked */
} proxy;

/* ---- its begin and end ---- */

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

/* Has the helper end the worker, by force if asked to, and says how it ended. */
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
    const bool told = has_helper && fn_pool_ask_locked(p, &m, -1, NULL, &failure) == FN_OK;
    pthread_mutex_unlock(&p->lock);
    if (told)
        fn_describe_end((int)m.bytes, how, size);
    else {
        snprintf(how, size, "ended: %.200s", has_helper ? failure.text : "the helper process has ended");
        wait_until_gone(w);
    }
    close(w->socket);
    fn_close_process(&w->descriptor);
    w->socket = -1;
}

static fn_status begin_worker(proxy *w, const volatile bool *cancel, fn_error *err)
{
    fn_pool *p = w->pool;
    int sockets[2];
    char how[256];
    if (w->socket >= 0 && fn_is_quiet(w->socket, w->descriptor))
        return FN_OK;
    end_worker(w, true, how, sizeof how); /* it has ended between two tasks: none of them is to blame */
    if (!fn_make_sockets(sockets))
        return fn_fail(err, FN_ERR_SYSTEM, "a socket cannot be made: %s", strerror(errno));
    fn_message m = {.kind = FN_MSG_FORK, .number = w->number};
    pthread_mutex_lock(&p->lock);
    fn_status status = fn_pool_start_locked(p, cancel, err);
    if (status == FN_OK)
        status = fn_pool_ask_locked(p, &m, sockets[1], cancel, err);
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
    w->descriptor = fn_open_process((pid_t)m.process);
    return FN_OK;
}

/* ---- a task ---- */

/* The worker has not answered as it should. */
static fn_status lost(proxy *w, const fn_task *task, fn_received r, fn_error *err)
{
    char how[256], label[256];
    const long process = w->process;
    fn_task_label(&w->pool->job, task->number, label, sizeof label);
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
    if (m->text_bytes >= sizeof told->text || m->notes_bytes > FN_NOTES_MOST || m->bytes > task->bytes ||
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

/* The task has been cancelled: tells the worker, if there is a way, and gives it a moment to end the task. */
static fn_received give_notice(proxy *w, fn_patience *patience, fn_message *m)
{
    if (!w->pool->arena)
        return FN_CANCELLED;
    __atomic_store_n(&fn_arena_line(w->pool->arena, w->number)->cancel, true, __ATOMIC_RELAXED);
    *patience = (fn_patience){NOTICE, NULL, w->descriptor};
    return fn_receive(w->socket, m, NULL, *patience);
}

/* ---- what workers have learned of services, for those that come after them ---- */

static uint64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

double fn_pool_rest(void *user)
{
    const fn_pool *p = user;
    const uint64_t until = __atomic_load_n(&p->rest_until, __ATOMIC_RELAXED), now = milliseconds_now();
    return until > now ? (double)(until - now) / 1000 : 0;
}

static void note_rest(fn_pool *p, uint64_t milliseconds)
{
    const uint64_t until = milliseconds_now() + (milliseconds < REST_MOST ? milliseconds : REST_MOST);
    uint64_t before = __atomic_load_n(&p->rest_until, __ATOMIC_RELAXED);
    while (before < until &&
           !__atomic_compare_exchange_n(&p->rest_until, &before, until, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

fn_status fn_pool_worker_run(void *user, void *worker, fn_task *task, fn_error *err)
{
    fn_pool *p = user;
    proxy *w = worker;
    fn_error told = {.text = ""};
    fn_status status = begin_worker(w, task->cancel, err), part_status = FN_OK;
    if (status != FN_OK)
        return status;
    task->process = w->process;
    if (p->arena) {
        fn_worker_line *line = fn_arena_line(p->arena, w->number);
        __atomic_store_n(&line->cancel, false, __ATOMIC_RELAXED);
        __atomic_store_n(&line->done, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&task->done, &line->done, __ATOMIC_RELAXED);
    }

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
    if (m.next > 0)
        note_rest(p, m.next);
    return m.status == FN_OK ? FN_OK : fn_pool_pass_on(&m, &told, err);
}

/* ---- the worker ---- */

void *fn_pool_worker_open(void *user, int number, fn_error *err)
{
    proxy *w = malloc(sizeof *w);
    if (!w) {
        fn_fail(err, FN_ERR_MEMORY, "out of memory");
        return NULL;
    }
    *w = (proxy){.pool = user, .number = number, .socket = -1};
    return w;
}

void fn_pool_worker_close(void *user, void *worker)
{
    (void)user;
    proxy *w = worker;
    char how[256];
    end_worker(w, true, how, sizeof how);
    free(w);
}
