/* check.h - what all unit tests share: checks that survive NDEBUG, seeded random numbers, a watchdog.
 *
 * EXPECT(condition, format, ...) notes a failure and goes on, so that one run shows the whole table; any thread.
 * REQUIRE(condition, format, ...) ends the test at once; main thread only.
 * A program is a list of UNIT(function) handed to check_main().
 */
#ifndef FISHNET_TEST_CHECK_H
#define FISHNET_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define CHECK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECK_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define CHECK_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHECK_TSAN 1
#endif
#endif
#ifndef CHECK_ASAN
#define CHECK_ASAN 0
#endif
#ifndef CHECK_TSAN
#define CHECK_TSAN 0
#endif
#define CHECK_SANITIZED (CHECK_ASAN || CHECK_TSAN)

#define CHECK_SHOWN 40 /* failures of one test that are printed in full */

static atomic_int check_failures;

__attribute__((format(printf, 4, 5), unused)) static void check_note(const char *file, int line, const char *what,
                                                                    const char *format, ...)
{
    if (atomic_fetch_add(&check_failures, 1) >= CHECK_SHOWN)
        return;
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "%s:%d: expected %s: %s\n", file, line, what, text);
}

#define EXPECT(condition, ...) ((condition) ? (void)0 : check_note(__FILE__, __LINE__, #condition, __VA_ARGS__))

#define REQUIRE(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            check_note(__FILE__, __LINE__, #condition, __VA_ARGS__);                                                   \
            fail();                                                                                                    \
            abort(); /* for compilers: fail() does not return */                                                       \
        }                                                                                                              \
    } while (0)

typedef struct check_case {
    void (*run)(void);
} check_case;

__attribute__((unused)) static void check_run(void **state)
{
    atomic_store(&check_failures, 0);
    ((const check_case *)*state)->run();
    int failures = atomic_load(&check_failures);
    if (failures > 0)
        fail_msg("%d checks failed%s", failures, failures > CHECK_SHOWN ? " (not all are shown)" : "");
}

#define UNIT(function) {#function, check_run, NULL, NULL, &(check_case){function}}

/* splitmix64 (Vigna): any seed is a good one. */
typedef struct check_random {
    uint64_t state;
} check_random;

static uint64_t check_seed;

__attribute__((unused)) static uint64_t random_bits(check_random *r)
{
    uint64_t z = (r->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A whole number in [low, high]. */
__attribute__((unused)) static int64_t random_between(check_random *r, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    return (int64_t)((uint64_t)low + (span == 0 ? random_bits(r) : random_bits(r) % span));
}

/* In [low, high). */
__attribute__((unused)) static double random_uniform(check_random *r, double low, double high)
{
    return low + (high - low) * ((double)(random_bits(r) >> 11) * 0x1p-53);
}

/* Each test its own stream, so that it does not matter which ones run before. */
__attribute__((unused)) static check_random random_for(const char *test)
{
    check_random r = {check_seed};
    for (; *test != '\0'; test++)
        r.state = r.state * 1099511628211u + (unsigned char)*test;
    random_bits(&r);
    return r;
}

__attribute__((unused)) static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of this thread: it does not go on while others use the processor. */
__attribute__((unused)) static double cpu_seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* As long as that on an idle machine; longer by what its processors are asked for beyond what they can do. */
__attribute__((unused)) static double patience(double seconds)
{
    double load = 0, now = 0; /* of the last minute, and now */
    FILE *file = fopen("/proc/loadavg", "r");
    if (file) {
        if (fscanf(file, "%lf %*f %*f %lf", &load, &now) != 2)
            load = 0;
        fclose(file);
    }
    const double wanted = (load > now ? load : now) / (double)sysconf(_SC_NPROCESSORS_ONLN);
    return seconds * (CHECK_SANITIZED ? 3 : 1) * (wanted > 1 ? wanted : 1);
}

__attribute__((unused)) static void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

__attribute__((unused)) static bool is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != 0) {
        int more = *s < 0x80 ? 0 : (*s & 0xE0) == 0xC0 ? 1 : (*s & 0xF0) == 0xE0 ? 2 : (*s & 0xF8) == 0xF0 ? 3 : -1;
        if (more < 0)
            return false;
        for (s++; more > 0; more--, s++)
            if ((*s & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/* The promises that hold for every error text. */
#define EXPECT_ERROR_TEXT(err, ...)                                                                                    \
    do {                                                                                                               \
        size_t length_ = strnlen((err).text, sizeof(err).text);                                                        \
        EXPECT(length_ > 0 && length_ < sizeof(err).text, __VA_ARGS__);                                                \
        EXPECT(length_ == 0 || (err).text[length_ - 1] != '\n', __VA_ARGS__);                                          \
        EXPECT(is_utf8((err).text), __VA_ARGS__);                                                                      \
    } while (0)

/* Prints the seed, arms a watchdog (a hang becomes a failure) and runs the tests. */
#define check_main(tests) check_start(), cmocka_run_group_tests(tests, NULL, NULL)

__attribute__((unused)) static void check_start(void)
{
    const char *seed = getenv("FISHNET_SEED");
    check_seed = seed != NULL ? strtoull(seed, NULL, 0)
                              : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    printf("FISHNET_SEED=%llu\n", (unsigned long long)check_seed);
    fflush(stdout);
    alarm((unsigned)patience(240));
}

/* Skips the running test and says why: a reason about the machine or the build. */
#define SKIP(reason)                                                                                                   \
    do {                                                                                                               \
        printf("skipped: %s\n", reason);                                                                               \
        skip();                                                                                                        \
    } while (0)

#endif
