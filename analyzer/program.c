/* Outlines → one program: functions are joined by their linker symbol; a static function belongs to
 * its unit, an inline one is the same everywhere, and of two strong definitions of one symbol (two
 * extension modules in one tree) each unit keeps its own. */
#include "analyzer/program.h"

#include <string.h>

#include "runtime/base/err.h"
#include "runtime/core/finding.h"

struct symbol_row {
	const char *symbol; /* key */
	uint32_t fn;
	UT_hash_handle hh;
};

static const struct {
	const char *symbol;
	enum fn_role role;
} specials[] = {
#define SPECIAL(symbol, role) {symbol, role},
#define READY(operation, check)
#define SETUP(operation, setup)
#include "analyzer/special.def"
#undef SPECIAL
#undef READY
#undef SETUP
};

static const struct {
	const char *operation, *check;
} readies[] = {
#define SPECIAL(symbol, role)
#define READY(operation, check) {operation, check},
#define SETUP(operation, setup)
#include "analyzer/special.def"
#undef SPECIAL
#undef READY
#undef SETUP
};

static const struct {
	const char *operation, *setup;
} setups[] = {
#define SPECIAL(symbol, role)
#define READY(operation, check)
#define SETUP(operation, setup) {operation, setup},
#include "analyzer/special.def"
#undef SPECIAL
#undef READY
#undef SETUP
};

const char *program_ready_check(const char *operation)
{
	for (size_t i = 0; i < sizeof(readies) / sizeof(readies[0]); i++)
		if (!strcmp(readies[i].operation, operation))
			return readies[i].check;
	return NULL;
}

static enum fn_role role_of(const char *symbol)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (!strcmp(specials[i].symbol, symbol))
			return specials[i].role;
	return ROLE_NONE;
}

static bool is_header_name(const char *file)
{
	const char *dot = strrchr(file, '.');

	return !dot || strchr(dot, '/') || dot[1] == 'h' || dot[1] == 'H';
}

/* A body that came with a header, not with the project's own source: an included .c is source. */
static bool is_from_header(const struct fn *fn)
{
	const char *file = outline_string(fn->outline, fn->def->file);

	if (fn->def->flags & FUNCTION_SYSTEM)
		return true;
	return (fn->def->flags & (FUNCTION_INTERNAL | FUNCTION_MERGED)) && *file &&
	       is_header_name(file);
}

/* What a call of it means: the body wins over a model, except for what headers define inline and
 * for everything that changes the lock. */
static void classify(const struct program *program, struct fn *fn)
{
	const struct model *model = models_find(program->models, fn->symbol);
	bool is_ours = fn->def && !is_from_header(fn);
	bool is_api =
		model ? model->effect == MODEL_API : models_is_api(program->models, fn->symbol);

	fn->role = role_of(fn->symbol);
	fn->model = is_ours && model && model->effect != MODEL_LOCK ? NULL : model;
	if (model && model->effect == MODEL_LOCK)
		fn->kind = FN_LOCK;
	else if (is_api && !is_ours)
		fn->kind = FN_API;
	else if (fn->def && !fn->model)
		fn->kind = FN_BODY;
	else
		fn->kind = FN_EXTERNAL;
	fn->api = model && is_api ? model->api : API_NEEDS_LOCK;
	fn->is_noreturn = fn->role == ROLE_NORETURN || (model && model->is_noreturn) ||
			  (fn->def && (fn->def->flags & FUNCTION_NORETURN));
	/* extern "C" functions do not throw; neither does what says so. */
	if (!fn->def)
		fn->may_throw = fn->role == ROLE_THROW ||
				(!strncmp(fn->symbol, "_Z", 2) && fn->kind == FN_EXTERNAL);
}

static uint32_t fn_add(struct program *program, const struct fn *fn)
{
	if (program->functions.len >= FN_NONE - 1 || vec_push(&program->functions, *fn))
		return FN_NONE;
	return (uint32_t)program->functions.len - 1;
}

static struct symbol_row *symbol_find(const struct program *program, const char *symbol)
{
	struct symbol_row *row;

	HASH_FIND_STR(program->symbols, symbol, row);
	return row;
}

bool program_has_setup(const struct program *program, const char *operation)
{
	for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++)
		if (!strcmp(setups[i].operation, operation) &&
			symbol_find(program, setups[i].setup))
			return true;
	return false;
}

static int symbol_add(struct program *program, const char *symbol, uint32_t fn)
{
	struct symbol_row *row = arena_alloc(program->arena, sizeof(*row));

	if (!row || fn == FN_NONE)
		return -ENOMEM;
	row->symbol = symbol;
	row->fn = fn;
	HASH_ADD_KEYPTR(hh, program->symbols, row->symbol, strlen(row->symbol), row);
	return map_has_failed(row) ? -ENOMEM : 0;
}

