/* The engine with synthetic jobs: the result of a task is a function of its number. */
#include "check.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fishnet/engine.h"

#define TASKS_MAX 4096

/* A job, and what was seen of it. */
typedef struct work {
    /* How tasks behave. */
    int64_t count;
    size_t bytes;        /* of a result... */
    bool uneven;         /* ... or up to 8 times as many, by the task */
    int busy_us;         /* how long a task takes */
    int64_t failing;     /* this task fails (-1: none) ... */
    atomic_int failures; /* ... so many times */
    int64_t stubborn;    /* this task runs until let_go, and does not look at the cancel flag (-1: none) */
    int64_t slow;        /* this task runs until it is cancelled, 20 s at most (-1: none) */
    int open_fails_from; /* workers from this number cannot be opened (-1: all can) */
    bool notes;
    int report_ms;         /* how long the host takes for a report */
    atomic_bool gate_shut; /* tasks wait while it is */
    atomic_bool let_go;

    atomic_int runs[TASKS_MAX];
    atomic_int run_total, running, running_peak;
    atomic_int opened, closed, open_calls;
    atomic_int notes_made, reports, notes_reported;
    atomic_int cancelled;
    atomic_llong reader_thread; /* 0: any; else the only thread for on_report */
    pthread_mutex_t lock;
    int reports_of[TASKS_MAX];
    atomic_int place_of[TASKS_MAX]; /* among all runs */
    double last_end;
    atomic_int workers;
} work;

typedef struct note {
    int64_t task;
    int delivered;
} note;

static long thread_id(void)
{
    return syscall(SYS_gettid);
}

static size_t bytes_of_task(void *user, int64_t task)
{
    const work *w = user;
    return w->uneven ? w->bytes * (size_t)(1 + (task * 7) % 8) : w->bytes;
}

static void fill(unsigned char *result, size_t bytes, int64_t task)
{
    check_random r = {(uint64_t)task * 77 + 5};
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t x = random_bits(&r);
        memcpy(result + i, &x, 8);
    }
    for (; i < bytes; i++)
        result[i] = (unsigned char)random_bits(&r);
}

static bool is_filled(const unsigned char *result, size_t bytes, int64_t task)
{
    check_random r = {(uint64_t)task * 77 + 5};
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t x = random_bits(&r);
        if (memcmp(result + i, &x, 8) != 0)
            return false;
    }
    for (; i < bytes; i++)
        if (result[i] != (unsigned char)random_bits(&r))
            return false;
    return true;
}

static _Thread_local bool freeing;

/* Workers are closed by the thread that frees the engine, while it does. */
static void free_engine(fn_engine *engine)
{
    freeing = true;
    fn_engine_free(engine);
    freeing = false;
}

/* What a worker keeps: it must always run on the thread that made it, one call at a time. */
typedef struct handle {
    work *w;
    long thread;
    int worker;
    atomic_int inside;
} handle;

static void *open_worker(void *user, int worker, fn_error *err)
{
    work *w = user;
    atomic_fetch_add(&w->open_calls, 1);
    EXPECT(worker >= 0 && worker < w->workers, "worker %d of %d", worker, w->workers);
    if (w->open_fails_from >= 0 && worker >= w->open_fails_from) {
        fn_fail(err, FN_ERR_READ, "worker %d finds no file", worker);
        return NULL;
    }
    handle *h = calloc(1, sizeof *h);
    if (h == NULL)
        abort();
    h->w = w;
    h->thread = thread_id();
    h->worker = worker;
    atomic_fetch_add(&w->opened, 1);
    return h;
}

static void close_worker(void *user, void *worker)
{
    work *w = user;
    handle *h = worker;
    EXPECT(h->w == w, "another job's worker");
    EXPECT(freeing || thread_id() == h->thread,
           "closed by another thread than the one that frees, or its own after a failure");
    EXPECT(atomic_load(&h->inside) == 0, "closed while it runs");
    free(h);
    atomic_fetch_add(&w->closed, 1);
}

/* As a worker should look at the flag: another thread sets it. */
static bool is_set(const volatile bool *cancel)
{
    return __atomic_load_n(cancel, __ATOMIC_RELAXED);
}

static fn_status run_task(void *user, void *worker, fn_task *job, fn_error *err)
{
    const int64_t task = job->number;
    void *result = job->result;
    const volatile bool *cancel = job->cancel;
    work *w = user;
    handle *h = worker;
    EXPECT(task >= 0 && task < w->count, "task %" PRId64 " of %" PRId64, task, w->count);
    EXPECT(h->thread == thread_id(), "run on another thread than opened");
    EXPECT(atomic_fetch_add(&h->inside, 1) == 0, "two tasks at once in one worker");
    EXPECT((uintptr_t)result % 64 == 0, "result at %p", result);
    EXPECT(job->notes == NULL, "notes are not empty");
    EXPECT(job->bytes == bytes_of_task(user, task), "%zu bytes", job->bytes);
    EXPECT(cancel != NULL, "no cancel flag");
    atomic_fetch_add(&w->runs[task], 1);
    const int place = atomic_fetch_add(&w->run_total, 1);
    atomic_store(&w->place_of[task], place);
    int now = atomic_fetch_add(&w->running, 1) + 1, peak = atomic_load(&w->running_peak);
    while (now > peak && !atomic_compare_exchange_weak(&w->running_peak, &peak, now))
        ;
    fn_status status = FN_OK;
    if (w->notes) {
        note *n = calloc(1, sizeof *n);
        if (n == NULL)
            abort();
        n->task = task;
        job->notes = n;
        atomic_fetch_add(&w->notes_made, 1);
    }
    while (atomic_load(&w->gate_shut) && !is_set(cancel))
        sleep_ms(1);
    if (task == w->stubborn)
        for (int i = 0; i < 10000 && !atomic_load(&w->let_go); i++)
            sleep_ms(2);
    if (task == w->slow)
        for (int i = 0; i < 10000 && !is_set(cancel); i++)
            sleep_ms(2);
    if (is_set(cancel)) {
        atomic_fetch_add(&w->cancelled, 1);
        status = fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    } else if (task == w->failing && atomic_fetch_sub(&w->failures, 1) > 0) {
        memset(result, 0xEE, bytes_of_task(user, task));
        status = fn_fail(err, FN_ERR_READ, "task %" PRId64 " is broken", task);
    } else {
        if (w->busy_us > 0) {
            struct timespec t = {0, w->busy_us * 1000L};
            nanosleep(&t, NULL);
        }
        fill(result, bytes_of_task(user, task), task);
    }
    atomic_fetch_sub(&w->running, 1);
    atomic_fetch_sub(&h->inside, 1);
    return status;
}

static void on_report(void *user, const fn_report *report)
{
    work *w = user;
    if (w->report_ms > 0)
        sleep_ms(w->report_ms);
    atomic_fetch_add(&w->reports, 1);
    EXPECT(report->task >= 0 && report->task < w->count, "report of task %" PRId64, report->task);
    EXPECT(report->worker >= 0 && report->worker < w->workers, "report of worker %d", report->worker);
    EXPECT(report->process == (long)getpid(), "process %ld", report->process);
    EXPECT(report->begin >= 0 && report->seconds >= 0 && report->begin < 1000 && report->seconds < 1000, "times %g %g",
           report->begin, report->seconds);
    long long thread = atomic_load(&w->reader_thread);
    EXPECT(thread == 0 || thread == thread_id(), "report on another thread than the reader's");
    if (report->status == FN_OK)
        EXPECT(report->seconds >= 1e-6 * w->busy_us * 0.5, "%g s for a task of %d us", report->seconds, w->busy_us);
    note *n = report->notes;
    if (report->status == FN_OK || n != NULL) /* a task whose worker could not be opened never ran */
        EXPECT((n != NULL) == w->notes, "notes");
    pthread_mutex_lock(&w->lock);
    w->reports_of[report->task]++;
    pthread_mutex_unlock(&w->lock);
    if (n != NULL) {
        EXPECT(n->task == report->task, "notes of task %" PRId64 " in the report of %" PRId64, n->task, report->task);
        atomic_fetch_add(&w->notes_reported, 1);
        free(n);
    }
}

