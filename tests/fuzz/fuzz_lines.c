/* Any bytes as a line table: kind, first line, offset, then the table; and the same as the
 * characters of a string and as the text that holds a version. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "probes/lines.h"
#include "probes/pytext.h"
#include "probes/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert(const uint8_t *data, size_t size)
{
	for (unsigned int width = 1; width <= 4; width *= 2) {
		_str_fini_ struct str text = STR_INIT(4 * 65536);

		(void)pytext_convert(data, size / width, width, &text); /* may be no text */
		for (size_t i = 0; i < text.len; i++)
			if ((unsigned char)text.data[i] < 0x20)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lines_table table = {0};
	int32_t first_line, offset;
	int line = -1, hex = 0;

	if (size < 9)
		return 0;
	table.kind = (enum layout_lines)data[0];
	memcpy(&first_line, data + 1, sizeof(first_line));
	memcpy(&offset, data + 5, sizeof(offset));
	table.first_line = first_line;
	table.data = data + 9;
	table.len = size - 9;
	if (!lines_find(&table, offset, &line) && line < 0)
		abort();
	convert(table.data, table.len);
	if (!version_scan((const char *)table.data, table.len, &hex) && hex >> 24 != 3)
		abort();
	return 0;
}
