/* The line tables of code objects: instruction → line. */
#ifndef GILSCOPE_PROBES_LINES_H
#define GILSCOPE_PROBES_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "probes/layout_offsets.h"

struct lines_table {
	enum layout_lines kind;
	const uint8_t *data; /* borrowed */
	size_t len;
	int first_line;
};

/* `offset`: of the instruction in its code, in bytes; a negative one is before the first. 0: the
 * instruction has no line, or the table does not reach it. -EFAULT: no line table. */
int lines_find(const struct lines_table *table, int64_t offset, int *ret_line);

#endif
