/* A run, and findings if there are any → everything that the formats show. */
#include "runtime/report/report.h"

#include <errno.h>

#include "runtime/base/err.h"
#include "runtime/report/facts.h"
#include "runtime/report/join.h"
#include "runtime/report/verdict.h"

const char *verdict_kind_name(enum verdict_kind kind)
{
	static const char *const names[] = {
		[VERDICT_LOCK_BOUND] = "lock-bound",
		[VERDICT_BLOCKED_WHILE_HOLDING] = "blocked-while-holding",
		[VERDICT_CONVOY] = "convoy",
		[VERDICT_OVERLAPPING] = "overlapping",
		[VERDICT_PARALLEL_NATIVE] = "parallel-native",
		[VERDICT_SINGLE_THREAD] = "single-thread",
		[VERDICT_ASYNC] = "async",
		[VERDICT_MULTI_PROCESS] = "multi-process",
		[VERDICT_CPU_LIMITED] = "cpu-limited",
		[VERDICT_IDLE] = "idle",
		[VERDICT_FREE_THREADED] = "free-threaded",
	};

	return names[kind];
}

static int fill(struct report *report)
{
	struct facts *facts = arena_alloc(report->arena, sizeof(*facts));
	struct judgement judgement;
	int rc;

	if (!facts)
		return -ENOMEM;
	rc = facts_init(facts, report->run, report->arena);
	report->facts = facts;
	if (!rc)
		rc = judge(report->run, facts, &judgement);
	if (!rc)
		rc = verdict_write(report, facts, &judgement, &report->verdict);
	if (!rc && report->findings)
		rc = join_findings(report->findings, report->run, &report->findings_joined,
			&report->has_native_stacks);
	return rc;
}

int report_init(
	struct report *report, const struct run *run, struct findings *findings, struct err *err)
{
	int rc = -ENOMEM;

	*report = (struct report){.arena = arena_new(), .run = run, .findings = findings};
	if (report->arena)
		rc = fill(report);
	if (rc) {
		report_fini(report);
		return err_ret(err, rc, "cannot make a report: out of memory");
	}
	return 0;
}

void report_fini(struct report *report)
{
	vec_fini(&report->verdict.evidence);
	arena_free(report->arena);
	*report = (struct report){0};
}
