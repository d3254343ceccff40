/* schedule.c - what the schedulers themselves cost: nanoseconds for each of many tiny tasks, by the number of workers.
 *
 *     bench_schedule [TASKS [WORK_NS]]
 *
 * A task writes 64 bytes, after WORK_NS nanoseconds of work. `engine` is read like a raster, 64 tasks at a time and 128
 * ahead; `jumps` task by task, in no order; `stream` like a table, from the first task to the last; `parts` is the
 * same with tasks of four parts. Prints for each the wall clock time, the CPU time and the times that a thread has
 * slept, for a task.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "fishnet/engine.h"
#include "fishnet/stream.h"

#define BYTES 64
#define ROW 64
#define AHEAD 128
#define PARTS 4

static int64_t count = 200000;
static long work_ns = 0;
static int parts = 1;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t task_bytes(void *user, int64_t task)
{
    (void)user, (void)task;
    return BYTES;
}

static void *worker_open(void *user, int worker, fn_error *err)
{
    (void)user, (void)worker, (void)err;
    return malloc(1);
}

static void worker_close(void *user, void *worker)
{
    (void)user;
    free(worker);
}

static fn_status worker_run(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)user, (void)worker;
    const double end = now(CLOCK_MONOTONIC) + 1e-9 * (double)work_ns;
    while (work_ns > 0 && now(CLOCK_MONOTONIC) < end) {
    }
    for (int part = 1; part < parts; part++) {
        memset(task->result, part, BYTES);
        const fn_status status = fn_stream_part(task, BYTES, BYTES, err);
        if (status != FN_OK)
            return status;
    }
    memset(task->result, (int)(task->number & 127), BYTES);
    return FN_OK;
}

static void fail(const fn_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static bool consume(void *user, int64_t task, const void *result, size_t bytes)
{
    int64_t *sum = user;
    *sum += bytes == BYTES && *(const unsigned char *)result == (task & 127);
    return true;
}

static int64_t read_rows(fn_engine *engine)
{
    int64_t wanted[ROW], ahead[AHEAD], sum = 0;
    fn_error err;
    for (int64_t first = 0; first < count; first += ROW) {
        size_t n = 0, n_ahead = 0;
        for (int64_t i = first; i < first + ROW && i < count; i++)
            wanted[n++] = i;
        for (int64_t i = first + ROW; i < first + ROW + AHEAD && i < count; i++)
            ahead[n_ahead++] = i;
        if (fn_engine_read(engine, wanted, n, ahead, n_ahead, consume, &sum, &err) != FN_OK)
            fail(&err);
    }
    return sum;
}

static int64_t read_jumps(fn_engine *engine)
{
    int64_t sum = 0;
    fn_error err;
    for (int64_t i = 0; i < count; i++) {
        const int64_t task = (int64_t)((uint64_t)i * 2654435761u % (uint64_t)count);
        if (fn_engine_read(engine, &task, 1, NULL, 0, consume, &sum, &err) != FN_OK)
            fail(&err);
    }
    return sum;
}

static int64_t read_all(fn_stream *stream)
{
    int64_t sum = 0;
    fn_part part;
    fn_error err;
    for (;;) {
        if (fn_stream_next(stream, &part, &err) != FN_OK)
            fail(&err);
        if (!part.data)
            return sum;
        sum += part.last && *(const unsigned char *)part.data == (part.task & 127);
    }
}

static void measure(const char *name, int workers, int n_parts, int64_t (*placed)(fn_engine *engine))
{
    const fn_job job = {.task_count = count,
                        .task_bytes = task_bytes,
                        .worker_open = worker_open,
                        .worker_run = worker_run,
                        .worker_close = worker_close};
    const fn_job_options options = {.workers = workers, .budget = (size_t)4096 * BYTES};
    fn_engine *engine = NULL;
    fn_stream *stream = NULL;
    fn_error err;
    struct rusage before, after;
    parts = n_parts;
    getrusage(RUSAGE_SELF, &before);
    const double begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    if ((placed ? fn_engine_new(&job, &options, &engine, &err) : fn_stream_new(&job, &options, &stream, &err)) != FN_OK)
        fail(&err);
    const int64_t sum = placed ? placed(engine) : read_all(stream);
    fn_engine_free(engine);
    fn_stream_free(stream);
    getrusage(RUSAGE_SELF, &after);
    const double tasks = (double)count;
    printf("%-8s %8d %10.0f %10.0f %10.3f%s\n", name, workers, 1e9 * (now(CLOCK_MONOTONIC) - begin) / tasks,
           1e9 * (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / tasks, (double)(after.ru_nvcsw - before.ru_nvcsw) / tasks,
           sum == count ? "" : "  wrong results");
}

int main(int argc, char **argv)
{
    static const int workers[] = {1, 2, 8, 64};
    if (argc > 1)
        count = strtoll(argv[1], NULL, 10);
    if (argc > 2)
        work_ns = strtol(argv[2], NULL, 10);
    printf("%-8s %8s %10s %10s %10s\n", "", "workers", "ns a task", "CPU ns", "sleeps");
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        measure("engine", workers[i], 1, read_rows);
        measure("jumps", workers[i], 1, read_jumps);
        measure("stream", workers[i], 1, NULL);
        measure("parts", workers[i], PARTS, NULL);
    }
    return 0;
}
