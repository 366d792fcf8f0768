/* socket → the next answer on it. Two calls deep it waits; defects.c calls it with the lock held,
 * repaired.c with the lock released. */
#include "waiting.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static int until_readable(int fd)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&entry, 1, -1); /* seeded: blocking-call poll by ask */
	while (ready < 0 && errno == EINTR);
	return ready;
}

ssize_t waiting_answer(int fd, void *buffer, size_t size)
{
	if (until_readable(fd) < 0)
		return -1;
	return recv(fd, buffer, size, MSG_DONTWAIT);
}

ssize_t waiting_peek(int fd, void *buffer, size_t size)
{
	return recv(fd, buffer, size, MSG_DONTWAIT | MSG_PEEK);
}
