/* A program → the functions that are entered from outside it, and in which lock state. */
#include <string.h>

#include "analyzer/program.h"

static const struct {
	const char *type;
	enum root_state state;
	bool is_init;
	const char *why;
} types[] = {
#define ROOT_TYPE(type, state, is_init, why) {type, state, is_init, why},
#define ROOT_SYMBOL(prefix, state, is_init, why)
#define ROOT_VTABLE(prefix, state, why)
#include "analyzer/roots.def"
#undef ROOT_TYPE
#undef ROOT_SYMBOL
#undef ROOT_VTABLE
};

static const struct {
	const char *prefix;
	enum root_state state;
	bool is_init;
	const char *why;
} symbols[] = {
#define ROOT_TYPE(type, state, is_init, why)
#define ROOT_SYMBOL(prefix, state, is_init, why) {prefix, state, is_init, why},
#define ROOT_VTABLE(prefix, state, why)
#include "analyzer/roots.def"
#undef ROOT_TYPE
#undef ROOT_SYMBOL
#undef ROOT_VTABLE
};

static const struct {
	const char *prefix;
	enum root_state state;
	const char *why;
} vtables[] = {
#define ROOT_TYPE(type, state, is_init, why)
#define ROOT_SYMBOL(prefix, state, is_init, why)
#define ROOT_VTABLE(prefix, state, why) {prefix, state, why},
#include "analyzer/roots.def"
#undef ROOT_TYPE
#undef ROOT_SYMBOL
#undef ROOT_VTABLE
};

static int root_add(struct program *program, struct roots *roots, const struct root *root)
{
	if (root->fn == FN_NONE || program_fn(program, root->fn)->kind != FN_BODY)
		return 0;
	return vec_push(&roots->list, *root);
}

/* "struct.PyMethodDef.17" is PyMethodDef. */
static int type_find(const char *type)
{
	static const char *const kinds[] = {"struct.", "class.", "union."};
	size_t len;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(type, kinds[i], strlen(kinds[i]))) {
			type += strlen(kinds[i]);
			break;
		}
	len = strlen(type);
	while (len > 0 && type[len - 1] >= '0' && type[len - 1] <= '9')
		len--;
	len = len > 0 && type[len] && type[len - 1] == '.' ? len - 1 : strlen(type);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t row = strlen(types[i].type);

		if (types[i].type[row - 1] == '*'
				? !strncmp(types[i].type, type, row - 1)
				: row == len && !strncmp(types[i].type, type, len))
			return (int)i;
	}
	return -1;
}

static int types_scan(struct program *program, struct roots *roots, uint32_t unit)
{
	const struct outline *outline = &program->units[unit];

	for (uint32_t i = 0; i < outline->initial_count; i++) {
		const struct outline_initial *initial = &outline->initials[i];
		int row;

		if (initial->kind != VALUE_FUNCTION)
			continue;
		row = type_find(outline_string(outline, initial->type));
		if (row < 0)
			continue;
		if (root_add(program, roots,
			    &(struct root){program_function(program, unit, initial->target),
				    types[row].state, types[row].is_init, types[row].why}))
			return -ENOMEM;
	}
	return 0;
}

static int vtables_scan(struct program *program, struct roots *roots, uint32_t unit)
{
	const struct outline *outline = &program->units[unit];

	for (uint32_t g = 0; g < outline->global_count; g++) {
		const struct outline_global *global = &outline->globals[g];
		const char *symbol = outline_string(outline, global->symbol);
		size_t row = 0;

		while (row < sizeof(vtables) / sizeof(vtables[0]) &&
			strncmp(symbol, vtables[row].prefix, strlen(vtables[row].prefix)) != 0)
			row++;
		if (row == sizeof(vtables) / sizeof(vtables[0]))
			continue;
		for (uint32_t i = 0; i < global->initial_count; i++) {
			const struct outline_initial *initial =
				&outline->initials[global->initial_first + i];

			if (initial->kind == VALUE_FUNCTION &&
				root_add(program, roots,
					&(struct root){
						program_function(program, unit, initial->target),
						vtables[row].state, false, vtables[row].why}))
				return -ENOMEM;
		}
	}
	return 0;
}

static int candidates_add(
	struct program *program, struct roots *roots, uint32_t value, struct root root)
{
	struct candidates candidates;

	program_callees(program, root.fn, value, &candidates);
	for (uint32_t i = 0; i < candidates.count; i++) {
		root.fn = candidates.at[i];
		if (root_add(program, roots, &root))
			return -ENOMEM;
	}
	return 0;
}

