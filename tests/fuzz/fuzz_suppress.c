/* Any bytes as a source: its comments cover lines that it has, or say what is wrong. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/suppress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void expect(int is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct suppressions suppressions;
	const struct suppression *at;
	int lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += data[i] == '\n';
	expect(!suppressions_init(&suppressions, ""));
	expect(!suppressions_add_text(&suppressions, "m.c", (const char *)data, len));
	for (size_t i = 0; (at = suppressions_at(&suppressions, "m.c", i)); i++) {
		expect(at->line >= 1 && at->line <= lines && *at->reason);
		expect(at->first_line >= 1 && at->first_line <= lines + 1);
		expect(at->is_open ? !at->last_line : at->last_line >= at->first_line);
		expect(at->last_line <= lines + 1);
	}
	expect(!suppressions_finish(&suppressions, true));
	vec_each (note, &suppressions.notes)
		expect(note->line >= 1 && note->line <= lines && *note->text);
	suppressions_fini(&suppressions);
	return 0;
}
