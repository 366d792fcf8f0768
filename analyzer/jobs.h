/* Units → outlines, many at a time, in worker processes: a unit that breaks the reader or
 * eats memory takes nothing else with it. */
#ifndef GILSCOPE_ANALYZER_JOBS_H
#define GILSCOPE_ANALYZER_JOBS_H

#include "analyzer/compdb.h"

struct err;

enum job_state { JOB_FAILED = 0, JOB_DONE = 1 };

struct job {
	const struct unit *unit; /* borrowed */
	const char *outline; /* path; in the jobs' arena */
	enum job_state state;
	const char *why; /* of a failure */
};

struct jobs {
	struct arena *arena; /* owned */
	vec(struct job) list; /* in the order of the units */
};

/* Called whenever a unit is done. */
typedef void jobs_progress(size_t done, size_t total, const char *file, void *context);

struct jobs_options {
	const char *folder; /* where the outlines go */
	size_t workers; /* 0: one a core */
	jobs_progress *progress; /* may be NULL */
	void *context;
};

/* Runs until all are done. -EINTR: interrupted (interrupt.h), the workers are gone. */
int jobs_run(const struct units *units, const struct jobs_options *options, struct jobs *ret_jobs,
	struct err *err);
void jobs_fini(struct jobs *jobs);

#endif
