/* The stream with synthetic jobs: the parts of a task are a function of its number. */
#include "check.h"

#include <inttypes.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fishnet/stream.h"

#define TASKS_MAX 8192
#define PARTS_MAX 64

/* How a task hands over its bytes. */
typedef struct shape {
    int parts; /* with bytes */
    size_t bytes[PARTS_MAX];
    bool empty_end;  /* the last of them is handed over too, and the task ends with 0 bytes */
    bool grows;      /* each buffer is too small at first */
    bool leaves_out; /* buffers are larger than what is used */
} shape;

/* A job, and what was seen of it. */
typedef struct work {
    /* How tasks behave. */
    int64_t count;
    uint64_t seed;
    int parts;             /* most parts of a task */
    size_t bytes;          /* most bytes of a part */
    bool even;             /* each task has so many parts of so many bytes */
    int busy_us;           /* how long a part takes */
    int64_t slow_before;   /* tasks before this one take 2 ms for each part (0: none) */
    int64_t end;           /* this task says that it is the last (-1: none) ... */
    bool end_first;        /* ... before its parts, or after them */
    int64_t failing;       /* this task fails (-1: none) ... */
    int fails_after;       /* ... after so many of its parts */
    int64_t stubborn;      /* this task runs until let_go, and does not look at the cancel flag (-1: none) */
    int64_t slow;          /* this task runs until it is cancelled, 20 s at most (-1: none) */
    bool no_worker;        /* none can be opened */
    atomic_bool let_go;
    atomic_bool gate_shut; /* tasks wait while it is ... */
    int64_t gated;         /* ... from this one on */

    atomic_int runs[TASKS_MAX];
    atomic_int run_total, running, running_peak, cancelled;
    atomic_int opened, closed;
    atomic_int notes_made, notes_reported, reports, reports_ok;
    atomic_size_t largest; /* buffer */
    atomic_llong reader_thread;
    int workers;
} work;

static long thread_id(void)
{
    return syscall(SYS_gettid);
}

static shape shape_of(const work *w, int64_t task)
{
    check_random r = {w->seed ^ ((uint64_t)task * 977 + 3)};
    shape s = {.parts = w->even ? w->parts : (int)random_between(&r, 0, w->parts)};
    for (int i = 0; i < s.parts; i++)
        s.bytes[i] = w->even ? w->bytes : (size_t)random_between(&r, 1, (int64_t)w->bytes);
    if (!w->even) {
        s.empty_end = s.parts > 0 && random_between(&r, 0, 3) == 0;
        s.grows = random_between(&r, 0, 3) == 0;
        s.leaves_out = random_between(&r, 0, 1) == 0;
    }
    return s;
}

static size_t buffer_for(const shape *s, int part)
{
    return part >= s->parts ? 100 : s->leaves_out ? s->bytes[part] + s->bytes[part] / 3 : s->bytes[part];
}

static size_t bytes_of_task(void *user, int64_t task)
{
    const shape s = shape_of(user, task);
    return s.grows ? 8 : buffer_for(&s, 0);
}

static check_random content(int64_t task, int part)
{
    return (check_random){(uint64_t)task * 7777 + (uint64_t)part};
}

static void fill(unsigned char *out, size_t bytes, int64_t task, int part)
{
    check_random r = content(task, part);
    for (size_t i = 0; i < bytes; i += 8) {
        const uint64_t x = random_bits(&r);
        memcpy(out + i, &x, bytes - i < 8 ? bytes - i : 8);
    }
}

static bool is_filled(const unsigned char *data, size_t bytes, int64_t task, int part)
{
    check_random r = content(task, part);
    for (size_t i = 0; i < bytes; i += 8) {
        const uint64_t x = random_bits(&r);
        if (memcmp(data + i, &x, bytes - i < 8 ? bytes - i : 8) != 0)
            return false;
    }
    return true;
}

static void *open_worker(void *user, int worker, fn_error *err)
{
    work *w = user;
    EXPECT(worker >= 0 && worker < w->workers, "worker %d of %d", worker, w->workers);
    if (w->no_worker) {
        fn_fail(err, FN_ERR_READ, "worker %d finds no file", worker);
        return NULL;
    }
    long *thread = malloc(sizeof *thread);
    if (thread == NULL)
        abort();
    *thread = thread_id();
    atomic_fetch_add(&w->opened, 1);
    return thread;
}

static void close_worker(void *user, void *worker)
{
    work *w = user;
    /* After a failure on the worker's own thread, while others go on; else when all have stopped. */
    EXPECT(*(const long *)worker == thread_id() || atomic_load(&w->running) == 0, "closed while tasks run");
    atomic_fetch_add(&w->closed, 1);
    free(worker);
}

static void raise_to(atomic_size_t *most, size_t value)
{
    size_t old = atomic_load(most);
    while (value > old && !atomic_compare_exchange_weak(most, &old, value))
        ;
}

static fn_status part(work *w, fn_task *task, size_t used, size_t bytes, fn_error *err)
{
    raise_to(&w->largest, bytes);
    const fn_status status = fn_stream_part(task, used, bytes, err);
    if (status == FN_OK) {
        EXPECT(task->bytes == bytes && task->result != NULL, "a buffer of %zu bytes, not %zu", task->bytes, bytes);
        EXPECT((uintptr_t)task->result % 64 == 0, "result at %p", task->result);
    }
    return status;
}

