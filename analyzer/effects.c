/* Call graph → functions in bottom-up order, and what each does whatever the lock: never return,
 * throw, write fields, reach the lock. The lock itself: effects_lock.c. */
#include <string.h>

#include "analyzer/effects_own.h"

#define CALLEES_MAX (1u << 24) /* edges of the whole graph */

struct graph {
	uint32_t *first; /* by function; one more than functions */
	vec(uint32_t) callees; /* functions with a body */
};

/* What one instruction may call; 0 candidates for what is no call. */
static void callees_of(
	struct program *program, uint32_t id, uint32_t instruction, struct candidates *ret)
{
	const struct fn *fn = program_fn(program, id);
	const struct outline_instruction *call = &fn->outline->instructions[instruction];

	*ret = (struct candidates){0};
	if (call->kind != INSTRUCTION_CALL)
		return;
	if (fn->outline->values[call->a].kind != VALUE_FUNCTION) {
		program_callees(program, id, call->a, ret);
		return;
	}
	ret->at[0] = program_function(program, fn->unit, fn->outline->values[call->a].a);
	ret->count = ret->at[0] != FN_NONE;
}

static int callees_collect(struct program *program, uint32_t id, struct graph *graph)
{
	const struct outline_function *def = program_fn(program, id)->def;
	const struct outline *outline = program_fn(program, id)->outline;

	for (uint32_t b = 0; b < def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[def->block_first + b];

		for (uint32_t i = 0; i < block->instruction_count; i++) {
			struct candidates callees;

			callees_of(program, id, block->instruction_first + i, &callees);
			for (uint32_t c = 0; c < callees.count; c++)
				if (program_fn(program, callees.at[c])->kind == FN_BODY &&
					graph->callees.len < CALLEES_MAX &&
					vec_push(&graph->callees, callees.at[c]))
					return -ENOMEM;
		}
	}
	return 0;
}

static int graph_build(struct program *program, struct graph *graph)
{
	uint32_t count = (uint32_t)program->functions.len;

	graph->first = calloc((size_t)count + 1, sizeof(uint32_t));
	if (!graph->first)
		return -ENOMEM;
	for (uint32_t id = 0; id < count; id++) {
		graph->first[id] = (uint32_t)graph->callees.len;
		if (program_fn(program, id)->kind == FN_BODY && callees_collect(program, id, graph))
			return -ENOMEM;
	}
	graph->first[count] = (uint32_t)graph->callees.len;
	return 0;
}

/* Tarjan's strongly connected components, without recursion. */
struct search {
	const struct graph *graph;
	struct effects *effects;
	uint32_t *index, *low, *next; /* by function; index 0: not seen */
	bool *is_open;
	uint32_t *open, *path; /* stacks */
	uint32_t open_count, path_count, seen, components;
};

static void component_close(struct search *search, uint32_t id)
{
	uint32_t member;

	search->components++;
	do {
		member = search->open[--search->open_count];
		search->is_open[member] = false;
		search->effects->component[search->effects->order_count] = search->components;
		search->effects->order[search->effects->order_count++] = member;
	} while (member != id);
}

static void visit(struct search *search, uint32_t id)
{
	search->index[id] = search->low[id] = ++search->seen;
	search->next[id] = search->graph->first[id];
	search->open[search->open_count++] = id;
	search->is_open[id] = true;
	search->path[search->path_count++] = id;
}

static void search_from(struct search *search, uint32_t root)
{
	visit(search, root);
	while (search->path_count) {
		uint32_t id = search->path[search->path_count - 1], to;

		if (search->next[id] < search->graph->first[id + 1]) {
			to = search->graph->callees.at[search->next[id]++];
			if (!search->index[to])
				visit(search, to);
			else if (search->is_open[to] && search->index[to] < search->low[id])
				search->low[id] = search->index[to];
			continue;
		}
		search->path_count--;
		if (search->low[id] == search->index[id])
			component_close(search, id);
		if (search->path_count) {
			uint32_t parent = search->path[search->path_count - 1];

			if (search->low[id] < search->low[parent])
				search->low[parent] = search->low[id];
		}
	}
}

