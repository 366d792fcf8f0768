/* pid → everything that is known of its interpreter from outside, in one look; for doctor. */
#ifndef GILSCOPE_PROBES_INSPECT_H
#define GILSCOPE_PROBES_INSPECT_H

#include "probes/layout.h"
#include "probes/pycode.h"
#include "probes/sites.h"
#include "probes/target.h"

#define INSPECT_FRAMES_MAX 64
#define INSPECT_THREADS_MAX 1024

struct inspect_thread {
	uint64_t tstate;
	int64_t native_id; /* in the target's own namespace; 0: this version does not keep it */
	bool is_holder; /* at the time of the look */
	int lost_frames; /* could not be read */
	vec(struct run_frame) frames; /* innermost first; strings borrowed from the inspection */
};

/* Filled as far as it went. */
struct inspection {
	struct target target;
	struct layout layout;
	uint64_t lock_address;
	const char *how; /* NULL: the lock was not found. static */
	struct layout_lock lock;
	struct sites sites;
	vec(struct inspect_thread) threads;
	struct pycode *pycode; /* owned */
};

/* 0, or what stopped it (as target_open, layout_find and sites_find say it), in which case
 * `ret_inspection` holds what was found before. */
int inspect(pid_t pid, struct inspection *ret_inspection, struct err *err);
void inspection_fini(struct inspection *inspection);

#endif
