/* JSON values → C values, with the place of the first mismatch. */
#include "runtime/core/json_in.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/err.h"
#include "runtime/base/str.h"

void json_in_refuse(struct json_in *in, const char *key, const char *expected)
{
	_str_fini_ struct str place = STR_INIT(256);

	if (in->rc)
		return;
	/* A place that does not fit is cut short; the sentence stays readable. */
	for (int i = 0; i < in->depth; i++) {
		(void)str_addf(&place, "%s%s", i ? "." : "", in->at[i].key);
		if (in->at[i].is_element)
			(void)str_addf(&place, "[%zu]", in->at[i].index);
	}
	if (*key)
		(void)str_addf(&place, "%s%s", in->depth ? "." : "", key);
	in->rc = err_ret(in->err, -EBADMSG, "%s: %s%sexpected %s", in->file, str_text(&place),
		place.len ? ": " : "", expected);
}

void json_in_enter(struct json_in *in, const char *key)
{
	in->at[in->depth].key = key;
	in->at[in->depth++].is_element = false;
}

void json_in_enter_element(struct json_in *in, const char *key, size_t index)
{
	json_in_enter(in, key);
	in->at[in->depth - 1].is_element = true;
	in->at[in->depth - 1].index = index;
}

void json_in_leave(struct json_in *in)
{
	in->depth--;
}

const json_t *json_in_find(struct json_in *in, const json_t *object, const char *key)
{
	const json_t *value = in->rc ? NULL : json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

const json_t *json_in_need(struct json_in *in, const json_t *object, const char *key)
{
	const json_t *value = in->rc ? NULL : json_object_get(object, key);

	if (!value)
		json_in_refuse(in, key, "a value, it is missing");
	return value;
}

static const char *copy_text(struct json_in *in, const json_t *value, const char *key)
{
	const char *copy;

	if (!json_is_string(value) ||
		strlen(json_string_value(value)) != json_string_length(value)) {
		json_in_refuse(in, key, "text");
		return "";
	}
	copy = arena_strdup(in->arena, json_string_value(value));
	if (copy)
		return copy;
	if (!in->rc)
		in->rc = err_ret(in->err, -ENOMEM, "cannot read %s: out of memory", in->file);
	return "";
}

const char *json_in_text(struct json_in *in, const json_t *object, const char *key)
{
	return copy_text(in, json_in_need(in, object, key), key);
}

const char *json_in_text_or(
	struct json_in *in, const json_t *object, const char *key, const char *otherwise)
{
	const json_t *value = json_in_find(in, object, key);

	return value ? copy_text(in, value, key) : otherwise;
}

int64_t json_in_integer(
	struct json_in *in, const json_t *object, const char *key, int64_t least, int64_t most)
{
	const json_t *value = json_in_need(in, object, key);
	char expected[80];

	if (json_is_integer(value) && json_integer_value(value) >= least &&
		json_integer_value(value) <= most)
		return json_integer_value(value);
	(void)snprintf(expected, sizeof(expected), "a whole number from %lld to %lld",
		(long long)least, (long long)most); /* fits: two numbers of at most 20 digits */
	json_in_refuse(in, key, expected);
	return least;
}

int json_in_word(struct json_in *in, const json_t *object, const char *key,
	const char *const *names, size_t count)
{
	const json_t *value = json_in_need(in, object, key);
	_str_fini_ struct str expected = STR_INIT(256);

	for (size_t i = 0; json_is_string(value) && i < count; i++)
		if (!strcmp(json_string_value(value), names[i]))
			return (int)i;
	for (size_t i = 0; i < count; i++)
		(void)str_addf(&expected, "%s%s", i ? " or " : "", names[i]); /* may be cut */
	json_in_refuse(in, key, str_text(&expected));
	return 0;
}

const json_t *json_in_array(
	struct json_in *in, const json_t *object, const char *key, bool is_needed)
{
	const json_t *array =
		is_needed ? json_in_need(in, object, key) : json_in_find(in, object, key);
	const json_t *element;
	size_t i;

	if (!array)
		return NULL;
	if (!json_is_array(array))
		json_in_refuse(in, key, "an array");
	json_array_foreach(array, i, element)
	{
		if (json_is_object(element))
			continue;
		json_in_enter_element(in, key, i);
		json_in_refuse(in, "", "an object");
		json_in_leave(in);
	}
	return in->rc ? NULL : array;
}