static void label_task(void *user, int64_t task, char *label, size_t size)
{
    (void)user;
    snprintf(label, size, "tile \"%" PRId64 "\" \\ of\t\xC3\xA9", task);
}

static work *new_work(int64_t count, size_t bytes)
{
    work *w = calloc(1, sizeof *w);
    REQUIRE(w != NULL, "memory");
    REQUIRE(count <= TASKS_MAX, "tasks");
    w->count = count;
    w->bytes = bytes;
    w->failing = w->slow = w->stubborn = -1;
    w->open_fails_from = -1;
    w->notes = true;
    pthread_mutex_init(&w->lock, NULL);
    return w;
}

static fn_engine *start_traced(work *w, int workers, size_t budget, const char *trace)
{
    fn_job job = {.task_count = w->count,
                  .user = w,
                  .task_bytes = bytes_of_task,
                  .worker_open = open_worker,
                  .worker_run = run_task,
                  .worker_close = close_worker,
                  .on_report = on_report,
                  .task_label = label_task};
    fn_job_options options = {.workers = workers, .budget = budget, .trace = trace};
    fn_engine *engine = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    w->workers = workers > 0 ? workers : 1; /* the reader itself */
    REQUIRE(fn_engine_new(&job, &options, &engine, &err) == FN_OK, "%s", err.text);
    memset(&job, 0xA5, sizeof job); /* the job is copied */
    return engine;
}

static fn_engine *start(work *w, int workers, size_t budget)
{
    return start_traced(w, workers, budget, NULL);
}

