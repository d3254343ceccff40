/* Workers that are threads. They are made here, and are not an OpenMP team, whose runtimes end the whole process
 * where a thread is not to be had, or the memory to end one. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crew.h"

/* The host's thread hands on what all workers have made: where it is the slowest, it is not to share its CPU with a
 * worker that would only be further ahead. One step is enough for that, and takes little from workers where other
 * programs want the CPUs, too. */
static void give_way(void)
{
#ifdef __linux__ /* where a thread has a niceness of its own */
    const id_t self = (id_t)syscall(SYS_gettid);
    errno = 0;
    const int nice = getpriority(PRIO_PROCESS, self);
    if (errno == 0)
        setpriority(PRIO_PROCESS, self, nice + 1);
#endif
}

static void *run(void *argument)
{
    const fn_worker_thread *self = argument;
    fn_crew *crew = self->crew;
    give_way();
    fn_crew_work(crew, self->worker);
    if (self->worker > 0)
        return NULL;
    /* The end has begun: no others are started any more. */
    for (int i = 1; i < crew->made; i++)
        pthread_join(crew->threads[i].thread, NULL);
    fn_crew_ended(crew);
    return NULL;
}

/* Signals stay with the host's threads: new threads inherit a full mask. */
int fn_executor_start_locked(fn_crew *crew)
{
    fn_worker_thread *next = &crew->threads[crew->made];
    *next = (fn_worker_thread){.crew = crew, .worker = crew->made};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int failed = pthread_create(&next->thread, NULL, run, next);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed)
        return failed;
    crew->made++;
    crew->woken++;
    crew->stats.workers = crew->made;
    return 0;
}
