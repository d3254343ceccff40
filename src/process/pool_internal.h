/* A pool from the inside: pool.c makes it and its job, pool_helper.c talks to the helper process, pool_worker.c to the
 * workers. */
#ifndef FN_POOL_INTERNAL_H
#define FN_POOL_INTERNAL_H

#include <pthread.h>

#include "arena.h"
#include "fishnet/pool.h"
#include "processes.h"
#include "wire.h"

/* No message has more notes. */
#define FN_NOTES_MOST ((uint64_t)1 << 30)

struct fn_pool {
    fn_job job;    /* the caller's */
    fn_job remote; /* what schedulers get */
    char **command;
    void *setup;
    size_t setup_bytes;
    double timeout;
    int workers;
    fn_arena *arena;     /* NULL: results are not shared */
    long process;        /* that made the pool */
    uint64_t rest_until; /* milliseconds of CLOCK_MONOTONIC, see fn_job::rest. Atomic. */

    pthread_mutex_t lock; /* for what follows: one thread at a time talks to the helper */
    pid_t helper;         /* 0: there is none */
    int control;
    int helper_process; /* descriptor, or 0 where the system has none */
    uint64_t helpers;   /* that have been started */
    void *answer;
    size_t answer_bytes;
};

/* ---- pool_helper.c: what is named _locked wants the pool's lock held ---- */

/* Sees to it that there is a helper and that it has prepared the job. */
fn_status fn_pool_start_locked(fn_pool *p, const volatile bool *cancel, fn_error *err);
/* Sends a request, with a file descriptor or -1, and waits for the answer's header. On failure there is no helper
 * any more. */
fn_status fn_pool_ask_locked(fn_pool *p, fn_message *m, int fd, const volatile bool *cancel, fn_error *err);
/* Ends the helper if there is one, and waits for it. Its wait status. */
int fn_pool_end_helper_locked(fn_pool *p);
/* Passes on what another process says of a failure. */
fn_status fn_pool_pass_on(const fn_message *m, const fn_error *told, fn_error *err);

/* ---- pool_worker.c: the functions of an fn_job that make a worker of a process; user: the pool ---- */

void *fn_pool_worker_open(void *user, int number, fn_error *err);
fn_status fn_pool_worker_run(void *user, void *worker, fn_task *task, fn_error *err);
void fn_pool_worker_close(void *user, void *worker);
double fn_pool_rest(void *user);

#endif
