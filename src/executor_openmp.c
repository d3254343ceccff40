/* Workers that are the threads of one OpenMP team. */
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>

#include "crew.h"

static void work(fn_crew *crew, int worker)
{
    fn_report report;
    fn_error err;
    for (fn_task *task; (task = fn_crew_take(crew)) != NULL;) {
        fn_crew_compute(crew, worker, task, &report, &err);
        fn_crew_complete(crew, task, &report, &err);
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

void fn_executor_openmp(fn_crew *crew, int n)
{
    n = threads_possible(n);
#pragma omp parallel num_threads(n)
    {
#pragma omp single nowait
        fn_crew_set_workers(crew, omp_get_num_threads());
        work(crew, omp_get_thread_num());
    }
#if defined(__GNUC__) && !defined(__clang__)
    /* GNU's runtime keeps the team of this thread, which is about to end; this joins it. */
    omp_pause_resource(omp_pause_soft, omp_get_initial_device());
#endif
}
