/* The text of a condition → struct model_condition, and a condition with what is known of a call's
 * arguments → no, may, yes. */
#include "analyzer/model_condition.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/model_file.h"
#include "runtime/base/arena.h"

enum { VALUES_MAX = 64 };

struct condition_word {
	const char *text;
	enum model_condition_kind kind;
};

/* Longest first where one begins another. */
static const struct condition_word words[] = {
	{"is zero time", COND_ZERO_TIME},
	{"==", COND_EQUALS},
	{"!=", COND_NOT_EQUALS},
	{"has ", COND_ALL_BITS},
	{"in ", COND_ONE_OF},
	{"&", COND_MASK},
	{"<", COND_LESS},
};

struct condition_reader {
	const char *at;
	const struct model_constants *constants;
	struct arena *arena;
	const char *why;
};

static void skip_spaces(struct condition_reader *reader)
{
	while (*reader->at == ' ')
		reader->at++;
}

static int refuse(struct condition_reader *reader, const char *why)
{
	reader->why = why;
	return -EINVAL;
}

static int read_argument(struct condition_reader *reader, int *ret_arg)
{
	char *end;
	unsigned long arg;

	if (strncmp(reader->at, "arg", 3) != 0 || !isdigit((unsigned char)reader->at[3]))
		return refuse(reader, "a condition starts with arg0, arg1, …");
	arg = strtoul(reader->at + 3, &end, 10);
	if (arg > MODEL_ARG_MAX)
		return refuse(reader, "no function has that many arguments");
	reader->at = end;
	*ret_arg = (int)arg;
	return 0;
}

static int read_word(struct condition_reader *reader, enum model_condition_kind *ret_kind)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].text);

		if (strncmp(reader->at, words[i].text, len) != 0)
			continue;
		reader->at += len;
		*ret_kind = words[i].kind;
		return 0;
	}
	return refuse(reader, "after the argument: ==, !=, &, <, `has`, `in` or `is zero time`");
}

static int read_number(struct condition_reader *reader, int64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoll(reader->at, &end, 0);
	if (errno || isalnum((unsigned char)*end) || *end == '_')
		return refuse(reader, "not a number of 64 bits");
	reader->at = end;
	return 0;
}

static int read_constant(struct condition_reader *reader, int64_t *ret_value)
{
	const char *name = reader->at;
	size_t len = 0;

	while (isalnum((unsigned char)name[len]) || name[len] == '_')
		len++;
	reader->at += len;
	for (size_t i = 0; i < reader->constants->count; i++) {
		const struct model_file_constant *constant = &reader->constants->at[i];

		if (!strncmp(constant->name, name, len) && !constant->name[len]) {
			*ret_value = constant->value;
			return 0;
		}
	}
	return refuse(reader, "a name that the file's `constants` do not list");
}

/* A number, a name, or several joined by `|`. */
static int read_value(struct condition_reader *reader, int64_t *ret_value)
{
	int64_t value = 0;

	for (;;) {
		int64_t part;
		int rc;

		skip_spaces(reader);
		if (isdigit((unsigned char)*reader->at) || *reader->at == '-')
			rc = read_number(reader, &part);
		else if (isalpha((unsigned char)*reader->at) || *reader->at == '_')
			rc = read_constant(reader, &part);
		else
			rc = refuse(reader, "expected a number or a name");
		if (rc)
			return rc;
		value |= part;
		skip_spaces(reader);
		if (*reader->at != '|')
			break;
		reader->at++;
	}
	*ret_value = value;
	return 0;
}