/* Frees the engine and checks what must hold when it is gone. */
static void finish(work *w, fn_engine *engine)
{
    fn_engine_stats s;
    memset(&s, 0xA5, sizeof s);
    fn_engine_get_stats(engine, &s);
    EXPECT(s.workers >= 0 && s.workers <= w->workers, "%d workers", s.workers);
    EXPECT(s.tasks_failed >= 0 && s.tasks_wanted >= 0 && s.busy_seconds >= 0 && s.wait_seconds >= 0, "stats");
    free_engine(engine);
    EXPECT(atomic_load(&w->running) == 0, "%d tasks run on", atomic_load(&w->running));
    EXPECT(atomic_load(&w->opened) == atomic_load(&w->closed), "%d workers opened, %d closed", atomic_load(&w->opened),
           atomic_load(&w->closed));
    EXPECT(atomic_load(&w->notes_made) == atomic_load(&w->notes_reported), "%d notes made, %d reported",
           atomic_load(&w->notes_made), atomic_load(&w->notes_reported));
    EXPECT(atomic_load(&w->reports) == atomic_load(&w->run_total), "%d reports of %d runs", atomic_load(&w->reports),
           atomic_load(&w->run_total));
    for (int64_t t = 0; t < w->count; t++)
        EXPECT(w->reports_of[t] == atomic_load(&w->runs[t]), "task %" PRId64 ": %d reports of %d runs", t,
               w->reports_of[t], atomic_load(&w->runs[t]));
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* What one read was given. */
typedef struct taken {
    work *w;
    int times[TASKS_MAX];
    int total;
    int stop_at; /* consume returns false at this one; 0: never */
    int pause_us;
    long thread;
} taken;

static bool take(void *user, int64_t task, const void *result, size_t bytes)
{
    taken *t = user;
    EXPECT(task >= 0 && task < t->w->count, "task %" PRId64, task);
    EXPECT(bytes == bytes_of_task(t->w, task), "task %" PRId64 " has %zu bytes", task, bytes);
    EXPECT(is_filled(result, bytes, task), "task %" PRId64 " has a wrong result", task);
    EXPECT(t->thread == thread_id(), "consumed on another thread");
    t->times[task]++;
    t->total++;
    if (t->pause_us > 0) {
        struct timespec pause = {0, t->pause_us * 1000L};
        nanosleep(&pause, NULL);
    }
    return t->stop_at == 0 || t->total < t->stop_at;
}

static taken *new_taken(work *w)
{
    taken *t = calloc(1, sizeof *t);
    if (t == NULL)
        abort();
    t->w = w;
    t->thread = thread_id();
    return t;
}

/* Reads tasks and checks that each comes once; returns the status. */
static fn_status read_tasks(work *w, fn_engine *engine, const int64_t *wanted, size_t n, const int64_t *ahead,
                            size_t n_ahead, fn_error *err)
{
    taken *t = new_taken(w);
    fn_error local;
    memset(&local, 0, sizeof local);
    fn_status status = fn_engine_read(engine, wanted, n, ahead, n_ahead, take, t, &local);
    if (status == FN_OK) {
        EXPECT(t->total == (int)n, "%d of %zu tasks", t->total, n);
        for (size_t i = 0; i < n; i++)
            EXPECT(t->times[wanted[i]] == 1, "task %" PRId64 " came %d times", wanted[i], t->times[wanted[i]]);
    } else {
        EXPECT(local.status == status, "status %d, in the error %d", status, local.status);
        EXPECT_ERROR_TEXT(local, "status %d", status);
        for (size_t i = 0; i < n; i++)
            EXPECT(t->times[wanted[i]] <= 1, "task %" PRId64 " came %d times", wanted[i], t->times[wanted[i]]);
    }
    if (err != NULL)
        *err = local;
    free(t);
    return status;
}

static void read_range(work *w, fn_engine *engine, int64_t first, int64_t n)
{
    int64_t wanted[TASKS_MAX];
    for (int64_t i = 0; i < n; i++)
        wanted[i] = first + i;
    fn_error err;
    EXPECT(read_tasks(w, engine, wanted, (size_t)n, NULL, 0, &err) == FN_OK, "%s", err.text);
}

static int count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    REQUIRE(dir != NULL, "/proc/self/task");
    int n = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static bool wait_for(atomic_int *value, int at_least, int ms)
{
    for (int i = 0; i < ms && atomic_load(value) < at_least; i++)
        sleep_ms(1);
    return atomic_load(value) >= at_least;
}

/* ---- the tests ---- */

static void options_are_checked(void)
{
    work *w = new_work(4, 100);
    fn_job job = {.task_count = w->count,
                  .user = w,
                  .task_bytes = bytes_of_task,
                  .worker_open = open_worker,
                  .worker_run = run_task,
                  .worker_close = close_worker,
                  .on_report = on_report};
    static const int bad[] = {-2, -1, FN_WORKERS_MAX + 1};
    for (int i = 0; i < 3; i++) {
        fn_engine *engine = (fn_engine *)(uintptr_t)1;
        fn_error err;
        memset(&err, 0, sizeof err);
        fn_status status = fn_engine_new(&job, &(fn_job_options){.workers = bad[i], .budget = 1000}, &engine, &err);
        EXPECT(status == FN_ERR_ARGUMENT, "%d workers: status %d", bad[i], status);
        EXPECT_ERROR_TEXT(err, "%d workers", bad[i]);
        if (status == FN_OK)
            free_engine(engine);
    }
    free_engine(NULL);
    free(w);
}

static void nothing_starts_before_a_read(void)
{
    int before = count_threads();
    work *w = new_work(10, 100);
    fn_engine *engine = start(w, 4, 1 << 20);
    sleep_ms(20);
    EXPECT(count_threads() == before, "%d threads, %d before", count_threads(), before);
    fn_engine_stats s;
    fn_engine_get_stats(engine, &s);
    EXPECT(s.workers == 0 && s.tasks_done == 0 && s.tasks_wanted == 0 && s.tasks_failed == 0 && s.bytes_peak == 0,
           "stats before a read");
    finish(w, engine);
    EXPECT(count_threads() == before, "%d threads, %d before", count_threads(), before);
}

/* The kernel lists a joined thread a moment longer. */
static int count_threads_down_to(int wanted)
{
    int n = count_threads();
    for (int i = 0; i < 2000 && n > wanted; i++) {
        sleep_ms(1);
        n = count_threads();
    }
    return n;
}

static void threads_are_gone_after_free(void)
{
    int before = count_threads();
    for (int round = 0; round < 6; round++) {
        work *w = new_work(50, 1000);
        fn_engine *engine = start(w, 4, 1 << 20);
        read_range(w, engine, 0, 50);
        EXPECT(count_threads() > before, "no thread works");
        finish(w, engine);
        if (round == 0) /* a sanitizer starts a thread of its own with the first one of ours */
            before = count_threads_down_to(before);
        const int after = count_threads_down_to(before);
        EXPECT(after == before, "%d threads, %d before", after, before);
    }
    EXPECT(before <= 2, "%d threads are left", before);
}

static void every_task_once(void)
{
    for (int workers = 1; workers <= 8; workers++) {
        work *w = new_work(200, 3000);
        w->uneven = true;
        fn_engine *engine = start(w, workers, 100000);
        atomic_store(&w->reader_thread, thread_id());
        read_range(w, engine, 0, 200);
        for (int64_t t = 0; t < 200; t++)
            EXPECT(atomic_load(&w->runs[t]) == 1, "task %" PRId64 " ran %d times", t, atomic_load(&w->runs[t]));
        fn_engine_stats s;
        fn_engine_get_stats(engine, &s);
        EXPECT(s.workers >= 1 && s.workers <= workers, "%d of %d workers", s.workers, workers);
        EXPECT(s.tasks_done == 200 && s.tasks_wanted == 200 && s.tasks_failed == 0,
               "%" PRId64 " done, %" PRId64 " wanted", s.tasks_done, s.tasks_wanted);
        EXPECT(s.bytes_peak > 0 && s.bytes_peak <= 100000, "peak %zu", s.bytes_peak);
        EXPECT(atomic_load(&w->running_peak) <= workers, "%d at once with %d workers", atomic_load(&w->running_peak),
               workers);
        /* An empty read is no trouble. */
        EXPECT(fn_engine_read(engine, NULL, 0, NULL, 0, take, NULL, NULL) == FN_OK, "nothing wanted");
        finish(w, engine);
    }
}

static void workers_work_at_once(void)
{
    work *w = new_work(64, 100);
    w->busy_us = 20000;
    fn_engine *engine = start(w, 4, 1 << 20);
    double begin = seconds_now();
    read_range(w, engine, 0, 64);
    double seconds = seconds_now() - begin;
    EXPECT(atomic_load(&w->running_peak) == 4, "at most %d tasks at once", atomic_load(&w->running_peak));
    fn_engine_stats s;
    fn_engine_get_stats(engine, &s);
    EXPECT(s.busy_seconds >= 64 * 0.020 * 0.9, "busy for %g s", s.busy_seconds);
    EXPECT(seconds < s.busy_seconds, "%g s for tasks of %g s: not faster than one worker", seconds, s.busy_seconds);
    EXPECT(s.wait_seconds > 0.02 && s.wait_seconds <= seconds * 1.01, "waited %g of %g s", s.wait_seconds, seconds);
    EXPECT(s.workers == 4, "%d workers", s.workers);
    finish(w, engine);
}

static void read_ahead(void)
{
    for (int workers = 1; workers <= 3; workers += 2) {
        work *w = new_work(100, 1000);
        fn_engine *engine = start(w, workers, 100000);
        int64_t ahead[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
        fn_error err;
        EXPECT(read_tasks(w, engine, (int64_t[]){0}, 1, ahead, 10, &err) == FN_OK, "%s", err.text);
        EXPECT(wait_for(&w->run_total, 11, 5000), "only %d tasks are computed ahead", atomic_load(&w->run_total) - 1);
        sleep_ms(20);
        EXPECT(atomic_load(&w->run_total) == 11, "%d tasks", atomic_load(&w->run_total));
        EXPECT(read_tasks(w, engine, ahead, 10, NULL, 0, &err) == FN_OK, "%s", err.text);
        for (int64_t t = 0; t < 100; t++)
            EXPECT(atomic_load(&w->runs[t]) == (t <= 10), "task %" PRId64 " ran %d times", t, atomic_load(&w->runs[t]));
        fn_engine_stats s;
        fn_engine_get_stats(engine, &s);
        EXPECT(s.tasks_done == 11 && s.tasks_wanted == 11, "%" PRId64 " done, %" PRId64 " wanted", s.tasks_done,
               s.tasks_wanted);
        finish(w, engine);
    }
}

static void advise(void)
{
    work *w = new_work(100, 1000);
    fn_engine *engine = start(w, 2, 100000);
    int64_t ahead[] = {30, 31, 32, 33};
    fn_error err;
    memset(&err, 0, sizeof err);
    double begin = seconds_now();
    EXPECT(fn_engine_advise(engine, ahead, 4, &err) == FN_OK, "%s", err.text);
    EXPECT(seconds_now() - begin < 2, "advise waits");
    EXPECT(wait_for(&w->run_total, 4, 5000), "only %d tasks are computed", atomic_load(&w->run_total));
    /* A new list takes the place of the old one. */
    atomic_store(&w->gate_shut, true);
    int64_t second[] = {40, 41, 42, 43, 44, 45, 46, 47}, third[] = {50, 51};
    EXPECT(fn_engine_advise(engine, second, 8, &err) == FN_OK, "%s", err.text);
    EXPECT(wait_for(&w->run_total, 6, 5000), "two tasks wait at the gate");
    EXPECT(fn_engine_advise(engine, third, 2, &err) == FN_OK, "%s", err.text);
    atomic_store(&w->gate_shut, false);
    EXPECT(wait_for(&w->runs[50], 1, 5000) && wait_for(&w->runs[51], 1, 5000), "the new list");
    sleep_ms(20);
    for (int64_t t = 42; t < 48; t++)
        EXPECT(atomic_load(&w->runs[t]) == 0, "task %" PRId64 " of the old list is computed", t);
    int64_t wanted[] = {30, 31, 32, 33, 50, 51};
    EXPECT(read_tasks(w, engine, wanted, 6, NULL, 0, &err) == FN_OK, "%s", err.text);
    for (int i = 0; i < 6; i++)
        EXPECT(atomic_load(&w->runs[wanted[i]]) == 1, "task %" PRId64 " is computed twice", wanted[i]);
    finish(w, engine);
}

/* Wanted tasks come before read-ahead. */
typedef struct wanting {
    work *w;
    fn_engine *engine;
    int64_t ahead[500];
    atomic_long thread; /* that reads */
} wanting;

/* Whether that thread waits for something. */
static bool waits(long thread)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", thread);
    FILE *file = thread ? fopen(path, "r") : NULL;
    const char *end = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    if (file)
        fclose(file);
    return end && end[2] == 'S';
}

static void *read_six(void *arg)
{
    wanting *me = arg;
    fn_error err;
    atomic_store(&me->thread, thread_id());
    EXPECT(read_tasks(me->w, me->engine, (int64_t[]){1, 2, 3, 4, 5, 6}, 6, me->ahead, 500, &err) == FN_OK, "%s",
           err.text);
    return NULL;
}

static void wanted_first(void)
{
    work *w = new_work(1000, 100);
    atomic_store(&w->gate_shut, true);
    wanting me = {.w = w, .engine = start(w, 1, 1 << 20)};
    for (int i = 0; i < 500; i++)
        me.ahead[i] = 500 + i;
    fn_error err;
    EXPECT(fn_engine_advise(me.engine, me.ahead, 500, &err) == FN_OK, "%s", err.text);
    EXPECT(wait_for(&w->run_total, 1, 5000), "read-ahead runs");
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, read_six, &me) == 0, "thread");
    for (int i = 0; i < 20000 && !waits(atomic_load(&me.thread)); i++)
        sleep_ms(1);
    sleep_ms(20); /* at a lock it waits for no longer */
    atomic_store(&w->gate_shut, false);
    pthread_join(thread, NULL);
    for (int i = 1; i <= 6; i++)
        EXPECT(atomic_load(&w->place_of[i]) <= 6, "run %d while 6 were wanted", atomic_load(&w->place_of[i]));
    finish(w, me.engine);
}

