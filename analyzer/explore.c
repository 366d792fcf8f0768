/* Function + state at entry → the states at every point: a worklist over blocks in reverse
 * postorder, then one pass that reports. */
#include <stddef.h>
#include <string.h>

#include "analyzer/explore_own.h"

struct explorer *explorer_new(struct program *program, struct effects *effects, unsigned int depth)
{
	struct explorer *explorer = calloc(1, sizeof(*explorer));

	if (!explorer)
		return NULL;
	explorer->program = program;
	explorer->effects = effects;
	explorer->depth = depth;
	return explorer;
}

void explorer_free(struct explorer *explorer)
{
	free(explorer);
}

const struct body *explorer_body(const struct explorer *explorer)
{
	return &explorer->body;
}

static size_t state_bytes(const struct path_state *state)
{
	return offsetof(struct path_state, facts.at) + state->facts.count * sizeof(struct fact);
}

static void state_load(struct path_state *into, const struct path_state *stored)
{
	memcpy(into, stored, state_bytes(stored));
}

static int state_store(
	struct explorer *explorer, struct block_states *states, const struct path_state *state)
{
	struct saved_state *saved = arena_alloc(
		explorer->arena, offsetof(struct saved_state, state) + state_bytes(state));

	if (!saved)
		return -ENOMEM;
	memcpy(&saved->state, state, state_bytes(state));
	saved->is_dirty = true;
	states->at[states->count++] = saved;
	return 0;
}

/* Joining only takes facts away, so that the place of the old state is large enough. */
static void state_join(
	const struct explorer *explorer, struct saved_state *saved, const struct path_state *state)
{
	uint8_t doubts = saved->state.doubts & state->doubts;
	struct path_state joined;
	bool is_changed;

	state_load(&joined, &saved->state);
	is_changed = facts_join(&explorer->body, &joined.facts, &state->facts);
	if (!is_changed && doubts == saved->state.doubts)
		return;
	joined.doubts = doubts;
	memcpy(&saved->state, &joined, state_bytes(&joined));
	saved->is_dirty = true;
}

static bool is_stored(const struct saved_state *saved, const struct path_state *state)
{
	struct path_state loaded;

	if (saved->state.facts.count != state->facts.count ||
		(saved->state.doubts & ~state->doubts))
		return false;
	state_load(&loaded, &saved->state);
	return facts_are_equal(&loaded.facts, &state->facts);
}

/* `state` arrives at the top of `block`. */
static void state_arrive(struct explorer *explorer, uint32_t block, const struct path_state *state)
{
	struct block_states *states = &explorer->blocks[block];
	struct saved_state *last = NULL;
	uint32_t variants = 0;

	for (uint32_t i = 0; i < states->count; i++) {
		if (!lock_is_same(&states->at[i]->state.lock, &state->lock))
			continue;
		if (is_stored(states->at[i], state))
			return;
		last = states->at[i];
		variants++;
	}
	if (++states->visits > EXPLORE_VISITS_MAX)
		explorer->is_limited = true;
	if (variants < EXPLORE_VARIANTS_MAX && states->count < EXPLORE_STATES_MAX &&
		states->visits <= EXPLORE_VISITS_MAX)
		explorer->code = state_store(explorer, states, state);
	else if (last && states->visits <= 4 * EXPLORE_VISITS_MAX)
		state_join(explorer, last, state);
	else
		explorer->is_limited = true;
}

/* The line of the jump, or of what comes before it. */
static uint32_t block_end_line(const struct body *body, const struct outline_block *block)
{
	uint32_t line = block->line;

	for (uint32_t i = block->instruction_count; !line && i > 0; i--)
		line = body->outline->instructions[block->instruction_first + i - 1].line;
	return line;
}

static void edge(
	struct explorer *explorer, const struct path_state *state, uint32_t from, uint32_t i)
{
	const struct body *body = &explorer->body;
	const struct outline_block *block = &body->outline->blocks[body->def->block_first + from];
	uint32_t to =
		body->outline->successors[block->successor_first + i] - body->def->block_first;
	struct path_state next;

