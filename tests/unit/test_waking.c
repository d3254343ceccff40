/* How many workers there are, and whether they are awake when there is something to do. */
#include "check.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>

#include "fishnet/engine.h"
#include "fishnet/stream.h"

#define TASKS 256

/* Each task waits until `at_once` of them run at a time. */
typedef struct work {
    int at_once;
    int64_t failing; /* -1: none */
    atomic_int running, most, runs[TASKS], opened, closed;
    atomic_bool met; /* so many have run at a time */
} work;

static size_t bytes_of_task(void *user, int64_t task)
{
    (void)user, (void)task;
    return sizeof(int64_t);
}

static void *open_worker(void *user, int worker, fn_error *err)
{
    (void)worker, (void)err;
    atomic_fetch_add(&((work *)user)->opened, 1);
    return user;
}

static void close_worker(void *user, void *worker)
{
    (void)worker;
    atomic_fetch_add(&((work *)user)->closed, 1);
}

static fn_status run_task(void *user, void *worker, fn_task *task, fn_error *err)
{
    work *w = user;
    (void)worker;
    const int now = atomic_fetch_add(&w->running, 1) + 1;
    int most = atomic_load(&w->most);
    while (now > most && !atomic_compare_exchange_weak(&w->most, &most, now)) {
    }
    if (now >= w->at_once)
        atomic_store(&w->met, true);
    for (int i = 0; i < 10000 && !atomic_load(&w->met); i++)
        sleep_ms(1);
    atomic_fetch_add(&w->runs[task->number], 1);
    *(int64_t *)task->result = 3 * task->number;
    atomic_fetch_sub(&w->running, 1);
    return task->number == w->failing ? fn_fail(err, FN_ERR_ARGUMENT, "task %d is broken", (int)task->number) : FN_OK;
}

static fn_job_options options_of(int workers)
{
    return (fn_job_options){.workers = workers, .budget = 1 << 20};
}

static fn_job job_of(work *w)
{
    return (fn_job){.task_count = TASKS,
                    .user = w,
                    .task_bytes = bytes_of_task,
                    .worker_open = open_worker,
                    .worker_run = run_task,
                    .worker_close = close_worker};
}

static fn_engine *start(work *w, int workers)
{
    *w = (work){.failing = -1};
    const fn_job job = job_of(w);
    const fn_job_options options = options_of(workers);
    fn_engine *engine = NULL;
    fn_error err;
    REQUIRE(fn_engine_new(&job, &options, &engine, &err) == FN_OK, "%s", err.text);
    return engine;
}

static void finish(work *w, fn_engine *engine)
{
    fn_engine_free(engine);
    EXPECT(atomic_load(&w->opened) == atomic_load(&w->closed), "%d workers opened, %d closed", atomic_load(&w->opened),
           atomic_load(&w->closed));
}

static bool take(void *user, int64_t task, const void *result, size_t bytes)
{
    EXPECT(bytes == sizeof(int64_t) && *(const int64_t *)result == 3 * task, "the result of task %" PRId64, task);
    ++*(int *)user;
    return true;
}

/* at_once: of the tasks. */
static fn_status read_some(work *w, fn_engine *engine, int64_t first, int64_t n, int at_once, fn_error *err)
{
    int64_t wanted[TASKS];
    int taken = 0;
    for (int64_t i = 0; i < n; i++)
        wanted[i] = first + i;
    w->at_once = at_once;
    atomic_store(&w->met, false);
    atomic_store(&w->most, 0);
    const fn_status status = fn_engine_read(engine, wanted, (size_t)n, NULL, 0, take, &taken, err);
    EXPECT(status != FN_OK || taken == n, "%d of %d results", taken, (int)n);
    return status;
}

static int count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    int n = 0;
    REQUIRE(dir != NULL, "/proc/self/task");
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static int workers_of(fn_engine *engine)
{
    fn_engine_stats stats;
    fn_engine_get_stats(engine, &stats);
    return stats.workers;
}

/* ---- the tests ---- */

static void no_more_threads_than_tasks(void)
{
    static work w;
    fn_engine *engine = start(&w, 8);
    fn_error err;
    for (int64_t i = 0; i < 20; i++) /* one after the other */
        EXPECT(read_some(&w, engine, i, 1, 1, &err) == FN_OK, "%s", err.text);
    EXPECT(workers_of(engine) == 1, "%d workers for one task at a time", workers_of(engine));
    EXPECT(read_some(&w, engine, 20, 3, 3, &err) == FN_OK, "%s", err.text);
    EXPECT(workers_of(engine) == 3, "%d workers for three tasks at a time", workers_of(engine));
    EXPECT(read_some(&w, engine, 100, 64, 8, &err) == FN_OK, "%s", err.text);
    EXPECT(workers_of(engine) == 8 && atomic_load(&w.most) == 8, "%d workers, %d at work", workers_of(engine),
           atomic_load(&w.most));
    finish(&w, engine);
}

