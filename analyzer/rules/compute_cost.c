/* All functions → what each does that decides whether its loops need the interpreter; the same for
 * every loop. Found by going round until nothing is added: calls may form cycles. */
#include "analyzer/rules/compute.h"

#include <string.h>

#define ROUNDS_MAX 32 /* callees come first, so only cycles need more than one or two */

static uint8_t cost_of_api(enum model_api api)
{
	if (api == API_ACCESSOR)
		return COST_ACCESSOR;
	return api == API_UNLOCKED ? 0 : COST_PYTHON;
}

static uint8_t cost_of_model(const struct model *model)
{
	if (!model)
		return COST_UNKNOWN;
	if (model->may_run_python)
		return COST_PYTHON;
	switch (model->effect) {
	case MODEL_TRIVIAL:
		return 0;
	case MODEL_COMPUTES:
		return COST_MODEL;
	case MODEL_API:
		return cost_of_api(model->api);
	case MODEL_LOCK:
		return COST_PYTHON;
	default:
		return COST_WAITS;
	}
}

static uint8_t cost_of_callees(
	const struct costs *costs, const struct reach *reach, uint32_t fn, uint32_t value);

/* Functions that are handed over and run within the call. */
static uint8_t cost_of_callbacks(const struct costs *costs, const struct reach *reach, uint32_t fn,
	const struct outline_instruction *call, const struct model *model)
{
	const struct outline *outline = program_fn(reach->program, fn)->outline;
	uint8_t cost = 0;

	for (size_t i = 0; i < model->callback_count; i++) {
		int arg = model->callbacks[i].arg;

		if (!model->callbacks[i].is_async && arg >= 0 &&
			(uint32_t)arg < call->operand_count)
			cost |= cost_of_callees(costs, reach, fn,
				outline->operands[call->operand_first + (uint32_t)arg]);
	}
	return cost;
}

static uint8_t cost_of_function(const struct costs *costs, const struct reach *reach, uint32_t id)
{
	const struct fn *fn = program_fn(reach->program, id);

	switch (fn->kind) {
	case FN_BODY:
		return costs->of_function[id];
	case FN_API:
		return cost_of_api(fn->api);
	case FN_LOCK:
		return COST_PYTHON;
	default:
		return cost_of_model(fn->model);
	}
}

static uint8_t cost_of_callees(
	const struct costs *costs, const struct reach *reach, uint32_t fn, uint32_t value)
{
	struct candidates candidates = {0};
	uint8_t cost = 0;

	program_callees(reach->program, fn, value, &candidates);
	if (!candidates.count || candidates.is_partial)
		return COST_PYTHON;
	for (uint32_t i = 0; i < candidates.count; i++)
		cost |= cost_of_function(costs, reach, candidates.at[i]);
	return cost;
}

uint8_t cost_of_call(const struct costs *costs, const struct reach *reach, uint32_t fn,
	const struct outline_instruction *call)
{
	const struct fn *owner = program_fn(reach->program, fn);
	const struct outline_value *value = &owner->outline->values[call->a];
	const struct model *model;
	uint32_t callee;

	if (value->kind != VALUE_FUNCTION)
		return cost_of_callees(costs, reach, fn, call->a);
	callee = program_function(reach->program, owner->unit, value->a);
	model = program_fn(reach->program, callee)->model;
	return cost_of_function(costs, reach, callee) |
	       (model ? cost_of_callbacks(costs, reach, fn, call, model) : 0);
}

/* Adds what a block does to the loops that it lies in; returns it. */
static uint8_t block_add(const struct costs *costs, const struct reach *reach, uint32_t fn,
	const struct outline_block *block)
{
	const struct fn *owner = program_fn(reach->program, fn);
	const struct outline *outline = owner->outline;
	uint8_t cost = 0;

	for (uint32_t i = 0; i < block->instruction_count; i++) {
		const struct outline_instruction *step =
			&outline->instructions[block->instruction_first + i];

		if (step->kind == INSTRUCTION_CALL)
			cost |= cost_of_call(costs, reach, fn, step);
	}
	for (uint32_t loop = block->loop; loop != OUTLINE_NONE; loop = outline->loops[loop].parent)
		costs->of_loop[owner->unit][loop] |= cost;
	return cost;
}

static uint8_t function_add(const struct costs *costs, const struct reach *reach, uint32_t fn)
{
	const struct outline *outline = program_fn(reach->program, fn)->outline;
	const struct outline_function *def = program_fn(reach->program, fn)->def;
	uint8_t cost = 0;

	for (uint32_t i = 0; i < def->block_count; i++)
		cost |= block_add(costs, reach, fn, &outline->blocks[def->block_first + i]);
	for (uint32_t i = 0; i < def->loop_count; i++)
		if (outline->loops[def->loop_first + i].trip == TRIP_BOUND)
			cost |= COST_LOOP;
	return cost;
}

int costs_find(struct costs *costs, struct reach *reach)
{
	const struct program *program = reach->program;
	bool is_changed = true;

	costs->of_function = arena_alloc(reach->arena, program->functions.len + 1);
	costs->of_loop =
		arena_alloc(reach->arena, (program->unit_count + 1) * sizeof(*costs->of_loop));
	if (!costs->of_function || !costs->of_loop)
		return -ENOMEM;
	for (uint32_t i = 0; i < program->unit_count; i++) {
		costs->of_loop[i] = arena_alloc(reach->arena, program->units[i].loop_count + 1);
		if (!costs->of_loop[i])
			return -ENOMEM;
	}
	for (int round = 0; is_changed && round < ROUNDS_MAX; round++) {
		is_changed = false;
		for (uint32_t i = 0; i < reach->effects->order_count; i++) {
			uint32_t id = reach->effects->order[i];
			uint8_t cost = function_add(costs, reach, id);

			is_changed |= cost != costs->of_function[id];
			costs->of_function[id] = cost;
		}
	}
	return 0;
}
