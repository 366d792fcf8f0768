/* A way out of a function in another lock state than it promised, or a change of the lock that the
 * state forbids → a finding. A function whose every path leaves changed is a wrapper: its callers
 * are looked at instead. */
#include <string.h>

#include "analyzer/draft.h"

static int confidence_of(uint8_t doubts)
{
	return CONFIDENCE_HIGH - !!(doubts & DOUBT_INDIRECT) - 2 * !!(doubts & DOUBT_CONDITION) -
	       !!(doubts & (DOUBT_ENTRY | DOUBT_LIMIT)) - 2 * !!(doubts & DOUBT_THROW);
}

static int mismatch(const struct sighting *sighting)
{
	static const char *const messages[] = {
		[MISMATCH_RELEASE_RELEASED] =
			"the lock is released here although it is released already",
		[MISMATCH_RELEASE_FOREIGN] =
			"the lock is released here by a thread that does not have it",
		[MISMATCH_ACQUIRE_HELD] = "the lock is acquired here although it is held: the "
					  "thread waits for itself",
		[MISMATCH_UNENSURE_RELEASED] =
			"PyGILState_Release() is called here while the lock is released",
	};
	const struct explore_mismatch *at = sighting->mismatch;
	const struct body *body = explorer_body(at->explorer);
	struct draft draft = {.rule = RULE_UNBALANCED,
		.fn = sighting->fn,
		.context = sighting->context,
		.site = at->site,
		.released_site = at->state->lock.site,
		.message = messages[at->kind],
		.operation = "lock"};
	const struct outline_value *callee = body_value(body, at->call->a);

	if (callee->kind == VALUE_FUNCTION)
		draft.operation = outline_string(body->outline, callee->a);
	draft.confidence = confidence_of(sighting->doubts) - at->is_contested;
	if (at->kind == MISMATCH_ACQUIRE_HELD && (sighting->doubts & DOUBT_POINTER))
		draft.confidence--;
	/* That the lock is held was only inferred, and this says the contrary. */
	if (sighting->doubts & DOUBT_ENTRY)
		draft.confidence--;
	draft.fix_note = at->kind == MISMATCH_ACQUIRE_HELD
				 ? "acquire only where the lock was released on the same path"
				 : "release only where the lock is held on the same path";
	return draft_add(sighting->reach, &draft);
}

static const char *exit_message(struct reach *reach, const struct explore_exit *exit)
{
	const struct lock *lock = &exit->state->lock;
	const char *way = exit->is_unwind ? "an exception leaves" : "returns";

	if (lock->depth)
		return arena_printf(reach->arena,
			"%s without the PyGILState_Release() that other paths call", way);
	if (lock->state == LOCK_RELEASED)
		return arena_printf(reach->arena, "%s with the lock released", way);
	return arena_printf(reach->arena, "%s with the lock still held", way);
}

/* Who answers for it: a function that gives the lock back on other paths from the same change, or
 * one that only the interpreter or a thread calls. */
static bool is_to_blame(const struct sighting *sighting)
{
	const struct explore_exit *exit = sighting->exit;
	const struct context *context = reach_context(sighting->reach, sighting->context);

	if (lock_is_balanced(&exit->state->lock) || exit->state->lock.pops ||
		exit->state->lock.state == LOCK_CALLER)
		return false;
	return exit->is_broken ||
	       (context->root && context->state == LOCK_HELD && !exit->is_unwind);
}

static int exit_seen(const struct sighting *sighting)
{
	const struct explore_exit *exit = sighting->exit;
	const struct lock *lock = &exit->state->lock;
	struct reach *reach = sighting->reach;
	struct draft draft = {.rule = RULE_UNBALANCED,
		.fn = sighting->fn,
		.context = sighting->context,
		.site = exit->site,
		.line = exit->line,
		.operation = exit->is_unwind ? "exception" : "return",
		.change = lock->depth                ? "PyGILState_Ensure() is called here"
			  : lock->state == LOCK_HELD ? "the lock is acquired here"
						     : NULL,
		.released_site = lock->depth ? lock->sites[lock->depth - 1] : lock->site};

	if (!is_to_blame(sighting))
		return 0;
	/* Broken is broken, whoever calls it. */
	draft.confidence =
		confidence_of(exit->is_broken ? sighting->doubts & ~DOUBT_ENTRY : sighting->doubts);
	if (!exit->is_broken)
		draft.confidence--;
	draft.message = exit_message(reach, exit);
	draft.fix_note = exit->is_unwind ? "catch the exception inside the region, or let a "
					   "destructor take the lock back"
					 : "take the lock back before leaving, or leave behind the "
					   "end of the region";
	return draft.message ? draft_add(reach, &draft) : -ENOMEM;
}

/* One region that is left in two ways is one mistake: the return speaks for both. */
static int finish(struct reach *reach)
{
	struct draft *draft, *other;

	for (size_t i = 0; (draft = draft_each(reach, i)); i++) {
		if (draft->rule != RULE_UNBALANCED || strcmp(draft->operation, "exception") != 0)
			continue;
		for (size_t k = 0; (other = draft_each(reach, k)); k++)
			if (other->rule == RULE_UNBALANCED && other->fn == draft->fn &&
				!strcmp(other->operation, "return") &&
				other->confidence >= draft->confidence)
				draft->is_dropped = true;
	}
	return 0;
}

const struct rule_class rule_unbalanced = {
	.id = RULE_UNBALANCED, .mismatch = mismatch, .exit = exit_seen, .finish = finish};
