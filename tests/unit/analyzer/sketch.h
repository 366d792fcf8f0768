/* Outlines drawn by hand: functions, blocks and calls, then what the engine makes of them. */
#ifndef GILSCOPE_TEST_SKETCH_H
#define GILSCOPE_TEST_SKETCH_H

#include <criterion/criterion.h>
#include <string.h>

#include "analyzer/draft.h"
#include "analyzer/outline_build.h"
#include "analyzer/solve.h"
#include "runtime/base/err.h"

#define BLOCKS 12 /* of a function */

struct sketch {
	struct outline_builder builder;
	struct outline_function function; /* the one being drawn */
	struct outline_block blocks[BLOCKS];
	uint32_t targets[BLOCKS][3];
	uint32_t current; /* block, from 0 */
	uint32_t line;
	struct outline outline;
	struct models *models;
	struct program program;
	struct findings findings;
};

static inline uint32_t sketch_text(struct sketch *sketch, const char *text)
{
	return outline_builder_string(&sketch->builder, text, strlen(text));
}

static inline uint32_t sketch_value(struct sketch *sketch, struct outline_value value)
{
	cr_assert_eq(vec_push(&sketch->builder.values, value), 0);
	return (uint32_t)sketch->builder.values.len - 1;
}

static inline uint32_t sketch_int(struct sketch *sketch, int64_t number)
{
	return sketch_value(sketch, (struct outline_value){.kind = VALUE_INT, .number = number});
}

static inline uint32_t sketch_null(struct sketch *sketch)
{
	return sketch_value(sketch, (struct outline_value){.kind = VALUE_NULL});
}

static inline uint32_t sketch_arg(struct sketch *sketch, int64_t index)
{
	return sketch_value(sketch, (struct outline_value){.kind = VALUE_ARG, .number = index});
}

static inline uint32_t sketch_local(struct sketch *sketch, int64_t ordinal)
{
	return sketch_value(sketch, (struct outline_value){.kind = VALUE_LOCAL,
					    .number = ordinal,
					    .b = sketch_text(sketch, "struct.area")});
}

static inline uint32_t sketch_field(struct sketch *sketch, uint32_t base, int64_t offset)
{
	return sketch_value(sketch, (struct outline_value){.kind = VALUE_FIELD,
					    .a = base,
					    .b = sketch_text(sketch, "struct.area"),
					    .number = offset});
}

static inline uint32_t sketch_compare(
	struct sketch *sketch, enum outline_compare op, uint32_t a, uint32_t b)
{
	return sketch_value(sketch,
		(struct outline_value){.kind = VALUE_COMPARE, .op = (uint16_t)op, .a = a, .b = b});
}

/* `value` when the path comes from block `a`, `other` from block `b`. */
static inline uint32_t sketch_phi(
	struct sketch *sketch, uint32_t a, uint32_t value, uint32_t b, uint32_t other)
{
	uint32_t first = (uint32_t)sketch->builder.incoming.len;
	uint32_t base = sketch->function.block_first;

	outline_push(&sketch->builder, incoming, (struct outline_incoming){base + a, value});
	outline_push(&sketch->builder, incoming, (struct outline_incoming){base + b, other});
	return sketch_value(sketch, (struct outline_value){.kind = VALUE_PHI, .a = first, .b = 2});
}

/* Blocks are drawn in order: the first instruction of a new one begins it. */
static inline void sketch_block(struct sketch *sketch, uint32_t block)
{
	sketch->current = block;
	sketch->blocks[block].instruction_first = (uint32_t)sketch->builder.instructions.len;
	sketch->blocks[block].condition = OUTLINE_NONE;
	sketch->blocks[block].loop = OUTLINE_NONE;
	sketch->blocks[block].line = ++sketch->line;
	if (sketch->function.block_count <= block)
		sketch->function.block_count = block + 1;
}

static inline uint32_t sketch_step(struct sketch *sketch, struct outline_instruction step)
{
	step.file = sketch_text(sketch, "sketch.c");
	step.line = ++sketch->line;
	step.column = 1;
	cr_assert_eq(vec_push(&sketch->builder.instructions, step), 0);
	sketch->blocks[sketch->current].instruction_count++;
	return (uint32_t)sketch->builder.instructions.len - 1;
}

/* A call with up to two arguments (OUTLINE_NONE: none); returns its result. */
static inline uint32_t sketch_call(
	struct sketch *sketch, const char *callee, uint32_t first, uint32_t second)
{
	struct outline_instruction call = {
		.kind = INSTRUCTION_CALL, .operand_first = (uint32_t)sketch->builder.operands.len};
	uint32_t at;

	call.a = sketch_value(sketch,
		(struct outline_value){.kind = VALUE_FUNCTION, .a = sketch_text(sketch, callee)});
	call.result = sketch_value(sketch, (struct outline_value){.kind = VALUE_RESULT});
	if (first != OUTLINE_NONE) {
		outline_push(&sketch->builder, operands, first);
		call.operand_count++;
	}
	if (second != OUTLINE_NONE) {
		outline_push(&sketch->builder, operands, second);
		call.operand_count++;
	}
	at = sketch_step(sketch, call);
	sketch->builder.values.at[call.result].a = at;
	return call.result;
}

#define NOTHING OUTLINE_NONE

static inline uint32_t sketch_load(struct sketch *sketch, uint32_t address)
{
	uint32_t load =
		sketch_value(sketch, (struct outline_value){.kind = VALUE_LOAD, .a = address});
	uint32_t at = sketch_step(
		sketch, (struct outline_instruction){
				.kind = INSTRUCTION_LOAD, .a = load, .result = OUTLINE_NONE});

	sketch->builder.values.at[load].b = at;
	return load;
}

