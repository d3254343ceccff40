/* The host's side of the helper process: it is started, asked and ended here. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pool_internal.h"

/* Seconds the helper has to end by itself. */
#define HELPER_NOTICE 1.0
/* Seconds the helper has to fork or end a worker, which takes milliseconds. In the first HELPER_CALM of them nothing
 * breaks that off: the workers of tasks that are still wanted would end with the helper. */
#define HELPER_MOST 4.0
#define HELPER_CALM 1.0
/* No error of the helper has a longer text. */
#define TEXT_MOST 1024

static void sleep_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

int fn_pool_end_helper_locked(fn_pool *p)
{
    if (p->helper <= 0)
        return 0;
    shutdown(p->control, SHUT_RDWR); /* also where another program of the host has inherited the socket */
    close(p->control);
    int status = 0;
    pid_t ended = 0;
    for (double waited = 0; ended == 0 && waited < HELPER_NOTICE; waited += 0.002) {
        ended = waitpid(p->helper, &status, WNOHANG);
        if (ended == 0)
            sleep_a_little();
    }
    if (ended == 0) {
        kill(p->helper, SIGKILL);
        while (waitpid(p->helper, &status, 0) < 0 && errno == EINTR) {
        }
    }
    fn_close_process(&p->helper_process);
    p->helper = 0;
    return ended < 0 ? 0 : status;
}

static fn_status helper_failed_locked(fn_pool *p, fn_received r, fn_error *err)
{
    char how[128];
    if (r == FN_CANCELLED || r == FN_TIMED_OUT) {
        fn_pool_end_helper_locked(p);
        return r == FN_CANCELLED ? fn_fail(err, FN_ERR_CANCELLED, "cancelled")
                                 : fn_fail(err, FN_ERR_SYSTEM, "the helper process does not answer");
    }
    if (r == FN_GARBAGE)
        kill(p->helper, SIGKILL);
    const int status = fn_pool_end_helper_locked(p);
    fn_describe_end(status, how, sizeof how);
    return fn_fail(err, FN_ERR_SYSTEM, "the helper process %s%s", how,
                   r == FN_GARBAGE ? " (it gave an answer that makes no sense)" : "");
}

fn_status fn_pool_ask_locked(fn_pool *p, fn_message *m, int fd, const volatile bool *cancel, fn_error *err)
{
    fn_received r = FN_CLOSED;
    if (fn_send(p->control, m, NULL, NULL, NULL, fd))
        r = fn_receive(p->control, m, NULL, (fn_patience){HELPER_CALM, NULL, p->helper_process});
    if (r == FN_TIMED_OUT)
        r = fn_receive(p->control, m, NULL, (fn_patience){HELPER_MOST - HELPER_CALM, cancel, p->helper_process});
    if (r == FN_RECEIVED && (m->kind != FN_MSG_ANSWER || m->text_bytes > TEXT_MOST || m->notes_bytes > FN_NOTES_MOST))
        r = FN_GARBAGE;
    return r == FN_RECEIVED ? FN_OK : helper_failed_locked(p, r, err);
}

/* ---- starting ---- */

/* The helper takes as long as it needs to prepare, and says now and then that it is alive. It may be silent for as long
 * as a task may take. */
static fn_patience while_it_prepares_locked(const fn_pool *p, const volatile bool *cancel)
{
    return (fn_patience){p->timeout > 0 ? p->timeout : __builtin_inf(), cancel, p->helper_process};
}

static fn_status prepare_failed_locked(fn_pool *p, fn_received r, fn_error *err)
{
    if (r != FN_TIMED_OUT)
        return helper_failed_locked(p, r, err);
    kill(p->helper, SIGKILL);
    fn_pool_end_helper_locked(p);
    return fn_fail(err, FN_ERR_SYSTEM,
                   "the helper process has said nothing for %g seconds while it prepared (TASK_TIMEOUT)", p->timeout);
}

static fn_received wait_until_prepared_locked(fn_pool *p, fn_message *m, const volatile bool *cancel)
{
    fn_received r;
    do
        r = fn_receive(p->control, m, NULL, while_it_prepares_locked(p, cancel));
    while (r == FN_RECEIVED && m->kind == FN_MSG_ALIVE);
    const bool sense = m->kind == FN_MSG_ANSWER && m->text_bytes <= TEXT_MOST && m->notes_bytes <= FN_NOTES_MOST &&
                       m->status <= FN_ERR_SYSTEM;
    return r == FN_RECEIVED && !sense ? FN_GARBAGE : r;
}

fn_status fn_pool_pass_on(const fn_message *m, const fn_error *told, fn_error *err)
{
    return fn_fail(err, (fn_status)m->status, "%s", told->text[0] ? told->text : "a worker process gives no reason");
}

static fn_status read_answer_locked(fn_pool *p, const fn_message *m, const volatile bool *cancel, fn_error *err)
{
    fn_error told = {.text = ""};
    void *answer = malloc(m->notes_bytes ? m->notes_bytes : 1);
    if (!answer) {
        fn_pool_end_helper_locked(p);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    const fn_patience patience = while_it_prepares_locked(p, cancel);
    fn_received r = fn_receive_block(p->control, told.text, m->text_bytes, patience);
    if (r == FN_RECEIVED)
        r = fn_receive_block(p->control, answer, m->notes_bytes, patience);
    told.text[sizeof told.text - 1] = '\0';
    if (r != FN_RECEIVED || m->status != FN_OK) {
        free(answer);
        if (r != FN_RECEIVED)
            return prepare_failed_locked(p, r, err);
        fn_pool_end_helper_locked(p);
        return fn_pool_pass_on(m, &told, err);
    }
    if (p->answer) { /* an earlier helper said the same, and the caller may be looking at it */
        free(answer);
        return FN_OK;
    }
    p->answer = answer;
    p->answer_bytes = m->notes_bytes;
    return FN_OK;
}

fn_status fn_pool_start_locked(fn_pool *p, const volatile bool *cancel, fn_error *err)
{
    if (cancel && fn_is_cancelled(cancel))
        return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    if (p->helper > 0 && fn_is_quiet(p->control, p->helper_process))
        return FN_OK;
    fn_pool_end_helper_locked(p); /* it has ended while nobody asked it for anything */
    int sockets[2];
    if (!fn_make_sockets(sockets))
        return fn_fail(err, FN_ERR_SYSTEM, "a socket cannot be made: %s", strerror(errno));
    const int failed = fn_spawn(p->command, sockets[1], &p->helper);
    close(sockets[1]);
    if (failed) {
        close(sockets[0]);
        p->helper = 0;
        return fn_fail(err, FN_ERR_SYSTEM, "the program %s, which worker processes need, cannot be started: %s",
                       p->command[0], strerror(failed));
    }
    p->control = sockets[0];
    p->helper_process = fn_open_process(p->helper);
    p->helpers++;
    fn_message m = {
        .kind = FN_MSG_SETUP, .bytes = p->arena ? fn_arena_bytes(p->arena) : 0, .data_bytes = p->setup_bytes};
    fn_received r = FN_CLOSED;
    if (fn_send(p->control, &m, NULL, NULL, p->setup, p->arena ? fn_arena_file(p->arena) : -1))
        r = wait_until_prepared_locked(p, &m, cancel);
    return r == FN_RECEIVED ? read_answer_locked(p, &m, cancel, err) : prepare_failed_locked(p, r, err);
}
