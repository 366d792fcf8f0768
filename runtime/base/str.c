/* Growable text: doubling, with a maximum that no input can push past. */
#include "runtime/base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static int reserve(struct str *str, size_t extra)
{
	size_t cap = str->cap ? str->cap : 64;

	if (extra > str->max - str->len) {
		str->is_short = true;
		return -E2BIG;
	}
	while (cap < str->len + extra + 1)
		cap *= 2;
	if (cap != str->cap) {
		char *data = realloc(str->data, cap);

		if (!data) {
			str->is_short = true;
			return -ENOMEM;
		}
		str->data = data;
		str->cap = cap;
	}
	return 0;
}

int str_add_bytes(struct str *str, const void *bytes, size_t len)
{
	int rc = reserve(str, len);

	if (rc)
		return rc;
	if (len)
		memcpy(str->data + str->len, bytes, len);
	str->len += len;
	str->data[str->len] = '\0';
	return 0;
}

int str_add(struct str *str, const char *text)
{
	return str_add_bytes(str, text, strlen(text));
}

int str_addf(struct str *str, const char *format, ...)
{
	va_list args;
	_free_ char *text = NULL;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		str->is_short = true;
		return -ENOMEM;
	}
	return str_add_bytes(str, text, (size_t)len);
}

void str_clear(struct str *str)
{
	str->len = 0;
	str->is_short = false;
	if (str->data)
		str->data[0] = '\0';
}

void str_fini(struct str *str)
{
	free(str->data);
	*str = (struct str){.max = str->max};
}

const char *str_text(const struct str *str)
{
	return str->data ? str->data : "";
}
