/* Workers that are the threads of one OpenMP team. */
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine_internal.h"

/* One worker: opens its own handles when the first task comes, then computes task after task. */
static void work(fn_engine *engine, int worker)
{
    const fn_job *job = fn_engine_job(engine);
    const long process = (long)getpid();
    void **state = fn_engine_worker_state(engine, worker);
    for (fn_entry *entry; (entry = fn_engine_take(engine)) != NULL;) {
        fn_error err = {.text = ""};
        fn_report report = {.task = fn_entry_task(entry), .worker = worker, .process = process};
        report.begin = fn_engine_clock(engine);
        if (!*state && !(*state = job->worker_open(job->user, worker, &err)))
            report.status = err.status != FN_OK ? err.status : FN_ERR_READ;
        else
            report.status = job->worker_run(job->user, *state, report.task, fn_entry_result(entry),
                                            fn_engine_stop_flag(engine), &report.notes, &err);
        report.seconds = fn_engine_clock(engine) - report.begin;
        fn_engine_complete(engine, entry, &report, &err);
    }
}

static void *wait_at_gate(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* OpenMP runtimes end the whole process when a thread cannot be made. So that many are made and joined first, and only as
 * many as there could be are asked for. */
static int threads_possible(int n)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *threads = malloc((size_t)n * sizeof *threads);
    int made = 0;
    if (!threads)
        return 1;
    pthread_mutex_lock(&gate);
    while (made < n - 1 && pthread_create(&threads[made], NULL, wait_at_gate, &gate) == 0)
        made++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    /* All of them, or some fewer than there could be: they also need memory for their work. */
    return made == n - 1 ? n : made / 2 + 1;
}

void fn_executor_openmp(fn_engine *engine, int n)
{
    n = threads_possible(n);
#pragma omp parallel num_threads(n)
    {
#pragma omp single nowait
        fn_engine_set_workers(engine, omp_get_num_threads());
        work(engine, omp_get_thread_num());
    }
#if defined(__GNUC__) && !defined(__clang__)
    /* GNU's runtime keeps the team of this thread, which is about to end; this joins it. */
    omp_pause_resource(omp_pause_soft, omp_get_initial_device());
#endif
}
