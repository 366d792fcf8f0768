/* Functions that touch the lock → the ways they can leave, for each state at entry; cycles until
 * nothing changes. A way that leaves in the middle of what other paths finish is a mistake of the
 * function, which the rules report there: callers never see it. */
#include <string.h>

#include "analyzer/effects_own.h"

#define ROUNDS_MAX 6 /* round a cycle of functions */

struct collector {
	struct effect_list list;
	struct effect at[EFFECTS_MAX];
	bool is_limited;
};

static void fact_push(struct effect *effect, const struct effect_fact *fact)
{
	if (range_is_any(&fact->range) || effect->fact_count == EFFECT_FACTS_MAX)
		return;
	effect->facts[effect->fact_count++] = *fact;
}

static uint32_t argument_of(const struct body *body, uint32_t value)
{
	const struct outline_value *argument = body_value(body, value);

	return argument->kind == VALUE_ARG && argument->number >= 0 && argument->number < 256
		       ? (uint32_t)argument->number
		       : OUTLINE_NONE;
}

/* What the path knows, in terms that a caller can check: arguments, and memory they point to. */
static void facts_export(const struct body *body, const struct facts *facts, struct effect *effect)
{
	for (uint32_t i = 0; i < facts->count; i++) {
		const struct fact *fact = &facts->at[i];
		struct effect_fact out = {.argument = argument_of(body, fact->key),
			.type = fact->type,
			.offset = fact->offset,
			.range = fact->range};

		if (out.argument == OUTLINE_NONE || fact->kind == FACT_IS)
			continue;
		switch (fact->kind) {
		case FACT_RANGE:
			out.kind = EFFECT_ARGUMENT;
			break;
		case FACT_INITIAL:
			out.kind = EFFECT_BEFORE;
			if (fact->value != OUTLINE_NONE)
				out.range = facts_range(body, facts, fact->value);
			break;
		default:
			out.kind = EFFECT_AFTER;
			if (fact->value != OUTLINE_NONE)
				out.range = facts_range(body, facts, fact->value);
			break;
		}
		fact_push(effect, &out);
	}
}

static const struct effect_fact *fact_twin(
	const struct effect *effect, const struct effect_fact *fact)
{
	for (uint32_t i = 0; i < effect->fact_count; i++) {
		const struct effect_fact *other = &effect->facts[i];

		if (other->kind == fact->kind && other->argument == fact->argument &&
			other->offset == fact->offset)
			return other;
	}
	return NULL;
}

static void effect_join(struct effect *into, const struct effect *other)
{
	uint32_t kept = 0;

	into->result = range_hull(into->result, other->result);
	into->doubts &= other->doubts;
	for (uint32_t i = 0; i < into->fact_count; i++) {
		struct effect_fact fact = into->facts[i];
		const struct effect_fact *twin = fact_twin(other, &fact);

		if (!twin)
			continue;
		fact.range = range_hull(fact.range, twin->range);
		if (!range_is_any(&fact.range))
			into->facts[kept++] = fact;
	}
	into->fact_count = kept;
}

/* Where it happened is of no interest to callers. */
static struct lock lock_anonymous(const struct lock *lock)
{
	struct lock bare = *lock;

	bare.site = LOCK_NO_SITE;
	for (int i = 0; i < LOCK_DEPTH_MAX; i++)
		bare.sites[i] = LOCK_NO_SITE;
	return bare;
}

static int collect(void *context, const struct explore_exit *exit)
{
	struct collector *collector = context;
	struct effect effect = {
		.lock = lock_anonymous(&exit->state->lock),
		.is_unwind = exit->is_unwind,
		.doubts = exit->state->doubts,
		.result = exit->result,
	};

	if (exit->is_broken)
		return 0;
	facts_export(explorer_body(exit->explorer), &exit->state->facts, &effect);
	for (uint32_t i = 0; i < collector->list.count; i++) {
		struct effect *known = &collector->at[i];

		if (known->is_unwind != effect.is_unwind ||
			!lock_is_same(&known->lock, &effect.lock))
			continue;
		effect_join(known, &effect);
		return 0;
	}
	if (collector->list.count == EFFECTS_MAX)
		collector->is_limited = true;
	else
		collector->at[collector->list.count++] = effect;
	return 0;
}

/* Can a caller tell the two ways apart, by the result or by what is known of its arguments? */
static bool is_told_apart(const struct effect *a, const struct effect *b)
{
	if (range_is_disjoint(a->result, b->result))
		return true;
	for (uint32_t i = 0; i < a->fact_count; i++) {
		const struct effect_fact *twin = fact_twin(b, &a->facts[i]);

		if (twin && range_is_disjoint(a->facts[i].range, twin->range))
			return true;
	}
	return false;
}

