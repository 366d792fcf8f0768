/* Cells → aligned columns within the width of a terminal. Names are cut in the middle: both ends of
 * a path or a thread's name tell more than its middle. */
#include "runtime/report/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/utf8.h"

#define CELL_MAX_BYTES ((size_t)1 << 16)
#define CUT ".."
#define CUT_CELLS 2
#define GAP 2

/* East Asian wide characters and emoji take two cells; the ranges are the large blocks of Unicode's
 * EastAsianWidth.txt. */
static size_t char_cells(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3},
		{0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6},
		{0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (character >= wide[i].first && character <= wide[i].last)
			return 2;
	return 1;
}

static uint32_t decode(const char *at, size_t bytes)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t character = (unsigned char)at[0] & masks[bytes];

	for (size_t i = 1; i < bytes; i++)
		character = character << 6 | ((unsigned char)at[i] & 0x3f);
	return character;
}

/* Bytes of the next character; an ill-formed byte is one. */
static size_t step(const char *at, size_t left, size_t *ret_cells)
{
	size_t bytes = utf8_char_bytes(at, left);

	*ret_cells = bytes ? char_cells(decode(at, bytes)) : 1;
	return bytes ? bytes : 1;
}

size_t text_cells(const char *text)
{
	size_t left = strlen(text), sum = 0, cells;

	while (left) {
		size_t bytes = step(text, left, &cells);

		text += bytes;
		left -= bytes;
		sum += cells;
	}
	return sum;
}

/* Bytes at the start of `text` that take at most `cells`, or at least as many. */
static size_t head_bytes(const char *text, size_t cells, bool is_least)
{
	size_t left = strlen(text), at = 0, used = 0, one;

	while (left && used < cells) {
		size_t bytes = step(text + at, left, &one);

		if (used + one > cells && !is_least)
			break;
		used += one;
		at += bytes;
		left -= bytes;
	}
	return at;
}

int str_add_cut(struct str *out, const char *text, size_t cells)
{
	size_t all = text_cells(text), kept, head;
	int rc;

	if (all <= cells)
		return str_add(out, text);
	if (cells <= CUT_CELLS)
		return str_add_bytes(out, text, head_bytes(text, cells, false));
	kept = cells - CUT_CELLS;
	head = kept / 2;
	rc = str_add_bytes(out, text, head_bytes(text, head, false));
	if (!rc)
		rc = str_add(out, CUT);
	/* Skip what is more than the tail may take. */
	return rc ? rc : str_add(out, text + head_bytes(text, all - (kept - head), true));
}

int table_add(struct table *table, const char *text)
{
	struct str cell = STR_INIT(CELL_MAX_BYTES);
	int rc = str_add_visible(&cell, text);

	if (!rc && !cell.data)
		rc = str_add(&cell, "");
	if (!rc)
		rc = vec_push(&table->cells, cell.data);
	if (rc)
		str_fini(&cell);
	return rc;
}

int table_addf(struct table *table, const char *format, ...)
{
	_free_ char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return table_add(table, text);
}

void table_fini(struct table *table)
{
	vec_each (cell, &table->cells)
		free(*cell);
	vec_fini(&table->cells);
}

static size_t measure(const struct table *table, size_t widths[TABLE_COLUMNS])
{
	size_t sum = 0;

	for (size_t column = 0; column < table->column_count; column++) {
		widths[column] = text_cells(table->columns[column].title);
		for (size_t i = column; i < table->cells.len; i += table->column_count) {
			size_t cells = text_cells(table->cells.at[i]);

			if (cells > widths[column])
				widths[column] = cells;
		}
		sum += widths[column] + GAP;
	}
	return sum;
}

/* The widest of the columns that may be cut gives way first. */
static void shrink(const struct table *table, size_t widths[TABLE_COLUMNS], size_t excess)
{
	while (excess) {
		size_t widest = SIZE_MAX;

		for (size_t i = 0; i < table->column_count; i++) {
			int least = table->columns[i].least;

			if (least && widths[i] > (size_t)least &&
				(widest == SIZE_MAX || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == SIZE_MAX)
			return;
		widths[widest]--;
		excess--;
	}
}

static int add_spaces(struct str *out, size_t count)
{
	return str_addf(out, "%*s", (int)count, "");
}

static int print_row(const struct table *table, const size_t widths[TABLE_COLUMNS],
	char *const *cells, struct str *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < table->column_count; i++) {
		const char *text = cells ? cells[i] : table->columns[i].title;
		size_t used = text_cells(text);
		size_t pad = used < widths[i] ? widths[i] - used : 0;

		rc = add_spaces(out, GAP + (table->columns[i].is_right ? pad : 0));
		if (!rc)
			rc = str_add_cut(out, text, widths[i]);
		if (!rc && !table->columns[i].is_right && i + 1 < table->column_count)
			rc = add_spaces(out, pad);
	}
	return rc ? rc : str_add(out, "\n");
}

int table_print(
	const struct table *table, int columns, const char *const styles[2], struct str *out)
{
	size_t widths[TABLE_COLUMNS], sum = measure(table, widths);
	int rc = str_add(out, styles[0]);

	if (sum > (size_t)columns)
		shrink(table, widths, sum - (size_t)columns);
	if (!rc)
		rc = print_row(table, widths, NULL, out);
	if (!rc)
		rc = str_add(out, styles[1]);
	for (size_t i = 0; !rc && i + table->column_count <= table->cells.len;
		i += table->column_count)
		rc = print_row(table, widths, &table->cells.at[i], out);
	return rc;
}

int str_add_wrapped(struct str *out, const char *text, int columns, int indent)
{
	size_t at = 0;
	int rc = 0;

	while (!rc && *text) {
		size_t len = strcspn(text, " "), cells;
		_free_ char *word = strndup(text, len);

		if (!word)
			return -ENOMEM;
		cells = text_cells(word);
		if (at && at + 1 + cells > (size_t)columns) {
			rc = str_addf(out, "\n%*s", indent, "");
			at = (size_t)indent;
		} else if (at) {
			rc = str_add(out, " ");
			at++;
		}
		if (!rc)
			rc = str_add(out, word);
		at += cells;
		text += len;
		text += strspn(text, " ");
	}
	return rc ? rc : str_add(out, "\n");
}
