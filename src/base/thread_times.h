/* What the calling thread has cost so far: for timelines. */
#ifndef FN_THREAD_TIMES_H
#define FN_THREAD_TIMES_H

/* Seconds since the thread began. -1: this system does not tell. What a thread was away beyond both, it slept: for
 * work, a lock or a disk. */
typedef struct fn_thread_times {
    double cpu;    /* on a CPU */
    double queued; /* ready to run, while others had the CPUs */
} fn_thread_times;

/* A few microseconds: it reads /proc. */
fn_thread_times fn_thread_times_now(void);
/* What has passed between two looks at one thread. */
fn_thread_times fn_thread_times_between(fn_thread_times begin, fn_thread_times end);

#endif
