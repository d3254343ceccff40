/* fishnet/stream.h - tasks computed by workers ahead of the one who reads their results in order.
 *
 * The counterpart of engine.h for results that are read once, from the first task to the last: rows of a table. A
 * result may be of any size: a worker hands it over in parts, and waits while too many are waiting to be read. Tasks
 * are started in order, each of them once. The parts of a task depend on the task alone, and come in the order they
 * were made; the last one is what the task leaves in fn_task::result. A task without any bytes has no part. One that
 * has handed over parts and leaves none (task->bytes = 0) gives a last part of 0 bytes.
 *
 *     fn_part part;
 *     while ((status = fn_stream_next(stream, &part, &err)) == FN_OK && part.data)
 *         read_rows(part.data, part.bytes);
 *
 * Threads: as in engine.h, but there is one worker at least. One thread at a time may read from a stream.
 */
#ifndef FISHNET_STREAM_H
#define FISHNET_STREAM_H

#include "fishnet/job.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_stream fn_stream;

/* No thread is started yet. The job is copied; what it points to must outlive the stream. task_count may be
 * INT64_MAX where the end is found by reading: then fn_stream_next() is called until a part says so
 * (fn_stream_end()). */
fn_status fn_stream_new(const fn_job *job, const fn_job_options *options, fn_stream **out, fn_error *err);

typedef struct fn_part {
    int64_t task;
    const void *data; /* NULL: all tasks are through. Otherwise not, with 0 bytes too */
    size_t bytes;
    bool last; /* of its task */
} fn_part;

/* The next part, waiting for it. It lasts until the next call. Starts the workers. A failure is of the task whose
 * turn it is, and is final: every further call returns it again. What that task handed over before it failed comes
 * first. After fn_stream_try_free() it is FN_ERR_CANCELLED. */
fn_status fn_stream_next(fn_stream *stream, fn_part *part, fn_error *err);

/* *ready: whether fn_stream_next() would not wait, as there is a part, an end or a failure of a task; waits for that up
 * to so many seconds. Starts the workers: it fails where they cannot be started, and *ready is false. For a reader that
 * has something else to do meanwhile; the part that it has stays as it is, if seconds is 0. under_way (may be NULL):
 * what is done of the tasks that are being computed, in tasks, see fn_task_progress(). */
fn_status fn_stream_wait(fn_stream *stream, double seconds, bool *ready, double *under_way, fn_error *err);

/* Tells on_report() now of the tasks that were finished meanwhile. */
void fn_stream_report(fn_stream *stream);

/* For a worker, while it computes a task: hands over the first `used` bytes of task->result as a part; task->result
 * is then a new buffer of task->bytes = `bytes` bytes. Waits while the results that nobody has read exceed the
 * budget, unless the reader is waiting for this task. FN_ERR_CANCELLED when the stream ends meanwhile,
 * FN_ERR_MEMORY: task->result is then NULL, and the worker returns the status. `used` may be 0 (a larger buffer is
 * needed): then no part is handed over, and what the old buffer holds is lost. Whatever the budget, the reader gets
 * on: only its own calls are waited for, so a worker holds no lock here that the reader may want. */
fn_status fn_stream_part(fn_task *task, size_t used, size_t bytes, fn_error *err);

/* For a worker, while it computes a task: it is the last, and its own parts count. This holds as soon as the task is
 * whole; an attempt that fails has said nothing. Tasks after it are not started; those that have been are cancelled
 * and dropped. The first of several such tasks is the end. */
void fn_stream_end(fn_task *task);

typedef struct fn_stream_stats {
    int workers; /* that were really started; 0 before the first read */
    int64_t tasks_done;
    int64_t tasks_again; /* attempts that failed and were repeated */
    int64_t parts;       /* handed to the reader */
    double busy_seconds; /* sum over workers */
    double wait_seconds; /* the reader waiting for a part */
    size_t bytes_peak;   /* largest memory held for results */
} fn_stream_stats;
void fn_stream_get_stats(fn_stream *stream, fn_stream_stats *stats);

/* Cancels what runs, joins the workers, closes them, writes the end of the trace. NULL is fine. */
void fn_stream_free(fn_stream *stream);
/* The same, but waits at most that many seconds for the workers to stop. False: nothing has been freed, call again. */
bool fn_stream_try_free(fn_stream *stream, double seconds);
/* The same without waiting, for a host that cannot: when the workers have stopped, their own thread frees all and
 * calls freed(user). No thread and no memory is needed. False: they had stopped, all is freed, and freed() is not
 * called. */
bool fn_stream_free_behind(fn_stream *stream, void (*freed)(void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
