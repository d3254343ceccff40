/* A library for LD_PRELOAD that makes calls of the C library fail in a program that uses gdal_FISHNET.so, and
 * in its worker processes: the Nth call of a class, or all calls from the Nth on. sweep.py is its user.
 *
 *   FAULT_STATE   file of sizeof(struct state) zeros, which all processes share: counts, stacks. Without it nothing is
 *                 counted
 *   FAULT_CLASS   one of class_names; without it calls are only counted and logged, those of all classes
 *   FAULT_LOG     "all": of calls that were made from the same place, too
 *   FAULT_AT      N, from 1
 *   FAULT_FOR     "once", or "always": from the Nth call on
 *   FAULT_WHERE   "host", "workers" (the program fishnet-worker), or "all": which processes count
 *   FAULT_STACK   "ours": calls that our module makes, itself or through a library, or that are made by threads and
 *                 processes that it has started. "any": all calls, from the first opening of a file on whose name
 *                 contains FAULT_FROM
 *
 * A process that dies of a signal first leaves its stack in the state. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <unwind.h>

#define EXPORT __attribute__((visibility("default")))
#define LOCAL static __thread __attribute__((tls_model("initial-exec")))
#define FRAMES 96
#define STACK_TEXT 16384
#define LOG_MOST (1u << 20)

typedef enum call_class {
    MEMORY,
    READ,
    WRITE,
    OPEN,
    LIST,
    NAMES,
    MAP,
    THREAD,
    PROCESS,
    SOCKET,
    CLOSE,
    CLASSES
} call_class;
static const char *const class_names[CLASSES] = {"memory", "read",   "write",   "open",   "list", "names",
                                                 "map",    "thread", "process", "socket", "close"};

/* What sweep.py reads: keep it in step. */
struct state {
    uint64_t counted[2][CLASSES]; /* calls that could have failed: by the host, by worker processes */
    uint64_t failed;              /* calls that did */
    uint64_t died;                /* processes that died of a signal */
    uint64_t logged;
    char failed_at[STACK_TEXT]; /* stack of the first call that failed, or of the last one of the thread that dies */
    char died_at[STACK_TEXT]; /* and of the first process that died: the program, the number of the signal, the stack */
    struct {
        uint64_t which;  /* class (8 bits), by a worker process (1), number (55) */
        uint64_t hashes; /* of the frames in our module, of all frames */
    } log[LOG_MOST];
};

typedef struct trace {
    uintptr_t frames[FRAMES];
    int n;
} trace;

static struct state *state;
static int wanted = -1; /* the class that fails, -1: none */
static uint64_t fail_at;
static bool for_ever, any_stack, log_all, in_worker, host_counts = true, workers_count = true;
static uintptr_t module_begin, module_end; /* 0: not loaded yet */
static bool all_ours;                      /* this process does nothing but what our module says */
static const char *from_name;              /* "any": the name that is waited for */
static bool file_opened;                   /* it has come */

static bool noexcept_frames[FRAMES]; /* of the process that dies */

LOCAL bool busy;        /* in here */
LOCAL bool thread_ours; /* started by our module, or by what it has started */
LOCAL uintptr_t stack_end;
LOCAL struct trace last_failure; /* of this thread */

extern void *__libc_stack_end;
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

/* ---- stacks ---- */

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *to)
{
    trace *t = to;
    t->frames[t->n] = _Unwind_GetIP(context);
    return ++t->n < FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static uint64_t add_to_hash(uint64_t hash, uintptr_t address)
{
    hash = (hash ^ address) * 1099511628211u;
    return hash ^ hash >> 29;
}

static bool is_in_module(uintptr_t address)
{
    return address >= module_begin && address < module_end;
}

/* Hash of what looks like a return address into our module. 0: there is none, so that it is not on the stack. Takes a
 * hundredth of the time of unwinding, but counts words that earlier calls have left. */
static __attribute__((noinline)) uint64_t scan_stack(void)
{
    uint64_t hash = 0;
    if (!stack_end) {
        pthread_attr_t attributes;
        void *base = NULL;
        size_t size = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0)
            return 1;
        pthread_attr_getstack(&attributes, &base, &size);
        pthread_attr_destroy(&attributes);
        stack_end = (uintptr_t)base + size;
    }
    for (const uintptr_t *word = __builtin_frame_address(0); (uintptr_t)word < stack_end; word++)
        if (is_in_module(*word))
            hash = add_to_hash(hash, *word) | 1;
    return hash;
}

