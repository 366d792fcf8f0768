/* What functions do to the lock, to memory and to control, bottom-up over the call graph. */
#ifndef GILSCOPE_ANALYZER_EFFECTS_H
#define GILSCOPE_ANALYZER_EFFECTS_H

#include "analyzer/facts.h"
#include "analyzer/lock.h"

#define EFFECTS_MAX 6 /* ways of leaving a function, for one state at entry */
#define EFFECT_FACTS_MAX 12 /* what is said of arguments, for one way */

/* Why something is less than certain. Stored with states, contexts and findings. */
enum doubt {
	DOUBT_INIT = 1, /* only reached while a module is imported */
	DOUBT_INDIRECT = 2, /* one of several functions that a pointer may be */
	DOUBT_CONDITION = 4, /* depends on a condition that could not be followed */
	DOUBT_ENTRY = 8, /* nobody in sight calls the function: its state is inferred */
	DOUBT_THROW = 16, /* only if a library function throws */
	DOUBT_POINTER =
		64, /* after a call whose target is not known: it may have changed the lock */
	DOUBT_LIMIT = 32, /* the function was too large to follow every path */
};

enum effect_fact_kind {
	EFFECT_ARGUMENT = 0, /* only when the argument lies in the range */
	EFFECT_BEFORE = 1, /* only when memory at argument + offset lies in the range */
	EFFECT_AFTER = 2, /* afterwards it does */
};

struct effect_fact {
	enum effect_fact_kind kind;
	uint32_t argument, type;
	int64_t offset;
	struct range range;
};

/* One way of leaving. */
struct effect {
	struct lock lock;
	bool is_unwind;
	uint8_t doubts;
	struct range result;
	uint32_t fact_count;
	struct effect_fact facts[EFFECT_FACTS_MAX];
};

struct effect_list {
	uint32_t count;
	struct effect *at; /* owned by the effects' arena */
};

struct fn_effects {
	bool touches_lock; /* itself or through a call */
	bool is_noreturn, may_throw;
	bool throws; /* may_throw, and not only because of library functions */
	bool is_recursive; /* part of a cycle of calls */
	bool is_limited; /* some limit was hit */
	struct field_set written;
	uint8_t solved, busy; /* states at entry, a bit each */
	struct effect_list by_state[LOCK_STATES]; /* of the solved ones, where touches_lock */
};

struct effects {
	struct arena *arena; /* owned */
	struct fn_effects *of; /* owned; by function */
	uint32_t *order; /* owned; functions with a body, callees before callers */
	uint32_t *component; /* owned; by place in `order`: number of its cycle */
	uint32_t *place; /* owned; by function: its place in `order` */
	uint32_t order_count;
	size_t limits_hit; /* how often a bound cut the analysis short */
};

int effects_solve(struct effects *effects, struct program *program);
/* Makes sure that `by_state[state]` of a function with a body is solved: who asks for a state that
 * nothing needed before pays for it. `depth` counts who asks from within. 0 or -ENOMEM. */
#define EFFECTS_DEPTH_MAX 48
int effects_ensure(struct effects *effects, struct program *program, uint32_t fn,
	enum lock_state state, unsigned int depth);

void effects_fini(struct effects *effects);

#endif