uint32_t program_external(struct program *program, const char *symbol, const char *name)
{
	const struct symbol_row *row = symbol_find(program, symbol);
	struct fn fn = {.symbol = symbol, .name = name};
	uint32_t id;

	if (row)
		return row->fn;
	if (program->is_complete)
		return FN_NONE;
	classify(program, &fn);
	id = fn_add(program, &fn);
	return symbol_add(program, symbol, id) ? FN_NONE : id;
}

static bool has_body(const struct outline_function *def)
{
	return def->block_count > 0 && !(def->flags & FUNCTION_DECLARED);
}

static void fn_take_body(struct fn *fn, const struct program *program, uint32_t unit,
	const struct outline_function *def)
{
	const struct outline *outline = &program->units[unit];

	fn->outline = outline;
	fn->def = def;
	fn->unit = unit;
	fn->is_internal = def->flags & FUNCTION_INTERNAL;
	fn->symbol = outline_string(outline, def->symbol);
	fn->name = outline_string(outline, def->name);
	if (!*fn->name)
		fn->name = fn->symbol;
}

/* One definition of one unit: which function of the program is it? */
static int define(struct program *program, uint32_t unit, const struct outline_function *def)
{
	struct fn fresh = {0};
	const struct symbol_row *row;
	uint32_t id;

	if (def->symbol == OUTLINE_NONE)
		return 0;
	fn_take_body(&fresh, program, unit, def);
	row = fresh.is_internal ? NULL : symbol_find(program, fresh.symbol);
	if (row && !program->functions.at[row->fn].def) {
		id = row->fn;
		program->functions.at[id] = fresh;
	} else if (row && (def->flags & FUNCTION_MERGED)) {
		id = row->fn;
	} else {
		id = fn_add(program, &fresh);
		if (id == FN_NONE ||
			(!row && !fresh.is_internal && symbol_add(program, fresh.symbol, id)))
			return -ENOMEM;
	}
	program->functions_of_string[unit][def->symbol] = id;
	return 0;
}

static int functions_define(struct program *program, uint32_t unit)
{
	const struct outline *outline = &program->units[unit];

	for (uint32_t i = 0; i < outline->function_count; i++)
		if (has_body(&outline->functions[i]) &&
			define(program, unit, &outline->functions[i]))
			return -ENOMEM;
	return 0;
}

static int function_name(struct program *program, uint32_t unit, uint32_t string, uint32_t name)
{
	const struct outline *outline = &program->units[unit];
	uint32_t *slot;

	if (string == OUTLINE_NONE)
		return 0;
	slot = &program->functions_of_string[unit][string];
	if (*slot != FN_NONE)
		return 0;
	*slot = program_external(program, outline_string(outline, string),
		outline_string(outline, name == OUTLINE_NONE ? string : name));
	return *slot == FN_NONE ? -ENOMEM : 0;
}

/* What the unit mentions but does not define. */
static int functions_mention(struct program *program, uint32_t unit)
{
	const struct outline *outline = &program->units[unit];

	for (uint32_t i = 0; i < outline->function_count; i++)
		if (function_name(program, unit, outline->functions[i].symbol,
			    outline->functions[i].name))
			return -ENOMEM;
	for (uint32_t i = 0; i < outline->value_count; i++)
		if (outline->values[i].kind == VALUE_FUNCTION &&
			function_name(program, unit, outline->values[i].a, OUTLINE_NONE))
			return -ENOMEM;
	for (uint32_t i = 0; i < outline->initial_count; i++)
		if (outline->initials[i].kind == VALUE_FUNCTION &&
			function_name(program, unit, outline->initials[i].target, OUTLINE_NONE))
			return -ENOMEM;
	return 0;
}

uint32_t program_function(const struct program *program, uint32_t unit, uint32_t string)
{
	return string == OUTLINE_NONE ? FN_NONE : program->functions_of_string[unit][string];
}

static int site_cmp(const void *left, const void *right)
{
	const struct call_site *a = left, *b = right;

	if (a->callee != b->callee)
		return a->callee < b->callee ? -1 : 1;
	if (a->caller != b->caller)
		return a->caller < b->caller ? -1 : 1;
	return a->instruction < b->instruction ? -1 : a->instruction > b->instruction;
}

const struct call_site *program_sites(
	const struct program *program, uint32_t callee, uint32_t *ret_count)
{
	uint32_t low = 0, high = program->site_count, end;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (program->sites[middle].callee < callee)
			low = middle + 1;
		else
			high = middle;
	}
	end = low;
	while (end < program->site_count && program->sites[end].callee == callee)
		end++;
	*ret_count = end - low;
	return program->sites + low;
}