static bool may_be_ours(void)
{
    return all_ours || thread_ours || scan_stack() != 0;
}

static bool is_ours(trace *t)
{
    t->n = 0;
    if (!may_be_ours())
        return false;
    _Unwind_Backtrace(add_frame, t);
    if (all_ours || thread_ours)
        return true;
    for (int i = 0; i < t->n; i++)
        if (is_in_module(t->frames[i]))
            return true;
    return false;
}

/* A line for each frame: file of the module, ! if no exception may leave it, a space, offset in it. Takes no lock, no
 * memory. */
static void write_stack(const trace *t, char *text, size_t size, size_t used)
{
    for (int i = 0; i < t->n && used + 256 < size; i++) {
        struct dl_find_object found;
        uintptr_t offset = t->frames[i];
        const char *name = "?";
        if (_dl_find_object((void *)offset, &found) == 0) {
            offset -= found.dlfo_link_map->l_addr;
            name = *found.dlfo_link_map->l_name ? found.dlfo_link_map->l_name : "program";
        }
        const size_t length = strnlen(name, 200);
        memcpy(text + used, name, length);
        used += length;
        if (noexcept_frames[i])
            text[used++] = '!';
        text[used++] = ' ';
        char digits[20];
        int n = 0;
        for (; offset || n == 0; offset /= 16)
            digits[n++] = "0123456789abcdef"[offset % 16];
        while (n > 0)
            text[used++] = digits[--n];
        text[used++] = '\n';
    }
    text[used] = '\0';
}

/* ---- where an exception ends the program: the first frame that none may leave, by the tables of its function ---- */

static uint64_t next_uleb(const unsigned char **at)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        const unsigned char byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

/* A function with a table of what to do where: an address that is not in it must not be left by an exception. */
static bool says_noexcept(struct _Unwind_Context *context)
{
    const unsigned char *at = _Unwind_GetLanguageSpecificData(context);
    const uintptr_t address = _Unwind_GetIP(context) - 1 - _Unwind_GetRegionStart(context);
    enum { OMITTED = 0xff, ULEB = 1 };
    if (!at || *at++ != OMITTED)
        return false;
    if (*at++ != OMITTED)
        next_uleb(&at);
    if (*at++ != ULEB)
        return false;
    const uint64_t size = next_uleb(&at);
    for (const unsigned char *end = at + size; at < end;) {
        const uint64_t first = next_uleb(&at), length = next_uleb(&at);
        next_uleb(&at); /* landing pad */
        next_uleb(&at); /* action */
        if (address >= first && address < first + length)
            return false;
    }
    return true;
}

static _Unwind_Reason_Code add_last_frame(struct _Unwind_Context *context, void *to)
{
    trace *t = to;
    noexcept_frames[t->n] = says_noexcept(context);
    return add_frame(context, to);
}

/* ---- whether a call fails ---- */

static uint64_t hash_of(const trace *t, bool ours_only)
{
    uint64_t hash = 14695981039346656037u;
    for (int i = 0; i < t->n; i++) {
        struct dl_find_object found;
        uintptr_t address = t->frames[i];
        if (ours_only && !is_in_module(address))
            continue;
        if (_dl_find_object((void *)address, &found) == 0)
            address -= found.dlfo_link_map->l_addr;
        hash = add_to_hash(hash, address);
    }
    return hash & 0xffffffff;
}

