/* Roots × effects → contexts, each explored once, the most certain ways first; rules look on. */
#include "analyzer/reach.h"

#include <string.h>

#include "analyzer/draft.h"

#define QUEUES (sizeof(((struct reach *)0)->queues) / sizeof(((struct reach *)0)->queues[0]))

struct context_key {
	uint32_t fn, state;
	uint64_t signature; /* hash; 0: nothing is known */
};

struct context_row {
	struct context_key key;
	uint32_t context;
	uint32_t siblings; /* of the row without a signature: how many there are with one */
	UT_hash_handle hh;
};

unsigned int doubt_weight(uint8_t doubts)
{
	return !!(doubts & DOUBT_INIT) + !!(doubts & DOUBT_LIMIT) +
	       2 * !!(doubts & (DOUBT_INDIRECT | DOUBT_ENTRY)) + 2 * !!(doubts & DOUBT_CONDITION) +
	       2 * !!(doubts & DOUBT_THROW);
}

static size_t queue_of(uint8_t doubts)
{
	unsigned int weight = doubt_weight(doubts);

	return weight < QUEUES ? weight : QUEUES - 1;
}

static uint64_t signature_hash(const struct signature *signature)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < signature->count; i++) {
		const struct signature_part *part = &signature->at[i];
		const uint64_t words[] = {part->argument, part->is_memory, (uint64_t)part->offset,
			(uint64_t)part->range.low, (uint64_t)part->range.high, part->range.function,
			part->range.is_nonzero, part->range.has_hole, (uint64_t)part->range.hole};

		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
			hash = (hash ^ words[k]) * 0x9e3779b97f4a7c15ULL;
			hash ^= hash >> 29;
		}
	}
	return signature->count ? hash | 1 : 0;
}

static struct context_row *row_get(struct reach *reach, const struct context_key *key)
{
	struct context_row *row;

	HASH_FIND(hh, reach->rows, key, sizeof(*key), row);
	if (row)
		return row;
	row = arena_alloc(reach->arena, sizeof(*row));
	if (!row)
		return NULL;
	row->key = *key;
	row->context = CONTEXT_NONE;
	HASH_ADD(hh, reach->rows, key, sizeof(row->key), row);
	return map_has_failed(row) ? NULL : row;
}

/* The row of this context; one without a signature when there are too many with one. */
static struct context_row *row_of(struct reach *reach, struct context *context)
{
	struct context_key key = {context->fn, context->state, 0};
	struct context_row *general = row_get(reach, &key), *row;

	key.signature = signature_hash(&context->signature);
	if (!general || !key.signature)
		return general;
	row = row_get(reach, &key);
	if (!row || row->context != CONTEXT_NONE)
		return row;
	if (general->siblings < CONTEXTS_PER_STATE_MAX) {
		general->siblings++;
		return row;
	}
	reach->limits_hit++;
	context->signature.count = 0;
	return general;
}

static int context_enter(struct reach *reach, struct context *fresh)
{
	struct context_row *row = row_of(reach, fresh);
	struct context *known;

	if (!row)
		return -ENOMEM;
	if (row->context == CONTEXT_NONE) {
		row->context = (uint32_t)reach->contexts.len;
		fresh->is_queued = true;
		return vec_push(&reach->contexts, *fresh) ||
				       vec_push(&reach->queues[queue_of(fresh->doubts)],
					       row->context)
			       ? -ENOMEM
			       : 0;
	}
	known = &reach->contexts.at[row->context];
	if (known->is_done || doubt_weight(fresh->doubts) >= doubt_weight(known->doubts))
		return 0;
	fresh->is_queued = true;
	*known = *fresh;
	return vec_push(&reach->queues[queue_of(fresh->doubts)], row->context);
}

/* What API calls before it imply: a function that uses the interpreter is entered with the lock. */
static enum lock_state state_of(const struct lock *lock, uint8_t *doubts)
{
	if (lock->state == LOCK_CALLER)
		return LOCK_UNKNOWN;
	if (lock->entry == LOCK_HELD && lock->state == LOCK_UNKNOWN) {
		*doubts |= DOUBT_ENTRY;
		return LOCK_HELD;
	}
	return (enum lock_state)lock->state;
}

static void signature_add(struct signature *signature, const struct signature_part *part)
{
	for (uint32_t i = 0; i < signature->count; i++)
		if (signature->at[i].argument == part->argument &&
			signature->at[i].is_memory == part->is_memory &&
			signature->at[i].offset == part->offset)
			return;
	if (signature->count < SIGNATURE_MAX)
		signature->at[signature->count++] = *part;
}

static void arguments_sign(struct reach *reach, const struct explore_call *call, uint32_t callee,
	struct signature *signature)
{
	const struct body *body = explorer_body(call->explorer);
	uint32_t wanted = reach->interesting[callee];

	for (uint32_t i = 0; i < call->call->operand_count && i < 32; i++) {
		struct signature_part part = {.argument = i};

		if (!(wanted >> i & 1))
			continue;
		part.range = facts_range(body, &call->state->facts,
			body->outline->operands[call->call->operand_first + i]);
		if (range_is_one(&part.range) || part.range.function != FN_NONE)
			signature_add(signature, &part);
	}
}