static fn_status run_parts(work *w, fn_task *task, fn_error *err)
{
    const shape s = shape_of(w, task->number);
    fn_status status = FN_OK;
    raise_to(&w->largest, task->bytes);
    EXPECT(task->bytes == bytes_of_task(w, task->number), "%zu bytes", task->bytes);
    for (int i = 0; i < s.parts; i++) {
        if (task->number == w->failing && i == w->fails_after)
            return fn_fail(err, FN_ERR_READ, "task %" PRId64 " is broken", task->number);
        if (fn_is_cancelled(task->cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        if (task->number < w->slow_before)
            sleep_ms(2);
        else if (w->busy_us > 0)
            nanosleep(&(struct timespec){0, w->busy_us * 1000L}, NULL);
        if (s.grows && (status = part(w, task, 0, buffer_for(&s, i), err)) != FN_OK)
            return status;
        fill(task->result, s.bytes[i], task->number, i);
        if (i + 1 < s.parts || s.empty_end) {
            if ((status = part(w, task, s.bytes[i], s.grows ? 8 : buffer_for(&s, i + 1), err)) != FN_OK)
                return status;
        } else
            task->bytes = s.bytes[i];
    }
    if (s.parts == 0 || s.empty_end)
        task->bytes = 0;
    if (task->number == w->failing)
        return fn_fail(err, FN_ERR_READ, "task %" PRId64 " is broken", task->number);
    return FN_OK;
}

static bool wait_for(atomic_int *value, int at_least, int ms)
{
    for (int i = 0; i < ms && atomic_load(value) < at_least; i++)
        sleep_ms(1);
    return atomic_load(value) >= at_least;
}

static fn_status run_task(void *user, void *worker, fn_task *task, fn_error *err)
{
    work *w = user;
    EXPECT(*(long *)worker == thread_id(), "run on another thread than opened");
    EXPECT(task->number >= 0 && task->number < w->count, "task %" PRId64 " of %" PRId64, task->number, w->count);
    EXPECT(task->notes == NULL, "notes are not empty");
    EXPECT(atomic_fetch_add(&w->runs[task->number % TASKS_MAX], 1) == 0 || w->count > TASKS_MAX,
           "task %" PRId64 " again", task->number);
    const int entered = atomic_fetch_add(&w->run_total, 1) + 1;
    EXPECT(task->number < entered + w->workers - 1, "task %" PRId64 " when %d were started", task->number, entered);
    const int now = atomic_fetch_add(&w->running, 1) + 1;
    int peak = atomic_load(&w->running_peak);
    while (now > peak && !atomic_compare_exchange_weak(&w->running_peak, &peak, now))
        ;
    int64_t *note = malloc(sizeof *note);
    if (note == NULL)
        abort();
    *note = task->number;
    task->notes = note;
    atomic_fetch_add(&w->notes_made, 1);

    while (atomic_load(&w->gate_shut) && task->number >= w->gated && !fn_is_cancelled(task->cancel))
        sleep_ms(1);
    if (task->number == w->stubborn)
        for (int i = 0; i < 10000 && !atomic_load(&w->let_go); i++)
            sleep_ms(2);
    if (task->number == w->slow)
        for (int i = 0; i < 10000 && !fn_is_cancelled(task->cancel); i++)
            sleep_ms(2);
    if (task->number == w->end && w->slow > w->end)
        EXPECT(wait_for(&w->runs[w->slow], 1, 20000), "the slow task runs");
    if (task->number == w->end && w->end_first)
        fn_stream_end(task);
    const fn_status status = run_parts(w, task, err);
    if (task->number == w->end && !w->end_first)
        fn_stream_end(task);
    atomic_fetch_add(&w->cancelled, status == FN_ERR_CANCELLED);
    atomic_fetch_sub(&w->running, 1);
    return status;
}

static void on_report(void *user, const fn_report *report)
{
    work *w = user;
    const long long thread = atomic_load(&w->reader_thread);
    EXPECT(thread == 0 || thread == thread_id(), "report on another thread than the reader's");
    EXPECT(report->worker >= 0 && report->worker < w->workers, "report of worker %d", report->worker);
    EXPECT(report->process == (long)getpid(), "process %ld", report->process);
    EXPECT(report->begin >= 0 && report->seconds >= 0, "times %g %g", report->begin, report->seconds);
    atomic_fetch_add(&w->reports, 1);
    atomic_fetch_add(&w->reports_ok, report->status == FN_OK);
    if (report->notes == NULL) {
        EXPECT(w->no_worker, "no notes");
        return;
    }
    EXPECT(*(int64_t *)report->notes == report->task, "notes of task %" PRId64 " in the report of %" PRId64,
           *(int64_t *)report->notes, report->task);
    atomic_fetch_add(&w->notes_reported, 1);
    free(report->notes);
}

static work *new_work(int64_t count, int parts, size_t bytes)
{
    work *w = calloc(1, sizeof *w);
    REQUIRE(w != NULL, "memory");
    REQUIRE(parts <= PARTS_MAX, "parts");
    *w = (work){.count = count, .parts = parts, .bytes = bytes, .seed = check_seed, .busy_us = 0};
    w->failing = w->slow = w->stubborn = w->end = -1;
    return w;
}

static fn_job job_of(work *w)
{
    return (fn_job){.task_count = w->count,
                    .user = w,
                    .task_bytes = bytes_of_task,
                    .worker_open = open_worker,
                    .worker_run = run_task,
                    .worker_close = close_worker,
                    .on_report = on_report};
}

static fn_stream *start(work *w, int workers, size_t budget)
{
    fn_job job = job_of(w);
    fn_stream *stream = NULL;
    fn_error err = {.text = ""};
    w->workers = workers;
    REQUIRE(fn_stream_new(&job, &(fn_job_options){.workers = workers, .budget = budget}, &stream, &err) == FN_OK, "%s",
            err.text);
    memset(&job, 0xA5, sizeof job); /* the job is copied */
    return stream;
}

/* What must hold when the stream is gone. */
static void finish_work(work *w)
{
    EXPECT(atomic_load(&w->running) == 0, "%d tasks run on", atomic_load(&w->running));
    EXPECT(atomic_load(&w->opened) == atomic_load(&w->closed), "%d workers opened, %d closed", atomic_load(&w->opened),
           atomic_load(&w->closed));
    EXPECT(atomic_load(&w->notes_made) == atomic_load(&w->notes_reported), "%d notes made, %d reported",
           atomic_load(&w->notes_made), atomic_load(&w->notes_reported));
    EXPECT(w->no_worker || atomic_load(&w->reports) == atomic_load(&w->run_total), "%d reports of %d runs",
           atomic_load(&w->reports), atomic_load(&w->run_total));
    free(w);
}

static void finish(work *w, fn_stream *stream)
{
    fn_stream_free(stream);
    finish_work(w);
}

/* A reader that knows what must come next. */
typedef struct reader {
    int64_t task;
    int part;
    int64_t parts; /* read so far */
} reader;

/* The next part that should come, from where the reader is; false: none before `end`. */
static bool expected(const work *w, reader *r, int64_t end, shape *s)
{
    for (; r->task < end; r->task++, r->part = 0) {
        *s = shape_of(w, r->task);
        if (r->part < s->parts + s->empty_end)
            return true;
    }
    return false;
}

/* Reads at most n parts (all if negative) and checks them; `end`: tasks from here on must not come. */
static fn_status read_parts(work *w, fn_stream *stream, reader *r, int64_t n, int64_t end, fn_error *err)
{
    for (; n != 0; n -= n > 0) {
        fn_part p;
        shape s;
        memset(&p, 0xA5, sizeof p);
        memset(err, 0, sizeof *err);
        const fn_status status = fn_stream_next(stream, &p, err);
        if (status != FN_OK) {
            EXPECT(p.data == NULL, "data with a failure");
            EXPECT(err->status == status, "status %d, in the error %d", status, err->status);
            EXPECT_ERROR_TEXT(*err, "status %d", status);
            return status;
        }
        const bool more = expected(w, r, end, &s);
        if (p.data == NULL) {
            EXPECT(!more, "the end, where task %" PRId64 " part %d should come", r->task, r->part);
            return FN_OK;
        }
        const bool empty = r->part == s.parts;
        EXPECT(more && p.task == r->task, "a part of task %" PRId64 ", expected %" PRId64, p.task, r->task);
        if (!more || p.task != r->task)
            return FN_OK;
        EXPECT(p.bytes == (empty ? 0 : s.bytes[r->part]), "task %" PRId64 " part %d has %zu bytes", p.task, r->part,
               p.bytes);
        EXPECT(empty || is_filled(p.data, p.bytes, r->task, r->part), "task %" PRId64 " part %d has wrong bytes",
               p.task, r->part);
        if (r->task != w->failing)
            EXPECT(p.last == (r->part == s.parts + s.empty_end - 1), "task %" PRId64 " part %d: last is %d", p.task,
                   r->part, p.last);
        r->part++;
        r->parts++;
    }
    return FN_OK;
}

static void read_all(work *w, fn_stream *stream)
{
    reader r = {0};
    fn_error err;
    fn_part p;
    shape s;
    EXPECT(read_parts(w, stream, &r, -1, w->count, &err) == FN_OK, "%s", err.text);
    EXPECT(!expected(w, &r, w->count, &s), "only %" PRId64 " tasks came", r.task);
    for (int i = 0; i < 3; i++)
        EXPECT(fn_stream_next(stream, &p, &err) == FN_OK && p.data == NULL, "the end, again");
}

static void expect_peak(work *w, fn_stream *stream, size_t budget)
{
    fn_stream_stats s;
    fn_stream_get_stats(stream, &s);
    const size_t most = budget + atomic_load(&w->largest);
    EXPECT(s.bytes_peak > 0 && s.bytes_peak <= most, "peak %zu, budget %zu, largest buffer %zu", s.bytes_peak, budget,
           atomic_load(&w->largest));
}

/* Until the number stands still. */
static int settled(atomic_int *value)
{
    int before = -1, now = atomic_load(value);
    for (; before != now; now = atomic_load(value)) {
        before = now;
        sleep_ms(40);
    }
    return now;
}

/* Waits until the number is there, or for long, and then as settled(). */
static int settled_at(atomic_int *value, int wanted)
{
    for (int i = 0; i < 20000 && atomic_load(value) != wanted; i++)
        sleep_ms(1);
    return settled(value);
}

/* ---- the tests ---- */

static void options_are_checked(void)
{
    work *w = new_work(4, 1, 100);
    const fn_job job = job_of(w);
    static const int bad[] = {0, -1, FN_WORKERS_MAX + 1};
    for (int i = 0; i < 3; i++) {
        fn_stream *stream = (fn_stream *)(uintptr_t)1;
        fn_error err = {.text = ""};
        const fn_status status = fn_stream_new(&job, &(fn_job_options){.workers = bad[i]}, &stream, &err);
        EXPECT(status == FN_ERR_ARGUMENT && stream == NULL, "%d workers: status %d", bad[i], status);
        EXPECT_ERROR_TEXT(err, "%d workers", bad[i]);
    }
    fn_stream_free(NULL);
    EXPECT(fn_stream_try_free(NULL, 0), "NULL");
    free(w);
}

static void budgets_and_workers(void)
{
    static const int workers[] = {1, 2, 7};
    static const size_t budgets[] = {0, 1, 1000, 5000, 1 << 24};
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
        for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++)
            for (int parts = 0; parts <= 9; parts += 3) {
                work *w = new_work(150, parts, 1500);
                fn_stream *stream = start(w, workers[i], budgets[b]);
                atomic_store(&w->reader_thread, thread_id());
                read_all(w, stream);
                for (int64_t t = 0; t < w->count; t++)
                    EXPECT(atomic_load(&w->runs[t]) == 1, "task %" PRId64 " ran %d times", t, atomic_load(&w->runs[t]));
                expect_peak(w, stream, budgets[b]);
                finish(w, stream);
            }
}

/* One task alone is many times the budget, and all others wait behind it. */
static void parts_beyond_the_budget(void)
{
    for (int workers = 1; workers <= 7; workers += 3) {
        work *w = new_work(12, 40, 100000);
        w->even = true;
        fn_stream *stream = start(w, workers, 250000);
        read_all(w, stream);
        expect_peak(w, stream, 250000);
        finish(w, stream);
    }
    work *w = new_work(6, 3, 20 << 20);
    w->even = true;
    fn_stream *stream = start(w, 3, 1000);
    read_all(w, stream);
    expect_peak(w, stream, 1000);
    finish(w, stream);
}

static void no_tasks(void)
{
    work *w = new_work(0, 1, 100);
    fn_stream *stream = start(w, 2, 1000);
    read_all(w, stream);
    finish(w, stream);
}

static void statistics(void)
{
    work *w = new_work(64, 1, 100);
    w->even = true;
    w->busy_us = 20000;
    fn_stream *stream = start(w, 4, 1 << 20);
    fn_stream_stats s;
    fn_stream_get_stats(stream, &s);
    EXPECT(s.workers == 0 && s.tasks_done == 0 && s.parts == 0 && s.bytes_peak == 0, "before the first read");
    const double begin = seconds_now();
    read_all(w, stream);
    const double seconds = seconds_now() - begin;
    fn_stream_get_stats(stream, &s);
    EXPECT(atomic_load(&w->running_peak) == 4, "at most %d tasks at once", atomic_load(&w->running_peak));
    EXPECT(s.workers == 4 && s.tasks_done == 64 && s.parts == 64, "%d workers, %" PRId64 " tasks, %" PRId64 " parts",
           s.workers, s.tasks_done, s.parts);
    EXPECT(s.busy_seconds >= 64 * 0.020 * 0.9, "busy for %g s", s.busy_seconds);
    EXPECT(seconds < s.busy_seconds, "%g s for tasks of %g s: not faster than one worker", seconds, s.busy_seconds);
    EXPECT(s.wait_seconds > 0.02 && s.wait_seconds <= seconds * 1.01, "waited %g of %g s", s.wait_seconds, seconds);
    finish(w, stream);
}

/* The workers go on while the reader is elsewhere, until the budget is used. */
static void read_ahead_is_bounded(void)
{
    for (int workers = 1; workers <= 5; workers += 2) {
        reader r = {0};
        fn_error err;
        work *w = new_work(1000, 1, 1000);
        w->even = true;
        fn_stream *stream = start(w, workers, 20000);
        EXPECT(read_parts(w, stream, &r, 1, w->count, &err) == FN_OK, "%s", err.text);
        int ran = settled_at(&w->run_total, 15);
        EXPECT(ran >= 15 && ran <= 20, "%d tasks of 1000 bytes for a budget of 20000", ran);
        expect_peak(w, stream, 20000);
        fn_stream_stats done = {0};
        for (int i = 0; i < 20000 && (fn_stream_get_stats(stream, &done), done.tasks_done < 15); i++)
            sleep_ms(1);
        fn_stream_report(stream); /* of all that nobody has read, too */
        EXPECT(done.tasks_done >= 15 && w->reports_ok >= done.tasks_done, "%d of %" PRId64 " reports",
               (int)w->reports_ok, done.tasks_done);
        finish(w, stream);

        /* Many parts: one task may use it all. */
        w = new_work(1, 60, 1000);
        w->even = true;
        stream = start(w, workers, 20000);
        r = (reader){0};
        EXPECT(read_parts(w, stream, &r, 1, w->count, &err) == FN_OK, "%s", err.text);
        fn_stream_stats s = {0};
        for (int i = 0; i < 20000 && (fn_stream_get_stats(stream, &s), s.bytes_peak < 20000); i++)
            sleep_ms(1);
        sleep_ms(50); /* and no more */
        fn_stream_get_stats(stream, &s);
        EXPECT(s.bytes_peak == 20000, "%zu bytes", s.bytes_peak);
        finish(w, stream);

        /* Nor does it go on for ever where the budget does. */
        w = new_work(TASKS_MAX, 1, 1000);
        w->even = true;
        stream = start(w, workers, (size_t)1 << 40);
        r = (reader){0};
        EXPECT(read_parts(w, stream, &r, 1, w->count, &err) == FN_OK, "%s", err.text);
        ran = settled(&w->run_total);
        EXPECT(ran < TASKS_MAX / 8, "%d tasks are ahead of the reader", ran);
        read_parts(w, stream, &r, -1, w->count, &err);
        finish(w, stream);
    }
}

/* With a worker for each CPU one starts no task as long as there is enough for the reader, who needs a CPU, too. */
static void one_gives_way(void)
{
    const int cpus = fn_cpu_count();
    for (int workers = cpus > 2 ? cpus - 1 : 2; workers <= cpus + 1; workers++) {
        reader r = {0};
        fn_error err;
        work *w = new_work(64 + 8 * (int64_t)workers, 1, 100);
        w->even = true;
        w->gated = workers + 2;
        atomic_store(&w->gate_shut, true);
        fn_stream *stream = start(w, workers, (size_t)1 << 30);
        EXPECT(read_parts(w, stream, &r, 1, w->count, &err) == FN_OK, "%s", err.text);
        const int most = workers < cpus ? workers : workers - 1;
        const int ran = settled_at(&w->running, most);
        EXPECT(ran == most, "%d of %d workers on %d CPUs are ahead of the reader", ran, workers, cpus);
        EXPECT(read_parts(w, stream, &r, w->gated - 1, w->count, &err) == FN_OK, "%s", err.text);
        const int all = settled_at(&w->running, workers);
        EXPECT(all == workers, "%d of %d workers where the reader is near", all, workers);
        atomic_store(&w->gate_shut, false);
        read_parts(w, stream, &r, -1, w->count, &err);
        finish(w, stream);
    }
}

/* A finished task waits until it is its turn. */
static void first_task_is_last(void)
{
    work *w = new_work(30, 3, 500);
    w->even = true;
    w->slow_before = 1;
    fn_stream *stream = start(w, 4, 1 << 20);
    read_all(w, stream);
    finish(w, stream);
}

static void end_by_worker(void)
{
    static const int workers[] = {1, 2, 7};
    check_random random = random_for("end_by_worker");
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
        for (int round = 0; round < 12; round++) {
            work *w = new_work(INT64_MAX, 4, 300);
            w->even = round % 3 == 0;
            w->end = random_between(&random, 0, 50);
            w->end_first = round % 2 == 0;
            fn_stream *stream = start(w, workers[i], round % 4 == 0 ? 0 : 20000);
            reader r = {0};
            fn_error err;
            fn_part p;
            shape s;
            EXPECT(read_parts(w, stream, &r, -1, w->end + 1, &err) == FN_OK, "%s", err.text);
            EXPECT(!expected(w, &r, w->end + 1, &s), "the end came at task %" PRId64 ", not after %" PRId64, r.task,
                   w->end);
            EXPECT(fn_stream_next(stream, &p, NULL) == FN_OK && p.data == NULL, "the end, again");
            const int ran = settled_at(&w->running, 0) == 0 ? atomic_load(&w->run_total) : -1;
            EXPECT(ran >= w->end + 1 && ran <= w->end + 1 + 24 * workers[i], /* as many may be started and not read */
                   "%d tasks ran, the last is %" PRId64, ran, w->end);
            finish(w, stream);
        }
}

/* Several tasks say that they are the last: the smallest is. */
static fn_status run_many_ends(void *user, void *worker, fn_task *task, fn_error *err)
{
    const fn_status status = task->number >= 20 ? FN_OK : run_task(user, worker, task, err);
    if (task->number >= 20) {
        atomic_fetch_add(&((work *)user)->run_total, 1);
        fn_stream_end(task);
        task->bytes = task->number == 20 ? 0 : task->bytes;
    }
    return status;
}

static void ignore_report(void *user, const fn_report *report)
{
    (void)user;
    free(report->notes);
}

static void many_ends(void)
{
    for (int workers = 1; workers <= 7; workers += 3) {
        work *w = new_work(1000, 2, 300);
        w->slow_before = 20;
        w->even = true;
        w->workers = workers;
        fn_job job = job_of(w);
        job.worker_run = run_many_ends;
        job.on_report = ignore_report;
        fn_stream *stream = NULL;
        fn_error err;
        REQUIRE(fn_stream_new(&job, &(fn_job_options){.workers = workers, .budget = 10000}, &stream, &err) == FN_OK,
                "new");
        reader r = {0};
        EXPECT(read_parts(w, stream, &r, -1, 20, &err) == FN_OK, "%s", err.text);
        EXPECT(r.parts == 40, "%" PRId64 " parts", r.parts);
        fn_stream_free(stream);
        free(w);
    }
}

static void errors_come_in_order(void)
{
    static const int workers[] = {1, 2, 7};
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
        for (int after = 0; after <= 4; after += 2)
            for (size_t budget = 0; budget <= 100000; budget += 50000) {
                work *w = new_work(200, 4, 500);
                w->even = true;
                w->slow_before = 5;
                w->failing = 5;
                w->fails_after = after;
                fn_stream *stream = start(w, workers[i], budget);
                reader r = {0};
                fn_error err;
                EXPECT(read_parts(w, stream, &r, -1, w->count, &err) == FN_ERR_READ, "no failure");
                EXPECT(strcmp(err.text, "task 5 is broken") == 0, "\"%s\"", err.text);
                /* What it handed over before it failed: all but the last part, which it keeps. */
                EXPECT(r.parts == 5 * 4 + (after < 4 ? after : 3), "%" PRId64 " parts before the failure", r.parts);
                for (int again = 0; again < 3; again++) {
                    EXPECT(read_parts(w, stream, &r, 1, w->count, &err) == FN_ERR_READ, "the failure is final");
                    EXPECT(strcmp(err.text, "task 5 is broken") == 0, "\"%s\"", err.text);
                }
                EXPECT(fn_stream_next(stream, &(fn_part){0}, NULL) == FN_ERR_READ, "without err");
                const int ran = settled(&w->run_total);
                EXPECT(ran <= 6 + 24 * workers[i], "%d tasks ran", ran);
                finish(w, stream);
            }
}

/* A failure behind the end is none; one before it counts. */
static void failure_and_end(void)
{
    for (int workers = 1; workers <= 7; workers += 3)
        for (int64_t failing = 8; failing <= 12; failing++) {
            work *w = new_work(100, 2, 300);
            w->even = true;
            w->slow_before = failing > 10 ? 11 : 8;
            w->end = 10;
            w->failing = failing;
            fn_stream *stream = start(w, workers, 50000);
            reader r = {0};
            fn_error err;
            const fn_status status = read_parts(w, stream, &r, -1, 11, &err);
            EXPECT(status == (failing <= 10 ? FN_ERR_READ : FN_OK), "task %" PRId64 " fails: status %d", failing,
                   status);
            EXPECT(r.parts == (failing <= 10 ? failing * 2 : 22), "%" PRId64 " parts", r.parts);
            finish(w, stream);
        }
}

static void no_worker_opens(void)
{
    for (int workers = 1; workers <= 4; workers++) {
        work *w = new_work(20, 1, 500);
        w->no_worker = true;
        fn_stream *stream = start(w, workers, 1 << 20);
        fn_error err;
        EXPECT(read_parts(w, stream, &(reader){0}, 1, w->count, &err) == FN_ERR_READ, "a part without a worker");
        EXPECT(strstr(err.text, "finds no file") != NULL, "\"%s\"", err.text);
        finish(w, stream);
    }
}

static void free_without_reading(void)
{
    work *w = new_work(20, 3, 500);
    fn_stream *stream = start(w, 4, 1 << 20);
    sleep_ms(10);
    EXPECT(atomic_load(&w->run_total) == 0, "a task ran before the first read");
    finish(w, stream);
}

/* Workers that wait for room, for a task, or in a task: all are woken. */
static void free_in_the_middle(void)
{
    check_random random = random_for("free_in_the_middle");
    for (int round = 0; round < 60; round++) {
        work *w = new_work(400, 6, 2000);
        w->busy_us = (int)random_between(&random, 0, 300);
        fn_stream *stream = start(w, (int)random_between(&random, 1, 6), (size_t)random_between(&random, 0, 30000));
        reader r = {0};
        fn_error err;
        EXPECT(read_parts(w, stream, &r, random_between(&random, 1, 60), w->count, &err) == FN_OK, "%s", err.text);
        if (random_between(&random, 0, 1) == 1)
            sleep_ms((int)random_between(&random, 0, 8));
        const double begin = seconds_now();
        finish(w, stream);
        EXPECT(seconds_now() - begin < 10, "free takes %g s", seconds_now() - begin);
    }
    for (int workers = 2; workers <= 4; workers++) {
        work *w = new_work(100, 2, 500);
        w->slow = 3;
        w->even = true;
        fn_stream *stream = start(w, workers, 1 << 20);
        fn_error err;
        EXPECT(read_parts(w, stream, &(reader){0}, 6, w->count, &err) == FN_OK, "%s", err.text);
        EXPECT(wait_for(&w->runs[3], 1, 5000), "the slow task runs");
        const double begin = seconds_now();
        fn_stream_free(stream);
        EXPECT(seconds_now() - begin < 10, "free takes %g s", seconds_now() - begin);
        EXPECT(atomic_load(&w->cancelled) >= 1, "nothing was cancelled");
        finish_work(w);
    }
}

/* The end cancels the tasks behind it. */
static void end_cancels(void)
{
    work *w = new_work(100, 2, 500);
    w->even = true;
    w->slow = 3;
    w->end = 2;
    fn_stream *stream = start(w, 4, 1 << 20);
    fn_error err;
    EXPECT(read_parts(w, stream, &(reader){0}, -1, 3, &err) == FN_OK, "%s", err.text);
    EXPECT(wait_for(&w->cancelled, 1, 10000), "the slow task was not cancelled");
    finish(w, stream);
}

static void free_with_a_limit(void)
{
    for (int workers = 2; workers <= 3; workers++) {
        work *w = new_work(100, 2, 500);
        w->even = true;
        w->stubborn = 3;
        fn_stream *stream = start(w, workers, 1 << 20);
        fn_error err;
        EXPECT(read_parts(w, stream, &(reader){0}, 6, w->count, &err) == FN_OK, "%s", err.text);
        EXPECT(wait_for(&w->runs[3], 1, 5000), "the stubborn task runs");
        const double begin = seconds_now();
        const bool gone = fn_stream_try_free(stream, 0.05);
        const double seconds = seconds_now() - begin;
        EXPECT(!gone && seconds >= 0.04 && seconds < 10, "gone: %d, after %g s", gone, seconds);
        EXPECT(atomic_load(&w->closed) == 0, "%d workers are closed already", atomic_load(&w->closed));
        EXPECT(fn_stream_next(stream, &(fn_part){0}, &err) == FN_ERR_CANCELLED, "a read after the stop");
        EXPECT_ERROR_TEXT(err, "cancelled");
        atomic_store(&w->let_go, true);
        if (workers == 2)
            fn_stream_free(stream);
        else
            EXPECT(fn_stream_try_free(stream, 20), "within 20 s");
        EXPECT(atomic_load(&w->closed) > 0, "no worker was closed");
        finish_work(w);
    }
}

typedef struct waiting {
    work *w;
    fn_stream *stream;
    fn_status status;
} waiting;

static void *read_to_failure(void *arg)
{
    waiting *me = arg;
    fn_error err;
    me->status = read_parts(me->w, me->stream, &(reader){0}, -1, me->w->count, &err);
    return NULL;
}

/* A reader that waits is woken by the stop, before the stubborn task has come to its end. */
static void stop_wakes_the_reader(void)
{
    work *w = new_work(10, 1, 500);
    w->even = true;
    w->stubborn = 0;
    waiting me = {.w = w, .stream = start(w, 1, 0)};
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, read_to_failure, &me) == 0, "thread");
    EXPECT(wait_for(&w->runs[0], 1, 5000), "the stubborn task runs");
    EXPECT(!fn_stream_try_free(me.stream, 0.01), "the stubborn task has stopped");
    pthread_join(thread, NULL);
    EXPECT(me.status == FN_ERR_CANCELLED, "status %d", me.status);
    EXPECT(atomic_load(&w->running) == 1, "it was not woken before");
    atomic_store(&w->let_go, true);
    finish(w, me.stream);
}

