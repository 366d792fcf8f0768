/* The interpreter lock as one function sees it on one path, and what changes it. */
#ifndef GILSCOPE_ANALYZER_LOCK_H
#define GILSCOPE_ANALYZER_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/model.h"

enum lock_state {
	LOCK_HELD = 0,
	LOCK_RELEASED = 1, /* this thread had it and gave it up */
	LOCK_FOREIGN = 2, /* this thread never had it */
	LOCK_UNKNOWN = 3, /* nobody in sight calls the function */
	LOCK_CALLER = 4, /* what the caller's Ensure found: known only there */
	LOCK_STATES = 5
};

#define LOCK_DEPTH_MAX 4 /* nested Ensure that are told apart */
#define LOCK_NO_SITE UINT32_MAX

/* Plain bytes, compared as such. */
struct lock {
	uint8_t state;
	uint8_t entry; /* the state at entry; an unknown one becomes what the code implies */
	uint8_t depth; /* Ensure without Release in this function */
	uint8_t pops; /* Release of what a caller ensured */
	uint32_t found; /* what each Ensure found: a byte a level */
	uint32_t site; /* the instruction that left the entry's state; LOCK_NO_SITE: none */
	uint32_t sites[LOCK_DEPTH_MAX]; /* of each Ensure */
};

enum lock_mismatch {
	MISMATCH_NONE = 0,
	MISMATCH_RELEASE_RELEASED, /* given up twice */
	MISMATCH_RELEASE_FOREIGN, /* given up by a thread that never had it */
	MISMATCH_ACQUIRE_HELD, /* waits for itself */
	MISMATCH_UNENSURE_RELEASED, /* PyGILState_Release while the lock is given up */
};

struct lock lock_at_entry(enum lock_state state);

/* One operation at instruction `site`; on a mismatch `lock` is unchanged. */
enum lock_mismatch lock_apply(struct lock *lock, enum model_lock_op op, uint32_t site);

/* What a callee that was entered in `lock->state` left behind. */
void lock_after_call(struct lock *lock, const struct lock *callee, uint32_t site);

/* Has the function given back what it was entered with? */
bool lock_is_balanced(const struct lock *lock);

static inline bool lock_is_same(const struct lock *a, const struct lock *b)
{
	return !__builtin_memcmp(a, b, sizeof(*a));
}

#endif
