/* Live processes → run file: the whole of a recording behind one call. Prints nothing. */
#ifndef GILSCOPE_PROBES_RECORD_H
#define GILSCOPE_PROBES_RECORD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum tier { TIER_AUTO = 0, TIER_CONTENTION = 1, TIER_EXACT = 2, TIER_SAMPLE = 3 };

const char *tier_name(enum tier tier);                 /* static */
int tier_parse(const char *name, enum tier *ret_tier); /* 0 or -EINVAL */

/* What a person may be told while recording. */
struct record_progress {
	uint64_t elapsed_ns;
	int processes, threads; /* being measured now */
	const char *what; /* "python3.11 (pid 4242): lock found, table 3.11" on a change; else NULL.
			     borrowed */
};
typedef void record_listener(const struct record_progress *progress, void *context);

struct record_options {
	const pid_t *pids; /* these and their descendants … */
	size_t pid_count;
	char *const *command; /* … or a command to start (NULL-terminated); NULL: none */
	const char *path; /* of the run file */
	enum tier tier;
	double budget_share; /* TIER_AUTO: of one core */
	uint64_t duration_ns; /* 0: until the targets end or *stop */
	bool with_arguments; /* store the targets' command lines */
	const volatile sig_atomic_t
		*stop; /* set by a signal handler; checked at least every 100 ms */
	record_listener *listen; /* may be NULL */
	void *context;
};

struct record_summary {
	uint64_t duration_ns;
	enum tier tier; /* the one used */
	int processes, threads; /* seen in all */
	int command_status; /* of waitpid(); -1: no command, or it still runs */
};

/* Returns when the time is over, every target has ended, or *stop is set; the run file is complete
 * then. With a command: starts it with this process's standard streams; it is measured from its
 * first instruction and left running when the recording ends first, unless *stop was set by a
 * signal that it got too. Refusals name the remedy: -ESRCH no such process; -ENOENT no interpreter
 * there; -EPERM a right is missing; -EOPNOTSUPP the kernel lacks something. On a refusal nothing is
 * left behind: no run file, no probe. A target is never harmed. */
int record(
	const struct record_options *options, struct record_summary *ret_summary, struct err *err);

#endif
