/* One call in one state → the states that can follow it. */
#include "analyzer/explore_own.h"

static struct path_state *outcome_add(
	struct explorer *explorer, const struct path_state *state, bool is_unwind)
{
	struct outcome *outcome;

	if (explorer->outcome_count == EXPLORE_OUTCOMES_MAX) {
		explorer->is_limited = true;
		return NULL;
	}
	outcome = &explorer->outcomes[explorer->outcome_count++];
	outcome->is_unwind = is_unwind;
	outcome->state = *state;
	return &outcome->state;
}

/* Of several candidates that leave the lock alone, one stands for all. */
static struct path_state *outcome_share(
	struct explorer *explorer, const struct path_state *state, bool is_unwind)
{
	for (uint32_t i = 0; i < explorer->outcome_count; i++) {
		struct outcome *outcome = &explorer->outcomes[i];

		if (outcome->is_unwind == is_unwind &&
			lock_is_same(&outcome->state.lock, &state->lock))
			return &outcome->state;
	}
	return outcome_add(explorer, state, is_unwind);
}

static uint8_t *flag_of(const struct explorer *explorer, uint8_t *flags, uint32_t site)
{
	uint32_t at = site - explorer->first_instruction;

	return site != LOCK_NO_SITE && at < explorer->instruction_count ? &flags[at] : NULL;
}

static void pair(struct explorer *explorer, uint32_t site)
{
	uint8_t *flag = flag_of(explorer, explorer->pairs, site);

	if (flag)
		*flag = 1;
}

void explore_pair(struct explorer *explorer, const struct lock *before, const struct lock *after)
{
	if (before->site != LOCK_NO_SITE && after->site == LOCK_NO_SITE)
		pair(explorer, before->site);
	for (uint8_t i = after->depth; i < before->depth && i < LOCK_DEPTH_MAX; i++)
		pair(explorer, before->sites[i]);
}

/* The result's old value is gone; what `range` says of the new one. */
static void result_set(const struct explorer *explorer, struct path_state *state,
	const struct outline_instruction *call, struct range range)
{
	if (call->result == OUTLINE_NONE)
		return;
	if (explorer->is_in_loop)
		facts_define(&explorer->body, &state->facts, call->result);
	facts_tell(&explorer->body, &state->facts, call->result, range);
}

static int report_call(struct explorer *explorer, const struct path_state *state, uint32_t site,
	uint32_t callee, bool is_ambiguous)
{
	const struct explore_call call = {
		.explorer = explorer,
		.state = state,
		.call = &explorer->body.outline->instructions[site],
		.site = site,
		.callee = callee,
		.is_ambiguous = is_ambiguous,
	};

	if (!explorer->is_reporting || !explorer->hooks->call)
		return 0;
	return explorer->hooks->call(explorer->hooks->context, &call);
}

static int report_mismatch(struct explorer *explorer, const struct path_state *state, uint32_t site,
	enum lock_mismatch kind)
{
	const uint8_t *passes = flag_of(explorer, explorer->passes, site);
	const struct explore_mismatch mismatch = {
		.explorer = explorer,
		.state = state,
		.call = &explorer->body.outline->instructions[site],
		.site = site,
		.kind = kind,
		.is_contested = passes && *passes,
	};

	if (!explorer->is_reporting || !explorer->hooks->mismatch)
		return 0;
	return explorer->hooks->mismatch(explorer->hooks->context, &mismatch);
}

/* PyThreadState_Swap(NULL) gives the lock up, Swap(state) takes it where it is not held. */
static enum model_lock_op swap_op(const struct explorer *explorer, const struct path_state *state,
	const struct outline_instruction *call)
{
	struct range range = RANGE_ANY;

	if (call->operand_count)
		range = facts_range(&explorer->body, &state->facts,
			explorer->body.outline->operands[call->operand_first]);
	if (range_is_zero(&range))
		return state->lock.state == LOCK_RELEASED ? LOCK_OP_NONE : LOCK_OP_RELEASE;
	return state->lock.state == LOCK_HELD || state->lock.state == LOCK_UNKNOWN
		       ? LOCK_OP_NONE
		       : LOCK_OP_ACQUIRE;
}

static void lock_outcome(struct explorer *explorer, const struct path_state *state, uint32_t site,
	const struct fn *callee)
{
	const struct outline_instruction *call = &explorer->body.outline->instructions[site];
	enum model_lock_op op = callee->model->lock_op;
	struct lock lock = state->lock;
	enum lock_mismatch kind;
	struct path_state *after;
	uint8_t *passes;

	if (op == LOCK_OP_SWAP)
		op = swap_op(explorer, state, call);
	kind = lock_apply(&lock, op, site);
	if (kind != MISMATCH_NONE) {
		explorer->code = report_mismatch(explorer, state, site, kind);
		return;
	}
	passes = flag_of(explorer, explorer->passes, site);
	if (passes)
		*passes = 1;
	explore_pair(explorer, &state->lock, &lock);
	after = outcome_add(explorer, state, false);
	if (!after)
		return;
	after->lock = lock;
	facts_call(&explorer->body, &after->facts, call, NULL);
	result_set(explorer, after, call, op == LOCK_OP_RELEASE ? RANGE_NONZERO : RANGE_ANY);
}

