/* Signals → a number to look at. */
#include "analyzer/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
static volatile sig_atomic_t noted;

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

static void note(int number)
{
	noted = number;
}

void interrupt_catch(void)
{
	struct sigaction action = {.sa_handler = note}, old;

	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL); /* these numbers exist */
}

int interrupt_signal(void)
{
	return noted;
}

/* A terminal tells the whole group; kill(1) tells only us. The child may not have left our handler
 * behind yet when it is told: tell it again. The signals are let in during ppoll() only, so that
 * none falls between a look at `noted` and the wait. */
int interrupt_wait(pid_t pid, int *ret_status)
{
	static const struct timespec again = {.tv_nsec = 200000000};
	_close_ int fd = pidfd_open(pid, 0);
	struct pollfd child = {.fd = fd, .events = POLLIN};
	sigset_t ours, old;
	int rc;

	if (fd < 0)
		return -errno;
	sigemptyset(&ours);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(&ours, signals[i]);
	sigprocmask(SIG_BLOCK, &ours, &old);
	do {
		if (noted)
			(void)kill(pid, noted); /* gone already: the next wait sees it */
		rc = ppoll(&child, 1, noted ? &again : NULL, &old);
	} while (rc == 0 || (rc < 0 && errno == EINTR));
	rc = rc < 0 || waitpid(pid, ret_status, 0) < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

void interrupt_reset(void)
{
	struct sigaction old;

	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == note)
			(void)signal(signals[i], SIG_DFL); /* these numbers exist */
}

void interrupt_obey(void)
{
	int number = noted;

	if (!number)
		return;
	interrupt_reset();
	(void)kill(getpid(), number); /* ourselves: allowed */
}
