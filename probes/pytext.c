/* A str object's address → UTF-8: compact ASCII, compact UCS1/2/4, and the legacy form with its
 * characters elsewhere (to 3.11). Every length is bounded before it is used. */
#include "probes/pytext.h"

#include <errno.h>
#include <string.h>

static int add_character(uint32_t character, struct str *text)
{
	char utf8[4];
	size_t len;

	if (character < 0x20 || character == 0x7f || (character >= 0x80 && character < 0xa0) ||
		(character >= 0xd800 && character < 0xe000))
		character = '?';
	if (character > 0x10ffff)
		return -EFAULT;
	if (character < 0x80) {
		utf8[0] = (char)character;
		len = 1;
	} else if (character < 0x800) {
		utf8[0] = (char)(0xc0 | character >> 6);
		utf8[1] = (char)(0x80 | (character & 0x3f));
		len = 2;
	} else if (character < 0x10000) {
		utf8[0] = (char)(0xe0 | character >> 12);
		utf8[1] = (char)(0x80 | (character >> 6 & 0x3f));
		utf8[2] = (char)(0x80 | (character & 0x3f));
		len = 3;
	} else {
		utf8[0] = (char)(0xf0 | character >> 18);
		utf8[1] = (char)(0x80 | (character >> 12 & 0x3f));
		utf8[2] = (char)(0x80 | (character >> 6 & 0x3f));
		utf8[3] = (char)(0x80 | (character & 0x3f));
		len = 4;
	}
	return str_add_bytes(text, utf8, len);
}

int pytext_convert(const void *characters, size_t count, unsigned int width, struct str *text)
{
	const char *at = characters;
	int rc = str_add(text, "");

	for (size_t i = 0; !rc && i < count; i++) {
		uint32_t character = 0;

		memcpy(&character, at + i * width, width); /* little endian */
		rc = add_character(character, text);
	}
	return rc;
}

int pytext_read(const struct target *target, const struct layout *layout, uint64_t address,
	struct str *text)
{
	uint8_t head[128], characters[PYTEXT_MAX_CHARACTERS * 4];
	uint64_t length, data;
	uint32_t state, width;
	bool is_compact, is_ascii;
	size_t head_bytes = layout->unicode_compact + sizeof(data);
	int rc;

	if (head_bytes > sizeof(head) || layout->unicode_state + 4U > head_bytes ||
		layout->unicode_length + 8U > head_bytes || layout->unicode_kind_shift > 16)
		return -EFAULT;
	rc = target_read(target, address, head, head_bytes);
	/* The last object of a mapping may be shorter than the longest header. */
	if (rc == -EFAULT)
		rc = target_read(target, address, head, head_bytes = layout->unicode_ascii);
	if (rc)
		return rc;
	memcpy(&length, head + layout->unicode_length, sizeof(length));
	memcpy(&state, head + layout->unicode_state, sizeof(state));
	width = state >> layout->unicode_kind_shift & 7;
	is_compact = state >> (layout->unicode_kind_shift + 3) & 1;
	is_ascii = state >> (layout->unicode_kind_shift + 4) & 1;
	if (length > PYTEXT_MAX_CHARACTERS || (width != 1 && width != 2 && width != 4) ||
		(is_ascii && width != 1))
		return -EFAULT;
	data = address + (is_ascii ? layout->unicode_ascii : layout->unicode_compact);
	if (!is_compact) {
		if (head_bytes < layout->unicode_compact + sizeof(data))
			return -EFAULT;
		memcpy(&data, head + layout->unicode_compact, sizeof(data));
	}
	rc = target_read(target, data, characters, length * width);
	return rc ? rc : pytext_convert(characters, length, width, text);
}