static bool can_unwind(const struct explorer *explorer, const struct outline_instruction *call)
{
	return explorer->body.outline->is_cxx && !(call->flags & CALL_NOUNWIND);
}

/* Neither the lock nor anything that we follow changes; but it may not come back. */
static void plain_outcome(struct explorer *explorer, const struct path_state *state, uint32_t site,
	const struct fn *callee, const struct fn_effects *effects)
{
	const struct outline_instruction *call = &explorer->body.outline->instructions[site];
	bool is_noreturn = (call->flags & CALL_NORETURN) || (callee && callee->is_noreturn) ||
			   (effects && effects->is_noreturn);
	bool may_throw = callee ? callee->may_throw : false;
	struct range range = RANGE_ANY;
	struct path_state *after;

	if (effects)
		may_throw = effects->may_throw;
	if (may_throw && can_unwind(explorer, call)) {
		after = outcome_share(explorer, state, true);
		if (after && !(effects ? effects->throws : callee->role == ROLE_THROW))
			after->doubts |= DOUBT_THROW;
	}
	if (is_noreturn || (callee && callee->role == ROLE_THROW))
		return;
	after = outcome_share(explorer, state, false);
	if (!after)
		return;
	facts_call(&explorer->body, &after->facts, call, effects ? &effects->written : NULL);
	if (callee && callee->model && program_ready_check(callee->symbol))
		facts_forget_result(
			&explorer->body, &after->facts, program_ready_check(callee->symbol));
	if (callee && callee->role == ROLE_FORK)
		range = RANGE_NONZERO;
	if (callee && callee->role == ROLE_HOLDS_CHECK && state->lock.state != LOCK_UNKNOWN &&
		state->lock.state != LOCK_CALLER)
		range = RANGE_ONE(state->lock.state == LOCK_HELD);
	result_set(explorer, after, call, range);
	if (callee && callee->kind == FN_API && callee->api == API_NEEDS_LOCK &&
		after->lock.entry == LOCK_UNKNOWN && after->lock.state == LOCK_UNKNOWN)
		after->lock.entry = LOCK_HELD;
}

/* Where the callee's argument + offset is here. */
struct place explore_passed(const struct body *body, const struct outline_instruction *call,
	const struct effect_fact *fact)
{
	struct place place = {0};

	if (fact->argument >= call->operand_count)
		return place;
	place = body_place(body, body->outline->operands[call->operand_first + fact->argument]);
	place.offset = (int64_t)((uint64_t)place.offset + (uint64_t)fact->offset);
	place.type = fact->type;
	return place;
}

/* Conditions of one way of leaving: false when this call cannot take it. */
static bool effect_fits(const struct explorer *explorer, struct path_state *state,
	const struct outline_instruction *call, const struct effect *effect)
{
	const struct body *body = &explorer->body;

	for (uint32_t i = 0; i < effect->fact_count; i++) {
		const struct effect_fact *fact = &effect->facts[i];
		struct place place;
		struct range range;

		if (fact->kind == EFFECT_ARGUMENT && fact->argument < call->operand_count &&
			!facts_learn(body, &state->facts,
				body->outline->operands[call->operand_first + fact->argument],
				fact->range))
			return false;
		if (fact->kind != EFFECT_BEFORE)
			continue;
		place = explore_passed(body, call, fact);
		range = facts_memory(body, &state->facts, place);
		if (range_is_disjoint(range, fact->range))
			return false;
		if (!facts_learn_memory(body, &state->facts, place, fact->range))
			return false;
	}
	return true;
}

static void effect_outcome(struct explorer *explorer, const struct path_state *state, uint32_t site,
	const struct effect *effect, const struct fn_effects *effects)
{
	const struct outline_instruction *call = &explorer->body.outline->instructions[site];
	struct path_state *after;

	if (effect->is_unwind && !can_unwind(explorer, call))
		return;
	after = outcome_add(explorer, state, effect->is_unwind);
	if (!after)
		return;
	if (!effect_fits(explorer, after, call, effect)) {
		explorer->outcome_count--;
		return;
	}
	facts_call(&explorer->body, &after->facts, call, &effects->written);
	for (uint32_t i = 0; i < effect->fact_count; i++)
		if (effect->facts[i].kind == EFFECT_AFTER)
			facts_set_memory(&explorer->body, &after->facts,
				explore_passed(&explorer->body, call, &effect->facts[i]),
				&effect->facts[i].range);
	if (!effect->is_unwind)
		result_set(explorer, after, call, effect->result);
	lock_after_call(&after->lock, &effect->lock, site);
	after->doubts |= effect->doubts;
	explore_pair(explorer, &state->lock, &after->lock);
}

static void body_outcomes(
	struct explorer *explorer, const struct path_state *state, uint32_t site, uint32_t callee)
{
	const struct fn_effects *effects = &explorer->effects->of[callee];
	const struct effect_list *list;
	enum lock_state entry = (enum lock_state)state->lock.state;