/* Has a call of the class been made from this place before? Mistakes one place in some thousands for another. */
static bool is_known_place(call_class c)
{
    static uint32_t known[1 << 16];
    const uint64_t hash = add_to_hash(scan_stack(), (uintptr_t)c + 1);
    uint32_t *slot = &known[hash & 0xffff];
    return __atomic_exchange_n(slot, (uint32_t)(hash >> 16), __ATOMIC_RELAXED) == (uint32_t)(hash >> 16);
}

static void log_call(call_class c, uint64_t number)
{
    trace t;
    if ((!log_all && is_known_place(c)) || !is_ours(&t))
        return;
    const uint64_t i = __atomic_fetch_add(&state->logged, 1, __ATOMIC_RELAXED);
    if (i >= LOG_MOST)
        return;
    state->log[i].which = (uint64_t)c << 56 | (uint64_t)in_worker << 55 | number;
    state->log[i].hashes = hash_of(&t, true) << 32 | hash_of(&t, false);
}

static bool judge(call_class c)
{
    if (!may_be_ours() && !(any_stack && file_opened))
        return false;
    const uint64_t n = __atomic_add_fetch(&state->counted[in_worker][c], 1, __ATOMIC_RELAXED);
    if (wanted < 0)
        log_call(c, n);
    if ((int)c != wanted || n < fail_at || (n > fail_at && !for_ever))
        return false;
    trace t;
    if (!is_ours(&t) && !any_stack)
        return false;
    if (t.n == 0)
        _Unwind_Backtrace(add_frame, &t);
    if (__atomic_fetch_add(&state->failed, 1, __ATOMIC_RELAXED) == 0)
        write_stack(&t, state->failed_at, sizeof state->failed_at, 0);
    last_failure = t;
    return true;
}

static bool fails(call_class c)
{
    if (!module_begin || busy || (wanted >= 0 && (int)c != wanted) || !(in_worker ? workers_count : host_counts))
        return false;
    const int error = errno;
    busy = true;
    const bool failed = judge(c);
    busy = false;
    errno = error;
    return failed;
}

/* ---- beginning and end ---- */

static int find_module(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (!strstr(info->dlpi_name, "/gdal_FISHNET.so"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            module_end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
            module_begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        }
    return 1;
}

static void on_death(int signal)
{
    trace t = {.n = 0};
    busy = true;
    if (__atomic_fetch_add(&state->died, 1, __ATOMIC_RELAXED) == 0) {
        char *text = state->died_at;
        memcpy(text, in_worker ? "worker xx\n" : "host   xx\n", 11);
        text[7] = (char)('0' + signal / 10);
        text[8] = (char)('0' + signal % 10);
        _Unwind_Backtrace(add_last_frame, &t);
        write_stack(&t, text, sizeof state->died_at, strlen(text));
        memset(noexcept_frames, 0, sizeof noexcept_frames);
        if (last_failure.n > 0)
            write_stack(&last_failure, state->failed_at, sizeof state->failed_at, 0);
    }
    raise(signal); /* its action is the system's again */
}

static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

static void set_of_deadly(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaddset(set, deadly[i]);
}

/* Of its own for each thread: the other one may be full. */
static void give_stack_for_death(void)
{
    LOCAL char place[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = place, .ss_size = sizeof place}, NULL);
}

static void watch_for_death(void)
{
    struct sigaction action = {.sa_handler = on_death, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK)};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &action, NULL);
}

