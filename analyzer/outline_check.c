/* Bytes that claim to be an outline → every promise of outline.h, or a refusal.
 *
 * Linear: functions must follow each other in every array, and ranges of one kind may not add up to
 * more than their array, so that no element is looked at twice whatever the file claims. */
#include "analyzer/outline_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "analyzer/outline.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

struct range {
	uint32_t first, count;
};

/* The function under check, and where the next one must begin. */
struct check {
	const struct outline *outline;
	struct range values, blocks, loops, instructions;
	uint32_t incoming_left, operands_left, successors_left, cases_left, initials_left;
	unsigned char *marks; /* one a value: 0 new, 1 open, 2 done */
	uint32_t *stack; /* values being followed */
	const char *wrong; /* the first thing found */
};

static bool in(const struct range *range, uint32_t id)
{
	return id >= range->first && id - range->first < range->count;
}

static bool in_or_none(const struct range *range, uint32_t id)
{
	return id == OUTLINE_NONE || in(range, id);
}

/* first..first+count lies within `total` elements. */
static bool fits(uint32_t first, uint32_t count, uint32_t total)
{
	return count == 0 ? first <= total : first < total && count <= total - first;
}

/* The same, and what all such ranges add up to stays within `left`. */
static bool spends(uint32_t first, uint32_t count, uint32_t total, uint32_t *left)
{
	if (!fits(first, count, total) || count > *left)
		return false;
	*left -= count;
	return true;
}

static bool is_string(const struct check *check, uint32_t id)
{
	return id < check->outline->string_count;
}

static bool is_string_or_none(const struct check *check, uint32_t id)
{
	return id == OUTLINE_NONE || is_string(check, id);
}

static bool refuse(struct check *check, const char *wrong)
{
	if (!check->wrong)
		check->wrong = wrong;
	return false;
}

static bool check_strings(struct check *check)
{
	const struct outline *o = check->outline;

	if (o->string_count && (!o->pool_bytes || o->pool[o->pool_bytes - 1] != '\0'))
		return refuse(check, "the text pool is not terminated");
	for (uint32_t i = 0; i < o->string_count; i++)
		if (o->strings[i] >= o->pool_bytes)
			return refuse(check, "a string lies outside the text pool");
	if (!is_string_or_none(check, o->source_string))
		return refuse(check, "the source's name is missing");
	return true;
}

static bool is_kind(const struct outline *o, uint32_t instruction, uint16_t kind)
{
	return o->instructions[instruction].kind == kind;
}

/* Phis and incoming edges: blocks and values of this function. */
static bool check_phi(struct check *check, const struct outline_value *value)
{
	const struct outline *o = check->outline;

	if (!spends(value->a, value->b, o->incoming_count, &check->incoming_left))
		return refuse(check, "a phi's range lies outside");
	for (uint32_t i = value->a; i < value->a + value->b; i++)
		if (!in(&check->blocks, o->incoming[i].block) ||
			!in(&check->values, o->incoming[i].value))
			return refuse(check, "a phi refers outside its function");
	return true;
}

static bool check_select(struct check *check, const struct outline_value *value)
{
	return in(&check->values, value->a) && in(&check->values, value->b) && value->number >= 0 &&
	       value->number <= UINT32_MAX && in(&check->values, (uint32_t)value->number);
}

