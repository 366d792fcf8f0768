/* Text from outside → valid UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
 */
#include "runtime/base/utf8.h"

#include <stdint.h>
#include <string.h>

#include "runtime/base/arena.h"
#include "runtime/base/str.h"

#define REPLACEMENT "\xef\xbf\xbd"

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_char_bytes(const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t bytes;

	if (!len)
		return 0;
	if (at[0] < 0x80)
		return 1;
	bytes = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if (at[0] < 0xc2 || at[0] > 0xf4 || len < bytes)
		return 0;
	for (size_t i = 1; i < bytes; i++)
		if (!is_continuation(at[i]))
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
		(at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return bytes;
}

bool utf8_is_valid(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t bytes = utf8_char_bytes(text + i, len - i);

		if (!bytes)
			return false;
		i += bytes;
	}
	return true;
}

char *utf8_clean(struct arena *arena, const char *text, size_t len)
{
	size_t used = 0;
	char *copy;

	if (!memchr(text, '\0', len) && utf8_is_valid(text, len))
		return arena_strndup(arena, text, len);
	if (len > SIZE_MAX / 8)
		return NULL;
	copy = arena_alloc(arena, len * (sizeof(REPLACEMENT) - 1) + 1);
	for (size_t i = 0; copy && i < len;) {
		size_t bytes = text[i] ? utf8_char_bytes(text + i, len - i) : 0;

		memcpy(copy + used, bytes ? text + i : REPLACEMENT, bytes ? bytes : 3);
		used += bytes ? bytes : 3;
		i += bytes ? bytes : 1;
	}
	return copy;
}

/* C0, DEL, and the C1 controls, which some terminals obey too. */
static bool is_control(const char *at, size_t bytes)
{
	unsigned char first = (unsigned char)at[0];

	return bytes == 1 ? first < 0x20 || first == 0x7f
			  : first == 0xc2 && (unsigned char)at[1] < 0xa0;
}

int str_add_visible(struct str *str, const char *text)
{
	size_t len = strlen(text), plain = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < len;) {
		size_t bytes = utf8_char_bytes(text + i, len - i);

		if (bytes && !is_control(text + i, bytes)) {
			i += bytes;
			continue;
		}
		rc = str_add_bytes(str, text + plain, i - plain);
		if (!bytes)
			bytes = 1;
		if (!rc && (text[i] == '\n' || text[i] == '\t'))
			rc = str_add(str, text[i] == '\n' ? "\\n" : "\\t");
		else
			for (size_t b = 0; !rc && b < bytes; b++)
				rc = str_addf(str, "\\x%02x", (unsigned char)text[i + b]);
		i += bytes;
		plain = i;
	}
	return rc ? rc : str_add_bytes(str, text + plain, len - plain);
}