static fn_status run_huge(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)worker;
    atomic_fetch_add(&((work *)user)->run_total, 1);
    fill(task->result, task->bytes, task->number, 0);
    return task->number == 4 ? fn_stream_part(task, 0, (size_t)1 << 60, err) : FN_OK;
}

static void no_memory(void)
{
    if (CHECK_SANITIZED)
        SKIP("this build has a sanitizer, whose allocator aborts instead of failing");
    for (int workers = 1; workers <= 3; workers++) {
        work *w = new_work(20, 1, 500);
        w->even = true;
        w->workers = workers;
        fn_job job = job_of(w);
        job.worker_run = run_huge;
        job.on_report = ignore_report;
        fn_stream *stream = NULL;
        fn_error err;
        REQUIRE(fn_stream_new(&job, &(fn_job_options){.workers = workers, .budget = SIZE_MAX}, &stream, &err) == FN_OK,
                "new");
        reader r = {0};
        EXPECT(read_parts(w, stream, &r, -1, w->count, &err) == FN_ERR_MEMORY, "1 EB");
        EXPECT(r.parts == 4, "%" PRId64 " parts before", r.parts);
        fn_stream_free(stream);
        free(w);

        w = new_work(20, 1, SIZE_MAX - 5);
        w->even = true;
        stream = start(w, workers, 1000);
        EXPECT(read_parts(w, stream, &(reader){0}, 1, w->count, &err) == FN_ERR_MEMORY, "16 EB");
        finish(w, stream);
    }
}

