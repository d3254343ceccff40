/* fishnet/job.h - independent tasks and the workers that compute them: what engine.h and stream.h schedule.
 *
 * A task's result is a block of bytes that depends on the task alone: on its number, not on the worker, the time or the order.
 */
#ifndef FISHNET_JOB_H
#define FISHNET_JOB_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FN_WORKERS_MAX 1024

/* CPUs that this process may use: affinity and control group respected. 1..FN_WORKERS_MAX. */
int fn_cpu_count(void);

/* What happened to one task. */
typedef struct fn_report {
    int64_t task;
    int worker;       /* from 0 */
    long process;     /* process id of the worker */
    double begin;     /* seconds since the job began */
    double seconds;   /* how long it took */
    fn_status status; /* FN_OK or why it failed */
    void *notes;      /* what the worker left in fn_task::notes, or NULL */
} fn_report;

/* A task that may take long asks now and then whether its result is still wanted. Any thread. */
static inline bool fn_is_cancelled(const volatile bool *cancel)
{
    return __atomic_load_n(cancel, __ATOMIC_RELAXED);
}

/* A task as the worker that computes it sees it. */
typedef struct fn_task {
    int64_t number;
    void *result;                /* where its bytes go, 64-byte aligned, not cleared */
    size_t bytes;                /* size of result; the worker lowers it when it has used less */
    const volatile bool *cancel; /* see fn_is_cancelled() */
    void *notes;                 /* NULL; an object left here is handed to on_report() exactly once */
    void *owner;                 /* the scheduler's own */
} fn_task;

typedef struct fn_job {
    int64_t task_count;
    void *user;
    /* Bytes of a task's result (in a stream: of its first part). Pure; any thread. */
    size_t (*task_bytes)(void *user, int64_t task);
    /* Makes what a worker keeps between tasks (its own handles), before its first task; NULL and err on failure. On the worker's
     * thread. */
    void *(*worker_open)(void *user, int worker, fn_error *err);
    /* Computes one task into task->result. Gives up with FN_ERR_CANCELLED when fn_is_cancelled(task->cancel). One worker's tasks come
     * one after the other on the same thread. */
    fn_status (*worker_run)(void *user, void *worker, fn_task *task, fn_error *err);
    /* Ends what worker_open made. Called on the thread that frees the scheduler, when all workers have stopped: the host may
     * hold a lock there that closing needs. */
    void (*worker_close)(void *user, void *worker);
    /* Told of every finished task, in the order they finished, on the threads that read from or free the scheduler: for log
     * messages, and to emit and free notes. May be NULL only if worker_run leaves no notes. */
    void (*on_report)(void *user, const fn_report *report);
    /* A short name of the task for the trace ("band 1 x=0 y=512 512x512"). May be NULL. */
    void (*task_label)(void *user, int64_t task, char *label, size_t size);
} fn_job;

typedef struct fn_job_options {
    int workers;       /* 1..FN_WORKERS_MAX */
    size_t budget;     /* bytes for all results together, being computed or kept. One task at least always runs. */
    const char *trace; /* file for a timeline in Chrome's trace event format, or NULL */
} fn_job_options;

#ifdef __cplusplus
}
#endif
#endif
