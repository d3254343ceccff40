/* Tasks that fail and are tried again, by threads: in engine and stream. What has been handed over is not repeated. */
#include "check.h"

#include <inttypes.h>

#include "fishnet/engine.h"
#include "fishnet/stream.h"

#define TASKS 19
#define PARTS 5
#define BYTES 1000

typedef struct work {
    int fails;        /* attempts at each third task that fail */
    int after;        /* parts before it does */
    fn_status status; /* with this */
    bool fewer;       /* the second attempt gives fewer parts */
    bool ends;        /* an attempt that fails has said that its task is the last */
    bool save;
    atomic_int attempts[TASKS], opened, closed, saved;
    int again, failed, with_error; /* reports */
} work;

static size_t task_bytes(void *user, int64_t task)
{
    (void)user, (void)task;
    return BYTES;
}

static void *worker_open(void *user, int worker, fn_error *err)
{
    (void)worker, (void)err;
    atomic_fetch_add(&((work *)user)->opened, 1);
    return malloc(1);
}

static void worker_close(void *user, void *worker)
{
    atomic_fetch_add(&((work *)user)->closed, 1);
    free(worker);
}

static int byte_of(int64_t task, int part)
{
    return (int)(task * PARTS + part) % 251;
}

static fn_status run(work *w, fn_task *task, int parts, fn_error *err)
{
    const int tried = atomic_fetch_add(&w->attempts[task->number], 1);
    const bool wrong = task->number % 3 == 0 && tried < w->fails;
    if (w->fewer && tried > 0)
        parts = 1;
    for (int i = 0; i < parts; i++) {
        if (wrong && i == w->after && w->ends)
            fn_stream_end(task);
        if (wrong && i == w->after)
            return fn_fail(err, w->status, "task %" PRId64 " does not work", task->number);
        memset(task->result, byte_of(task->number, i), BYTES);
        fn_status status = FN_OK;
        if (i + 1 < parts && (status = fn_stream_part(task, BYTES, BYTES, err)) != FN_OK)
            return status;
    }
    return FN_OK;
}

static fn_status run_whole(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)worker;
    return run(user, task, 1, err);
}

static fn_status run_parts(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)worker;
    return run(user, task, PARTS, err);
}

static void on_report(void *user, const fn_report *report)
{
    work *w = user;
    w->again += report->again;
    w->failed += report->status != FN_OK && !report->again;
    w->with_error += report->error && strstr(report->error, "does not work");
}

static bool on_failure(void *user, fn_task *task, const fn_error *err)
{
    work *w = user;
    EXPECT(strstr(err->text, "tried") != NULL, "%s", err->text);
    memset(task->result, 255, BYTES);
    atomic_fetch_add(&w->saved, 1);
    return w->save;
}

static bool consume(void *user, int64_t task, const void *result, size_t bytes)
{
    const unsigned char *c = result;
    const int want = ((const work *)user)->save && task % 3 == 0 ? 255 : byte_of(task, 0);
    EXPECT(bytes == BYTES && c[0] == want && c[BYTES - 1] == want, "task %" PRId64, task);
    return true;
}

static fn_status read_engine(work *w, int retries, int64_t first, fn_error *err)
{
    fn_engine *engine;
    int64_t wanted[TASKS];
    for (int64_t i = 0; i < TASKS; i++)
        wanted[i] = i;
    const fn_job job = {.task_count = TASKS,
                        .user = w,
                        .task_bytes = task_bytes,
                        .worker_open = worker_open,
                        .worker_run = run_whole,
                        .worker_close = worker_close,
                        .on_failure = w->save ? on_failure : NULL,
                        .on_report = on_report};
    const fn_job_options options = {.workers = 4, .retries = retries, .budget = 1 << 20};
    REQUIRE(fn_engine_new(&job, &options, &engine, err) == FN_OK, "%s", err->text);
    const fn_status status = fn_engine_read(engine, wanted + first, (size_t)(TASKS - first), NULL, 0, consume, w, err);
    fn_engine_stats stats;
    fn_engine_get_stats(engine, &stats);
    fn_engine_free(engine);
    EXPECT(stats.tasks_again == w->again, "%" PRId64 ", %d", stats.tasks_again, w->again);
    EXPECT(w->opened == w->closed, "%d opened, %d closed", (int)w->opened, (int)w->closed);
    return status;
}