static int read_values(struct condition_reader *reader, struct model_condition *condition)
{
	int64_t values[VALUES_MAX];
	int64_t *kept;
	size_t count = 0;

	do {
		int rc;

		if (count == VALUES_MAX)
			return refuse(reader, "more than 64 values");
		rc = read_value(reader, &values[count++]);
		if (rc)
			return rc;
		skip_spaces(reader);
	} while (*reader->at);
	kept = arena_alloc(reader->arena, count * sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	memcpy(kept, values, count * sizeof(*kept));
	condition->values = kept;
	condition->value_count = count;
	return 0;
}

static int read_string(struct condition_reader *reader, struct model_condition *condition)
{
	const char *end = strchr(reader->at + 1, '"');

	if (condition->kind != COND_EQUALS)
		return refuse(reader, "a string can only be compared with ==");
	if (!end)
		return refuse(reader, "the string does not end");
	condition->kind = COND_STRING;
	condition->text =
		arena_strndup(reader->arena, reader->at + 1, (size_t)(end - reader->at - 1));
	reader->at = end + 1;
	return condition->text ? 0 : -ENOMEM;
}

static int read_operand(struct condition_reader *reader, struct model_condition *condition)
{
	const char *start = reader->at;
	int rc = 0;

	condition->text = "";
	if (condition->kind == COND_ZERO_TIME)
		return 0;
	if (*start == '"')
		return read_string(reader, condition);
	if (!strcmp(start, "NULL") &&
		(condition->kind == COND_EQUALS || condition->kind == COND_NOT_EQUALS)) {
		if (condition->kind == COND_EQUALS)
			condition->kind = COND_NULL;
		condition->text = "NULL";
		reader->at += strlen("NULL");
		return 0;
	}
	rc = condition->kind == COND_ONE_OF ? read_values(reader, condition)
					    : read_value(reader, &condition->value);
	if (rc)
		return rc;
	while (reader->at[-1] == ' ')
		reader->at--;
	condition->text = arena_strndup(reader->arena, start, (size_t)(reader->at - start));
	return condition->text ? 0 : -ENOMEM;
}

int model_condition_parse(const char *text, const struct model_constants *constants,
	struct arena *arena, struct model_condition *ret_condition, const char **ret_why)
{
	struct condition_reader reader = {.at = text, .constants = constants, .arena = arena};
	struct model_condition condition = {0};
	int rc;

	*ret_why = "memory is out";
	skip_spaces(&reader);
	rc = read_argument(&reader, &condition.arg);
	skip_spaces(&reader);
	if (!rc)
		rc = read_word(&reader, &condition.kind);
	skip_spaces(&reader);
	if (!rc)
		rc = read_operand(&reader, &condition);
	skip_spaces(&reader);
	if (!rc && *reader.at)
		rc = refuse(&reader, "something follows the condition");
	if (!rc)
		*ret_condition = condition;
	else if (reader.why)
		*ret_why = reader.why;
	return rc;
}

static bool fits_32(int64_t number)
{
	return number >= INT32_MIN && number <= (int64_t)UINT32_MAX;
}

/* A 32-bit argument may have been widened with or without its sign. */
static bool is_same(int64_t a, int64_t b)
{
	return a == b || (fits_32(a) && fits_32(b) && (uint32_t)a == (uint32_t)b);
}

static enum model_answer answer(bool is_true)
{
	return is_true ? MODEL_YES : MODEL_NO;
}

static enum model_answer number_holds(const struct model_condition *condition, int64_t number)
{
	switch (condition->kind) {
	case COND_EQUALS:
		return answer(is_same(number, condition->value));
	case COND_NOT_EQUALS:
		return answer(!is_same(number, condition->value));
	case COND_MASK:
		return answer(number & condition->value);
	case COND_ALL_BITS:
		return answer((number & condition->value) == condition->value);
	case COND_LESS:
		return answer((uint64_t)number < (uint64_t)condition->value);
	case COND_NULL:
		return answer(!number);
	case COND_ONE_OF:
		for (size_t i = 0; i < condition->value_count; i++)
			if (is_same(number, condition->values[i]))
				return MODEL_YES;
		return MODEL_NO;
	case COND_STRING:
	case COND_ZERO_TIME:
		return number ? MODEL_MAY : MODEL_NO;
	}
	return MODEL_MAY;
}

/* Of a pointer all that is known is that it is not NULL. */
static enum model_answer pointer_holds(const struct model_condition *condition)
{
	switch (condition->kind) {
	case COND_NULL:
		return MODEL_NO;
	case COND_EQUALS:
		return condition->value ? MODEL_MAY : MODEL_NO;
	case COND_NOT_EQUALS:
		return condition->value ? MODEL_MAY : MODEL_YES;
	default:
		return MODEL_MAY;
	}
}

static enum model_answer time_holds(const struct model_condition *condition, bool is_zero)
{
	return condition->kind == COND_ZERO_TIME ? answer(is_zero) : pointer_holds(condition);
}

enum model_answer model_condition_holds(const struct model_condition *condition,
	const struct model_argument *arguments, size_t count)
{
	const struct model_argument *argument;

	if (condition->arg < 0 || (size_t)condition->arg >= count)
		return MODEL_MAY;
	argument = &arguments[condition->arg];
	switch (argument->kind) {
	case ARGUMENT_NUMBER:
		return number_holds(condition, argument->number);
	case ARGUMENT_NULL:
		return number_holds(condition, 0);
	case ARGUMENT_STRING:
		if (condition->kind == COND_STRING)
			return answer(!strcmp(argument->text, condition->text));
		return pointer_holds(condition);
	case ARGUMENT_ZERO_TIME:
		return time_holds(condition, true);
	case ARGUMENT_OTHER_TIME:
		return time_holds(condition, false);
	case ARGUMENT_POINTER:
		return pointer_holds(condition);
	case ARGUMENT_UNKNOWN:
		break;
	}
	return MODEL_MAY;
}

enum model_answer model_happens(
	const struct model *model, const struct model_argument *arguments, size_t count)
{
	enum model_answer happens = MODEL_YES;

	for (size_t i = 0; i < model->when_count; i++) {
		enum model_answer holds = model_condition_holds(&model->when[i], arguments, count);

		if (holds < happens)
			happens = holds;
	}
	for (size_t i = 0; i < model->unless_count; i++) {
		enum model_answer holds =
			model_condition_holds(&model->unless[i], arguments, count);

		if ((enum model_answer)(MODEL_YES - holds) < happens)
			happens = MODEL_YES - holds;
	}
	return happens;
}
