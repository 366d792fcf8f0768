/* One function prepared for walking: block order, which phis each block has, equal constants under
 * one id, and which values are looked at often enough to be worth remembering. */
#ifndef GILSCOPE_ANALYZER_BODY_H
#define GILSCOPE_ANALYZER_BODY_H

#include "analyzer/program.h"

struct body {
	struct program *program; /* borrowed */
	uint32_t fn, unit;
	const struct outline *outline;
	const struct outline_function *def;
	uint32_t *canon; /* by value - value_first */
	uint16_t *uses; /* of the canonical value: comparisons, phis, arguments … */
	uint32_t *order; /* reachable blocks in reverse postorder, from 0 */
	uint32_t order_count;
	uint32_t *rank; /* block → place in `order`; OUTLINE_NONE: unreachable */
	uint32_t *pred_count;
	uint32_t *phi_first; /* block → first in `phis`; one more than blocks */
	uint32_t *phis; /* value ids */
	uint8_t load_counts[256]; /* loads by hash of the place's type and offset */
};

/* Everything is taken from `arena`. 0 or -ENOMEM. */
int body_prepare(struct body *body, struct program *program, uint32_t fn, struct arena *arena);

static inline const struct outline_value *body_value(const struct body *body, uint32_t id)
{
	return &body->outline->values[id];
}

static inline uint32_t body_canon(const struct body *body, uint32_t id)
{
	return body->canon[id - body->def->value_first];
}

/* An address: a value that does not move, and an offset from it. */
struct place {
	uint32_t base; /* canonical value */
	uint32_t type; /* hash of the struct type that the field belongs to; 0: none */
	int64_t offset;
	bool is_known; /* false: an array element or something else that we do not follow */
};
struct place body_place(const struct body *body, uint32_t address);

/* Key of a field across functions and units: for what functions may have changed. */
static inline uint32_t place_hash(uint32_t type, int64_t offset)
{
	return (type ^ (uint32_t)offset * 2654435761u) * 2246822519u >> 8;
}

uint32_t type_hash(const char *type);

#endif
