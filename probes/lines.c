/* co_lnotab (3.8, 3.9), co_linetable of PEP 626 (3.10) and of PEP 657 (3.11 on) → line numbers.
 * The bytes come from another process's memory and may be anything. */
#include "probes/lines.h"

#include <errno.h>
#include <stdbool.h>

#define LINE_MAX_PLAUSIBLE ((int64_t)1 << 30)

static int give_line(int64_t line, int *ret_line)
{
	if (line < 0 || line > LINE_MAX_PLAUSIBLE)
		return -EFAULT;
	*ret_line = (int)line;
	return 0;
}

/* Pairs (bytes of code, signed lines): the line changes after that many bytes. */
static int find_lnotab(const struct lines_table *table, int64_t offset, int *ret_line)
{
	int64_t address = 0, line = table->first_line;

	if (table->len % 2)
		return -EFAULT;
	for (size_t i = 0; i + 1 < table->len; i += 2) {
		address += table->data[i];
		if (address > offset)
			break;
		line += (int8_t)table->data[i + 1];
	}
	return give_line(line, ret_line);
}

/* Pairs (bytes of code, signed lines): the line holds for that many bytes; -128: they have none. */
static int find_linetable(const struct lines_table *table, int64_t offset, int *ret_line)
{
	int64_t end = 0, line = table->first_line;

	if (table->len % 2)
		return -EFAULT;
	for (size_t i = 0; i + 1 < table->len; i += 2) {
		int delta = (int8_t)table->data[i + 1];

		if (delta != -128)
			line += delta;
		end += table->data[i];
		if (offset < end)
			return give_line(delta == -128 ? 0 : line, ret_line);
	}
	return give_line(0, ret_line);
}

/* PEP 657: kinds of entries, in bits 3 to 6 of the first byte. */
enum location_kind {
	LOCATION_ONE_LINE_0 = 10, /* this, +1 and +2 lines; columns follow */
	LOCATION_ONE_LINE_2 = 12,
	LOCATION_NO_COLUMNS = 13,
	LOCATION_LONG = 14,
	LOCATION_NONE = 15,
};

/* Six bits a byte, the least significant first; bit 6: more follow. Zigzag: the sign is bit 0. */
static bool read_svarint(const struct lines_table *table, size_t *at, int64_t *ret_number)
{
	uint64_t number = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		if (*at >= table->len || shift > 36)
			return false;
		byte = table->data[(*at)++];
		number |= (uint64_t)(byte & 0x3f) << shift;
		shift += 6;
	} while (byte & 0x40);
	*ret_number = number & 1 ? -(int64_t)(number >> 1) : (int64_t)(number >> 1);
	return true;
}

static int find_locations(const struct lines_table *table, int64_t offset, int *ret_line)
{
	int64_t end = 0, line = table->first_line, delta;
	size_t at = 0;

	while (at < table->len) {
		uint8_t head = table->data[at++];
		int kind = head >> 3 & 0xf;

		if (!(head & 0x80))
			return -EFAULT;
		delta = 0;
		if (kind == LOCATION_NO_COLUMNS || kind == LOCATION_LONG) {
			if (!read_svarint(table, &at, &delta))
				return -EFAULT;
		} else if (kind >= LOCATION_ONE_LINE_0 && kind <= LOCATION_ONE_LINE_2) {
			delta = kind - LOCATION_ONE_LINE_0;
		}
		line += delta;
		end += 2 * ((head & 7) + 1);
		if (offset < end)
			return give_line(kind == LOCATION_NONE ? 0 : line, ret_line);
		/* Only first bytes have the top bit: what is left of this entry is columns. */
		while (at < table->len && !(table->data[at] & 0x80))
			at++;
	}
	return give_line(0, ret_line);
}

int lines_find(const struct lines_table *table, int64_t offset, int *ret_line)
{
	if (offset < 0)
		return give_line(table->first_line, ret_line);
	switch (table->kind) {
	case LAYOUT_LNOTAB:
		return find_lnotab(table, offset, ret_line);
	case LAYOUT_LINETABLE:
		return find_linetable(table, offset, ret_line);
	case LAYOUT_LOCATIONS:
		return find_locations(table, offset, ret_line);
	}
	return -EFAULT;
}