static __attribute__((constructor)) void begin(void)
{
    char program[4096] = "";
    const char *path = getenv("FAULT_STATE"), *name = getenv("FAULT_CLASS"), *at = getenv("FAULT_AT");
    const char *duration = getenv("FAULT_FOR"), *where = getenv("FAULT_WHERE"), *stack = getenv("FAULT_STACK");
    const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *memory = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED)
        return;
    (void)!readlink("/proc/self/exe", program, sizeof program - 1);
    const char *last = strrchr(program, '/');
    in_worker = last && strcmp(last, "/fishnet-worker") == 0;
    for (int c = 0; name && c < CLASSES; c++)
        if (strcmp(name, class_names[c]) == 0)
            wanted = c;
    fail_at = at ? strtoull(at, NULL, 10) : 1;
    for_ever = duration && strcmp(duration, "always") == 0;
    log_all = getenv("FAULT_LOG") != NULL;
    from_name = getenv("FAULT_FROM");
    any_stack = stack && strcmp(stack, "any") == 0;
    host_counts = !where || strcmp(where, "workers") != 0;
    workers_count = !where || strcmp(where, "host") != 0;
    stack_end = (uintptr_t)__libc_stack_end;
    trace t = {.n = 0};
    _Unwind_Backtrace(add_frame, &t); /* what it needs for the first time it takes now */
    state = memory;
    give_stack_for_death();
    watch_for_death();
}

#define REAL(name)                                                                                                     \
    static __typeof__(&name) real;                                                                                     \
    if (!real) {                                                                                                       \
        busy = true;                                                                                                   \
        real = (__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name);                                                  \
        busy = false;                                                                                                  \
    }

/* A wrapper of a function that fails with a value and an error number. */
#define WRAP(c, type, name, parameters, arguments, failure, error)                                                     \
    EXPORT type name parameters                                                                                        \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        if (fails(c)) {                                                                                                \
            errno = error;                                                                                             \
            return failure;                                                                                            \
        }                                                                                                              \
        return real arguments;                                                                                         \
    }

EXPORT void *dlopen(const char *file, int mode)
{
    REAL(dlopen)
    void *handle = real(file, mode);
    if (handle && state && !module_begin && file && strstr(file, "/gdal_FISHNET.so")) {
        busy = true;
        dl_iterate_phdr(find_module, NULL);
        watch_for_death(); /* a library may have taken the signals */
        busy = false;
        all_ours = in_worker;
    }
    return handle;
}

/* ---- memory: no REAL() here, which takes some ---- */

