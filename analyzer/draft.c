/* Drafts → findings: the way from the entry, other places, a fingerprint without line numbers. */
#include "analyzer/draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/solve.h"

#define STEPS_MAX 64 /* of one path; a longer one loses its middle */

struct draft_key {
	uint32_t rule, fn;
	const char *operation; /* interned by the caller: symbols and literals */
};

struct draft_row {
	struct draft_key key;
	size_t at;
	UT_hash_handle hh;
};

struct draft_table {
	vec(struct draft) list;
	struct draft_row *rows;
};

const char *fn_name(const struct reach *reach, uint32_t fn)
{
	return program_fn(reach->program, fn)->name;
}

static void place_add(struct draft *draft, uint32_t site, int weaker)
{
	if (site == OUTLINE_NONE || site == draft->site)
		return;
	for (uint32_t i = 0; i < draft->more_count; i++)
		if (draft->more[i] == site) {
			if (weaker < draft->more_weaker[i])
				draft->more_weaker[i] = weaker;
			return;
		}
	draft->more_total++;
	if (draft->more_count < DRAFT_PLACES_MAX) {
		draft->more_weaker[draft->more_count] = weaker;
		draft->more[draft->more_count++] = site;
	}
}

static void draft_merge(struct draft *known, const struct draft *fresh)
{
	struct draft front = *fresh;
	int gap = fresh->confidence - known->confidence;

	if (gap <= 0) {
		place_add(known, fresh->site, -gap);
		return;
	}
	for (uint32_t i = 0; i < known->more_count; i++)
		place_add(&front, known->more[i], known->more_weaker[i] + gap);
	place_add(&front, known->site, gap);
	*known = front;
}

