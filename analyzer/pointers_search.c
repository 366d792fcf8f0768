/* A pointer → the functions that it may be, backwards from where it is used: through what was
 * stored where it comes from, arguments, references, returned pointers and dlsym. */
#include <string.h>

#include "analyzer/pointers_own.h"

#define WORK_MAX 512 /* values looked at for one call */

struct query {
	struct program *program;
	struct candidates *found;
	unsigned int depth, work;
	uint32_t site_fn, site; /* the call that entered a returning function; FN_NONE: any */
};

static void found_add(struct query *query, uint32_t fn)
{
	struct candidates *found = query->found;

	if (fn == FN_NONE)
		return;
	for (uint32_t i = 0; i < found->count; i++)
		if (found->at[i] == fn)
			return;
	if (found->count == CANDIDATES_MAX)
		found->is_partial = true;
	else
		found->at[found->count++] = fn;
}

static void resolve(struct query *query, uint32_t fn, uint32_t value);

static bool resolve_place(struct query *query, uint64_t place)
{
	const struct pointer_index *index = query->program->pointers;
	size_t low = 0, high = index->sources.len;
	bool is_found = false;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->sources.at[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < index->sources.len && index->sources.at[low].place == place; low++) {
		const struct source *source = &index->sources.at[low];

		if (source->fn == FN_NONE)
			found_add(query, source->value);
		else
			resolve(query, source->fn, source->value);
		is_found = true;
	}
	return is_found;
}

static void resolve_load(struct query *query, uint32_t fn, uint32_t address);

/* What `fn` stores into one of its own variables. */
static void resolve_local(struct query *query, uint32_t fn, uint32_t address)
{
	const struct outline *outline = program_fn(query->program, fn)->outline;
	const struct outline_function *def = program_fn(query->program, fn)->def;

	for (uint32_t b = 0; b < def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[def->block_first + b];

		for (uint32_t i = 0; i < block->instruction_count; i++) {
			const struct outline_instruction *store =
				&outline->instructions[block->instruction_first + i];
			const struct outline_value *to = &outline->values[store->a];

			if (store->kind == INSTRUCTION_STORE && to->kind == VALUE_LOCAL &&
				to->number == outline->values[address].number)
				resolve(query, fn, store->b);
		}
	}
}

/* A reference: what stands where the callers' argument points to. */
static void resolve_reference(struct query *query, uint32_t fn, int64_t argument)
{
	const struct program *program = query->program;
	uint32_t count;
	const struct call_site *sites = program_sites(program, fn, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct outline *outline = program_fn(program, sites[i].caller)->outline;
		const struct outline_instruction *call =
			&outline->instructions[sites[i].instruction];

		if (argument >= 0 && argument < call->operand_count)
			resolve_load(query, sites[i].caller,
				outline->operands[call->operand_first + argument]);
	}
}

/* std::forward() and the like give their argument back: the argument, or NONE. */
static uint32_t passed_through(const struct program *program, uint32_t fn, uint32_t result)
{
	const struct fn *owner = program_fn(program, fn), *callee;
	const struct outline_instruction *call =
		&owner->outline->instructions[owner->outline->values[result].a];
	const struct outline_value *name = &owner->outline->values[call->a], *returned;
	uint32_t id = name->kind == VALUE_FUNCTION ? program_function(program, owner->unit, name->a)
						   : FN_NONE;

	if (id == FN_NONE || !program_fn(program, id)->def ||
		program_fn(program, id)->def->block_count != 1)
		return OUTLINE_NONE;
	callee = program_fn(program, id);
	if (callee->outline->blocks[callee->def->block_first].exit != EXIT_RETURN ||
		callee->outline->blocks[callee->def->block_first].condition == OUTLINE_NONE)
		return OUTLINE_NONE;
	returned = &callee->outline
			    ->values[callee->outline->blocks[callee->def->block_first].condition];
	if (returned->kind != VALUE_ARG || returned->number < 0 ||
		returned->number >= call->operand_count)
		return OUTLINE_NONE;
	return owner->outline->operands[call->operand_first + returned->number];
}

static void resolve_load(struct query *query, uint32_t fn, uint32_t address)
{
	const struct outline_value *value =
		&program_fn(query->program, fn)->outline->values[address];
	uint32_t before = query->found->count, through = OUTLINE_NONE;
	uint64_t places[2];

	if (query->depth >= DEPTH_MAX || query->work++ >= WORK_MAX) {
		query->found->is_partial = true;
		return;
	}
	query->depth++;
	pointers_places(query->program, program_fn(query->program, fn)->unit, address, places);
	if (value->kind == VALUE_RESULT)
		through = passed_through(query->program, fn, address);
	if (value->kind == VALUE_ARG)
		resolve_reference(query, fn, value->number);
	else if (value->kind == VALUE_LOCAL)
		resolve_local(query, fn, address);
	else if (through != OUTLINE_NONE)
		resolve_load(query, fn, through);
	else if (places[0])
		resolve_place(query, places[0]);
	if (query->found->count == before && places[1])
		resolve_place(query, places[1]);
	if (query->found->count == before)
		query->found->is_partial = true;
	query->depth--;
}