EXPORT void *malloc(size_t size)
{
    if (fails(MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
    if (fails(MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(n, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    if (size > 0 && fails(MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(old, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    if (fails(MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_memalign(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

EXPORT int posix_memalign(void **to, size_t alignment, size_t size)
{
    void *memory = memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *to = memory;
    return 0;
}

/* ---- reading ---- */

#define IO_ERROR_SEEN 0x0020 /* of glibc's FILE: what ferror() tells */

WRAP(READ, ssize_t, read, (int file, void *to, size_t size), (file, to, size), -1, EIO)
WRAP(READ, ssize_t, readv, (int file, const struct iovec *to, int n), (file, to, n), -1, EIO)
WRAP(READ, ssize_t, pread, (int file, void *to, size_t size, off_t at), (file, to, size, at), -1, EIO)
WRAP(READ, ssize_t, pread64, (int file, void *to, size_t size, off64_t at), (file, to, size, at), -1, EIO)

EXPORT size_t fread(void *to, size_t size, size_t n, FILE *file)
{
    REAL(fread)
    if (!fails(READ))
        return real(to, size, n, file);
    file->_flags |= IO_ERROR_SEEN;
    errno = EIO;
    return 0;
}

EXPORT char *fgets(char *to, int size, FILE *file)
{
    REAL(fgets)
    if (!fails(READ))
        return real(to, size, file);
    file->_flags |= IO_ERROR_SEEN;
    errno = EIO;
    return NULL;
}

/* ---- writing: not what a program prints ---- */

static bool is_printed(int file)
{
    return file == STDOUT_FILENO || file == STDERR_FILENO;
}

#define WRAP_WRITE(name, parameters, arguments)                                                                        \
    EXPORT ssize_t name parameters                                                                                     \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        if (!is_printed(file) && fails(WRITE)) {                                                                       \
            errno = ENOSPC;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        return real arguments;                                                                                         \
    }
WRAP_WRITE(write, (int file, const void *from, size_t size), (file, from, size))
WRAP_WRITE(writev, (int file, const struct iovec *from, int n), (file, from, n))
WRAP_WRITE(pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at))
WRAP_WRITE(pwrite64, (int file, const void *from, size_t size, off64_t at), (file, from, size, at))

static bool write_fails(FILE *file)
{
    if (file == stdout || file == stderr || !fails(WRITE))
        return false;
    file->_flags |= IO_ERROR_SEEN;
    errno = ENOSPC;
    return true;
}

EXPORT size_t fwrite(const void *from, size_t size, size_t n, FILE *file)
{
    REAL(fwrite)
    return write_fails(file) ? 0 : real(from, size, n, file);
}

EXPORT int fputs(const char *text, FILE *file)
{
    REAL(fputs)
    return write_fails(file) ? EOF : real(text, file);
}

EXPORT int fputc(int c, FILE *file)
{
    REAL(fputc)
    return write_fails(file) ? EOF : real(c, file);
}

EXPORT int vfprintf(FILE *file, const char *format, va_list arguments)
{
    REAL(vfprintf)
    return write_fails(file) ? -1 : real(file, format, arguments);
}

EXPORT int fprintf(FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int written = vfprintf(file, format, arguments);
    va_end(arguments);
    return written;
}

/* What a FILE holds back is written here, and may find the disk full; then it is lost. */
EXPORT int fflush(FILE *file)
{
    REAL(fflush)
    if (!file || __fpending(file) == 0 || !write_fails(file))
        return real(file);
    __fpurge(file);
    return EOF;
}

EXPORT int fclose(FILE *file)
{
    REAL(fclose)
    if (__fpending(file) == 0 || !write_fails(file))
        return real(file);
    __fpurge(file);
    real(file);
    errno = ENOSPC;
    return EOF;
}

EXPORT int fseek(FILE *file, long offset, int whence)
{
    REAL(fseek)
    return __fpending(file) > 0 && write_fails(file) ? -1 : real(file, offset, whence);
}

EXPORT int fseeko64(FILE *file, off64_t offset, int whence)
{
    REAL(fseeko64)
    return __fpending(file) > 0 && write_fails(file) ? -1 : real(file, offset, whence);
}

/* ---- opening ---- */

static bool open_fails(const char *path)
{
    if (from_name && strstr(path, from_name))
        file_opened = true;
    return fails(OPEN);
}

#define WRAP_OPEN(name, parameters, arguments)                                                                         \
    EXPORT int name parameters                                                                                         \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                \
        va_end(rest);                                                                                                  \
        if (open_fails(path)) {                                                                                        \
            errno = EMFILE;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        return real arguments;                                                                                         \
    }
WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))
WRAP_OPEN(openat64, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))

#define WRAP_FOPEN(name)                                                                                               \
    EXPORT FILE *name(const char *path, const char *mode)                                                              \
    {                                                                                                                  \
        REAL(name)                                                                                                     \
        if (open_fails(path)) {                                                                                        \
            errno = EMFILE;                                                                                            \
            return NULL;                                                                                               \
        }                                                                                                              \
        return real(path, mode);                                                                                       \
    }
WRAP_FOPEN(fopen)
WRAP_FOPEN(fopen64)
WRAP(OPEN, int, creat, (const char *path, mode_t mode), (path, mode), -1, EMFILE)
WRAP(OPEN, int, creat64, (const char *path, mode_t mode), (path, mode), -1, EMFILE)
WRAP(OPEN, int, mkstemp, (char *path), (path), -1, EMFILE)
WRAP(OPEN, FILE *, fdopen, (int file, const char *mode), (file, mode), NULL, ENOMEM)

WRAP(LIST, DIR *, opendir, (const char *path), (path), NULL, EMFILE)
WRAP(LIST, DIR *, fdopendir, (int file), (file), NULL, EMFILE)
WRAP(LIST, struct dirent *, readdir, (DIR * folder), (folder), NULL, EIO)
WRAP(LIST, struct dirent64 *, readdir64, (DIR * folder), (folder), NULL, EIO)

/* ---- names ---- */

WRAP(NAMES, int, rename, (const char *from, const char *to), (from, to), -1, ENOSPC)
WRAP(NAMES, int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), -1, ENOSPC)
WRAP(NAMES, int, renameat2, (int a, const char *from, int b, const char *to, unsigned int f), (a, from, b, to, f), -1,
     ENOSPC)
WRAP(NAMES, int, link, (const char *from, const char *to), (from, to), -1, ENOSPC)
WRAP(NAMES, int, linkat, (int a, const char *from, int b, const char *to, int f), (a, from, b, to, f), -1, ENOSPC)
WRAP(NAMES, int, symlink, (const char *from, const char *to), (from, to), -1, ENOSPC)
WRAP(NAMES, int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
WRAP(NAMES, int, unlink, (const char *path), (path), -1, EIO)
WRAP(NAMES, int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), -1, EIO)
WRAP(NAMES, int, rmdir, (const char *path), (path), -1, EIO)
WRAP(NAMES, int, remove, (const char *path), (path), -1, EIO)

/* ---- memory that is shared, and files that grow ---- */

WRAP(MAP, void *, mmap, (void *at, size_t size, int protection, int flags, int file, off_t offset),
     (at, size, protection, flags, file, offset), MAP_FAILED, ENOMEM)
WRAP(MAP, void *, mmap64, (void *at, size_t size, int protection, int flags, int file, off64_t offset),
     (at, size, protection, flags, file, offset), MAP_FAILED, ENOMEM)
WRAP(MAP, int, ftruncate, (int file, off_t size), (file, size), -1, ENOSPC)
WRAP(MAP, int, ftruncate64, (int file, off64_t size), (file, size), -1, ENOSPC)
WRAP(MAP, int, posix_fallocate, (int file, off_t at, off_t size), (file, at, size), ENOSPC, ENOSPC)
WRAP(MAP, int, memfd_create, (const char *name, unsigned int flags), (name, flags), -1, EMFILE)

/* ---- threads and processes ---- */

typedef struct thread_start {
    void *(*run)(void *);
    void *argument;
} thread_start;

static void *run_ours(void *argument)
{
    const thread_start start = *(thread_start *)argument;
    sigset_t set;
    set_of_deadly(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* else the system ends the process, and nobody sees where */
    give_stack_for_death();
    thread_ours = true;
    free(argument);
    return start.run(start.argument);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    REAL(pthread_create)
    if (fails(THREAD))
        return EAGAIN;
    bool ours = false;
    if (module_begin && !busy) {
        trace t;
        busy = true;
        ours = is_ours(&t);
        busy = false;
    }
    thread_start *start = ours ? __libc_malloc(sizeof *start) : NULL;
    if (!start)
        return real(thread, attributes, run, argument);
    *start = (thread_start){run, argument};
    const int failed = real(thread, attributes, run_ours, start);
    if (failed)
        free(start);
    return failed;
}

WRAP(PROCESS, pid_t, fork, (void), (), -1, EAGAIN)
WRAP(PROCESS, int, posix_spawn,
     (pid_t * process, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const *arguments, char *const *environment),
     (process, path, actions, attributes, arguments, environment), EAGAIN, EAGAIN)
WRAP(PROCESS, int, socketpair, (int domain, int type, int protocol, int to[2]), (domain, type, protocol, to), -1,
     EMFILE)
WRAP(SOCKET, ssize_t, sendmsg, (int socket, const struct msghdr *message, int flags), (socket, message, flags), -1,
     ENOBUFS)
WRAP(SOCKET, ssize_t, recvmsg, (int socket, struct msghdr *message, int flags), (socket, message, flags), -1, ENOMEM)

/* ---- closing: it is closed all the same, as Linux has it ---- */

EXPORT int close(int file)
{
    REAL(close)
    const int failed = real(file);
    if (failed || !fails(CLOSE))
        return failed;
    errno = EIO;
    return -1;
}

WRAP(CLOSE, int, fsync, (int file), (file), -1, EIO)
WRAP(CLOSE, int, fdatasync, (int file), (file), -1, EIO)
