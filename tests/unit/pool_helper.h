/* The job that test_pool.c and its helper program have in common: what a task gives, and how it goes wrong. */
#ifndef FISHNET_TEST_POOL_HELPER_H
#define FISHNET_TEST_POOL_HELPER_H

#include <stdint.h>
#include <stdio.h>

/* What a task does before it is right. */
enum trouble {
    NO_TROUBLE,
    SEGMENT,
    ABORT,
    EXIT,
    KILL,
    HANG,        /* for ever, deaf to everything */
    WAIT,        /* until it is cancelled */
    STOP,        /* SIGSTOP to itself */
    RANDOM,      /* random bytes into its socket */
    LENGTHS,     /* a right header with lengths that are not */
    HALF,        /* half a header, then death */
    HUGE_PART,   /* a part, and a wish for all addresses there are */
    GREED,       /* memory without end, where there is a limit */
    HOLDER,      /* a child that holds the socket, then death */
    CLOSED,      /* its socket closed, and on it goes */
    FAIL,        /* FN_ERR_READ */
    FAIL_FINAL,  /* FN_ERR_VALUE: trying again is no use */
    NO_HELPER,   /* kills its helper */
    STOP_HELPER, /* SIGSTOP to its helper, then death */
    TROUBLES
};

/* How the job is prepared. */
enum preparation {
    QUICK,
    FAILS,
    CRASHES,
    LONG,       /* 20 s, without a word */
    ALIVE,      /* 3 s, and says that it is alive */
    SILENT,     /* for ever */
    NONSENSE,   /* random bytes to the host */
    HALF_WAY,   /* half an answer, then nothing */
    GREAT_WORDS /* an answer of a gigabyte is announced */
};

/* Plain bytes, which the host sends to the helper. */
typedef struct setup {
    int32_t trouble;
    int32_t times;        /* attempts at a task that go wrong; -1: all */
    int64_t first, every; /* the tasks that go wrong: first, first + every... every 0: that one alone */
    int32_t parts;        /* of a task; 0: a result as a whole */
    int32_t before;       /* parts that are handed over before it goes wrong */
    int32_t bytes;        /* of a part */
    int32_t prepare;      /* enum preparation */
    int32_t notes;        /* a note with each task */
    char counts[256];     /* a file with a byte for each task: attempts */
    char secret[32];
} setup;

static inline unsigned char byte_of(int64_t task, int part, size_t i)
{
    return (unsigned char)((uint64_t)task * 131 + (uint64_t)part * 31 + i * 7 + (i >> 8));
}

static inline int goes_wrong(const setup *s, int64_t task)
{
    return s->trouble != NO_TROUBLE && task >= s->first &&
           (s->every > 0 ? (task - s->first) % s->every == 0 : task == s->first);
}

#endif