static void budget(void)
{
    static const struct {
        int workers;
        size_t bytes, budget;
        bool uneven;
    } cases[] = {{1, 1000, 4000, false}, {4, 1000, 4000, false},   {4, 1000, 2500, false},
                 {4, 1000, 100, false},  {4, 1000, 0, false},      {3, 1000, 9000, true},
                 {8, 1000, 3000, true},  {8, 10000, 100000, true}, {2, 1 << 20, 3 << 20, false}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        work *w = new_work(120, cases[c].bytes);
        w->uneven = cases[c].uneven;
        fn_engine *engine = start(w, cases[c].workers, cases[c].budget);
        size_t largest = 0;
        for (int64_t t = 0; t < 120; t++)
            largest = bytes_of_task(w, t) > largest ? bytes_of_task(w, t) : largest;
        size_t most = cases[c].budget > largest ? cases[c].budget : largest;
        int64_t ahead[60];
        for (int64_t i = 0; i < 60; i++)
            ahead[i] = 60 + i;
        int64_t wanted[60];
        for (int64_t i = 0; i < 60; i++)
            wanted[i] = i;
        fn_error err;
        EXPECT(read_tasks(w, engine, wanted, 60, ahead, 60, &err) == FN_OK, "case %zu: %s", c, err.text);
        sleep_ms(10);
        EXPECT(read_tasks(w, engine, ahead, 60, wanted, 60, &err) == FN_OK, "case %zu: %s", c, err.text);
        fn_engine_stats s;
        fn_engine_get_stats(engine, &s);
        EXPECT(s.bytes_peak <= most && s.bytes_peak > 0, "case %zu: peak %zu, budget %zu, largest task %zu", c,
               s.bytes_peak, cases[c].budget, largest);
        finish(w, engine);
    }
}

/* Results that were read ahead and are not wanted any more must make room, for wanted tasks and for new read-ahead:
 * a reader that goes elsewhere, one task after the other, is read ahead for as before. */
static void stale_results_make_room(void)
{
    for (size_t n = 1; n <= 3; n += 2) {
        work *w = new_work(1000, 1000);
        fn_engine *engine = start(w, 2, 9000);
        for (int64_t round = 0; round < 12; round++) {
            int64_t base = round * 20, wanted[] = {base, base + 1, base + 2}, ahead[8];
            for (int i = 0; i < 8; i++)
                ahead[i] = base + 10 + i;
            fn_error err;
            EXPECT(read_tasks(w, engine, wanted, n, ahead, 8, &err) == FN_OK, "%s", err.text);
            /* Nine results fit; those of the last call may stay. */
            EXPECT(wait_for(&w->runs[base + 12], 1, 2000), "round %" PRId64 " of %zu wanted: read-ahead stands still",
                   round, n);
            if (atomic_load(&w->runs[base + 12]) == 0)
                break;
        }
        fn_engine_stats s;
        fn_engine_get_stats(engine, &s);
        EXPECT(s.bytes_peak <= 9000, "peak %zu", s.bytes_peak);
        finish(w, engine);
    }
}

static void failing_task(void)
{
    for (int workers = 1; workers <= 4; workers++) {
        work *w = new_work(40, 500);
        w->failing = 7;
        atomic_store(&w->failures, 1);
        fn_engine *engine = start(w, workers, 1 << 20);
        int64_t wanted[40];
        for (int64_t i = 0; i < 40; i++)
            wanted[i] = i;
        fn_error err;
        fn_status status = read_tasks(w, engine, wanted, 40, NULL, 0, &err);
        EXPECT(status == FN_ERR_READ, "status %d", status);
        EXPECT(strcmp(err.text, "task 7 is broken") == 0, "\"%s\"", err.text);
        fn_engine_stats s;
        fn_engine_get_stats(engine, &s);
        EXPECT(s.tasks_failed >= 1, "%" PRId64 " failed", s.tasks_failed);
        EXPECT(read_tasks(w, engine, wanted, 40, NULL, 0, &err) == FN_OK, "after an error: %s", err.text);
        EXPECT(atomic_load(&w->runs[7]) == 2, "the failed task ran %d times", atomic_load(&w->runs[7]));
        finish(w, engine);

        /* Without err, and failing again and again. */
        w = new_work(40, 500);
        w->failing = 0;
        atomic_store(&w->failures, 3);
        engine = start(w, workers, 1 << 20);
        for (int i = 0; i < 3; i++)
            EXPECT(fn_engine_read(engine, wanted, 1, NULL, 0, take, NULL, NULL) == FN_ERR_READ, "time %d", i);
        read_range(w, engine, 0, 1);
        EXPECT(atomic_load(&w->runs[0]) == 4, "%d runs", atomic_load(&w->runs[0]));
        finish(w, engine);
    }
}

static void failing_read_ahead(void)
{
    for (int workers = 1; workers <= 3; workers++) {
        work *w = new_work(40, 500);
        w->failing = 11;
        atomic_store(&w->failures, 1);
        fn_engine *engine = start(w, workers, 1 << 20);
        int64_t ahead[] = {10, 11, 12, 13};
        fn_error err;
        EXPECT(read_tasks(w, engine, (int64_t[]){0, 1}, 2, ahead, 4, &err) == FN_OK, "%s", err.text);
        EXPECT(wait_for(&w->runs[13], 1, 5000) && wait_for(&w->runs[11], 1, 5000),
               "read-ahead goes on after a failure");
        sleep_ms(10);
        EXPECT(read_tasks(w, engine, (int64_t[]){2, 10, 12, 13}, 4, NULL, 0, &err) == FN_OK, "the others: %s",
               err.text);
        EXPECT(read_tasks(w, engine, (int64_t[]){11, 14}, 2, NULL, 0, &err) == FN_OK, "retried when wanted: %s",
               err.text);
        EXPECT(atomic_load(&w->runs[11]) == 2, "%d runs", atomic_load(&w->runs[11]));
        EXPECT(atomic_load(&w->runs[10]) == 1 && atomic_load(&w->runs[12]) == 1, "the others are not computed again");
        finish(w, engine);
    }
}

static void consume_stops(void)
{
    for (int workers = 1; workers <= 4; workers++) {
        work *w = new_work(2000, 500);
        w->busy_us = 500;
        fn_engine *engine = start(w, workers, 1 << 20);
        int64_t wanted[2000];
        for (int64_t i = 0; i < 2000; i++)
            wanted[i] = i;
        taken *t = new_taken(w);
        t->stop_at = 5;
        fn_error err;
        memset(&err, 0, sizeof err);
        fn_status status = fn_engine_read(engine, wanted, 2000, NULL, 0, take, t, &err);
        EXPECT(status == FN_ERR_CANCELLED && err.status == FN_ERR_CANCELLED, "status %d", status);
        EXPECT_ERROR_TEXT(err, "cancelled");
        EXPECT(t->total == 5, "%d consumed", t->total);
        int ran = -1;
        for (int now; (now = atomic_load(&w->run_total)) != ran; ran = now)
            sleep_ms(50);
        EXPECT(ran < 1000, "%d tasks ran", ran);
        read_range(w, engine, 0, 50); /* still usable */
        finish(w, engine);
        free(t);
    }
}

