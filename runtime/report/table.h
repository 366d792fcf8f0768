/* Inside report: rows of text → a table that fits the terminal. */
#ifndef GILSCOPE_REPORT_TABLE_H
#define GILSCOPE_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/str.h"
#include "runtime/base/vec.h"

#define TABLE_COLUMNS 16

struct table_column {
	const char *title;
	bool is_right; /* figures */
	int least; /* cells that it may be cut down to; 0: never cut */
};

struct table {
	const struct table_column *columns; /* borrowed */
	size_t column_count;
	vec(char *) cells; /* owned; row by row */
};

/* Appends one cell: text is made visible. 0 or a negative errno. */
int table_add(struct table *table, const char *text);
int table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Indented by two cells; wide columns are cut in the middle until a row has `columns` cells. */
int table_print(
	const struct table *table, int columns, const char *const styles[2], struct str *out);
void table_fini(struct table *table);

/* Cells that the text takes on a terminal. */
size_t text_cells(const char *text);

/* Appends at most `cells` cells of `text`, the middle cut out. */
int str_add_cut(struct str *out, const char *text, size_t cells);

/* Appends `text` and a newline, broken between words; lines after the first are indented. */
int str_add_wrapped(struct str *out, const char *text, int columns, int indent);

#endif