/* Memory that decides what the callee does to the lock: a saved state, a flag. */
static void memory_sign(struct reach *reach, const struct explore_call *call, uint32_t callee,
	struct signature *signature)
{
	const struct body *body = explorer_body(call->explorer);
	const struct fn_effects *effects = &reach->effects->of[callee];
	uint8_t state = call->state->lock.state;
	const struct effect_list *list =
		&effects->by_state[state == LOCK_CALLER ? LOCK_UNKNOWN : state];

	for (uint32_t i = 0; i < list->count; i++)
		for (uint32_t k = 0; k < list->at[i].fact_count; k++) {
			const struct effect_fact *fact = &list->at[i].facts[k];
			struct signature_part part = {.argument = fact->argument,
				.type = fact->type,
				.is_memory = true,
				.offset = fact->offset};

			if (fact->kind != EFFECT_BEFORE)
				continue;
			part.range = facts_memory(
				body, &call->state->facts, explore_passed(body, call->call, fact));
			if (!range_is_any(&part.range))
				signature_add(signature, &part);
		}
}

static int body_enter(
	const struct sighting *sighting, uint32_t callee, enum lock_state state, bool has_arguments)
{
	struct reach *reach = sighting->reach;
	const struct explore_call *call = sighting->call;
	struct context context = {.fn = callee,
		.state = state,
		.doubts = sighting->doubts,
		.parent = sighting->context,
		.site = call->site,
		.region_site = call->state->lock.site,
		.root = NULL};

	/* A binding framework calls all that was registered with it. */
	if (call->is_ambiguous &&
		!(program_fn(reach->program, sighting->fn)->def->flags & FUNCTION_MERGED))
		context.doubts |= DOUBT_INDIRECT;
	if (effects_ensure(reach->effects, reach->program, callee,
		    call->state->lock.state == LOCK_CALLER ? LOCK_UNKNOWN : call->state->lock.state,
		    0))
		return -ENOMEM;
	if (has_arguments) {
		arguments_sign(reach, call, callee, &context.signature);
		memory_sign(reach, call, callee, &context.signature);
	}
	return context_enter(reach, &context);
}

/* Functions that are handed over and run within the call. */
static int callbacks_enter(const struct sighting *sighting, const struct model *model)
{
	const struct body *body = explorer_body(sighting->call->explorer);
	const struct outline_instruction *call = sighting->call->call;
	struct reach *reach = sighting->reach;

	for (size_t i = 0; i < model->callback_count; i++) {
		const struct model_callback *callback = &model->callbacks[i];
		struct candidates candidates;
		enum lock_state state = sighting->state;

		if (callback->is_async || callback->is_foreign || callback->arg < 0 ||
			(uint32_t)callback->arg >= call->operand_count)
			continue;
		if (model->lock_op == LOCK_OP_CALL_RELEASED)
			state = LOCK_RELEASED;
		else if (model->lock_op == LOCK_OP_CALL_HELD)
			state = LOCK_HELD;
		program_callees(reach->program, sighting->fn,
			body->outline->operands[call->operand_first + (uint32_t)callback->arg],
			&candidates);
		for (uint32_t c = 0; c < candidates.count; c++)
			if (program_fn(reach->program, candidates.at[c])->kind == FN_BODY &&
				body_enter(sighting, candidates.at[c], state, false))
				return -ENOMEM;
	}
	return 0;
}

static struct sighting sighting_here(struct reach *reach, const struct path_state *path)
{
	const struct context *context = &reach->contexts.at[reach->current];
	struct sighting sighting = {.reach = reach,
		.context = reach->current,
		.fn = context->fn,
		.doubts = context->doubts | path->doubts,
		.path = path};

	if (reach->effects->of[context->fn].is_limited)
		sighting.doubts |= DOUBT_LIMIT;
	sighting.state = state_of(&path->lock, &sighting.doubts);
	return sighting;
}

static int see_call(void *data, const struct explore_call *call)
{
	struct reach *reach = data;
	struct sighting sighting = sighting_here(reach, call->state);
	const struct fn *callee;
	int code = 0;

	sighting.call = call;
	for (size_t i = 0; i < rule_class_count && !code; i++)
		if (rule_classes[i]->call)
			code = rule_classes[i]->call(&sighting);
	if (code || call->callee == FN_NONE)
		return code;
	callee = program_fn(reach->program, call->callee);
	if (callee->kind == FN_BODY)
		return body_enter(&sighting, call->callee, sighting.state, true);
	return callee->model ? callbacks_enter(&sighting, callee->model) : 0;
}

static int see_mismatch(void *data, const struct explore_mismatch *mismatch)
{
	struct sighting sighting = sighting_here(data, mismatch->state);
	int code = 0;

	sighting.mismatch = mismatch;
	for (size_t i = 0; i < rule_class_count && !code; i++)
		if (rule_classes[i]->mismatch)
			code = rule_classes[i]->mismatch(&sighting);
	return code;
}

