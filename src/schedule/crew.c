#include "crew.h"

#include "fishnet/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first pause before a task is tried again, and the longest; each is four times the one before. */
#define FIRST_PAUSE 0.02
#define LONGEST_PAUSE 5.0

typedef struct fn_finished {
    fn_report report;
    char *error;
    struct fn_finished *next;
} finished;

/* ---- for workers, whoever has scheduled their task ---- */

fn_status fn_stream_part(fn_task *task, size_t used, size_t bytes, fn_error *err)
{
    return task->calls->part(task, used, bytes, err);
}

void fn_stream_end(fn_task *task)
{
    task->calls->end(task);
}

/* ---- clocks ---- */

double fn_crew_clock(const fn_crew *crew)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - crew->born.tv_sec) + 1e-9 * (double)(now.tv_nsec - crew->born.tv_nsec);
}

void fn_crew_lock_counted(fn_crew *crew)
{
    if (pthread_mutex_trylock(&crew->lock) == 0)
        return;
    const double begin = fn_crew_clock(crew);
    pthread_mutex_lock(&crew->lock);
    crew->stats.lock_seconds += fn_crew_clock(crew) - begin;
}

/* ---- waking ---- */

/* One more worker looks for a task. Where a thread cannot be made there are no more, and even fewer: others also need
 * memory, and perhaps threads, for their work. */
static void wake_one_locked(fn_crew *crew)
{
    if (crew->idle > crew->woken) {
        crew->woken++;
        pthread_cond_signal(&crew->work);
    } else if (crew->made < crew->most && fn_executor_start_locked(crew) != 0) {
        crew->most = crew->stats.workers = (crew->made + 1) / 2;
        pthread_cond_broadcast(&crew->work);
    }
}

void fn_crew_wake_locked(fn_crew *crew)
{
    if (crew->workers == 0)
        pthread_cond_broadcast(&crew->work);
    else if (crew->started && !crew->stop && crew->woken == 0 && crew->scheduler->tasks(crew->self) > 0)
        wake_one_locked(crew);
}

/* ---- the workers' side ---- */

/* Blocks until there is a task to compute. NULL: the end, or this worker is one too many. */
static fn_task *take_locked(fn_crew *crew, int worker)
{
    fn_task *task = NULL;
    while (!crew->stop && worker < crew->most && !(task = crew->scheduler->take(crew->self))) {
        crew->idle++;
        pthread_cond_wait(&crew->work, &crew->lock);
        crew->idle--;
        crew->woken -= crew->woken > 0;
    }
    const int64_t left = crew->stop ? 0 : crew->scheduler->tasks(crew->self);
    for (int i = 0; i < 2 && crew->woken < left; i++)
        wake_one_locked(crew);
    return task;
}

void fn_task_label(const fn_job *job, int64_t task, char *label, size_t size)
{
    snprintf(label, size, "task %lld", (long long)task);
    if (job->task_label)
        job->task_label(job->user, task, label, size);
}

static void trace_task_locked(fn_crew *crew, const fn_report *report, const fn_error *err)
{
    char label[128];
    fn_task_place place = {.has_pixels = false};
    if (!crew->trace)
        return;
    fn_task_label(&crew->job, report->task, label, sizeof label);
    if (crew->job.task_place)
        crew->job.task_place(crew->job.user, report->task, &place);
    fn_trace_event(crew->trace,
                   &(fn_trace_span){.name = label,
                                    .place = &place,
                                    .category = "task",
                                    .process = report->process,
                                    .thread = report->worker + 1,
                                    .begin = report->begin,
                                    .seconds = report->seconds,
                                    .times = {.cpu = report->cpu, .queued = report->queued},
                                    .serial = report->serial > 0 ? report->serial : -1,
                                    .status = report->status == FN_OK && !report->completed ? "ok" : err->text});
}

static bool reserve_report(fn_crew *crew, int worker)
{
    finished **spare = &crew->spare[worker];
    if (!*spare)
        *spare = malloc(sizeof **spare);
    return *spare != NULL;
}

/* Keeps a report for the host's thread. Where no memory was reserved, the task was not tried
 * either: nothing but a line of the log goes missing. */
static void keep_report_locked(fn_crew *crew, const fn_report *report, const fn_error *err)
{
    finished *f = crew->spare[report->worker];
    crew->spare[report->worker] = NULL;
    crew->stats.busy_seconds += report->seconds;
    crew->stats.tasks_done += report->status == FN_OK;
    crew->stats.tasks_again += report->again;
    crew->stats.tasks_failed += report->status != FN_OK && report->status != FN_ERR_CANCELLED && !report->again;
    trace_task_locked(crew, report, err);
    if (!f)
        return;
    *f = (finished){.report = *report};
    if (report->status != FN_OK || report->completed) {
        f->error = strdup(err->text);
        f->report.error = f->error ? f->error : "out of memory";
    }
    *crew->reports_end = f;
    crew->reports_end = &f->next;
}