typedef vec(struct call_site) site_list;

static int sites_collect(struct program *program, uint32_t id, site_list *sites)
{
	const struct fn *fn = program_fn(program, id);
	const struct outline *outline = fn->outline;

	for (uint32_t b = 0; b < fn->def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[fn->def->block_first + b];

		for (uint32_t i = 0; i < block->instruction_count; i++) {
			uint32_t at = block->instruction_first + i;
			const struct outline_instruction *call = &outline->instructions[at];
			uint32_t callee;

			if (call->kind != INSTRUCTION_CALL ||
				outline->values[call->a].kind != VALUE_FUNCTION)
				continue;
			callee = program_function(program, fn->unit, outline->values[call->a].a);
			if (callee == FN_NONE || program_fn(program, callee)->kind != FN_BODY)
				continue;
			program->functions.at[callee].is_called |= callee != id;
			if (vec_push(sites, (struct call_site){callee, id, at}))
				return -ENOMEM;
		}
	}
	return 0;
}

static int sites_build(struct program *program)
{
	site_list sites = {0};

	for (uint32_t id = 0; id < program->functions.len; id++)
		if (program->functions.at[id].kind == FN_BODY &&
			sites_collect(program, id, &sites)) {
			vec_fini(&sites);
			return -ENOMEM;
		}
	if (sites.len)
		qsort(sites.at, sites.len, sizeof(*sites.at), site_cmp);
	program->sites = sites.at;
	program->site_count = (uint32_t)sites.len;
	return 0;
}

static int strings_map(struct program *program)
{
	program->functions_of_string =
		arena_alloc(program->arena, program->unit_count * sizeof(uint32_t *) + 1);
	program->is_internal_global =
		arena_alloc(program->arena, program->unit_count * sizeof(uint8_t *) + 1);
	if (!program->functions_of_string || !program->is_internal_global)
		return -ENOMEM;
	for (uint32_t unit = 0; unit < program->unit_count; unit++) {
		const struct outline *outline = &program->units[unit];
		size_t count = outline->string_count;

		program->functions_of_string[unit] =
			arena_alloc(program->arena, count * sizeof(uint32_t) + 1);
		program->is_internal_global[unit] = arena_alloc(program->arena, count + 1);
		if (!program->functions_of_string[unit] || !program->is_internal_global[unit])
			return -ENOMEM;
		memset(program->functions_of_string[unit], 0xff, count * sizeof(uint32_t));
		for (uint32_t i = 0; i < outline->global_count; i++)
			if (outline->globals[i].symbol != OUTLINE_NONE &&
				(outline->globals[i].flags & GLOBAL_INTERNAL))
				program->is_internal_global[unit][outline->globals[i].symbol] = 1;
	}
	return 0;
}

int program_link(struct program *program)
{
	if (!program->arena)
		program->arena = arena_new();
	if (!program->arena || strings_map(program))
		return -ENOMEM;
	for (uint32_t unit = 0; unit < program->unit_count; unit++)
		if (functions_define(program, unit))
			return -ENOMEM;
	for (size_t id = 0; id < program->functions.len; id++)
		classify(program, &program->functions.at[id]);
	for (uint32_t unit = 0; unit < program->unit_count; unit++)
		if (functions_mention(program, unit))
			return -ENOMEM;
	if (sites_build(program) || pointers_build(program))
		return -ENOMEM;
	program->is_complete = true;
	return 0;
}

static int unit_cmp(const void *left, const void *right)
{
	const struct outline *a = left, *b = right;

	return strcmp(a->source, b->source);
}

int program_load(struct program *program, const char *const *outlines, size_t count,
	struct findings *findings)
{
	program->units = calloc(count ? count : 1, sizeof(*program->units));
	if (!program->units || count >= UINT32_MAX)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct err err = {0};
		struct unit_failure failure = {.file = outlines[i]};

		if (!outline_load(outlines[i], &program->units[program->unit_count], &err)) {
			program->unit_count++;
			continue;
		}
		failure.file = arena_strdup(findings->arena, outlines[i]);
		failure.why = arena_strdup(findings->arena, err.text);
		if (!failure.file || !failure.why || vec_push(&findings->failures, failure))
			return -ENOMEM;
	}
	qsort(program->units, program->unit_count, sizeof(*program->units), unit_cmp);
	return program_link(program);
}

void program_fini(struct program *program)
{
	for (uint32_t unit = 0; program->units && unit < program->unit_count; unit++)
		outline_fini(&program->units[unit]);
	free(program->units);
	HASH_CLEAR(hh, program->symbols);
	vec_fini(&program->functions);
	free(program->sites);
	pointers_free(program->pointers);
	arena_free(program->arena);
	*program = (struct program){0};
}
