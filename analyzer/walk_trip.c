/* The comparison that ends a loop → how often the loop runs: a number, or what it grows with.
 *
 * One side of the comparison changes with every round (a phi of the loop's header, or its next
 * value), the other is what it runs up to. */
#include "analyzer/walk.h"

#define MAX_DEPTH 4 /* of `a && b` in a loop's condition */

/* A phi of the header, where it starts, and what every round adds to it. */
struct induction {
	LLVMValueRef phi;
	LLVMValueRef start;
	bool has_step;
	int64_t step;
};

static LLVMBasicBlockRef header_of(const struct walk *walk, const struct outline_loop *loop)
{
	return walk->blocks.at[loop->header - walk->block_first];
}

/* `value` is something plus a constant: that something. */
static LLVMValueRef added(LLVMValueRef value, int64_t *ret_number)
{
	LLVMValueRef last;
	int sign = 1;

	if (!LLVMIsAInstruction(value))
		return NULL;
	switch (LLVMGetInstructionOpcode(value)) {
	case LLVMSub:
		sign = -1;
		break;
	case LLVMAdd:
		break;
	case LLVMGetElementPtr:
		if (LLVMGetNumOperands(value) != 2)
			return NULL;
		break;
	default:
		return NULL;
	}
	last = LLVMGetOperand(value, 1);
	if (!LLVMIsAConstantInt(last))
		return NULL;
	*ret_number = sign * walk_integer(last);
	return walk_look_through(LLVMGetOperand(value, 0));
}

static bool is_header_phi(
	const struct walk *walk, const struct outline_loop *loop, LLVMValueRef value)
{
	return LLVMIsAPHINode(value) && LLVMGetInstructionParent(value) == header_of(walk, loop);
}

/* The phi of the header that `value` is or is one step on from. */
static bool find_induction(const struct walk *walk, const struct outline_loop *loop,
	LLVMValueRef value, struct induction *ret)
{
	struct induction induction = {0};
	int64_t number;
	unsigned count;

	value = walk_look_through(value);
	if (!is_header_phi(walk, loop, value)) {
		value = added(value, &number);
		if (!value || !is_header_phi(walk, loop, value))
			return false;
	}
	induction.phi = value;
	count = LLVMCountIncoming(value);
	for (unsigned i = 0; i < count; i++) {
		uint32_t from = idmap_find(&walk->positions, LLVMGetIncomingBlock(value, i));
		LLVMValueRef incoming = walk_look_through(LLVMGetIncomingValue(value, i));

		if (from == IDMAP_NONE)
			continue;
		if (from < loop->header - walk->block_first)
			induction.start = incoming;
		else if (added(incoming, &number) == value) {
			induction.has_step = !induction.step || induction.step == number;
			induction.step = number;
		}
	}
	*ret = induction;
	return induction.start != NULL;
}

static bool is_number(LLVMValueRef value)
{
	return LLVMIsAConstantInt(value) || LLVMIsAConstantPointerNull(value);
}

static int64_t number_of(LLVMValueRef value)
{
	return LLVMIsAConstantInt(value) ? walk_integer(value) : 0;
}

static void set_bound(struct walk *walk, struct outline_loop *loop, LLVMValueRef bound)
{
	if (loop->trip != TRIP_UNKNOWN)
		return;
	loop->trip = TRIP_BOUND;
	loop->bound = walk_value(walk, bound);
}

static void set_constant(
	struct outline_loop *loop, const struct induction *induction, int64_t limit, bool is_past)
{
	__int128 way = (__int128)limit - number_of(induction->start);
	__int128 step = induction->step;
	__int128 trips;

	if (step < 0) {
		way = -way;
		step = -step;
	}
	if (way < 0 || way > INT64_MAX - 1)
		return;
	trips = (way + (is_past ? 1 : 0) + step - 1) / step;
	/* Several exits: the loop runs no longer than the shortest of them. */
	if (loop->trip == TRIP_CONSTANT && loop->number <= (int64_t)trips)
		return;
	loop->trip = TRIP_CONSTANT;
	loop->number = (int64_t)trips;
	loop->bound = OUTLINE_NONE;
}

static void try_compare(struct walk *walk, struct outline_loop *loop, LLVMValueRef compare)
{
	LLVMIntPredicate predicate = LLVMGetICmpPredicate(compare);
	LLVMValueRef limit = LLVMGetOperand(compare, 1);
	struct induction induction;
	bool is_past = predicate == LLVMIntSLE || predicate == LLVMIntULE ||
		       predicate == LLVMIntSGE || predicate == LLVMIntUGE;

	if (!find_induction(walk, loop, LLVMGetOperand(compare, 0), &induction)) {
		limit = LLVMGetOperand(compare, 0);
		if (!find_induction(walk, loop, LLVMGetOperand(compare, 1), &induction))
			return;
	}
	limit = walk_look_through(limit);
	if (is_header_phi(walk, loop, limit))
		return; /* two things that change, towards each other or not */
	if (!is_number(limit))
		set_bound(walk, loop, limit);
	else if (!induction.has_step || !induction.step)
		return; /* a list: how long it is, nobody says */
	else if (is_number(induction.start))
		set_constant(loop, &induction, number_of(limit), is_past);
	else
		set_bound(walk, loop, induction.start);
}

static void try_condition(
	struct walk *walk, struct outline_loop *loop, LLVMValueRef condition, int depth)
{
	condition = walk_look_through(condition);
	if (!LLVMIsAInstruction(condition) || depth > MAX_DEPTH)
		return;
	switch (LLVMGetInstructionOpcode(condition)) {
	case LLVMICmp:
		try_compare(walk, loop, condition);
		break;
	case LLVMAnd:
	case LLVMOr:
	case LLVMXor:
		try_condition(walk, loop, LLVMGetOperand(condition, 0), depth + 1);
		try_condition(walk, loop, LLVMGetOperand(condition, 1), depth + 1);
		break;
	case LLVMSelect:
		for (unsigned i = 0; i < 3; i++)
			try_condition(walk, loop, LLVMGetOperand(condition, i), depth + 1);
		break;
	default:
		break;
	}
}

void walk_trip(struct walk *walk, struct outline_loop *loop, LLVMValueRef exit)
{
	try_condition(walk, loop, LLVMGetCondition(exit), 0);
}
