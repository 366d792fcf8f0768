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

/* An entry that cannot be used. */
struct unit_skipped {
	const char *file;
	const char *why;
};

struct units {
	struct arena *arena; /* owned */
	vec(struct unit) list; /* sorted by file, then output; without duplicates */
	vec(struct unit_skipped) skipped;
};

int units_init(struct units *units);
void units_fini(struct units *units); /* half-built is fine */

/* Reads a compile_commands.json, or the one in folder `path`, into `units` (initialised).
 * Arguments are filtered by the allow-list of flags.tsv and @files expanded; entries that are not C
 * or C++ are left out silently. Reads hostile input: `err` names file and line. */
int compdb_load(const char *path, struct units *units, struct err *err);

/* The compile_commands.json in `folder`, its build/ or the nearest folder above. 0, -ENOENT, or
 * -ENOMEM. owned by the caller */
int compdb_find(const char *folder, char **ret_path);

/* Keeps the units under any of the `count` paths (files or folders; absolute, normalised). */
void units_filter(struct units *units, const char *const *paths, size_t count);

/* Sorts and removes duplicates; compdb_load() has done it. */
void units_sort(struct units *units);

#endif