static fn_status run_greedy(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)user;
    (void)worker;
    return fn_stream_part(task, task->bytes + 1, 10, err);
}

static void part_larger_than_its_buffer(void)
{
    work *w = new_work(20, 1, 500);
    w->workers = 2;
    fn_job job = job_of(w);
    job.worker_run = run_greedy;
    job.on_report = ignore_report;
    fn_stream *stream = NULL;
    fn_error err;
    REQUIRE(fn_stream_new(&job, &(fn_job_options){.workers = 2, .budget = 1000}, &stream, &err) == FN_OK, "new");
    EXPECT(fn_stream_next(stream, &(fn_part){0}, &err) == FN_ERR_ARGUMENT, "it is taken");
    fn_stream_free(stream);
    free(w);
}

static void stress(void)
{
    check_random random = random_for("stress");
    const double until = seconds_now() + 3;
    int rounds = 0;
    for (; rounds < 5 || seconds_now() < until; rounds++) {
        work *w = new_work(random_between(&random, 1, 300), (int)random_between(&random, 0, 12),
                           (size_t)random_between(&random, 1, 3000));
        w->seed = random_bits(&random);
        w->even = random_between(&random, 0, 4) == 0;
        w->busy_us = random_between(&random, 0, 3) == 0 ? (int)random_between(&random, 0, 60) : 0;
        int64_t end = w->count, failing = -1;
        if (random_between(&random, 0, 2) == 0) {
            w->end = random_between(&random, 0, w->count - 1);
            w->end_first = random_between(&random, 0, 1) == 0;
            end = w->end + 1;
        }
        if (random_between(&random, 0, 2) == 0) {
            w->failing = random_between(&random, 0, w->count - 1);
            w->fails_after = (int)random_between(&random, 0, 12);
            failing = w->failing < end ? w->failing : -1;
        }
        const size_t budget = random_between(&random, 0, 3) == 0 ? 0 : (size_t)random_between(&random, 0, 60000);
        fn_stream *stream = start(w, (int)random_between(&random, 1, 8), budget);
        reader r = {0};
        fn_error err;
        shape s;
        if (random_between(&random, 0, 4) == 0) {
            const fn_status status = read_parts(w, stream, &r, random_between(&random, 1, 300), end, &err);
            EXPECT(status == FN_OK || failing >= 0, "status %d: %s", status, err.text);
        } else {
            const fn_status status = read_parts(w, stream, &r, -1, end, &err);
            EXPECT(status == (failing >= 0 ? FN_ERR_READ : FN_OK), "status %d, failing %" PRId64, status, failing);
            if (status == FN_OK)
                EXPECT(!expected(w, &r, end, &s), "only %" PRId64 " tasks came", r.task);
            else {
                char text[64];
                snprintf(text, sizeof text, "task %" PRId64 " is broken", failing);
                EXPECT(strcmp(err.text, text) == 0, "\"%s\" but \"%s\"", err.text, text);
                expected(w, &r, failing, &s);
                EXPECT(r.task >= failing, "failed after task %" PRId64 " only", r.task);
            }
        }
        expect_peak(w, stream, budget);
        finish(w, stream);
    }
}

