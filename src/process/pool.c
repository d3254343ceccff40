/* A pool of worker processes, and the job that makes workers of them. The host's side of the helper is in
 * pool_helper.c, that of the workers in pool_worker.c. The other side is helper.c. */
#include "fishnet/pool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool_internal.h"

/* ---- what else a scheduler asks of a job: the caller's own answers ---- */

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

/* ---- the pool ---- */

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
                         .worker_open = fn_pool_worker_open,
                         .worker_run = fn_pool_worker_run,
                         .worker_close = fn_pool_worker_close,
                         .rest = fn_pool_rest,
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
    const fn_status status = fn_pool_start_locked(p, NULL, err);
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
    fn_pool_end_helper_locked(p);
    pthread_mutex_unlock(&p->lock);
    destroy(p);
}
