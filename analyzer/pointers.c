/* Initialisers and stores of a program → where each pointer to a function may come from; then every
 * indirect call is asked for its targets once. */
#include <string.h>

#include "analyzer/pointers_own.h"

static uint64_t hash_bytes(uint64_t hash, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ULL;
	return hash;
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
	return hash_bytes(hash, (const char *)&number, sizeof(number));
}

/* LLVM numbers the types of one name: instances of a template, local structs, lambdas. The number
 * is the unit's own, so that such a field is only known within its unit. */
static uint64_t place_field(uint32_t unit, const char *type, int64_t offset)
{
	size_t len = strlen(type), end = len;
	uint64_t hash = hash_bytes(1, type, len);

	while (end > 0 && type[end - 1] >= '0' && type[end - 1] <= '9')
		end--;
	if ((end > 0 && end < len && type[end - 1] == '.') || strstr(type, ".anon"))
		hash = hash_number(hash, unit + 1);
	return hash_number(hash, (uint64_t)offset);
}

static uint64_t place_global(
	const struct program *program, uint32_t unit, uint32_t symbol, int64_t offset)
{
	const struct outline *outline = &program->units[unit];
	const char *name = outline_string(outline, symbol);
	uint64_t hash = hash_bytes(2, name, strlen(name));

	if (symbol != OUTLINE_NONE && program->is_internal_global[unit][symbol])
		hash = hash_number(hash, unit + 1);
	return hash_number(hash, (uint64_t)offset);
}

#define OFFSET_ANY INT64_MIN /* some element of a global array */

void pointers_places(
	const struct program *program, uint32_t unit, uint32_t address, uint64_t ret[2])
{
	const struct outline *outline = &program->units[unit];
	const struct outline_value *value = &outline->values[address];
	int64_t offset = 0;
	unsigned int count = 0;

	ret[0] = ret[1] = 0;
	for (int depth = 0; depth < DEPTH_MAX; depth++, value = &outline->values[value->a]) {
		if (value->kind == VALUE_GLOBAL) {
			ret[count++] = place_global(program, unit, value->a,
				offset == OFFSET_ANY ? OFFSET_ANY : offset + value->number);
			break;
		}
		if (value->kind == VALUE_FIELD) {
			if (!count && *outline_string(outline, value->b))
				ret[count++] = place_field(
					unit, outline_string(outline, value->b), value->number);
			offset = offset == OFFSET_ANY ? OFFSET_ANY : offset + value->number;
		} else if (value->kind == VALUE_ELEMENT) {
			offset = OFFSET_ANY;
		} else {
			break;
		}
	}
	if (count == 2) {
		uint64_t exact = ret[1];

		ret[1] = ret[0];
		ret[0] = exact;
	}
}

static bool may_be_pointer(const struct outline_value *value)
{
	switch (value->kind) {
	case VALUE_FUNCTION:
	case VALUE_ARG:
	case VALUE_RESULT:
	case VALUE_LOAD:
	case VALUE_PHI:
	case VALUE_SELECT:
		return true;
	default:
		return false;
	}
}

static int source_add(struct pointer_index *index, uint64_t place, uint32_t fn, uint32_t value)
{
	return place ? vec_push(&index->sources, (struct source){place, fn, value}) : 0;
}

static int stores_index(struct program *program, uint32_t id)
{
	const struct fn *fn = program_fn(program, id);
	const struct outline *outline = fn->outline;

	for (uint32_t b = 0; b < fn->def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[fn->def->block_first + b];

		for (uint32_t i = 0; i < block->instruction_count; i++) {
			const struct outline_instruction *store =
				&outline->instructions[block->instruction_first + i];
			uint64_t places[2];

			if (store->kind != INSTRUCTION_STORE ||
				!may_be_pointer(&outline->values[store->b]))
				continue;
			pointers_places(program, fn->unit, store->a, places);
			if (source_add(program->pointers, places[0], id, store->b) ||
				source_add(program->pointers, places[1], id, store->b))
				return -ENOMEM;
		}
	}
	return 0;
}

/* Asks every question there is, so that the program never changes afterwards. */
static void callees_resolve(struct program *program, uint32_t id)
{
	const struct outline *outline = program_fn(program, id)->outline;
	const struct outline_function *def = program_fn(program, id)->def;
	struct candidates candidates;

	for (uint32_t b = 0; b < def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[def->block_first + b];

		for (uint32_t i = 0; i < block->instruction_count; i++) {
			const struct outline_instruction *call =
				&outline->instructions[block->instruction_first + i];

			if (call->kind == INSTRUCTION_CALL &&
				outline->values[call->a].kind != VALUE_FUNCTION)
				program_callees(program, id, call->a, &candidates);
		}
	}
}

static int initials_index(struct program *program, uint32_t unit)
{
	const struct outline *outline = &program->units[unit];
	struct pointer_index *index = program->pointers;

	for (uint32_t g = 0; g < outline->global_count; g++) {
		const struct outline_global *global = &outline->globals[g];

		for (uint32_t i = 0; i < global->initial_count; i++) {
			const struct outline_initial *initial =
				&outline->initials[global->initial_first + i];
			const char *type = outline_string(outline, initial->type);
			uint32_t fn;

			if (initial->kind != VALUE_FUNCTION)
				continue;
			fn = program_function(program, unit, initial->target);
			if (source_add(index,
				    *type ? place_field(unit, type, initial->field_offset) : 0,
				    FN_NONE, fn) ||
				source_add(index,
					place_global(program, unit, global->symbol,
						(int64_t)initial->offset),
					FN_NONE, fn) ||
				source_add(index,
					place_global(program, unit, global->symbol, OFFSET_ANY),
					FN_NONE, fn))
				return -ENOMEM;
		}
	}
	return 0;
}

static int source_cmp(const void *left, const void *right)
{
	const struct source *a = left, *b = right;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	if (a->fn != b->fn)
		return a->fn < b->fn ? -1 : 1;
	return a->value < b->value ? -1 : a->value > b->value;
}

int pointers_build(struct program *program)
{
	program->pointers = calloc(1, sizeof(*program->pointers));
	if (!program->pointers)
		return -ENOMEM;
	for (uint32_t unit = 0; unit < program->unit_count; unit++)
		if (initials_index(program, unit))
			return -ENOMEM;
	for (uint32_t id = 0; id < program->functions.len; id++)
		if (program_fn(program, id)->def && stores_index(program, id))
			return -ENOMEM;
	if (program->pointers->sources.len)
		qsort(program->pointers->sources.at, program->pointers->sources.len,
			sizeof(struct source), source_cmp);
	for (uint32_t id = 0, count = (uint32_t)program->functions.len; id < count; id++)
		if (program_fn(program, id)->kind == FN_BODY)
			callees_resolve(program, id);
	return 0;
}

void pointers_free(struct pointer_index *index)
{
	struct answer *answer, *next;

	if (!index)
		return;
	HASH_ITER (hh, index->answers, answer, next) {
		HASH_DELETE(hh, index->answers, answer);
		free(answer);
	}
	vec_fini(&index->sources);
	free(index);
}
