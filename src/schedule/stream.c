/* The ordered stream: tasks are started in the order of their numbers, and their results wait in parts for the reader.
 *
 * A slot is a task that was started and is not read to its end. The slots are a queue without gaps: the first one is
 * that of the task whose turn it is, or there is none and the next task to start is the one.
 *
 * Memory. A buffer is allowed
 *   (1) within the budget, to the task whose turn it is; within three quarters of it, to a later one. The rest
 *       keeps the worker of the first task from going in step with the reader while the others wait.
 *   (2) always, to the task whose turn it is, while the reader sleeps because that task has no part for it.
 * In case (2) the reader holds no part, and all parts of that task are read. What earlier tasks had is read too, so
 * every other buffer belongs to a later task and was within the budget as it was made. Hence
 *   bytes_peak <= budget + the largest buffer.
 *
 * No deadlock, whatever the budget, the sizes and the number of workers. Suppose the reader sleeps, and T is the
 * task whose turn it is. T has no part and is not complete.
 *   T was started: its worker computes, which ends, or sleeps in fn_stream_part(). There (2) holds for it, and it has
 *   been woken since: it is the first of those that sleep there, and the reader wakes the first as it goes to sleep,
 *   and when the turn passes to another task.
 *   T was not started: then no later one was, because they are started in order; there are no slots, and every worker
 *   is idle, or on the way to it, and the crew wakes one as above. take_locked() starts T: (2) holds, and the limit of
 *   slots is not hit.
 *   (A worker that computes a task of no slot does not exist: slots are left only when they are complete.)
 * So T goes on until it has a part or is complete, and the reader wakes. The reader never waits for anything else,
 * and a worker that waits for room holds nothing that T needs.
 *
 * The reader needs a CPU, too. Where there is a worker for each CPU, one of them starts no task while the reader has
 * enough to do: it would only be further ahead, and the reader slower. While the reader sleeps none of them rests. */
#include "fishnet/stream.h"

#include <stdlib.h>

#include "crew.h"
#include "part_queue.h"

typedef struct slot {
    fn_stream *stream;
    fn_task task;
    size_t bytes; /* of the buffer at task.result */
    volatile bool cancel;
    volatile uint32_t done; /* see fn_task_progress() */
    bool complete;
    bool ends;     /* the attempt says that this task is the last */
    int64_t given; /* parts that were handed over */
    int64_t skip;  /* parts of another attempt that were handed over before */
    size_t need;   /* bytes that its worker waits for */
    pthread_cond_t room;
    fn_part_queue parts; /* that wait for the reader */
    struct slot *next;
    struct slot *next_sleeper;
} slot;

struct fn_stream {
    fn_crew crew; /* its lock is for all of this */
    size_t budget;
    pthread_cond_t news; /* for the reader */
    bool waiting;        /* the reader sleeps: the task whose turn it is has nothing for it */

    slot *slots, **slots_end;
    slot *sleepers;     /* whose workers wait for room, in the order of their tasks */
    int64_t turn, next; /* the task to read, the task to start */
    int running;        /* tasks that are being computed */
    int most_ahead;     /* of them while the reader has enough to do */
    int64_t end;        /* tasks from here on are cancelled */
    int64_t failed;     /* the first task that failed, or -1; end is behind it */
    fn_error err;       /* why */

    fn_waiting *current; /* what the reader has */
    fn_buffers buffers;
    int64_t parts_read;
    void (*freed)(void *user); /* see fn_stream_free_behind() */
    void *freed_user;
};

/* How many tasks may be started and not read, for each worker: a bound where results are small or empty. */
#define SLOTS_PER_WORKER 24
/* Seconds that a reader waits, and again. */
#define LONG 3600.0

/* ---- memory ---- */

typedef enum room { ROOM, NO_ROOM_NOW, NO_MEMORY } room;

static bool must_have(const fn_stream *s, int64_t task)
{
    return s->waiting && task == s->turn;
}

/* All buffers together, that a task may have one: the rules above. */
static size_t most_for(const fn_stream *s, int64_t task)
{
    return must_have(s, task) ? SIZE_MAX : task == s->turn ? s->budget : s->budget - s->budget / 4;
}

