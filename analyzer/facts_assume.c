/* A condition that a path took → what that says of the values in it. */
#include "analyzer/facts_own.h"

/* Is it worth a fact? Something must look at the value again. */
static bool is_kept(const struct body *body, const struct facts *facts, uint32_t id)
{
	const struct outline_value *value = body_value(body, id);
	struct place place;

	if (value->kind == VALUE_ARG || body->uses[id - body->def->value_first] > 1)
		return true;
	if (value->kind == VALUE_LOAD) {
		place = body_place(body, value->a);
		return body->load_counts[place_hash(place.type, place.offset) & 255] > 1 ||
		       body_value(body, place.base)->kind == VALUE_ARG;
	}
	if (value->kind == VALUE_COMPARE) {
		struct range a = facts_range(body, facts, value->a);
		struct range b = facts_range(body, facts, value->b);

		return !range_is_one(&a) && !range_is_one(&b);
	}
	return false;
}

static bool is_constant_kind(uint32_t kind)
{
	return kind == VALUE_INT || kind == VALUE_NULL || kind == VALUE_FUNCTION ||
	       kind == VALUE_GLOBAL || kind == VALUE_STRING || kind == VALUE_LOCAL;
}

bool facts_learn(const struct body *body, struct facts *facts, uint32_t value, struct range range)
{
	struct fact fact = {.kind = FACT_RANGE, .value = OUTLINE_NONE};
	struct range now;

	value = facts_same(body, facts, value);
	now = facts_range(body, facts, value);
	fact.key = value;
	fact.range = range_meet(now, range);
	if (range_is_disjoint(now, range) || range_is_empty(&fact.range))
		return false;
	if (!is_constant_kind(body_value(body, value)->kind) && is_kept(body, facts, value) &&
		!range_is_any(&fact.range))
		facts_set(facts, &fact);
	return true;
}

void facts_tell(const struct body *body, struct facts *facts, uint32_t value, struct range range)
{
	struct fact fact = {.kind = FACT_RANGE,
		.key = body_canon(body, value),
		.value = OUTLINE_NONE,
		.range = range};

	if (!range_is_any(&range))
		facts_set(facts, &fact);
}

static enum outline_compare negate(enum outline_compare op)
{
	static const enum outline_compare not[] = {
		[COMPARE_EQ] = COMPARE_NE,
		[COMPARE_NE] = COMPARE_EQ,
		[COMPARE_SLT] = COMPARE_SGE,
		[COMPARE_SLE] = COMPARE_SGT,
		[COMPARE_SGT] = COMPARE_SLE,
		[COMPARE_SGE] = COMPARE_SLT,
		[COMPARE_ULT] = COMPARE_UGE,
		[COMPARE_ULE] = COMPARE_UGT,
		[COMPARE_UGT] = COMPARE_ULE,
		[COMPARE_UGE] = COMPARE_ULT,
		[COMPARE_FLOAT] = COMPARE_FLOAT,
	};

	return not[op];
}

static enum outline_compare mirror(enum outline_compare op)
{
	static const enum outline_compare mirrored[] = {
		[COMPARE_EQ] = COMPARE_EQ,
		[COMPARE_NE] = COMPARE_NE,
		[COMPARE_SLT] = COMPARE_SGT,
		[COMPARE_SLE] = COMPARE_SGE,
		[COMPARE_SGT] = COMPARE_SLT,
		[COMPARE_SGE] = COMPARE_SLE,
		[COMPARE_ULT] = COMPARE_UGT,
		[COMPARE_ULE] = COMPARE_UGE,
		[COMPARE_UGT] = COMPARE_ULT,
		[COMPARE_UGE] = COMPARE_ULE,
		[COMPARE_FLOAT] = COMPARE_FLOAT,
	};

	return mirrored[op];
}

/* x `op` number: what x may be. */
static struct range range_where(enum outline_compare op, int64_t number)
{
	struct range range = RANGE_ANY;

	switch (op) {
	case COMPARE_EQ:
		return RANGE_ONE(number);
	case COMPARE_NE:
		range = range_except(number);
		break;
	case COMPARE_SLT:
		range.high = number == INT64_MIN ? number : number - 1;
		break;
	case COMPARE_SLE:
		range.high = number;
		break;
	case COMPARE_SGT:
		range.low = number == INT64_MAX ? number : number + 1;
		break;
	case COMPARE_SGE:
		range.low = number;
		break;
	case COMPARE_ULT:
		if (number > 0)
			range.low = 0, range.high = number - 1;
		break;
	case COMPARE_ULE:
		if (number >= 0)
			range.low = 0, range.high = number;
		break;
	case COMPARE_UGT:
	case COMPARE_UGE:
		range.is_nonzero = number > 0 || op == COMPARE_UGT;
		break;
	default:
		break;
	}
	return range;
}

static bool assume(
	const struct body *body, struct facts *facts, uint32_t id, bool is_true, int depth);

static bool assume_side(const struct body *body, struct facts *facts, uint32_t id,
	enum outline_compare op, struct range other)
{
	struct range range;

	if (!range_is_one(&other))
		return true;
	range = range_where(op, other.low);
	if (other.low == 0 && (op == COMPARE_EQ || op == COMPARE_NE))
		return assume(body, facts, id, op == COMPARE_NE, 1);
	return facts_learn(body, facts, id, range);
}

