/* The two halves of sites_x86_64: calls that name their slot, and calls through registers. */
#ifndef GILSCOPE_PROBES_SITES_X86_64_H
#define GILSCOPE_PROBES_SITES_X86_64_H

#include "probes/sites_arch.h"

int x86_64_register_calls(
	const struct code *function, const struct call *loads, size_t count, struct calls *calls);

#endif