/* Nobody asks without a trace. */
static fn_thread_times times_now(const fn_crew *crew)
{
    return crew->trace ? fn_thread_times_now() : (fn_thread_times){.cpu = -1, .queued = -1};
}

static void attempt(fn_crew *crew, int worker, fn_task *task, fn_report *report, fn_error *err)
{
    const fn_job *job = &crew->job;
    void **state = &crew->states[worker];
    *err = (fn_error){.text = ""};
    fn_task_progress(task, 0);
    *report = (fn_report){.task = task->number, .worker = worker};
    report->begin = fn_crew_clock(crew);
    const fn_thread_times begin = times_now(crew);
    task->variant = job->variant;
    task->notes = NULL;
    task->process = 0;
    task->serial = 0;
    if (!reserve_report(crew, worker))
        report->status = fn_fail(err, FN_ERR_MEMORY, "out of memory");
    else if (!*state && !(*state = job->worker_open(job->user, worker, err)))
        report->status = err->status != FN_OK ? err->status : FN_ERR_READ;
    else
        report->status = job->worker_run(job->user, *state, task, err);
    if (*state && fn_may_pass(report->status)) {
        job->worker_close(job->user, *state);
        *state = NULL;
    }
    report->notes = task->notes;
    report->process = task->process ? task->process : (long)getpid();
    const fn_thread_times times = fn_thread_times_between(begin, times_now(crew));
    report->seconds = fn_crew_clock(crew) - report->begin;
    const bool here = report->process == (long)getpid(); /* else this thread has only waited */
    report->cpu = here ? times.cpu : -1;
    report->queued = here ? times.queued : -1;
    report->serial = task->serial;
}

struct timespec fn_crew_from_now(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const double end = (double)t.tv_nsec * 1e-9 + seconds;
    t.tv_sec += (time_t)end;
    t.tv_nsec = (long)((end - (double)(time_t)end) * 1e9);
    return t;
}

/* Seconds before the next attempt. Tasks that failed together do not come back together. */
static double pause_of(const fn_crew *crew, int64_t task, int next)
{
    double seconds = crew->pause > 0 ? crew->pause : FIRST_PAUSE;
    for (int i = 1; i < next && seconds < LONGEST_PAUSE; i++)
        seconds *= crew->pause > 0 ? 2 : 4;
    return crew->pause > 0 ? seconds * (1 + 0.5 * (double)(task * 7 % 16) / 16) : seconds;
}

/* False: the end has come. */
static bool wait_for(fn_crew *crew, double seconds)
{
    const struct timespec end = fn_crew_from_now(seconds);
    pthread_mutex_lock(&crew->lock);
    for (int waited = 0; !crew->stop && waited == 0;)
        waited = pthread_cond_timedwait(&crew->stopping, &crew->lock, &end);
    const bool go_on = !crew->stop;
    pthread_mutex_unlock(&crew->lock);
    return go_on;
}

/* Waits before the next attempt. False: the end has come. */
static bool pause_before(fn_crew *crew, int64_t task, int next)
{
    const double seconds = pause_of(crew, task, next);
    return wait_for(crew, seconds < LONGEST_PAUSE ? seconds : LONGEST_PAUSE);
}

/* Leaves services alone that ask for it, which may be for longer meanwhile. False: the end has come. */
static bool rest(fn_crew *crew)
{
    const fn_job *job = &crew->job;
    for (double seconds; crew->pause > 0 && job->rest && (seconds = job->rest(job->user)) > 0;)
        if (!wait_for(crew, seconds))
            return false;
    return true;
}

/* A task that has failed for the last time: the job may have something to put in its place. */
static void save_by_job(fn_crew *crew, fn_task *task, fn_report *report, const fn_error *err)
{
    const fn_job *job = &crew->job;
    fn_error ignored;
    if (!job->on_failure || crew->scheduler->restart(crew->self, task, &ignored) != FN_OK)
        return;
    finished *more = report->notes ? malloc(sizeof *more) : NULL;
    task->notes = NULL;
    if ((report->notes && !more) || !reserve_report(crew, report->worker) || !job->on_failure(job->user, task, err)) {
        free(more);
        return;
    }
    if (report->notes) { /* a report of its own */
        report->again = true;
        pthread_mutex_lock(&crew->lock);
        keep_report_locked(crew, report, err);
        pthread_mutex_unlock(&crew->lock);
        report->again = false;
        crew->spare[report->worker] = more;
    }
    report->status = FN_OK;
    report->completed = true;
    report->notes = task->notes;
}

static void give_up(int worker, const fn_task *task, fn_report *report, fn_error *err)
{
    *report = (fn_report){.task = task->number, .worker = worker, .status = FN_ERR_CANCELLED};
    fn_fail(err, FN_ERR_CANCELLED, "cancelled");
}

