/* Signals → a number to look at. */
#include "analyzer/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

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
