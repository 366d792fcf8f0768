/* A loop → may the lock simply be released around it? Only where all memory that it uses is the
 * path's own, or read from a buffer whose export keeps it in place. */
#include <string.h>

#include "analyzer/rules/compute.h"

#define DEPTH_MAX 10

struct owner {
	struct reach *reach;
	uint32_t context;
};

static const struct fn *owner_fn(const struct owner *owner)
{
	return program_fn(owner->reach->program, reach_context(owner->reach, owner->context)->fn);
}

static bool is_py_buffer(const char *type)
{
	return strstr(type, "Py_buffer") || strstr(type, "bufferinfo");
}

/* Is this address where a Py_buffer keeps the begin of its bytes: its first field? */
static bool is_buffer_begin(const struct outline *outline, const struct outline_value *address)
{
	return (address->kind == VALUE_LOCAL ||
		       (address->kind == VALUE_FIELD && !address->number)) &&
	       is_py_buffer(outline_string(outline, address->b));
}

static bool is_own(const struct owner *owner, uint32_t id, bool is_written, int depth);

static bool is_callers_own(const struct owner *owner, int64_t number, bool is_written, int depth)
{
	const struct context *context = reach_context(owner->reach, owner->context);
	struct owner caller = {owner->reach, context->parent};
	const struct outline_instruction *call;
	const struct outline_value *callee;
	const struct fn *fn;

	if (context->parent == CONTEXT_NONE)
		return false;
	fn = owner_fn(&caller);
	call = &fn->outline->instructions[context->site];
	callee = &fn->outline->values[call->a];
	if (callee->kind != VALUE_FUNCTION || number < 0 ||
		number >= (int64_t)call->operand_count ||
		program_function(owner->reach->program, fn->unit, callee->a) != context->fn)
		return false;
	return is_own(&caller, fn->outline->operands[call->operand_first + number], is_written,
		depth + 1);
}

static bool is_own(const struct owner *owner, uint32_t id, bool is_written, int depth)
{
	const struct outline *outline = owner_fn(owner)->outline;
	const struct outline_value *value = &outline->values[id];

	if (depth > DEPTH_MAX)
		return false;
	switch (value->kind) {
	case VALUE_LOCAL:
		return true;
	case VALUE_FIELD:
	case VALUE_ELEMENT:
		return is_own(owner, value->a, is_written, depth + 1);
	case VALUE_ARG:
		return is_callers_own(owner, value->number, is_written, depth);
	case VALUE_LOAD:
		return !is_written && is_buffer_begin(outline, &outline->values[value->a]);
	default:
		return false;
	}
}

static bool is_step_own(const struct owner *owner, const struct outline_instruction *step)
{
	const struct outline *outline = owner_fn(owner)->outline;

	if (step->kind == INSTRUCTION_LOAD)
		return is_own(owner, outline->values[step->a].a, false, 0);
	return step->kind == INSTRUCTION_STORE && is_own(owner, step->a, true, 0);
}

bool loop_is_own(const struct sighting *sighting)
{
	struct owner owner = {sighting->reach, sighting->context};
	const struct fn *fn = owner_fn(&owner);
	uint32_t wanted = sighting->loop->loop;

	/* A release goes around the whole nest. */
	while (fn->outline->loops[wanted].parent != OUTLINE_NONE)
		wanted = fn->outline->loops[wanted].parent;
	for (uint32_t b = 0; b < fn->def->block_count; b++) {
		const struct outline_block *block = &fn->outline->blocks[fn->def->block_first + b];
		uint32_t loop = block->loop;

		while (loop != OUTLINE_NONE && loop != wanted)
			loop = fn->outline->loops[loop].parent;
		for (uint32_t i = 0; loop == wanted && i < block->instruction_count; i++)
			if (!is_step_own(&owner,
				    &fn->outline->instructions[block->instruction_first + i]))
				return false;
	}
	return true;
}
