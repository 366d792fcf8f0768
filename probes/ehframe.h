/* .eh_frame → where functions begin and end; stripped files keep it. */
#ifndef GILSCOPE_PROBES_EHFRAME_H
#define GILSCOPE_PROBES_EHFRAME_H

#include <stdint.h>

#include "probes/elffile.h"

struct ehframe_range {
	uint64_t start, end; /* ELF virtual addresses; end is not part of it */
};

struct ehframe {
	vec(struct ehframe_range) list; /* sorted by start */
};

/* -ENOENT: the file has none (or none that can be read). Damaged entries end the list. */
int ehframe_load(const struct elf_file *elf, struct ehframe *ret_ehframe);
void ehframe_fini(struct ehframe *ehframe);

/* NULL: no function covers this address. borrowed */
const struct ehframe_range *ehframe_find(const struct ehframe *ehframe, uint64_t address);

#endif