/* A child of fork() has the stream but none of its threads. */
static void forked_child(void)
{
    if (CHECK_TSAN)
        SKIP("this build has the thread sanitizer, which cannot fork with threads");
    for (int kind = 0; kind < 4; kind++) {
        work *w = new_work(50, 3, 500);
        w->even = true;
        fn_stream *stream = start(w, 2, 10000);
        reader r = {0};
        fn_error err;
        const bool started = kind < 2;
        if (started)
            EXPECT(read_parts(w, stream, &r, 10, w->count, &err) == FN_OK, "%s", err.text);
        fflush(NULL);
        const pid_t child = fork();
        REQUIRE(child >= 0, "fork");
        if (child == 0) {
            alarm(10);
            int code = 0;
            err.text[0] = '\0';
            if (kind % 2 == 0) {
                const fn_status status = fn_stream_next(stream, &(fn_part){0}, &err);
                code = status == FN_OK ? 1 : err.text[0] == '\0' ? 2 : 0;
            }
            fn_stream_stats s;
            fn_stream_get_stats(stream, &s);
            fn_stream_free(stream); /* must not wait for threads that are not there */
            _exit(code);
        }
        int code = 0;
        REQUIRE(waitpid(child, &code, 0) == child, "waitpid");
        EXPECT(WIFEXITED(code) && WEXITSTATUS(code) == 0, "kind %d in a forked child: wait status %#x", kind,
               (unsigned)code);
        EXPECT(read_parts(w, stream, &r, -1, w->count, &err) == FN_OK && r.parts == 150, "the parent goes on");
        finish(w, stream);
    }
}

