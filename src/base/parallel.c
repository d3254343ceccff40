#include "parallel.h"

#include <pthread.h>
#include <signal.h>

#define MOST 256 /* workers */

typedef struct team {
    size_t n, next;
    void (*piece)(void *user, size_t i, int worker);
    void *user;
} team;

typedef struct member {
    team *team;
    pthread_t thread;
    int worker;
} member;

static void work(team *t, int worker)
{
    for (size_t i; (i = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED)) < t->n;)
        t->piece(t->user, i, worker);
}

static void *run(void *argument)
{
    const member *self = argument;
    work(self->team, self->worker);
    return NULL;
}

void fn_parallel(size_t n, int workers, void (*piece)(void *user, size_t i, int worker), void *user)
{
    team t = {.n = n, .piece = piece, .user = user};
    member members[MOST];
    int made = 1; /* this thread is worker 0 */
    workers = workers < MOST ? workers : MOST;
    if (workers > 1 && n > 1) {
        sigset_t all, old; /* signals stay with the host's threads */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        for (; made < workers && (size_t)made < n; made++) {
            members[made] = (member){.team = &t, .worker = made};
            if (pthread_create(&members[made].thread, NULL, run, &members[made]) != 0)
                break;
        }
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    work(&t, 0);
    for (int i = 1; i < made; i++)
        pthread_join(members[i].thread, NULL);
}

typedef struct ranges {
    size_t n, each;
    void (*range)(void *user, size_t first, size_t end);
    void *user;
} ranges;

static void range_piece(void *user, size_t i, int worker)
{
    const ranges *r = user;
    const size_t first = i * r->each;
    (void)worker;
    r->range(r->user, first, r->n - first < r->each ? r->n : first + r->each);
}

void fn_parallel_ranges(size_t n, size_t each, int workers, void (*range)(void *user, size_t first, size_t end),
                        void *user)
{
    ranges r = {n, each, range, user};
    fn_parallel((n + each - 1) / each, workers, range_piece, &r);
}