	if (explorer->is_reporting || explorer->code)
		return;
	state_load(&next, state);
	facts_edge(body, &next.facts, from, to);
	if (body->pred_count[to] > 1)
		next.from_line = block_end_line(body, block);
	state_arrive(explorer, to, &next);
}

static void report_exit(struct explorer *explorer, const struct path_state *state,
	const struct outline_block *block, uint32_t site)
{
	const struct body *body = &explorer->body;
	const struct lock *lock = &state->lock;
	struct explore_exit exit = {
		.explorer = explorer, .state = state, .site = site, .result = RANGE_ANY};
	uint32_t opened = lock->depth ? lock->sites[lock->depth - 1] : lock->site;
	uint32_t at = opened - explorer->first_instruction;

	if (!explorer->is_reporting || explorer->code || !explorer->hooks->exit)
		return;
	exit.is_unwind = block->exit != EXIT_RETURN || site != OUTLINE_NONE;
	exit.is_broken = !lock_is_balanced(lock) && opened != LOCK_NO_SITE &&
			 at < explorer->instruction_count && explorer->pairs[at];
	exit.line = site != OUTLINE_NONE ? body->outline->instructions[site].line
		    : state->from_line   ? state->from_line
					 : block->line;
	if (!exit.is_unwind && block->condition != OUTLINE_NONE)
		exit.result = facts_range(body, &state->facts, block->condition);
	explorer->code = explorer->hooks->exit(explorer->hooks->context, &exit);
}

static void branch_side(struct explorer *explorer, const struct path_state *state, uint32_t block,
	uint32_t condition, bool is_true)
{
	struct path_state side;

	state_load(&side, state);
	if (facts_assume(&explorer->body, &side.facts, condition, is_true))
		edge(explorer, &side, block, is_true ? 0 : 1);
}

/* Where `a && b` is false, either is: two states say which, one could not. */
static void branch(struct explorer *explorer, const struct path_state *state, uint32_t block,
	uint32_t condition)
{
	uint32_t pivot = facts_pivot(&explorer->body, &state->facts, condition);
	struct path_state half;

	for (int is_pivot = 0; is_pivot < 2; is_pivot++) {
		state_load(&half, state);
		if (pivot != OUTLINE_NONE &&
			!facts_assume(&explorer->body, &half.facts, pivot, is_pivot))
			continue;
		branch_side(explorer, &half, block, condition, true);
		branch_side(explorer, &half, block, condition, false);
		if (pivot == OUTLINE_NONE)
			break;
	}
}

static void branch_switch(struct explorer *explorer, const struct path_state *state, uint32_t id,
	const struct outline_block *block)
{
	const struct body *body = &explorer->body;
	struct range range = facts_range(body, &state->facts, block->condition);
	struct path_state side;

	for (uint32_t i = 1; i < block->successor_count; i++) {
		int64_t number = body->outline->cases[block->case_first + i - 1];

		if (range_is_one(&range) && range.low == number) {
			edge(explorer, state, id, i);
			return;
		}
		state_load(&side, state);
		if (facts_learn(body, &side.facts, block->condition, RANGE_ONE(number)))
			edge(explorer, &side, id, i);
	}
	/* The default: none of them, as far as that can be said. */
	state_load(&side, state);
	for (uint32_t i = 1; i < block->successor_count; i++)
		if (!facts_learn(body, &side.facts, block->condition,
			    range_except(body->outline->cases[block->case_first + i - 1])))
			return;
	edge(explorer, &side, id, 0);
}

static void leave_block(struct explorer *explorer, const struct path_state *state, uint32_t id)
{
	const struct body *body = &explorer->body;
	const struct outline_block *block = &body->outline->blocks[body->def->block_first + id];

	switch (block->exit) {
	case EXIT_BRANCH:
		branch(explorer, state, id, block->condition);
		break;
	case EXIT_SWITCH:
		branch_switch(explorer, state, id, block);
		break;
	case EXIT_JUMP:
	case EXIT_INVOKE:
		edge(explorer, state, id, 0);
		break;
	case EXIT_OTHER:
		for (uint32_t i = 0; i < block->successor_count; i++)
			edge(explorer, state, id, i);
		break;
	case EXIT_RETURN:
	case EXIT_RESUME:
		report_exit(explorer, state, block, OUTLINE_NONE);
		break;
	default:
		break;
	}
}

