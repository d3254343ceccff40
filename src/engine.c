/* The scheduler: a queue of wanted tasks, a queue of tasks to compute ahead, and a bounded store of results. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine_internal.h"
#include "trace.h"

/* A reader's claim on one task. */
typedef struct ticket {
    struct reader *reader;
    fn_entry *entry;
    struct ticket *next_of_entry;
    struct ticket *next_ready;
} ticket;

/* One call of fn_engine_read(). */
typedef struct reader {
    pthread_cond_t wake;
    ticket *ready, **ready_end;
    fn_status status; /* the first failure */
    fn_error err;
} reader;

typedef enum state { WANTED, AHEAD, RUNNING, DONE } state;

struct fn_entry {
    int64_t task;
    state state;
    bool seen;      /* a reader has had the result */
    uint64_t round; /* the call of fn_engine_read() that last had it */
    int pins;       /* readers that look at the result now */
    size_t bytes;
    void *result; /* while RUNNING and DONE */
    ticket *tickets;
    fn_entry *chain; /* in the hash table */
    struct list *list;
    fn_entry *before, *after;
};

typedef struct list {
    fn_entry *first, *last;
} list;

typedef struct finished {
    fn_report report;
    struct finished *next;
} finished;

#define POOL 32

struct fn_engine {
    fn_job job;
    int workers;
    size_t budget;
    long process;
    struct timespec born;

    pthread_mutex_t lock;
    pthread_cond_t work; /* something for the workers: a task, room for one, or the end */
    pthread_cond_t ended_now;
    pthread_t thread;
    bool started, ended; /* ended: all workers have stopped */
    void **worker_states;
    volatile bool stop;

    fn_entry **table;
    size_t table_size, n_entries;
    list wanted, ahead, unseen, seen; /* unseen, seen: results without a claim, oldest first */
    uint64_t round;                   /* counts calls of fn_engine_read() */
    int n_running, n_claimed;         /* n_claimed: results with tickets or pins */
    size_t bytes;                     /* of all results and the pool */
    struct {
        void *buffer;
        size_t bytes;
    } pool[POOL]; /* buffers to use again: fresh ones cost a page fault every 4 KB */
    int n_pool;

    finished *reports, **reports_end;
    fn_trace *trace;
    fn_engine_stats stats;
};

/* ---- small parts ---- */

double fn_engine_clock(const fn_engine *e)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - e->born.tv_sec) + 1e-9 * (double)(now.tv_nsec - e->born.tv_nsec);
}

const fn_job *fn_engine_job(const fn_engine *e)
{
    return &e->job;
}

const volatile bool *fn_engine_stop_flag(const fn_engine *e)
{
    return &e->stop;
}

int64_t fn_entry_task(const fn_entry *entry)
{
    return entry->task;
}

void *fn_entry_result(const fn_entry *entry)
{
    return entry->result;
}

static void append(list *l, fn_entry *entry)
{
    entry->list = l;
    entry->before = l->last;
    entry->after = NULL;
    *(l->last ? &l->last->after : &l->first) = entry;
    l->last = entry;
}

static void unlink_entry(fn_entry *entry)
{
    list *l = entry->list;
    if (!l)
        return;
    *(entry->before ? &entry->before->after : &l->first) = entry->after;
    *(entry->after ? &entry->after->before : &l->last) = entry->before;
    entry->list = NULL;
}

