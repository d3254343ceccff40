/* What a timeline tells of the time of threads. */
#include "check.h"

#include <time.h>
#include <unistd.h>

#include "fishnet/stream.h"
#include "thread_times.h"

#define TASKS 4
#define MICROSECONDS 1e6
#define BURNT 0.03 /* CPU seconds of a task that computes; others sleep so long */

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void burn(double seconds)
{
    for (const double end = cpu_seconds() + seconds; cpu_seconds() < end;) {
    }
}

static void times_of_a_thread(void)
{
    const fn_thread_times begin = fn_thread_times_now();
    burn(BURNT);
    const fn_thread_times burnt = fn_thread_times_between(begin, fn_thread_times_now());
    EXPECT(burnt.cpu >= BURNT && burnt.cpu < BURNT + 0.1, "%g", burnt.cpu);
    const fn_thread_times before = fn_thread_times_now();
    sleep_ms(30);
    const fn_thread_times slept = fn_thread_times_between(before, fn_thread_times_now());
    EXPECT(slept.cpu >= 0 && slept.cpu < BURNT / 2, "%g", slept.cpu);
}

static void times_that_are_not_known(void)
{
    const fn_thread_times none = {.cpu = -1, .queued = -1}, some = {.cpu = 2, .queued = 3};
    const fn_thread_times a = fn_thread_times_between(none, some), b = fn_thread_times_between(some, none);
    EXPECT(a.cpu == -1 && a.queued == -1, "%g %g", a.cpu, a.queued);
    EXPECT(b.cpu == -1 && b.queued == -1, "%g %g", b.cpu, b.queued);
}

static atomic_bool heard;

/* Even tasks compute, odd ones sleep; the first says that nobody else could go on. */
static fn_status run_task(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)user, (void)worker, (void)err;
    if (task->number % 2 == 0)
        burn(BURNT);
    else
        sleep_ms((int)(1000 * BURNT));
    if (task->number == 0)
        task->serial = 0.02;
    fn_task_progress(task, 0.75);
    for (int i = 0; task->number == TASKS - 1 && i < 20000 && !atomic_load(&heard); i++)
        sleep_ms(1);
    *(int64_t *)task->result = task->number;
    return FN_OK;
}

static size_t bytes_of_task(void *user, int64_t task)
{
    (void)user, (void)task;
    return sizeof(int64_t);
}

static void place_of_task(void *user, int64_t task, fn_task_place *place)
{
    (void)user;
    *place = (fn_task_place){.has_pixels = true,
                             .x = 10 * task,
                             .width = 10,
                             .height = 5,
                             .has_extent = task == 0,
                             .extent = {-0.5, 1e-7, 2, 3},
                             .what = task == 0 ? NULL : "FIDs",
                             .first = 7,
                             .last = 9};
}

static void *open_worker(void *user, int worker, fn_error *err)
{
    (void)user, (void)worker, (void)err;
    static char state;
    return &state;
}

static void close_worker(void *user, void *worker)
{
    (void)user, (void)worker;
}

/* A number behind "key": in the line of the timeline that holds `name`; -1: there is none. */
static double number_in(const char *text, const char *name, const char *key)
{
    char quoted[100];
    snprintf(quoted, sizeof quoted, "{\"name\":\"%s\"", name);
    const char *line = strstr(text, quoted);
    REQUIRE(line, "no %s in %s", name, text);
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted), *end = strchr(line, '\n');
    return at && (!end || at < end) ? strtod(at + strlen(quoted), NULL) / MICROSECONDS : -1;
}

static void read_all(const char *path)
{
    const fn_job job = {.task_count = TASKS,
                        .task_bytes = bytes_of_task,
                        .worker_open = open_worker,
                        .worker_run = run_task,
                        .worker_close = close_worker,
                        .task_place = place_of_task};
    fn_stream *stream = NULL;
    fn_error err;
    fn_part part = {.data = ""};
    REQUIRE(fn_stream_new(&job, &(fn_job_options){.workers = 1, .budget = 1 << 20, .trace = path}, &stream, &err) ==
                FN_OK,
            "%s", err.text);
    double most = 0;
    while (part.data) {
        double under_way = 0;
        bool ready = false;
        while (!ready) {
            REQUIRE(fn_stream_wait(stream, BURNT / 4, &ready, &under_way, &err) == FN_OK, "%s", err.text);
            most = !ready && under_way > most ? under_way : most;
            atomic_store(&heard, most >= 0.75);
        }
        REQUIRE(fn_stream_next(stream, &part, &err) == FN_OK, "%s", err.text);
    }
    EXPECT(most == 0.75, "a task said how far it is, and %g was heard", most);
    burn(BURNT); /* the reader's own work */
    fn_stream_free(stream);
}

static void times_in_the_timeline(void)
{
    char path[] = "/tmp/fishnet-trace-XXXXXX", text[10000];
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0, "%s", path);
    read_all(path);
    const ssize_t n = read(fd, text, sizeof text - 1);
    REQUIRE(n > 0, "nothing in %s", path);
    text[n] = '\0';
    close(fd);
    unlink(path);
    const double computing = number_in(text, "task 0", "tdur"), sleeping = number_in(text, "task 1", "tdur");
    EXPECT(computing >= BURNT && computing < BURNT + 0.1, "%g", computing);
    EXPECT(sleeping >= 0 && sleeping < BURNT / 2, "%g", sleeping);
    EXPECT(number_in(text, "task 1", "dur") >= BURNT, "%s", text);
    EXPECT(number_in(text, "task 0", "serial") > 0.019, "%s", text);
    EXPECT(number_in(text, "task 1", "serial") == -1, "%s", text);
    EXPECT(strstr(text, "\"pixels\":[0,0,10,5],\"extent\":[-0.5,1e-07,2,3],\"status\"") != NULL, "%s", text);
    EXPECT(strstr(text, "\"pixels\":[10,0,10,5],\"FIDs\":[7,9],\"status\"") != NULL, "%s", text);
    const double reader = number_in(text, "closed", "cpu");
    EXPECT(reader >= BURNT && reader < BURNT + 0.1, "%g", reader);
    EXPECT(number_in(text, "closed", "locks") >= 0, "%s", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(times_of_a_thread),
        UNIT(times_that_are_not_known),
        UNIT(times_in_the_timeline),
    };
    return check_main(tests);
}
