/* The comments of a source → what they suppress, and what is wrong with them. Only what is said in
 * full counts: a known rule, and for our own words a reason. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "analyzer/comments.h"
#include "analyzer/suppress_own.h"

#define OWN_WORD "gilscope:"
#define TIDY_WORD "NOLINT"
#define TIDY_PREFIX "gilscope-"
#define REASON_MAX ((size_t)400)
#define PER_FILE_MAX ((size_t)20000) /* suppressions and notes of one file */
#define RULES_MAX ((size_t)32) /* of one comment */

enum scope { SCOPE_COMMENT, SCOPE_LINE, SCOPE_NEXT_LINE, SCOPE_BEGIN, SCOPE_END };

struct verb {
	const char *name;
	enum scope scope;
};

/* Longer before shorter. */
static const struct verb own_verbs[] = {
	{"allow-begin", SCOPE_BEGIN}, {"allow-end", SCOPE_END}, {"allow", SCOPE_COMMENT}};
static const struct verb tidy_verbs[] = {{"NOLINTNEXTLINE", SCOPE_NEXT_LINE},
	{"NOLINTBEGIN", SCOPE_BEGIN}, {"NOLINTEND", SCOPE_END}, {"NOLINT", SCOPE_LINE}};

#define VERB_FIND(verbs, text, end)                                                                \
	verb_find(verbs, sizeof(verbs) / sizeof(*(verbs)), text, (size_t)((end) - (text)))

/* What one comment says of some rules. */
struct saying {
	enum scope scope;
	bool is_own; /* and not clang-tidy's */
	int line;
	const struct rule *rules[RULES_MAX]; /* NULL: every rule */
	size_t count;
	const char *reason;
};

struct reader {
	struct suppressions *all;
	struct suppress_file *file;
	const struct comment *comment;
	size_t notes, sayings; /* of this file */
	int rc;
};

#define COMPLAIN(reader, line, ...)                                                                \
	do {                                                                                       \
		if ((reader)->notes++ < PER_FILE_MAX && !(reader)->rc)                             \
			(reader)->rc = suppress_note_add(                                          \
				(reader)->all, (reader)->file->name, line, __VA_ARGS__);           \
	} while (0)

static const struct verb *verb_find(
	const struct verb *verbs, size_t count, const char *text, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		size_t bytes = strlen(verbs[i].name);

		if (len >= bytes && !memcmp(text, verbs[i].name, bytes))
			return &verbs[i];
	}
	return NULL;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && isspace((unsigned char)*at))
		at++;
	return at;
}

/* The words from `at` to the end of the line, blanks at both ends left out. */
static const char *reason_read(struct reader *reader, const char *at, const char *end)
{
	bool has_word = false;
	size_t len;
	char *reason;

	while (at < end && (isspace((unsigned char)*at) || strchr(":-,", *at)))
		at++;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	len = (size_t)(end - at) < REASON_MAX ? (size_t)(end - at) : REASON_MAX;
	for (size_t i = 0; i < len; i++)
		has_word |= isalnum((unsigned char)at[i]) || (unsigned char)at[i] >= 0x80;
	if (!has_word)
		return "";
	reason = arena_strndup(reader->all->arena, at, len);
	if (!reason)
		reader->rc = -ENOMEM;
	return reason ? reason : "";
}

/* One name of the list. -1: it is nobody's, or somebody else's. */
static int rule_read(struct reader *reader, struct saying *saying, const char *name, size_t len)
{
	const size_t prefix = strlen(TIDY_PREFIX);
	char text[64];
	const struct rule *rule;

	if (!saying->is_own) {
		if (len < prefix || memcmp(name, TIDY_PREFIX, prefix) != 0)
			return -1;
		name += prefix;
		len -= prefix;
	}
	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, name, len);
	text[len] = '\0';
	rule = rule_find(text);
	if (!rule && (saying->is_own || strcmp(text, "*") != 0)) {
		COMPLAIN(reader, saying->line,
			"suppresses nothing: there is no rule \"%s\" (see --explain)", text);
		return -1;
	}
	if (saying->count < RULES_MAX)
		saying->rules[saying->count++] = rule;
	return 0;
}

/* "(a, b)" at `at` → what follows it; NULL: it said so, or nothing in it is ours. */
static const char *rules_read(
	struct reader *reader, struct saying *saying, const char *at, const char *end)
{
	const char *close;

	at = skip_blanks(at, end);
	close = at < end && *at == '(' ? memchr(at, ')', (size_t)(end - at)) : NULL;
	if (!close || skip_blanks(at + 1, close) == close) {
		if (saying->is_own)
			COMPLAIN(reader, saying->line,
				"suppresses nothing: name its rules: gilscope: allow(RULE) reason");
		return NULL;
	}
	for (at++; at <= close; at++) {
		const char *comma = memchr(at, ',', (size_t)(close - at)), *name;
		size_t len;

		comma = comma ? comma : close;
		name = skip_blanks(at, comma);
		len = (size_t)(comma - name);
		while (len && isspace((unsigned char)name[len - 1]))
			len--;
		if (rule_read(reader, saying, name, len) && saying->is_own)
			return NULL;
		at = comma;
	}
	return saying->count ? close + 1 : NULL;
}