static void resolve_arg(struct query *query, uint32_t fn, uint32_t arg)
{
	const struct program *program = query->program;
	uint32_t count;
	const struct call_site *sites = program_sites(program, fn, &count);

	if (!count)
		query->found->is_partial = true;
	for (uint32_t i = 0; i < count; i++) {
		const struct outline *outline = program_fn(program, sites[i].caller)->outline;
		const struct outline_instruction *call =
			&outline->instructions[sites[i].instruction];

		if (arg < call->operand_count)
			resolve(query, sites[i].caller,
				outline->operands[call->operand_first + arg]);
	}
}

/* dlsym(handle, name): the name must be a constant here, or an argument that the caller of this
 * function passes as one. */
static void resolve_dlsym(struct query *query, uint32_t fn, const struct outline_instruction *call)
{
	const struct outline *outline = program_fn(query->program, fn)->outline;
	const struct outline_value *name;

	query->found->is_partial = true;
	if (call->operand_count < 2)
		return;
	name = &outline->values[outline->operands[call->operand_first + 1]];
	if (name->kind == VALUE_ARG && query->site_fn != FN_NONE) {
		outline = program_fn(query->program, query->site_fn)->outline;
		call = &outline->instructions[query->site];
		if (name->number < 0 || name->number >= call->operand_count)
			return;
		name = &outline->values[outline->operands[call->operand_first + name->number]];
	}
	if (name->kind != VALUE_STRING)
		return;
	found_add(query, program_external(query->program, outline_string(outline, name->a),
				 outline_string(outline, name->a)));
	query->found->is_partial = false;
}

static void resolve_returned(struct query *query, uint32_t callee, uint32_t fn, uint32_t site)
{
	/* Not the function itself: dlsym'd names move the array. */
	const struct outline *outline = program_fn(query->program, callee)->outline;
	const struct outline_function *def = program_fn(query->program, callee)->def;
	uint32_t outer_fn = query->site_fn, outer = query->site;

	query->site_fn = fn;
	query->site = site;
	for (uint32_t b = 0; b < def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[def->block_first + b];

		if (block->exit == EXIT_RETURN && block->condition != OUTLINE_NONE)
			resolve(query, callee, block->condition);
	}
	query->site_fn = outer_fn;
	query->site = outer;
}

static void resolve_result(struct query *query, uint32_t fn, uint32_t instruction)
{
	const struct fn *owner = program_fn(query->program, fn);
	const struct outline_instruction *call = &owner->outline->instructions[instruction];
	const struct outline_value *callee = &owner->outline->values[call->a];
	uint32_t id;

	if (callee->kind != VALUE_FUNCTION) {
		query->found->is_partial = true;
		return;
	}
	id = program_function(query->program, owner->unit, callee->a);
	if (id == FN_NONE)
		return;
	if (program_fn(query->program, id)->role == ROLE_DLSYM)
		resolve_dlsym(query, fn, call);
	else if (program_fn(query->program, id)->def)
		resolve_returned(query, id, fn, instruction);
	else
		query->found->is_partial = true;
}

static void resolve(struct query *query, uint32_t fn, uint32_t id)
{
	const struct outline *outline = program_fn(query->program, fn)->outline;
	const struct outline_value *value = &outline->values[id];

	if (query->depth >= DEPTH_MAX || query->work >= WORK_MAX) {
		query->found->is_partial = true;
		return;
	}
	query->depth++;
	query->work++;
	switch (value->kind) {
	case VALUE_FUNCTION:
		found_add(query, program_function(query->program,
					 program_fn(query->program, fn)->unit, value->a));
		break;
	case VALUE_LOAD:
		resolve_load(query, fn, value->a);
		break;
	case VALUE_ARG:
		if (value->number >= 0 && value->number < UINT32_MAX)
			resolve_arg(query, fn, (uint32_t)value->number);
		break;
	case VALUE_RESULT:
		resolve_result(query, fn, value->a);
		break;
	case VALUE_PHI:
		for (uint32_t i = 0; i < value->b; i++)
			resolve(query, fn, outline->incoming[value->a + i].value);
		break;
	case VALUE_SELECT:
		resolve(query, fn, value->a);
		resolve(query, fn, value->b);
		break;
	case VALUE_NULL:
	case VALUE_INT:
		break;
	default:
		query->found->is_partial = true;
	}
	query->depth--;
}

void program_callees(
	struct program *program, uint32_t fn, uint32_t value, struct candidates *ret_candidates)
{
	struct query query = {.program = program, .found = ret_candidates, .site_fn = FN_NONE};
	uint64_t question = (uint64_t)fn << 32 | value;
	struct answer *answer;

	HASH_FIND(hh, program->pointers->answers, &question, sizeof(question), answer);
	if (answer) {
		*ret_candidates = answer->candidates;
		return;
	}
	*ret_candidates = (struct candidates){0};
	resolve(&query, fn, value);
	answer = calloc(1, sizeof(*answer));
	if (!answer)
		return;
	answer->question = question;
	answer->candidates = *ret_candidates;
	HASH_ADD(hh, program->pointers->answers, question, sizeof(question), answer);
	if (map_has_failed(answer))
		free(answer);
}
