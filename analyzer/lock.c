/* Lock state × operation → lock state, or why that cannot be. */
#include "analyzer/lock.h"

_Static_assert(sizeof(struct lock) == 28, "struct lock is compared as bytes: no padding");

struct lock lock_at_entry(enum lock_state state)
{
	struct lock lock = {.state = (uint8_t)state, .entry = (uint8_t)state, .site = LOCK_NO_SITE};

	for (int i = 0; i < LOCK_DEPTH_MAX; i++)
		lock.sites[i] = LOCK_NO_SITE;
	return lock;
}

static enum lock_state found_get(const struct lock *lock, unsigned int level)
{
	return (enum lock_state)(lock->found >> (8 * level) & 0xff);
}

/* Inside an Ensure the lock is held until its Release; outside the entry's state counts. */
static enum lock_state base_of(const struct lock *lock)
{
	return lock->depth ? LOCK_HELD : (enum lock_state)lock->entry;
}

/* Back in the state that counts, nothing remembers the way. */
static void state_set(struct lock *lock, enum lock_state state, uint32_t site)
{
	lock->state = (uint8_t)state;
	if (state == base_of(lock))
		lock->site = LOCK_NO_SITE;
	else if (lock->site == LOCK_NO_SITE)
		lock->site = site;
}

/* Who asks for the lock first thing does not count on having it. */
static void ensure(struct lock *lock, uint32_t site)
{
	if (lock->state == LOCK_UNKNOWN && lock->entry == LOCK_UNKNOWN)
		lock->state = lock->entry = LOCK_FOREIGN;
	if (lock->depth < LOCK_DEPTH_MAX) {
		lock->found |= (uint32_t)lock->state << (8 * lock->depth);
		lock->sites[lock->depth] = site;
	}
	/* Deeper ones are not told apart: as many levels as there are bytes, then the last. */
	if (lock->depth < LOCK_DEPTH_MAX)
		lock->depth++;
	lock->state = LOCK_HELD;
}

static void unensure(struct lock *lock)
{
	if (!lock->depth) {
		lock->pops += lock->pops < UINT8_MAX;
		lock->state = LOCK_CALLER;
		return;
	}
	lock->depth--;
	lock->state = (uint8_t)found_get(lock, lock->depth);
	lock->found &= ~(0xffu << (8 * lock->depth));
	lock->sites[lock->depth] = LOCK_NO_SITE;
	if (lock->state == base_of(lock))
		lock->site = LOCK_NO_SITE;
}

static enum lock_mismatch release(struct lock *lock, uint32_t site)
{
	switch (lock->state) {
	case LOCK_RELEASED:
		return MISMATCH_RELEASE_RELEASED;
	case LOCK_FOREIGN:
		return MISMATCH_RELEASE_FOREIGN;
	case LOCK_UNKNOWN:
		lock->entry = lock->entry == LOCK_UNKNOWN ? LOCK_HELD : lock->entry;
		state_set(lock, LOCK_RELEASED, site);
		return MISMATCH_NONE;
	case LOCK_HELD:
		/* What this function itself acquired goes back to what it was. */
		if (!lock->depth && lock->entry != LOCK_HELD)
			state_set(lock, lock->entry, site);
		else
			state_set(lock, LOCK_RELEASED, site);
		return MISMATCH_NONE;
	default:
		lock->state = LOCK_RELEASED;
		return MISMATCH_NONE;
	}
}

static enum lock_mismatch acquire(struct lock *lock, uint32_t site)
{
	if (lock->state == LOCK_HELD)
		return MISMATCH_ACQUIRE_HELD;
	if (lock->state == LOCK_UNKNOWN && lock->entry == LOCK_UNKNOWN)
		lock->entry = LOCK_RELEASED;
	state_set(lock, LOCK_HELD, site);
	return MISMATCH_NONE;
}

enum lock_mismatch lock_apply(struct lock *lock, enum model_lock_op op, uint32_t site)
{
	switch (op) {
	case LOCK_OP_RELEASE:
		return release(lock, site);
	case LOCK_OP_ACQUIRE:
		return acquire(lock, site);
	case LOCK_OP_ENSURE:
		ensure(lock, site);
		return MISMATCH_NONE;
	case LOCK_OP_UNENSURE:
		if (lock->state == LOCK_RELEASED || lock->state == LOCK_FOREIGN)
			return MISMATCH_UNENSURE_RELEASED;
		unensure(lock);
		return MISMATCH_NONE;
	default:
		return MISMATCH_NONE;
	}
}

void lock_after_call(struct lock *lock, const struct lock *callee, uint32_t site)
{
	enum lock_state state = (enum lock_state)callee->state;

	/* What a callee needs says something of its caller; what it asks for itself does not. */
	if (lock->entry == LOCK_UNKNOWN && lock->state == LOCK_UNKNOWN &&
		callee->entry != LOCK_FOREIGN)
		lock->entry = callee->entry;
	if (lock_is_balanced(callee))
		return;
	for (uint8_t i = 0; i < callee->pops; i++) {
		unensure(lock);
		if (callee->state == LOCK_CALLER)
			state = (enum lock_state)lock->state;
	}
	for (uint8_t i = 0; i < callee->depth; i++) {
		enum lock_state after = LOCK_HELD;

		lock->state = (uint8_t)found_get(callee, i);
		ensure(lock, site);
		lock->state = (uint8_t)after;
	}
	if (callee->pops || callee->depth)
		lock->state = (uint8_t)state;
	else if (state != lock->state)
		state_set(lock, state, site);
}

bool lock_is_balanced(const struct lock *lock)
{
	return !lock->depth && !lock->pops &&
	       (lock->state == lock->entry || lock->state == LOCK_UNKNOWN);
}
