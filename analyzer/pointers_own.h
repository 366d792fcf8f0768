/* Between the files of pointers: nobody else includes this. */
#ifndef GILSCOPE_ANALYZER_POINTERS_OWN_H
#define GILSCOPE_ANALYZER_POINTERS_OWN_H

#include "analyzer/program.h"

#define DEPTH_MAX 16 /* steps back from the call */

/* Something that is put into a place: function `value` itself when `fn` is FN_NONE, otherwise a
 * value of `fn`. */
struct source {
	uint64_t place;
	uint32_t fn, value;
};

struct answer {
	uint64_t question; /* key: function and value */
	struct candidates candidates;
	UT_hash_handle hh;
};

struct pointer_index {
	vec(struct source) sources; /* sorted by place */
	struct answer *answers;
};

/* Up to two places that the address names, most exact first; 0: not understood. */
void pointers_places(
	const struct program *program, uint32_t unit, uint32_t address, uint64_t ret[2]);

#endif
