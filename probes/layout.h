/* Where things are inside the interpreter: a row of layouts.tsv or what the process itself
 * publishes (_Py_DebugOffsets, 3.13+), always validated against the live process. */
#ifndef GILSCOPE_PROBES_LAYOUT_H
#define GILSCOPE_PROBES_LAYOUT_H

#include <stdint.h>

#include "probes/layout_offsets.h"
#include "probes/target.h"

/* The layout of this target and the address of the main interpreter's lock. `ret_how` ("table
 * 3.11", "debug offsets", "scan") is static text. Refuses with one sentence what cannot be
 * validated (interval, locked, last_holder leads back to an interpreter of this runtime). */
int layout_find(const struct target *target, struct layout *ret_layout, uint64_t *ret_lock_address,
	const char **ret_how, struct err *err);

#endif