static void doubts_add(struct collector *collector)
{
	for (uint32_t i = 0; i < collector->list.count; i++)
		for (uint32_t k = 0; k < collector->list.count; k++) {
			struct effect *a = &collector->at[i];
			const struct effect *b = &collector->at[k];

			if (i != k && a->is_unwind == b->is_unwind && !is_told_apart(a, b))
				a->doubts |= DOUBT_CONDITION;
		}
}

static bool effect_is_same(const struct effect *a, const struct effect *b)
{
	if (a->is_unwind != b->is_unwind || !lock_is_same(&a->lock, &b->lock) ||
		a->doubts != b->doubts || a->fact_count != b->fact_count ||
		!range_is_same(&a->result, &b->result))
		return false;
	for (uint32_t i = 0; i < a->fact_count; i++)
		if (a->facts[i].kind != b->facts[i].kind ||
			a->facts[i].argument != b->facts[i].argument ||
			a->facts[i].offset != b->facts[i].offset ||
			!range_is_same(&a->facts[i].range, &b->facts[i].range))
			return false;
	return true;
}

static bool list_is_same(const struct effect_list *old, const struct collector *fresh)
{
	if (old->count != fresh->list.count)
		return false;
	for (uint32_t i = 0; i < old->count; i++)
		if (!effect_is_same(&old->at[i], &fresh->at[i]))
			return false;
	return true;
}

/* Returns 1 when the effects changed. */
static int function_solve(
	struct explorer *explorer, struct effects *effects, uint32_t id, enum lock_state state)
{
	const struct explore_entry entry = {.fn = id, .state = state};
	struct collector collector = {0};
	const struct explore_hooks hooks = {.context = &collector, .exit = collect};
	struct effect_list *list = &effects->of[id].by_state[state];
	bool is_limited;
	int code;

	code = explore(explorer, &entry, &hooks, &is_limited);
	if (code)
		return code;
	effects->of[id].is_limited |= is_limited || collector.is_limited;
	effects->limits_hit += is_limited || collector.is_limited;
	doubts_add(&collector);
	if (list_is_same(list, &collector))
		return 0;
	if (!list->at)
		list->at = arena_alloc(effects->arena, sizeof(collector.at));
	if (!list->at)
		return -ENOMEM;
	memcpy(list->at, collector.at, sizeof(collector.at));
	list->count = collector.list.count;
	return 1;
}

/* One round over the members; returns 1 when some effects changed. */
static int round_solve(struct explorer *explorer, struct effects *effects, const uint32_t *members,
	uint32_t count, enum lock_state state)
{
	int is_changed = 0;

	for (uint32_t i = 0; i < count; i++) {
		int code = function_solve(explorer, effects, members[i], state);

		if (code < 0)
			return code;
		is_changed |= code;
	}
	return is_changed;
}

static int component_solve(struct explorer *explorer, struct effects *effects,
	const uint32_t *members, uint32_t count, enum lock_state state)
{
	bool is_recursive = effects->of[members[0]].is_recursive;
	int code = 1;

	for (uint32_t i = 0; i < count; i++)
		effects->of[members[i]].busy |= (uint8_t)(1u << state);
	for (int round = 0; code > 0; round++) {
		if (round == ROUNDS_MAX) {
			effects->of[members[0]].is_limited = true;
			break;
		}
		code = round_solve(explorer, effects, members, count, state);
		if (!is_recursive)
			break;
	}
	for (uint32_t i = 0; i < count; i++) {
		effects->of[members[i]].busy &= (uint8_t)~(1u << state);
		effects->of[members[i]].solved |= (uint8_t)(1u << state);
	}
	return code < 0 ? code : 0;
}

int effects_ensure(struct effects *effects, struct program *program, uint32_t fn,
	enum lock_state state, unsigned int depth)
{
	uint32_t first = effects->place[fn], end = first;
	struct fn_effects *of = &effects->of[fn];
	struct explorer *explorer;
	int code;

	if (!of->touches_lock || ((of->solved | of->busy) >> state & 1))
		return 0;
	if (depth >= EFFECTS_DEPTH_MAX) {
		of->is_limited = true;
		effects->limits_hit++;
		return 0;
	}
	while (first > 0 && effects->component[first - 1] == effects->component[end])
		first--;
	while (end < effects->order_count && effects->component[end] == effects->component[first])
		end++;
	explorer = explorer_new(program, effects, depth + 1);
	if (!explorer)
		return -ENOMEM;
	code = component_solve(explorer, effects, effects->order + first, end - first, state);
	explorer_free(explorer);
	return code;
}

/* Callees first, for the common state; others when something needs them. */
int effects_lock_solve(struct effects *effects, struct program *program)
{
	int code = 0;

	for (uint32_t i = 0; !code && i < effects->order_count; i++)
		code = effects_ensure(effects, program, effects->order[i], LOCK_HELD, 0);
	return code;
}