static bool check_value(struct check *check, const struct outline_value *value)
{
	const struct outline *o = check->outline;
	bool is_good = false;

	switch (value->kind) {
	case VALUE_OPAQUE:
	case VALUE_INT:
	case VALUE_NULL:
		is_good = true;
		break;
	case VALUE_FUNCTION:
	case VALUE_GLOBAL:
	case VALUE_STRING:
		is_good = is_string(check, value->a);
		break;
	case VALUE_ARG:
		is_good = value->number >= 0 && value->number < UINT32_MAX;
		break;
	case VALUE_RESULT:
		is_good = in(&check->instructions, value->a) &&
			  is_kind(o, value->a, INSTRUCTION_CALL);
		break;
	case VALUE_LOAD:
		is_good = in(&check->values, value->a) && in(&check->instructions, value->b) &&
			  is_kind(o, value->b, INSTRUCTION_LOAD);
		break;
	case VALUE_FIELD:
		is_good = in(&check->values, value->a) && is_string_or_none(check, value->b);
		break;
	case VALUE_ELEMENT:
		is_good = in(&check->values, value->a) && in_or_none(&check->values, value->b);
		break;
	case VALUE_LOCAL:
		is_good = is_string_or_none(check, value->b);
		break;
	case VALUE_COMPARE:
		is_good = value->op <= COMPARE_FLOAT && in(&check->values, value->a) &&
			  in(&check->values, value->b);
		break;
	case VALUE_BINARY:
		is_good = value->op <= BINARY_FLOAT && in(&check->values, value->a) &&
			  in(&check->values, value->b);
		break;
	case VALUE_PHI:
		is_good = check_phi(check, value);
		break;
	case VALUE_SELECT:
		is_good = check_select(check, value);
		break;
	}
	return is_good || refuse(check, "a value refers outside its function");
}

static bool check_instruction(struct check *check, const struct outline_instruction *instruction)
{
	const struct outline *o = check->outline;

	if (!is_string_or_none(check, instruction->file))
		return refuse(check, "a place has no file");
	if (!in_or_none(&check->values, instruction->result) ||
		!spends(instruction->operand_first, instruction->operand_count, o->operand_count,
			&check->operands_left) ||
		!in(&check->values, instruction->a))
		return refuse(check, "an instruction refers outside its function");
	for (uint32_t i = 0; i < instruction->operand_count; i++)
		if (!in(&check->values, o->operands[instruction->operand_first + i]))
			return refuse(check, "an operand lies outside its function");
	switch (instruction->kind) {
	case INSTRUCTION_CALL:
		return instruction->result == OUTLINE_NONE ||
		       o->values[instruction->result].kind == VALUE_RESULT ||
		       refuse(check, "a call's result is something else");
	case INSTRUCTION_STORE:
		return in(&check->values, instruction->b) ||
		       refuse(check, "a store refers outside its function");
	case INSTRUCTION_LOAD:
		return o->values[instruction->a].kind == VALUE_LOAD ||
		       refuse(check, "a load makes something else");
	}
	return refuse(check, "an instruction of an unknown kind");
}

static bool check_exit(struct check *check, const struct outline_block *block)
{
	const struct outline *o = check->outline;
	uint32_t last = block->instruction_first + block->instruction_count - 1;

	switch (block->exit) {
	case EXIT_JUMP:
		return block->successor_count == 1;
	case EXIT_BRANCH:
		return block->successor_count == 2 && block->condition != OUTLINE_NONE;
	case EXIT_SWITCH:
		return block->successor_count >= 1 && block->condition != OUTLINE_NONE &&
		       spends(block->case_first, block->successor_count - 1, o->case_count,
			       &check->cases_left);
	case EXIT_RETURN:
	case EXIT_RESUME:
	case EXIT_UNREACHABLE:
		return block->successor_count == 0;
	case EXIT_INVOKE:
		return block->successor_count == 2 && block->instruction_count &&
		       is_kind(o, last, INSTRUCTION_CALL);
	case EXIT_OTHER:
		return true;
	}
	return false;
}

static bool check_block(struct check *check, const struct outline_block *block)
{
	const struct outline *o = check->outline;

	if (!in_or_none(&check->values, block->condition) ||
		!in_or_none(&check->loops, block->loop) ||
		!spends(block->successor_first, block->successor_count, o->successor_count,
			&check->successors_left))
		return refuse(check, "a block refers outside its function");
	for (uint32_t i = 0; i < block->successor_count; i++)
		if (!in(&check->blocks, o->successors[block->successor_first + i]))
			return refuse(check, "a block continues outside its function");
	return check_exit(check, block) || refuse(check, "a block's exit does not fit");
}