static void free_cancels(void)
{
    for (int workers = 1; workers <= 3; workers++) {
        work *w = new_work(100, 500);
        w->slow = 50;
        fn_engine *engine = start(w, workers, 1 << 20);
        fn_error err;
        EXPECT(read_tasks(w, engine, (int64_t[]){0}, 1, (int64_t[]){50, 51, 52, 53}, 4, &err) == FN_OK, "%s", err.text);
        EXPECT(wait_for(&w->runs[50], 1, 5000), "the slow task runs");
        double begin = seconds_now();
        free_engine(engine);
        double seconds = seconds_now() - begin;
        EXPECT(seconds < 10, "free takes %g s", seconds);
        EXPECT(atomic_load(&w->cancelled) >= 1, "nothing was cancelled");
        EXPECT(atomic_load(&w->opened) == atomic_load(&w->closed), "%d opened, %d closed", atomic_load(&w->opened),
               atomic_load(&w->closed));
        EXPECT(atomic_load(&w->notes_made) == atomic_load(&w->notes_reported), "%d notes made, %d reported",
               atomic_load(&w->notes_made), atomic_load(&w->notes_reported));
        free(w);
    }
}

/* Waiting for the end has a limit, after which nothing is lost and one may try again. */
static void free_with_a_limit(void)
{
    for (int workers = 1; workers <= 3; workers++) {
        work *w = new_work(100, 500);
        w->stubborn = 50;
        fn_engine *engine = start(w, workers, 1 << 20);
        fn_error err;
        EXPECT(read_tasks(w, engine, (int64_t[]){0}, 1, (int64_t[]){50, 51, 52, 53}, 4, &err) == FN_OK, "%s", err.text);
        EXPECT(wait_for(&w->runs[50], 1, 5000), "the stubborn task runs");
        double begin = seconds_now();
        freeing = true;
        bool gone = fn_engine_try_free(engine, 0.05);
        double seconds = seconds_now() - begin;
        EXPECT(!gone && seconds >= 0.04 && seconds < 10, "gone: %d, after %g s", gone, seconds);
        EXPECT(atomic_load(&w->closed) == 0, "%d workers are closed already", atomic_load(&w->closed));
        atomic_store(&w->let_go, true);
        if (workers < 3)
            fn_engine_free(engine);
        else
            EXPECT(fn_engine_try_free(engine, 20), "within 20 s");
        freeing = false;
        EXPECT(atomic_load(&w->opened) == atomic_load(&w->closed) && atomic_load(&w->opened) > 0,
               "%d opened, %d closed", atomic_load(&w->opened), atomic_load(&w->closed));
        EXPECT(atomic_load(&w->notes_made) == atomic_load(&w->notes_reported), "notes");
        free(w);
    }
    /* Nothing runs: at once, whatever the limit. */
    for (int reads = 0; reads < 2; reads++) {
        work *w = new_work(10, 500);
        fn_engine *engine = start(w, 2, 1 << 20);
        if (reads)
            read_range(w, engine, 0, 10);
        freeing = true;
        EXPECT(fn_engine_try_free(engine, 20), "an idle engine");
        freeing = false;
        EXPECT(atomic_load(&w->opened) == atomic_load(&w->closed), "%d opened, %d closed", atomic_load(&w->opened),
               atomic_load(&w->closed));
        free(w);
    }
}

static void free_during_read_ahead(void)
{
    check_random r = random_for("free_during_read_ahead");
    for (int round = 0; round < 60; round++) {
        work *w = new_work(500, 2000);
        w->busy_us = (int)random_between(&r, 0, 300);
        fn_engine *engine = start(w, (int)random_between(&r, 1, 4), 50000);
        int64_t ahead[300];
        for (int i = 0; i < 300; i++)
            ahead[i] = 100 + i;
        fn_error err;
        if (random_between(&r, 0, 3) > 0)
            EXPECT(read_tasks(w, engine, (int64_t[]){0, 1}, 2, ahead, 300, &err) == FN_OK, "%s", err.text);
        else
            EXPECT(fn_engine_advise(engine, ahead, 300, &err) == FN_OK, "%s", err.text);
        if (random_between(&r, 0, 1) == 1)
            sleep_ms((int)random_between(&r, 0, 5));
        finish(w, engine);
    }
}

static void no_worker_opens(void)
{
    for (int workers = 1; workers <= 4; workers++) {
        work *w = new_work(20, 500);
        w->open_fails_from = 0;
        fn_engine *engine = start(w, workers, 1 << 20);
        fn_error err;
        for (int i = 0; i < 3; i++) {
            fn_status status = read_tasks(w, engine, (int64_t[]){0, 1, 2}, 3, NULL, 0, &err);
            EXPECT(status != FN_OK, "%d workers: the read succeeds", workers);
            EXPECT(strstr(err.text, "finds no file") != NULL, "\"%s\"", err.text);
        }
        EXPECT(atomic_load(&w->opened) == 0 && atomic_load(&w->closed) == 0, "%d opened, %d closed",
               atomic_load(&w->opened), atomic_load(&w->closed));
        free_engine(engine);
        EXPECT(atomic_load(&w->notes_made) == atomic_load(&w->notes_reported), "notes");
        free(w);
    }
}

/* Some workers cannot be opened: either the read says so, or the others do the work; it never hangs. */
static void some_workers_open(void)
{
    work *w = new_work(200, 500);
    w->open_fails_from = 2;
    w->busy_us = 500;
    fn_engine *engine = start(w, 4, 1 << 20);
    int64_t wanted[200];
    for (int64_t i = 0; i < 200; i++)
        wanted[i] = i;
    fn_error err;
    fn_status status = read_tasks(w, engine, wanted, 200, NULL, 0, &err);
    if (status != FN_OK)
        EXPECT(strstr(err.text, "finds no file") != NULL, "\"%s\"", err.text);
    free_engine(engine);
    EXPECT(atomic_load(&w->opened) == atomic_load(&w->closed), "%d opened, %d closed", atomic_load(&w->opened),
           atomic_load(&w->closed));
    EXPECT(atomic_load(&w->notes_made) == atomic_load(&w->notes_reported), "notes");
    free(w);
}

static void huge_result(void)
{
    if (CHECK_SANITIZED)
        SKIP("this build has a sanitizer, whose allocator aborts instead of failing");
    for (int workers = 0; workers <= 2; workers++) {
        work *w = new_work(4, (size_t)1 << 60);
        fn_engine *engine = start(w, workers, 1 << 20);
        fn_error err;
        fn_status status = read_tasks(w, engine, (int64_t[]){0, 1}, 2, NULL, 0, &err);
        EXPECT(status == FN_ERR_MEMORY, "status %d by %d workers", status, workers);
        w->bytes = 1000;
        EXPECT(read_tasks(w, engine, (int64_t[]){0, 1, 2, 3}, 4, NULL, 0, &err) == FN_OK, "after it: %s", err.text);
        free_engine(engine);
        EXPECT(atomic_load(&w->notes_made) == atomic_load(&w->notes_reported), "notes");
        free(w);
    }
}

typedef struct reader {
    work *w;
    fn_engine *engine;
    uint64_t seed;
    double until;
    atomic_int reads;
} reader;

