/* The helper program of test_pool.c. Its tasks go wrong in all ways there are. */
#include "pool_helper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"
#include "fishnet/pool.h"
#include "fishnet/stream.h"

static setup s;

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

/* How often this task has been begun before; this time is counted. */
static int attempts(int64_t task)
{
    unsigned char n = 0;
    const int fd = open(s.counts, O_RDWR);
    if (fd < 0 || pread(fd, &n, 1, (off_t)task) < 0)
        exit(90);
    const unsigned char more = (unsigned char)(n < 255 ? n + 1 : n);
    if (pwrite(fd, &more, 1, (off_t)task) != 1)
        exit(91);
    close(fd);
    return n;
}

/* The worker's end of its socket: the only socket that it has. */
static int own_socket(void)
{
    struct stat st;
    for (int fd = 4; fd < 64; fd++)
        if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
            return fd;
    exit(92);
}

static void write_all(const void *data, size_t bytes)
{
    if (send(own_socket(), data, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        exit(93);
}

static void write_random(int64_t task)
{
    unsigned char noise[5000];
    srandom((unsigned)task + 1);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)random();
    write_all(noise, sizeof noise);
    for (;;)
        sleep_ms(1000);
}

/* Headers that look right at first, each wrong in another place. */
static void write_lengths(int64_t task)
{
    fn_message m = {.magic = UINT32_C(0x46534e54), .kind = FN_MSG_DONE};
    switch (task % 6) {
    case 0:
        m.text_bytes = UINT32_MAX;
        break;
    case 1:
        m.notes_bytes = UINT64_MAX - 7;
        break;
    case 2:
        m.bytes = UINT64_MAX;
        break;
    case 3:
        m.data_bytes = (uint64_t)1 << 40;
        m.bytes = 1;
        break;
    case 4:
        m.status = 4711;
        break;
    default:
        m.kind = 99;
        break;
    }
    write_all(&m, sizeof m);
    for (;;)
        sleep_ms(1000);
}

static void eat_memory(void)
{
    const struct rlimit limit = {(rlim_t)3 << 30, (rlim_t)3 << 30};
    setrlimit(RLIMIT_AS, &limit);
    for (;;) {
        char *block = malloc(16 << 20);
        if (!block)
            abort();
        block[0] = 1;
        if (block[0] != 1)
            exit(94);
    }
}

static fn_status go_wrong(fn_task *task, fn_error *err)
{
    static const char half[20] = "half a header";
    switch (s.trouble) {
    case SEGMENT:
        raise(SIGSEGV);
        break;
    case ABORT:
        abort();
    case EXIT:
        exit(7);
    case KILL:
        kill(getpid(), SIGKILL);
        break;
    case HANG:
        for (;;)
            sleep_ms(1000);
    case WAIT:
        while (!fn_is_cancelled(task->cancel))
            sleep_ms(1);
        return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    case STOP:
        raise(SIGSTOP);
        break;
    case RANDOM:
        write_random(task->number);
        break;
    case LENGTHS:
        write_lengths(task->number);
        break;
    case HALF:
        write_all(half, sizeof half);
        _exit(0);
    case HUGE_PART:
        (void)fn_stream_part(task, 0, SIZE_MAX - 100, err);
        break;
    case GREED:
        eat_memory();
        break;
    case HOLDER:
        if (fork() == 0) {
            sleep_ms(3000);
            _exit(0);
        }
        _exit(5);
    case CLOSED:
        close(own_socket());
        for (;;)
            sleep_ms(1000);
    case FAIL:
        return fn_fail(err, FN_ERR_READ, "task %lld cannot be read", (long long)task->number);
    case FAIL_FINAL:
        return fn_fail(err, FN_ERR_VALUE, "task %lld has no result", (long long)task->number);
    case NO_HELPER:
        kill(getppid(), SIGKILL);
        break;
    case STOP_HELPER:
        kill(getppid(), SIGSTOP);
        _exit(6);
    default:
        break;
    }
    sleep_ms(5000); /* a signal is on its way */
    return FN_OK;
}

static void fill(unsigned char *out, int64_t task, int part)
{
    for (size_t i = 0; i < (size_t)s.bytes; i++)
        out[i] = byte_of(task, part, i);
}

static void *open_worker(void *user, int worker, fn_error *err)
{
    (void)user, (void)worker, (void)err;
    return strdup("worker");
}

static void close_worker(void *user, void *worker)
{
    (void)user;
    free(worker);
}

static fn_status run_task(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)user, (void)worker;
    const int tried = attempts(task->number);
    const bool wrong = goes_wrong(&s, task->number) && (s.times < 0 || tried < s.times);
    const int parts = s.parts > 0 ? s.parts : 1;
    for (int i = 0; i < parts; i++) {
        if (wrong && i == s.before)
            return go_wrong(task, err);
        fill(task->result, task->number, i);
        fn_status status = FN_OK;
        if (i + 1 < parts && (status = fn_stream_part(task, (size_t)s.bytes, (size_t)s.bytes, err)) != FN_OK)
            return status;
    }
    task->bytes = (size_t)s.bytes;
    if (s.notes) {
        int64_t *note = malloc(sizeof *note);
        if (!note)
            exit(95);
        *note = task->number;
        task->notes = note;
    }
    return FN_OK;
}

static void *notes_to_bytes(void *user, void *notes, size_t *bytes)
{
    (void)user;
    *bytes = sizeof(int64_t);
    return notes;
}

static size_t task_bytes(void *user, int64_t task)
{
    (void)user, (void)task;
    return (size_t)s.bytes;
}

/* Says nothing that makes sense, and does not end. */
static _Noreturn void never_prepare(void)
{
    fn_message m = {.magic = UINT32_C(0x46534e54), .kind = FN_MSG_ANSWER, .notes_bytes = (uint64_t)1 << 30};
    unsigned char noise[5000];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)random();
    if (s.prepare == NONSENSE)
        (void)send(FN_HELPER_SOCKET, noise, sizeof noise, MSG_NOSIGNAL);
    else if (s.prepare != SILENT)
        (void)send(FN_HELPER_SOCKET, &m, s.prepare == HALF_WAY ? sizeof m / 2 : sizeof m, MSG_NOSIGNAL);
    for (;;)
        sleep_ms(1000);
}

static fn_status prepare(const void *data, size_t bytes, fn_job *job, void **answer, size_t *answer_bytes,
                         fn_error *err)
{
    if (bytes != sizeof s)
        return fn_fail(err, FN_ERR_ARGUMENT, "a setup of %zu bytes", bytes);
    memcpy(&s, data, sizeof s);
    if (s.prepare == FAILS)
        return fn_fail(err, FN_ERR_ARGUMENT, "nothing can be prepared");
    if (s.prepare == CRASHES)
        raise(SIGSEGV);
    if (s.prepare >= SILENT)
        never_prepare();
    for (int i = 0; i < (s.prepare == LONG ? 200 : s.prepare == ALIVE ? 60 : 0); i++) {
        sleep_ms(100);
        if (s.prepare == ALIVE)
            fn_pool_alive();
    }
    job->task_bytes = task_bytes;
    job->worker_open = open_worker;
    job->worker_run = run_task;
    job->worker_close = close_worker;
    job->notes_to_bytes = notes_to_bytes;
    *answer = strdup(s.secret);
    *answer_bytes = strlen(s.secret) + 1;
    return FN_OK;
}

int main(void)
{
    static const fn_helper helper = {prepare};
    return fn_pool_help(&helper);
}