static size_t slot_of(const fn_engine *e, int64_t task)
{
    return (size_t)(((uint64_t)task * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (e->table_size - 1);
}

static fn_entry *find(const fn_engine *e, int64_t task)
{
    fn_entry *entry = e->table[slot_of(e, task)];
    while (entry && entry->task != task)
        entry = entry->chain;
    return entry;
}

static bool grow_table(fn_engine *e)
{
    const size_t size = e->table_size * 2;
    fn_entry **table = calloc(size, sizeof *table), **old = e->table;
    if (!table)
        return false;
    const size_t old_size = e->table_size;
    e->table = table;
    e->table_size = size;
    for (size_t i = 0; i < old_size; i++)
        for (fn_entry *entry = old[i], *next; entry; entry = next) {
            next = entry->chain;
            fn_entry **slot = &table[slot_of(e, entry->task)];
            entry->chain = *slot;
            *slot = entry;
        }
    free(old);
    return true;
}

static fn_entry *add(fn_engine *e, int64_t task, state s)
{
    if (e->n_entries >= e->table_size && !grow_table(e))
        return NULL;
    fn_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->task = task;
    entry->state = s;
    entry->bytes = e->job.task_bytes(e->job.user, task);
    fn_entry **slot = &e->table[slot_of(e, task)];
    entry->chain = *slot;
    *slot = entry;
    e->n_entries++;
    append(s == WANTED ? &e->wanted : &e->ahead, entry);
    return entry;
}

static void empty_pool(fn_engine *e)
{
    while (e->n_pool > 0) {
        e->n_pool--;
        e->bytes -= e->pool[e->n_pool].bytes;
        free(e->pool[e->n_pool].buffer);
    }
}

/* Forgets an entry; its buffer goes to the pool. */
static void drop(fn_engine *e, fn_entry *entry)
{
    unlink_entry(entry);
    fn_entry **slot = &e->table[slot_of(e, entry->task)];
    while (*slot != entry)
        slot = &(*slot)->chain;
    *slot = entry->chain;
    e->n_entries--;
    if (entry->result && e->n_pool < POOL) {
        e->pool[e->n_pool].buffer = entry->result;
        e->pool[e->n_pool++].bytes = entry->bytes;
    } else if (entry->result) {
        free(entry->result);
        e->bytes -= entry->bytes;
    }
    free(entry);
}

/* Gives a result without claims its place among those that may be dropped, as the youngest. */
static void shelve(fn_engine *e, fn_entry *entry)
{
    unlink_entry(entry);
    if (!entry->tickets && entry->pins == 0)
        append(entry->seen ? &e->seen : &e->unseen, entry);
}

/* ---- memory ---- */

static bool take_from_pool(fn_engine *e, fn_entry *entry)
{
    for (int i = e->n_pool - 1; i >= 0; i--)
        if (e->pool[i].bytes == entry->bytes) {
            entry->result = e->pool[i].buffer;
            e->pool[i] = e->pool[--e->n_pool];
            return true;
        }
    return false;
}

typedef enum room { ROOM, NO_ROOM_NOW, NO_MEMORY } room;

/* Finds memory for a task, dropping results that have been read, and for a wanted task also those computed ahead in vain.
 * What a reader had in its last call stays: strips lower than a tile come back to it. NO_ROOM_NOW: readers must give some back first. */
static room make_room(fn_engine *e, fn_entry *entry, bool wanted)
{
    const size_t need = entry->bytes;
    for (;;) {
        if (take_from_pool(e, entry))
            return ROOM;
        if (e->bytes + need <= e->budget)
            break;
        if (e->n_pool > 0)
            empty_pool(e);
        else if (e->seen.first && (wanted || e->seen.first->round < e->round))
            drop(e, e->seen.first);
        else if (wanted && e->unseen.first)
            drop(e, e->unseen.first);
        else if (wanted && e->n_running == 0 && e->n_claimed == 0)
            break; /* one task always runs, however small the budget */
        else
            return NO_ROOM_NOW;
    }
    entry->result = aligned_alloc(64, (need + 63) / 64 * 64 + (need == 0 ? 64 : 0));
    if (!entry->result)
        return NO_MEMORY;
    e->bytes += need;
    if (e->bytes > e->stats.bytes_peak)
        e->stats.bytes_peak = e->bytes;
    return ROOM;
}

/* ---- the workers' side ---- */

static void give(ticket *t)
{
    reader *r = t->reader;
    t->next_ready = NULL;
    *r->ready_end = t;
    r->ready_end = &t->next_ready;
    pthread_cond_signal(&r->wake);
}

/* Tells all who wait for a task that it failed, and forgets it: it is tried anew when wanted again. */
static void fail(fn_engine *e, fn_entry *entry, fn_status status, const fn_error *err)
{
    for (ticket *t = entry->tickets; t; t = t->next_of_entry) {
        if (t->reader->status == FN_OK) {
            t->reader->status = status;
            t->reader->err = *err;
            t->reader->err.status = status;
        }
        t->entry = NULL;
        pthread_cond_signal(&t->reader->wake);
    }
    drop(e, entry);
}

fn_entry *fn_engine_take(fn_engine *e)
{
    pthread_mutex_lock(&e->lock);
    fn_entry *entry = NULL;
    while (!e->stop) {
        entry = e->wanted.first ? e->wanted.first : e->ahead.first;
        const room r = entry ? make_room(e, entry, entry->state == WANTED) : NO_ROOM_NOW;
        if (r == ROOM)
            break;
        if (r == NO_MEMORY) {
            fn_error err;
            fn_fail(&err, FN_ERR_MEMORY, "out of memory: %zu bytes for one task", entry->bytes);
            fail(e, entry, FN_ERR_MEMORY, &err);
        } else
            pthread_cond_wait(&e->work, &e->lock);
        entry = NULL;
    }
    if (entry) {
        unlink_entry(entry);
        entry->state = RUNNING;
        e->n_running++;
    }
    pthread_mutex_unlock(&e->lock);
    return entry;
}

static void trace_task(fn_engine *e, const fn_report *report, const fn_error *err)
{
    char label[128] = "";
    if (!e->trace)
        return;
    if (e->job.task_label)
        e->job.task_label(e->job.user, report->task, label, sizeof label);
    else
        snprintf(label, sizeof label, "task %lld", (long long)report->task);
    fn_trace_event(e->trace, label, "task", report->process, report->worker + 1, report->begin, report->seconds,
                   report->status == FN_OK ? "ok" : err->text);
}

void fn_engine_complete(fn_engine *e, fn_entry *entry, const fn_report *report, const fn_error *err)
{
    finished *f = malloc(sizeof *f);
    pthread_mutex_lock(&e->lock);
    e->n_running--;
    e->stats.busy_seconds += report->seconds;
    e->stats.tasks_done += report->status == FN_OK;
    e->stats.tasks_failed += report->status != FN_OK && report->status != FN_ERR_CANCELLED;
    trace_task(e, report, err);
    if (f) {
        *f = (finished){.report = *report};
        *e->reports_end = f;
        e->reports_end = &f->next;
    }
    if (report->status == FN_OK) {
        entry->state = DONE;
        e->n_claimed += entry->tickets != NULL;
        for (ticket *t = entry->tickets; t; t = t->next_of_entry)
            give(t);
        shelve(e, entry);
    } else
        fail(e, entry, report->status, err);
    pthread_cond_broadcast(&e->work); /* room, or the one task that a small budget lets run */
    pthread_mutex_unlock(&e->lock);
}

void fn_engine_set_workers(fn_engine *e, int workers)
{
    pthread_mutex_lock(&e->lock);
    e->stats.workers = workers;
    pthread_mutex_unlock(&e->lock);
}

void **fn_engine_worker_state(fn_engine *e, int worker)
{
    return &e->worker_states[worker];
}

static void *background(void *arg)
{
    fn_engine *e = arg;
    fn_executor_openmp(e, e->workers);
    pthread_mutex_lock(&e->lock);
    e->ended = true;
    pthread_cond_broadcast(&e->ended_now);
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* Called with the lock held. Signals stay with the host's threads: new threads inherit a full mask. */
static fn_status start(fn_engine *e, fn_error *err)
{
    if (e->process != (long)getpid())
        return fn_fail(err, FN_ERR_SYSTEM, "this dataset was opened before a fork(); open it again in the new process");
    if (e->started)
        return FN_OK;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int failed = pthread_create(&e->thread, NULL, background, e);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed)
        return fn_fail(err, FN_ERR_SYSTEM, "cannot start a thread: %s", strerror(failed));
    e->started = true;
    return FN_OK;
}

/* ---- the readers' side ---- */

/* Tells the host's thread what has been finished since. Called with the lock held; gives it away meanwhile. */
static void deliver_reports(fn_engine *e)
{
    finished *f = e->reports;
    if (!f)
        return;
    e->reports = NULL;
    e->reports_end = &e->reports;
    pthread_mutex_unlock(&e->lock);
    while (f) {
        finished *next = f->next;
        if (e->job.on_report)
            e->job.on_report(e->job.user, &f->report);
        free(f);
        f = next;
    }
    pthread_mutex_lock(&e->lock);
}

/* Replaces what to compute next. Tasks that are there or on the way already are left alone; what was computed ahead for
 * another direction counts as seen, so that it can make room. */
static void set_ahead(fn_engine *e, const int64_t *tasks, size_t n)
{
    while (e->ahead.first)
        drop(e, e->ahead.first);
    for (fn_entry *entry = e->unseen.first; entry; entry = entry->after)
        entry->seen = true;
    for (size_t i = 0; i < n; i++) {
        fn_entry *entry = find(e, tasks[i]);
        if (!entry)
            add(e, tasks[i], AHEAD);
        else if (entry->state == DONE) {
            entry->seen &= entry->list != &e->unseen; /* in this list again */
            shelve(e, entry);                         /* soon wanted: the youngest */
        }
    }
    for (fn_entry *entry = e->unseen.first, *next; entry; entry = next) {
        next = entry->after;
        if (entry->seen)
            shelve(e, entry);
    }
    pthread_cond_broadcast(&e->work);
}

static fn_status claim(fn_engine *e, reader *r, ticket *t, int64_t task)
{
    fn_entry *entry = find(e, task);
    if (!entry)
        entry = add(e, task, WANTED);
    if (!entry)
        return FN_ERR_MEMORY;
    if (entry->state == AHEAD) {
        unlink_entry(entry);
        entry->state = WANTED;
        append(&e->wanted, entry);
    }
    if (entry->state == DONE) {
        e->n_claimed += !entry->tickets && entry->pins == 0;
        unlink_entry(entry);
    }
    *t = (ticket){.reader = r, .entry = entry, .next_of_entry = entry->tickets};
    entry->tickets = t;
    if (entry->state == DONE)
        give(t);
    return FN_OK;
}

/* Takes back a claim. Wanted tasks that nobody else waits for are dropped. */
static void unclaim(fn_engine *e, ticket *t)
{
    fn_entry *entry = t->entry;
    if (!entry)
        return;
    ticket **slot = &entry->tickets;
    while (*slot != t)
        slot = &(*slot)->next_of_entry;
    *slot = t->next_of_entry;
    t->entry = NULL;
    if (entry->tickets || entry->pins > 0)
        return;
    if (entry->state == WANTED)
        drop(e, entry);
    else if (entry->state == DONE) {
        e->n_claimed--;
        shelve(e, entry);
    }
}

/* Hands one ready result to the reader, without the lock. */
static bool hand_over(fn_engine *e, ticket *t, fn_consume consume, void *user)
{
    fn_entry *entry = t->entry;
    entry->pins++;
    pthread_mutex_unlock(&e->lock);
    const bool go_on = consume(user, entry->task, entry->result, entry->bytes);
    pthread_mutex_lock(&e->lock);
    entry->seen = true;
    entry->round = e->round;
    entry->pins--;
    e->stats.tasks_wanted++;
    unclaim(e, t);
    pthread_cond_broadcast(&e->work);
    return go_on;
}

static void wait_for(fn_engine *e, reader *r)
{
    if (r->ready || r->status != FN_OK)
        return;
    const double begin = fn_engine_clock(e);
    while (!r->ready && r->status == FN_OK)
        pthread_cond_wait(&r->wake, &e->lock);
    const double seconds = fn_engine_clock(e) - begin;
    e->stats.wait_seconds += seconds;
    fn_trace_event(e->trace, "wait", "reader", e->process, 0, begin, seconds, NULL);
}

static fn_status check_tasks(const fn_engine *e, const int64_t *tasks, size_t n, fn_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (tasks[i] < 0 || tasks[i] >= e->job.task_count)
            return fn_fail(err, FN_ERR_ARGUMENT, "task %lld is outside of 0..%lld", (long long)tasks[i],
                           (long long)e->job.task_count - 1);
    return FN_OK;
}

fn_status fn_engine_read(fn_engine *e, const int64_t *wanted, size_t n, const int64_t *ahead, size_t n_ahead,
                         fn_consume consume, void *user, fn_error *err)
{
    fn_status status = check_tasks(e, wanted, n, err);
    if (status == FN_OK)
        status = check_tasks(e, ahead, n_ahead, err);
    if (status != FN_OK)
        return status;
    ticket *tickets = calloc(n ? n : 1, sizeof *tickets);
    if (!tickets)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for %zu tasks", n);
    reader r = {.ready = NULL};
    r.ready_end = &r.ready;
    pthread_cond_init(&r.wake, NULL);

    if (e->process == (long)getpid()) /* else the lock may be held by a thread that is not here */
        pthread_mutex_lock(&e->lock);
    if ((status = start(e, err)) == FN_OK) {
        size_t claimed = 0;
        e->round += n > 0;
        while (claimed < n && claim(e, &r, &tickets[claimed], wanted[claimed]) == FN_OK)
            claimed++;
        if (claimed < n)
            status = fn_fail(err, FN_ERR_MEMORY, "out of memory for %zu tasks", n);
        set_ahead(e, ahead, n_ahead);
        for (size_t left = n; status == FN_OK && left > 0; left--) {
            wait_for(e, &r);
            if ((status = r.status) != FN_OK) {
                if (err)
                    *err = r.err;
                break;
            }
            ticket *t = r.ready;
            if (!(r.ready = t->next_ready))
                r.ready_end = &r.ready;
            if (!hand_over(e, t, consume, user))
                status = fn_fail(err, FN_ERR_CANCELLED, "stopped by the reader");
            deliver_reports(e);
        }
        for (size_t i = 0; i < claimed; i++)
            unclaim(e, &tickets[i]);
        deliver_reports(e);
        pthread_mutex_unlock(&e->lock);
    } else if (e->process == (long)getpid())
        pthread_mutex_unlock(&e->lock);
    pthread_cond_destroy(&r.wake);
    free(tickets);
    return status;
}

fn_status fn_engine_advise(fn_engine *e, const int64_t *ahead, size_t n_ahead, fn_error *err)
{
    return fn_engine_read(e, NULL, 0, ahead, n_ahead, NULL, NULL, err);
}

void fn_engine_get_stats(fn_engine *e, fn_engine_stats *stats)
{
    const bool ours = e->process == (long)getpid();
    if (ours)
        pthread_mutex_lock(&e->lock);
    *stats = e->stats;
    if (ours)
        pthread_mutex_unlock(&e->lock);
}

/* ---- birth and death ---- */

fn_status fn_engine_new(const fn_job *job, const fn_engine_options *options, fn_engine **out, fn_error *err)
{
    *out = NULL;
    if (options->workers < 1 || options->workers > FN_WORKERS_MAX)
        return fn_fail(err, FN_ERR_ARGUMENT, "%d workers: 1 to %d are possible", options->workers, FN_WORKERS_MAX);
    fn_engine *e = calloc(1, sizeof *e);
    fn_entry **table = calloc(256, sizeof *table);
    void **worker_states = calloc((size_t)options->workers, sizeof *worker_states);
    if (!e || !table || !worker_states) {
        free(e);
        free(table);
        free(worker_states);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    e->job = *job;
    e->workers = options->workers;
    e->budget = options->budget;
    e->process = (long)getpid();
    e->table = table;
    e->table_size = 256;
    e->worker_states = worker_states;
    e->reports_end = &e->reports;
    clock_gettime(CLOCK_MONOTONIC, &e->born);
    fn_status status = options->trace ? fn_trace_open(options->trace, &e->trace, err) : FN_OK;
    if (status != FN_OK) {
        free(worker_states);
        free(table);
        free(e);
        return status;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->work, NULL);
    pthread_cond_init(&e->ended_now, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = e;
    return FN_OK;
}

/* Tells the workers to stop and waits for it, until the deadline if there is one. */
static bool stop(fn_engine *e, const struct timespec *deadline)
{
    pthread_mutex_lock(&e->lock);
    __atomic_store_n(&e->stop, true, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&e->work);
    int waited = 0;
    while (!e->ended && waited == 0)
        waited = deadline ? pthread_cond_timedwait(&e->ended_now, &e->lock, deadline)
                          : pthread_cond_wait(&e->ended_now, &e->lock);
    const bool ended = e->ended;
    pthread_mutex_unlock(&e->lock);
    if (ended)
        pthread_join(e->thread, NULL);
    return ended;
}

static void destroy(fn_engine *e, bool ours)
{
    if (ours) {
        for (int i = 0; i < e->workers; i++)
            if (e->worker_states[i])
                e->job.worker_close(e->job.user, e->worker_states[i]);
        pthread_mutex_lock(&e->lock);
        deliver_reports(e);
        pthread_mutex_unlock(&e->lock);
        fn_trace_close(e->trace);
        pthread_mutex_destroy(&e->lock);
        pthread_cond_destroy(&e->work);
        pthread_cond_destroy(&e->ended_now);
    }
    for (size_t i = 0; i < e->table_size; i++)
        while (e->table[i])
            drop(e, e->table[i]);
    empty_pool(e);
    free(e->worker_states);
    free(e->table);
    free(e);
}

bool fn_engine_try_free(fn_engine *e, double seconds)
{
    if (!e)
        return true;
    const bool ours = e->process == (long)getpid(); /* in a forked child there is no thread to join */
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    const double end = (double)deadline.tv_nsec * 1e-9 + seconds;
    deadline.tv_sec += (time_t)end;
    deadline.tv_nsec = (long)((end - (double)(time_t)end) * 1e9);
    if (ours && e->started && !stop(e, &deadline))
        return false;
    destroy(e, ours);
    return true;
}

void fn_engine_free(fn_engine *e)
{
    if (!e)
        return;
    const bool ours = e->process == (long)getpid();
    if (ours && e->started)
        stop(e, NULL);
    destroy(e, ours);
}