/* Computes a task as often as it may be tried. */
static void compute(fn_crew *crew, int worker, fn_task *task, fn_report *report, fn_error *err)
{
    for (int tried = 1;; tried++) {
        if (!rest(crew)) {
            give_up(worker, task, report, err);
            return;
        }
        attempt(crew, worker, task, report, err);
        if (!fn_may_pass(report->status))
            return;
        if (tried > crew->retries)
            break;
        report->again = true;
        pthread_mutex_lock(&crew->lock);
        keep_report_locked(crew, report, err);
        pthread_mutex_unlock(&crew->lock);
        if (!pause_before(crew, task->number, tried)) {
            give_up(worker, task, report, err);
            return;
        }
        report->again = false;
        report->notes = NULL;
        if (crew->scheduler->restart(crew->self, task, err) != FN_OK) {
            report->status = err->status;
            return;
        }
    }
    const size_t length = strlen(err->text);
    if (crew->retries > 0)
        snprintf(err->text + length, sizeof err->text - length, " (tried %d times)", crew->retries + 1);
    save_by_job(crew, task, report, err);
}

/* Computes a task that was taken, and ends it. report.notes passes to the crew. */
static void finish_locked(fn_crew *crew, int worker, fn_task *task)
{
    fn_report report;
    fn_error err;
    pthread_mutex_unlock(&crew->lock);
    compute(crew, worker, task, &report, &err);
    fn_crew_lock_counted(crew);
    keep_report_locked(crew, &report, &err);
    crew->scheduler->complete(crew->self, task, report.status, &err);
}

void fn_crew_work(fn_crew *crew, int worker)
{
    fn_crew_lock_counted(crew);
    crew->woken -= crew->woken > 0; /* one that woke for nothing may have counted for this one */
    for (fn_task *task; (task = take_locked(crew, worker)) != NULL;)
        finish_locked(crew, worker, task);
    pthread_mutex_unlock(&crew->lock);
}

void fn_crew_ended(fn_crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->ended = true;
    void (*last)(void *self) = crew->last;
    pthread_cond_broadcast(&crew->ended_now);
    pthread_mutex_unlock(&crew->lock);
    if (last)
        last(crew->self);
}

bool fn_crew_help_locked(fn_crew *crew)
{
    fn_task *task = crew->helping ? NULL : crew->scheduler->take(crew->self);
    if (!task)
        return false;
    crew->helping = true;
    finish_locked(crew, 0, task);
    crew->helping = false;
    pthread_cond_broadcast(&crew->work);
    return true;
}

void fn_crew_wait_locked(fn_crew *crew)
{
    pthread_cond_wait(&crew->work, &crew->lock);
}

static fn_status start_locked(fn_crew *crew, fn_error *err)
{
    if (crew->started)
        return FN_OK;
    if (crew->trace_file && !crew->trace) {
        if (fn_trace_open(crew->trace_file, &crew->born, crew->workers, &crew->trace, err) != FN_OK)
            return err ? err->status : FN_ERR_SYSTEM;
        crew->reader = pthread_self();
        crew->reader_begin = times_now(crew);
    }
    const int failed = crew->workers > 0 ? fn_executor_start_locked(crew) : 0;
    if (failed)
        return fn_fail(err, FN_ERR_SYSTEM, "cannot start a thread: %s", strerror(failed));
    crew->started = crew->workers > 0;
    return FN_OK;
}

/* ---- the readers' side ---- */

static bool is_here(const fn_crew *crew)
{
    return crew->process == (long)getpid();
}

bool fn_crew_lock(fn_crew *crew)
{
    const bool here = is_here(crew);
    if (here)
        fn_crew_lock_counted(crew);
    return here;
}

fn_status fn_crew_enter(fn_crew *crew, fn_error *err)
{
    if (!fn_crew_lock(crew))
        return fn_fail(err, FN_ERR_SYSTEM, "this dataset was opened before a fork(); open it again in the new process");
    const fn_status status = start_locked(crew, err);
    if (status != FN_OK)
        pthread_mutex_unlock(&crew->lock);
    return status;
}

void fn_crew_deliver_reports_locked(fn_crew *crew)
{
    finished *f = crew->reports;
    if (!f)
        return;
    crew->reports = NULL;
    crew->reports_end = &crew->reports;
    pthread_mutex_unlock(&crew->lock);
    while (f) {
        finished *next = f->next;
        if (crew->job.on_report)
            crew->job.on_report(crew->job.user, &f->report);
        free(f->error);
        free(f);
        f = next;
    }
    fn_crew_lock_counted(crew);
}

void fn_crew_leave(fn_crew *crew)
{
    fn_crew_deliver_reports_locked(crew);
    pthread_mutex_unlock(&crew->lock);
}