/* Runs the call; the first state that comes back replaces `state`, others queue up. Returns
 * whether one came back. */
static bool call_step(
	struct explorer *explorer, struct path_state *state, uint32_t id, uint32_t instruction)
{
	const struct body *body = &explorer->body;
	const struct outline_block *block = &body->outline->blocks[body->def->block_first + id];
	uint32_t end = block->instruction_first + block->instruction_count;
	bool is_back = false;

	explore_outcomes(explorer, state, instruction);
	for (uint32_t i = 0; i < explorer->outcome_count && !explorer->code; i++) {
		const struct outcome *outcome = &explorer->outcomes[i];

		if (outcome->is_unwind && block->exit == EXIT_INVOKE && instruction + 1 == end) {
			edge(explorer, &outcome->state, id, 1);
		} else if (outcome->is_unwind) {
			report_exit(explorer, &outcome->state, block, instruction);
		} else if (!is_back) {
			state_load(state, &outcome->state);
			is_back = true;
		} else if (explorer->queued < EXPLORE_QUEUE_MAX) {
			struct queued_state *queued = &explorer->queue[explorer->queued++];

			queued->instruction = instruction + 1;
			state_load(&queued->state, &outcome->state);
		} else {
			explorer->is_limited = true;
		}
	}
	return is_back && !explorer->code;
}

static bool instruction_step(
	struct explorer *explorer, struct path_state *state, uint32_t id, uint32_t instruction)
{
	const struct body *body = &explorer->body;
	const struct outline_instruction *step = &body->outline->instructions[instruction];

	switch (step->kind) {
	case INSTRUCTION_LOAD:
		if (explorer->is_in_loop)
			facts_define(body, &state->facts, step->a);
		facts_load(body, &state->facts, step->a);
		return true;
	case INSTRUCTION_STORE:
		facts_store(body, &state->facts, step->a, step->b);
		return true;
	case INSTRUCTION_CALL:
		return call_step(explorer, state, id, instruction);
	default:
		return true;
	}
}

static void block_run(struct explorer *explorer, uint32_t id, const struct path_state *stored)
{
	const struct body *body = &explorer->body;
	const struct outline_block *block = &body->outline->blocks[body->def->block_first + id];
	uint32_t end = block->instruction_first + block->instruction_count;
	struct path_state state;

	explorer->is_in_loop = block->loop != OUTLINE_NONE;
	explorer->queued = 1;
	explorer->queue[0].instruction = block->instruction_first;
	state_load(&explorer->queue[0].state, stored);
	while (explorer->queued && !explorer->code) {
		uint32_t at;
		bool is_alive = true;

		explorer->queued--;
		at = explorer->queue[explorer->queued].instruction;
		state_load(&state, &explorer->queue[explorer->queued].state);
		while (at < end && is_alive)
			is_alive = instruction_step(explorer, &state, id, at++);
		if (is_alive)
			leave_block(explorer, &state, id);
	}
}

/* Runs the states of a block that are new; whether there were any. */
static bool block_settle(struct explorer *explorer, uint32_t id)
{
	struct block_states *states = &explorer->blocks[id];
	bool is_busy = false;

	for (uint32_t i = 0; i < states->count && !explorer->code; i++) {
		struct path_state state;

		if (!states->at[i]->is_dirty)
			continue;
		states->at[i]->is_dirty = false;
		is_busy = true;
		/* A copy: a loop of one block joins into the state that runs. */
		state_load(&state, &states->at[i]->state);
		block_run(explorer, id, &state);
	}
	return is_busy;
}

static void settle(struct explorer *explorer)
{
	bool is_busy = true;

	while (is_busy && !explorer->code) {
		is_busy = false;
		for (uint32_t i = 0; i < explorer->body.order_count && !explorer->code; i++)
			if (block_settle(explorer, explorer->body.order[i]))
				is_busy = true;
	}
}

