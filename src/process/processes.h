/* What the host needs of the system for the processes that it starts: sockets, descriptors, how a process ended. */
#ifndef FN_PROCESSES_H
#define FN_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A pair that closes on exec, above those that the helper's file descriptors are put on. False: errno tells why not. */
bool fn_make_sockets(int sockets[2]);
/* Starts the helper, with this socket as FN_HELPER_SOCKET. 0, or an errno. */
int fn_spawn(char *const *command, int socket, pid_t *process);

/* A descriptor of a process that has not been waited for; 0: this system has none. */
int fn_open_process(pid_t process);
void fn_close_process(int *descriptor);

/* Whether the other side has nothing to say, as it should while nobody asks it anything, and its process (0: unknown)
 * has not ended. */
bool fn_is_quiet(int socket, int process);

/* "was killed by signal 11 (SIGSEGV)", of a status as waitpid() gives it. */
void fn_describe_end(int status, char *text, size_t size);

#endif
