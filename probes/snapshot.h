/* pid → who holds the lock this moment, who waits for it, and what every thread does, from /proc
 * and the process's memory alone: nothing is stopped, nothing is loaded into the kernel. */
#ifndef GILSCOPE_PROBES_SNAPSHOT_H
#define GILSCOPE_PROBES_SNAPSHOT_H

#include "probes/layout.h"
#include "probes/pycode.h"
#include "probes/sleeps.h"
#include "probes/target.h"

#define SNAPSHOT_FRAMES_MAX 256
#define SNAPSHOT_THREADS_MAX 8192
#define SNAPSHOT_INTERPRETERS_MAX 256

enum snapshot_doing {
	SNAPSHOT_UNKNOWN, /* the kernel does not say */
	SNAPSHOT_RUNS, /* or waits for a processor */
	SNAPSHOT_WAITS, /* for an interpreter's lock */
	SNAPSHOT_SLEEPS, /* in a system call, see `sleeps` */
	SNAPSHOT_STOPPED, /* by a signal or a debugger */
};

struct snapshot_thread {
	uint64_t tstate; /* 0: it is no thread of Python's */
	int64_t interpreter; /* its number; -1: none or unknown */
	int lock; /* of its interpreter, in `locks`; -1: none or unknown */
	pid_t tid, ns_tid; /* as we see it, as the process does; 0: unknown */
	bool is_shared; /* several thread states name this tid: it may have been another's since */
	bool is_holder;
	enum snapshot_doing doing;
	int waits_for; /* in `locks`; -1: none */
	struct sleeps sleeps; /* when tid is known */
	int lost_frames; /* could not be read */
	bool is_deeper; /* than SNAPSHOT_FRAMES_MAX */
	vec(struct run_frame) frames; /* innermost first; strings borrowed from the snapshot */
};

struct snapshot_lock {
	uint64_t address, end; /* of what its waiters sleep on: first <= futex < end */
	uint64_t first;
	struct layout_lock state;
	int holder; /* in `threads`; -1: nobody, or a thread that is in no list */
};

struct snapshot {
	struct target target;
	struct layout layout;
	vec(struct snapshot_lock) locks; /* of the main interpreter first */
	vec(struct snapshot_thread) threads; /* holders, waiters, the other Pythons, the others */
	int interpreters;
	bool has_changed; /* a lock changed hands while we looked */
	bool is_torn; /* a list ended in something that is none of it, or was too long */
	uint64_t took_ns;
	struct pycode *pycode; /* owned */
};

/* 0, or what stopped it in one sentence, as target_open and layout_find say it. A snapshot in which
 * something changed is taken again, a few times. */
int snapshot_take(pid_t pid, struct snapshot *ret_snapshot, struct err *err);

/* The same of a target that has been opened: `snapshot->target`, all else zero. */
int snapshot_look(struct snapshot *snapshot, struct err *err);
void snapshot_fini(struct snapshot *snapshot);

#endif
