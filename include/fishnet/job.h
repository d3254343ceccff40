/* fishnet/job.h - independent tasks and the workers that compute them: what engine.h and stream.h schedule.
 *
 * A task's result is a block of bytes that depends on the task alone: on its number, not on the worker, the time or
 * the order.
 */
#ifndef FISHNET_JOB_H
#define FISHNET_JOB_H

#include "fishnet/base.h"
#include "fishnet/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FN_WORKERS_MAX 1024

/* CPUs that this process may use: affinity and control group respected. 1..FN_WORKERS_MAX. */
int fn_cpu_count(void);

/* What a user says about workers, in options that all drivers have. */
typedef struct fn_worker_options {
    int processes;  /* WORKERS: 0 threads, 1 processes, -1 not given */
    int workers;    /* NUM_WORKERS: 0 ALL_CPUS, -1 not given */
    int readers;    /* READERS, -1 not given */
    int threads;    /* THREADS_PER_WORKER, of the libraries that a worker process calls */
    int retries;    /* RETRIES, -1 not given */
    bool usual;     /* no option: `retries` is what is usual */
    double timeout; /* TASK_TIMEOUT in seconds; 0: none. Of worker processes */
    double pause;   /* no option: fn_job_options::pause */
} fn_worker_options;

/* Of worker processes; of threads, which cost less, twice as many. */
#define FN_READERS_DEFAULT 16
#define FN_RETRIES_DEFAULT 2
#define FN_RETRIES_REMOTE 3 /* where inputs lie beyond a network */
#define FN_RETRIES_MAX 100
#define FN_TIMEOUT_DEFAULT 3600

fn_worker_options fn_worker_options_default(void);
fn_option_table fn_worker_option_table(void);
/* Takes an option; *known false: it is another one. key: key_length characters of any case. err names the option. */
fn_status fn_worker_options_take(fn_worker_options *options, const char *key, size_t key_length, const char *value,
                                 bool *known, fn_error *err);
/* A number of workers: "ALL_CPUS" gives 0, else 1..FN_WORKERS_MAX. name is for the error text. */
fn_status fn_parse_workers(const char *name, const char *text, int *out, fn_error *err);

/* What happened to one task, or to one attempt at it. */
typedef struct fn_report {
    int64_t task;
    int worker;        /* from 0 */
    long process;      /* process id of the worker */
    double begin;      /* seconds since the job began */
    double seconds;    /* how long it took */
    double cpu;        /* of them, on a CPU; -1: not known, as without a timeline */
    double queued;     /* of them, ready to run while others had the CPUs; -1: likewise */
    double serial;     /* fn_task::serial */
    fn_status status;  /* FN_OK or why it failed */
    const char *error; /* why, in words; NULL with FN_OK, unless it was completed */
    bool again;        /* it failed, and will be tried again */
    bool completed;    /* it failed, and on_failure() has put something in its place: status is FN_OK */
    void *notes;       /* what the worker left in fn_task::notes, or NULL */
} fn_report;

/* A task that may take long asks now and then whether its result is still wanted. Any thread. */
static inline bool fn_is_cancelled(const volatile bool *cancel)
{
    return __atomic_load_n(cancel, __ATOMIC_RELAXED);
}

/* What a task is about, as far as it is known: for logs and timelines. */
typedef struct fn_task_place {
    bool has_pixels;
    int64_t x, y, width, height; /* of a raster */
    bool has_extent;
    double extent[4]; /* in its coordinates: xmin, ymin, xmax, ymax */
    const char *what; /* "FIDs", "features" or "rows"; NULL: it is about none */
    int64_t first, last;
} fn_task_place;

/* A task as the worker that computes it sees it. */
typedef struct fn_task {
    int64_t number;
    int variant;                 /* fn_job::variant */
    void *result;                /* where its bytes go, 64-byte aligned, not cleared */
    size_t bytes;                /* size of result; the worker lowers it when it has used less */
    const volatile bool *cancel; /* see fn_is_cancelled() */
    void *notes;                 /* NULL; an object left here is handed to on_report() exactly once */
    long process;                /* 0; the process that computes it, if it is not this one */
    double serial;               /* 0; CPU seconds in which only one task could go on, for the timeline */
    volatile uint32_t *done;     /* see fn_task_progress(); NULL: nobody asks */
    void *owner;                 /* the scheduler's own, and what it can do for the task */
    const struct fn_task_calls *calls;
} fn_task;

