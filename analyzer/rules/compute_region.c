/* Library calls and loops whose cost grows with the input, in states that hold the lock → findings;
 * the same in states that do not → evidence of what the project decided. */
#include <string.h>

#include "analyzer/rules/compute.h"
#include "analyzer/rules/fix.h"
#include "runtime/base/map.h"

#define CHAIN_MAX 32 /* callers that are asked */
#define GUARD_LEAST 64 /* a number that sizes are compared with, not a flag or a status */
#define GUARD_MOST (1 << 20)

/* Something that one function does with the lock released: calls `what`, or runs its loop. */
struct release_row {
	struct {
		uint32_t fn, what; /* FN_NONE: a loop of its own */
	} key;
	UT_hash_handle hh;
};

/* Where a callee is called with the lock released. */
struct sibling_row {
	uint32_t callee; /* key */
	uint32_t count;
	struct spot at[DRAFT_PLACES_MAX];
	UT_hash_handle hh;
};

struct candidate {
	struct draft draft;
	uint32_t what; /* the callee; FN_NONE: a loop */
};

struct work {
	struct costs costs;
	struct release_row *releases;
	struct sibling_row *siblings;
	vec(struct candidate) candidates; /* judged when everything is in */
};

static struct work *work_of(const struct reach *reach)
{
	return reach->rule_work[RULE_COMPUTE_REGION];
}

static int begin(struct reach *reach)
{
	struct work *work = arena_alloc(reach->arena, sizeof(*work));

	reach->rule_work[RULE_COMPUTE_REGION] = work;
	return work ? costs_find(&work->costs, reach) : -ENOMEM;
}

static bool is_released(const struct reach *reach, uint32_t fn, uint32_t what)
{
	struct release_row wanted = {.key = {fn, what}}, *row;

	HASH_FIND(hh, work_of(reach)->releases, &wanted.key, sizeof(wanted.key), row);
	return row != NULL;
}

static int release_add(struct reach *reach, uint32_t fn, uint32_t what)
{
	struct work *work = work_of(reach);
	struct release_row *row;

	if (is_released(reach, fn, what))
		return 0;
	row = arena_alloc(reach->arena, sizeof(*row));
	if (!row)
		return -ENOMEM;
	row->key.fn = fn;
	row->key.what = what;
	HASH_ADD(hh, work->releases, key, sizeof(row->key), row);
	return map_has_failed(row) ? -ENOMEM : 0;
}

static struct sibling_row *sibling_find(const struct reach *reach, uint32_t callee)
{
	struct sibling_row *row;

	HASH_FIND(hh, work_of(reach)->siblings, &callee, sizeof(callee), row);
	return row;
}

static int sibling_add(struct reach *reach, uint32_t callee, struct spot spot)
{
	struct work *work = work_of(reach);
	struct sibling_row *row = sibling_find(reach, callee);

	if (!row) {
		row = arena_alloc(reach->arena, sizeof(*row));
		if (!row)
			return -ENOMEM;
		row->callee = callee;
		HASH_ADD(hh, work->siblings, callee, sizeof(row->callee), row);
		if (map_has_failed(row))
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < row->count; i++)
		if (row->at[i].fn == spot.fn && row->at[i].site == spot.site)
			return 0;
	if (row->count < DRAFT_PLACES_MAX)
		row->at[row->count++] = spot;
	return 0;
}

static int doubts_weigh(uint8_t doubts)
{
	return !!(doubts & DOUBT_INIT) + !!(doubts & DOUBT_INDIRECT) +
	       !!(doubts & (DOUBT_CONDITION | DOUBT_POINTER)) +
	       !!(doubts & (DOUBT_ENTRY | DOUBT_LIMIT));
}

/* --- library calls --- */

static int call_confidence(
	const struct sighting *sighting, const struct model *model, const struct size *size)
{
	int confidence = size->kind >= SIZE_NUMBER ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
	uint8_t doubts = sighting->doubts;

	if (sighting->call->is_ambiguous)
		doubts |= DOUBT_INDIRECT;
	if (size->kind == SIZE_COUNT)
		confidence--;
	if (model->is_thread_unsafe && confidence > CONFIDENCE_MEDIUM)
		confidence = CONFIDENCE_MEDIUM;
	return confidence - doubts_weigh(doubts);
}

