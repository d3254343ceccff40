#include "thread_times.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

fn_thread_times fn_thread_times_now(void)
{
    fn_thread_times times = {.cpu = -1, .queued = -1};
    struct timespec t;
    char text[100];
    unsigned long long run = 0, queued = 0; /* nanoseconds */
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0)
        times.cpu = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    const int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return times;
    const ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%llu %llu", &run, &queued) == 2)
        times.queued = 1e-9 * (double)queued;
    return times;
}

static double between(double begin, double end)
{
    return begin < 0 || end < begin ? -1 : end - begin;
}

fn_thread_times fn_thread_times_between(fn_thread_times begin, fn_thread_times end)
{
    return (fn_thread_times){.cpu = between(begin.cpu, end.cpu), .queued = between(begin.queued, end.queued)};
}
