/* fishnet/engine.h - tasks on a fixed grid, computed by workers ahead of the one who reads them.
 *
 * A job is n_tasks independent tasks; a task's result is a block of bytes that depends on the task alone. The reader asks
 * for tasks with fn_engine_read() and is handed each result as it is finished; meanwhile, and after the call has
 * returned, workers compute what the reader is likely to want next, as far as the memory budget allows.
 *
 * Threads: one background thread for each engine, started by the first read and joined by fn_engine_free(), owns the
 * workers. worker_open and worker_run are called on worker threads, one worker's calls one after the other on the same
 * thread. All other callbacks run on the thread that called fn_engine_read() or fn_engine_free(). Any number of threads
 * may read from one engine.
 */
#ifndef FISHNET_ENGINE_H
#define FISHNET_ENGINE_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_engine fn_engine;

#define FN_WORKERS_MAX 1024

/* CPUs that this process may use: affinity and control group respected. 1..FN_WORKERS_MAX. */
int fn_cpu_count(void);

/* What happened to one task. */
typedef struct fn_report {
    int64_t task;
    int worker;       /* from 0 */
    long process;     /* process id of the worker */
    double begin;     /* seconds since the engine was made */
    double seconds;   /* how long it took */
    fn_status status; /* FN_OK or why it failed */
    void *notes;      /* what worker_run left in *notes, or NULL */
} fn_report;

/* A task that may take long asks now and then whether its result is still wanted. Any thread. */
static inline bool fn_is_cancelled(const volatile bool *cancel)
{
    return __atomic_load_n(cancel, __ATOMIC_RELAXED);
}

typedef struct fn_job {
    int64_t task_count;
    void *user;
    /* Bytes of a task's result. Pure; any thread. */
    size_t (*task_bytes)(void *user, int64_t task);
    /* Makes what a worker keeps between tasks (its own handles), before its first task; NULL and err on failure. */
    void *(*worker_open)(void *user, int worker, fn_error *err);
    /* Computes one task into result (task_bytes(task) bytes, 64-byte aligned, not cleared). Asks
     * fn_is_cancelled(cancel) now and then and gives up with FN_ERR_CANCELLED when it is true. May leave an object in *notes, which the engine hands to
     * on_report() exactly once. */
    fn_status (*worker_run)(void *user, void *worker, int64_t task, void *result, const volatile bool *cancel,
                            void **notes, fn_error *err);
    /* Ends what worker_open made. Called by fn_engine_free() on its own thread when all workers have stopped: the host may hold
     * a lock there that closing needs. */
    void (*worker_close)(void *user, void *worker);
    /* Told of every finished task, in the order they finished, from fn_engine_read() and fn_engine_free(): for log
     * messages, and to emit and free notes. May be NULL only if worker_run leaves no notes. */
    void (*on_report)(void *user, const fn_report *report);
    /* A short name of the task for the trace ("band 1 x=0 y=512 512x512"). May be NULL. */
    void (*task_label)(void *user, int64_t task, char *label, size_t size);
} fn_job;

typedef struct fn_engine_options {
    int workers;       /* 1..FN_WORKERS_MAX */
    size_t budget;     /* bytes for all results together, being computed or kept. One task at least always runs. */
    const char *trace; /* file for a timeline in Chrome's trace event format, or NULL */
} fn_engine_options;

/* No thread is started yet. The job is copied; what it points to must outlive the engine. */
fn_status fn_engine_new(const fn_job *job, const fn_engine_options *options, fn_engine **out, fn_error *err);

/* Receives the result of a wanted task; the bytes are valid during the call only. Return false to stop reading. */
typedef bool (*fn_consume)(void *user, int64_t task, const void *result, size_t bytes);

/* Hands over the results of the n distinct tasks in `wanted`, each exactly once, in the order they become ready (which
 * may differ from call to call).  `ahead` replaces the list of tasks to compute next when no wanted one is waiting.
 * Returns the first failure: of a task (its error), FN_ERR_CANCELLED when consume returned false. Tasks that have not
 * been started for this call are then dropped. A failed task is tried anew when it is wanted again. */
fn_status fn_engine_read(fn_engine *engine, const int64_t *wanted, size_t n, const int64_t *ahead, size_t n_ahead,
                         fn_consume consume, void *user, fn_error *err);

/* Compute these next, without waiting. Starts the workers. */
fn_status fn_engine_advise(fn_engine *engine, const int64_t *ahead, size_t n_ahead, fn_error *err);

typedef struct fn_engine_stats {
    int workers;          /* that were really started; 0 before the first read */
    int64_t tasks_done;   /* computed, also twice */
    int64_t tasks_wanted; /* handed to a reader */
    int64_t tasks_failed;
    double busy_seconds; /* sum over workers */
    double wait_seconds; /* readers waiting for a result */
    size_t bytes_peak;   /* largest memory held for results */
} fn_engine_stats;
void fn_engine_get_stats(fn_engine *engine, fn_engine_stats *stats);

/* Cancels what runs (within a task's time), joins the workers, closes them, writes the end of the trace. NULL is fine. */
void fn_engine_free(fn_engine *engine);
/* The same, but waits at most so many seconds for the workers to stop. False: they are at it still, nothing has been
 * freed, call this or fn_engine_free() again. */
bool fn_engine_try_free(fn_engine *engine, double seconds);

#ifdef __cplusplus
}
#endif
#endif