static int call_found(const struct sighting *sighting, const struct model *model)
{
	const struct body *body = explorer_body(sighting->call->explorer);
	const struct outline_instruction *call = sighting->call->call;
	struct reach *reach = sighting->reach;
	struct size size = {SIZE_FIELD, "its input"};
	struct candidate found = {.what = sighting->call->callee,
		.draft = {.rule = RULE_COMPUTE_REGION,
			.fn = sighting->fn,
			.context = sighting->context,
			.site = sighting->call->site,
			.released_site = LOCK_NO_SITE,
			.operation = model->name,
			.model = model}};

	if (model->size_arg >= 0 && (uint32_t)model->size_arg < call->operand_count)
		size = size_here(sighting,
			body->outline->operands[call->operand_first + (uint32_t)model->size_arg]);
	if (size.kind == SIZE_SMALL)
		return 0;
	found.draft.confidence = call_confidence(sighting, model, &size);
	found.draft.message = arena_printf(reach->arena,
		"%s() computes over %s while the lock is held, and does not need it%s%s%s",
		model->name, size.text, *model->note ? " (" : "", model->note,
		*model->note ? ")" : "");
	fix_judge_call(sighting, model, &found.draft);
	return found.draft.message && !vec_push(&work_of(reach)->candidates, found) ? 0 : -ENOMEM;
}

static int call_seen(const struct sighting *sighting)
{
	struct model_argument arguments[EXPLORE_ARGUMENTS_MAX];
	struct reach *reach = sighting->reach;
	uint32_t callee = sighting->call->callee;
	const struct model *model;
	int code = 0;

	if (callee == FN_NONE)
		return 0;
	model = program_fn(reach->program, callee)->model;
	if (sighting->state == LOCK_RELEASED) {
		code = release_add(reach, sighting->fn, callee);
		if (!code)
			code = sibling_add(
				reach, callee, (struct spot){sighting->fn, sighting->call->site});
	}
	if (code || sighting->state != LOCK_HELD || !model || model->effect != MODEL_COMPUTES ||
		model->releases_inside || program_fn(reach->program, callee)->kind == FN_BODY)
		return code;
	if (model_happens(model, arguments, explore_arguments(sighting->call, arguments)) ==
			MODEL_NO ||
		cost_of_call(&work_of(reach)->costs, reach, sighting->fn, sighting->call->call) &
			COST_PYTHON)
		return 0;
	return call_found(sighting, model);
}

/* --- loops --- */

/* Loops around each other that all grow with the input, the callers' included. */
struct nest {
	uint32_t levels, firm; /* firm: of which something that can be large decides */
	struct size inner, best;
	bool has_doubt; /* of what some level calls */
};

static bool is_free(uint8_t cost)
{
	return !(cost & (COST_PYTHON | COST_WAITS | COST_MODEL));
}

static void nest_add(struct nest *nest, struct size size, uint8_t cost)
{
	if (size.kind == SIZE_SMALL)
		return;
	if (!nest->levels++)
		nest->inner = size;
	if (size.kind > nest->best.kind)
		nest->best = size;
	nest->firm += size.kind >= SIZE_FIELD;
	nest->has_doubt |= !!(cost & (COST_UNKNOWN | COST_ACCESSOR));
}

/* The loops around an instruction of the caller. */
static uint32_t loop_around(const struct fn *fn, uint32_t instruction)
{
	for (uint32_t i = 0; i < fn->def->block_count; i++) {
		const struct outline_block *block = &fn->outline->blocks[fn->def->block_first + i];

		if (instruction >= block->instruction_first &&
			instruction - block->instruction_first < block->instruction_count)
			return block->loop;
	}
	return OUTLINE_NONE;
}

