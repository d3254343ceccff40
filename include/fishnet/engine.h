/* fishnet/engine.h - tasks on a fixed grid, computed by workers ahead of the one who reads them.
 *
 * A job is n_tasks independent tasks; a task's result is a block of bytes that depends on the task alone. The reader
 * asks for tasks with fn_engine_read() and is handed each result as it is finished; meanwhile, and after the call
 * has returned, workers compute what the reader is likely to want next, as far as the memory budget allows.
 *
 * Threads: one background thread for each engine, started by the first read and joined by fn_engine_free(), owns the
 * workers. There are never more of them than there have been tasks to compute at a time. worker_open and worker_run are
 * called on worker threads, one worker's calls one after the other on the same thread. All other callbacks run on the
 * thread that called fn_engine_read() or fn_engine_free(). Any number of threads may read from one engine.
 *
 * With 0 workers there are no threads: a thread that reads computes what it waits for, and nothing ahead. worker_run is
 * called on any of them, by one at a time.
 */
#ifndef FISHNET_ENGINE_H
#define FISHNET_ENGINE_H

#include "fishnet/job.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_engine fn_engine;

/* No thread is started yet. The job is copied; what it points to must outlive the engine. */
fn_status fn_engine_new(const fn_job *job, const fn_job_options *options, fn_engine **out, fn_error *err);

/* Receives the result of a wanted task; the bytes are valid during the call only. Return false to stop reading. */
typedef bool (*fn_consume)(void *user, int64_t task, const void *result, size_t bytes);

/* Hands over the results of the n distinct tasks in `wanted`, each exactly once, in the order they become ready (which
 * may differ from call to call).  `ahead` replaces the list of tasks to compute next when no wanted one is waiting.
 * Returns the first failure: of a task (its error), FN_ERR_CANCELLED when consume returned false. Tasks that have not
 * been started for this call are then dropped. A failed task is tried anew when it is wanted again. */
fn_status fn_engine_read(fn_engine *engine, const int64_t *wanted, size_t n, const int64_t *ahead, size_t n_ahead,
                         fn_consume consume, void *user, fn_error *err);

/* Whether all of these n tasks are there, or are computed or about to be. */
bool fn_engine_has(fn_engine *engine, const int64_t *tasks, size_t n);

/* Compute these next, without waiting. Starts the workers. */
fn_status fn_engine_advise(fn_engine *engine, const int64_t *ahead, size_t n_ahead, fn_error *err);

typedef struct fn_engine_stats {
    int workers;          /* that were really started; 0 before the first read */
    int64_t tasks_done;   /* computed, also twice */
    int64_t tasks_wanted; /* handed to a reader */
    int64_t tasks_failed;
    int64_t tasks_again; /* attempts that failed and were repeated */
    double busy_seconds; /* sum over workers */
    double wait_seconds; /* readers waiting for a result */
    size_t bytes_peak;   /* largest memory held for results */
} fn_engine_stats;
void fn_engine_get_stats(fn_engine *engine, fn_engine_stats *stats);

/* Cancels what runs (within a task's time), joins the workers, closes them, writes the end of the trace. NULL is
 * fine. */
void fn_engine_free(fn_engine *engine);
/* The same, but waits at most that many seconds for the workers to stop. False: they are at it still, nothing has been
 * freed, call this or fn_engine_free() again. */
bool fn_engine_try_free(fn_engine *engine, double seconds);
/* The same without waiting, for a host that cannot: when the workers have stopped, their own thread frees all and
 * calls freed(user). No thread and no memory is needed. False: they had stopped, all is freed, and freed() is not
 * called. */
bool fn_engine_free_behind(fn_engine *engine, void (*freed)(void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