static bool has_room(const fn_stream *s, int64_t task, size_t bytes)
{
    const size_t most = most_for(s, task), used = s->buffers.bytes - s->buffers.idle;
    return used <= most && bytes <= most - used;
}

/* A buffer for a task. NO_MEMORY only where it could not wait for some either. */
static room make_room_locked(fn_stream *s, int64_t task, size_t bytes, void **out)
{
    fn_buffers *b = &s->buffers;
    const bool must = must_have(s, task);
    const size_t most = most_for(s, task);
    if (b->bytes <= most && (*out = fn_buffers_reuse(b, bytes)) != NULL)
        return ROOM;
    if (!has_room(s, task, bytes))
        return NO_ROOM_NOW;
    const size_t goal = most < s->budget ? most : s->budget;
    if (b->bytes > goal || bytes > goal - b->bytes)
        fn_buffers_empty_pool(b);
    *out = fn_buffers_make(b, bytes);
    return *out ? ROOM : must ? NO_MEMORY : NO_ROOM_NOW;
}

static void release(fn_stream *s, slot *t)
{
    fn_buffers_give(&s->buffers, t->task.result, t->bytes);
    t->task.result = NULL;
    t->task.bytes = t->bytes = 0;
}

/* There is room, or another turn: for the first worker that waits in its task, and for one that starts another. */
static void wake_locked(fn_stream *s)
{
    const slot *first = s->sleepers;
    if (first && has_room(s, first->task.number, first->need))
        pthread_cond_signal(&s->sleepers->room);
    fn_crew_wake_locked(&s->crew);
}

/* A worker waits in its task, until wake_locked(), or its task is cancelled, or a while less. */
static void sleep_locked(fn_stream *s, slot *t, size_t bytes)
{
    slot **at = &s->sleepers;
    while (*at && (*at)->task.number < t->task.number)
        at = &(*at)->next_sleeper;
    t->next_sleeper = *at;
    *at = t;
    t->need = bytes;
    pthread_cond_wait(&t->room, &s->crew.lock);
    for (at = &s->sleepers; *at != t;)
        at = &(*at)->next_sleeper;
    *at = t->next_sleeper;
}

static void cancel_locked(slot *t)
{
    __atomic_store_n(&t->cancel, true, __ATOMIC_RELAXED);
    pthread_cond_signal(&t->room);
}

/* ---- the workers' side ---- */

/* Wakes the reader if it is the turn of this task. */
static void tell_reader_locked(fn_stream *s, int64_t task)
{
    if (task == s->turn) {
        s->waiting = false; /* now, not when it runs: a quick worker would take all the memory in between */
        pthread_cond_signal(&s->news);
    }
}

/* Ends the stream before task `end`: cancels the tasks from there on and drops their parts. */
static void cut_locked(fn_stream *s, int64_t end)
{
    if (end >= s->end)
        return;
    s->end = end;
    if (s->failed >= end)
        s->failed = -1;
    for (slot *t = s->slots; t; t = t->next)
        if (t->task.number >= end) {
            cancel_locked(t);
            fn_queue_empty(&t->parts, &s->buffers);
        }
    wake_locked(s);
}

static void fail_locked(fn_stream *s, int64_t task, fn_status status, const fn_error *err)
{
    if (task >= s->end)
        return;
    cut_locked(s, task + 1);
    s->failed = task;
    s->err = *err;
    s->err.status = status;
    tell_reader_locked(s, task);
}

static void fail_for_memory_locked(fn_stream *s, int64_t task, size_t bytes)
{
    fn_error err;
    fn_fail(&err, FN_ERR_MEMORY, "out of memory: %zu bytes for one task", bytes);
    fail_locked(s, task, FN_ERR_MEMORY, &err);
}

static const fn_task_calls calls;

/* The reader has enough to do: the rest of the task whose turn it is, and a whole one. */
static bool is_ahead(const fn_stream *s)
{
    const slot *first = s->slots, *second = first ? first->next : NULL;
    return second && first->complete && second->complete;
}

