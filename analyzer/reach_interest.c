/* Functions → which of their arguments decide a branch, a callee or a model's condition: only these
 * tell contexts apart. */
#include "analyzer/reach.h"

#define DEPTH_MAX 4 /* operands of a condition */

static uint32_t bits_of_value(const struct outline *outline, uint32_t id, int depth)
{
	const struct outline_value *value;
	uint32_t bits = 0;

	if (id == OUTLINE_NONE || depth > DEPTH_MAX)
		return 0;
	value = &outline->values[id];
	switch (value->kind) {
	case VALUE_ARG:
		return value->number >= 0 && value->number < 32 ? 1u << value->number : 0;
	case VALUE_SELECT:
		bits = bits_of_value(outline, (uint32_t)value->number, depth + 1);
		/* fall through */
	case VALUE_COMPARE:
	case VALUE_BINARY:
		return bits | bits_of_value(outline, value->a, depth + 1) |
		       bits_of_value(outline, value->b, depth + 1);
	case VALUE_PHI:
		for (uint32_t i = 0; i < value->b && i < 8; i++)
			bits |= bits_of_value(
				outline, outline->incoming[value->a + i].value, depth + 1);
		return bits;
	default:
		return 0;
	}
}

/* Which operands of a call matter to its callee. */
static uint32_t operands_wanted(struct reach *reach, uint32_t fn, uint32_t callee)
{
	const struct fn *to = program_fn(reach->program, callee);
	uint32_t wanted = 0;

	(void)fn; /* a function that calls itself: what is known of it so far */
	if (to->kind == FN_BODY)
		return reach->interesting[callee];
	if (!to->model)
		return 0;
	for (size_t i = 0; i < to->model->unless_count; i++)
		wanted |= to->model->unless[i].arg < 32 ? 1u << to->model->unless[i].arg : 0;
	for (size_t i = 0; i < to->model->when_count; i++)
		wanted |= to->model->when[i].arg < 32 ? 1u << to->model->when[i].arg : 0;
	for (size_t i = 0; i < to->model->callback_count; i++)
		wanted |= to->model->callbacks[i].arg < 32 ? 1u << to->model->callbacks[i].arg : 0;
	return wanted;
}

static uint32_t bits_of_call(
	struct reach *reach, uint32_t fn, const struct outline_instruction *call)
{
	const struct outline *outline = program_fn(reach->program, fn)->outline;
	uint32_t bits = bits_of_value(outline, call->a, 0), wanted = 0;
	struct candidates callees = {0};

	program_callees(reach->program, fn, call->a, &callees);
	for (uint32_t c = 0; c < callees.count; c++)
		wanted |= operands_wanted(reach, fn, callees.at[c]);
	for (uint32_t i = 0; i < call->operand_count && i < 32; i++)
		if (wanted >> i & 1)
			bits |= bits_of_value(
				outline, outline->operands[call->operand_first + i], 0);
	return bits;
}

int reach_interests(struct reach *reach)
{
	reach->interesting = calloc(reach->program->functions.len + 1, sizeof(uint32_t));
	if (!reach->interesting)
		return -ENOMEM;
	for (uint32_t o = 0; o < reach->effects->order_count; o++) {
		uint32_t id = reach->effects->order[o], bits = 0;
		const struct outline *outline = program_fn(reach->program, id)->outline;
		const struct outline_function *def = program_fn(reach->program, id)->def;

		for (uint32_t b = 0; b < def->block_count; b++) {
			const struct outline_block *block = &outline->blocks[def->block_first + b];

			bits |= bits_of_value(outline, block->condition, 0);
			for (uint32_t i = 0; i < block->instruction_count; i++) {
				const struct outline_instruction *call =
					&outline->instructions[block->instruction_first + i];

				if (call->kind == INSTRUCTION_CALL)
					bits |= bits_of_call(reach, id, call);
			}
		}
		reach->interesting[id] = bits;
	}
	return 0;
}