static void begin_close(struct reader *reader, const struct saying *saying)
{
	for (size_t i = 0; i < saying->count; i++) {
		struct suppression *open = NULL;

		vec_each (known, &reader->file->list)
			if (known->is_open && known->rule == saying->rules[i])
				open = known;
		if (!open) {
			COMPLAIN(reader, saying->line, "ends what no comment before it begins");
			continue;
		}
		open->is_open = false;
		open->last_line = reader->comment->end_line;
	}
}

static void saying_add(struct reader *reader, const struct saying *saying)
{
	const struct comment *comment = reader->comment;
	struct suppression made = {
		.line = saying->line,
		.first_line = comment->line,
		.last_line = comment->end_line,
		.reason = saying->reason,
	};

	if (saying->scope == SCOPE_COMMENT && !comment->is_trailing && comment->code_line)
		made.last_line = comment->code_line;
	if (saying->scope == SCOPE_NEXT_LINE)
		made.first_line = made.last_line = comment->end_line + 1;
	if (saying->scope == SCOPE_BEGIN) {
		made.last_line = 0;
		made.is_open = true;
	}
	for (size_t i = 0; i < saying->count && !reader->rc; i++) {
		made.rule = saying->rules[i];
		if (reader->file->list.len >= PER_FILE_MAX)
			return;
		reader->rc = vec_push(&reader->file->list, made);
	}
}

/* What follows the verb, to the end of its line. */
static void saying_read(
	struct reader *reader, struct saying *saying, const char *at, const char *end)
{
	if (reader->sayings++ >= PER_FILE_MAX)
		return;
	at = rules_read(reader, saying, at, end);
	if (!at)
		return;
	if (saying->scope == SCOPE_END) {
		begin_close(reader, saying);
		return;
	}
	saying->reason = reason_read(reader, at, end);
	if (!*saying->reason && saying->is_own) {
		COMPLAIN(reader, saying->line, "suppresses nothing: say why after the parenthesis");
		return;
	}
	if (!*saying->reason)
		saying->reason = TIDY_WORD;
	saying_add(reader, saying);
}

/* Our word stands first on a line of the comment, so that prose about it is prose. */
static void own_read(struct reader *reader, const char *at, const char *end, int line)
{
	struct saying saying = {.is_own = true, .line = line};
	const struct verb *verb;

	while (at < end && (isspace((unsigned char)*at) || strchr("*/!<", *at)))
		at++;
	if ((size_t)(end - at) < strlen(OWN_WORD) || memcmp(at, OWN_WORD, strlen(OWN_WORD)) != 0)
		return;
	at = skip_blanks(at + strlen(OWN_WORD), end);
	verb = VERB_FIND(own_verbs, at, end);
	if (!verb) {
		COMPLAIN(reader, line,
			"suppresses nothing: write gilscope: allow(RULE) reason, allow-begin or "
			"allow-end");
		return;
	}
	saying.scope = verb->scope;
	saying_read(reader, &saying, at + strlen(verb->name), end);
}

/* clang-tidy's words stand anywhere in a comment. */
static void tidy_read(struct reader *reader, const char *at, const char *end, int line)
{
	while (at < end) {
		const struct verb *verb = VERB_FIND(tidy_verbs, at, end);

		if (!verb) {
			at++;
			continue;
		}
		struct saying saying = {.scope = verb->scope, .line = line};

		at += strlen(verb->name);
		saying_read(reader, &saying, at, end);
	}
}

static void comment_read(struct reader *reader, const struct comment *comment)
{
	const char *at = comment->text, *last = at + comment->len;

	reader->comment = comment;
	for (int line = comment->line; at < last; line++) {
		const char *end = memchr(at, '\n', (size_t)(last - at));

		end = end ? end : last;
		own_read(reader, at, end, line);
		tidy_read(reader, at, end, line);
		at = end + 1;
	}
}

int suppress_parse(
	struct suppressions *suppressions, struct suppress_file *file, const char *text, size_t len)
{
	struct reader reader = {.all = suppressions, .file = file};
	struct comments comments = {0};

	reader.rc = comments_find(text, len, "gilscope", &comments);
	vec_each (comment, &comments.list)
		if (!reader.rc)
			comment_read(&reader, comment);
	vec_each (known, &file->list)
		if (known->is_open)
			COMPLAIN(&reader, known->line, "suppresses nothing: its end is missing");
	vec_fini(&comments.list);
	return reader.rc;
}
