#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC UINT32_C(0x46534e54) /* "FSNT" */
/* How often a receiver looks whether it is still wanted, in milliseconds. */
#define SLICE 50

bool fn_send(int socket, fn_message *message, const void *text, const void *notes, const void *data, int fd)
{
    message->magic = MAGIC;
    struct iovec blocks[] = {{message, sizeof *message},
                             {(void *)text, message->text_bytes},
                             {(void *)notes, message->notes_bytes},
                             {(void *)data, message->data_bytes}};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct msghdr header = {.msg_iov = blocks, .msg_iovlen = 4};
    if (fd >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    while (header.msg_iovlen > 0) {
        if (header.msg_iov->iov_len == 0) {
            header.msg_iov++;
            header.msg_iovlen--;
            continue;
        }
        const ssize_t n = sendmsg(socket, &header, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        header.msg_control = NULL;
        header.msg_controllen = 0;
        for (size_t left = (size_t)n; left > 0; header.msg_iov++, header.msg_iovlen--) {
            if (header.msg_iov->iov_len > left) {
                header.msg_iov->iov_base = (char *)header.msg_iov->iov_base + left;
                header.msg_iov->iov_len -= left;
                break;
            }
            left -= header.msg_iov->iov_len;
        }
    }
    return true;
}

/* Waits for bytes. Whole slices are counted, not the clock: a process that was stopped for an hour has not waited
 * for one. */
static fn_received wait_for_bytes(int socket, fn_patience *patience)
{
    struct pollfd p[2] = {{.fd = socket, .events = POLLIN}, {.fd = patience->process, .events = POLLIN}};
    const nfds_t watched = patience->process > 0 ? 2 : 1;
    const bool bounded = patience->seconds < __builtin_inf() || patience->cancel;
    for (;;) {
        if (patience->cancel && __atomic_load_n(patience->cancel, __ATOMIC_RELAXED))
            return FN_CANCELLED;
        const int n = poll(p, watched, bounded ? SLICE : -1);
        if (n > 0 && p[0].revents == 0) /* the last words may have come just now */
            return poll(p, 1, 0) > 0 ? FN_RECEIVED : FN_CLOSED;
        if (n > 0)
            return FN_RECEIVED;
        if (n < 0 && errno != EINTR)
            return FN_CLOSED;
        if (n == 0 && (patience->seconds -= SLICE * 1e-3) <= 0)
            return FN_TIMED_OUT;
    }
}

static fn_received receive(int socket, void *to, size_t bytes, int *fd, fn_patience patience)
{
    for (size_t got = 0; got < bytes;) {
        const fn_received r = wait_for_bytes(socket, &patience);
        if (r != FN_RECEIVED)
            return r;
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } control;
        struct iovec block = {(char *)to + got, bytes - got};
        struct msghdr header = {.msg_iov = &block, .msg_iovlen = 1};
        if (fd) {
            header.msg_control = control.bytes;
            header.msg_controllen = sizeof control.bytes;
        }
        const ssize_t n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FN_CLOSED;
        got += (size_t)n;
        struct cmsghdr *rights = fd ? CMSG_FIRSTHDR(&header) : NULL;
        if (rights && rights->cmsg_type == SCM_RIGHTS) {
            if (*fd >= 0)
                close(*fd);
            memcpy(fd, CMSG_DATA(rights), sizeof *fd);
        }
    }
    return FN_RECEIVED;
}

fn_received fn_receive(int socket, fn_message *message, int *fd, fn_patience patience)
{
    if (fd)
        *fd = -1;
    const fn_received r = receive(socket, message, sizeof *message, fd, patience);
    return r == FN_RECEIVED && message->magic != MAGIC ? FN_GARBAGE : r;
}

fn_received fn_receive_block(int socket, void *to, size_t bytes, fn_patience patience)
{
    return receive(socket, to, bytes, NULL, patience);
}
