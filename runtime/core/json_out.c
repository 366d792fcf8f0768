/* C values → JSON values. */
#include "runtime/core/json_out.h"

#include <string.h>

#include "runtime/base/utf8.h"

json_t *json_text(const char *value)
{
	struct arena *arena;
	json_t *json;

	if (!value)
		value = "";
	if (utf8_is_valid(value, strlen(value)))
		return json_string_nocheck(value);
	/* Names of files and threads are bytes, JSON is not. */
	arena = arena_new();
	json = arena ? json_string(utf8_clean(arena, value, strlen(value))) : NULL;
	arena_free(arena);
	return json;
}

json_t *json_text_or_null(const char *value)
{
	return value ? json_text(value) : json_null();
}

json_t *json_amount(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}