static void third_attempt_succeeds(void)
{
    for (fn_status status = FN_OK; status <= FN_ERR_SYSTEM; status++) {
        if (!fn_may_pass(status))
            continue;
        work w = {.fails = 2, .status = status};
        fn_error err = {.text = ""};
        EXPECT(read_engine(&w, 2, 0, &err) == FN_OK, "%s", err.text);
        EXPECT(w.again == 2 * 7 && w.failed == 0 && w.with_error == w.again, "%d again, %d failed", w.again, w.failed);
        EXPECT(w.opened > 7, "only %d workers were opened: each attempt has its own", (int)w.opened);
    }
}

static void not_often_enough(void)
{
    work w = {.fails = 2, .status = FN_ERR_READ};
    fn_error err = {.text = ""};
    EXPECT(read_engine(&w, 1, 18, &err) == FN_ERR_READ, "%s", err.text);
    EXPECT(strcmp(err.text, "task 18 does not work (tried 2 times)") == 0, "%s", err.text);
    w = (work){.fails = 1, .status = FN_ERR_READ};
    EXPECT(read_engine(&w, 0, 18, &err) == FN_ERR_READ && strcmp(err.text, "task 18 does not work") == 0, "%s",
           err.text);
}

/* What another attempt would meet again is not tried again. */
static void what_does_not_pass(void)
{
    work w = {.fails = 9, .status = FN_ERR_VALUE};
    fn_error err = {.text = ""};
    EXPECT(read_engine(&w, 5, 18, &err) == FN_ERR_VALUE && strcmp(err.text, "task 18 does not work") == 0, "%s",
           err.text);
    EXPECT(w.again == 0 && w.attempts[18] == 1, "%d again", w.again);
}

static void saved_by_the_job(void)
{
    work w = {.fails = 9, .status = FN_ERR_READ, .save = true};
    fn_error err = {.text = ""};
    EXPECT(read_engine(&w, 1, 0, &err) == FN_OK, "%s", err.text);
    EXPECT(w.saved == 7 && w.again == 7 && w.failed == 0, "%d saved, %d again", (int)w.saved, w.again);
}

