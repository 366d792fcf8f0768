/* The second file: what a caller cannot see is that this waits. It knows nothing of Python. */
#ifndef WAITING_H
#define WAITING_H

#include <stddef.h>
#include <sys/types.h>

/* The next answer on socket `fd`: its length, 0 at the end, -1 with errno. */
ssize_t waiting_answer(int fd, void *buffer, size_t size);

/* What is there now, without waiting; -1 with EAGAIN when there is nothing. */
ssize_t waiting_peek(int fd, void *buffer, size_t size);

#endif
