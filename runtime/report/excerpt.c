/* A place in a source file → its line and a caret, as compilers show it. The name of the file comes
 * from a findings file, so only regular files are opened, and what they hold cannot move the
 * cursor. */
#include "runtime/report/excerpt.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/utf8.h"

#define FILE_MAX_BYTES ((off_t)32 << 20)
#define LINE_MAX_BYTES ((size_t)4096) /* generated code has longer ones; nobody reads their end */
#define TAB_CELLS 8
#define MARGIN_CELLS 9 /* "12345 | " and one to spare */

/* One line as it is shown: a cell is one column of the terminal. */
struct cells {
	struct str text;
	vec(size_t) at; /* offset in `text` of each cell, and of the end */
	size_t caret, caret_end; /* cells; equal: no caret */
};

void excerpt_fini(struct excerpt *excerpt)
{
	free(excerpt->file);
	free(excerpt->text);
	vec_fini(&excerpt->lines);
	*excerpt = (struct excerpt){0};
}

static char *read_regular(const char *path, size_t *ret_len)
{
	/* Opening a pipe or a device must neither wait nor take it over. */
	_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_free_ char *text = NULL;
	struct stat st;
	size_t len = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	while (text && len < (size_t)st.st_size) {
		got = read(fd, text + len, (size_t)st.st_size - len);
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return take_ptr(text);
}

/* Keeps the answer "cannot be shown" too. */
static void open_file(struct excerpt *excerpt, const char *file)
{
	if (excerpt->file && !strcmp(excerpt->file, file))
		return;
	excerpt_fini(excerpt);
	excerpt->file = strdup(file);
	excerpt->text = read_regular(file, &excerpt->len);
	for (size_t at = 0; excerpt->text && at < excerpt->len;) {
		const char *end = memchr(excerpt->text + at, '\n', excerpt->len - at);

		if (vec_push(&excerpt->lines, at))
			return;
		at = end ? (size_t)(end - excerpt->text) + 1 : excerpt->len;
	}
}

static int add_cell(struct cells *cells, const char *bytes, size_t len)
{
	if (vec_push(&cells->at, cells->text.len))
		return -ENOMEM;
	return str_add_bytes(&cells->text, bytes, len);
}

/* One character of the source as one or more cells. */
static int add_char(struct cells *cells, const char *bytes, size_t len)
{
	_str_fini_ struct str visible = STR_INIT(32);
	char copy[5] = {0};
	int rc = 0;

	if (len == 1 && *bytes == '\t') {
		do
			rc = add_cell(cells, " ", 1);
		while (!rc && cells->at.len % TAB_CELLS);
		return rc;
	}
	memcpy(copy, bytes, len);
	rc = str_add_visible(&visible, copy);
	if (!rc && visible.len == len)
		return add_cell(cells, bytes, len);
	for (size_t i = 0; !rc && i < visible.len; i++)
		rc = add_cell(cells, visible.data + i, 1);
	return rc;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The caret covers the word at the column, or one character. */
static int fill_cells(struct cells *cells, const char *line, size_t len, int column)
{
	size_t from = column > 0 ? (size_t)column - 1 : SIZE_MAX, to = from;
	int rc = 0;

	while (to < len && is_word(line[to]))
		to++;
	if (from < len && to == from)
		to++;
	for (size_t i = 0; !rc && i < len;) {
		size_t bytes = line[i] ? utf8_char_bytes(line + i, len - i) : 0;

		if (i == from)
			cells->caret = cells->at.len;
		if (!bytes) {
			char hex[5];

			(void)snprintf(
				hex, sizeof(hex), "\\x%02x", (unsigned char)line[i]); /* fits */
			for (size_t b = 0; !rc && b < 4; b++)
				rc = add_cell(cells, hex + b, 1);
			bytes = 1;
		} else {
			rc = add_char(cells, line + i, bytes);
		}
		i += bytes;
		if (from < len && i <= to)
			cells->caret_end = cells->at.len;
	}
	return rc ? rc : vec_push(&cells->at, cells->text.len);
}

static int add_window(const struct excerpt_place *place, struct cells *cells, struct str *out)
{
	size_t count = cells->at.len - 1, width = (size_t)place->columns - MARGIN_CELLS;
	size_t first = 0, last = count;
	int rc;

	if (count > width) {
		if (cells->caret > width * 2 / 3)
			first = cells->caret - width / 2;
		if (first + width < count)
			last = first + width;
		else
			first = count - width;
	}
	rc = str_addf(out, "%5d | %.*s\n", place->line,
		(int)(cells->at.at[last] - cells->at.at[first]),
		str_text(&cells->text) + cells->at.at[first]);
	if (rc || cells->caret >= cells->caret_end)
		return rc;
	if (cells->caret_end > last)
		cells->caret_end = last > cells->caret ? last : cells->caret + 1;
	rc = str_addf(out, "      | %*s%s^", (int)(cells->caret - first), "", place->caret_colour);
	for (size_t i = cells->caret + 1; !rc && i < cells->caret_end; i++)
		rc = str_add(out, "~");
	return rc ? rc : str_addf(out, "%s\n", place->plain_colour);
}

const char *excerpt_line(struct excerpt *excerpt, const char *file, int line, size_t *ret_len)
{
	const char *start, *end;
	size_t at, len;

	open_file(excerpt, file);
	if (line < 1 || (size_t)line > excerpt->lines.len)
		return NULL;
	at = excerpt->lines.at[line - 1];
	start = excerpt->text + at;
	end = memchr(start, '\n', excerpt->len - at);
	len = end ? (size_t)(end - start) : excerpt->len - at;
	if (len && start[len - 1] == '\r')
		len--;
	*ret_len = len;
	return start;
}

int excerpt_add(struct excerpt *excerpt, const struct excerpt_place *place, struct str *out)
{
	struct cells cells = {.text = STR_INIT(LINE_MAX_BYTES * 8)};
	size_t len = 0;
	const char *line = excerpt_line(excerpt, place->file, place->line, &len);
	int rc;

	if (!line)
		return 0;
	if (len > LINE_MAX_BYTES)
		len = LINE_MAX_BYTES;
	rc = fill_cells(&cells, line, len, place->column);
	if (!rc)
		rc = add_window(place, &cells, out);
	str_fini(&cells.text);
	vec_fini(&cells.at);
	return rc;
}
