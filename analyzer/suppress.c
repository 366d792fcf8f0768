/* Findings + the comments of their sources → findings that the source answers. */
#include "analyzer/suppress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/draft.h"
#include "analyzer/suppress_own.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/file.h"

#define FILE_MAX_BYTES ((size_t)32 << 20)
#define NOTE_MAX_BYTES 300

int suppressions_init(struct suppressions *suppressions, const char *root)
{
	*suppressions = (struct suppressions){.arena = arena_new(), .root = root};
	return suppressions->arena ? 0 : -ENOMEM;
}

void suppressions_fini(struct suppressions *suppressions)
{
	for (struct suppress_file *file = suppressions->files; file; file = file->hh.next)
		vec_fini(&file->list);
	HASH_CLEAR(hh, suppressions->files);
	vec_fini(&suppressions->notes);
	arena_free(suppressions->arena);
	*suppressions = (struct suppressions){0};
}

int suppress_note_add(
	struct suppressions *suppressions, const char *file, int line, const char *format, ...)
{
	struct suppress_note note = {file, line, NULL};
	char text[NOTE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a long name may be cut */
	va_end(args);
	note.text = arena_strdup(suppressions->arena, text);
	return note.text ? vec_push(&suppressions->notes, note) : -ENOMEM;
}

/* As findings name it. */
static const char *name_shown(const struct suppressions *suppressions, const char *file)
{
	size_t len = strlen(suppressions->root);

	while (len && suppressions->root[len - 1] == '/')
		len--;
	if (len && !strncmp(file, suppressions->root, len) && file[len] == '/')
		file += len + 1;
	return file;
}

static struct suppress_file *file_find(const struct suppressions *suppressions, const char *name)
{
	struct suppress_file *file;

	HASH_FIND_STR(suppressions->files, name, file);
	return file;
}

int suppressions_add_text(
	struct suppressions *suppressions, const char *name, const char *text, size_t len)
{
	struct suppress_file *file;

	name = name_shown(suppressions, name);
	if (file_find(suppressions, name))
		return 0;
	file = arena_alloc(suppressions->arena, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->name = arena_strdup(suppressions->arena, name);
	if (!file->name)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, suppressions->files, file->name, strlen(file->name), file);
	if (map_has_failed(file))
		return -ENOMEM;
	/* Most files hold none: they need no lexer. */
	return memmem(text, len, "gilscope", strlen("gilscope"))
		       ? suppress_parse(suppressions, file, text, len)
		       : 0;
}

int suppressions_add_file(struct suppressions *suppressions, const char *name)
{
	_free_ char *text = NULL;
	size_t len = 0;

	if (file_find(suppressions, name_shown(suppressions, name)))
		return 0;
	if (file_load_regular(name, FILE_MAX_BYTES, &text, &len, NULL))
		len = 0; /* without comments its findings are shown: the safe side */
	return suppressions_add_text(suppressions, name, text ? text : "", len);
}

/* The comment that answers this rule here. All that do are used: none of them is idle. */
static const struct suppression *place_answer(struct suppressions *suppressions,
	const struct finding *finding, const char *file_name, int line)
{
	struct suppress_file *file = file_find(suppressions, name_shown(suppressions, file_name));
	const struct suppression *answer = NULL;

	if (!file)
		return NULL;
	vec_each (known, &file->list) {
		if (line < known->first_line || line > known->last_line)
			continue;
		if (known->rule && strcmp(known->rule->name, finding->rule) != 0)
			continue;
		known->is_used = true;
		if (!answer)
			answer = known;
	}
	return answer;
}

static bool is_further_place(const struct finding_step *step)
{
	return !strcmp(step->message, DRAFT_FURTHER_PLACE);
}

/* Takes out the further places that are answered; the first that is not goes to `ret_first`, and
 * out of the path if `is_main_answered`. True: there was one. */
static bool places_answer(struct suppressions *suppressions, struct finding *finding,
	bool is_main_answered, struct finding_step *ret_first)
{
	size_t kept = 0;
	bool has_first = false;

	for (size_t i = 0; i < finding->path.len; i++) {
		struct finding_step step = finding->path.at[i];

		if (is_further_place(&step)) {
			if (place_answer(suppressions, finding, step.file, step.line))
				continue;
			if (!has_first) {
				has_first = true;
				*ret_first = step;
				if (is_main_answered)
					continue;
			}
		}
		finding->path.at[kept++] = step;
	}
	finding->path.len = kept;
	return has_first;
}

static int finding_files_add(struct suppressions *suppressions, const struct finding *finding)
{
	int rc = suppressions_add_file(suppressions, finding->file);

	vec_each (step, &finding->path)
		if (!rc && is_further_place(step))
			rc = suppressions_add_file(suppressions, step->file);
	return rc;
}

static enum confidence confidence_less(enum confidence confidence, int weaker)
{
	return weaker < (int)confidence ? (enum confidence)((int)confidence - weaker)
					: CONFIDENCE_LOW;
}

int suppressions_apply(struct suppressions *suppressions, struct findings *findings)
{
	vec_each (finding, &findings->list) {
		const struct suppression *answer;
		struct finding_step first;

		if (finding_files_add(suppressions, finding))
			return -ENOMEM;
		answer = place_answer(suppressions, finding, finding->file, finding->line);
		if (places_answer(suppressions, finding, answer != NULL, &first)) {
			if (!answer)
				continue;
			finding->file = first.file;
			finding->line = first.line > 0 ? first.line : 1;
			finding->column = 0;
			finding->confidence = confidence_less(finding->confidence, first.weaker);
		} else if (answer) {
			finding->suppressed = arena_strdup(findings->arena, answer->reason);
			if (!finding->suppressed)
				return -ENOMEM;
		}
	}
	return 0;
}

static int note_cmp(const void *left, const void *right)
{
	const struct suppress_note *a = left, *b = right;
	int order = strcmp(a->file, b->file);

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

int suppressions_finish(struct suppressions *suppressions, bool is_whole)
{
	int rc = 0;

	for (struct suppress_file *file = suppressions->files; file; file = file->hh.next)
		vec_each (known, &file->list)
			if (!rc && !known->is_used && known->last_line)
				rc = suppress_note_add(suppressions, file->name, known->line,
					"suppresses no finding of %s%s",
					known->rule ? known->rule->name : "any rule",
					is_whole ? ": remove it" : " in the files of this run");
	if (suppressions->notes.len)
		qsort(suppressions->notes.at, suppressions->notes.len,
			sizeof(*suppressions->notes.at), note_cmp);
	return rc;
}

const struct suppression *suppressions_at(
	const struct suppressions *suppressions, const char *name, size_t i)
{
	const struct suppress_file *file = file_find(suppressions, name);

	return file && i < file->list.len ? &file->list.at[i] : NULL;
}