static void nest_callers(struct nest *nest, struct reach *reach, uint32_t id)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		const struct context *context = reach_context(reach, id);
		const struct fn *fn;
		uint32_t loop;

		if (context->parent == CONTEXT_NONE)
			return;
		id = context->parent;
		fn = program_fn(reach->program, reach_context(reach, id)->fn);
		for (loop = loop_around(fn, context->site); loop != OUTLINE_NONE;
			loop = fn->outline->loops[loop].parent) {
			const struct outline_loop *at = &fn->outline->loops[loop];
			uint8_t cost = work_of(reach)->costs.of_loop[fn->unit][loop];

			if (!is_free(cost))
				return;
			if (at->trip == TRIP_BOUND)
				nest_add(nest, size_in(reach, id, at->bound), cost);
		}
	}
}

static bool is_same_bound(const struct outline *outline, uint32_t a, uint32_t b)
{
	const struct outline_value *one, *two;

	if (a == b || a == OUTLINE_NONE || b == OUTLINE_NONE)
		return a == b;
	one = &outline->values[a];
	two = &outline->values[b];
	if (one->kind != two->kind)
		return false;
	if (one->kind == VALUE_LOAD)
		return is_same_bound(outline, one->a, two->a);
	if (one->kind == VALUE_FIELD)
		return one->number == two->number && is_same_bound(outline, one->a, two->a);
	return (one->kind == VALUE_LOCAL || one->kind == VALUE_ARG) && one->number == two->number;
}

/* A scanner's loops up to one end move one cursor: together they take as long as one. */
static bool is_scan(const struct outline *outline, uint32_t inner, uint32_t outer)
{
	for (uint32_t loop = inner; loop != outer; loop = outline->loops[loop].parent)
		if (outline->loops[loop].trip == TRIP_BOUND &&
			is_same_bound(
				outline, outline->loops[loop].bound, outline->loops[outer].bound))
			return true;
	return false;
}

static void nest_find(const struct sighting *sighting, struct nest *nest)
{
	struct reach *reach = sighting->reach;
	const struct fn *fn = program_fn(reach->program, sighting->fn);
	bool is_inner = true;

	for (uint32_t loop = sighting->loop->loop; loop != OUTLINE_NONE;
		loop = fn->outline->loops[loop].parent) {
		const struct outline_loop *at = &fn->outline->loops[loop];
		uint8_t cost = work_of(reach)->costs.of_loop[fn->unit][loop];

		if (!is_free(cost))
			return;
		if (at->trip == TRIP_BOUND && !is_scan(fn->outline, sighting->loop->loop, loop))
			nest_add(nest, size_here(sighting, at->bound), cost);
		if (is_inner && !nest->levels)
			return;
		is_inner = false;
	}
	nest_callers(nest, reach, sighting->context);
}

/* Read on real code: numbers that come from Python are often small, fields of objects too; a loop
 * of integers over a buffer is as often as not too short to pay for a release. */
static int loop_confidence(
	const struct sighting *sighting, const struct outline_loop *loop, const struct nest *nest)
{
	bool is_nested = nest->firm > 1, is_heavy = is_nested || loop->float_ops;
	int confidence = CONFIDENCE_LOW;

	if (nest->best.kind == SIZE_INPUT)
		confidence = is_heavy ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
	else if (nest->best.kind == SIZE_NUMBER && is_heavy)
		confidence = is_nested ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
	else if (nest->best.kind == SIZE_FIELD && is_heavy)
		confidence = CONFIDENCE_MEDIUM;
	return confidence - nest->has_doubt - doubts_weigh(sighting->doubts);
}

static uint32_t line_of(const struct fn *fn, const struct outline_loop *loop)
{
	return fn->outline->blocks[loop->header].line;
}

static int loop_found(
	const struct sighting *sighting, const struct outline_loop *loop, const struct nest *nest)
{
	struct reach *reach = sighting->reach;
	const struct fn *fn = program_fn(reach->program, sighting->fn);
	struct candidate found = {.what = FN_NONE,
		.draft = {.rule = RULE_COMPUTE_REGION,
			.fn = sighting->fn,
			.context = sighting->context,
			.site = OUTLINE_NONE,
			.line = line_of(fn, loop) ? line_of(fn, loop) : fn->def->line,
			.released_site = LOCK_NO_SITE,
			.operation = "loop",
			.confidence = loop_confidence(sighting, loop, nest),
			.fix = FIX_OBJECT_LOCK}};

	found.draft.message = arena_printf(reach->arena,
		"a %s%s over %s runs while the lock is held and needs no interpreter",
		loop->float_ops ? "floating-point " : "", nest->firm > 1 ? "loop nest" : "loop",
		nest->inner.kind == SIZE_UNKNOWN ? nest->best.text : nest->inner.text);
	if (loop_is_own(sighting)) {
		found.draft.fix = FIX_SAFE;
		found.draft.fix_note = "the loop only reads a buffer that stays exported, and uses "
				       "variables of its own";
	} else {
		found.draft.fix_note = "keep what the loop reads and writes in place while the "
				       "lock is released: hold a "
				       "buffer export or a reference, and a lock of its own for an "
				       "object that it changes";
	}
	return found.draft.message && !vec_push(&work_of(reach)->candidates, found) ? 0 : -ENOMEM;
}