static int order_build(struct program *program, struct effects *effects, const struct graph *graph)
{
	size_t count = program->functions.len;
	struct search search = {.graph = graph, .effects = effects};
	uint32_t *work = calloc(count * 5 + 1, sizeof(*work));

	search.is_open = calloc(count + 1, sizeof(bool));
	effects->order = calloc(count + 1, sizeof(uint32_t));
	effects->component = calloc(count + 1, sizeof(uint32_t));
	if (work && search.is_open && effects->order && effects->component) {
		search.index = work;
		search.low = work + count;
		search.next = work + 2 * count;
		search.open = work + 3 * count;
		search.path = work + 4 * count;
		for (uint32_t id = 0; id < count; id++)
			if (!search.index[id] && program_fn(program, id)->kind == FN_BODY)
				search_from(&search, id);
	}
	free(work);
	free(search.is_open);
	return work && search.is_open && effects->order && effects->component ? 0 : -ENOMEM;
}

static bool callee_returns(
	const struct program *program, const struct effects *effects, uint32_t callee)
{
	const struct fn *fn = program_fn(program, callee);

	return !fn->is_noreturn && fn->role != ROLE_THROW &&
	       !(fn->kind == FN_BODY && effects->of[callee].is_noreturn);
}

static bool callee_throws(
	const struct program *program, const struct effects *effects, uint32_t callee)
{
	const struct fn *fn = program_fn(program, callee);

	return fn->kind == FN_BODY ? effects->of[callee].may_throw : fn->may_throw;
}

static bool callee_throws_itself(
	const struct program *program, const struct effects *effects, uint32_t callee)
{
	const struct fn *fn = program_fn(program, callee);

	return fn->kind == FN_BODY ? effects->of[callee].throws : fn->role == ROLE_THROW;
}

/* What the calls of one block say about the function. */
struct block_view {
	bool is_ending; /* the block's end is not reached */
	bool throws, throws_at_end; /* out of the function; to the block's unwind successor */
};

static void call_view(struct program *program, struct effects *effects, uint32_t id,
	uint32_t instruction, struct block_view *view)
{
	const struct fn *fn = program_fn(program, id);
	const struct outline_instruction *call = &fn->outline->instructions[instruction];
	struct fn_effects *of = &effects->of[id];
	struct candidates callees;
	bool returns = false;

	callees_of(program, id, instruction, &callees);
	for (uint32_t c = 0; c < callees.count; c++) {
		uint32_t callee = callees.at[c];

		returns |= callee_returns(program, effects, callee);
		if (!(call->flags & CALL_NOUNWIND) && callee_throws(program, effects, callee))
			view->throws = true;
		if (!(call->flags & CALL_NOUNWIND) &&
			callee_throws_itself(program, effects, callee))
			of->throws = true;
		of->touches_lock |= program_fn(program, callee)->kind == FN_LOCK;
		if (program_fn(program, callee)->kind != FN_BODY)
			continue;
		of->touches_lock |= effects->of[callee].touches_lock;
		of->is_recursive |= callee == id;
		field_set_unite(&of->written, &effects->of[callee].written);
	}
	if ((call->flags & CALL_NORETURN) || (callees.count && !returns))
		view->is_ending = true;
}

static void store_view(
	const struct fn *fn, const struct outline_instruction *store, struct field_set *written)
{
	const struct outline *outline = fn->outline;
	const struct outline_value *value = &outline->values[store->a];
	int64_t offset = 0;
	uint32_t type =
		value->kind == VALUE_FIELD ? type_hash(outline_string(outline, value->b)) : 0;

	for (; value->kind == VALUE_FIELD; value = &outline->values[value->a])
		offset = (int64_t)((uint64_t)offset + (uint64_t)value->number);
	if (!type && value->kind == VALUE_GLOBAL)
		type = type_hash(outline_string(outline, value->a));
	if (value->kind != VALUE_LOCAL && value->kind != VALUE_ELEMENT)
		field_set_add(written, place_hash(type, offset));
}

static struct block_view block_view(struct program *program, struct effects *effects, uint32_t id,
	const struct outline_block *block)
{
	const struct fn *fn = program_fn(program, id);
	struct block_view view = {0};

	for (uint32_t i = 0; i < block->instruction_count && !view.is_ending; i++) {
		uint32_t at = block->instruction_first + i;
		bool threw = view.throws;

		if (fn->outline->instructions[at].kind == INSTRUCTION_STORE)
			store_view(fn, &fn->outline->instructions[at], &effects->of[id].written);
		if (fn->outline->instructions[at].kind != INSTRUCTION_CALL)
			continue;
		call_view(program, effects, id, at, &view);
		if (block->exit == EXIT_INVOKE && i + 1 == block->instruction_count) {
			view.throws_at_end = view.throws && !threw;
			view.throws = threw;
		}
	}
	return view;
}

