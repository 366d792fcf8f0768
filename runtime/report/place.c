/* Stacks → the line that a reader can change, and how much of the time it stands for. */
#include "runtime/report/place.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/map.h"

enum match { PREFIX, PART, SUFFIX };

static const struct {
	enum match how;
	const char *text;
	enum place_class class;
} classes[] = {
#define OWN PLACE_OWN
#define PACKAGE PLACE_PACKAGE
#define LIBRARY PLACE_LIBRARY
#define PLACE(how, text, class) {how, text, class},
#include "runtime/report/places.def"
#undef PLACE
#undef OWN
#undef PACKAGE
#undef LIBRARY
};

static const struct {
	const char *file, *function;
	bool is_loop; /* false: the end of one, in a forked process */
} loops[] = {
#define LOOP(file, function) {file, function, true},
#define FORKED(file, function) {file, function, false},
#include "runtime/report/loops.def"
#undef LOOP
#undef FORKED
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

static bool fits(enum match how, const char *file, const char *text)
{
	switch (how) {
	case PREFIX:
		return !strncmp(file, text, strlen(text));
	case SUFFIX:
		return ends_with(file, text);
	case PART:
		break;
	}
	return strstr(file, text);
}

enum place_class place_class(const struct run_frame *frame)
{
	if (frame->is_native)
		return PLACE_NATIVE;
	if (!frame->file)
		return PLACE_LIBRARY;
	for (size_t i = 0; i < COUNT(classes); i++)
		if (fits(classes[i].how, frame->file, classes[i].text))
			return classes[i].class;
	return PLACE_OWN;
}

/* Does the code inside this frame run on a loop? `outside` where the frame does not tell. */
static bool is_loop_inside(const struct run_frame *frame, bool outside)
{
	const char *dot = strrchr(frame->function, '.');
	const char *name = dot ? dot + 1 : frame->function;

	if (frame->is_native || !frame->file)
		return outside;
	for (size_t i = 0; i < COUNT(loops); i++)
		if (!strcmp(name, loops[i].function) && ends_with(frame->file, loops[i].file))
			return loops[i].is_loop;
	return outside;
}

static void choose_frame(const struct run_stack *stack, struct stack_place *place)
{
	enum place_class best = PLACE_NATIVE;

	if (!stack->frames.len)
		return;
	place->frame = &stack->frames.at[0];
	vec_each (frame, &stack->frames) {
		enum place_class class = place_class(frame);

		if (class < best) {
			best = class;
			place->frame = frame;
		}
	}
	for (size_t i = stack->frames.len; i > 0; i--)
		place->is_loop = is_loop_inside(&stack->frames.at[i - 1], place->is_loop);
	if (place->frame != &stack->frames.at[0])
		place->inner = &stack->frames.at[0];
}

/* One function, by name and file. */
struct group {
	size_t number;
	UT_hash_handle hh;
	char key[];
};

static void cleanup_groups(struct group **groups)
{
	struct group *group, *next;

	HASH_ITER (hh, *groups, group, next) {
		HASH_DEL(*groups, group);
		free(group);
	}
}

static int find_group(struct group **groups, const struct run_frame *frame, size_t *ret_number)
{
	const char *file = frame->file ? frame->file : "";
	size_t function_len = strlen(frame->function), file_len = strlen(file);
	size_t key_len = function_len + 1 + file_len;
	struct group *group = malloc(sizeof(*group) + key_len + 1), *known;

	if (!group)
		return -ENOMEM;
	memcpy(group->key, frame->function, function_len + 1);
	memcpy(group->key + function_len + 1, file, file_len + 1);
	HASH_FIND(hh, *groups, group->key, key_len, known);
	if (known) {
		free(group);
		*ret_number = known->number;
		return 0;
	}
	group->number = HASH_COUNT(*groups);
	HASH_ADD(hh, *groups, key[0], key_len, group);
	if (map_has_failed(group)) {
		free(group);
		return -ENOMEM;
	}
	*ret_number = group->number;
	return 0;
}

int places_init(struct places *places, const struct run *run, struct arena *arena)
{
	_cleanup_(cleanup_groups) struct group *groups = NULL;
	struct stack_place *stacks = arena_alloc(arena, (run->stacks.len + 1) * sizeof(*stacks));
	int rc = 0;

	if (!stacks)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < run->stacks.len; i++) {
		choose_frame(&run->stacks.at[i], &stacks[i]);
		if (stacks[i].frame)
			rc = find_group(&groups, stacks[i].frame, &stacks[i].group);
	}
	*places = (struct places){run, stacks, HASH_COUNT(groups)};
	return rc;
}

