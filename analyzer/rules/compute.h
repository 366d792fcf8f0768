/* What the rule compute-region asks: what a loop's blocks do, and what a size grows with. */
#ifndef GILSCOPE_ANALYZER_RULES_COMPUTE_H
#define GILSCOPE_ANALYZER_RULES_COMPUTE_H

#include "analyzer/draft.h"

/* Below this many bytes or rounds a release costs about what it gives. */
#define SIZE_FEW 8192

enum cost {
	COST_PYTHON = 1, /* needs the interpreter, may run Python, or nobody knows what it calls */
	COST_ACCESSOR = 2, /* reads fields of Python objects */
	COST_WAITS = 4, /* waits or takes a lock: another rule's matter */
	COST_MODEL = 8, /* calls a function whose model computes */
	COST_LOOP = 16, /* a loop of its own, or of a function that it calls */
	COST_UNKNOWN = 32, /* calls a library function that nothing is known of */
};

/* By function, and by loop of each unit: what happens in it and below. */
struct costs {
	uint8_t *of_function;
	uint8_t **of_loop; /* by unit; NULL where a unit has no loops */
};

int costs_find(struct costs *costs, struct reach *reach); /* 0 or -ENOMEM; all in the arena */
uint8_t cost_of_call(const struct costs *costs, const struct reach *reach, uint32_t fn,
	const struct outline_instruction *call);

/* In rising order of how sure it is that the input decides. */
enum size_kind {
	SIZE_SMALL = 0, /* a small constant, or known to stay below SIZE_FEW */
	SIZE_COUNT, /* how many Python objects there are: making them cost more */
	SIZE_UNKNOWN,
	SIZE_FIELD, /* a field of a struct */
	SIZE_NUMBER, /* a number that Python code passes */
	SIZE_INPUT, /* the length of a buffer, of bytes or of an array */
};

struct size {
	enum size_kind kind;
	const char *text; /* for people. static */
};

/* What `value` grows with: of the sighting's function, or of the caller at `context`. */
struct size size_here(const struct sighting *sighting, uint32_t value);
struct size size_in(struct reach *reach, uint32_t context, uint32_t value);

/* Does the loop use nothing but variables of this path, and read buffers whose export is held? */
bool loop_is_own(const struct sighting *sighting);

#endif
