/* Inside report: the source line under a finding. */
#ifndef GILSCOPE_REPORT_EXCERPT_H
#define GILSCOPE_REPORT_EXCERPT_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/str.h"
#include "runtime/base/vec.h"

/* The last file asked for stays in memory: findings come sorted by file. */
struct excerpt {
	char *file; /* owned; NULL: none yet */
	char *text; /* owned; NULL: that file cannot be shown */
	size_t len;
	vec(size_t) lines; /* offset of each line's first byte */
};

void excerpt_fini(struct excerpt *excerpt);

/* A line without its end; NULL when the file cannot be read or has no such line. borrowed */
const char *excerpt_line(struct excerpt *excerpt, const char *file, int line, size_t *ret_len);

/* What to show, and how wide. */
struct excerpt_place {
	const char *file;
	int line, column; /* column 0: no caret */
	int columns;
	const char *caret_colour, *plain_colour; /* escape sequences, or "" */
};

/* Appends "  412 | text\n      |   ^~~~\n"; nothing when the file cannot be read. */
int excerpt_add(struct excerpt *excerpt, const struct excerpt_place *place, struct str *out);

#endif
