/* Messages between the host, the helper and the workers, over stream sockets: a header of fixed size, then up to
 * three blocks of bytes. Both ends are the same build on the same machine. What arrives is checked all the same: a
 * worker may be out of its mind. */
#ifndef FN_WIRE_H
#define FN_WIRE_H

#include "fishnet/base.h"

typedef enum fn_message_kind {
    /* host to helper, and its answers */
    FN_MSG_SETUP = 1, /* text: the setup. Answer: status, text: the error; notes: the answer of prepare() */
    FN_MSG_FORK,      /* number: the worker; a socket comes along. Answer: process, or 0 and text */
    FN_MSG_REAP,      /* process; bytes: 1 to kill it first. Answer: bytes: its wait status */
    FN_MSG_ANSWER,
    FN_MSG_ALIVE, /* from the helper, while it prepares: it goes on */
    /* host to worker */
    FN_MSG_RUN,    /* number: the task; next: its variant; offset, bytes: its buffer */
    FN_MSG_BUFFER, /* the answer to FN_MSG_PART: offset, bytes, or status */
    /* worker to host */
    FN_MSG_PART, /* bytes: used; next: size of the buffer that is wanted; data */
    FN_MSG_END,  /* the task is the last one */
    FN_MSG_DONE  /* status; bytes: used; next: milliseconds of fn_job::rest; text: the error; notes; data */
} fn_message_kind;

/* Offset of a buffer that is not shared: its bytes travel as `data`. */
#define FN_NOT_SHARED UINT64_MAX
/* No buffer is larger. */
#define FN_BUFFER_MOST ((uint64_t)1 << 47)

typedef struct fn_message {
    uint32_t magic;
    uint32_t kind; /* fn_message_kind */
    int64_t number;
    int64_t process;
    uint64_t offset, bytes, next;
    uint32_t status; /* fn_status */
    uint32_t text_bytes;
    uint64_t notes_bytes, data_bytes;
} fn_message;

/* Why receiving ended. */
typedef enum fn_received { FN_RECEIVED, FN_CLOSED, FN_GARBAGE, FN_TIMED_OUT, FN_CANCELLED } fn_received;

/* How long a receiver waits. */
typedef struct fn_patience {
    double seconds;              /* INFINITY: for ever. Time in which this process was stopped does not count. */
    const volatile bool *cancel; /* NULL: none */
    int process; /* descriptor of the other side's process, or 0: its end is the end, whoever else has the socket */
} fn_patience;
#define FN_FOR_EVER ((fn_patience){.seconds = __builtin_inf()})

/* Sends a header and its blocks (their sizes are in the header). fd: a file descriptor to go along, or -1. False:
 * the other side is gone. */
bool fn_send(int socket, fn_message *message, const void *text, const void *notes, const void *data, int fd);
/* Receives a header. fd: where a file descriptor that comes along goes (-1: none came), or NULL. */
fn_received fn_receive(int socket, fn_message *message, int *fd, fn_patience patience);
/* Receives a block of that many bytes. */
fn_received fn_receive_block(int socket, void *to, size_t bytes, fn_patience patience);

#endif