/* 20, 80 and 320 ms; and none of it when the end comes. */
static void pauses(void)
{
    work w = {.fails = 3, .status = FN_ERR_READ};
    fn_error err = {.text = ""};
    double start = seconds_now();
    EXPECT(read_engine(&w, 3, 18, &err) == FN_OK, "%s", err.text);
    EXPECT(seconds_now() - start >= 0.42, "%.3f seconds", seconds_now() - start);
    fn_engine *engine;
    const int64_t task = 18;
    w = (work){.fails = 100, .status = FN_ERR_READ};
    const fn_job job = {.task_count = TASKS,
                        .user = &w,
                        .task_bytes = task_bytes,
                        .worker_open = worker_open,
                        .worker_run = run_whole,
                        .worker_close = worker_close};
    const fn_job_options options = {.workers = 2, .retries = 100, .budget = 1 << 20};
    REQUIRE(fn_engine_new(&job, &options, &engine, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_engine_advise(engine, &task, 1, &err) == FN_OK, "%s", err.text);
    sleep_ms(500); /* now it waits for 1.2 * 7 s */
    start = seconds_now();
    fn_engine_free(engine);
    EXPECT(seconds_now() - start < 4, "%.3f seconds", seconds_now() - start);
}

/* A service that wants to be left alone is, by all workers, before first attempts, too. */
static atomic_int asked;
static double busy_until;

static double rest(void *user)
{
    (void)user;
    atomic_fetch_add(&asked, 1);
    return busy_until - seconds_now();
}

static void rests(void)
{
    fn_engine *engine;
    fn_error err = {.text = ""};
    const int64_t wanted[] = {1, 2, 4};
    for (int heeds = 0; heeds < 2; heeds++) {
        work w = {.fails = 0};
        const fn_job job = {.task_count = TASKS,
                            .user = &w,
                            .task_bytes = task_bytes,
                            .worker_open = worker_open,
                            .worker_run = run_whole,
                            .worker_close = worker_close,
                            .rest = rest};
        const fn_job_options options = {.workers = 2, .budget = 1 << 20, .pause = heeds ? 0.01 : 0};
        const double start = seconds_now();
        busy_until = start + 1;
        REQUIRE(fn_engine_new(&job, &options, &engine, &err) == FN_OK, "%s", err.text);
        EXPECT(fn_engine_read(engine, wanted, 3, NULL, 0, consume, &w, &err) == FN_OK, "%s", err.text);
        EXPECT(!heeds || seconds_now() - start >= 0.99, "%.3f seconds", seconds_now() - start);
        EXPECT(heeds ? asked >= 4 : asked == 0, "asked %d times", (int)asked);
        busy_until = seconds_now() + 60; /* and nobody waits when the end comes */
        EXPECT(fn_engine_advise(engine, &(int64_t){5}, 1, &err) == FN_OK, "%s", err.text);
        sleep_ms(50);
        const double end = seconds_now();
        fn_engine_free(engine);
        EXPECT(seconds_now() - end < 30, "%.3f seconds", seconds_now() - end);
    }
}

static fn_status read_stream(work *w, int retries, size_t budget, int64_t *parts, fn_error *err)
{
    fn_stream *stream;
    const fn_job job = {.task_count = TASKS,
                        .user = w,
                        .task_bytes = task_bytes,
                        .worker_open = worker_open,
                        .worker_run = run_parts,
                        .worker_close = worker_close,
                        .on_report = on_report};
    const fn_job_options options = {.workers = 4, .retries = retries, .budget = budget};
    REQUIRE(fn_stream_new(&job, &options, &stream, err) == FN_OK, "%s", err->text);
    fn_part part;
    fn_status status;
    *parts = 0;
    while ((status = fn_stream_next(stream, &part, err)) == FN_OK && part.data) {
        const int want = byte_of(part.task, (int)(*parts % PARTS));
        EXPECT(part.task == *parts / PARTS && part.bytes == BYTES && *(const unsigned char *)part.data == want &&
                   part.last == (*parts % PARTS == PARTS - 1),
               "part %" PRId64 " of task %" PRId64, *parts, part.task);
        ++*parts;
    }
    fn_stream_free(stream);
    EXPECT(w->opened == w->closed, "%d opened, %d closed", (int)w->opened, (int)w->closed);
    return status;
}

/* Wherever the attempts end, and however small the budget. */
static void parts_are_not_repeated(void)
{
    for (int after = 0; after < PARTS; after++)
        for (size_t budget = 1; budget < 2 << 20; budget *= 1024) {
            work w = {.fails = 2, .after = after, .status = FN_ERR_READ};
            fn_error err = {.text = ""};
            int64_t parts;
            EXPECT(read_stream(&w, 2, budget, &parts, &err) == FN_OK, "%s", err.text);
            EXPECT(parts == TASKS * PARTS, "%" PRId64 " parts", parts);
            EXPECT(w.again == 2 * 7, "%d again", w.again);
        }
}

static void parts_before_the_last_failure_come(void)
{
    work w = {.fails = 9, .after = 3, .status = FN_ERR_READ};
    fn_error err = {.text = ""};
    int64_t parts;
    EXPECT(read_stream(&w, 1, 1 << 20, &parts, &err) == FN_ERR_READ, "%s", err.text);
    EXPECT(parts == 3 && strstr(err.text, "task 0 does not work (tried 2 times)"), "%" PRId64 ": %s", parts, err.text);
}

static void a_failed_attempt_ends_nothing(void)
{
    work w = {.fails = 2, .after = 2, .status = FN_ERR_READ, .ends = true};
    fn_error err = {.text = ""};
    int64_t parts;
    EXPECT(read_stream(&w, 2, 1 << 20, &parts, &err) == FN_OK, "%s", err.text);
    EXPECT(parts == TASKS * PARTS, "%" PRId64 " parts", parts);
}

/* An input that changes between two attempts is an error, not a table of two halves. */
static void an_attempt_with_fewer_parts(void)
{
    work w = {.fails = 1, .after = 3, .status = FN_ERR_READ, .fewer = true};
    fn_error err = {.text = ""};
    int64_t parts;
    EXPECT(read_stream(&w, 2, 1 << 20, &parts, &err) == FN_ERR_READ, "%s", err.text);
    EXPECT(strstr(err.text, "has changed"), "%s", err.text);
}

/* ---- without memory ---- */

static atomic_int countdown = -1; /* calls of malloc() in this program until one fails; below 0: none does */

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes) /* the linker puts it in the place of malloc() */
{
    return countdown >= 0 && atomic_fetch_sub(&countdown, 1) == 0 ? NULL : __real_malloc(bytes);
}