/* A function that is stored into one of the interpreter's structs at run time. */
static int store_scan(struct program *program, struct roots *roots, uint32_t fn,
	const struct outline_instruction *store)
{
	const struct outline *outline = program_fn(program, fn)->outline;
	const struct outline_value *address = &outline->values[store->a];
	int row;

	if (address->kind != VALUE_FIELD)
		return 0;
	row = type_find(outline_string(outline, address->b));
	if (row < 0)
		return 0;
	return candidates_add(program, roots, store->b,
		(struct root){fn, types[row].state, types[row].is_init, types[row].why});
}

static int callback_add(struct program *program, struct roots *roots, uint32_t fn,
	const struct outline_instruction *call, const struct fn *callee,
	const struct model_callback *callback)
{
	const struct outline *outline = program_fn(program, fn)->outline;
	struct root root = {fn, ROOT_UNKNOWN, false, "a callback"};

	if (!callback->is_async || callback->arg < 0 ||
		(uint32_t)callback->arg >= call->operand_count)
		return 0;
	if (callback->is_foreign) {
		root.state = ROOT_FOREIGN;
		root.why = "a callback on a thread of its own";
	} else if (callee->kind == FN_API) {
		root.state = ROOT_HELD;
		root.why = "a callback of the interpreter";
	}
	return candidates_add(program, roots,
		outline->operands[call->operand_first + (uint32_t)callback->arg], root);
}

static int call_scan(struct program *program, struct roots *roots, uint32_t fn,
	const struct outline_instruction *call)
{
	struct candidates callees;

	program_callees(program, fn, call->a, &callees);
	for (uint32_t c = 0; c < callees.count; c++) {
		const struct fn *callee = program_fn(program, callees.at[c]);

		for (size_t i = 0; callee->model && i < callee->model->callback_count; i++)
			if (callback_add(
				    program, roots, fn, call, callee, &callee->model->callbacks[i]))
				return -ENOMEM;
	}
	return 0;
}

static int body_scan(struct program *program, struct roots *roots, uint32_t id)
{
	const struct fn *fn = program_fn(program, id);
	const struct outline *outline = fn->outline;

	for (uint32_t b = 0; b < fn->def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[fn->def->block_first + b];

		for (uint32_t i = 0; i < block->instruction_count; i++) {
			const struct outline_instruction *instruction =
				&outline->instructions[block->instruction_first + i];
			int code = 0;

			if (instruction->kind == INSTRUCTION_STORE)
				code = store_scan(program, roots, id, instruction);
			else if (instruction->kind == INSTRUCTION_CALL)
				code = call_scan(program, roots, id, instruction);
			if (code)
				return code;
		}
	}
	return 0;
}

static int symbol_scan(struct program *program, struct roots *roots, uint32_t id)
{
	const struct fn *fn = program_fn(program, id);

	if (fn->is_internal)
		return 0;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (!strncmp(fn->symbol, symbols[i].prefix, strlen(symbols[i].prefix)))
			return root_add(program, roots,
				&(struct root){
					id, symbols[i].state, symbols[i].is_init, symbols[i].why});
	if (fn->is_called || (fn->def->flags & FUNCTION_MERGED))
		return 0;
	return root_add(program, roots,
		&(struct root){id, ROOT_UNKNOWN, false, "a function that nobody here calls"});
}

/* What interpreters call again and again before what runs once, unknown callers last. */
static int rank(const struct root *root)
{
	return root->state == ROOT_UNKNOWN ? 2 : root->is_init ? 1 : 0;
}

static int root_cmp(const void *left, const void *right)
{
	const struct root *a = left, *b = right;

	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	if (a->fn != b->fn)
		return a->fn < b->fn ? -1 : 1;
	if (a->state != b->state)
		return (int)a->state - (int)b->state;
	return strcmp(a->why, b->why);
}

static void duplicates_drop(struct roots *roots)
{
	size_t kept = 0;

	for (size_t i = 0; i < roots->list.len; i++) {
		const struct root *root = &roots->list.at[i];

		if (kept && roots->list.at[kept - 1].fn == root->fn &&
			roots->list.at[kept - 1].state == root->state)
			continue;
		roots->list.at[kept++] = *root;
	}
	roots->list.len = kept;
}

int roots_find(struct program *program, struct roots *ret_roots)
{
	for (uint32_t unit = 0; unit < program->unit_count; unit++)
		if (types_scan(program, ret_roots, unit) || vtables_scan(program, ret_roots, unit))
			return -ENOMEM;
	for (uint32_t id = 0, count = (uint32_t)program->functions.len; id < count; id++)
		if (program_fn(program, id)->kind == FN_BODY &&
			(body_scan(program, ret_roots, id) || symbol_scan(program, ret_roots, id)))
			return -ENOMEM;
	if (ret_roots->list.len)
		qsort(ret_roots->list.at, ret_roots->list.len, sizeof(struct root), root_cmp);
	duplicates_drop(ret_roots);
	return 0;
}