static void *read_randomly(void *arg)
{
    reader *me = arg;
    check_random r = {me->seed};
    work *w = me->w;
    int64_t *wanted = malloc(2 * (size_t)w->count * sizeof *wanted), *ahead = wanted + w->count;
    while (seconds_now() < me->until) {
        size_t n = (size_t)random_between(&r, 0, 12), n_ahead = (size_t)random_between(&r, 0, 30);
        int64_t base = random_between(&r, 0, w->count - 1), step = 1 + 2 * random_between(&r, 0, 3);
        for (size_t i = 0; i < n; i++)
            wanted[i] = (base + (int64_t)i * step) % w->count;
        for (size_t i = 0; i < n_ahead; i++)
            ahead[i] = random_between(&r, 0, 1) == 0 ? (base + (int64_t)(n + i) * step) % w->count
                                                     : random_between(&r, 0, w->count - 1);
        taken *t = new_taken(w);
        if (random_between(&r, 0, 9) == 0)
            t->stop_at = (int)random_between(&r, 1, 4);
        if (random_between(&r, 0, 5) == 0)
            t->pause_us = 50;
        fn_error err;
        memset(&err, 0, sizeof err);
        fn_status status = fn_engine_read(me->engine, wanted, n, ahead, n_ahead, take, t, &err);
        if (status == FN_OK) {
            EXPECT(t->total == (int)n, "%d of %zu", t->total, n);
            for (size_t i = 0; i < n; i++)
                EXPECT(t->times[wanted[i]] == 1, "task %" PRId64 " came %d times", wanted[i], t->times[wanted[i]]);
        } else if (status == FN_ERR_CANCELLED) {
            EXPECT(t->stop_at > 0 && t->total == t->stop_at, "cancelled after %d, to stop at %d: %s", t->total,
                   t->stop_at, err.text);
        } else
            EXPECT(status == FN_ERR_READ && w->failing >= 0 && strstr(err.text, "is broken") != NULL, "status %d: %s",
                   status, err.text);
        atomic_fetch_add(&me->reads, 1);
        if (random_between(&r, 0, 7) == 0)
            EXPECT(fn_engine_advise(me->engine, ahead, n_ahead, NULL) == FN_OK, "advise");
        if (random_between(&r, 0, 7) == 0) {
            fn_engine_stats s;
            fn_engine_get_stats(me->engine, &s);
        }
        free(t);
    }
    free(wanted);
    return NULL;
}

static void several_readers(void)
{
    enum { READERS = 4 };
    work *w = new_work(300, 700);
    w->uneven = true;
    fn_engine *engine = start(w, 3, 30000);
    reader readers[READERS];
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader){
            .w = w, .engine = engine, .seed = check_seed + (uint64_t)i, .until = seconds_now() + patience(0.7)};
        REQUIRE(pthread_create(&threads[i], NULL, read_randomly, &readers[i]) == 0, "thread");
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        EXPECT(atomic_load(&readers[i].reads) >= 3, "reader %d came to %d reads", i, atomic_load(&readers[i].reads));
    }
    fn_engine_stats s;
    fn_engine_get_stats(engine, &s);
    EXPECT(s.bytes_peak <= 30000, "peak %zu", s.bytes_peak);
    finish(w, engine);
}

/* All readers want the same tasks at the same time. */
static void *read_everything(void *arg)
{
    reader *me = arg;
    int64_t wanted[100];
    for (int64_t i = 0; i < 100; i++)
        wanted[i] = i;
    for (int round = 0; round < 5; round++) {
        fn_error err;
        EXPECT(read_tasks(me->w, me->engine, wanted, 100, NULL, 0, &err) == FN_OK, "%s", err.text);
    }
    return NULL;
}

static void readers_of_the_same(void)
{
    static const size_t budgets[] = {100, 1500, 1 << 20};
    for (int b = 0; b < 3; b++) {
        work *w = new_work(100, 500);
        fn_engine *engine = start(w, 2, budgets[b]);
        reader me = {.w = w, .engine = engine};
        pthread_t threads[5];
        for (int i = 0; i < 5; i++)
            REQUIRE(pthread_create(&threads[i], NULL, read_everything, &me) == 0, "thread");
        for (int i = 0; i < 5; i++)
            pthread_join(threads[i], NULL);
        finish(w, engine);
    }
}

/* A reader that stops gives back what it claimed, and the room is for another one who waits. Tasks 0 and 2 fill the
 * budget; task 1 needs all of it. */
typedef struct two_readers {
    work *w;
    fn_engine *engine;
    pthread_t second;
    atomic_int second_is_through;
} two_readers;

static void *read_task_1(void *arg)
{
    two_readers *both = arg;
    fn_error err;
    EXPECT(read_tasks(both->w, both->engine, (int64_t[]){1}, 1, NULL, 0, &err) == FN_OK, "%s", err.text);
    atomic_store(&both->second_is_through, 1);
    return NULL;
}

static bool stop_when_another_waits(void *user, int64_t task, const void *result, size_t bytes)
{
    (void)result;
    (void)bytes;
    two_readers *both = user;
    EXPECT(task == 0, "task %" PRId64 " comes first", task);
    EXPECT(wait_for(&both->w->runs[2], 1, 5000), "task 2 is computed");
    sleep_ms(20);
    REQUIRE(pthread_create(&both->second, NULL, read_task_1, both) == 0, "thread");
    sleep_ms(20);
    return false;
}

static void stopped_reader_makes_room(void)
{
    work *w = new_work(10, 1000);
    w->uneven = true;
    w->report_ms = 20;
    two_readers both = {.w = w, .engine = start(w, 1, 8000)};
    EXPECT(fn_engine_read(both.engine, (int64_t[]){0, 2}, 2, NULL, 0, stop_when_another_waits, &both, NULL) ==
               FN_ERR_CANCELLED,
           "not stopped");
    EXPECT(wait_for(&both.second_is_through, 1, 2000), "the other reader waits for ever");
    fn_engine_advise(both.engine, NULL, 0, NULL);
    pthread_join(both.second, NULL);
    finish(w, both.engine);
}

static void stress(void)
{
    check_random r = random_for("stress");
    double end = seconds_now() + 2;
    int rounds = 0;
    for (; rounds < 5 || seconds_now() < end; rounds++) {
        work *w = new_work(random_between(&r, 1, 400), (size_t)random_between(&r, 1, 3000));
        w->uneven = random_between(&r, 0, 1) == 1;
        w->busy_us = random_between(&r, 0, 2) == 0 ? (int)random_between(&r, 0, 200) : 0;
        w->notes = random_between(&r, 0, 3) > 0;
        if (random_between(&r, 0, 2) == 0) {
            w->failing = random_between(&r, 0, w->count - 1);
            atomic_store(&w->failures, (int)random_between(&r, 1, 10));
        }
        size_t budget_bytes = (size_t)random_between(&r, 0, 40000), most = budget_bytes;
        for (int64_t t = 0; t < w->count; t++)
            most = bytes_of_task(w, t) > most ? bytes_of_task(w, t) : most;
        fn_engine *engine = start(w, (int)random_between(&r, 1, 8), budget_bytes);
        reader me[2];
        pthread_t thread;
        int readers = (int)random_between(&r, 1, 2);
        double until = seconds_now() + 0.05;
        for (int i = 0; i < 2; i++) /* at most 12 wanted tasks of step 7 are distinct only where there are enough */
            me[i] = (reader){.w = w, .engine = engine, .seed = random_bits(&r), .until = w->count >= 100 ? until : 0};
        if (readers == 2)
            REQUIRE(pthread_create(&thread, NULL, read_randomly, &me[1]) == 0, "thread");
        read_randomly(&me[0]);
        if (readers == 2)
            pthread_join(thread, NULL);
        if (w->count < 100 && w->failing < 0)
            read_range(w, engine, 0, w->count);
        fn_engine_stats s;
        fn_engine_get_stats(engine, &s);
        EXPECT(s.bytes_peak <= most, "peak %zu of %zu", s.bytes_peak, most);
        finish(w, engine);
    }
}

/* ---- trace ---- */

/* A reader of JSON, strict, counting events: objects that have both "name" and "ph" at their own level. */
typedef struct json {
    const char *at;
    int events, tasks; /* all with a name and a phase; those of tasks */
    bool bad;
} json;

