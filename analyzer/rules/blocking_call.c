/* A call that can wait, in a state that holds the lock → a finding; the same call in a state that
 * does not → evidence that the project knows better. */
#include <string.h>

#include "analyzer/draft.h"
#include "analyzer/rules/fix.h"
#include "runtime/base/map.h"

/* Where the project calls one function, and in which state. */
struct habit {
	const char *operation; /* key: the model's name */
	uint32_t held, released; /* places */
	uint32_t sibling_count;
	struct spot siblings[DRAFT_PLACES_MAX]; /* places that release */
	UT_hash_handle hh;
};

struct place_row {
	struct {
		uint32_t fn, site, is_held, pad;
	} key;
	UT_hash_handle hh;
};

struct work {
	struct habit *habits;
	struct place_row *places;
};

static int begin(struct reach *reach)
{
	reach->rule_work[RULE_BLOCKING_CALL] = arena_alloc(reach->arena, sizeof(struct work));
	return reach->rule_work[RULE_BLOCKING_CALL] ? 0 : -ENOMEM;
}

static struct habit *habit_get(struct reach *reach, const char *operation)
{
	struct work *work = reach->rule_work[RULE_BLOCKING_CALL];
	struct habit *habit;

	HASH_FIND_STR(work->habits, operation, habit);
	if (habit)
		return habit;
	habit = arena_alloc(reach->arena, sizeof(*habit));
	if (!habit)
		return NULL;
	habit->operation = operation;
	HASH_ADD_KEYPTR(hh, work->habits, habit->operation, strlen(operation), habit);
	return map_has_failed(habit) ? NULL : habit;
}

/* Counts each place once a state. */
static int habit_add(const struct sighting *sighting, const char *operation, bool is_held)
{
	struct reach *reach = sighting->reach;
	struct work *work = reach->rule_work[RULE_BLOCKING_CALL];
	struct habit *habit = habit_get(reach, operation);
	struct place_row *row = arena_alloc(reach->arena, sizeof(*row)), *known;

	if (!row || !habit)
		return -ENOMEM;
	row->key.fn = sighting->fn;
	row->key.site = sighting->call->site;
	row->key.is_held = is_held;
	HASH_FIND(hh, work->places, &row->key, sizeof(row->key), known);
	if (known)
		return 0;
	HASH_ADD(hh, work->places, key, sizeof(row->key), row);
	if (map_has_failed(row))
		return -ENOMEM;
	habit->held += is_held;
	habit->released += !is_held;
	if (!is_held && habit->sibling_count < DRAFT_PLACES_MAX)
		habit->siblings[habit->sibling_count++] =
			(struct spot){sighting->fn, sighting->call->site};
	return 0;
}

static const char *wait_text(const struct model *model)
{
	static const char *const texts[] = {
		[WAIT_PEER] = "can block on a peer",
		[WAIT_DEVICE] = "can block on a device",
		[WAIT_FILESYSTEM] = "can block on a file system",
		[WAIT_PROCESS] = "can block on another process or thread",
		[WAIT_HUMAN] = "can block on a person",
		[WAIT_TIME] = "sleeps",
	};

	return (size_t)model->wait_on < sizeof(texts) / sizeof(texts[0]) ? texts[model->wait_on]
									 : "can block";
}

/* Does some condition that must hold stay open? An open exception (a timeout that may be zero)
 * takes nothing away: the call waits for all other values. */
static bool is_when_open(
	const struct model *model, const struct model_argument *arguments, size_t count)
{
	for (size_t i = 0; i < model->when_count; i++)
		if (model_condition_holds(&model->when[i], arguments, count) == MODEL_MAY)
			return true;
	return false;
}

static int confidence_of(const struct sighting *sighting, const struct model *model, bool is_open)
{
	int confidence = model->is_certain ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
	uint8_t doubts = sighting->doubts;

	if (sighting->call->is_ambiguous)
		doubts |= DOUBT_INDIRECT;
	confidence -= !!(doubts & DOUBT_INIT) + !!(doubts & DOUBT_INDIRECT) +
		      !!(doubts & DOUBT_CONDITION) + !!(doubts & (DOUBT_ENTRY | DOUBT_LIMIT)) +
		      is_open;
	confidence -= program_has_setup(sighting->reach->program, model->name);
	if (model->is_thread_unsafe && confidence > CONFIDENCE_MEDIUM)
		confidence = CONFIDENCE_MEDIUM;
	return confidence;
}

/* What an argument stands on: an object that other threads can reach, or the caller's own. */
static bool is_shared(const struct body *body, uint32_t value, int depth)
{
	const struct outline_value *at = body_value(body, value);

	if (depth > 6)
		return false;
	switch (at->kind) {
	case VALUE_LOAD:
		while (body_value(body, at->a)->kind == VALUE_FIELD ||
			body_value(body, at->a)->kind == VALUE_ELEMENT)
			at = body_value(body, at->a);
		at = body_value(body, at->a);
		return at->kind == VALUE_ARG || at->kind == VALUE_LOAD ||
		       at->kind == VALUE_RESULT || at->kind == VALUE_GLOBAL;
	case VALUE_FIELD:
	case VALUE_ELEMENT:
		return is_shared(body, at->a, depth + 1);
	case VALUE_PHI:
		for (uint32_t i = 0; i < at->b && i < 8; i++)
			if (is_shared(body, body->outline->incoming[at->a + i].value, depth + 1))
				return true;
		return false;
	default:
		return false;
	}
}