	if (!effects->touches_lock) {
		plain_outcome(
			explorer, state, site, program_fn(explorer->program, callee), effects);
		return;
	}
	entry = entry == LOCK_CALLER ? LOCK_UNKNOWN : entry;
	explorer->code = effects_ensure(
		explorer->effects, explorer->program, callee, entry, explorer->depth);
	list = &effects->by_state[entry];
	for (uint32_t i = 0; i < list->count; i++)
		effect_outcome(explorer, state, site, &list->at[i], effects);
}

/* A pointer whose targets are not known may do anything; it is trusted to leave the lock alone. */
static void unknown_outcomes(
	struct explorer *explorer, const struct path_state *state, uint32_t site, bool is_invoke)
{
	const struct outline_instruction *call = &explorer->body.outline->instructions[site];
	struct path_state *after;

	if (is_invoke && can_unwind(explorer, call)) {
		after = outcome_add(explorer, state, true);
		if (after)
			after->doubts |= DOUBT_THROW;
	}
	plain_outcome(explorer, state, site, NULL, NULL);
	for (uint32_t i = 0; i < explorer->outcome_count; i++)
		explorer->outcomes[i].state.doubts |= DOUBT_POINTER;
}

static void candidates_of(const struct explorer *explorer, const struct path_state *state,
	const struct outline_instruction *call, struct candidates *ret)
{
	struct range range = facts_range(&explorer->body, &state->facts, call->a);

	*ret = (struct candidates){0};
	if (range.function != FN_NONE) {
		ret->count = 1;
		ret->at[0] = range.function;
		return;
	}
	if (explorer->body.outline->values[call->a].kind != VALUE_FUNCTION)
		program_callees(explorer->program, explorer->body.fn, call->a, ret);
}

void explore_outcomes(struct explorer *explorer, const struct path_state *state, uint32_t site)
{
	const struct outline_instruction *call = &explorer->body.outline->instructions[site];
	struct candidates candidates;

	explorer->outcome_count = 0;
	candidates_of(explorer, state, call, &candidates);
	if (!candidates.count) {
		explorer->code = report_call(explorer, state, site, FN_NONE, false);
		unknown_outcomes(explorer, state, site, true);
	}
	for (uint32_t i = 0; i < candidates.count && !explorer->code; i++) {
		const struct fn *callee = program_fn(explorer->program, candidates.at[i]);

		explorer->code =
			report_call(explorer, state, site, candidates.at[i], candidates.count > 1);
		if (explorer->code)
			return;
		if (callee->kind == FN_LOCK)
			lock_outcome(explorer, state, site, callee);
		else if (callee->kind == FN_BODY)
			body_outcomes(explorer, state, site, candidates.at[i]);
		else
			plain_outcome(explorer, state, site, callee, NULL);
	}
}

/* A timeval or timespec that this path stored zeros into. */
static enum model_argument_kind time_kind(const struct explore_call *call, uint32_t value)
{
	const struct body *body = explorer_body(call->explorer);
	struct place place = body_place(body, value);
	struct range seconds = facts_memory(body, &call->state->facts, place), rest;

	place.offset += 8;
	rest = facts_memory(body, &call->state->facts, place);
	if (range_is_zero(&seconds) && range_is_zero(&rest))
		return ARGUMENT_ZERO_TIME;
	if (range_is_disjoint(seconds, RANGE_ONE((int64_t)0)) ||
		range_is_disjoint(rest, RANGE_ONE((int64_t)0)))
		return ARGUMENT_OTHER_TIME;
	return ARGUMENT_POINTER;
}

static struct model_argument argument_of(const struct explore_call *call, uint32_t value)
{
	const struct body *body = explorer_body(call->explorer);
	struct range range = facts_range(body, &call->state->facts, value);
	uint32_t same = facts_same(body, &call->state->facts, value);
	struct model_argument argument = {0};
	uint32_t kind = body_value(body, same)->kind;

	if (kind == VALUE_STRING) {
		argument.kind = ARGUMENT_STRING;
		argument.text = outline_string(body->outline, body_value(body, same)->a);
	} else if (kind == VALUE_NULL) {
		argument.kind = ARGUMENT_NULL;
	} else if (range_is_one(&range)) {
		argument.kind = ARGUMENT_NUMBER;
		argument.number = range.low;
	} else if (kind == VALUE_LOCAL || kind == VALUE_GLOBAL || kind == VALUE_FIELD) {
		argument.kind = time_kind(call, value);
	} else if (range.is_nonzero && range.low == INT64_MIN) {
		argument.kind = ARGUMENT_POINTER;
	}
	return argument;
}

size_t explore_arguments(
	const struct explore_call *call, struct model_argument arguments[EXPLORE_ARGUMENTS_MAX])
{
	const struct body *body = explorer_body(call->explorer);
	size_t count = 0;

	while (count < call->call->operand_count && count < EXPLORE_ARGUMENTS_MAX) {
		arguments[count] = argument_of(
			call, body->outline->operands[call->call->operand_first + count]);
		count++;
	}
	return count;
}