static void json_blank(json *j)
{
    j->at += strspn(j->at, " \t\r\n");
}

static void json_string(json *j, char *out, size_t size)
{
    size_t n = 0;
    if (*j->at != '"') {
        j->bad = true;
        return;
    }
    for (j->at++; *j->at != '"'; j->at++) {
        if ((unsigned char)*j->at < ' ') { /* the end of the text too */
            j->bad = true;
            return;
        }
        char c = *j->at;
        if (c == '\\') {
            j->at++;
            if (*j->at == '\0' || strchr("\"\\/bfnrtu", *j->at) == NULL) {
                j->bad = true;
                return;
            }
            if (*j->at == 'u')
                for (int k = 0; k < 4; k++)
                    if (!isxdigit((unsigned char)*++j->at)) {
                        j->bad = true;
                        return;
                    }
        }
        if (out != NULL && n + 1 < size)
            out[n++] = c;
    }
    j->at++;
    if (out != NULL)
        out[n] = '\0';
}

static void json_value(json *j, int depth)
{
    json_blank(j);
    if (j->bad || depth > 20) {
        j->bad = true;
    } else if (*j->at == '{' || *j->at == '[') {
        bool object = *j->at++ == '{';
        char name[64] = "", phase[8] = "";
        json_blank(j);
        if (*j->at == (object ? '}' : ']')) {
            j->at++;
            return;
        }
        for (;; j->at++) {
            if (object) {
                char key[32];
                json_blank(j);
                json_string(j, key, sizeof key);
                json_blank(j);
                if (j->bad || *j->at++ != ':') {
                    j->bad = true;
                    return;
                }
                json_blank(j);
                if (strcmp(key, "name") == 0)
                    json_string(j, name, sizeof name);
                else if (strcmp(key, "ph") == 0)
                    json_string(j, phase, sizeof phase);
                else
                    json_value(j, depth + 1);
            } else
                json_value(j, depth + 1);
            json_blank(j);
            if (j->bad)
                return;
            if (*j->at == (object ? '}' : ']'))
                break;
            if (*j->at != ',') {
                j->bad = true;
                return;
            }
        }
        j->at++;
        if (name[0] != '\0' && phase[0] != '\0') {
            j->events++;
            j->tasks += strncmp(name, "tile ", 5) == 0 && (strcmp(phase, "X") == 0 || strcmp(phase, "B") == 0);
        }
    } else if (*j->at == '"') {
        json_string(j, NULL, 0);
    } else if (strncmp(j->at, "true", 4) == 0 || strncmp(j->at, "null", 4) == 0) {
        j->at += 4;
    } else if (strncmp(j->at, "false", 5) == 0) {
        j->at += 5;
    } else {
        char *end;
        bool number = isdigit((unsigned char)*j->at) || (*j->at == '-' && isdigit((unsigned char)j->at[1]));
        strtod(j->at, &end);
        j->bad = !number || end == j->at;
        j->at = end;
    }
}

static char *temporary_file(char *path, size_t size)
{
    const char *dir = getenv("TMPDIR");
    snprintf(path, size, "%s/fishnet-trace-XXXXXX", dir != NULL ? dir : "/tmp");
    int fd = mkstemp(path);
    REQUIRE(fd >= 0, "%s", path);
    close(fd);
    return path;
}

static char *file_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    REQUIRE(f != NULL, "%s", path);
    char *text = calloc(1, 4 << 20);
    size_t n = fread(text, 1, (4 << 20) - 1, f);
    fclose(f);
    EXPECT(strlen(text) == n, "the trace holds a NUL");
    return text;
}

static void trace_file(void)
{
    char path[256];
    temporary_file(path, sizeof path);
    work *w = new_work(100, 500);
    w->failing = 20;
    atomic_store(&w->failures, 1);
    fn_engine *engine = start_traced(w, 3, 1 << 20, path);
    fn_error err;
    read_range(w, engine, 0, 10);
    EXPECT(read_tasks(w, engine, (int64_t[]){20}, 1, NULL, 0, &err) == FN_ERR_READ, "a failing task");
    read_range(w, engine, 10, 30);
    int runs = atomic_load(&w->run_total);
    finish(w, engine);
    char *text = file_text(path);
    json j = {.at = text};
    json_value(&j, 0);
    json_blank(&j);
    EXPECT(!j.bad && *j.at == '\0', "not JSON at \"%.60s\" of %zu bytes", j.at, strlen(text));
    EXPECT(is_utf8(text), "not UTF-8");
    EXPECT(j.tasks == runs && j.events >= runs, "%d events of %d tasks", j.tasks, runs);
    EXPECT(strstr(text, "tile \\\"7\\\" \\\\ of\\t\xC3\xA9") != NULL ||
               strstr(text, "tile \\\"7\\\" \\\\ of\\u0009\xC3\xA9") != NULL,
           "the label of task 7 is not there");
    free(text);

    /* Nothing was read: nothing is written. */
    unlink(path);
    w = new_work(5, 500);
    engine = start_traced(w, 3, 1 << 20, path);
    EXPECT(access(path, F_OK) != 0, "%s is there", path);
    finish(w, engine);
    EXPECT(access(path, F_OK) != 0, "%s is there", path);
}

/* Two at a time, and one after them: a single timeline. */
static void trace_of_several(void)
{
    char path[256];
    temporary_file(path, sizeof path);
    work *w[3] = {new_work(40, 500), new_work(50, 500), new_work(60, 500)};
    fn_engine *first = start_traced(w[0], 2, 1 << 20, path), *second = start_traced(w[1], 3, 1 << 20, path);
    read_range(w[0], first, 0, 20);
    read_range(w[1], second, 0, 50);
    read_range(w[0], first, 20, 20);
    finish(w[0], first);
    finish(w[1], second);
    fn_engine *third = start_traced(w[2], 2, 1 << 20, path);
    read_range(w[2], third, 0, 60);
    finish(w[2], third);
    char *text = file_text(path);
    json j = {.at = text};
    json_value(&j, 0);
    json_blank(&j);
    EXPECT(!j.bad && *j.at == '\0', "not JSON at \"%.60s\" of %zu bytes", j.at, strlen(text));
    EXPECT(j.tasks == 40 + 50 + 60, "%d events of tasks", j.tasks);
    int readers = 0;
    for (const char *at = text; (at = strstr(at, "{\"name\":\"reader\"}")) != NULL; at++)
        readers++;
    EXPECT(readers == 3, "%d readers have a name", readers);
    free(text);
    unlink(path);
}

/* Nothing but an earlier timeline is written over, and nobody waits for the other end of a pipe. */
static void trace_in_the_way(void)
{
    static const char *const contents[] = {"x", "[1, 2]", "[\n{\"name\":\"thread\"", "II*"};
    char path[256];
    fn_error err;
    for (size_t i = 0; i <= sizeof contents / sizeof *contents; i++) {
        const bool pipe = i == sizeof contents / sizeof *contents;
        temporary_file(path, sizeof path);
        FILE *file = fopen(path, "w");
        REQUIRE(file != NULL, "%s", path);
        fputs(pipe ? "" : contents[i], file);
        fclose(file);
        if (pipe)
            REQUIRE(unlink(path) == 0 && mkfifo(path, 0600) == 0, "%s", path);
        work *w = new_work(5, 500);
        fn_engine *engine = start_traced(w, 2, 1 << 20, path);
        const fn_status status = read_tasks(w, engine, (int64_t[]){0}, 1, NULL, 0, &err);
        EXPECT(status == FN_ERR_SYSTEM && strstr(err.text, path) != NULL, "%d: %s", (int)status, err.text);
        finish(w, engine);
        char *text = pipe ? NULL : file_text(path);
        EXPECT(pipe || strcmp(text, contents[i]) == 0, "\"%s\" of \"%s\"", text, contents[i]);
        free(text);
        unlink(path);
    }
}

