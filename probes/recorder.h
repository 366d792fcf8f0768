/* What the parts of the recorder's user side share; private to this room. One recording has one
 * struct recorder: record.c drives it, process.c and thread.c keep who is measured, collect.c moves
 * figures from the kernel's maps into the run file. */
#ifndef GILSCOPE_PROBES_RECORDER_H
#define GILSCOPE_PROBES_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/attach.h"
#include "probes/command.h"
#include "probes/events.h"
#include "probes/hist.h"
#include "probes/layout.h"
#include "probes/pycode.h"
#include "probes/record.h"
#include "probes/sites.h"
#include "probes/target.h"
#include "runtime/base/err.h"
#include "runtime/base/map.h"
#include "runtime/core/run.h"

/* A file with an interpreter's lock code; its sites are found once. */
struct image {
	dev_t dev;
	ino_t inode;
	struct sites sites;
};

struct process {
	pid_t pid, ppid;
	const char *role; /* static */
	char name[EV_COMM];
	char *exe, *argv; /* owned; may be NULL */
	struct target target;
	struct layout layout;
	uint64_t lock;
	struct pycode *pycode; /* owned; NULL: no interpreter found (yet) */
	struct attach_links links;
	bool is_probed;
	bool is_lock_off; /* a free-threaded build that runs without it */
	uint64_t start_ns, seen_ns, end_ns; /* end 0: alive */
	uint64_t probed_ns;
	uint64_t memory_due_ns, memory_every_ns;
	uint64_t look_ns;                   /* when to look for the interpreter again; 0: never */
	unsigned int looks;
	char why[512];
	int64_t ended_cpu_ns;                  /* of threads that ended */
	uint64_t samples_none, samples_holding; /* of all its threads */
	UT_hash_handle hh;                     /* by pid */
};

/* The latest reading of a thread's record. */
struct thread {
	uint32_t tid;
	struct ev_thread now;
	int64_t slice_ns[EV_LOCK_STATES][EV_SCHED_STATES]; /* totals at the last slice */
	uint64_t slice_samples[EV_LOCK_STATES];
	uint64_t slice_at_ns;
	struct run_slice pending; /* length 0: none */
	UT_hash_handle hh;        /* by tid */
};

struct stack_id {
	uint64_t kernel_id;
	int64_t row_id;
	UT_hash_handle hh;
};

struct stack_content {
	uint64_t hash[2];
	int64_t row_id;
	UT_hash_handle hh;
};

struct blame_row {
	struct {
		int64_t stack;
		int32_t pid, waiter_tid, holder_tid, reserved;
	} key;
	struct ev_tally base, live; /* taken out of the map; in it at the last flush */
	UT_hash_handle hh;
};

struct activity_row {
	struct {
		int64_t stack;
		int32_t pid, tid, lock, sched, is_sampled, reserved;
	} key;
	struct ev_tally base, live;
	UT_hash_handle hh;
};

#define LONGEST_ROWS 48

/* The longest intervals of threads that ended. */
struct longest_rows {
	struct run_longest at[LONGEST_ROWS];
	int len;
};

struct recorder {
	const struct record_options *options;
	enum tier tier;
	struct attach *attach;
	struct ring_buffer *ring;
	struct run_file *file;
	struct command command;
	struct process *processes;
	struct thread *threads;
	vec(struct image) images;
	vec(struct layout) layouts; /* at their place in the map */
	struct stack_id *stack_ids;
	struct stack_content *stack_contents;
	int64_t stack_count;
	int64_t blame_taken,
		activity_taken; /* rows ever added to the maps when they were emptied */
	struct blame_row *blame;
	struct activity_row *activity;
	struct longest_rows ended_longest[2]; /* waits, holds */
	struct run_info info;
	char started[24], kernel[72];
	char *command_text;
	int64_t lost_events, lost_stacks; /* by the user side */
	int64_t slice_rows;
	uint64_t read_ns; /* when the threads were read last */
	uint64_t slice_length_ns;
	uint64_t start_ns, slice_due_ns, flush_due_ns;
	int processes_seen, threads_seen;
	int64_t own_cpu_start_ns;
	int64_t hits_before; /* of the calibration */
	int write_error; /* the first failure of the run file, a negative errno */
	char what[320];
};

