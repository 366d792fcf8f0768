/* Findings and runs → what people and tools read. One file a format; every formatter appends to a
 * `struct str` and does nothing else. */
#ifndef GILSCOPE_REPORT_REPORT_H
#define GILSCOPE_REPORT_REPORT_H

#include <stdbool.h>

#include "runtime/base/str.h"
#include "runtime/core/finding.h"
#include "runtime/core/run.h"

struct err;
struct facts;

#define REPORT_MAX_BYTES ((size_t)512 << 20)

/* How a formatter may write for its reader. */
struct report_style {
	bool has_colour;
	int columns;
	enum confidence confidence; /* findings below it are left out of text formats */
	const char *source; /* file that the run came from, for hints; NULL: none */
};

/* ---- a run ---- */

/* Stored in reports; append-only. Names: "lock-bound" … */
enum verdict_kind {
	VERDICT_LOCK_BOUND = 0,
	VERDICT_BLOCKED_WHILE_HOLDING = 1,
	VERDICT_CONVOY = 2,
	VERDICT_OVERLAPPING = 3,
	VERDICT_PARALLEL_NATIVE = 4,
	VERDICT_SINGLE_THREAD = 5,
	VERDICT_ASYNC = 6,
	VERDICT_MULTI_PROCESS = 7,
	VERDICT_CPU_LIMITED = 8,
	VERDICT_IDLE = 9,
	VERDICT_FREE_THREADED = 10,
};

const char *verdict_kind_name(enum verdict_kind kind); /* static */

/* A measured figure that the verdict rests on. */
struct verdict_evidence {
	const char *name; /* "cores_used", "wait_share" … static */
	double value;
};

struct verdict {
	enum verdict_kind kind;
	const char *text; /* one or two sentences with their numbers and the line to change */
	vec(struct verdict_evidence) evidence;
};

/* Everything a format needs, computed once. */
struct report {
	struct arena *arena;       /* owned */
	const struct run *run;     /* borrowed */
	struct findings *findings; /* borrowed; NULL: none given. Costs are filled in by the join */
	struct verdict verdict;
	const struct facts *facts; /* figures by process and thread (facts.h) */
	size_t findings_joined; /* have a cost */
	bool has_native_stacks; /* without them no finding can have one */
};

/* Judges the run and joins the findings (fills `cost`). 0, or -ENOMEM and `err` says it. */
int report_init(
	struct report *report, const struct run *run, struct findings *findings, struct err *err);
void report_fini(struct report *report);

int report_text(const struct report *report, const struct report_style *style, struct str *out);
int report_json(const struct report *report, const struct report_style *style, struct str *out);
int report_html(const struct report *report, const struct report_style *style, struct str *out);

/* ---- findings alone ----
 * Text, concise, SARIF and JSON hold what has at least style->confidence. Of that, the suppressed
 * are marked in JSON and SARIF, and only counted in text; the exit code is about the others
 * (findings_count_shown). */

int findings_text(
	const struct findings *findings, const struct report_style *style, struct str *out);
int findings_concise(
	const struct findings *findings, const struct report_style *style, struct str *out);
int findings_json(
	const struct findings *findings, const struct report_style *style, struct str *out);
int findings_sarif(
	const struct findings *findings, const struct report_style *style, struct str *out);

#endif