static bool is_framework(const struct fn *fn)
{
	static const char *const prefixes[] = {
#define FRAMEWORK(prefix) prefix,
#include "analyzer/frameworks.def"
#undef FRAMEWORK
	};

	if (fn->def->flags & FUNCTION_SYSTEM)
		return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(fn->name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* Out of the framework's functions, to the call that the reader wrote; as it was when there is
 * none: then the framework itself is the project. */
static void draft_lift(const struct reach *reach, struct draft *draft)
{
	const struct draft before = *draft;

	while (is_framework(program_fn(reach->program, draft->fn))) {
		const struct context *context = reach_context(reach, draft->context);

		if (context->parent == CONTEXT_NONE) {
			*draft = before;
			return;
		}
		draft->site = context->site;
		draft->line = 0;
		draft->released_site = context->region_site;
		draft->context = context->parent;
		draft->fn = reach_context(reach, context->parent)->fn;
	}
}

int draft_add(struct reach *reach, const struct draft *seen)
{
	struct draft lifted = *seen;
	const struct draft *draft = &lifted;
	struct draft_key key;
	struct draft_row *row;

	draft_lift(reach, &lifted);
	memset(&key, 0, sizeof(key));
	key.rule = draft->rule;
	key.fn = draft->fn;
	key.operation = draft->operation;
	if (!reach->drafts)
		reach->drafts = calloc(1, sizeof(*reach->drafts));
	if (!reach->drafts)
		return -ENOMEM;
	HASH_FIND(hh, reach->drafts->rows, &key, sizeof(key), row);
	if (row) {
		draft_merge(&reach->drafts->list.at[row->at], draft);
		return 0;
	}
	row = arena_alloc(reach->arena, sizeof(*row));
	if (!row || vec_push(&reach->drafts->list, *draft))
		return -ENOMEM;
	row->key = key;
	row->at = reach->drafts->list.len - 1;
	HASH_ADD(hh, reach->drafts->rows, key, sizeof(row->key), row);
	return map_has_failed(row) ? -ENOMEM : 0;
}

struct draft *draft_each(struct reach *reach, size_t i)
{
	return reach->drafts && i < reach->drafts->list.len ? &reach->drafts->list.at[i] : NULL;
}

void drafts_free(struct reach *reach)
{
	if (!reach->drafts)
		return;
	HASH_CLEAR(hh, reach->drafts->rows);
	vec_fini(&reach->drafts->list);
	free(reach->drafts);
	reach->drafts = NULL;
}

/* What a finding is made with. */
struct maker {
	struct reach *reach;
	const char *root;
	struct arena *arena; /* the findings' */
	struct finding *finding;
	int code;
};

static const char *shown_file(const struct maker *maker, const char *file)
{
	size_t len = strlen(maker->root);

	while (len > 0 && maker->root[len - 1] == '/')
		len--;
	if (len && !strncmp(file, maker->root, len) && file[len] == '/')
		file += len + 1;
	return file;
}

static const char *keep(struct maker *maker, const char *text)
{
	char *copy = arena_strdup(maker->arena, text);

	if (!copy)
		maker->code = -ENOMEM;
	return copy ? copy : "";
}

/* A place as a step, without its message. */
static struct finding_step step_at(struct maker *maker, uint32_t fn, uint32_t site)
{
	const struct fn *owner = program_fn(maker->reach->program, fn);
	struct finding_step step = {.function = keep(maker, owner->name)};

	if (site == OUTLINE_NONE) {
		step.file = outline_string(owner->outline, owner->def->file);
		step.line = (int)(owner->def->line & INT32_MAX);
	} else {
		const struct outline_instruction *at = &owner->outline->instructions[site];

		step.file = outline_string(owner->outline, at->file);
		step.line = (int)(at->line & INT32_MAX);
	}
	if (!*step.file)
		step.file = owner->outline->source;
	step.file = keep(maker, shown_file(maker, step.file));
	return step;
}

static void step_add(struct maker *maker, uint32_t fn, uint32_t site, const char *message)
{
	struct finding_step step = step_at(maker, fn, site);

	step.message = message;
	if (!maker->code && vec_push(&maker->finding->path, step))
		maker->code = -ENOMEM;
}

static const char *state_text(enum lock_state state)
{
	static const char *const texts[] = {
		[LOCK_HELD] = "with the lock held",
		[LOCK_RELEASED] = "with the lock released",
		[LOCK_FOREIGN] = "on a thread that does not have the lock",
		[LOCK_UNKNOWN] = "",
		[LOCK_CALLER] = "",
	};

	return texts[state];
}

static void entry_add(struct maker *maker, const struct context *entry)
{
	const char *state = state_text(entry->state);
	char *text;

	if (entry->root && entry->state != LOCK_UNKNOWN)
		text = arena_printf(maker->arena, "entered %s: %s", state, entry->root->why);
	else
		text = arena_strdup(maker->arena,
			"nobody in these files calls this function; what it does tells its state");
	step_add(maker, entry->fn, OUTLINE_NONE, text ? text : "");
}

static void call_step_add(
	struct maker *maker, const struct context *parent, const struct context *context)
{
	const char *name = fn_name(maker->reach, context->fn);
	char *text;

	if (context->state == LOCK_RELEASED && context->region_site != LOCK_NO_SITE)
		step_add(maker, parent->fn, context->region_site, "the lock is released here");
	text = arena_printf(maker->arena, "calls %s%s%s", name,
		context->state == LOCK_UNKNOWN ? "" : " ", state_text(context->state));
	step_add(maker, parent->fn, context->site, text ? text : "");
}

static void path_add(struct maker *maker, const struct draft *draft)
{
	uint32_t chain[STEPS_MAX], count = 0;
	const struct reach *reach = maker->reach;

	for (uint32_t id = draft->context; id != CONTEXT_NONE && count < STEPS_MAX;
		id = reach_context(reach, id)->parent)
		chain[count++] = id;
	entry_add(maker, reach_context(reach, chain[count - 1]));
	for (uint32_t i = count - 1; i-- > 0;)
		call_step_add(
			maker, reach_context(reach, chain[i + 1]), reach_context(reach, chain[i]));
	if (draft->released_site != LOCK_NO_SITE)
		step_add(maker, draft->fn, draft->released_site,
			draft->change ? draft->change : "the lock is released here");
	if (draft->last && draft->site != OUTLINE_NONE)
		step_add(maker, draft->fn, draft->site, draft->last);
	for (uint32_t i = 0; i < draft->more_count && !maker->code; i++) {
		step_add(maker, draft->fn, draft->more[i], DRAFT_FURTHER_PLACE);
		if (!maker->code)
			maker->finding->path.at[maker->finding->path.len - 1].weaker =
				draft->more_weaker[i];
	}
}

static void siblings_add(struct maker *maker, const struct draft *draft)
{
	for (uint32_t i = 0; i < draft->sibling_count; i++) {
		struct finding_step step =
			step_at(maker, draft->siblings[i].fn, draft->siblings[i].site);

		step.message = "the lock is released around the same operation here";
		if (!maker->code && vec_push(&maker->finding->siblings, step))
			maker->code = -ENOMEM;
	}
}

static const char *entry_name(struct maker *maker, const struct draft *draft)
{
	const struct context *entry = reach_context(maker->reach, draft->context);

	while (entry->parent != CONTEXT_NONE)
		entry = reach_context(maker->reach, entry->parent);
	if (!entry->root || entry->state == LOCK_UNKNOWN)
		return NULL;
	return keep(maker, fn_name(maker->reach, entry->fn));
}

static int finding_make(struct maker *maker, const struct draft *draft)
{
	const struct fn *fn = program_fn(maker->reach->program, draft->fn);
	struct finding *finding = maker->finding;
	int confidence = draft->confidence;
	struct finding_step here = step_at(maker, draft->fn, draft->site);

	if (confidence < CONFIDENCE_LOW)
		confidence = CONFIDENCE_LOW;
	if (confidence > CONFIDENCE_HIGH)
		confidence = CONFIDENCE_HIGH;
	finding->rule = rules[draft->rule].name;
	finding->confidence = (enum confidence)confidence;
	finding->severity = rules[draft->rule].severity;
	finding->message = keep(maker, draft->message);
	finding->file = here.file;
	finding->line = draft->line ? (int)(draft->line & INT32_MAX) : here.line;
	if (finding->line < 1)
		finding->line = 1;
	if (draft->site != OUTLINE_NONE)
		finding->column = (int)(fn->outline->instructions[draft->site].column & INT32_MAX);
	finding->function = here.function;
	finding->symbol = keep(maker, fn->symbol);
	finding->operation = keep(maker, draft->operation);
	finding->entry = entry_name(maker, draft);
	finding->fix = draft->fix;
	finding->fix_note = keep(maker, draft->fix_note ? draft->fix_note : "");
	finding->fingerprint = "";
	path_add(maker, draft);
	siblings_add(maker, draft);
	return maker->code;
}

static int finding_cmp(const void *left, const void *right)
{
	const struct finding *a = left, *b = right;
	int order = strcmp(a->file, b->file);

	if (!order)
		order = (a->line > b->line) - (a->line < b->line);
	if (!order)
		order = (a->column > b->column) - (a->column < b->column);
	if (!order)
		order = strcmp(a->rule, b->rule);
	if (!order)
		order = strcmp(a->operation, b->operation);
	return order ? order : strcmp(a->symbol, b->symbol);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	while (*text++);
	return hash;
}

struct ordinal_row {
	uint64_t hash; /* key */
	uint64_t count;
	UT_hash_handle hh;
};

/* Line-free, and without the entry: another caller must not make a known finding new. The file's
 * name, not its folder, tells static functions of one name apart; then their order does. */
static int fingerprint_set(struct reach *reach, struct ordinal_row **rows, struct arena *arena,
	struct finding *finding)
{
	uint64_t hash = hash_text(0xcbf29ce484222325ULL, finding->rule);
	const char *slash = strrchr(finding->file, '/');
	struct ordinal_row *row;
	char *text;

	hash = hash_text(hash, slash ? slash + 1 : finding->file);
	hash = hash_text(hash, finding->operation);
	hash = hash_text(hash, finding->symbol);
	HASH_FIND(hh, *rows, &hash, sizeof(hash), row);
	if (!row) {
		row = arena_alloc(reach->arena, sizeof(*row));
		if (!row)
			return -ENOMEM;
		row->hash = hash;
		HASH_ADD(hh, *rows, hash, sizeof(row->hash), row);
		if (map_has_failed(row))
			return -ENOMEM;
	}
	hash = (hash ^ row->count++) * 0x9e3779b97f4a7c15ULL;
	text = arena_printf(arena, "%016" PRIx64, hash ^ hash >> 32);
	finding->fingerprint = text ? text : "";
	return text ? 0 : -ENOMEM;
}

int drafts_finish(
	struct reach *reach, const struct solve_options *options, struct findings *findings)
{
	struct ordinal_row *rows = NULL;
	size_t first = findings->list.len;
	int code = 0;

	for (size_t i = 0; !code && draft_each(reach, i); i++) {
		struct finding finding = {0};
		struct maker maker = {
			reach, options->root ? options->root : "", findings->arena, &finding, 0};

		if (draft_each(reach, i)->is_dropped)
			continue;
		code = finding_make(&maker, draft_each(reach, i));
		if (!code && vec_push(&findings->list, finding))
			code = -ENOMEM;
		if (code) {
			vec_fini(&finding.path);
			vec_fini(&finding.siblings);
		}
	}
	if (findings->list.len > first)
		qsort(findings->list.at + first, findings->list.len - first,
			sizeof(*findings->list.at), finding_cmp);
	for (size_t i = first; !code && i < findings->list.len; i++)
		code = fingerprint_set(reach, &rows, findings->arena, &findings->list.at[i]);
	HASH_CLEAR(hh, rows);
	return code;
}
