/* The formatters of findings when memory runs out at any moment: -ENOMEM, no crash, and no leak
 * (the asan build looks). jansson makes nearly all of their allocations, so failing those is
 * enough. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "runtime/base/err.h"
#include "runtime/report/report.h"
#include "tests/unit/core/finding_sample.h"

static long allocations_left;

static void *failing_malloc(size_t bytes)
{
	return allocations_left-- > 0 ? malloc(bytes) : NULL;
}

static void no_memory_until_told(void)
{
	json_set_alloc_funcs(failing_malloc, free);
}

TestSuite(lint_memory, .init = no_memory_until_told);

static const struct report_style style = {.columns = 80, .confidence = CONFIDENCE_LOW};

/* Fails after 0, `stride`, 2 * `stride` … allocations until everything fits. */
static void starve(
	int (*format)(const struct findings *, const struct report_style *, struct str *),
	long stride)
{
	struct findings findings;
	int failed = 0, rc = -ENOMEM;

	sample_findings(&findings);
	for (long allowed = 0; rc; allowed += stride) {
		_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);

		allocations_left = allowed;
		rc = format(&findings, &style, &out);
		cr_assert(!rc || rc == -ENOMEM, "%d after %ld allocations", rc, allowed);
		cr_assert(allowed < 1000000);
		failed += rc != 0;
	}
	cr_expect_gt(failed, 20);
	findings_fini(&findings);
}

Test(lint_memory, json_runs_out)
{
	starve(findings_json, 1);
}

Test(lint_memory, sarif_runs_out)
{
	starve(findings_sarif, 5);
}

Test(lint_memory, reading_runs_out)
{
	struct findings findings, got;
	char *json;
	size_t len;
	int failed = 0, rc = -ENOMEM;

	sample_findings(&findings);
	allocations_left = 1000000;
	cr_assert_eq(findings_format_json(&findings, &json, &len), 0);
	for (long allowed = 0; rc; allowed++) {
		struct err err = {0};

		allocations_left = allowed;
		rc = findings_parse("f", json, len, &got, &err);
		cr_assert(!rc || *err.text);
		cr_assert(allowed < 1000000);
		failed += rc != 0;
	}
	cr_expect_gt(failed, 20);
	cr_expect_eq(got.list.len, findings.list.len);
	findings_fini(&got);
	findings_fini(&findings);
	free(json);
}