static bool check_loop(struct check *check, uint32_t id)
{
	const struct outline *o = check->outline;
	const struct outline_loop *loop = &o->loops[id];
	uint32_t depth = 1;

	if (loop->parent != OUTLINE_NONE) {
		if (!in(&check->loops, loop->parent) || loop->parent >= id)
			return refuse(check, "a loop's parent does not come before it");
		depth = o->loops[loop->parent].depth + 1;
	}
	if (!in(&check->blocks, loop->header) || !in_or_none(&check->values, loop->bound))
		return refuse(check, "a loop refers outside its function");
	if (loop->depth != depth || loop->trip > TRIP_BOUND ||
		(loop->trip == TRIP_BOUND && loop->bound == OUTLINE_NONE))
		return refuse(check, "a loop's depth or trip count does not fit");
	return true;
}

/* The i-th value that `value` is computed from, or NONE after the last. Phis have none here. */
static uint32_t operand_of(const struct outline *o, const struct outline_value *value, uint32_t i)
{
	const struct outline_instruction *call;

	switch (value->kind) {
	case VALUE_LOAD:
	case VALUE_FIELD:
		return i == 0 ? value->a : OUTLINE_NONE;
	case VALUE_ELEMENT:
	case VALUE_COMPARE:
	case VALUE_BINARY:
		return i == 0 ? value->a : i == 1 ? value->b : OUTLINE_NONE;
	case VALUE_SELECT:
		if (i == 2)
			return (uint32_t)value->number;
		return i == 0 ? value->a : i == 1 ? value->b : OUTLINE_NONE;
	case VALUE_RESULT:
		call = &o->instructions[value->a];
		if (i == 0)
			return call->a;
		return i - 1 < call->operand_count ? o->operands[call->operand_first + i - 1]
						   : OUTLINE_NONE;
	}
	return OUTLINE_NONE;
}

/* Depth first, without recursion: `next` operand of each value on the stack. */
static bool follow(struct check *check, uint32_t start, uint32_t *next)
{
	const struct outline *o = check->outline;
	uint32_t first = check->values.first, depth = 0;

	check->stack[depth++] = start;
	check->marks[start - first] = 1;
	next[start - first] = 0;
	while (depth) {
		uint32_t at = check->stack[depth - 1];
		uint32_t to = operand_of(o, &o->values[at], next[at - first]++);

		if (to == OUTLINE_NONE) {
			check->marks[at - first] = 2;
			depth--;
		} else if (check->marks[to - first] == 1) {
			return refuse(check, "a value is computed from itself");
		} else if (check->marks[to - first] == 0) {
			check->marks[to - first] = 1;
			next[to - first] = 0;
			check->stack[depth++] = to;
		}
	}
	return true;
}

static bool check_acyclic(struct check *check)
{
	uint32_t count = check->values.count;
	_free_ uint32_t *next = NULL;
	bool is_good = true;

	if (!count)
		return true;
	check->marks = calloc(count, 1);
	check->stack = calloc(count, sizeof(*check->stack));
	next = calloc(count, sizeof(*next));
	if (!check->marks || !check->stack || !next)
		is_good = refuse(check, "there is not enough memory");
	for (uint32_t i = 0; i < count && is_good; i++)
		if (!check->marks[i])
			is_good = follow(check, check->values.first + i, next);
	free(check->marks);
	free(check->stack);
	check->marks = NULL;
	check->stack = NULL;
	return is_good;
}

/* Takes the next `count` elements of an array: `first` must be where the last function ended. */
static bool take(struct range *range, uint32_t first, uint32_t count, uint32_t total)
{
	uint32_t end = range->first + range->count;

	if (first != end || !fits(first, count, total))
		return false;
	*range = (struct range){first, count};
	return true;
}