static void trace_that_cannot_be_written(void)
{
    work *w = new_work(5, 500);
    fn_job job = {.task_count = w->count,
                  .user = w,
                  .task_bytes = bytes_of_task,
                  .worker_open = open_worker,
                  .worker_run = run_task,
                  .worker_close = close_worker,
                  .on_report = on_report};
    w->workers = 2;
    fn_engine *engine = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_status status =
        fn_engine_new(&job, &(fn_job_options){.workers = 2, .budget = 1000, .trace = "/nonexistent/folder/trace.json"},
                      &engine, &err);
    taken *t = new_taken(w);
    if (status == FN_OK) /* or at the first read */
        status = fn_engine_read(engine, (int64_t[]){0}, 1, NULL, 0, take, t, &err);
    free(t);
    EXPECT(status == FN_ERR_SYSTEM, "status %d", status);
    EXPECT(strstr(err.text, "/nonexistent/folder/trace.json") != NULL, "\"%s\"", err.text);
    free_engine(engine);
    free(w);
}

/* ---- fork ---- */

/* A child of fork() has the engine but none of its threads: it must be told, not left waiting. */
static void forked_child(void)
{
    if (CHECK_TSAN)
        SKIP("this build has the thread sanitizer, which cannot fork with threads");
    for (int kind = 0; kind < 3; kind++) {
        work *w = new_work(50, 500);
        fn_engine *engine = start(w, 2, 1 << 20);
        read_range(w, engine, 0, 10);
        fflush(NULL);
        pid_t child = fork();
        REQUIRE(child >= 0, "fork");
        if (child == 0) {
            alarm(10);
            fn_error err;
            memset(&err, 0, sizeof err);
            int code = 0;
            if (kind == 0) {
                fn_status status = fn_engine_read(engine, (int64_t[]){20, 21}, 2, NULL, 0, take, new_taken(w), &err);
                code = status == FN_OK ? 1 : err.text[0] == '\0' ? 2 : 0;
            } else if (kind == 1) {
                fn_status status = fn_engine_advise(engine, (int64_t[]){20, 21}, 2, &err);
                code = status == FN_OK ? 1 : err.text[0] == '\0' ? 2 : 0;
            } else
                free_engine(engine); /* must not wait for threads that are not there */
            _exit(code);
        }
        int code = 0;
        REQUIRE(waitpid(child, &code, 0) == child, "waitpid");
        static const char *const what[] = {"read", "advise", "free"};
        EXPECT(!WIFSIGNALED(code) || WTERMSIG(code) != SIGALRM, "%s hangs in a forked child", what[kind]);
        EXPECT(WIFEXITED(code) && WEXITSTATUS(code) == 0, "%s in a forked child: wait status %#x", what[kind],
               (unsigned)code);
        read_range(w, engine, 10, 10); /* the parent goes on */
        finish(w, engine);
    }
}

/* An engine that was made before the fork but never read has no threads: the child may use it. */
static void forked_before_the_first_read(void)
{
    if (CHECK_TSAN)
        SKIP("this build has the thread sanitizer, which cannot fork with threads");
    work *w = new_work(50, 500);
    fn_engine *engine = start(w, 2, 1 << 20);
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0, "fork");
    if (child == 0) {
        alarm(10);
        fn_error err;
        memset(&err, 0, sizeof err);
        taken *t = new_taken(w);
        fn_status status = fn_engine_read(engine, (int64_t[]){20, 21}, 2, NULL, 0, take, t, &err);
        free_engine(engine);
        _exit(status == FN_OK ? (t->total == 2 ? 0 : 1) : err.text[0] != '\0' ? 0 : 2);
    }
    int code = 0;
    REQUIRE(waitpid(child, &code, 0) == child, "waitpid");
    EXPECT(WIFEXITED(code) && WEXITSTATUS(code) == 0, "wait status %#x", (unsigned)code);
    read_range(w, engine, 0, 10);
    finish(w, engine);
}

static void two_engines(void)
{
    work *v = new_work(100, 500), *w = new_work(100, 700);
    fn_engine *a = start(v, 2, 1 << 16), *b = start(w, 3, 1 << 16);
    for (int64_t i = 0; i < 100; i += 10) {
        read_range(v, a, i, 10);
        read_range(w, b, i, 10);
    }
    finish(v, a);
    read_range(w, b, 0, 100);
    finish(w, b);
}

/* An engine within a worker of another: a FISHNET dataset may be the input of one. */
static fn_status run_nested(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)worker;
    work *inner = user;
    taken *t = new_taken(inner);
    fn_engine *engine = start(inner, 2, 10000);
    fn_status status = fn_engine_read(engine, (int64_t[]){0, 1, 2}, 3, NULL, 0, take, t, err);
    EXPECT(t->total == 3, "%d of 3 inner tasks", t->total);
    free_engine(engine);
    free(t);
    memset(task->result, (int)task->number, 100);
    return status;
}

static void *open_nested(void *user, int worker, fn_error *err)
{
    (void)worker;
    (void)err;
    return user;
}

static void close_nested(void *user, void *worker)
{
    (void)user;
    (void)worker;
}

static size_t bytes_nested(void *user, int64_t task)
{
    (void)user;
    (void)task;
    return 100;
}

static bool take_nested(void *user, int64_t task, const void *result, size_t bytes)
{
    (void)bytes;
    *(int *)user += 1;
    EXPECT(*(const unsigned char *)result == task, "task %" PRId64, task);
    return true;
}

static void engine_within_an_engine(void)
{
    work *inner = new_work(10, 300);
    fn_job job = {.task_count = 12,
                  .user = inner,
                  .task_bytes = bytes_nested,
                  .worker_open = open_nested,
                  .worker_run = run_nested,
                  .worker_close = close_nested};
    fn_engine *engine = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    REQUIRE(fn_engine_new(&job, &(fn_job_options){.workers = 2, .budget = 1000}, &engine, &err) == FN_OK, "%s",
            err.text);
    int count = 0;
    int64_t wanted[12];
    for (int64_t i = 0; i < 12; i++)
        wanted[i] = i;
    inner->workers = 2;
    EXPECT(fn_engine_read(engine, wanted, 12, NULL, 0, take_nested, &count, &err) == FN_OK && count == 12,
           "%d tasks, %s", count, err.text);
    free_engine(engine);
    EXPECT(atomic_load(&inner->opened) == atomic_load(&inner->closed), "workers");
    EXPECT(atomic_load(&inner->notes_made) == atomic_load(&inner->notes_reported), "notes");
    free(inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(options_are_checked),
        UNIT(nothing_starts_before_a_read),
        UNIT(threads_are_gone_after_free),
        UNIT(every_task_once),
        UNIT(workers_work_at_once),
        UNIT(read_ahead),
        UNIT(advise),
        UNIT(wanted_first),
        UNIT(budget),
        UNIT(stale_results_make_room),
        UNIT(failing_task),
        UNIT(failing_read_ahead),
        UNIT(consume_stops),
        UNIT(free_cancels),
        UNIT(free_with_a_limit),
        UNIT(free_during_read_ahead),
        UNIT(no_worker_opens),
        UNIT(some_workers_open),
        UNIT(huge_result),
        UNIT(several_readers),
        UNIT(readers_of_the_same),
        UNIT(stopped_reader_makes_room),
        UNIT(stress),
        UNIT(trace_file),
        UNIT(trace_of_several),
        UNIT(trace_in_the_way),
        UNIT(trace_that_cannot_be_written),
        UNIT(forked_child),
        UNIT(forked_before_the_first_read),
        UNIT(two_engines),
        UNIT(engine_within_an_engine),
    };
    return check_main(tests);
}