/* Is the argument the inside of an object whose memory other code may move? */
static bool is_borrowed(const struct sighting *sighting, uint32_t value)
{
	static const char *const accessors[] = {"PyByteArray_AsString", "PyByteArray_AS_STRING",
		"PyObject_AsCharBuffer", "PyObject_AsReadBuffer", "PyObject_AsWriteBuffer"};
	const struct body *body = explorer_body(sighting->call->explorer);
	const struct outline_value *at =
		body_value(body, facts_same(body, &sighting->path->facts, value));
	const struct outline_value *callee;

	if (at->kind != VALUE_RESULT)
		return false;
	callee = body_value(body, body->outline->instructions[at->a].a);
	for (size_t i = 0;
		callee->kind == VALUE_FUNCTION && i < sizeof(accessors) / sizeof(accessors[0]); i++)
		if (!strcmp(outline_string(body->outline, callee->a), accessors[i]))
			return true;
	return false;
}

/* Careful: "safe" only where nothing that the call uses can be reached by another thread. */
void fix_judge_call(const struct sighting *sighting, const struct model *model, struct draft *draft)
{
	const struct body *body = explorer_body(sighting->call->explorer);
	const struct outline_instruction *call = sighting->call->call;
	bool has_shared = false, has_borrowed = false;

	for (uint32_t i = 0; i < call->operand_count; i++) {
		uint32_t value = body->outline->operands[call->operand_first + i];

		has_shared |= is_shared(body, value, 0);
		has_borrowed |= is_borrowed(sighting, value);
	}
	if (model->is_thread_unsafe) {
		draft->fix = FIX_ON_PURPOSE;
		draft->fix_note =
			"this function is not safe on two threads at once: release the "
			"lock only under a lock of your own, or use a variant that is safe";
	} else if (has_borrowed) {
		draft->fix = FIX_COPY;
		draft->fix_note = "the call uses memory of an object that other code may resize: "
				  "copy it, or hold a buffer export, before the lock is released";
	} else if (has_shared) {
		draft->fix = FIX_OBJECT_LOCK;
		draft->fix_note =
			"the call uses state that other threads can reach: make sure that "
			"none of them closes or changes it while the lock is released";
	} else if (sighting->state == LOCK_HELD && !(sighting->doubts & DOUBT_CONDITION)) {
		draft->fix = FIX_SAFE;
		draft->fix_note = "the call uses only its own arguments and locals";
	}
}

static const char *message_of(struct reach *reach, const struct model *model)
{
	const char *wait = wait_text(model);

	if (*model->note)
		return arena_printf(reach->arena, "%s() %s while the lock is held (%s)",
			model->name, wait, model->note);
	return arena_printf(reach->arena, "%s() %s while the lock is held", model->name, wait);
}

/* A check on the same path said that it would not wait. */
static bool is_ready(const struct sighting *sighting, const struct model *model)
{
	const char *check = program_ready_check(model->name);

	return check && facts_was_zero(explorer_body(sighting->call->explorer),
				&sighting->path->facts, check);
}

static int call(const struct sighting *sighting)
{
	struct reach *reach = sighting->reach;
	struct model_argument arguments[EXPLORE_ARGUMENTS_MAX];
	const struct model *model;
	size_t count;
	struct draft draft = {.rule = RULE_BLOCKING_CALL,
		.fn = sighting->fn,
		.context = sighting->context,
		.site = sighting->call->site,
		.released_site = LOCK_NO_SITE};
	int code;

	if (sighting->call->callee == FN_NONE || sighting->state == LOCK_UNKNOWN)
		return 0;
	model = program_fn(reach->program, sighting->call->callee)->model;
	if (!model || model->effect != MODEL_BLOCKS || model->releases_inside)
		return 0;
	count = explore_arguments(sighting->call, arguments);
	if (model_happens(model, arguments, count) == MODEL_NO || is_ready(sighting, model))
		return 0;
	code = habit_add(sighting, model->name, sighting->state == LOCK_HELD);
	if (code || sighting->state != LOCK_HELD)
		return code;
	draft.operation = model->name;
	draft.model = model;
	draft.confidence = confidence_of(sighting, model, is_when_open(model, arguments, count));
	draft.message = message_of(reach, model);
	fix_judge_call(sighting, model, &draft);
	return draft.message ? draft_add(reach, &draft) : -ENOMEM;
}

/* "Usually not, but here": a project that releases around the callee in most places means it. */
static bool is_habit(const struct habit *habit)
{
	return habit->released > 0 && habit->released >= habit->held;
}

/* Released on another way through the same function: holding it here looks like a decision. */
static bool is_decision(const struct habit *habit, const struct draft *draft)
{
	for (uint32_t i = 0; i < habit->sibling_count; i++)
		if (habit->siblings[i].fn == draft->fn && habit->siblings[i].site != draft->site)
			return true;
	return false;
}

static int finish(struct reach *reach)
{
	struct draft *draft;

	for (size_t i = 0; (draft = draft_each(reach, i)); i++) {
		const struct habit *habit;

		if (draft->rule != RULE_BLOCKING_CALL)
			continue;
		habit = habit_get(reach, draft->operation);
		if (!habit)
			return -ENOMEM;
		draft->sibling_count = 0;
		for (uint32_t k = 0; k < habit->sibling_count; k++)
			if (habit->siblings[k].fn != draft->fn ||
				habit->siblings[k].site != draft->site)
				draft->siblings[draft->sibling_count++] = habit->siblings[k];
		if (is_decision(habit, draft))
			draft->confidence--;
		else if (!draft->model->is_certain && is_habit(habit))
			draft->confidence++;
	}
	return 0;
}

static void end(struct reach *reach)
{
	struct work *work = reach->rule_work[RULE_BLOCKING_CALL];

	if (!work)
		return;
	HASH_CLEAR(hh, work->habits);
	HASH_CLEAR(hh, work->places);
}

const struct rule_class rule_blocking_call = {
	.id = RULE_BLOCKING_CALL, .begin = begin, .call = call, .finish = finish, .end = end};
