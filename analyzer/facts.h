/* What is known of values at one point of one path: which value another one is, what memory holds,
 * and ranges. Exact enough that `if (threads) save = …; … if (save) …` takes the right branch. */
#ifndef GILSCOPE_ANALYZER_FACTS_H
#define GILSCOPE_ANALYZER_FACTS_H

#include "analyzer/body.h"

#define FACTS_MAX 40 /* a path that knows more forgets the newest */

/* Signed bounds, both inclusive. Pointers are ranges too: NULL is [0, 0]. */
struct range {
	int64_t low, high;
	uint32_t function; /* it is this function of the program; or FN_NONE */
	bool is_nonzero;
	bool has_hole; /* … and it is not `hole` */
	int64_t hole;
};

#define RANGE_BETWEEN(bottom, top)                                                                 \
	((struct range){.low = (bottom), .high = (top), .function = FN_NONE})
#define RANGE_ANY RANGE_BETWEEN(INT64_MIN, INT64_MAX)
#define RANGE_ONE(number)                                                                          \
	((struct range){.low = (number),                                                           \
		.high = (number),                                                                  \
		.function = FN_NONE,                                                               \
		.is_nonzero = (number) != 0})
#define RANGE_NONZERO                                                                              \
	((struct range){                                                                           \
		.low = INT64_MIN, .high = INT64_MAX, .function = FN_NONE, .is_nonzero = true})

bool range_is_any(const struct range *range);
bool range_is_one(const struct range *range);
bool range_is_empty(const struct range *range);
bool range_is_zero(const struct range *range);
bool range_is_same(const struct range *a, const struct range *b);
bool range_is_disjoint(struct range a, struct range b);
struct range range_except(int64_t number); /* everything else */
struct range range_meet(struct range a, struct range b); /* both hold */
struct range range_hull(struct range a, struct range b); /* one of them holds */

enum fact_kind {
	FACT_IS = 1, /* value `key` is value `value` */
	FACT_RANGE = 2, /* value `key` lies in `range` */
	FACT_HOLDS = 3, /* memory at `key` + `offset` holds `value`, or something in `range` */
	FACT_INITIAL = 4, /* `value`, or something in `range`, is what memory at argument `key` +
			     `offset` held at entry */
};

struct fact {
	uint32_t kind, key;
	int64_t offset;
	uint32_t value; /* OUTLINE_NONE: only the range is known */
	uint32_t type; /* of the field */
	struct range range;
};

/* Fields that something writes, as a Bloom set: wrong only on the side of too many. */
struct field_set {
	uint64_t bits[4];
};

static inline void field_set_add(struct field_set *set, uint32_t hash)
{
	set->bits[hash >> 6 & 3] |= 1ULL << (hash & 63);
}

static inline bool field_set_has(const struct field_set *set, uint32_t hash)
{
	return set->bits[hash >> 6 & 3] >> (hash & 63) & 1;
}

static inline void field_set_unite(struct field_set *set, const struct field_set *other)
{
	for (int i = 0; i < 4; i++)
		set->bits[i] |= other->bits[i];
}

struct facts {
	uint32_t count;
	struct field_set dirty; /* may have been written since the function was entered */
	struct fact at[FACTS_MAX]; /* sorted by kind, key, offset */
};

/* What `value` may be here. */
struct range facts_range(const struct body *body, const struct facts *facts, uint32_t value);
/* The value that `value` is known to be, itself in the end. */
uint32_t facts_same(const struct body *body, const struct facts *facts, uint32_t value);

/* false: that cannot be, the path does not exist. */
bool facts_learn(const struct body *body, struct facts *facts, uint32_t value, struct range range);
bool facts_assume(const struct body *body, struct facts *facts, uint32_t condition, bool is_true);

/* The part of `a && b` or `a || b` that decides what the other may be; OUTLINE_NONE: none is open.
 */
uint32_t facts_pivot(const struct body *body, const struct facts *facts, uint32_t condition);

/* The same for a value that is new here: kept even if nothing seems to look at it again. */
void facts_tell(const struct body *body, struct facts *facts, uint32_t value, struct range range);

/* Has a call of `callee` just returned 0? Forgetting it makes that "just" true once. */
bool facts_was_zero(const struct body *body, const struct facts *facts, const char *callee);
void facts_forget_result(const struct body *body, struct facts *facts, const char *callee);

/* `value` gets a new value (the second time round a loop): forget what the old one was. */
void facts_define(const struct body *body, struct facts *facts, uint32_t value);

void facts_load(const struct body *body, struct facts *facts, uint32_t load);
void facts_store(const struct body *body, struct facts *facts, uint32_t address, uint32_t value);
/* From block to block: the phis of `to` get their values. Both from 0. */
void facts_edge(const struct body *body, struct facts *facts, uint32_t from, uint32_t to);

/* Memory beyond a call: what the callee writes, or NULL for a function without a body, which is
 * trusted to leave alone everything but the locals whose address it gets. */
void facts_call(const struct body *body, struct facts *facts,
	const struct outline_instruction *call, const struct field_set *written);
struct range facts_memory(const struct body *body, const struct facts *facts, struct place place);
void facts_set_memory(const struct body *body, struct facts *facts, struct place place,
	const struct range *range);
bool facts_learn_memory(
	const struct body *body, struct facts *facts, struct place place, struct range range);

/* Keeps in `into` what holds in both. Returns whether `into` changed. */
bool facts_join(const struct body *body, struct facts *into, const struct facts *other);
bool facts_are_equal(const struct facts *a, const struct facts *b);

#endif
