/* Two findings: one with every field in use, one with as little as may be. */
#ifndef GILSCOPE_TESTS_FINDING_SAMPLE_H
#define GILSCOPE_TESTS_FINDING_SAMPLE_H

#include <criterion/criterion.h>

#include "runtime/core/finding.h"

static inline void sample_findings(struct findings *findings)
{
	struct finding full = {.rule = "blocking-call",
		.confidence = CONFIDENCE_HIGH,
		.severity = SEVERITY_WARNING,
		.message = "read() can block while the lock is held",
		.file = "src/m.c",
		.line = 412,
		.column = 9,
		.function = "do_read",
		.symbol = "_ZL7do_readi",
		.operation = "read",
		.entry = "m_open",
		.fix = FIX_OBJECT_LOCK,
		.fix_note = "lock the file object",
		.fingerprint = "0123456789abcdef",
		.suppressed = "short \"reads\" only",
		.has_cost = true,
		.cost = {1, 2, -1}};
	struct finding bare = {.rule = "unbalanced",
		.confidence = CONFIDENCE_LOW,
		.severity = SEVERITY_ERROR,
		.message = "",
		.file = "a b.c",
		.line = 1,
		.function = "f",
		.symbol = "",
		.operation = "return",
		.fix_note = "",
		.fingerprint = "fedcba9876543210"};

	cr_assert_eq(findings_init(findings), 0);
	cr_assert_eq(vec_push(&full.path, (struct finding_step){"src/m.c", 77, "m_open",
						  "called with the lock held", 0}),
		0);
	cr_assert_eq(vec_push(&full.path, (struct finding_step){"", 0, "", "", 0}), 0);
	cr_assert_eq(vec_push(&full.siblings, (struct finding_step){"src/n.c", 5, "n_read",
						      "releases around read", 0}),
		0);
	cr_assert_eq(vec_push(&full.edits, (struct finding_edit){"src/m.c", 412, 1, 412, 1,
						   "Py_BEGIN_ALLOW_THREADS\n"}),
		0);
	cr_assert_eq(vec_push(&findings->list, full), 0);
	cr_assert_eq(vec_push(&findings->list, bare), 0);
	cr_assert_eq(
		vec_push(&findings->failures, (struct unit_failure){"x.c", "no such file"}), 0);
	findings->units_total = 3;
	findings->units_extracted = 2;
	findings->units_cached = 1;
	findings->seconds = 0.5;
}

#endif
