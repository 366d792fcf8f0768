/* Line tables that real interpreters made (tests/tools/make-line-tables), against what they say
 * themselves; and tables that nobody made. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/lines.h"
#include "runtime/base/cleanup.h"

struct fixture {
	char version[8];
	struct lines_table table;
	uint8_t bytes[8192];
	const char *runs; /* borrowed from the line */
};

static size_t parse_hex(const char *text, uint8_t *bytes, size_t max)
{
	size_t len = 0;
	unsigned int byte;

	for (; len < max && sscanf(text, "%2x", &byte) == 1; text += 2)
		bytes[len++] = (uint8_t)byte;
	return len;
}

static void parse_fixture(const char *line, struct fixture *fixture)
{
	static char hex[16384];
	int kind, first, at = 0;

	cr_assert(eq(int,
		sscanf(line, "%7s %d %d %16383s %n", fixture->version, &kind, &first, hex, &at),
		4));
	fixture->table.kind = (enum layout_lines)kind;
	fixture->table.first_line = first;
	fixture->table.len = parse_hex(hex, fixture->bytes, sizeof(fixture->bytes));
	fixture->table.data = fixture->bytes;
	fixture->runs = line + at;
}

/* Compares every instruction; returns how many there were. */
static int check_fixture(const struct fixture *fixture)
{
	const char *at = fixture->runs;
	int instructions = 0, line, count, used;

	while (sscanf(at, "%dx%d%n", &line, &count, &used) == 2) {
		for (int i = 0; i < count; i++, instructions++) {
			int found = -1;
			int rc = lines_find(&fixture->table, 2 * instructions, &found);

			cr_assert(rc == 0 && found == line,
				"%s: code at line %d, byte %d: line %d (%d), not %d",
				fixture->version, fixture->table.first_line, 2 * instructions,
				found, rc, line);
		}
		at += used;
	}
	return instructions;
}

Test(lines, agrees_with_the_interpreters)
{
	_fclose_ FILE *file = fopen(SOURCE_DIR "/tests/unit/probes/line_tables.txt", "r");
	_free_ char *line = NULL;
	static struct fixture fixture;
	size_t cap = 0;
	int kinds[3] = {0};

	cr_assert(ne(ptr, file, NULL));
	while (getline(&line, &cap, file) > 0) {
		parse_fixture(line, &fixture);
		cr_assert(fixture.table.kind <= LAYOUT_LOCATIONS);
		kinds[fixture.table.kind] += check_fixture(&fixture);
	}
	for (int i = 0; i < 3; i++)
		cr_assert(gt(int, kinds[i], 200), "kind %d has only %d instructions", i, kinds[i]);
}

Test(lines, begins_at_the_first_line)
{
	static const uint8_t bytes[] = {4, 1};
	struct lines_table table = {LAYOUT_LNOTAB, bytes, sizeof(bytes), 7};
	int line = 0;

	cr_assert(eq(int, lines_find(&table, -1, &line), 0));
	cr_assert(eq(int, line, 7));
	cr_assert(eq(int, lines_find(&table, 4, &line), 0));
	cr_assert(eq(int, line, 8));
	table.len = 0;
	cr_assert(eq(int, lines_find(&table, 400, &line), 0));
	cr_assert(eq(int, line, 7));
}

Test(lines, knows_no_line_behind_the_table)
{
	static const uint8_t pep626[] = {4, 1}, pep657[] = {0xe8, 0x02}; /* one unit, +1 */
	struct lines_table table = {LAYOUT_LINETABLE, pep626, sizeof(pep626), 7};
	int line = -1;

	cr_assert(eq(int, lines_find(&table, 4, &line), 0));
	cr_assert(eq(int, line, 0));
	table = (struct lines_table){LAYOUT_LOCATIONS, pep657, sizeof(pep657), 7};
	cr_assert(eq(int, lines_find(&table, 0, &line), 0));
	cr_assert(eq(int, line, 8));
	cr_assert(eq(int, lines_find(&table, 1 << 20, &line), 0));
	cr_assert(eq(int, line, 0));
}

Test(lines, refuses_what_is_no_table)
{
	static const uint8_t odd[] = {1, 2, 3}, plain[] = {0x12, 0x34},
			     endless[] = {0xe8, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f},
			     cut[] = {0xe8}, before[] = {0, 0x81};
	const struct lines_table bad[] = {
		{LAYOUT_LNOTAB, odd, sizeof(odd), 1},
		{LAYOUT_LINETABLE, odd, sizeof(odd), 1},
		{LAYOUT_LOCATIONS, plain, sizeof(plain), 1},
		{LAYOUT_LOCATIONS, endless, sizeof(endless), 1},
		{LAYOUT_LOCATIONS, cut, sizeof(cut), 1},
		{LAYOUT_LNOTAB, before, sizeof(before), 1}, /* a negative line */
		{(enum layout_lines)9, odd, 2, 1},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int line = 77;

		cr_assert(eq(int, lines_find(&bad[i], 2, &line), -EFAULT), "table %zu", i);
		cr_assert(eq(int, line, 77));
	}
}