#define FN_TASK_DONE 65536 /* the whole of a task, in *fn_task::done */
/* A task that takes long says now and then how much of it is done, from 0 to 1. */
static inline void fn_task_progress(const fn_task *task, double share)
{
    const double part = share < 0 ? 0 : share < 1 ? share : 1;
    volatile uint32_t *done = __atomic_load_n(&task->done, __ATOMIC_RELAXED);
    if (done)
        __atomic_store_n(done, (uint32_t)(part * FN_TASK_DONE), __ATOMIC_RELAXED);
}

/* What it has said last. */
static inline double fn_task_done(const fn_task *task)
{
    const volatile uint32_t *done = __atomic_load_n(&task->done, __ATOMIC_RELAXED);
    return done ? (double)__atomic_load_n(done, __ATOMIC_RELAXED) / FN_TASK_DONE : 0;
}

/* None of a job's functions may throw: it would pass through frames of C, which hold locks. */
typedef struct fn_job {
    int64_t task_count;
    int variant; /* of all its tasks: what is wanted of them, where workers can do several things with one input */
    void *user;
    /* Bytes of a task's result (in a stream: of its first part). Pure; any thread. */
    size_t (*task_bytes)(void *user, int64_t task);
    /* Makes what a worker keeps between tasks (its own handles), before its first task; NULL and err on failure. On
     * the worker's thread. */
    void *(*worker_open)(void *user, int worker, fn_error *err);
    /* Computes one task into task->result. Gives up with FN_ERR_CANCELLED when fn_is_cancelled(task->cancel). One
     * worker's tasks come one after the other on the same thread. */
    fn_status (*worker_run)(void *user, void *worker, fn_task *task, fn_error *err);
    /* Ends what worker_open made. Called on the thread that frees the scheduler, when all workers have stopped: the
     * host may hold a lock there that closing needs. Also on the worker's thread after a task that failed in a way
     * that may pass (fn_may_pass()): the next attempt opens everything anew. */
    void (*worker_close)(void *user, void *worker);
    /* A task has failed as often as it may. True: task->result now holds something to go on with, and the task
     * counts as done. What it leaves in task->notes is reported. On the worker's thread. May be NULL: such a task
     * fails. */
    bool (*on_failure)(void *user, fn_task *task, const fn_error *err);
    /* How many more seconds a service has asked to be left alone: a worker waits that long before it begins an
     * attempt. Any thread. Asked of jobs with a pause (fn_job_options::pause), and in worker processes. May be NULL. */
    double (*rest)(void *user);
    /* Told of every finished task, in the order they finished, on the threads that read from or free the scheduler:
     * for log messages, and to emit and free notes. May be NULL only if worker_run leaves no notes. */
    void (*on_report)(void *user, const fn_report *report);
    /* A short name of the task for messages and the trace ("tile x=0 y=512 512x512"). The label holds "task N"
     * before, which stays where there is no memory for a better one. May be NULL. */
    void (*task_label)(void *user, int64_t task, char *label, size_t size);
    /* Where the task lies, for the trace: fills what is known. May be NULL. */
    void (*task_place)(void *user, int64_t task, fn_task_place *place);
    /* Notes on their way from another process: as bytes to be freed with free(), ending the notes; and back. NULL
     * where worker_run leaves none. */
    void *(*notes_to_bytes)(void *user, void *notes, size_t *bytes);
    void *(*notes_from_bytes)(void *user, const void *data, size_t bytes);
    /* Memory for results, 64-byte aligned, of at least 1 byte. NULL: the C library's. Calls are serialized. */
    void *(*result_new)(void *user, size_t bytes);
    void (*result_free)(void *user, void *result, size_t bytes);
} fn_job;

/* A failure that another attempt may not meet again: of reading, of a worker, for want of memory. */
static inline bool fn_may_pass(fn_status status)
{
    return status == FN_ERR_READ || status == FN_ERR_SYSTEM || status == FN_ERR_MEMORY;
}

typedef struct fn_job_options {
    int workers; /* 1..FN_WORKERS_MAX; of an engine also 0, see there */
    int retries; /* how often a task that fails in a way that may pass is tried again, after growing pauses */
    /* Seconds before the second attempt, for a service that needs time: twice as many before each further one, and up
     * to half as many more, as each task has it. 0: as usual, which is short and grows fast. */
    double pause;
    size_t budget; /* bytes for all results together, being computed or kept. One task at least always runs. */
    /* File for a timeline in Chrome's trace event format, or NULL. It is made by the first read, which fails if it
     * cannot be. */
    const char *trace;
} fn_job_options;

#ifdef __cplusplus
}
#endif
#endif
