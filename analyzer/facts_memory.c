/* Loads, stores and calls on one path → what memory holds. */
#include "analyzer/facts_own.h"

/* An address on this path: its base may be known to be another value. */
static struct place place_here(const struct body *body, const struct facts *facts, uint32_t address)
{
	struct place place = body_place(body, address);

	if (place.is_known)
		place.base = facts_same(body, facts, place.base);
	return place;
}

static void initial_note(
	const struct body *body, struct facts *facts, const struct place *place, uint32_t load)
{
	struct fact fact = {
		.kind = FACT_INITIAL, .key = place->base, .offset = place->offset, .value = load};

	fact.type = place->type;
	if (body_value(body, place->base)->kind == VALUE_ARG &&
		!field_set_has(&facts->dirty, place_hash(place->type, place->offset)) &&
		!facts_find(facts, FACT_INITIAL, place->base, place->offset))
		facts_set(facts, &fact);
}

/* A place that is looked at once needs no memory of its own, unless a caller may ask. */
static bool is_place_kept(const struct body *body, const struct place *place, unsigned int loads)
{
	uint32_t kind = body_value(body, place->base)->kind;

	return kind == VALUE_ARG || kind == VALUE_LOCAL ||
	       body->load_counts[place_hash(place->type, place->offset) & 255] >= loads;
}

void facts_load(const struct body *body, struct facts *facts, uint32_t load)
{
	struct place place = place_here(body, facts, body_value(body, load)->a);
	const struct fact *held;
	struct fact fact = {.kind = FACT_IS, .key = load};

	if (!place.is_known)
		return;
	held = facts_find(facts, FACT_HOLDS, place.base, place.offset);
	if (held && held->value != OUTLINE_NONE) {
		fact.value = facts_same(body, facts, held->value);
		if (fact.value != load)
			facts_set(facts, &fact);
		return;
	}
	fact = (struct fact){.kind = FACT_RANGE, .key = load, .value = OUTLINE_NONE};
	if (held) {
		fact.range = held->range;
		facts_set(facts, &fact);
	}
	initial_note(body, facts, &place, load);
	if (!is_place_kept(body, &place, 2))
		return;
	fact = (struct fact){.kind = FACT_HOLDS,
		.key = place.base,
		.offset = place.offset,
		.value = load,
		.type = place.type,
		.range = RANGE_ANY};
	facts_set(facts, &fact);
}

/* Two bases that cannot be the same object. */
static bool is_apart(const struct body *body, uint32_t a, uint32_t b)
{
	uint32_t a_kind = body_value(body, a)->kind, b_kind = body_value(body, b)->kind;

	if (a_kind == VALUE_LOCAL || b_kind == VALUE_LOCAL)
		return a != b;
	return a_kind == VALUE_GLOBAL && b_kind == VALUE_GLOBAL && a != b;
}

void facts_store(const struct body *body, struct facts *facts, uint32_t address, uint32_t value)
{
	struct place place = place_here(body, facts, address);
	struct fact fact = {.kind = FACT_HOLDS};

	if (!place.is_known)
		return;
	field_set_add(&facts->dirty, place_hash(place.type, place.offset));
	for (uint32_t i = facts->count; i-- > 0;) {
		const struct fact *other = &facts->at[i];

		if (other->kind == FACT_HOLDS && other->offset == place.offset &&
			other->key != place.base && other->type == place.type &&
			!is_apart(body, other->key, place.base))
			facts_drop(facts, i);
	}
	fact.key = place.base;
	fact.offset = place.offset;
	fact.type = place.type;
	fact.value = facts_same(body, facts, value);
	fact.range = RANGE_ANY;
	if (is_place_kept(body, &place, 1))
		facts_set(facts, &fact);
}

struct range facts_memory(const struct body *body, const struct facts *facts, struct place place)
{
	const struct fact *held =
		place.is_known ? facts_find(facts, FACT_HOLDS, facts_same(body, facts, place.base),
					 place.offset)
			       : NULL;

	if (!held)
		return RANGE_ANY;
	return held->value == OUTLINE_NONE ? held->range : facts_range(body, facts, held->value);
}

void facts_set_memory(
	const struct body *body, struct facts *facts, struct place place, const struct range *range)
{
	struct fact fact = {.kind = FACT_HOLDS,
		.offset = place.offset,
		.value = OUTLINE_NONE,
		.type = place.type,
		.range = *range};

	if (!place.is_known)
		return;
	fact.key = facts_same(body, facts, place.base);
	facts_set(facts, &fact);
}

/* Nothing wrote there since the function was entered: it is a condition on its caller. */
static void initial_learn(const struct body *body, struct facts *facts, const struct place *place,
	const struct range *range)
{
	struct fact fact = {.kind = FACT_INITIAL,
		.key = facts_same(body, facts, place->base),
		.offset = place->offset,
		.value = OUTLINE_NONE,
		.type = place->type,
		.range = *range};

	if (body_value(body, fact.key)->kind == VALUE_ARG &&
		!field_set_has(&facts->dirty, place_hash(place->type, place->offset)) &&
		!facts_find(facts, FACT_INITIAL, fact.key, fact.offset))
		facts_set(facts, &fact);
}

bool facts_learn_memory(
	const struct body *body, struct facts *facts, struct place place, struct range range)
{
	const struct fact *held;
	struct range both = range;

	if (!place.is_known)
		return true;
	held = facts_find(facts, FACT_HOLDS, facts_same(body, facts, place.base), place.offset);
	if (held && held->value != OUTLINE_NONE)
		return facts_learn(body, facts, held->value, range);
	if (held)
		both = range_meet(held->range, range);
	if (range_is_empty(&both))
		return false;
	if (!held)
		initial_learn(body, facts, &place, &range);
	facts_set_memory(body, facts, place, &both);
	return true;
}

/* Is `base` (or something inside it) an argument of the call? */
static bool is_passed(const struct body *body, const struct facts *facts,
	const struct outline_instruction *call, uint32_t base)
{
	for (uint32_t i = 0; i < call->operand_count; i++) {
		uint32_t operand = body->outline->operands[call->operand_first + i];

		for (int depth = 0; depth < DEPTH_MAX; depth++) {
			const struct outline_value *value = body_value(body, operand);

			if (value->kind != VALUE_FIELD && value->kind != VALUE_ELEMENT)
				break;
			operand = value->a;
		}
		if (facts_same(body, facts, operand) == base)
			return true;
	}
	return false;
}

void facts_call(const struct body *body, struct facts *facts,
	const struct outline_instruction *call, const struct field_set *written)
{
	for (uint32_t i = facts->count; i-- > 0;) {
		const struct fact *fact = &facts->at[i];
		bool is_local, is_lost;

		if (fact->kind != FACT_HOLDS)
			continue;
		is_local = body_value(body, fact->key)->kind == VALUE_LOCAL;
		is_lost = written ? field_set_has(written, place_hash(fact->type, fact->offset))
				  : is_local;
		if (is_lost && (!is_local || is_passed(body, facts, call, fact->key)))
			facts_drop(facts, i);
	}
	if (written)
		field_set_unite(&facts->dirty, written);
}
