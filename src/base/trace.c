#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* How every timeline of ours begins, and how it ends. */
#define BEGIN "[\n{\"name\":\"thread_name\","
#define END "\n]\n"

/* A file that this process has written to. It stays known to the end of the process: the next to write there goes
 * on. */
typedef struct file {
    dev_t device;
    ino_t inode;
    int fd;
    int users;   /* timelines that write to it now */
    int threads; /* numbers of threads that are taken */
    struct file *next;
} file;

struct fn_trace {
    file *file;
    double born;
    int first; /* the number of its first thread */
    int named; /* threads that have a name so far */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all of this */
static file *files;

/* ---- one event, written at once: a process that is killed leaves no half of one, and a fork() no buffer ---- */

typedef struct line {
    char text[4096];
    size_t length;
} line;

static void add(line *l, const char *format, ...) FN_PRINTF(2, 3);
static void add(line *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(l->text + l->length, sizeof l->text - l->length, format, args);
    va_end(args);
    if (n > 0)
        l->length += (size_t)n < sizeof l->text - l->length ? (size_t)n : sizeof l->text - l->length - 1;
}

/* At most `most` bytes of it, whole characters of UTF-8. */
static void add_string(line *l, const char *text, size_t most)
{
    size_t length = strlen(text);
    if (length > most)
        for (length = most; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80;)
            length--;
    add(l, "\"");
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 32)
            add(l, "\\u%04x", c);
        else
            add(l, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    add(l, "\"");
}

static void write_line(const file *f, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        const ssize_t n = write(f->fd, text + done, length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a full disk: what computes goes on */
        done += (size_t)n;
    }
}

static void name_thread(fn_trace *trace, long process)
{
    line l = {.length = 0};
    const int thread = trace->named++, number = trace->first + thread;
    add(&l, "%s\"ph\":\"M\",\"pid\":%ld,\"tid\":%d,\"args\":{\"name\":\"",
        number == 0 ? BEGIN : ",\n{\"name\":\"thread_name\",", process, number);
    if (thread == 0)
        add(&l, "reader\"}}");
    else
        add(&l, "worker %d\"}}", thread - 1);
    write_line(trace->file, l.text, l.length);
}

/* ---- the file ---- */

static file *find(const struct stat *st)
{
    file *f = files;
    while (f && (f->device != st->st_dev || f->inode != st->st_ino))
        f = f->next;
    return f;
}

static bool has(int fd, off_t offset, const char *text)
{
    char bytes[sizeof BEGIN];
    const size_t n = strlen(text);
    return offset >= 0 && pread(fd, bytes, n, offset) == (ssize_t)n && memcmp(bytes, text, n) == 0;
}

/* Opens the file, at the place where the next event goes. *known: NULL for a new timeline. Why not, or NULL. */
static const char *open_file(const char *path, int *fd, struct stat *st, file **known)
{
    static const char irregular[] = "it is no regular file";
    *fd = -1;
    if (stat(path, st) == 0 && !S_ISREG(st->st_mode))
        return irregular;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (*fd < 0 || fstat(*fd, st) != 0)
        return strerror(errno);
    if (!S_ISREG(st->st_mode))
        return irregular;
    *known = find(st);
    const off_t end = st->st_size - (off_t)strlen(END);
    if (*known && has(*fd, 0, BEGIN) && has(*fd, end, END))
        return ftruncate(*fd, end) == 0 && lseek(*fd, end, SEEK_SET) == end ? NULL : strerror(errno);
    if (*known)
        (*known)->threads = 0;
    if (st->st_size > 0 && !has(*fd, 0, BEGIN))
        return "there is a file of that name which is no timeline, and stays as it is";
    return ftruncate(*fd, 0) == 0 ? NULL : strerror(errno);
}

static file *take_file(const char *path, fn_error *err)
{
    struct stat st;
    file *f = stat(path, &st) == 0 ? find(&st) : NULL;
    if (f && f->users > 0) {
        f->users++;
        return f;
    }
    int fd;
    file *made = calloc(1, sizeof *made);
    const char *why = made ? open_file(path, &fd, &st, &f) : "out of memory";
    if (why) {
        fn_fail(err, FN_ERR_SYSTEM, "the timeline %.500s cannot be written: %s", path, why);
        if (made && fd >= 0)
            close(fd);
        free(made);
        return NULL;
    }
    if (f)
        free(made);
    else {
        *made = (file){.device = st.st_dev, .inode = st.st_ino, .next = files};
        files = f = made;
    }
    f->fd = fd;
    f->users = 1;
    return f;
}

fn_status fn_trace_open(const char *path, const struct timespec *born, int workers, fn_trace **out, fn_error *err)
{
    fn_trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    trace->born = (double)born->tv_sec + 1e-9 * (double)born->tv_nsec;
    pthread_mutex_lock(&lock);
    file *f = trace->file = take_file(path, err);
    if (f) {
        trace->first = f->threads;
        f->threads += workers + 1;
        name_thread(trace, (long)getpid());
    }
    pthread_mutex_unlock(&lock);
    if (!f) {
        free(trace);
        return FN_ERR_SYSTEM;
    }
    *out = trace;
    return FN_OK;
}

static long long microseconds(double seconds)
{
    return (long long)(seconds * 1e6);
}

/* "name":microseconds, one argument of an event among others. */
static void add_seconds(line *l, const char *name, double seconds)
{
    if (seconds >= 0)
        add(l, "%s\"%s\":%lld", l->text[l->length - 1] == '{' ? "" : ",", name, microseconds(seconds));
}

/* Names the threads up to that one, and begins an event of it. */
static void begin_locked(fn_trace *trace, line *l, const char *name, const char *category, long process, int thread)
{
    enum { NAME_MOST = 200 }; /* each byte may become six */
    while (trace->named <= thread)
        name_thread(trace, process);
    add(l, ",\n{\"name\":");
    add_string(l, name, NAME_MOST);
    add(l, ",\"cat\":\"%s\",\"pid\":%ld,\"tid\":%d", category, process, trace->first + thread);
}

/* Before the next argument of an event. */
static void add_comma(line *l)
{
    if (l->text[l->length - 1] != '{')
        add(l, ",");
}

static void add_place(line *l, const fn_task_place *place)
{
    if (place && place->has_pixels) {
        add_comma(l);
        add(l, "\"pixels\":[%lld,%lld,%lld,%lld]", (long long)place->x, (long long)place->y, (long long)place->width,
            (long long)place->height);
    }
    if (place && place->has_extent) {
        char number[32];
        add_comma(l);
        for (int i = 0; i < 4; i++) {
            fn_print_double(number, sizeof number, place->extent[i]);
            add(l, "%s%s", i == 0 ? "\"extent\":[" : ",", number);
        }
        add(l, "]");
    }
    if (place && place->what) {
        add_comma(l);
        add(l, "\"%s\":[%lld,%lld]", place->what, (long long)place->first, (long long)place->last);
    }
}

void fn_trace_event(fn_trace *trace, const fn_trace_span *span)
{
    enum { STATUS_MOST = 400 };
    line l = {.length = 0};
    if (!trace)
        return;
    pthread_mutex_lock(&lock);
    begin_locked(trace, &l, span->name, span->category, span->process, span->thread);
    add(&l, ",\"ph\":\"X\",\"ts\":%lld,\"dur\":%lld", microseconds(trace->born + span->begin),
        microseconds(span->seconds));
    add_seconds(&l, "tdur", span->times.cpu);
    add(&l, ",\"args\":{");
    add_seconds(&l, "queued", span->times.queued);
    add_seconds(&l, "serial", span->serial);
    add_place(&l, span->place);
    if (span->status) {
        add_comma(&l);
        add(&l, "\"status\":");
        add_string(&l, span->status, STATUS_MOST);
    }
    add(&l, "}}");
    write_line(trace->file, l.text, l.length);
    pthread_mutex_unlock(&lock);
}

void fn_trace_closed(fn_trace *trace, long process, double at, fn_thread_times reader, double locks)
{
    line l = {.length = 0};
    if (!trace)
        return;
    pthread_mutex_lock(&lock);
    begin_locked(trace, &l, "closed", "reader", process, 0);
    add(&l, ",\"ph\":\"i\",\"s\":\"t\",\"ts\":%lld,\"args\":{", microseconds(trace->born + at));
    add_seconds(&l, "cpu", reader.cpu);
    add_seconds(&l, "queued", reader.queued);
    add_seconds(&l, "locks", locks);
    add(&l, "}}");
    write_line(trace->file, l.text, l.length);
    pthread_mutex_unlock(&lock);
}

void fn_trace_close(fn_trace *trace)
{
    if (!trace)
        return;
    pthread_mutex_lock(&lock);
    file *f = trace->file;
    if (--f->users == 0) {
        write_line(f, END, strlen(END));
        close(f->fd);
    }
    pthread_mutex_unlock(&lock);
    free(trace);
}