static bool take_ranges(struct check *check, const struct outline_function *function)
{
	const struct outline *o = check->outline;
	uint32_t first = check->instructions.first + check->instructions.count, end = first;

	if (!take(&check->values, function->value_first, function->value_count, o->value_count) ||
		!take(&check->blocks, function->block_first, function->block_count,
			o->block_count) ||
		!take(&check->loops, function->loop_first, function->loop_count, o->loop_count))
		return refuse(check, "functions do not follow each other");
	for (uint32_t i = 0; i < function->block_count; i++) {
		const struct outline_block *block = &o->blocks[function->block_first + i];

		if (block->instruction_first != end ||
			!fits(end, block->instruction_count, o->instruction_count))
			return refuse(check, "blocks do not follow each other");
		end += block->instruction_count;
	}
	check->instructions = (struct range){first, end - first};
	return true;
}

static bool check_function(struct check *check, const struct outline_function *function)
{
	const struct outline *o = check->outline;

	if (!is_string(check, function->symbol) || !is_string(check, function->name) ||
		!is_string_or_none(check, function->file))
		return refuse(check, "a function has no name");
	if (!take_ranges(check, function))
		return false;
	if ((function->block_count == 0) != !!(function->flags & FUNCTION_DECLARED) ||
		(!function->block_count && (function->value_count || function->loop_count)))
		return refuse(check, "a declared function has a body");
	for (uint32_t i = 0; i < check->values.count; i++)
		if (!check_value(check, &o->values[check->values.first + i]))
			return false;
	for (uint32_t i = 0; i < check->instructions.count; i++)
		if (!check_instruction(check, &o->instructions[check->instructions.first + i]))
			return false;
	for (uint32_t i = 0; i < check->loops.count; i++)
		if (!check_loop(check, check->loops.first + i))
			return false;
	for (uint32_t i = 0; i < check->blocks.count; i++)
		if (!check_block(check, &o->blocks[check->blocks.first + i]))
			return false;
	return check_acyclic(check);
}

static bool check_globals(struct check *check)
{
	const struct outline *o = check->outline;

	for (uint32_t i = 0; i < o->global_count; i++)
		if (!is_string(check, o->globals[i].symbol) ||
			!is_string_or_none(check, o->globals[i].type) ||
			!spends(o->globals[i].initial_first, o->globals[i].initial_count,
				o->initial_count, &check->initials_left))
			return refuse(check, "a global refers outside");
	for (uint32_t i = 0; i < o->initial_count; i++) {
		const struct outline_initial *initial = &o->initials[i];
		bool is_named = initial->kind == VALUE_FUNCTION || initial->kind == VALUE_STRING ||
				initial->kind == VALUE_GLOBAL;

		if (!is_named && initial->kind != VALUE_INT)
			return refuse(check, "an initial value of an unknown kind");
		if ((is_named && !is_string(check, initial->target)) ||
			!is_string_or_none(check, initial->type))
			return refuse(check, "an initial value refers outside");
	}
	return true;
}

static bool check_all(struct check *check)
{
	const struct outline *o = check->outline;

	if (!check_strings(check) || !check_globals(check))
		return false;
	for (uint32_t i = 0; i < o->function_count; i++)
		if (!check_function(check, &o->functions[i]))
			return false;
	if (check->values.first + check->values.count != o->value_count ||
		check->blocks.first + check->blocks.count != o->block_count ||
		check->loops.first + check->loops.count != o->loop_count ||
		check->instructions.first + check->instructions.count != o->instruction_count)
		return refuse(check, "something belongs to no function");
	return true;
}

int outline_check(const struct outline *outline, const char *path, struct err *err)
{
	struct check check = {
		.outline = outline,
		.incoming_left = outline->incoming_count,
		.operands_left = outline->operand_count,
		.successors_left = outline->successor_count,
		.cases_left = outline->case_count,
		.initials_left = outline->initial_count,
	};

	if (check_all(&check))
		return 0;
	return err_ret(err, -EINVAL, "%s is damaged: %s; extract it again", path, check.wrong);
}
