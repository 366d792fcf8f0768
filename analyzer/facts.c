/* Values, comparisons and memory on one path → what they may be. */
#include "analyzer/facts_own.h"

#include <string.h>

static int fact_cmp(const struct fact *a, const struct fact *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Where a fact with this key is, or would be. */
static uint32_t fact_place(const struct facts *facts, const struct fact *key, bool *ret_is_there)
{
	uint32_t low = 0, high = facts->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (fact_cmp(&facts->at[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_is_there = low < facts->count && !fact_cmp(&facts->at[low], key);
	return low;
}

const struct fact *facts_find(
	const struct facts *facts, enum fact_kind kind, uint32_t key, int64_t offset)
{
	const struct fact wanted = {.kind = kind, .key = key, .offset = offset};
	bool is_there;
	uint32_t at = fact_place(facts, &wanted, &is_there);

	return is_there ? &facts->at[at] : NULL;
}

void facts_set(struct facts *facts, const struct fact *fact)
{
	bool is_there;
	uint32_t at = fact_place(facts, fact, &is_there);

	if (!is_there) {
		if (facts->count == FACTS_MAX)
			return;
		memmove(&facts->at[at + 1], &facts->at[at], (facts->count - at) * sizeof(*fact));
		facts->count++;
	}
	facts->at[at] = *fact;
}

void facts_drop(struct facts *facts, uint32_t at)
{
	facts->count--;
	memmove(&facts->at[at], &facts->at[at + 1], (facts->count - at) * sizeof(*facts->at));
}

uint32_t facts_same(const struct body *body, const struct facts *facts, uint32_t value)
{
	value = body_canon(body, value);
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct fact *fact = facts_find(facts, FACT_IS, value, 0);

		if (!fact)
			break;
		value = fact->value;
	}
	return value;
}

static struct range range_of(
	const struct body *body, const struct facts *facts, uint32_t value, int depth);

static bool compare_decide(enum outline_compare op, struct range a, struct range b, bool *ret)
{
	struct range swap;

	if (op == COMPARE_SGT || op == COMPARE_SGE) {
		swap = a, a = b, b = swap;
		op = op == COMPARE_SGT ? COMPARE_SLT : COMPARE_SLE;
	}
	switch (op) {
	case COMPARE_EQ:
	case COMPARE_NE:
		if (range_is_disjoint(a, b))
			*ret = op == COMPARE_NE;
		else if (range_is_one(&a) && range_is_one(&b))
			*ret = op == COMPARE_EQ;
		else
			return false;
		return true;
	case COMPARE_SLT:
		*ret = a.high < b.low;
		return *ret || a.low >= b.high;
	case COMPARE_SLE:
		*ret = a.high <= b.low;
		return *ret || a.low > b.high;
	case COMPARE_ULT:
	case COMPARE_ULE:
	case COMPARE_UGT:
	case COMPARE_UGE:
		/* As signed, where neither side can be negative; x <u 0 is never, x >u 0 is x != 0.
		 */
		if (op == COMPARE_UGT && range_is_zero(&b))
			return compare_decide(COMPARE_NE, a, b, ret);
		if (op == COMPARE_ULT && range_is_zero(&b)) {
			*ret = false;
			return true;
		}
		if (a.low < 0 || b.low < 0)
			return false;
		return compare_decide(
			COMPARE_SLT + (enum outline_compare)(op - COMPARE_ULT), a, b, ret);
	default:
		return false;
	}
}

/* The same comparison of the same values elsewhere on the path. */
static const struct fact *compare_find(
	const struct body *body, const struct facts *facts, const struct outline_value *compare)
{
	uint32_t a = facts_same(body, facts, compare->a), b = facts_same(body, facts, compare->b);

	for (uint32_t i = 0; i < facts->count; i++) {
		const struct fact *fact = &facts->at[i];
		const struct outline_value *other;

		if (fact->kind != FACT_RANGE)
			continue;
		other = body_value(body, fact->key);
		if (other->kind == VALUE_COMPARE && other->op == compare->op &&
			facts_same(body, facts, other->a) == a &&
			facts_same(body, facts, other->b) == b)
			return fact;
	}
	return NULL;
}

static struct range range_of_compare(const struct body *body, const struct facts *facts,
	const struct outline_value *value, int depth)
{
	struct range range = RANGE_BETWEEN(0, 1);
	const struct fact *fact;
	bool is_true;

	if (compare_decide((enum outline_compare)value->op,
		    range_of(body, facts, value->a, depth + 1),
		    range_of(body, facts, value->b, depth + 1), &is_true))
		return RANGE_ONE(is_true);
	if (value->op != COMPARE_FLOAT &&
		facts_same(body, facts, value->a) == facts_same(body, facts, value->b))
		return RANGE_ONE(value->op == COMPARE_EQ || value->op == COMPARE_SLE ||
				 value->op == COMPARE_SGE || value->op == COMPARE_ULE ||
				 value->op == COMPARE_UGE);
	fact = compare_find(body, facts, value);
	return fact ? range_meet(range, fact->range) : range;
}

static struct range range_of_binary(const struct body *body, const struct facts *facts,
	const struct outline_value *value, int depth)
{
	struct range a = range_of(body, facts, value->a, depth + 1);
	struct range b = range_of(body, facts, value->b, depth + 1);
	int64_t result;

	if (value->op == BINARY_AND && range_is_one(&b) && b.low >= 0 && !range_is_one(&a))
		return RANGE_BETWEEN(0, b.low);
	if (value->op == BINARY_OR && (a.is_nonzero || b.is_nonzero || a.low > 0 || b.low > 0))
		return RANGE_NONZERO;
	if (!range_is_one(&a) || !range_is_one(&b))
		return RANGE_ANY;
	switch (value->op) {
	case BINARY_ADD:
		if (!__builtin_add_overflow(a.low, b.low, &result))
			return RANGE_ONE(result);
		break;
	case BINARY_SUB:
		if (!__builtin_sub_overflow(a.low, b.low, &result))
			return RANGE_ONE(result);
		break;
	case BINARY_AND:
		return RANGE_ONE(a.low & b.low);
	case BINARY_OR:
		return RANGE_ONE(a.low | b.low);
	case BINARY_XOR:
		return RANGE_ONE(a.low ^ b.low);
	default:
		break;
	}
	return RANGE_ANY;
}

static struct range range_of_select(const struct body *body, const struct facts *facts,
	const struct outline_value *value, int depth)
{
	struct range condition = range_of(body, facts, (uint32_t)value->number, depth + 1);

	if (range_is_zero(&condition))
		return range_of(body, facts, value->b, depth + 1);
	if (condition.is_nonzero || condition.low > 0)
		return range_of(body, facts, value->a, depth + 1);
	return range_hull(range_of(body, facts, value->a, depth + 1),
		range_of(body, facts, value->b, depth + 1));
}

static struct range range_of_shape(
	const struct body *body, const struct facts *facts, uint32_t id, int depth)
{
	const struct outline_value *value = body_value(body, id);
	struct range range = RANGE_NONZERO;

	switch (value->kind) {
	case VALUE_INT:
		return RANGE_ONE(value->number);
	case VALUE_NULL:
		return RANGE_ONE((int64_t)0);
	case VALUE_FUNCTION:
		range.function = program_function(body->program, body->unit, value->a);
		return range;
	case VALUE_GLOBAL:
	case VALUE_STRING:
	case VALUE_LOCAL:
		return range;
	case VALUE_FIELD:
		range = range_of(body, facts, value->a, depth + 1);
		return range.is_nonzero || value->number ? RANGE_NONZERO : RANGE_ANY;
	case VALUE_COMPARE:
		return range_of_compare(body, facts, value, depth);
	case VALUE_BINARY:
		return range_of_binary(body, facts, value, depth);
	case VALUE_SELECT:
		return range_of_select(body, facts, value, depth);
	default:
		return RANGE_ANY;
	}
}

static struct range range_of(
	const struct body *body, const struct facts *facts, uint32_t value, int depth)
{
	const struct fact *fact;
	struct range range;

	if (depth > DEPTH_MAX)
		return RANGE_ANY;
	value = facts_same(body, facts, value);
	range = range_of_shape(body, facts, value, depth);
	fact = facts_find(facts, FACT_RANGE, value, 0);
	return fact ? range_meet(range, fact->range) : range;
}

struct range facts_range(const struct body *body, const struct facts *facts, uint32_t value)
{
	return range_of(body, facts, value, 0);
}

static bool depends_on(const struct body *body, uint32_t id, uint32_t on, int depth)
{
	const struct outline_value *value;

	if (id == OUTLINE_NONE)
		return false;
	if (body_canon(body, id) == on || depth > DEPTH_MAX)
		return true;
	value = body_value(body, id);
	switch (value->kind) {
	case VALUE_COMPARE:
	case VALUE_BINARY:
	case VALUE_ELEMENT:
		return depends_on(body, value->a, on, depth + 1) ||
		       depends_on(body, value->b, on, depth + 1);
	case VALUE_FIELD:
		return depends_on(body, value->a, on, depth + 1);
	case VALUE_SELECT:
		return depends_on(body, value->a, on, depth + 1) ||
		       depends_on(body, value->b, on, depth + 1) ||
		       depends_on(body, (uint32_t)value->number, on, depth + 1);
	default:
		return false;
	}
}

void facts_define(const struct body *body, struct facts *facts, uint32_t value)
{
	value = body_canon(body, value);
	for (uint32_t i = facts->count; i-- > 0;) {
		const struct fact *fact = &facts->at[i];

		if ((fact->kind != FACT_INITIAL && depends_on(body, fact->key, value, 0)) ||
			depends_on(body, fact->value, value, 0))
			facts_drop(facts, i);
	}
}

/* The phis of a block change all at once: read every source before writing any. */
void facts_edge(const struct body *body, struct facts *facts, uint32_t from, uint32_t to)
{
	uint32_t first = body->phi_first[to], count = body->phi_first[to + 1] - first;
	struct facts before;

	if (!count)
		return;
	before = *facts;
	for (uint32_t i = 0; i < count; i++)
		facts_define(body, facts, body->phis[first + i]);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t phi = body->phis[first + i], source = OUTLINE_NONE;
		const struct outline_value *value = body_value(body, phi);
		struct fact fact = {.kind = FACT_IS, .key = phi};
		struct range range;

		for (uint32_t k = 0; k < value->b; k++)
			if (body->outline->incoming[value->a + k].block ==
				from + body->def->block_first)
				source = body->outline->incoming[value->a + k].value;
		if (source == OUTLINE_NONE)
			continue;
		fact.value = facts_same(body, &before, source);
		range = facts_range(body, &before, source);
		for (uint32_t k = 0; k < count && fact.value != OUTLINE_NONE; k++)
			if (depends_on(body, fact.value, body->phis[first + k], 0))
				fact.value = OUTLINE_NONE;
		if (fact.value == OUTLINE_NONE) {
			fact.kind = FACT_RANGE;
			fact.range = range;
		}
		if (fact.kind == FACT_IS || !range_is_any(&range))
			facts_set(facts, &fact);
	}
}

static bool is_same_fact(const struct fact *a, const struct fact *b)
{
	return !fact_cmp(a, b) && a->value == b->value && a->type == b->type &&
	       range_is_same(&a->range, &b->range);
}

static bool is_result_of(const struct body *body, const struct fact *fact, const char *callee)
{
	const struct outline_value *value = body_value(body, fact->key);
	const struct outline_value *called;

	if (fact->kind != FACT_RANGE || value->kind != VALUE_RESULT)
		return false;
	called = body_value(body, body->outline->instructions[value->a].a);
	return called->kind == VALUE_FUNCTION &&
	       !strcmp(outline_string(body->outline, called->a), callee);
}

bool facts_was_zero(const struct body *body, const struct facts *facts, const char *callee)
{
	for (uint32_t i = 0; i < facts->count; i++)
		if (is_result_of(body, &facts->at[i], callee) && range_is_zero(&facts->at[i].range))
			return true;
	return false;
}

void facts_forget_result(const struct body *body, struct facts *facts, const char *callee)
{
	for (uint32_t i = facts->count; i-- > 0;)
		if (is_result_of(body, &facts->at[i], callee))
			facts_drop(facts, i);
}

bool facts_are_equal(const struct facts *a, const struct facts *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!is_same_fact(&a->at[i], &b->at[i]))
			return false;
	return true;
}

/* What `other` says of the same subject, as a range. */
static struct range range_there(
	const struct body *body, const struct facts *facts, const struct fact *fact)
{
	struct place place = {fact->key, fact->type, fact->offset, true};

	const struct fact *there;

	if (fact->kind == FACT_HOLDS)
		return facts_memory(body, facts, place);
	if (fact->kind == FACT_INITIAL) {
		there = facts_find(facts, FACT_INITIAL, fact->key, fact->offset);
		if (!there)
			return RANGE_ANY;
		return there->value == OUTLINE_NONE ? there->range
						    : facts_range(body, facts, there->value);
	}
	return facts_range(body, facts, fact->key);
}

/* One subject, two opinions: the hull. A range that grows a second time loses the bound that
 * grew, or a counter in a loop would be joined for ever. */
static struct range range_widen(const struct fact *old, struct range hull)
{
	if (old->kind == FACT_IS || old->value != OUTLINE_NONE)
		return hull;
	if (hull.low < old->range.low)
		hull.low = INT64_MIN;
	if (hull.high > old->range.high)
		hull.high = INT64_MAX;
	return hull;
}

bool facts_join(const struct body *body, struct facts *into, const struct facts *other)
{
	struct facts joined = {.dirty = into->dirty};
	bool is_changed = false;

	field_set_unite(&joined.dirty, &other->dirty);
	for (uint32_t i = 0; i < into->count; i++) {
		const struct fact *old = &into->at[i];
		const struct fact *twin = facts_find(other, old->kind, old->key, old->offset);
		struct fact fact = *old;

		if (twin && is_same_fact(twin, old)) {
			facts_set(&joined, &fact);
			continue;
		}
		fact.range = range_widen(old,
			range_hull(range_there(body, into, old), range_there(body, other, old)));
		fact.kind = old->kind == FACT_IS ? FACT_RANGE : old->kind;
		fact.value = OUTLINE_NONE;
		if (!range_is_any(&fact.range) &&
			!facts_find(&joined, fact.kind, fact.key, fact.offset)) {
			facts_set(&joined, &fact);
			is_changed |= !is_same_fact(&fact, old);
		} else {
			is_changed = true;
		}
	}
	is_changed |= memcmp(&joined.dirty, &into->dirty, sizeof(joined.dirty)) != 0;
	*into = joined;
	return is_changed;
}