/* ---- process.c ---- */

/* Begins to measure `pid` and all that descends from it. `is_required`: a target that a person
 * named, refused with a sentence when there is no interpreter in it. */
int process_add(struct recorder *recorder, pid_t pid, const char *role, struct err *err);
int process_require(struct recorder *recorder, struct process *process, struct err *err);
struct process *process_find(const struct recorder *recorder, pid_t pid);
/* Looks for interpreters that were not there yet; returns when to do so next. */
uint64_t processes_look(struct recorder *recorder, uint64_t now_ns);
int process_on_life(struct recorder *recorder, const struct ev_life *life);
/* Helpers that come and go at once (a shell's) are followed but not listed, unless they cost
 * something. */
bool process_is_listed(
	const struct recorder *recorder, const struct process *process, uint64_t now_ns);
int processes_alive(const struct recorder *recorder);
/* Drops those that ended and have been written. */
void processes_forget(struct recorder *recorder, uint64_t now_ns);
void processes_free(struct recorder *recorder);
/* Tells the listener. */
void recorder_tell(struct recorder *recorder, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void recorder_tell_time(struct recorder *recorder);

/* What a process is that runs another program than its parent. */
const char *process_exec_role(const struct process *process); /* static */

/* ---- family.c ---- */

/* Adds all living descendants of the processes added so far. */
int family_add(struct recorder *recorder, struct err *err);

/* ---- scan.c: what a process was already doing when the recording of it began ---- */

int scan_threads(struct recorder *recorder, struct process *process);
/* Tells the kernel side where each thread's state lies. */
void scan_tstates(struct recorder *recorder, const struct process *process);

/* ---- thread.c ---- */

/* Reads all records; with `is_slice` the time since the last slice becomes a row of the timeline.
 */
int threads_read(struct recorder *recorder, uint64_t now_ns, bool is_slice);
int threads_put(struct recorder *recorder, uint64_t now_ns);
void threads_free(struct recorder *recorder);
int64_t threads_cpu_ns(const struct recorder *recorder, pid_t pid);
uint64_t thread_hold_start_ns(const struct recorder *recorder, const struct ev_thread *thread);
uint64_t thread_open_wait_ns(const struct ev_thread *thread, uint64_t now_ns);
/* Processor time that the thread used since it had used `from_ns`. */
int64_t thread_open_cpu_ns(const struct ev_thread *thread, uint64_t from_ns, uint64_t now_ns);

/* ---- stackrow.c ---- */

/* Takes new stacks out of the map and resolves them while their code objects live. */
int stacks_drain(struct recorder *recorder);
int64_t stack_row(const struct recorder *recorder, uint64_t kernel_id); /* 0: none */
void stacks_free(struct recorder *recorder);

/* ---- tally.c ---- */

/* Empties a map that is filling up. */
int tallies_relieve(struct recorder *recorder);
int tallies_put(struct recorder *recorder, uint64_t now_ns);
void tallies_free(struct recorder *recorder);
void longest_keep_ended(struct recorder *recorder, const struct ev_thread *thread);

/* ---- collect.c ---- */

int64_t collect_counter(const struct recorder *recorder, uint32_t counter);
int collect_start(struct recorder *recorder);
/* Does what is due; returns when to come back. */
uint64_t collect_tick(struct recorder *recorder, uint64_t now_ns);
int collect_finish(struct recorder *recorder, uint64_t end_ns);

/* Calls back for each entry of a hash map; `is_taken` removes it in the same step. */
typedef int map_visitor(struct recorder *recorder, const void *key, const void *value);
struct map_shape {
	int fd;
	uint32_t key_bytes, value_bytes;
	bool is_taken;
};
int map_each(struct recorder *recorder, const struct map_shape *shape, map_visitor *visit);

#endif