static bool assume_compare(const struct body *body, struct facts *facts, uint32_t id, bool is_true)
{
	const struct outline_value *value = body_value(body, id);
	enum outline_compare op = (enum outline_compare)value->op;
	struct range a = facts_range(body, facts, value->a);
	struct range b = facts_range(body, facts, value->b);
	struct fact fact = {
		.kind = FACT_RANGE, .key = id, .value = OUTLINE_NONE, .range = RANGE_ONE(is_true)};

	op = is_true ? op : negate(op);
	if (!assume_side(body, facts, value->a, op, b) ||
		!assume_side(body, facts, value->b, mirror(op), a))
		return false;
	if (is_kept(body, facts, id))
		facts_set(facts, &fact);
	return true;
}

static bool is_number(const struct body *body, uint32_t id, int64_t number)
{
	const struct outline_value *value = body_value(body, id);

	return value->kind == VALUE_INT && value->number == number;
}

/* `a && b` is select(a, b, 0), `a || b` select(a, 1, b), `!a && b` select(a, 0, b). */
static bool assume_select(const struct body *body, struct facts *facts,
	const struct outline_value *value, bool is_true, int depth)
{
	uint32_t condition = (uint32_t)value->number;
	struct range decided = facts_range(body, facts, condition);

	if (range_is_zero(&decided))
		return assume(body, facts, value->b, is_true, depth);
	if (decided.is_nonzero || decided.low > 0)
		return assume(body, facts, value->a, is_true, depth);
	if (is_true && is_number(body, value->b, 0))
		return assume(body, facts, condition, true, depth) &&
		       assume(body, facts, value->a, true, depth);
	if (is_true && is_number(body, value->a, 0))
		return assume(body, facts, condition, false, depth) &&
		       assume(body, facts, value->b, true, depth);
	if (!is_true && is_number(body, value->a, 1))
		return assume(body, facts, condition, false, depth) &&
		       assume(body, facts, value->b, false, depth);
	if (!is_true && is_number(body, value->b, 1))
		return assume(body, facts, condition, true, depth) &&
		       assume(body, facts, value->a, false, depth);
	return true;
}

static bool is_truth(const struct body *body, uint32_t id)
{
	return body_value(body, id)->kind == VALUE_COMPARE;
}

static bool assume_binary(const struct body *body, struct facts *facts,
	const struct outline_value *value, bool is_true, int depth)
{
	if (value->op == BINARY_AND && is_true)
		return assume(body, facts, value->a, true, depth) &&
		       assume(body, facts, value->b, true, depth);
	if (value->op == BINARY_OR && !is_true)
		return assume(body, facts, value->a, false, depth) &&
		       assume(body, facts, value->b, false, depth);
	if (is_truth(body, value->a) && is_truth(body, value->b) &&
		((value->op == BINARY_AND && !is_true) || (value->op == BINARY_OR && is_true))) {
		struct range a = facts_range(body, facts, value->a);
		struct range b = facts_range(body, facts, value->b);
		int64_t neutral = value->op == BINARY_AND;

		if (range_is_one(&a) && a.low == neutral)
			return assume(body, facts, value->b, is_true, depth);
		if (range_is_one(&b) && b.low == neutral)
			return assume(body, facts, value->a, is_true, depth);
	}
	if (value->op == BINARY_XOR && is_number(body, value->b, 1))
		return assume(body, facts, value->a, !is_true, depth);
	return true;
}

static bool assume(
	const struct body *body, struct facts *facts, uint32_t id, bool is_true, int depth)
{
	const struct outline_value *value;
	struct range range;
	bool is_possible = true;

	if (depth > DEPTH_MAX)
		return true;
	id = facts_same(body, facts, id);
	value = body_value(body, id);
	range = facts_range(body, facts, id);
	if (range_is_zero(&range))
		return !is_true;
	if ((range.is_nonzero || range.low > 0 || range.high < 0) && !is_true)
		return false;
	if (value->kind == VALUE_COMPARE)
		return assume_compare(body, facts, id, is_true);
	if (value->kind == VALUE_SELECT)
		is_possible = assume_select(body, facts, value, is_true, depth + 1);
	else if (value->kind == VALUE_BINARY)
		is_possible = assume_binary(body, facts, value, is_true, depth + 1);
	return is_possible &&
	       facts_learn(body, facts, id, is_true ? RANGE_NONZERO : RANGE_ONE((int64_t)0));
}

bool facts_assume(const struct body *body, struct facts *facts, uint32_t condition, bool is_true)
{
	return assume(body, facts, condition, is_true, 0);
}

uint32_t facts_pivot(const struct body *body, const struct facts *facts, uint32_t condition)
{
	const struct outline_value *value = body_value(body, facts_same(body, facts, condition));
	uint32_t pivot = OUTLINE_NONE;
	struct range range;

	if (value->kind == VALUE_SELECT)
		pivot = (uint32_t)value->number;
	else if (value->kind == VALUE_BINARY &&
		 (value->op == BINARY_AND || value->op == BINARY_OR) && is_truth(body, value->a) &&
		 is_truth(body, value->b))
		pivot = value->a;
	if (pivot == OUTLINE_NONE)
		return OUTLINE_NONE;
	range = facts_range(body, facts, pivot);
	return range_is_one(&range) ? OUTLINE_NONE : pivot;
}
