/* A run: one recording, one SQLite file (schema.sql says what each column means).
 *
 * Recorder side: run_create, then any number of { run_begin, run_put_*, run_commit }, run_finish.
 * Every put replaces the row with the same key, so totals are simply written again; a recorder that
 * is killed leaves what was last committed, with is_complete 0.
 * Reader side: run_load reads and checks the whole file into memory. */
#ifndef GILSCOPE_CORE_RUN_H
#define GILSCOPE_CORE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/vec.h"

struct err;

/* In every int64_t and double below: the tier, kernel or interpreter cannot know it. Stored as
 * NULL. */
#define RUN_UNKNOWN (-1)

enum lock_state { LOCK_NONE = 0, LOCK_WAITING = 1, LOCK_HOLDING = 2, LOCK_STATES = 3 };
enum sched_state { SCHED_RUNNING = 0, SCHED_RUNNABLE = 1, SCHED_BLOCKED = 2, SCHED_STATES = 3 };

/* Time by lock state and scheduler state; a whole lock row is RUN_UNKNOWN where not known. */
struct state_times {
	int64_t ns[LOCK_STATES][SCHED_STATES];
};

struct run_info {
	const char *tool_version, *started, *tier, *kernel, *command;
	int64_t start_ns, end_ns;
	bool is_complete;
	int cores;
	double cpu_quota; /* cores; RUN_UNKNOWN: no limit */
	int64_t lost_events, lost_stacks;
	int64_t probe_hits, probe_ns;
	double overhead_share;
	int64_t recorder_cpu_ns, hold_correction_ns, wait_correction_ns, sample_period_ns;
};

struct run_process {
	int pid, ppid;
	const char *role, *name, *exe;
	const char *argv, *interpreter, *version, *lock, *build_id,
		*why_unmeasured; /* may be NULL */
	int64_t start_ns, seen_ns, end_ns, cpu_ns;
};

struct run_memory {
	int pid;
	int64_t at_ns, rss_bytes, pss_bytes, uss_bytes;
};

struct run_thread {
	int tid, pid;
	const char *name;
	int64_t seen_ns, end_ns, cpu_ns;
	int64_t waits, wait_ns, wait_max_ns;
	int64_t holds, hold_ns, hold_max_ns;
	struct state_times states;
};

struct run_slice {
	int tid;
	int64_t at_ns, length_ns;
	struct state_times states;
};

struct run_bucket {
	int tid;
	const char *kind; /* "wait", "hold", "handoff" */
	int64_t low_ns, high_ns, count;
};

struct run_frame {
	const char *function;
	const char *file; /* NULL: unknown */
	int line; /* 0: unknown */
	bool is_native;
	const char *module, *build_id; /* native frames; may be NULL */
};

struct run_stack {
	int64_t id; /* chosen by the recorder, from 1 */
	vec(struct run_frame) frames; /* innermost first */
};

struct run_blame {
	int pid, waiter_tid;
	int holder_tid; /* 0: unknown */
	int64_t stack; /* 0: none */
	int64_t wait_ns, waits, max_ns;
};

struct run_longest {
	const char *kind; /* "wait", "hold" */
	int pid, tid, other_tid;
	int64_t start_ns, length_ns, cpu_ns;
	bool is_open;
	int64_t stack;
};

struct run_activity {
	int pid, tid;
	enum lock_state lock;
	enum sched_state sched;
	int64_t stack;
	int64_t ns, count;
	bool is_sampled;
};

/* Everything of one run in memory. Owns all it points to. */
struct run {
	struct arena *arena;
	struct run_info info;
	vec(struct run_process) processes; /* sorted by pid; the parents form no circle */
	vec(struct run_memory) memory; /* by pid, at_ns */
	vec(struct run_thread) threads; /* by tid */
	vec(struct run_slice) slices; /* by tid, at_ns */
	vec(struct run_bucket) buckets;
	vec(struct run_stack) stacks; /* sorted by id */
	vec(struct run_blame) blame;
	vec(struct run_longest) longest;
	vec(struct run_activity) activity;
};

/* Refuses with one sentence what is no run, a run of a newer version, or damaged. Afterwards: all
 * text is valid UTF-8, mandatory text is not NULL, figures are RUN_UNKNOWN or not negative, times
 * lie below 2^61 ns, and the amounts of one table add up without overflow. A pid, tid or stack may
 * still name a row that is not there. */
int run_load(const char *path, struct run *ret_run, struct err *err);
void run_fini(struct run *run);

/* NULL: none. borrowed */
const struct run_stack *run_stack_find(const struct run *run, int64_t id);
const struct run_process *run_process_find(const struct run *run, int pid);
const struct run_thread *run_thread_find(const struct run *run, int tid);

struct run_file; /* a run being written */

/* Prepares to write `path`: an existing run is replaced by the first run_commit, any other existing
 * file is refused. Until that commit nothing appears on disk. */
int run_create(const char *path, struct run_file **ret_file, struct err *err);

/* 0 or a negative errno, as for all that follow. -EBUSY from run_commit: a reader has the file;
 * nothing is lost, carry on and commit again at the next flush. -EINVAL from a put: text or a
 * figure is missing that schema.sql wants. */
int run_begin(struct run_file *file);
int run_commit(struct run_file *file);
int run_put_info(struct run_file *file, const struct run_info *info);
int run_put_process(struct run_file *file, const struct run_process *process);
int run_put_memory(struct run_file *file, const struct run_memory *memory);
int run_put_thread(struct run_file *file, const struct run_thread *thread);
int run_put_slice(struct run_file *file, const struct run_slice *slice);
int run_put_bucket(struct run_file *file, const struct run_bucket *bucket);
int run_put_stack(struct run_file *file, const struct run_stack *stack);
/* These tables have no key: the recorder clears and writes them again in one transaction. */
int run_clear_tables(struct run_file *file); /* blame, longest, activity */
int run_put_blame(struct run_file *file, const struct run_blame *blame);
int run_put_longest(struct run_file *file, const struct run_longest *longest);
int run_put_activity(struct run_file *file, const struct run_activity *activity);

/* Closes and frees; NULL is fine. `is_complete` commits the rest and marks the run complete
 * (whatever run_info said); false drops what was not committed and leaves the run marked
 * incomplete, and no file at all when nothing was committed. */
int run_finish(struct run_file *file, bool is_complete);

#endif
