/* Any bytes as a baseline: refused with a sentence, or loaded, and then nothing new is in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/baseline.h"
#include "runtime/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void expect(int is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct baseline_scope scope = {.least = CONFIDENCE_LOW};
	struct baseline baseline;
	struct findings findings;
	struct err err = {0};

	if (baseline_parse("b", (const char *)data, len, &baseline, &err)) {
		expect(*err.text && !strchr(err.text, '\n'));
		return 0;
	}
	expect(!findings_init(&findings));
	baseline_apply(&baseline, &scope, &findings);
	expect(findings.baseline.is_used && !findings.baseline.known);
	findings_fini(&findings);
	baseline_fini(&baseline);
	return 0;
}
