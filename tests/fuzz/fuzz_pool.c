/* The host's end of the wire: a helper and a worker that are out of their minds. The files of the pool are a part of
 * this one; no process is started: what the pool would hear of them is the input. See README.md for the layout of the
 * input. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- in place of the system ---- */

static struct {
    const uint8_t *data[2]; /* of the worker, of the helper */
    size_t size[2];
    int others[16]; /* the ends of sockets that processes would have */
    size_t n;
    int end; /* how processes end */
} script;

/* Each worker gets its socket before its helper does. All that the other side has to say is there already, then it
 * says no more. */
static int make_pair(int sockets[2])
{
    if (script.n == sizeof script.others / sizeof *script.others) {
        errno = EMFILE;
        return -1;
    }
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
    const int other = dup(sockets[1]);
    const size_t who = script.n % 2;
    CHECK(other >= 0);
    CHECK(send(other, script.data[who], script.size[who], MSG_DONTWAIT) == (ssize_t)script.size[who]);
    shutdown(other, SHUT_WR);
    script.others[script.n++] = other;
    return 0;
}

static int start_nothing(pid_t *process)
{
    *process = 4711;
    return 0;
}

static pid_t has_ended(int *status)
{
    if (status)
        *status = script.end;
    return 4711;
}

static int nothing(long number)
{
    (void)number;
    return 0;
}

static int no_such_call(long number, ...)
{
    (void)number;
    errno = ENOSYS;
    return -1;
}

#define socketpair(domain, type, protocol, sockets) make_pair(sockets)
#define posix_spawn(process, path, files, attributes, command, environment)                                            \
    ((void)(path), (void)(environment), start_nothing(process))
#define waitpid(process, status, flags) has_ended(status)
#define kill(process, number) nothing(process)
#define syscall(...) no_such_call(__VA_ARGS__)
#include "processes.c"

#include "pool_helper.c"

#include "pool_worker.c"

#include "pool.c"

/* ---- a job ---- */

static unsigned touched;

static void touch(const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        touched += ((const unsigned char *)data)[i];
}

typedef struct job_state {
    fn_pool *pool;
    void *notes;
} job_state;

static void *take(job_state *state, size_t bytes)
{
    return state->pool->arena ? fn_arena_take(state->pool->arena, bytes) : malloc(bytes ? bytes : 1);
}

static void give(job_state *state, void *data, size_t bytes)
{
    if (state->pool->arena)
        fn_arena_give(state->pool->arena, data, bytes);
    else
        free(data);
}

static size_t bytes_of_task(void *user, int64_t task)
{
    (void)user;
    return (size_t)task;
}

static void *notes_from_bytes(void *user, const void *data, size_t bytes)
{
    job_state *state = user;
    touch(data, bytes);
    CHECK(state->notes == NULL);
    return state->notes = malloc(1);
}

static fn_status next_part(fn_task *task, size_t used, size_t bytes, fn_error *err)
{
    job_state *state = task->owner;
    CHECK(used <= task->bytes);
    touch(task->result, used);
    give(state, task->result, task->bytes);
    task->result = NULL;
    task->bytes = 0;
    if (bytes > 1 << 16 || !(task->result = take(state, bytes)))
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    task->bytes = bytes;
    return FN_OK;
}

static void last_part(fn_task *task)
{
    CHECK(task->owner != NULL);
}

static void run_task(job_state *state, const fn_job *job, void *worker, const fn_task_calls *calls, int64_t number)
{
    static const bool never;
    fn_error err = {.text = ""};
    const size_t bytes = job->task_bytes(job->user, number);
    fn_task task = {.number = number, .bytes = bytes, .cancel = &never, .owner = state, .calls = calls};
    task.result = take(state, bytes);
    CHECK(task.result != NULL);
    const fn_status status = job->worker_run(job->user, worker, &task, &err);
    CHECK(status == FN_OK || (err.status == status && memchr(err.text, '\0', sizeof err.text)));
    CHECK(status == FN_OK || err.text[0] != '\0');
    if (status == FN_OK)
        touch(task.result, task.bytes);
    CHECK(task.notes == NULL || task.notes == state->notes);
    free(state->notes);
    state->notes = NULL;
    if (task.result)
        give(state, task.result, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    const size_t rest = size - 3, helper = (size_t)(data[1] | data[2] << 8) % (rest + 1);
    memset(&script, 0, sizeof script);
    script.data[1] = data + 3;
    script.size[1] = helper;
    script.data[0] = data + 3 + helper;
    script.size[0] = rest - helper;
    script.end = data[0] >> 2;

    static const char *const command[] = {"/nowhere", NULL};
    static const fn_task_calls calls = {.part = next_part, .end = last_part};
    job_state state = {.notes = NULL};
    const fn_job job = {
        .task_count = 1000, .user = &state, .task_bytes = bytes_of_task, .notes_from_bytes = notes_from_bytes};
    const fn_pool_options options = {
        .command = command, .setup = "setup", .setup_bytes = 5, .timeout = 0.1, .memory = 1 << 17, .workers = 1};
    fn_error err = {.text = ""};
    CHECK(fn_pool_new(&options, &job, &state.pool, &err) == FN_OK);
    if (!(data[0] & 1)) {
        fn_arena_free(state.pool->arena);
        state.pool->arena = NULL;
    }
    const fn_job *remote = fn_pool_job(state.pool);
    void *worker = remote->worker_open(remote->user, 0, &err);
    CHECK(worker != NULL);
    for (int64_t number = 100; number < 400; number += 100)
        run_task(&state, remote, worker, data[0] & 2 ? &calls : NULL, number);
    size_t answered = 0;
    const void *answer = fn_pool_answer(state.pool, &answered);
    touch(answer, answered);
    remote->worker_close(remote->user, worker);
    fn_pool_free(state.pool);
    for (size_t i = 0; i < script.n; i++)
        close(script.others[i]);
    return 0;
}
