/* The workers of one scheduler, and all that has nothing to do with which task is next: the background thread, the
 * clock, the reports, the trace, the end. A scheduler (engine.c, stream.c) holds a crew and says what is to be
 * computed; an executor provides workers, and knows the crew alone.
 *
 * A worker that has no task sleeps. It is woken, or a new one is started, when there is a task to take: one worker at
 * first, which wakes two others if it leaves tasks behind. So many tasks soon have all workers, and few do not wake
 * them in vain. A worker that has completed a task looks for the next one itself. */
#ifndef FN_CREW_H
#define FN_CREW_H

#include <pthread.h>
#include <time.h>

#include "fishnet/job.h"
#include "trace.h"

/* What a scheduler does for its crew. All are called with the crew's lock held. */
typedef struct fn_scheduler {
    /* The next task, marked as being computed, with `result`, `bytes` and `cancel` set. NULL: there is none now; the
     * worker sleeps until fn_crew_wake_locked(). */
    fn_task *(*take)(void *self);
    /* How many tasks take() would give, one after the other. It may be mistaken: then workers wake in vain, or sleep on
     * until another has completed its task. */
    int64_t (*tasks)(const void *self);
    /* A task that was taken is whole (FN_OK) or failed. `task` is the scheduler's again. */
    void (*complete)(void *self, fn_task *task, fn_status status, const fn_error *err);
    /* A task that was taken will be tried again: as it was when it was taken, whatever has been handed over of it.
     * Alone without the lock. */
    fn_status (*restart)(void *self, fn_task *task, fn_error *err);
    /* The end is near: no task is taken from now on; those that are computed are to be cancelled. */
    void (*stop)(void *self);
} fn_scheduler;

/* What a scheduler does for a task while it is computed: fn_stream_part() and fn_stream_end(). Of a task without
 * them, NULL. */
typedef struct fn_task_calls {
    fn_status (*part)(fn_task *task, size_t used, size_t bytes, fn_error *err);
    void (*end)(fn_task *task);
} fn_task_calls;

typedef struct fn_worker_thread {
    struct fn_crew *crew;
    int worker;
    pthread_t thread;
} fn_worker_thread;

typedef struct fn_crew_stats {
    int workers;                                   /* that were really started */
    int64_t tasks_done, tasks_failed, tasks_again; /* again: attempts that failed and were repeated */
    double busy_seconds, wait_seconds;
    double lock_seconds; /* that threads have waited for the lock */
} fn_crew_stats;

typedef struct fn_crew {
    /* For schedulers and executors to read. */
    fn_job job;
    int workers; /* as asked for, at most one for each task. 0: readers compute by fn_crew_help_locked() */
    int retries;
    double pause; /* fn_job_options::pause */
    /* For schedulers, who use the lock for their own state too. */
    pthread_mutex_t lock;
    bool stop;           /* has begun; under the lock */
    fn_crew_stats stats; /* under the lock */

    /* The crew's own. */
    const fn_scheduler *scheduler;
    void *self;
    long process;
    pthread_t reader;             /* that has started the workers */
    fn_thread_times reader_begin; /* then, if there is a trace */
    struct timespec born;
    pthread_cond_t work, stopping, ended_now;
    fn_worker_thread *threads; /* the first is the background thread */
    int made;                  /* of them */
    int most;                  /* `workers`, or fewer where threads could not be made */
    int idle;                  /* workers that sleep for want of a task */
    int woken;                 /* workers that were woken or started, and have not looked for a task yet */
    bool helping;              /* a reader computes */
    bool started, ended;       /* ended: all workers have stopped */
    void (*last)(void *self);  /* what the background thread does at its end, see fn_crew_leave_behind() */
    void **states;             /* what worker_open made */
    struct fn_finished *reports, **reports_end;
    /* for each worker, memory for its next report: what a task has left is never lost for want of it */
    struct fn_finished **spare;
    char *trace_file; /* NULL: no trace */
    fn_trace *trace;  /* since the workers were started */
} fn_crew;

/* ---- for schedulers: what is named _locked wants the crew's lock held ---- */

/* Starts no thread yet. The job is copied; scheduler and self must outlive the crew. least: workers that the scheduler
 * needs. On failure there is nothing to destroy. */
fn_status fn_crew_init(fn_crew *crew, const fn_job *job, const fn_job_options *options, int least,
                       const fn_scheduler *scheduler, void *self, fn_error *err);

/* Locks, for a reader, and starts the workers if they have not been. On failure nothing is locked: no thread can be
 * made, or this is the child of a fork(). */
fn_status fn_crew_enter(fn_crew *crew, fn_error *err);
/* Reports the finished tasks, on the host's thread, then unlocks. */
void fn_crew_leave(fn_crew *crew);
/* The first half of that. Gives the lock away while it reports. */
void fn_crew_deliver_reports_locked(fn_crew *crew);
/* Locks; false in the child of a fork(), where a thread that is not there may hold the lock. */
bool fn_crew_lock(fn_crew *crew);
/* Locks, and counts how long it has waited for that. */
void fn_crew_lock_counted(fn_crew *crew);

/* There may be a task to take now that was not, or could not be. */
void fn_crew_wake_locked(fn_crew *crew);
/* Without workers: computes a task on this thread, with the lock given away meanwhile. False: there is none to take, or
 * another reader computes. Taking may have made tasks fail. */
bool fn_crew_help_locked(fn_crew *crew);
/* Without workers: waits until another reader has computed a task, or for fn_crew_wake_locked(). */
void fn_crew_wait_locked(fn_crew *crew);
/* Seconds since the crew was made. */
double fn_crew_clock(const fn_crew *crew);
/* A condition that waits by CLOCK_MONOTONIC, and a time of that clock. */
void fn_crew_init_condition(pthread_cond_t *condition);
struct timespec fn_crew_from_now(double seconds);
/* A reader has waited since `begin`: for the trace and the statistics. */
void fn_crew_waited_locked(fn_crew *crew, double begin);

/* Tells the workers to stop and waits until they have, at most for that many seconds if not NULL. False: some are still
 * at work. */
bool fn_crew_stop(fn_crew *crew, const double *seconds);
/* After fn_crew_stop() was false. Nobody waits for the workers any more: the background thread calls last(self) when
 * they have stopped, and touches nothing of the crew afterwards. No thread is made, and no memory is needed. False:
 * they have stopped meanwhile, call fn_crew_stop() again. */
bool fn_crew_leave_behind(fn_crew *crew, void (*last)(void *self));
/* After fn_crew_stop(): closes the workers, delivers the last reports. False in the child of a fork() whose parent
 * had workers: what they may just have been changing is to be left alone, in the scheduler too. */
bool fn_crew_destroy(fn_crew *crew);

/* How messages and the trace name a task: as the job does, if it does. */
void fn_task_label(const fn_job *job, int64_t task, char *label, size_t size);

/* ---- for executors ---- */

/* Starts the next worker, number `made`: a thread that calls fn_crew_work() until that returns. The first one is the
 * background thread, which also waits for the others and then calls fn_crew_ended(). Any thread. 0, or an error
 * number. */
int fn_executor_start_locked(fn_crew *crew);

/* Computes tasks on this thread, as that worker, until the end. Opens the worker before its first task. */
void fn_crew_work(fn_crew *crew, int worker);
/* All workers have stopped. The crew may be gone when this returns. */
void fn_crew_ended(fn_crew *crew);

#endif