/* Follows the blocks that can be reached, past calls that return. `work`: a byte and a word for
 * every block. */
static void function_view(struct program *program, struct effects *effects, uint32_t id,
	uint8_t *is_seen, uint32_t *stack)
{
	const struct outline_function *def = program_fn(program, id)->def;
	const struct outline *outline = program_fn(program, id)->outline;
	struct fn_effects *of = &effects->of[id];
	uint32_t depth = 0;

	of->is_noreturn = true;
	of->may_throw = false;
	memset(is_seen, 0, def->block_count);
	stack[depth++] = 0;
	is_seen[0] = 1;
	while (depth) {
		const struct outline_block *block =
			&outline->blocks[def->block_first + stack[--depth]];
		struct block_view view = block_view(program, effects, id, block);

		of->may_throw |= view.throws || block->exit == EXIT_RESUME;
		if (block->exit == EXIT_RETURN && !view.is_ending)
			of->is_noreturn = false;
		for (uint32_t i = 0; i < block->successor_count; i++) {
			uint32_t to =
				outline->successors[block->successor_first + i] - def->block_first;
			bool is_unwind = block->exit == EXIT_INVOKE && i == 1;

			if (is_seen[to] || (is_unwind ? !view.throws_at_end : view.is_ending))
				continue;
			is_seen[to] = 1;
			stack[depth++] = to;
		}
	}
	of->may_throw &= outline->is_cxx && !(def->flags & FUNCTION_NOUNWIND);
	of->throws &= of->may_throw;
	of->is_noreturn |= program_fn(program, id)->is_noreturn;
}

/* Members of a cycle reach each other: what one does to the lock and to memory, all may do. The
 * rest needs another look at what they say of each other. */
static void cycle_view(struct program *program, struct effects *effects, uint32_t first,
	uint32_t end, uint8_t *is_seen, uint32_t *stack)
{
	struct fn_effects all = {0};

	for (uint32_t k = first; k < end; k++)
		function_view(program, effects, effects->order[k], is_seen, stack);
	for (uint32_t k = first; k < end; k++) {
		all.touches_lock |= effects->of[effects->order[k]].touches_lock;
		field_set_unite(&all.written, &effects->of[effects->order[k]].written);
	}
	for (uint32_t k = first; k < end; k++) {
		struct fn_effects *of = &effects->of[effects->order[k]];

		of->is_recursive = true;
		of->touches_lock = all.touches_lock;
		of->written = all.written;
	}
}

static int views_build(struct program *program, struct effects *effects)
{
	uint32_t blocks = 1;
	uint32_t *stack;
	uint8_t *is_seen;

	for (uint32_t i = 0; i < effects->order_count; i++) {
		uint32_t count = program_fn(program, effects->order[i])->def->block_count;

		blocks = count > blocks ? count : blocks;
	}
	stack = malloc((size_t)blocks * sizeof(*stack));
	is_seen = malloc(blocks);
	for (uint32_t i = 0; stack && is_seen && i < effects->order_count;) {
		uint32_t end = i;

		while (end < effects->order_count &&
			effects->component[end] == effects->component[i])
			end++;
		for (uint32_t k = i; k < end; k++)
			function_view(program, effects, effects->order[k], is_seen, stack);
		if (end - i > 1)
			cycle_view(program, effects, i, end, is_seen, stack);
		i = end;
	}
	free(stack);
	free(is_seen);
	return stack && is_seen ? 0 : -ENOMEM;
}

int effects_solve(struct effects *effects, struct program *program)
{
	struct graph graph = {0};
	int code = -ENOMEM;

	effects->arena = arena_new();
	effects->of = calloc(program->functions.len + 1, sizeof(*effects->of));
	if (effects->arena && effects->of)
		code = graph_build(program, &graph);
	if (!code)
		code = order_build(program, effects, &graph);
	free(graph.first);
	vec_fini(&graph.callees);
	if (!code)
		code = views_build(program, effects);
	effects->place = calloc(program->functions.len + 1, sizeof(uint32_t));
	if (!effects->place)
		code = -ENOMEM;
	for (uint32_t i = 0; !code && i < effects->order_count; i++)
		effects->place[effects->order[i]] = i;
	return code ? code : effects_lock_solve(effects, program);
}

void effects_fini(struct effects *effects)
{
	arena_free(effects->arena);
	free(effects->of);
	free(effects->order);
	free(effects->component);
	free(effects->place);
	*effects = (struct effects){0};
}