/* Tasks that may be started, if there is room. */
static int64_t startable(const fn_stream *s)
{
    if (s->running >= s->most_ahead && is_ahead(s))
        return 0;
    const int64_t slots = s->turn + SLOTS_PER_WORKER * (int64_t)s->crew.workers - s->next, tasks = s->end - s->next;
    return s->next == s->failed ? 0 : slots < tasks ? slots : tasks;
}

static int64_t tasks_locked(const void *self)
{
    const fn_stream *s = self;
    const int64_t n = startable(s);
    return n > 0 && has_room(s, s->next, s->crew.job.task_bytes(s->crew.job.user, s->next)) ? n : 0;
}

static fn_task *take_locked(void *self)
{
    fn_stream *s = self;
    if (startable(s) <= 0)
        return NULL;
    const size_t bytes = s->crew.job.task_bytes(s->crew.job.user, s->next);
    void *result = NULL;
    const room r = make_room_locked(s, s->next, bytes, &result);
    slot *t = r == ROOM ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        fn_buffers_give(&s->buffers, result, bytes);
        if (r != NO_ROOM_NOW)
            fail_for_memory_locked(s, s->next, bytes);
        return NULL;
    }
    t->stream = s;
    t->bytes = bytes;
    t->task = (fn_task){
        .number = s->next++, .result = result, .bytes = bytes, .cancel = &t->cancel, .owner = t, .calls = &calls};
    t->task.done = &t->done;
    fn_queue_init(&t->parts);
    pthread_cond_init(&t->room, NULL);
    *s->slots_end = t;
    s->slots_end = &t->next;
    s->running++;
    return &t->task;
}

/* Puts the first `used` bytes of the task's buffer in the line for the reader. False without memory. What a failed
 * attempt has handed over is there already: parts depend on the task alone. */
static bool hand_over_locked(fn_stream *s, slot *t, size_t used, bool last)
{
    if (t->skip > 0 && !last) {
        t->skip--;
        return true;
    }
    const fn_waiting p = {used > 0 ? t->task.result : NULL, used, used > 0 ? t->bytes : 0, last, NULL};
    if (!fn_queue_add(&t->parts, p))
        return false;
    if (used > 0)
        t->task.result = NULL;
    t->given++;
    tell_reader_locked(s, t->task.number);
    return true;
}

/* A task that gave parts before, and has no bytes at its end, gives an empty part: the reader is told which is the
 * last. */
static void complete_locked(void *self, fn_task *task, fn_status status, const fn_error *err)
{
    fn_stream *s = self;
    slot *t = task->owner;
    const size_t used = !task->result ? 0 : task->bytes < t->bytes ? task->bytes : t->bytes;
    t->complete = true;
    s->running--;
    if (status == FN_OK && t->ends)
        cut_locked(s, task->number + 1);
    if (status == FN_OK && t->skip > 0) {
        fn_error changed;
        fn_fail(&changed, FN_ERR_READ, "a second attempt gave less than the first: the input has changed");
        fail_locked(s, task->number, FN_ERR_READ, &changed);
    } else if (status == FN_OK && task->number < s->end && (used > 0 || t->given > 0) &&
               !hand_over_locked(s, t, used, true))
        fail_for_memory_locked(s, task->number, sizeof(fn_waiting));
    else if (status != FN_OK)
        fail_locked(s, task->number, status, err);
    release(s, t);
    wake_locked(s);
    tell_reader_locked(s, task->number);
}

/* Waits for a buffer. */
static fn_status renew_locked(fn_stream *s, slot *t, size_t bytes, fn_error *err)
{
    for (;;) {
        if (t->cancel)
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        const room r = make_room_locked(s, t->task.number, bytes, &t->task.result);
        if (r == NO_MEMORY)
            return fn_fail(err, FN_ERR_MEMORY, "out of memory: %zu bytes for one part", bytes);
        if (r == ROOM) {
            t->task.bytes = t->bytes = bytes;
            wake_locked(s); /* the next one */
            return FN_OK;
        }
        sleep_locked(s, t, bytes);
    }
}