/* Those that sleep are woken, all of them, if there is work for all. */
static void all_are_woken(void)
{
    static work w;
    fn_engine *engine = start(&w, 64);
    fn_error err;
    for (int64_t round = 0; round < 4; round++) {
        EXPECT(read_some(&w, engine, 64 * round, 64, 64, &err) == FN_OK, "%s", err.text);
        EXPECT(atomic_load(&w.most) == 64, "%d of 64 at work", atomic_load(&w.most));
        sleep_ms(5);
    }
    finish(&w, engine);
}

static void all_are_woken_by_a_stream(void)
{
    static work w;
    w = (work){.failing = -1, .at_once = 32};
    const fn_job job = job_of(&w);
    const fn_job_options options = options_of(32);
    fn_stream *stream = NULL;
    fn_part part;
    fn_error err;
    REQUIRE(fn_stream_new(&job, &options, &stream, &err) == FN_OK, "%s", err.text);
    for (int64_t i = 0; i < TASKS; i++)
        EXPECT(fn_stream_next(stream, &part, &err) == FN_OK && part.task == i && *(const int64_t *)part.data == 3 * i,
               "task %" PRId64 ": %s", i, err.text);
    EXPECT(atomic_load(&w.most) == 32, "%d of 32 at work", atomic_load(&w.most));
    fn_stream_free(stream);
}

static void without_workers(void)
{
    static work w;
    const int before = count_threads();
    fn_engine *engine = start(&w, 0);
    const int64_t ahead[] = {40, 41};
    int taken = 0;
    fn_error err;
    EXPECT(read_some(&w, engine, 0, 30, 1, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_engine_read(engine, (const int64_t[]){35}, 1, ahead, 2, take, &taken, &err) == FN_OK && taken == 1,
           "with tasks ahead: %s", err.text);
    EXPECT(read_some(&w, engine, 0, 30, 1, &err) == FN_OK, "%s", err.text);
    for (int64_t i = 0; i < TASKS; i++)
        EXPECT(atomic_load(&w.runs[i]) == (i < 30 || i == 35), "task %" PRId64 " ran %d times", i,
               atomic_load(&w.runs[i]));
    w.failing = 50;
    EXPECT(read_some(&w, engine, 48, 5, 1, &err) == FN_ERR_ARGUMENT && strstr(err.text, "task 50"), "%s", err.text);
    w.failing = -1;
    EXPECT(read_some(&w, engine, 48, 5, 1, &err) == FN_OK, "%s", err.text);
    EXPECT(count_threads() <= before, "%d threads, %d before", count_threads(), before);
    EXPECT(workers_of(engine) == 0, "%d workers", workers_of(engine));
    finish(&w, engine);
}

typedef struct reader {
    work *w;
    fn_engine *engine;
    int64_t first;
} reader;

static void *read_on_a_thread(void *arg)
{
    const reader *r = arg;
    fn_error err;
    for (int64_t i = 0; i < 100; i++) {
        int taken = 0;
        const int64_t wanted[] = {(r->first + i) % TASKS, (r->first + 7 * i + 1) % TASKS};
        const size_t n = wanted[0] == wanted[1] ? 1 : 2;
        EXPECT(fn_engine_read(r->engine, wanted, n, NULL, 0, take, &taken, &err) == FN_OK && taken == (int)n, "%s",
               err.text);
    }
    return NULL;
}

/* One computes at a time; the others wait, for its results too. */
static void several_readers_without_workers(void)
{
    static work w;
    fn_engine *engine = start(&w, 0);
    pthread_t threads[4];
    reader readers[4];
    atomic_store(&w.met, true);
    w.at_once = TASKS;
    for (int i = 0; i < 4; i++) {
        readers[i] = (reader){&w, engine, 13 * i};
        REQUIRE(pthread_create(&threads[i], NULL, read_on_a_thread, &readers[i]) == 0, "thread");
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    EXPECT(atomic_load(&w.most) == 1, "%d tasks at once", atomic_load(&w.most));
    finish(&w, engine);
}

static void what_is_there(void)
{
    static work w;
    fn_engine *engine = start(&w, 2);
    fn_error err;
    EXPECT(!fn_engine_has(engine, (const int64_t[]){5}, 1), "nothing is there before the first read");
    EXPECT(read_some(&w, engine, 5, 3, 1, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_engine_has(engine, (const int64_t[]){5, 7}, 2), "what was read is there");
    EXPECT(!fn_engine_has(engine, (const int64_t[]){5, 8}, 2), "task 8 was not read");
    EXPECT(fn_engine_has(engine, NULL, 0), "nothing");
    finish(&w, engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(no_more_threads_than_tasks),      UNIT(all_are_woken),
        UNIT(all_are_woken_by_a_stream),       UNIT(without_workers),
        UNIT(several_readers_without_workers), UNIT(what_is_there),
    };
    return check_main(tests);
}
