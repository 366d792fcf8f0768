/* Any bytes as a findings file: refused with a sentence, or loaded, and then written and read
 * again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/err.h"
#include "runtime/core/finding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void expect(int is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct findings findings, again;
	struct err err = {0};
	char *json;
	size_t json_len;

	if (findings_parse("f", (const char *)data, len, &findings, &err)) {
		expect(*err.text && !strchr(err.text, '\n'));
		return 0;
	}
	expect(!findings_format_json(&findings, &json, &json_len));
	expect(!findings_parse("f", json, json_len, &again, &err));
	expect(again.list.len == findings.list.len);
	findings_fini(&again);
	findings_fini(&findings);
	free(json);
	return 0;
}