static fn_status restart(void *self, fn_task *task, fn_error *err)
{
    fn_stream *s = self;
    slot *t = task->owner;
    const size_t bytes = s->crew.job.task_bytes(s->crew.job.user, task->number);
    fn_crew_lock_counted(&s->crew);
    t->skip = t->given;
    t->ends = false;
    release(s, t);
    const fn_status status = renew_locked(s, t, bytes, err);
    pthread_mutex_unlock(&s->crew.lock);
    return status;
}

static fn_status hand_over_part(fn_task *task, size_t used, size_t bytes, fn_error *err)
{
    slot *t = task->owner;
    fn_stream *s = t->stream;
    if (used > t->bytes)
        return fn_fail(err, FN_ERR_ARGUMENT, "a part of %zu bytes from a buffer of %zu", used, t->bytes);
    fn_crew_lock_counted(&s->crew);
    fn_status status = FN_OK;
    if (used > 0 && !t->cancel && !hand_over_locked(s, t, used, false))
        status = fn_fail(err, FN_ERR_MEMORY, "out of memory: %zu bytes for one part", sizeof(fn_waiting));
    release(s, t);
    if (status == FN_OK)
        status = renew_locked(s, t, bytes, err);
    pthread_mutex_unlock(&s->crew.lock);
    return status;
}

static void end_here(fn_task *task)
{
    ((slot *)task->owner)->ends = true; /* until the task is whole it is but an attempt that says so */
}

static const fn_task_calls calls = {.part = hand_over_part, .end = end_here};

static void cancel_all_locked(void *self)
{
    fn_stream *s = self;
    for (slot *t = s->slots; t; t = t->next)
        cancel_locked(t);
    tell_reader_locked(s, s->turn);
}

static const fn_scheduler scheduler = {.take = take_locked,
                                       .tasks = tasks_locked,
                                       .complete = complete_locked,
                                       .restart = restart,
                                       .stop = cancel_all_locked};

/* ---- the reader's side ---- */

static void free_slot(fn_stream *s, slot *t)
{
    fn_queue_empty(&t->parts, &s->buffers);
    release(s, t);
    pthread_cond_destroy(&t->room);
    free(t);
}

/* The turn passes to the next task. */
static void advance_locked(fn_stream *s)
{
    slot *t = s->slots;
    if (!(s->slots = t->next))
        s->slots_end = &s->slots;
    free_slot(s, t);
    s->turn++;
    wake_locked(s);
}

/* seconds: at most. */
static void wait_for_news_locked(fn_stream *s, double seconds)
{
    const double begin = fn_crew_clock(&s->crew);
    const struct timespec end = fn_crew_from_now(seconds);
    s->waiting = true;
    wake_locked(s);
    while (s->waiting && pthread_cond_timedwait(&s->news, &s->crew.lock, &end) == 0)
        ;
    s->waiting = false;
    fn_crew_waited_locked(&s->crew, begin);
}

/* The next part in the line, or NULL: all is through, or a failure. */
static fn_status next_part_locked(fn_stream *s, fn_waiting **out, fn_error *err)
{
    for (*out = NULL;;) {
        slot *t = s->slots;
        if (s->turn == s->failed && (!t || (t->complete && !t->parts.first))) {
            if (err)
                *err = s->err;
            return s->err.status;
        }
        if (s->crew.stop)
            return fn_fail(err, FN_ERR_CANCELLED, "stopped");
        if (t && (*out = fn_queue_pop(&t->parts)) != NULL)
            return FN_OK;
        if (s->turn >= s->end)
            return FN_OK;
        if (t && t->complete)
            advance_locked(s);
        else
            wait_for_news_locked(s, LONG);
    }
}

static void drop_current_locked(fn_stream *s)
{
    if (!s->current)
        return;
    fn_queue_free_part(&s->buffers, s->current);
    s->current = NULL;
    wake_locked(s);
}

fn_status fn_stream_next(fn_stream *s, fn_part *out, fn_error *err)
{
    *out = (fn_part){.data = NULL};
    fn_status status = fn_crew_enter(&s->crew, err);
    if (status != FN_OK)
        return status;
    drop_current_locked(s);
    fn_waiting *p = NULL;
    status = next_part_locked(s, &p, err);
    if (p) {
        static const char nothing[1];
        *out = (fn_part){.task = s->turn, .data = p->data ? p->data : nothing, .bytes = p->used, .last = p->last};
        s->current = p;
        s->parts_read++;
    }
    fn_crew_leave(&s->crew);
    return status;
}

