/* Where things are inside the interpreter: a row of layouts.tsv or what the process itself
 * publishes (_Py_DebugOffsets, 3.13+), always validated against the live process. */
#ifndef GILSCOPE_PROBES_LAYOUT_H
#define GILSCOPE_PROBES_LAYOUT_H

#include <stdint.h>

#include "probes/layout_offsets.h"
#include "probes/target.h"

/* What the lock of a live process is. */
struct layout_lock {
	uint64_t interval_us, last_holder, switch_number;
	int locked; /* 0 or 1; -1: not created yet */
	bool is_enabled; /* false: a free-threaded build that runs without it */
};

/* The layout of this target and the address of the main interpreter's lock. `ret_how` ("table
 * 3.11", "debug offsets", "scan") is static text. Refuses with one sentence what cannot be
 * validated (interval, locked, last_holder leads back to an interpreter of this runtime):
 * -EPROTO. -ENOENT: the interpreter has not created its lock yet, try again. -EOPNOTSUPP: a version
 * or machine that no row describes. */
int layout_find(const struct target *target, struct layout *ret_layout, uint64_t *ret_lock_address,
	const char **ret_how, struct err *err);

int layout_lock_read(const struct target *target, const struct layout *layout,
	uint64_t lock_address, struct layout_lock *ret_lock);

/* The main interpreter's address: its threads start at interp_threads_head. */
int layout_main_interpreter(
	const struct target *target, const struct layout *layout, uint64_t *ret_interpreter);

/* The lock of one interpreter; all share the runtime's before 3.12. Not proved: what it points to
 * may be anything. 0: it has none yet. */
int layout_interpreter_lock(const struct target *target, uint64_t interpreter, uint64_t *ret_lock);

#endif
