/* fishnet/pool.h - workers that are processes: for libraries with one lock for all threads, and for those that may
 * crash.
 *
 * A host may have threads, so it is never forked. A pool starts a helper program, which prepares the job once while
 * it has a single thread, and then forks the workers: what it has prepared they share, copied by the system only
 * where they write.
 *
 *     host                       helper                        workers
 *     fn_pool_new()
 *     engine or stream of  ----> fn_pool_help(): prepare()
 *     fn_pool_job()        ----------------------------------> worker_open(), worker_run()
 *
 * To a scheduler a worker process is a worker like any other: each has a thread of the host that does nothing but
 * hand it a task and wait for the answer. So a task that kills its worker, hangs or is answered with nonsense is a
 * task that failed: the worker is ended, the task tried again (fn_job_options::retries) in a new process. Results
 * are written into memory that is shared.
 *
 * A worker ends when its task is given up, when the pool is freed, and when the host or the helper ends, however
 * they do. Nothing of a pool has a name in the system: there is nothing to leave behind.
 */
#ifndef FISHNET_POOL_H
#define FISHNET_POOL_H

#include "fishnet/job.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_pool fn_pool;

typedef struct fn_pool_options {
    const char *const *command; /* the helper program's path and arguments, ended by NULL. It calls fn_pool_help(). */
    const void *setup;          /* what fn_helper::prepare is told: plain bytes, which may be secret */
    size_t setup_bytes;
    double timeout; /* seconds that one task may take, and that the helper may say nothing while it prepares; 0: any */
    size_t memory;  /* bytes of results that may exist at a time, about: those beyond are copied through the socket */
    int workers;    /* 1..FN_WORKERS_MAX */
} fn_pool_options;

/* Starts nothing yet. Options and job are copied; what the job points to must outlive the pool. */
fn_status fn_pool_new(const fn_pool_options *options, const fn_job *job, fn_pool **out, fn_error *err);

/* The same job, for a scheduler, done by processes. It lasts as long as the pool, which must outlive the scheduler.
 * Of the job's own functions are called in this process: task_bytes, on_failure, on_report, task_label,
 * notes_from_bytes. */
const fn_job *fn_pool_job(fn_pool *pool);

/* Starts the helper and waits until it has prepared the job, if it has not. The first task does this otherwise. A
 * helper that hangs or answers nonsense is ended: FN_ERR_SYSTEM, and another attempt starts a new one. */
fn_status fn_pool_start(fn_pool *pool, fn_error *err);
/* What fn_helper::prepare left, once the helper has started; belongs to the pool. */
const void *fn_pool_answer(fn_pool *pool, size_t *bytes);

/* Ends the helper and its workers, and waits for it. NULL is fine. In the child of a fork() it leaves them alone. */
void fn_pool_free(fn_pool *pool);

/* ---- in the helper program ---- */

typedef struct fn_helper {
    /* Makes the job from the setup that the host gave. It runs before there are workers, in a process of a single
     * thread. *answer (of *bytes, to be freed with free()) goes to the host; may be left NULL. The job's
     * worker_open, worker_run and worker_close are called in the workers, notes_to_bytes too. on_report is not. */
    fn_status (*prepare)(const void *setup, size_t setup_bytes, fn_job *job, void **answer, size_t *bytes,
                         fn_error *err);
} fn_helper;

/* To be called now and then by a prepare() that takes long, from its one thread: tells the host that it goes on.
 * Elsewhere it does nothing. */
void fn_pool_alive(void);

/* File descriptor of the helper's socket to the host. */
#define FN_HELPER_SOCKET 3

/* Serves the host until it is gone; returns the program's exit status. Call it first thing: it closes all other file
 * descriptors but 0, 1 and 2, and ignores the interrupts of the terminal, which are the host's. */
int fn_pool_help(const fn_helper *helper);

#ifdef __cplusplus
}
#endif
#endif
