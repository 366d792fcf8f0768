/* Which translation units there are, and how to compile each: compile_commands.json → units. */
#ifndef GILSCOPE_ANALYZER_COMPDB_H
#define GILSCOPE_ANALYZER_COMPDB_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/arena.h"
#include "runtime/base/vec.h"

struct err;

struct unit {
	const char *directory; /* absolute; the command's working directory */
	const char *file; /* absolute, normalised */
	const char
		*output; /* what the build writes; "" when unknown. Tells twins of one file apart */
	const char *const
		*args; /* NULL-terminated, only what clang needs (no compiler, -c, -o, file) */
	bool is_cxx;
};

struct units {
	struct arena *arena; /* owned */
	vec(struct unit) list; /* sorted by file, then output; without duplicates */
};

/* `path` is a compile_commands.json or a folder that holds one. Arguments are filtered by the
 * allow-list of flags.tsv and @files expanded. An entry that cannot be used is skipped and counted
 * in `ret_skipped`. Reads hostile input. */
int compdb_load(const char *path, struct units *ret_units, size_t *ret_skipped, struct err *err);
void units_fini(struct units *units);

/* Keeps the units under any of the `count` paths (files or folders). */
void units_filter(struct units *units, const char *const *paths, size_t count);

#endif
