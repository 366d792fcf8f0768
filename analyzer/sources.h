/* Which units to check: what -p and PATH… mean. */
#ifndef GILSCOPE_ANALYZER_SOURCES_H
#define GILSCOPE_ANALYZER_SOURCES_H

#include <stdbool.h>

#include "analyzer/compdb.h"

struct err;

struct sources_request {
	const char *database; /* -p; NULL: the nearest at or above the first path */
	const char *const *paths;
	size_t count;
};

/* Fills `units` (initialised). `ret_loose`: there is no database, and the paths are single files,
 * compiled with the interpreter's include folders. Errors say what to do. */
int sources_find(const struct sources_request *request, struct units *units, bool *ret_loose,
	struct err *err);

#endif