const struct stack_place *places_find(const struct places *places, int64_t stack)
{
	const struct run_stack *found = stack > 0 ? run_stack_find(places->run, stack) : NULL;

	return found ? &places->stacks[found - places->run->stacks.at] : NULL;
}

int tally_init(struct tally *tally, const struct places *places)
{
	*tally = (struct tally){.places = places};
	tally->ns = calloc(places->run->stacks.len + 1, sizeof(*tally->ns));
	return tally->ns ? 0 : -ENOMEM;
}

void tally_fini(struct tally *tally)
{
	free(tally->ns);
	tally->ns = NULL;
}

void tally_add(struct tally *tally, int64_t stack, int64_t ns)
{
	const struct stack_place *place = places_find(tally->places, stack);

	tally->total_ns += ns;
	if (place && place->frame)
		tally->ns[place - tally->places->stacks] += ns;
}

/* One stack's time, for sorting by line. */
struct line_part {
	int line;
	int64_t ns;
	const struct stack_place *place;
};

static int compare_lines(const void *a, const void *b)
{
	const struct line_part *left = a, *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->ns > right->ns ? -1 : left->ns < right->ns;
}

/* The heaviest line of one function, by the heaviest stack that goes through it. */
static int top_line(const struct tally *tally, size_t group, struct place *place)
{
	const struct places *places = tally->places;
	vec(struct line_part) parts = {0};
	int64_t best_ns = -1, line_ns = 0;
	const struct line_part *first = NULL;
	int rc = 0;

	for (size_t i = 0; !rc && i < places->run->stacks.len; i++) {
		const struct stack_place *at = &places->stacks[i];

		if (tally->ns[i] && at->frame && at->group == group)
			rc = vec_push(
				&parts, (struct line_part){at->frame->line, tally->ns[i], at});
	}
	if (!rc && parts.len)
		qsort(parts.at, parts.len, sizeof(*parts.at), compare_lines);
	for (size_t i = 0; !rc && i < parts.len; i++) {
		if (!first || parts.at[i].line != first->line) {
			first = &parts.at[i];
			line_ns = 0;
		}
		line_ns += parts.at[i].ns;
		if (line_ns > best_ns) {
			best_ns = line_ns;
			place->frame = first->place->frame;
			place->inner = first->place->inner;
		}
	}
	vec_fini(&parts);
	return rc;
}

int tally_top(const struct tally *tally, struct place *ret_place)
{
	const struct places *places = tally->places;
	_free_ int64_t *sums = calloc(places->groups + 1, sizeof(*sums));
	struct place place = {.of_ns = tally->total_ns};
	size_t top = 0;
	int rc = 0;

	if (!sums)
		return -ENOMEM;
	for (size_t i = 0; i < places->run->stacks.len; i++)
		if (places->stacks[i].frame)
			sums[places->stacks[i].group] += tally->ns[i];
	for (size_t i = 1; i < places->groups; i++)
		if (sums[i] > sums[top])
			top = i;
	place.ns = sums[top];
	if (place.ns > 0)
		rc = top_line(tally, top, &place);
	if (!rc)
		*ret_place = place;
	return rc;
}

const char *place_short_name(const char *file)
{
	const char *at = strrchr(file, '/');

	if (!at || !at[1])
		return file;
	while (at > file && at[-1] != '/')
		at--;
	return at;
}