static double under_way_locked(const fn_stream *s)
{
    double tasks = 0;
    for (const slot *t = s->slots; t; t = t->next)
        tasks += t->complete ? 1 : fn_task_done(&t->task);
    return tasks;
}

static bool is_ready_locked(fn_stream *s)
{
    for (;;) {
        const slot *t = s->slots;
        if (s->crew.stop || s->turn >= s->end || (t && t->parts.first) || (s->turn == s->failed && (!t || t->complete)))
            return true;
        if (!t || !t->complete)
            return false;
        advance_locked(s);
    }
}

fn_status fn_stream_wait(fn_stream *s, double seconds, bool *ready, double *under_way, fn_error *err)
{
    const fn_status status = fn_crew_enter(&s->crew, err);
    *ready = status == FN_OK && is_ready_locked(s);
    if (status != FN_OK)
        return status;
    if (!*ready && seconds > 0) {
        drop_current_locked(s);
        wait_for_news_locked(s, seconds);
        *ready = is_ready_locked(s);
    }
    if (under_way)
        *under_way = under_way_locked(s);
    fn_crew_leave(&s->crew);
    return FN_OK;
}

void fn_stream_report(fn_stream *s)
{
    if (fn_crew_lock(&s->crew))
        fn_crew_leave(&s->crew);
}

void fn_stream_get_stats(fn_stream *s, fn_stream_stats *stats)
{
    const bool locked = fn_crew_lock(&s->crew);
    const fn_crew_stats *crew = &s->crew.stats;
    *stats = (fn_stream_stats){.workers = crew->workers,
                               .tasks_done = crew->tasks_done,
                               .tasks_again = crew->tasks_again,
                               .parts = s->parts_read,
                               .busy_seconds = crew->busy_seconds,
                               .wait_seconds = crew->wait_seconds,
                               .bytes_peak = s->buffers.peak};
    if (locked)
        pthread_mutex_unlock(&s->crew.lock);
}

/* ---- birth and death ---- */

fn_status fn_stream_new(const fn_job *job, const fn_job_options *options, fn_stream **out, fn_error *err)
{
    *out = NULL;
    fn_stream *s = calloc(1, sizeof *s);
    if (!s)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    const fn_status status = fn_crew_init(&s->crew, job, options, 1, &scheduler, s, err);
    if (status != FN_OK) {
        free(s);
        return status;
    }
    s->budget = options->budget;
    s->buffers.job = &s->crew.job;
    s->end = job->task_count;
    s->failed = -1;
    s->most_ahead = s->crew.workers > 1 && s->crew.workers >= fn_cpu_count() ? s->crew.workers - 1 : s->crew.workers;
    s->slots_end = &s->slots;
    fn_crew_init_condition(&s->news);
    *out = s;
    return FN_OK;
}

static void destroy(fn_stream *s)
{
    if (!fn_crew_destroy(&s->crew))
        return;
    fn_queue_free_part(&s->buffers, s->current);
    for (slot *t = s->slots, *next; t; t = next) {
        next = t->next;
        free_slot(s, t);
    }
    fn_buffers_empty_pool(&s->buffers);
    pthread_cond_destroy(&s->news);
    free(s);
}

bool fn_stream_try_free(fn_stream *s, double seconds)
{
    if (s && !fn_crew_stop(&s->crew, &seconds))
        return false;
    if (s)
        destroy(s);
    return true;
}

static void free_behind(void *self)
{
    fn_stream *s = self;
    void (*freed)(void *user) = s->freed;
    void *user = s->freed_user;
    destroy(s);
    freed(user);
}

bool fn_stream_free_behind(fn_stream *s, void (*freed)(void *user), void *user)
{
    if (s) {
        s->freed = freed;
        s->freed_user = user;
    }
    if (s && fn_crew_leave_behind(&s->crew, free_behind))
        return true;
    fn_stream_free(s);
    return false;
}

void fn_stream_free(fn_stream *s)
{
    if (!s)
        return;
    fn_crew_stop(&s->crew, NULL);
    destroy(s);
}