static inline void sketch_store(struct sketch *sketch, uint32_t address, uint32_t value)
{
	(void)sketch_step(sketch, (struct outline_instruction){.kind = INSTRUCTION_STORE,
					  .a = address,
					  .b = value,
					  .result = OUTLINE_NONE}); /* a store makes no value */
}

static inline void sketch_jump(struct sketch *sketch, uint32_t to)
{
	sketch->blocks[sketch->current].exit = EXIT_JUMP;
	sketch->blocks[sketch->current].successor_count = 1;
	sketch->targets[sketch->current][0] = to;
}

static inline void sketch_branch(
	struct sketch *sketch, uint32_t condition, uint32_t yes, uint32_t no)
{
	sketch->blocks[sketch->current].exit = EXIT_BRANCH;
	sketch->blocks[sketch->current].condition = condition;
	sketch->blocks[sketch->current].successor_count = 2;
	sketch->targets[sketch->current][0] = yes;
	sketch->targets[sketch->current][1] = no;
}

static inline void sketch_return(struct sketch *sketch, uint32_t value)
{
	sketch->blocks[sketch->current].exit = EXIT_RETURN;
	sketch->blocks[sketch->current].condition = value;
}

static inline void sketch_function(struct sketch *sketch, const char *name, uint32_t flags)
{
	memset(sketch->blocks, 0, sizeof(sketch->blocks));
	sketch->function = (struct outline_function){
		.symbol = sketch_text(sketch, name),
		.name = sketch_text(sketch, name),
		.file = sketch_text(sketch, "sketch.c"),
		.line = ++sketch->line,
		.flags = flags,
		.block_first = (uint32_t)sketch->builder.blocks.len,
		.value_first = (uint32_t)sketch->builder.values.len,
		.loop_first = (uint32_t)sketch->builder.loops.len,
	};
	sketch_block(sketch, 0);
}

static inline void sketch_end(struct sketch *sketch)
{
	for (uint32_t b = 0; b < sketch->function.block_count; b++) {
		struct outline_block *block = &sketch->blocks[b];

		block->successor_first = (uint32_t)sketch->builder.successors.len;
		for (uint32_t i = 0; i < block->successor_count; i++)
			outline_push(&sketch->builder, successors,
				sketch->function.block_first + sketch->targets[b][i]);
		outline_push(&sketch->builder, blocks, *block);
	}
	sketch->function.value_count =
		(uint32_t)sketch->builder.values.len - sketch->function.value_first;
	outline_push(&sketch->builder, functions, sketch->function);
}

/* Makes `name` a Python method: the entry that holds the lock. */
static inline void sketch_method(struct sketch *sketch, const char *name)
{
	struct outline_global global = {.symbol = sketch_text(sketch, "methods"),
		.type = sketch_text(sketch, "struct.PyMethodDef"),
		.flags = GLOBAL_INTERNAL,
		.initial_first = (uint32_t)sketch->builder.initials.len,
		.initial_count = 1};

	outline_push(&sketch->builder, initials,
		(struct outline_initial){.kind = VALUE_FUNCTION,
			.target = sketch_text(sketch, name),
			.type = sketch_text(sketch, "struct.PyMethodDef"),
			.field_offset = 8});
	outline_push(&sketch->builder, globals, global);
}

static inline void sketch_open(struct sketch *sketch)
{
	struct err err = {0};

	memset(sketch, 0, sizeof(*sketch));
	(void)sketch_text(sketch, ""); /* string 0 */
	cr_assert_eq(models_new(&sketch->models), 0);
	cr_assert_eq(models_load(sketch->models, SOURCE_DIR "/analyzer/models", &err), 0, "%s",
		err.text);
	cr_assert_eq(findings_init(&sketch->findings), 0);
}

/* Joins what was drawn into a program. */
static inline struct program *sketch_link(struct sketch *sketch)
{
	cr_assert_eq(
		outline_builder_finish(&sketch->builder, "sketch.c", false, &sketch->outline), 0);
	sketch->program.models = sketch->models;
	sketch->program.units = calloc(1, sizeof(struct outline));
	sketch->program.units[0] = sketch->outline;
	sketch->program.unit_count = 1;
	cr_assert_eq(program_link(&sketch->program), 0);
	return &sketch->program;
}

static inline const struct findings *sketch_solve(struct sketch *sketch)
{
	const struct solve_options options = {.root = "", .models = sketch->models};

	cr_assert_eq(solve_program(sketch_link(sketch), &options, &sketch->findings), 0);
	return &sketch->findings;
}

static inline uint32_t sketch_find(const struct sketch *sketch, const char *name)
{
	for (uint32_t id = 0; id < sketch->program.functions.len; id++)
		if (!strcmp(sketch->program.functions.at[id].symbol, name))
			return id;
	cr_assert_fail("no function %s", name);
	return FN_NONE;
}

static inline const struct finding *sketch_finding(
	const struct sketch *sketch, const char *rule, const char *function)
{
	vec_each (finding, &sketch->findings.list)
		if (!strcmp(finding->rule, rule) && !strcmp(finding->function, function))
			return finding;
	return NULL;
}

static inline void sketch_close(struct sketch *sketch)
{
	program_fini(&sketch->program);
	findings_fini(&sketch->findings);
	models_free(sketch->models);
	outline_builder_fini(&sketch->builder);
}

#endif
