/* The tile store: a queue of wanted tasks, a queue of tasks to compute ahead, and a bounded store of results. */
#include "fishnet/engine.h"

#include <stdlib.h>

#include "buffers.h"
#include "crew.h"

typedef struct fn_entry fn_entry;

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
    fn_task task; /* its result: while RUNNING and DONE */
    state state;
    bool seen;      /* a reader has had the result */
    uint64_t round; /* the call of fn_engine_read() that last had it */
    int pins;       /* readers that look at the result now */
    size_t bytes;   /* of its buffer */
    ticket *tickets;
    fn_entry *chain; /* in the hash table */
    struct list *list;
    fn_entry *before, *after;
};

typedef struct list {
    fn_entry *first, *last;
    int64_t n;
} list;

struct fn_engine {
    fn_crew crew; /* its lock is for all of this */
    volatile bool cancel;
    size_t budget;
    fn_entry **table;
    size_t table_size, n_entries;
    list wanted, ahead, unseen, seen; /* unseen, seen: results without a claim, oldest first */
    uint64_t round;                   /* counts calls of fn_engine_read() */
    int n_running, n_claimed;         /* n_claimed: results with tickets or pins */
    fn_buffers buffers;
    int64_t tasks_wanted;
    void (*freed)(void *user); /* see fn_engine_free_behind() */
    void *freed_user;
};

/* ---- the table and the lists; under the lock ---- */

static void append(list *l, fn_entry *entry)
{
    entry->list = l;
    entry->before = l->last;
    entry->after = NULL;
    *(l->last ? &l->last->after : &l->first) = entry;
    l->last = entry;
    l->n++;
}

static void unlink_entry(fn_entry *entry)
{
    list *l = entry->list;
    if (!l)
        return;
    *(entry->before ? &entry->before->after : &l->first) = entry->after;
    *(entry->after ? &entry->after->before : &l->last) = entry->before;
    entry->list = NULL;
    l->n--;
}

