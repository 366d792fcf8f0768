/* Inside suppress: one file's comments. */
#ifndef GILSCOPE_ANALYZER_SUPPRESS_OWN_H
#define GILSCOPE_ANALYZER_SUPPRESS_OWN_H

#include "analyzer/suppress.h"
#include "runtime/base/map.h"

struct suppress_file {
	const char *name; /* key */
	vec(struct suppression) list;
	UT_hash_handle hh;
};

int suppress_note_add(struct suppressions *suppressions, const char *file, int line,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Text → the list of `file`. */
int suppress_parse(struct suppressions *suppressions, struct suppress_file *file, const char *text,
	size_t len);

#endif