static void report_loop(struct explorer *explorer, uint32_t id, const struct path_state *state)
{
	const struct body *body = &explorer->body;
	uint32_t block = body->def->block_first + id, loop = body->outline->blocks[block].loop;
	struct path_state copy;

	if (!explorer->hooks->loop || loop == OUTLINE_NONE ||
		body->outline->loops[loop].header != block)
		return;
	state_load(&copy, state);
	explorer->code = explorer->hooks->loop(
		explorer->hooks->context, &(struct explore_loop){explorer, &copy, loop});
}

static void report(struct explorer *explorer)
{
	explorer->is_reporting = true;
	for (uint32_t i = 0; i < explorer->body.order_count; i++) {
		const struct block_states *states = &explorer->blocks[explorer->body.order[i]];

		for (uint32_t k = 0; k < states->count && !explorer->code; k++) {
			report_loop(explorer, explorer->body.order[i], &states->at[k]->state);
			if (!explorer->code)
				block_run(explorer, explorer->body.order[i], &states->at[k]->state);
		}
	}
	explorer->is_reporting = false;
}

static void instructions_count(struct explorer *explorer)
{
	const struct body *body = &explorer->body;
	uint32_t low = UINT32_MAX, high = 0;

	for (uint32_t b = 0; b < body->def->block_count; b++) {
		const struct outline_block *block =
			&body->outline->blocks[body->def->block_first + b];

		if (!block->instruction_count)
			continue;
		if (block->instruction_first < low)
			low = block->instruction_first;
		if (block->instruction_first + block->instruction_count > high)
			high = block->instruction_first + block->instruction_count;
	}
	explorer->first_instruction = low;
	explorer->instruction_count = high > low ? high - low : 0;
}

/* What the context knows of one argument, and of the memory that it points to. */
static void argument_prepare(const struct body *body, struct facts *facts, uint32_t id,
	const struct signature *signature)
{
	const struct outline_value *value = body_value(body, id);

	for (uint32_t i = 0; value->kind == VALUE_ARG && i < signature->count; i++) {
		const struct signature_part *part = &signature->at[i];
		struct place place = {body_canon(body, id), part->type, part->offset, true};

		if (value->number != part->argument)
			continue;
		if (part->is_memory)
			facts_set_memory(body, facts, place, &part->range);
		else
			facts_tell(body, facts, id, part->range);
	}
}

static int explorer_prepare(struct explorer *explorer, const struct explore_entry *entry)
{
	struct path_state state = {.lock = lock_at_entry(entry->state)};
	const struct body *body = &explorer->body;

	if (body_prepare(&explorer->body, explorer->program, entry->fn, explorer->arena))
		return -ENOMEM;
	instructions_count(explorer);
	explorer->blocks =
		arena_alloc(explorer->arena, body->def->block_count * sizeof(*explorer->blocks));
	explorer->pairs = arena_alloc(explorer->arena, explorer->instruction_count + 1);
	explorer->passes = arena_alloc(explorer->arena, explorer->instruction_count + 1);
	if (!explorer->blocks || !explorer->pairs || !explorer->passes)
		return -ENOMEM;
	for (uint32_t i = 0; i < body->def->value_count && entry->signature; i++)
		argument_prepare(body, &state.facts, body->def->value_first + i, entry->signature);
	return state_store(explorer, &explorer->blocks[0], &state);
}

int explore(struct explorer *explorer, const struct explore_entry *entry,
	const struct explore_hooks *hooks, bool *ret_is_limited)
{
	explorer->hooks = hooks;
	explorer->is_limited = explorer->is_reporting = false;
	explorer->arena = arena_new();
	explorer->code = explorer->arena ? explorer_prepare(explorer, entry) : -ENOMEM;
	if (!explorer->code)
		settle(explorer);
	if (!explorer->code)
		report(explorer);
	arena_free(explorer->arena);
	explorer->arena = NULL;
	*ret_is_limited = explorer->is_limited;
	return explorer->code;
}
