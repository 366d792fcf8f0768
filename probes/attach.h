/* The kernel half of a recording: loaded, attached, detached. */
#ifndef GILSCOPE_PROBES_ATTACH_H
#define GILSCOPE_PROBES_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "probes/events.h"
#include "probes/layout_offsets.h"
#include "probes/sites.h"
#include "runtime/base/vec.h"

struct err;
struct attach;

/* Maps by name; descriptors are borrowed. */
struct attach_maps {
	int processes, layouts, threads, tstates, natives, stacks, blame, activity, hists, counters,
		lives;
};

/* The probes of one process. */
struct attach_links {
	vec(int) fds; /* owned */
};

#define ATTACH_SAMPLE_PERIOD_NS 3700000ULL /* no multiple of the 5 ms that a thread is given */

/* Loads everything and attaches to the scheduler and the clock: from now on nothing of a process in
 * the maps is missed. Refusals as features_find(). */
int attach_open(struct attach **ret_attach, struct err *err);
void attach_close(struct attach *attach);
/* Stops all counting at one moment, which it returns, then takes everything off and leaves the
 * maps. */
uint64_t attach_stop(struct attach *attach);

const struct attach_maps *attach_maps(const struct attach *attach); /* borrowed */
void attach_set_corrections(struct attach *attach, uint64_t wait_ns, uint64_t hold_ns);

/* Probes the wait sites, and the signal sites too when `is_exact`, of the file at `path` in process
 * `pid` only. All or nothing. */
int attach_process(struct attach *attach, pid_t pid, const char *path, const struct sites *sites,
	bool is_exact, struct attach_links *ret_links);
void attach_links_fini(struct attach_links *links);

#endif