void fn_crew_waited_locked(fn_crew *crew, double begin)
{
    const double seconds = fn_crew_clock(crew) - begin;
    crew->stats.wait_seconds += seconds;
    fn_trace_event(crew->trace, &(fn_trace_span){.name = "wait",
                                                 .category = "reader",
                                                 .process = crew->process,
                                                 .begin = begin,
                                                 .seconds = seconds,
                                                 .times = {.cpu = -1, .queued = -1},
                                                 .serial = -1});
}

/* ---- birth and death ---- */

static void free_memory(fn_crew *crew)
{
    free(crew->states);
    free(crew->spare);
    free(crew->threads);
    free(crew->trace_file);
}

void fn_crew_init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

fn_status fn_crew_init(fn_crew *crew, const fn_job *job, const fn_job_options *options, int least,
                       const fn_scheduler *scheduler, void *self, fn_error *err)
{
    if (options->workers < least || options->workers > FN_WORKERS_MAX)
        return fn_fail(err, FN_ERR_ARGUMENT, "%d workers: %d to %d are possible", options->workers, least,
                       FN_WORKERS_MAX);
    *crew = (fn_crew){
        .job = *job, .retries = options->retries, .pause = options->pause, .scheduler = scheduler, .self = self};
    const int64_t tasks = job->task_count > 1 ? job->task_count : 1;
    crew->workers = crew->most = options->workers < tasks ? options->workers : (int)tasks;
    const size_t states = crew->workers > 0 ? (size_t)crew->workers : 1;
    crew->process = (long)getpid();
    crew->reports_end = &crew->reports;
    clock_gettime(CLOCK_MONOTONIC, &crew->born);
    crew->states = calloc(states, sizeof *crew->states);
    crew->spare = calloc(states, sizeof *crew->spare);
    crew->threads = calloc(states, sizeof *crew->threads);
    crew->trace_file = options->trace ? strdup(options->trace) : NULL;
    if (!crew->states || !crew->spare || !crew->threads || (options->trace && !crew->trace_file)) {
        free_memory(crew);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    pthread_mutex_init(&crew->lock, NULL);
    fn_crew_init_condition(&crew->work);
    fn_crew_init_condition(&crew->stopping);
    fn_crew_init_condition(&crew->ended_now);
    return FN_OK;
}

bool fn_crew_stop(fn_crew *crew, const double *seconds)
{
    if (!is_here(crew) || !crew->started)
        return true; /* in a forked child there is no thread to join */
    const struct timespec deadline = fn_crew_from_now(seconds ? *seconds : 0);
    pthread_mutex_lock(&crew->lock);
    crew->stop = true;
    crew->scheduler->stop(crew->self);
    pthread_cond_broadcast(&crew->work);
    pthread_cond_broadcast(&crew->stopping);
    int waited = 0;
    while (!crew->ended && waited == 0)
        waited = seconds ? pthread_cond_timedwait(&crew->ended_now, &crew->lock, &deadline)
                         : pthread_cond_wait(&crew->ended_now, &crew->lock);
    const bool ended = crew->ended;
    pthread_mutex_unlock(&crew->lock);
    if (ended)
        pthread_join(crew->threads[0].thread, NULL);
    return ended;
}

bool fn_crew_leave_behind(fn_crew *crew, void (*last)(void *self))
{
    if (!is_here(crew) || !crew->started)
        return false;
    pthread_mutex_lock(&crew->lock);
    const bool at_work = !crew->ended;
    if (at_work) {
        crew->last = last;
        pthread_detach(crew->threads[0].thread);
    }
    pthread_mutex_unlock(&crew->lock);
    return at_work;
}

/* A program may close on another thread than it has read. */
static void trace_end(fn_crew *crew)
{
    fn_thread_times reader = {.cpu = -1, .queued = -1};
    if (pthread_equal(crew->reader, pthread_self()))
        reader = fn_thread_times_between(crew->reader_begin, times_now(crew));
    fn_trace_closed(crew->trace, crew->process, fn_crew_clock(crew), reader, crew->stats.lock_seconds);
    fn_trace_close(crew->trace);
}

bool fn_crew_destroy(fn_crew *crew)
{
    if (!is_here(crew)) {
        if (!crew->started)
            free_memory(crew);
        return !crew->started;
    }
    for (int i = 0; i < crew->workers || i == 0; i++) {
        if (crew->states[i])
            crew->job.worker_close(crew->job.user, crew->states[i]);
        free(crew->spare[i]);
    }
    pthread_mutex_lock(&crew->lock);
    fn_crew_leave(crew);
    trace_end(crew);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->work);
    pthread_cond_destroy(&crew->stopping);
    pthread_cond_destroy(&crew->ended_now);
    free_memory(crew);
    return true;
}