static size_t slot_of(const fn_engine *e, int64_t task)
{
    return (size_t)(((uint64_t)task * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (e->table_size - 1);
}

static fn_entry *find(const fn_engine *e, int64_t task)
{
    fn_entry *entry = e->table[slot_of(e, task)];
    while (entry && entry->task.number != task)
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
            fn_entry **slot = &table[slot_of(e, entry->task.number)];
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
    entry->task.number = task;
    entry->task.owner = entry;
    entry->state = s;
    entry->bytes = e->crew.job.task_bytes(e->crew.job.user, task);
    fn_entry **slot = &e->table[slot_of(e, task)];
    entry->chain = *slot;
    *slot = entry;
    e->n_entries++;
    append(s == WANTED ? &e->wanted : &e->ahead, entry);
    return entry;
}

/* Forgets an entry; its buffer goes to the pool. */
static void drop(fn_engine *e, fn_entry *entry)
{
    unlink_entry(entry);
    fn_entry **slot = &e->table[slot_of(e, entry->task.number)];
    while (*slot != entry)
        slot = &(*slot)->chain;
    *slot = entry->chain;
    e->n_entries--;
    fn_buffers_give(&e->buffers, entry->task.result, entry->bytes);
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

typedef enum room { ROOM, NO_ROOM_NOW, NO_MEMORY } room;

/* Finds memory for a task, dropping results that have been read, and for a wanted task also those computed ahead in
 * vain. What a reader had in its last call stays: strips lower than a tile come back to it. NO_ROOM_NOW: readers
 * must give some back first. */
static room make_room_locked(fn_engine *e, fn_entry *entry, bool wanted)
{
    fn_buffers *b = &e->buffers;
    const size_t need = entry->bytes;
    for (;;) {
        if ((entry->task.result = fn_buffers_reuse(b, need)) != NULL)
            return ROOM;
        if (b->bytes + need <= e->budget)
            break;
        if (b->n_pool > 0)
            fn_buffers_empty_pool(b);
        else if (e->seen.first && (wanted || e->seen.first->round < e->round))
            drop(e, e->seen.first);
        else if (wanted && e->unseen.first)
            drop(e, e->unseen.first);
        else if (wanted && e->n_running == 0 && e->n_claimed == 0)
            break; /* one task always runs, however small the budget */
        else
            return NO_ROOM_NOW;
    }
    entry->task.result = fn_buffers_make(b, need);
    return entry->task.result ? ROOM : NO_MEMORY;
}

/* ---- the workers' side ---- */

static void give_locked(ticket *t)
{
    reader *r = t->reader;
    t->next_ready = NULL;
    *r->ready_end = t;
    r->ready_end = &t->next_ready;
    pthread_cond_signal(&r->wake);
}

/* Tells all who wait for a task that it failed, and forgets it: it is tried anew when wanted again. */
static void fail_locked(fn_engine *e, fn_entry *entry, fn_status status, const fn_error *err)
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
    if (e->crew.workers == 0)
        fn_crew_wake_locked(&e->crew); /* readers wait there */
}

static fn_task *take_locked(void *self)
{
    fn_engine *e = self;
    for (fn_entry *entry; (entry = e->wanted.first ? e->wanted.first : e->ahead.first) != NULL;) {
        const room r = make_room_locked(e, entry, entry->state == WANTED);
        if (r == NO_ROOM_NOW)
            break;
        if (r == ROOM) {
            unlink_entry(entry);
            entry->state = RUNNING;
            entry->task.bytes = entry->bytes;
            entry->task.cancel = &e->cancel;
            e->n_running++;
            return &entry->task;
        }
        fn_error err;
        fn_fail(&err, FN_ERR_MEMORY, "out of memory: %zu bytes for one task", entry->bytes);
        fail_locked(e, entry, FN_ERR_MEMORY, &err);
    }
    return NULL;
}

/* What make_room_locked() would find out, as far as the first step tells. */
static bool may_have_room(const fn_engine *e, const fn_entry *entry)
{
    const fn_buffers *b = &e->buffers;
    const bool wanted = entry->state == WANTED;
    return b->n_pool > 0 || b->bytes + entry->bytes <= e->budget ||
           (e->seen.first && (wanted || e->seen.first->round < e->round)) || (wanted && e->unseen.first) ||
           (wanted && e->n_running == 0 && e->n_claimed == 0);
}

static int64_t tasks_locked(const void *self)
{
    const fn_engine *e = self;
    const fn_entry *entry = e->wanted.first ? e->wanted.first : e->ahead.first;
    return entry && may_have_room(e, entry) ? e->wanted.n + e->ahead.n : 0;
}

/* The worker looks for another task: there may be room now, or none runs and one always may. */
static void complete_locked(void *self, fn_task *task, fn_status status, const fn_error *err)
{
    fn_engine *e = self;
    fn_entry *entry = task->owner;
    e->n_running--;
    if (status == FN_OK) {
        entry->state = DONE;
        e->n_claimed += entry->tickets != NULL;
        for (ticket *t = entry->tickets; t; t = t->next_of_entry)
            give_locked(t);
        shelve(e, entry);
    } else
        fail_locked(e, entry, status, err);
}

static fn_status restart(void *self, fn_task *task, fn_error *err)
{
    (void)self, (void)err;
    task->bytes = ((fn_entry *)task->owner)->bytes;
    return FN_OK;
}

static void cancel_all_locked(void *self)
{
    fn_engine *e = self;
    __atomic_store_n(&e->cancel, true, __ATOMIC_RELAXED);
}

static const fn_scheduler scheduler = {.take = take_locked,
                                       .tasks = tasks_locked,
                                       .complete = complete_locked,
                                       .restart = restart,
                                       .stop = cancel_all_locked};

/* ---- the readers' side ---- */

/* Replaces what to compute next. Tasks that are there or on the way already are left alone; what was computed ahead for
 * another direction counts as seen, so that it can make room. */
static void set_ahead_locked(fn_engine *e, const int64_t *tasks, size_t n)
{
    while (e->ahead.first)
        drop(e, e->ahead.first);
    for (fn_entry *entry = e->unseen.first; entry; entry = entry->after)
        entry->seen = true;
    if (e->crew.workers == 0)
        n = 0; /* nobody would compute them */
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
    fn_crew_wake_locked(&e->crew);
}

static fn_status claim_locked(fn_engine *e, reader *r, ticket *t, int64_t task)
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
        give_locked(t);
    return FN_OK;
}

/* Takes back a claim. A wanted task that nobody else waits for is dropped. */
static void unclaim_locked(fn_engine *e, ticket *t)
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
static bool hand_over_locked(fn_engine *e, ticket *t, fn_consume consume, void *user)
{
    fn_entry *entry = t->entry;
    entry->pins++;
    pthread_mutex_unlock(&e->crew.lock);
    const bool go_on = consume(user, entry->task.number, entry->task.result, entry->task.bytes);
    fn_crew_lock_counted(&e->crew);
    entry->seen = true;
    entry->round = e->round;
    entry->pins--;
    e->tasks_wanted++;
    unclaim_locked(e, t);
    fn_crew_wake_locked(&e->crew);
    return go_on;
}

static void wait_for_locked(fn_engine *e, reader *r)
{
    if (r->ready || r->status != FN_OK)
        return;
    const double begin = fn_crew_clock(&e->crew);
    while (!r->ready && r->status == FN_OK)
        if (e->crew.workers > 0)
            pthread_cond_wait(&r->wake, &e->crew.lock);
        else if (!fn_crew_help_locked(&e->crew) && !r->ready && r->status == FN_OK)
            fn_crew_wait_locked(&e->crew);
    fn_crew_waited_locked(&e->crew, begin);
}

static fn_status check_tasks(const fn_engine *e, const int64_t *tasks, size_t n, fn_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (tasks[i] < 0 || tasks[i] >= e->crew.job.task_count)
            return fn_fail(err, FN_ERR_ARGUMENT, "task %lld is outside of 0..%lld", (long long)tasks[i],
                           (long long)e->crew.job.task_count - 1);
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

    if ((status = fn_crew_enter(&e->crew, err)) == FN_OK) {
        size_t claimed = 0;
        e->round += n > 0;
        while (claimed < n && claim_locked(e, &r, &tickets[claimed], wanted[claimed]) == FN_OK)
            claimed++;
        if (claimed < n)
            status = fn_fail(err, FN_ERR_MEMORY, "out of memory for %zu tasks", n);
        set_ahead_locked(e, ahead, n_ahead);
        for (size_t left = n; status == FN_OK && left > 0; left--) {
            wait_for_locked(e, &r);
            if ((status = r.status) != FN_OK) {
                if (err)
                    *err = r.err;
                break;
            }
            ticket *t = r.ready;
            if (!(r.ready = t->next_ready))
                r.ready_end = &r.ready;
            if (!hand_over_locked(e, t, consume, user))
                status = fn_fail(err, FN_ERR_CANCELLED, "stopped by the reader");
            fn_crew_deliver_reports_locked(&e->crew);
        }
        for (size_t i = 0; i < claimed; i++)
            unclaim_locked(e, &tickets[i]);
        fn_crew_wake_locked(&e->crew); /* what was claimed may have kept another reader's task waiting */
        fn_crew_leave(&e->crew);
    }
    pthread_cond_destroy(&r.wake);
    free(tickets);
    return status;
}

bool fn_engine_has(fn_engine *e, const int64_t *tasks, size_t n)
{
    if (!fn_crew_lock(&e->crew))
        return false;
    size_t found = 0;
    while (found < n && find(e, tasks[found]))
        found++;
    pthread_mutex_unlock(&e->crew.lock);
    return found == n;
}

fn_status fn_engine_advise(fn_engine *e, const int64_t *ahead, size_t n_ahead, fn_error *err)
{
    return fn_engine_read(e, NULL, 0, ahead, n_ahead, NULL, NULL, err);
}

void fn_engine_get_stats(fn_engine *e, fn_engine_stats *stats)
{
    const bool locked = fn_crew_lock(&e->crew);
    const fn_crew_stats *crew = &e->crew.stats;
    *stats = (fn_engine_stats){.workers = crew->workers,
                               .tasks_done = crew->tasks_done,
                               .tasks_wanted = e->tasks_wanted,
                               .tasks_failed = crew->tasks_failed,
                               .tasks_again = crew->tasks_again,
                               .busy_seconds = crew->busy_seconds,
                               .wait_seconds = crew->wait_seconds,
                               .bytes_peak = e->buffers.peak};
    if (locked)
        pthread_mutex_unlock(&e->crew.lock);
}

/* ---- birth and death ---- */

fn_status fn_engine_new(const fn_job *job, const fn_job_options *options, fn_engine **out, fn_error *err)
{
    *out = NULL;
    fn_status status = FN_ERR_MEMORY;
    fn_engine *e = calloc(1, sizeof *e);
    fn_entry **table = calloc(256, sizeof *table);
    if (!e || !table)
        fn_fail(err, status, "out of memory");
    else
        status = fn_crew_init(&e->crew, job, options, 0, &scheduler, e, err);
    if (status != FN_OK) {
        free(table);
        free(e);
        return status;
    }
    e->budget = options->budget;
    e->buffers.job = &e->crew.job;
    e->table = table;
    e->table_size = 256;
    *out = e;
    return FN_OK;
}

static void destroy(fn_engine *e)
{
    if (!fn_crew_destroy(&e->crew))
        return;
    for (size_t i = 0; i < e->table_size; i++)
        while (e->table[i])
            drop(e, e->table[i]);
    fn_buffers_empty_pool(&e->buffers);
    free(e->table);
    free(e);
}

bool fn_engine_try_free(fn_engine *e, double seconds)
{
    if (e && !fn_crew_stop(&e->crew, &seconds))
        return false;
    if (e)
        destroy(e);
    return true;
}

static void free_behind(void *self)
{
    fn_engine *e = self;
    void (*freed)(void *user) = e->freed;
    void *user = e->freed_user;
    destroy(e);
    freed(user);
}

bool fn_engine_free_behind(fn_engine *e, void (*freed)(void *user), void *user)
{
    if (e) {
        e->freed = freed;
        e->freed_user = user;
    }
    if (e && fn_crew_leave_behind(&e->crew, free_behind))
        return true;
    fn_engine_free(e);
    return false;
}

void fn_engine_free(fn_engine *e)
{
    if (!e)
        return;
    fn_crew_stop(&e->crew, NULL);
    destroy(e);
}
