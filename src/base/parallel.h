/* Work cut into pieces for several threads, which are made for it and joined. */
#ifndef FN_PARALLEL_H
#define FN_PARALLEL_H

#include <stddef.h>

/* Calls piece(user, i, worker) once for each i < n, in any order, on this thread and up to workers - 1 others: fewer
 * where no more can be made. worker: from 0, below `workers`; the calls of one come one after the other. Returns when
 * all pieces are done. */
void fn_parallel(size_t n, int workers, void (*piece)(void *user, size_t i, int worker), void *user);

/* The same for stretches of n things, `each` of them at a time. */
void fn_parallel_ranges(size_t n, size_t each, int workers, void (*range)(void *user, size_t first, size_t end),
                        void *user);

#endif