static int loop_seen(const struct sighting *sighting)
{
	struct reach *reach = sighting->reach;
	const struct fn *fn = program_fn(reach->program, sighting->fn);
	const struct outline_loop *loop = &fn->outline->loops[sighting->loop->loop];
	uint8_t cost = work_of(reach)->costs.of_loop[fn->unit][sighting->loop->loop];
	struct nest nest = {0};

	if (sighting->state == LOCK_RELEASED)
		return release_add(reach, sighting->fn, FN_NONE);
	/* Of loops in several functions the innermost speaks. */
	if (sighting->state != LOCK_HELD || loop->trip != TRIP_BOUND || !is_free(cost) ||
		cost & COST_LOOP)
		return 0;
	nest_find(sighting, &nest);
	return nest.levels ? loop_found(sighting, loop, &nest) : 0;
}

/* --- judgement --- */

/* Does the function compare something with a number that is a size? */
static bool has_guard(const struct fn *fn)
{
	for (uint32_t i = 0; i < fn->def->value_count; i++) {
		const struct outline_value *value = &fn->outline->values[fn->def->value_first + i];
		const struct outline_value *sides[2];

		if (value->kind != VALUE_COMPARE || value->op == COMPARE_FLOAT ||
			value->op == COMPARE_EQ || value->op == COMPARE_NE)
			continue;
		sides[0] = &fn->outline->values[value->a];
		sides[1] = &fn->outline->values[value->b];
		for (int k = 0; k < 2; k++)
			if (sides[k]->kind == VALUE_INT && sides[k]->number >= GUARD_LEAST &&
				sides[k]->number <= GUARD_MOST)
				return true;
	}
	return false;
}

/* Small input held, large input released, here or in a caller: that is how it should be. */
static bool is_on_purpose(const struct reach *reach, const struct candidate *candidate)
{
	uint32_t id = candidate->draft.context, what = candidate->what;

	for (int i = 0; i < CHAIN_MAX && id != CONTEXT_NONE; i++) {
		const struct context *context = reach_context(reach, id);

		if (is_released(reach, context->fn, what) &&
			has_guard(program_fn(reach->program, context->fn)))
			return true;
		what = context->fn;
		id = context->parent;
	}
	return false;
}

static void siblings_fill(const struct reach *reach, struct candidate *candidate)
{
	struct draft *draft = &candidate->draft;
	const struct sibling_row *row =
		sibling_find(reach, candidate->what == FN_NONE ? draft->fn : candidate->what);

	for (uint32_t i = 0; row && i < row->count; i++)
		if (row->at[i].fn != draft->fn || row->at[i].site != draft->site)
			draft->siblings[draft->sibling_count++] = row->at[i];
}

static int finish(struct reach *reach)
{
	int code = 0;

	vec_each (candidate, &work_of(reach)->candidates) {
		if (code || is_on_purpose(reach, candidate))
			continue;
		siblings_fill(reach, candidate);
		code = draft_add(reach, &candidate->draft);
	}
	return code;
}

static void end(struct reach *reach)
{
	struct work *work = work_of(reach);

	if (!work)
		return;
	HASH_CLEAR(hh, work->releases);
	HASH_CLEAR(hh, work->siblings);
	vec_fini(&work->candidates);
}

const struct rule_class rule_compute_region = {.id = RULE_COMPUTE_REGION,
	.begin = begin,
	.call = call_seen,
	.loop = loop_seen,
	.finish = finish,
	.end = end};