static int see_exit(void *data, const struct explore_exit *exit)
{
	struct sighting sighting = sighting_here(data, exit->state);
	int code = 0;

	sighting.exit = exit;
	for (size_t i = 0; i < rule_class_count && !code; i++)
		if (rule_classes[i]->exit)
			code = rule_classes[i]->exit(&sighting);
	return code;
}

static int see_loop(void *data, const struct explore_loop *loop)
{
	struct sighting sighting = sighting_here(data, loop->state);
	int code = 0;

	sighting.loop = loop;
	for (size_t i = 0; i < rule_class_count && !code; i++)
		if (rule_classes[i]->loop)
			code = rule_classes[i]->loop(&sighting);
	return code;
}

static int context_explore(struct reach *reach, uint32_t id)
{
	const struct explore_hooks hooks = {reach, see_call, see_mismatch, see_exit, see_loop};
	struct context context = reach->contexts.at[id]; /* a copy: exploring adds contexts */
	const struct explore_entry entry = {context.fn, context.state, &context.signature};
	bool is_limited = false;
	int code;

	reach->contexts.at[id].is_done = true;
	reach->current = id;
	code = explore(reach->explorer, &entry, &hooks, &is_limited);
	reach->limits_hit += is_limited;
	return code;
}

static int queues_run(struct reach *reach)
{
	size_t next[QUEUES] = {0};
	size_t queue = 0;

	while (queue < QUEUES) {
		uint32_t id;
		int code;

		if (next[queue] == reach->queues[queue].len) {
			queue++;
			continue;
		}
		id = reach->queues[queue].at[next[queue]++];
		if (reach->contexts.at[id].is_done)
			continue;
		code = context_explore(reach, id);
		if (code)
			return code;
		queue = 0; /* it may have found something more certain */
	}
	return 0;
}

static int roots_enter(struct reach *reach)
{
	static const enum lock_state states[] = {
		[ROOT_HELD] = LOCK_HELD,
		[ROOT_FOREIGN] = LOCK_FOREIGN,
		[ROOT_UNKNOWN] = LOCK_UNKNOWN,
		[ROOT_RELEASED] = LOCK_RELEASED,
	};

	vec_each (root, &reach->roots.list) {
		struct context context = {.fn = root->fn,
			.state = states[root->state],
			.parent = CONTEXT_NONE,
			.region_site = LOCK_NO_SITE,
			.root = root};

		if (root->is_init)
			context.doubts |= DOUBT_INIT;
		if (root->state == ROOT_UNKNOWN)
			context.doubts |= DOUBT_ENTRY;
		if (context_enter(reach, &context))
			return -ENOMEM;
	}
	return 0;
}

/* Whom no way led to: only called through pointers that nobody could follow. */
static int strays_enter(struct reach *reach)
{
	uint8_t *is_reached = calloc(reach->program->functions.len + 1, 1);
	int code = is_reached ? 0 : -ENOMEM;

	for (size_t i = 0; !code && i < reach->contexts.len; i++)
		is_reached[reach->contexts.at[i].fn] = 1;
	for (uint32_t id = 0; !code && id < reach->program->functions.len; id++) {
		const struct fn *fn = program_fn(reach->program, id);
		struct context context = {.fn = id,
			.state = LOCK_UNKNOWN,
			.doubts = DOUBT_ENTRY,
			.parent = CONTEXT_NONE,
			.region_site = LOCK_NO_SITE};

		if (fn->kind == FN_BODY && !is_reached[id] && !fn->is_called &&
			!(fn->def->flags & FUNCTION_MERGED))
			code = context_enter(reach, &context);
	}
	free(is_reached);
	return code;
}

int reach_solve(struct reach *reach, struct program *program, struct effects *effects)
{
	int code;

	*reach = (struct reach){.program = program, .effects = effects};
	reach->arena = arena_new();
	reach->explorer = explorer_new(program, effects, 0);
	if (!reach->arena || !reach->explorer || roots_find(program, &reach->roots))
		return -ENOMEM;
	code = reach_interests(reach);
	for (size_t i = 0; i < rule_class_count && !code; i++)
		if (rule_classes[i]->begin)
			code = rule_classes[i]->begin(reach);
	if (!code)
		code = roots_enter(reach);
	if (!code)
		code = queues_run(reach);
	if (!code)
		code = strays_enter(reach);
	if (!code)
		code = queues_run(reach);
	for (size_t i = 0; i < rule_class_count && !code; i++)
		if (rule_classes[i]->finish)
			code = rule_classes[i]->finish(reach);
	return code;
}

void reach_fini(struct reach *reach)
{
	for (size_t i = 0; i < rule_class_count; i++)
		if (rule_classes[i]->end)
			rule_classes[i]->end(reach);
	drafts_free(reach);
	for (size_t i = 0; i < QUEUES; i++)
		vec_fini(&reach->queues[i]);
	HASH_CLEAR(hh, reach->rows);
	vec_fini(&reach->contexts);
	vec_fini(&reach->roots.list);
	free(reach->interesting);
	explorer_free(reach->explorer);
	arena_free(reach->arena);
}
