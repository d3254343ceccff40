/* Workers that are threads. They are made here, and are not an OpenMP team, whose runtimes end the whole process
 * where a thread is not to be had, or the memory to end one. */
#include <pthread.h>
#include <stdlib.h>

#include "crew.h"

typedef struct team {
    fn_crew *crew;
    pthread_mutex_t gate; /* held until it is known how many workers there are */
    int workers;
} team;

typedef struct member {
    team *team;
    pthread_t thread;
    int worker;
} member;

static void *run(void *argument)
{
    const member *self = argument;
    pthread_mutex_lock(&self->team->gate);
    pthread_mutex_unlock(&self->team->gate);
    if (self->worker < self->team->workers)
        fn_crew_work(self->team->crew, self->worker);
    return NULL;
}

void fn_executor_threads(fn_crew *crew, int n)
{
    team t = {.crew = crew, .gate = PTHREAD_MUTEX_INITIALIZER};
    member *members = malloc((size_t)n * sizeof *members);
    int made = 1; /* this thread is worker 0 */
    pthread_mutex_lock(&t.gate);
    for (; members && made < n; made++) {
        members[made] = (member){.team = &t, .worker = made};
        if (pthread_create(&members[made].thread, NULL, run, &members[made]) != 0)
            break;
    }
    /* All of them, or some fewer than there could be: they also need memory, and perhaps threads, for their work. */
    t.workers = made == n ? n : (made + 1) / 2;
    fn_crew_set_workers(crew, t.workers);
    pthread_mutex_unlock(&t.gate);
    fn_crew_work(crew, 0);
    for (int i = 1; i < made; i++)
        pthread_join(members[i].thread, NULL);
    free(members);
    pthread_mutex_destroy(&t.gate);
}