typedef struct telling {
    work work;
    atomic_int left;
    int told;
} telling;

static fn_status run_and_tell(void *user, void *worker, fn_task *task, fn_error *err)
{
    telling *t = user;
    if ((task->notes = __real_malloc(1)) != NULL)
        atomic_fetch_add(&t->left, 1);
    return run_whole(&t->work, worker, task, err);
}

static void count_notes(void *user, const fn_report *report)
{
    telling *t = user;
    t->told += report->notes != NULL;
    free(report->notes);
}

static bool accept(void *user, int64_t task, const void *result, size_t bytes)
{
    const unsigned char *c = result;
    (void)user;
    EXPECT(bytes == BYTES && (c[0] == 255 || c[0] == byte_of(task, 0)), "task %" PRId64, task);
    return true;
}

static bool save_and_tell(void *user, fn_task *task, const fn_error *err)
{
    telling *t = user;
    (void)err;
    if ((task->notes = __real_malloc(1)) != NULL)
        atomic_fetch_add(&t->left, 1);
    memset(task->result, 255, BYTES);
    return true;
}

/* Whichever allocation fails: what tasks have left is told, once. */
static void notes_without_memory(void)
{
    int n = 0;
    for (bool failed = true; failed; n++) {
        telling t = {.work = {.fails = 1, .status = FN_ERR_READ, .save = true}};
        fn_engine *engine;
        fn_error err;
        int64_t wanted[TASKS];
        for (int64_t i = 0; i < TASKS; i++)
            wanted[i] = i;
        const fn_job job = {.task_count = TASKS,
                            .user = &t,
                            .task_bytes = task_bytes,
                            .worker_open = worker_open,
                            .worker_run = run_and_tell,
                            .worker_close = worker_close,
                            .on_failure = save_and_tell,
                            .on_report = count_notes};
        const fn_job_options options = {.workers = 2, .budget = 1 << 20};
        REQUIRE(fn_engine_new(&job, &options, &engine, &err) == FN_OK, "%s", err.text);
        countdown = n;
        const fn_status status = fn_engine_read(engine, wanted, TASKS, NULL, 0, accept, NULL, &err);
        fn_engine_free(engine);
        failed = countdown < 0;
        countdown = -1;
        EXPECT(t.told == t.left, "the %dth fails: %d of %d notes", n, t.told, (int)t.left);
        EXPECT(status == FN_OK || status == FN_ERR_MEMORY || status == FN_ERR_READ, "%d: %s", (int)status, err.text);
        EXPECT(failed || status == FN_OK, "%s", err.text);
    }
    EXPECT(n > TASKS, "only %d allocations", n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(third_attempt_succeeds),
        UNIT(not_often_enough),
        UNIT(what_does_not_pass),
        UNIT(saved_by_the_job),
        UNIT(pauses),
        UNIT(rests),
        UNIT(parts_are_not_repeated),
        UNIT(parts_before_the_last_failure_come),
        UNIT(a_failed_attempt_ends_nothing),
        UNIT(an_attempt_with_fewer_parts),
        UNIT(notes_without_memory),
    };
    return check_main(tests);
}
