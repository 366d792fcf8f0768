/* Runs in memory, row by row: what a recorder would have measured of programs of every kind. Times
 * are in milliseconds of a run of 10 s. */
#ifndef GILSCOPE_TESTS_RUN_BUILD_H
#define GILSCOPE_TESTS_RUN_BUILD_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#include "runtime/base/err.h"
#include "runtime/report/report.h"

#define MS 1000000LL
#define RUN_MS 10000

static inline void build_run(struct run *run, const char *tier, int cores)
{
	*run = (struct run){.arena = arena_new()};
	cr_assert(run->arena);
	run->info = (struct run_info){.tool_version = "0.1.0",
		.started = "2026-01-31T12:00:00Z",
		.tier = tier,
		.kernel = "6.18",
		.command = "python3",
		.start_ns = 1000 * MS,
		.end_ns = (1000 + RUN_MS) * MS,
		.is_complete = true,
		.cores = cores,
		.cpu_quota = RUN_UNKNOWN,
		.probe_hits = RUN_UNKNOWN,
		.probe_ns = RUN_UNKNOWN,
		.overhead_share = RUN_UNKNOWN,
		.recorder_cpu_ns = RUN_UNKNOWN,
		.hold_correction_ns = RUN_UNKNOWN,
		.wait_correction_ns = RUN_UNKNOWN,
		.sample_period_ns = RUN_UNKNOWN};
}

static inline struct run_process *build_process(struct run *run, int pid)
{
	struct run_process process = {.pid = pid,
		.ppid = 1,
		.role = "main",
		.name = "python3",
		.exe = "/usr/bin/python3",
		.interpreter = "CPython",
		.version = "3.11.2",
		.lock = "on",
		.start_ns = run->info.start_ns,
		.seen_ns = run->info.start_ns,
		.end_ns = RUN_UNKNOWN,
		.cpu_ns = RUN_UNKNOWN};

	cr_assert_eq(vec_push(&run->processes, process), 0);
	return &run->processes.at[run->processes.len - 1];
}

static inline void build_unknown(struct state_times *states, enum lock_state lock)
{
	for (int sched = 0; sched < SCHED_STATES; sched++)
		states->ns[lock][sched] = RUN_UNKNOWN;
}

/* A thread of the whole run with no lock states known. */
static inline struct run_thread *build_thread(
	struct run *run, int pid, int tid, int cpu_ms, int wait_ms, int waits)
{
	struct run_thread thread = {.tid = tid,
		.pid = pid,
		.name = "python3",
		.seen_ns = run->info.start_ns,
		.end_ns = RUN_UNKNOWN,
		.cpu_ns = cpu_ms * MS,
		.waits = waits,
		.wait_ns = wait_ms * MS,
		.wait_max_ns = waits ? wait_ms * MS / waits : 0,
		.holds = RUN_UNKNOWN,
		.hold_ns = RUN_UNKNOWN,
		.hold_max_ns = RUN_UNKNOWN};

	build_unknown(&thread.states, LOCK_NONE);
	build_unknown(&thread.states, LOCK_HOLDING);
	thread.states.ns[LOCK_WAITING][SCHED_BLOCKED] = wait_ms * MS;
	cr_assert_eq(vec_push(&run->threads, thread), 0);
	return &run->threads.at[run->threads.len - 1];
}

/* running, ready, blocked in ms. */
static inline void build_states(
	struct run_thread *thread, enum lock_state lock, int running, int runnable, int blocked)
{
	thread->states.ns[lock][SCHED_RUNNING] = running * MS;
	thread->states.ns[lock][SCHED_RUNNABLE] = runnable * MS;
	thread->states.ns[lock][SCHED_BLOCKED] = blocked * MS;
}

/* A thread of the exact tier: all states known. */
static inline void build_holds(struct run_thread *thread, int holds, int hold_ms)
{
	thread->holds = holds;
	thread->hold_ns = hold_ms * MS;
	thread->hold_max_ns = holds ? hold_ms * MS / holds : 0;
}

/* "function file line", innermost first, NULL at the end; the id is the stack's. */
static inline int64_t build_stack(struct run *run, ...)
{
	struct run_stack stack = {.id = (int64_t)run->stacks.len + 1};
	const char *function;
	va_list args;

	va_start(args, run);
	while ((function = va_arg(args, const char *))) {
		struct run_frame frame = {.function = function};

		frame.file = va_arg(args, const char *);
		frame.line = va_arg(args, int);
		frame.is_native = frame.file && strstr(frame.file, ".c");
		cr_assert_eq(vec_push(&stack.frames, frame), 0);
	}
	va_end(args);
	cr_assert_eq(vec_push(&run->stacks, stack), 0);
	return stack.id;
}

static inline void build_blame(
	struct run *run, int pid, int waiter, int holder, int64_t stack, int wait_ms)
{
	struct run_blame blame = {
		pid, waiter, holder, stack, wait_ms * MS, wait_ms / 5 + 1, 5 * MS};

	cr_assert_eq(vec_push(&run->blame, blame), 0);
}

struct spent {
	int tid;
	enum lock_state lock;
	enum sched_state sched;
	int64_t stack;
	int ms, count;
};

static inline void build_activity(struct run *run, int pid, struct spent spent)
{
	struct run_activity activity = {pid, spent.tid, spent.lock, spent.sched, spent.stack,
		spent.ms * MS, spent.count, spent.sched == SCHED_RUNNING};

	cr_assert_eq(vec_push(&run->activity, activity), 0);
}

static inline void build_report(struct report *report, const struct run *run)
{
	struct err err = {0};

	cr_assert_eq(report_init(report, run, NULL, &err), 0, "%s", err.text);
}

/* The figure, RUN_UNKNOWN where it is missing. */
static inline double evidence_of(const struct report *report, const char *name)
{
	vec_each (evidence, &report->verdict.evidence)
		if (!strcmp(evidence->name, name))
			return evidence->value;
	return RUN_UNKNOWN;
}

#endif
