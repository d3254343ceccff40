/* Worker processes that go wrong in every way, without GDAL: the program of pool_helper.c is the helper. After each
 * test no process, no zombie, no file descriptor and no thread is left. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fishnet/engine.h"
#include "fishnet/pool.h"
#include "fishnet/stream.h"
#include "pool_helper.h"

static const char *helper_program; /* the first argument */

/* ---- what is left ---- */

static int entries(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    REQUIRE(d != NULL, "%s", folder);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Processes below one, zombies too; the first ones' ids. */
static int children_of(pid_t parent, pid_t *out, int most)
{
    int n = 0;
    DIR *d = opendir("/proc");
    REQUIRE(d != NULL, "/proc");
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char name[300], text[512] = "";
        snprintf(name, sizeof name, "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(name, "r") : NULL;
        if (!f)
            continue;
        const char *end = fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;
        fclose(f);
        int ppid = 0;
        if (end && sscanf(end, ") %*c %d", &ppid) == 1 && ppid == (int)parent) {
            if (n < most)
                out[n] = (pid_t)atoi(e->d_name);
            n++;
        }
    }
    closedir(d);
    return n;
}

/* A zombie is gone too: where its parent was killed it is up to the system's first process. But not while one of its
 * threads has not ended: what it holds is open then, and the thread sanitizer has a thread of its own. */
static bool gone(pid_t process)
{
    char name[64], state = 'Z';
    int threads = 0;
    snprintf(name, sizeof name, "/proc/%d/stat", (int)process);
    FILE *f = fopen(name, "r");
    if (!f)
        return true;
    const bool known = fscanf(f, "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
                              &state, &threads) == 2;
    fclose(f);
    return !known || ((state == 'Z' || state == 'X') && threads <= 1);
}

static bool wait_until_gone(pid_t process, double seconds)
{
    for (const double end = seconds_now() + patience(seconds); seconds_now() < end; sleep_ms(5))
        if (gone(process))
            return true;
    return gone(process);
}

/* ---- a pool and a scheduler over it ---- */

typedef struct fixture {
    setup s;
    fn_pool_options options;
    fn_job_options job_options;
    int64_t count;
    bool save; /* on_failure saves */
    /* what happened */
    int reports, again, failed, notes, notes_wrong;
    char last_error[1024]; /* of an attempt */
    char counts[64];
    int files, threads;
    const char *command[2];
    fn_pool *pool;
} fixture;

static size_t task_bytes(void *user, int64_t task)
{
    (void)task;
    return (size_t)((fixture *)user)->s.bytes;
}

static void on_report(void *user, const fn_report *report)
{
    fixture *f = user;
    f->reports++;
    f->again += report->again;
    f->failed += report->status != FN_OK && !report->again;
    if (report->error)
        snprintf(f->last_error, sizeof f->last_error, "%s", report->error);
    if (report->notes) {
        f->notes++;
        f->notes_wrong += *(int64_t *)report->notes != report->task;
        free(report->notes);
    }
}

static bool on_failure(void *user, fn_task *task, const fn_error *err)
{
    fixture *f = user;
    EXPECT(err->text[0] != '\0', "no reason");
    memset(task->result, 0xEE, (size_t)f->s.bytes);
    return f->save;
}

static void task_label(void *user, int64_t task, char *label, size_t size)
{
    (void)user;
    snprintf(label, size, "piece %" PRId64, task);
}

static void *notes_from_bytes(void *user, const void *data, size_t bytes)
{
    (void)user;
    void *copy = bytes == sizeof(int64_t) ? malloc(bytes) : NULL;
    return copy ? memcpy(copy, data, bytes) : NULL;
}

static fixture begin(int trouble)
{
    fixture f = {.s = {.trouble = trouble, .times = 1, .every = 5, .bytes = 10000},
                 .options = {.workers = 3, .memory = 8 << 20, .timeout = 20},
                 .job_options = {.workers = 3, .retries = 3, .budget = 4 << 20},
                 .count = 30};
    snprintf(f.s.secret, sizeof f.s.secret, "open sesame");
    snprintf(f.counts, sizeof f.counts, "/tmp/fishnet-test-pool-XXXXXX");
    const int fd = mkstemp(f.counts);
    REQUIRE(fd >= 0 && ftruncate(fd, 1000) == 0, "%s", f.counts);
    close(fd);
    snprintf(f.s.counts, sizeof f.s.counts, "%s", f.counts);
    f.files = entries("/proc/self/fd");
    f.threads = entries("/proc/self/task");
    f.command[0] = helper_program;
    return f;
}

static void make_pool(fixture *f)
{
    fn_error err;
    fn_job job = {.task_count = f->count,
                  .user = f,
                  .task_bytes = task_bytes,
                  .on_report = on_report,
                  .on_failure = f->save ? on_failure : NULL,
                  .task_label = task_label,
                  .notes_from_bytes = notes_from_bytes};
    f->options.command = f->command;
    f->options.setup = &f->s;
    f->options.setup_bytes = sizeof f->s;
    REQUIRE(fn_pool_new(&f->options, &job, &f->pool, &err) == FN_OK, "%s", err.text);
}

static void end(fixture *f)
{
    fn_pool_free(f->pool);
    pid_t left[4] = {0};
    EXPECT(children_of(getpid(), left, 4) == 0, "process %d is left", (int)left[0]);
    EXPECT(entries("/proc/self/fd") == f->files, "%d file descriptors, not %d", entries("/proc/self/fd"), f->files);
    for (int i = 0; i < 200 && entries("/proc/self/task") != f->threads; i++)
        sleep_ms(5); /* the kernel takes a moment to forget a joined thread */
    unlink(f->counts);
}

typedef struct reading {
    fixture *f;
    bool got[1000];
    int wrong, filled;
} reading;

static bool check(void *user, int64_t task, const void *result, size_t bytes)
{
    reading *r = user;
    const unsigned char *c = result;
    r->wrong += r->got[task] || bytes != (size_t)r->f->s.bytes;
    r->got[task] = true;
    if (r->f->save && c[0] == 0xEE && c[1] == 0xEE && c[2] == 0xEE) {
        r->filled++;
        return true;
    }
    for (size_t i = 0; i < bytes; i++)
        if (c[i] != byte_of(task, 0, i)) {
            r->wrong++;
            break;
        }
    return true;
}

/* All tasks through an engine. */
static fn_status read_all(fixture *f, reading *r, fn_error *err)
{
    fn_engine *engine;
    int64_t wanted[1000];
    for (int64_t i = 0; i < f->count; i++)
        wanted[i] = i;
    *r = (reading){.f = f};
    make_pool(f);
    REQUIRE(fn_engine_new(fn_pool_job(f->pool), &f->job_options, &engine, err) == FN_OK, "%s", err->text);
    const fn_status status = fn_engine_read(engine, wanted, (size_t)f->count, NULL, 0, check, r, err);
    fn_engine_free(engine);
    return status;
}

static void expect_right(fixture *f)
{
    reading r;
    fn_error err = {.text = ""};
    const fn_status status = read_all(f, &r, &err);
    EXPECT(status == FN_OK, "%d: %s", (int)status, err.text);
    int missing = 0;
    for (int64_t i = 0; i < f->count; i++)
        missing += !r.got[i];
    EXPECT(missing == 0 && r.wrong == 0, "%d are missing, %d wrong", missing, r.wrong);
    end(f);
}

/* All parts through a stream. */
static fn_status stream_all(fixture *f, fn_error *err, int64_t *tasks, int64_t *parts)
{
    fn_stream *stream;
    fn_part part;
    fn_status status;
    int64_t task = -1, number = 0;
    make_pool(f);
    REQUIRE(fn_stream_new(fn_pool_job(f->pool), &f->job_options, &stream, err) == FN_OK, "%s", err->text);
    *tasks = *parts = 0;
    while ((status = fn_stream_next(stream, &part, err)) == FN_OK && part.data) {
        if (part.task != task) {
            EXPECT(part.task == task + 1 && (task < 0 || number == f->s.parts), "task %" PRId64 " after %" PRId64,
                   part.task, task);
            task = part.task;
            number = 0;
        }
        bool same = part.bytes == (size_t)f->s.bytes;
        for (size_t i = 0; same && i < part.bytes; i++)
            same = ((const unsigned char *)part.data)[i] == byte_of(task, (int)number, i);
        EXPECT(same, "part %" PRId64 " of task %" PRId64, number, task);
        number++;
        ++*parts;
        *tasks = task + 1;
    }
    fn_stream_free(stream);
    return status;
}

static void expect_stream(fixture *f)
{
    fn_error err = {.text = ""};
    int64_t tasks, parts;
    EXPECT(stream_all(f, &err, &tasks, &parts) == FN_OK, "%s", err.text);
    EXPECT(tasks == f->count && parts == f->count * f->s.parts, "%" PRId64 " tasks, %" PRId64 " parts", tasks, parts);
    end(f);
}

/* ---- nothing goes wrong ---- */

static void results_through_shared_memory(void)
{
    fixture f = begin(NO_TROUBLE);
    f.s.notes = 1;
    f.count = 300;
    expect_right(&f);
    EXPECT(f.reports == 300 && f.notes == 300 && f.notes_wrong == 0 && f.again == 0, "%d reports, %d notes, %d wrong",
           f.reports, f.notes, f.notes_wrong);
}

/* An arena for one buffer only, and none at all. */
static void results_through_the_socket(void)
{
    fixture f = begin(NO_TROUBLE);
    f.options.memory = 1;
    f.s.notes = 1;
    expect_right(&f);
    EXPECT(f.notes == 30 && f.notes_wrong == 0, "%d notes, %d wrong", f.notes, f.notes_wrong);
    f = begin(NO_TROUBLE);
    f.s.bytes = 3000000; /* many times what a socket holds */
    f.options.memory = 4000000;
    f.job_options.budget = 20000000;
    expect_right(&f);
    f = begin(NO_TROUBLE);
    struct rlimit limit, old;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){1 << 20, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    expect_right(&f);
    f = begin(SEGMENT);
    expect_right(&f);
    setrlimit(RLIMIT_FSIZE, &old);
}

static void an_answer_and_a_restart(void)
{
    fixture f = begin(NO_TROUBLE);
    fn_error err = {.text = ""};
    size_t bytes = 0;
    make_pool(&f);
    EXPECT(fn_pool_start(f.pool, &err) == FN_OK, "%s", err.text);
    const char *answer = fn_pool_answer(f.pool, &bytes);
    EXPECT(bytes == 12 && strcmp(answer, "open sesame") == 0, "%zu bytes", bytes);
    pid_t helper = 0;
    REQUIRE(children_of(getpid(), &helper, 1) == 1, "the helper is not the only child");
    kill(helper, SIGKILL);
    sleep_ms(50);
    EXPECT(fn_pool_start(f.pool, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_pool_answer(f.pool, &bytes) == answer && strcmp(answer, "open sesame") == 0, "it has moved");
    end(&f);
}

static void parts_of_a_stream(void)
{
    fixture f = begin(NO_TROUBLE);
    f.s.parts = 4;
    expect_stream(&f);
    f = begin(NO_TROUBLE);
    f.s.parts = 4;
    f.options.memory = 1;
    expect_stream(&f);
}

/* ---- workers that go wrong ---- */

static void every_end(void)
{
    static const int troubles[] = {SEGMENT, ABORT, EXIT, KILL, RANDOM, LENGTHS, HALF, GREED, HOLDER, CLOSED, FAIL};
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        if (CHECK_SANITIZED && troubles[i] == GREED)
            continue; /* the sanitizers need more addresses than the limit */
        fixture f = begin(troubles[i]);
        if (troubles[i] == CLOSED)
            f.s.every = 0; /* each takes a second */
        const double start = seconds_now();
        expect_right(&f);
        EXPECT(f.again == (f.s.every ? 6 : 1), "trouble %d: %d attempts were repeated: %s", troubles[i], f.again,
               f.last_error);
        EXPECT(seconds_now() - start < patience(8), "trouble %d: %.1f seconds", troubles[i], seconds_now() - start);
    }
}

static void reports_say_how(void)
{
    static const struct {
        int trouble;
        const char *words[3];
    } cases[] = {{SEGMENT, {"piece 7", "SIGSEGV", "worker process"}},
                 {ABORT, {"piece 7", "SIGABRT", "worker process"}},
                 {KILL, {"piece 7", "SIGKILL", "memory"}},
                 {EXIT, {"piece 7", "exit status 7", "worker process"}},
                 {RANDOM, {"piece 7", "makes no sense", "tried 2 times"}},
                 {LENGTHS, {"piece 7", "makes no sense", "worker process"}},
                 {HUGE_PART, {"piece 7", "makes no sense", "worker process"}},
                 {HOLDER, {"piece 7", "exit status 5", "worker process"}},
                 {FAIL, {"task 7 cannot be read", "tried 2 times", ""}},
                 {FAIL_FINAL, {"task 7 has no result", "", ""}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f = begin(cases[i].trouble);
        reading r;
        fn_error err = {.text = ""};
        f.s.first = 7;
        f.s.every = 0;
        f.s.times = -1;
        f.job_options.retries = 1;
        const fn_status status = read_all(&f, &r, &err);
        EXPECT(status != FN_OK && r.wrong == 0, "status %d", (int)status);
        for (int k = 0; k < 3; k++)
            EXPECT(strstr(err.text, cases[i].words[k]) != NULL, "'%s' is not in: %s", cases[i].words[k], err.text);
        EXPECT(strstr(err.text, "tried") == NULL || cases[i].trouble != FAIL_FINAL, "%s", err.text);
        end(&f);
    }
}

/* What hangs, deaf or stopped, is ended after the timeout, and the task done by another. */
static void timeouts(void)
{
    static const int troubles[] = {HANG, STOP};
    for (int i = 0; i < 2; i++) {
        fixture f = begin(troubles[i]);
        f.s.every = 15;
        char says[64];
        const double limit = patience(0.5);
        snprintf(says, sizeof says, "%g seconds (TASK_TIMEOUT)", limit);
        f.options.timeout = limit;
        const double start = seconds_now();
        expect_right(&f);
        EXPECT(f.again == 2 && strstr(f.last_error, says), "%d: %s", f.again, f.last_error);
        EXPECT(seconds_now() - start < 2 * limit + patience(5), "%.1f seconds", seconds_now() - start);
    }
}

static void a_task_that_fails_for_ever_is_saved(void)
{
    fixture f = begin(SEGMENT);
    reading r;
    fn_error err = {.text = ""};
    f.s.times = -1;
    f.s.every = 10;
    f.save = true;
    f.job_options.retries = 1;
    EXPECT(read_all(&f, &r, &err) == FN_OK, "%s", err.text);
    EXPECT(r.filled == 3 && r.wrong == 0, "%d filled, %d wrong", r.filled, r.wrong);
    EXPECT(f.again == 3, "%d again", f.again);
    end(&f);
}

/* Parts that have been handed over are not repeated, wherever the worker dies. */
static void death_between_parts(void)
{
    static const int troubles[] = {SEGMENT, EXIT, HALF, RANDOM, FAIL};
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        for (int before = 0; before < 4; before++) {
            fixture f = begin(troubles[i]);
            f.s.parts = 4;
            f.s.before = before;
            f.s.times = 2;
            f.s.every = 10;
            f.options.memory = before % 2 ? 1 : 8 << 20;
            expect_stream(&f);
            EXPECT(f.again == 6, "%d again", f.again);
        }
}

/* An attempt that was not made is not counted: without any retry all is well. */
static void death_between_tasks(void)
{
    fixture f = begin(NO_TROUBLE);
    f.job_options.retries = 0;
    f.job_options.workers = 1;
    f.count = 3;
    fn_error err = {.text = ""};
    fn_engine *engine;
    reading r = {.f = &f};
    make_pool(&f);
    REQUIRE(fn_engine_new(fn_pool_job(f.pool), &f.job_options, &engine, &err) == FN_OK, "%s", err.text);
    for (int64_t i = 0; i < f.count; i++) {
        EXPECT(fn_engine_read(engine, &i, 1, NULL, 0, check, &r, &err) == FN_OK, "%s", err.text);
        pid_t helper = 0, worker = 0;
        REQUIRE(children_of(getpid(), &helper, 1) == 1, "no helper");
        REQUIRE(children_of(helper, &worker, 1) == 1, "no worker");
        kill(worker, SIGKILL);
        EXPECT(wait_until_gone(worker, 10), "the worker lives on");
        if (i == 1) { /* the helper dies too */
            kill(helper, SIGKILL);
            EXPECT(wait_until_gone(helper, 10), "the helper lives on");
        }
    }
    fn_engine_free(engine);
    EXPECT(r.wrong == 0 && f.failed == 0, "%d wrong, %d failed", r.wrong, f.failed);
    end(&f);
}

/* ---- the helper goes wrong ---- */

static void helper_killed_and_stopped(void)
{
    fixture f = begin(NO_HELPER);
    f.s.every = 15;
    f.job_options.retries = 5;
    expect_right(&f);
    EXPECT(f.again > 0, "nothing happened");
    f = begin(STOP_HELPER);
    f.s.every = 0;
    f.s.first = 3;
    f.job_options.retries = 5;
    expect_right(&f);
    EXPECT(f.again > 0, "nothing happened");
}

static void helper_missing(void)
{
    fixture f = begin(NO_TROUBLE);
    reading r;
    fn_error err = {.text = ""};
    f.command[0] = "/no/such/fishnet-worker";
    EXPECT(read_all(&f, &r, &err) == FN_ERR_SYSTEM, "%s", err.text);
    EXPECT(strstr(err.text, "/no/such/fishnet-worker") && strstr(err.text, "No such file"), "%s", err.text);
    end(&f);
    f = begin(NO_TROUBLE);
    f.command[0] = "/bin/true"; /* a program that is not ours */
    f.job_options.retries = 1;
    EXPECT(read_all(&f, &r, &err) == FN_ERR_SYSTEM, "%s", err.text);
    EXPECT(strstr(err.text, "exit status 0"), "%s", err.text);
    end(&f);
}

static void prepare_fails(void)
{
    fixture f = begin(NO_TROUBLE);
    reading r;
    fn_error err = {.text = ""};
    f.s.prepare = FAILS;
    EXPECT(read_all(&f, &r, &err) == FN_ERR_ARGUMENT && strstr(err.text, "nothing can be prepared"), "%s", err.text);
    end(&f);
    f = begin(NO_TROUBLE);
    f.s.prepare = CRASHES;
    f.job_options.retries = 1;
    EXPECT(read_all(&f, &r, &err) == FN_ERR_SYSTEM && strstr(err.text, "SIGSEGV"), "%s", err.text);
    end(&f);
}

/* A helper that hangs or lies while it prepares is ended after the timeout, tried again, and is an error then. */
static void prepare_hangs(void)
{
    static const struct {
        int prepare;
        const char *says;
    } cases[] = {{SILENT, "0.4 seconds while it prepared (TASK_TIMEOUT)"},
                 {NONSENSE, "makes no sense"},
                 {HALF_WAY, "0.4 seconds while it prepared (TASK_TIMEOUT)"},
                 {GREAT_WORDS, "0.4 seconds while it prepared (TASK_TIMEOUT)"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f = begin(NO_TROUBLE);
        reading r;
        fn_error err = {.text = ""};
        f.s.prepare = cases[i].prepare;
        f.options.timeout = cases[i].prepare == NONSENSE ? 20 : 0.4;
        f.job_options.retries = 1;
        const double start = seconds_now();
        EXPECT(read_all(&f, &r, &err) == FN_ERR_SYSTEM && strstr(err.text, cases[i].says), "%s", err.text);
        EXPECT(strstr(err.text, "tried 2 times") != NULL, "%s", err.text);
        EXPECT(seconds_now() - start < patience(20), "%.1f seconds", seconds_now() - start);
        end(&f);
    }
}

/* One that says that it is alive may take longer. */
static void prepare_takes_long(void)
{
    fixture f = begin(NO_TROUBLE);
    f.s.prepare = ALIVE;
    f.options.timeout = 4; /* it says so each second */
    f.job_options.retries = 0;
    expect_right(&f);
    EXPECT(f.again == 0, "%d again", f.again);
}

/* ---- the end ---- */

static void *free_engine(void *engine)
{
    fn_engine_free(engine);
    return NULL;
}

/* Whatever the workers do, and while the helper prepares, all ends within a second. */
static void freed_while_it_works(void)
{
    static const int troubles[] = {HANG, WAIT, STOP, STOP_HELPER, NO_TROUBLE};
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        fixture f = begin(troubles[i]);
        fn_engine *engine;
        fn_error err = {.text = ""};
        const int64_t tasks[] = {0, 1, 2, 3, 4, 5};
        f.s.times = -1;
        f.s.every = troubles[i] == STOP_HELPER ? 0 : 1;
        f.s.prepare = troubles[i] == NO_TROUBLE ? LONG : QUICK;
        make_pool(&f);
        REQUIRE(fn_engine_new(fn_pool_job(f.pool), &f.job_options, &engine, &err) == FN_OK, "%s", err.text);
        EXPECT(fn_engine_advise(engine, tasks, 6, &err) == FN_OK, "%s", err.text);
        sleep_ms(300);
        pid_t helper = 0, workers[8] = {0};
        for (int k = 0; k < 20000 && children_of(getpid(), &helper, 1) < 1; k++)
            sleep_ms(1);
        REQUIRE(children_of(getpid(), &helper, 1) == 1, "no helper");
        const int n = children_of(helper, workers, 8);
        const double start = seconds_now();
        free_engine(engine);
        fn_pool_free(f.pool);
        f.pool = NULL;
        const double took = seconds_now() - start;
        EXPECT(took < patience(troubles[i] == STOP_HELPER ? 7
                               : CHECK_SANITIZED          ? 3
                                                          : 1.2),
               "trouble %d: %.2f seconds", troubles[i], took);
        for (int k = 0; k < n; k++)
            EXPECT(wait_until_gone(workers[k], 1), "worker %d is left", (int)workers[k]);
        end(&f);
    }
}

/* The child of a fork() frees what it has got, and changes nothing. */
static void fork_of_the_host(void)
{
    fixture f = begin(NO_TROUBLE);
    reading r = {.f = &f};
    fn_error err = {.text = ""};
    fn_engine *engine;
    make_pool(&f);
    REQUIRE(fn_engine_new(fn_pool_job(f.pool), &f.job_options, &engine, &err) == FN_OK, "%s", err.text);
    const int64_t first[] = {0, 1, 2}, second[] = {3, 4, 5};
    EXPECT(fn_engine_read(engine, first, 3, NULL, 0, check, &r, &err) == FN_OK, "%s", err.text);
    const pid_t child = fork();
    if (child == 0) {
        fn_error mine;
        const bool refused = fn_engine_read(engine, second, 3, NULL, 0, check, &r, &mine) == FN_ERR_SYSTEM;
        fn_engine_free(engine);
        fn_pool_free(f.pool);
        _exit(refused ? 0 : 1);
    }
    int status = 1;
    EXPECT(waitpid(child, &status, 0) == child && status == 0, "status %d", status);
    EXPECT(fn_engine_read(engine, second, 3, NULL, 0, check, &r, &err) == FN_OK, "%s", err.text);
    fn_engine_free(engine);
    EXPECT(r.wrong == 0, "%d wrong", r.wrong);
    end(&f);
}

/* The host of the next test: this program, started anew. It says which child it has beside the helper, and goes on
 * for ever. */
static int be_host(const char *counts, int way, int tell)
{
    fixture f = begin(HANG);
    fn_engine *engine;
    fn_error err;
    const int64_t tasks[] = {0, 1, 2};
    pid_t heir = 0;
    unlink(f.counts);
    snprintf(f.s.counts, sizeof f.s.counts, "%s", counts);
    f.s.times = -1;
    f.s.every = 1;
    f.s.prepare = way == 2 ? LONG : QUICK;
    make_pool(&f);
    if (fn_engine_new(fn_pool_job(f.pool), &f.job_options, &engine, &err) != FN_OK ||
        fn_engine_advise(engine, tasks, 3, &err) != FN_OK)
        return 1;
    pid_t helper = 0, workers[8];
    for (int i = 0; way != 2 && i < 20000; i++, sleep_ms(1))
        if (children_of(getpid(), &helper, 1) == 1 && children_of(helper, workers, 8) == 3)
            break;
    sleep_ms(CHECK_SANITIZED ? 1000 : 400);
    if (way == 1 && (heir = fork()) == 0)
        for (;;)
            sleep_ms(1000);
    if (write(tell, &heir, sizeof heir) != sizeof heir)
        return 1;
    for (;;)
        sleep_ms(1000);
}

/* A host that is killed: while workers compute for ever (0), where a child of it lives on that has inherited its
 * sockets (1), while the helper prepares (2). */
static void host_killed(void)
{
    for (int way = 0; way < 3; way++) {
        fixture f = begin(HANG);
        int told[2];
        REQUIRE(pipe(told) == 0, "pipe");
        const pid_t host = fork();
        if (host == 0) {
            char which[16], tell[16];
            snprintf(which, sizeof which, "%d", way);
            snprintf(tell, sizeof tell, "%d", told[1]);
            execl("/proc/self/exe", "test_pool", helper_program, f.counts, which, tell, (char *)NULL);
            _exit(1);
        }
        close(told[1]);
        pid_t heir = 0, helper[2] = {0}, workers[8] = {0};
        EXPECT(read(told[0], &heir, sizeof heir) == sizeof heir, "no word");
        int n = children_of(host, helper, 2);
        EXPECT(n == (way == 1 ? 2 : 1), "%d children", n);
        const pid_t h = helper[0] == heir ? helper[1] : helper[0];
        n = children_of(h, workers, 8);
        EXPECT(n == (way == 2 ? 0 : 3), "%d workers", n);
        kill(host, SIGKILL);
        waitpid(host, NULL, 0);
        EXPECT(wait_until_gone(h, 2), "the helper is left, way %d", way);
        for (int i = 0; i < n; i++)
            EXPECT(wait_until_gone(workers[i], 2), "worker %d is left", (int)workers[i]);
        if (heir > 0)
            kill(heir, SIGKILL);
        close(told[0]);
        end(&f);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5)
        return 2;
    helper_program = argv[1];
    /* Of the helper, where a sanitizer is in it: signals are to do what they do without, and those who die leave
     * memory behind. */
    setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0:detect_leaks=0", 1);
    setenv("TSAN_OPTIONS",
           "ignore_noninstrumented_modules=1:detect_deadlocks=0:handle_segv=0:handle_abort=0:die_after_fork=0", 1);
    if (argc == 5)
        return be_host(argv[2], atoi(argv[3]), atoi(argv[4]));
    const struct CMUnitTest tests[] = {
        UNIT(results_through_shared_memory),
        UNIT(results_through_the_socket),
        UNIT(an_answer_and_a_restart),
        UNIT(parts_of_a_stream),
        UNIT(every_end),
        UNIT(reports_say_how),
        UNIT(timeouts),
        UNIT(a_task_that_fails_for_ever_is_saved),
        UNIT(death_between_parts),
        UNIT(death_between_tasks),
        UNIT(helper_killed_and_stopped),
        UNIT(helper_missing),
        UNIT(prepare_fails),
        UNIT(prepare_hangs),
        UNIT(prepare_takes_long),
        UNIT(freed_while_it_works),
        UNIT(fork_of_the_host),
        UNIT(host_killed),
    };
    return check_main(tests);
}