static bool is_ready(fn_stream *stream)
{
    bool ready = false;
    fn_error err = {.text = ""};
    EXPECT(fn_stream_wait(stream, 0, &ready, NULL, &err) == FN_OK, "%s", err.text);
    return ready;
}

static bool gets_ready(fn_stream *stream)
{
    for (int i = 0; i < 5000 && !is_ready(stream); i++)
        sleep_ms(1);
    return is_ready(stream);
}

/* Whether there is a part is said without waiting, and what is read stays the same. */
static void ready_or_not(void)
{
    for (int failing = -1; failing <= 2; failing += 3) {
        fn_error err = {.status = FN_OK};
        reader r = {0};
        work *w = new_work(4, 3, 1000);
        w->failing = failing;
        w->fails_after = 1;
        atomic_store(&w->gate_shut, true);
        fn_stream *stream = start(w, 2, 100000);
        EXPECT(!is_ready(stream), "ready before a task has run");
        for (int i = 0; i < 5000 && atomic_load(&w->run_total) == 0; i++)
            sleep_ms(1);
        EXPECT(atomic_load(&w->run_total) > 0 && !is_ready(stream), "tasks behind a gate");
        atomic_store(&w->gate_shut, false);
        while (r.task < w->count && err.status == FN_OK) {
            const reader before = r;
            EXPECT(gets_ready(stream), "never ready for task %" PRId64 " part %d", r.task, r.part);
            read_parts(w, stream, &r, 1, w->count, &err);
            if (r.parts == before.parts)
                break;
        }
        EXPECT((failing >= 0) == (err.status == FN_ERR_READ), "status %d where task %d fails", err.status, failing);
        EXPECT(gets_ready(stream), "the end is ready, and a failure");
        finish(w, stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(options_are_checked),
        UNIT(budgets_and_workers),
        UNIT(parts_beyond_the_budget),
        UNIT(no_tasks),
        UNIT(statistics),
        UNIT(read_ahead_is_bounded),
        UNIT(one_gives_way),
        UNIT(ready_or_not),
        UNIT(first_task_is_last),
        UNIT(end_by_worker),
        UNIT(many_ends),
        UNIT(errors_come_in_order),
        UNIT(failure_and_end),
        UNIT(no_worker_opens),
        UNIT(free_without_reading),
        UNIT(free_in_the_middle),
        UNIT(end_cancels),
        UNIT(free_with_a_limit),
        UNIT(stop_wakes_the_reader),
        UNIT(no_memory),
        UNIT(part_larger_than_its_buffer),
        UNIT(stress),
        UNIT(forked_child),
    };
    return check_main(tests);
}
