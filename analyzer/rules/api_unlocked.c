/* A call of the interpreter's API in a state that does not have the lock → a finding. */
#include "analyzer/draft.h"

/* Private functions (_Py…) that no model knows are for the interpreter's own use, where they may
 * be the very way to get the lock. */
static bool is_private(const struct fn *callee)
{
	return !callee->model && callee->symbol[0] == '_';
}

static int confidence_of(const struct sighting *sighting, const struct fn *callee)
{
	uint8_t doubts = sighting->doubts;

	if (sighting->call->is_ambiguous)
		doubts |= DOUBT_INDIRECT;
	/* Whoever calls it: the function itself gave the lock up, or asks for it elsewhere. */
	if (sighting->path->lock.site != LOCK_NO_SITE ||
		(sighting->path->lock.entry == LOCK_FOREIGN && (doubts & DOUBT_ENTRY)))
		doubts &= ~DOUBT_ENTRY;
	return CONFIDENCE_HIGH - is_private(callee) - !!(doubts & DOUBT_INDIRECT) -
	       2 * !!(doubts & DOUBT_CONDITION) - !!(doubts & (DOUBT_ENTRY | DOUBT_LIMIT)) -
	       !!(doubts & DOUBT_THROW);
}

static const char *message_of(const struct sighting *sighting, const char *name)
{
	if (sighting->state == LOCK_FOREIGN)
		return arena_printf(sighting->reach->arena,
			"%s() needs the lock, and this thread does not have it", name);
	return arena_printf(
		sighting->reach->arena, "%s() needs the lock, which is released here", name);
}

static int call(const struct sighting *sighting)
{
	struct reach *reach = sighting->reach;
	struct draft draft = {.rule = RULE_API_UNLOCKED,
		.fn = sighting->fn,
		.context = sighting->context,
		.released_site = sighting->path->lock.site,
		.fix = FIX_UNKNOWN};
	struct model_argument arguments[EXPLORE_ARGUMENTS_MAX];
	const struct fn *callee;
	size_t count;

	if (sighting->call->callee == FN_NONE ||
		(sighting->state != LOCK_RELEASED && sighting->state != LOCK_FOREIGN))
		return 0;
	callee = program_fn(reach->program, sighting->call->callee);
	if (callee->kind != FN_API || callee->api != API_NEEDS_LOCK)
		return 0;
	count = explore_arguments(sighting->call, arguments);
	if (callee->model && model_happens(callee->model, arguments, count) == MODEL_NO)
		return 0;
	draft.site = sighting->call->site;
	draft.operation = callee->model ? callee->model->name : callee->name;
	draft.confidence = confidence_of(sighting, callee);
	draft.message = message_of(sighting, draft.operation);
	draft.fix_note = sighting->state == LOCK_FOREIGN
				 ? "take the lock first: PyGILState_Ensure() … PyGILState_Release()"
				 : "move the call out of the released region, or take the lock "
				   "back around it";
	return draft.message ? draft_add(reach, &draft) : -ENOMEM;
}

const struct rule_class rule_api_unlocked = {.id = RULE_API_UNLOCKED, .call = call};
