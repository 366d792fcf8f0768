/* What the kernel side keeps and sends, as both sides see it. __u32 and __u64 only; times are
 * CLOCK_MONOTONIC nanoseconds. Nothing here is stored: the run file's words are core's. */
#ifndef GILSCOPE_PROBES_EVENTS_H
#define GILSCOPE_PROBES_EVENTS_H

#include <linux/types.h>

#define EV_STACK_DEPTH 128
#define EV_LOCKS 4     /* of one process: the main one and those of subinterpreters */
#define EV_LONGEST 6   /* waits and holds kept a thread */
#define EV_LAYOUTS 256 /* rows of the map; one a process image */
#define EV_BLAME_ROWS 16384
#define EV_ACTIVITY_ROWS 32768
#define EV_COMM 16

/* Lock and scheduler states: the first three of each are those of runtime/core/run.h (elf.h took
 * the name EV_NONE). UNSEEN: on a processor, not waiting, and the tier does not see whether it
 * holds the lock. */
enum ev_lock { EV_OUTSIDE = 0, EV_WAITING = 1, EV_HOLDING = 2, EV_UNSEEN = 3, EV_LOCK_STATES = 4 };
enum ev_sched { EV_RUNNING = 0, EV_RUNNABLE = 1, EV_BLOCKED = 2, EV_SCHED_STATES = 3 };

/* State and the moment it began in one word, so that a transition is one compare-and-swap: a probe
 * of a thread may be interrupted by that thread's own sched_switch. */
#define EV_WORD(at_ns, lock, sched) (((__u64)(at_ns) << 4) | ((__u64)(lock) << 2) | (sched))
#define EV_WORD_AT(word) ((word) >> 4)
#define EV_WORD_LOCK(word) ((__u32)((word) >> 2) & 3)
#define EV_WORD_SCHED(word) ((__u32)(word) & 3)

struct ev_frame {
	__u64 code, instruction;
};

struct ev_stack {
	__u32 tgid;
	__u32 depth;
	__u32 is_cut;
	__u32 reserved;
	struct ev_frame frames[EV_STACK_DEPTH];
};

enum ev_process_flag {
	EV_HAS_LOCK = 1,       /* locks[0] and layout are valid */
	EV_EXACT = 2,          /* the signal sites are probed too */
	EV_OTHER_PIDNS = 4,    /* native ids must be translated */
};

struct ev_process {
	__u64 locks[EV_LOCKS];
	__u64 probed_ns; /* since when the probes are there; 0: not yet */
	__u32 layout;    /* key of the layouts map */
	__u32 flags;
};

struct ev_interval {
	__u64 start_ns, length_ns, cpu_ns;
	__u64 stack;
	__u32 other_tid;
	__u32 is_open;
};

/* Of the lock's own mutex: asleep for it; it is had, and what follows will tell what for. */
enum ev_queue { EV_QUEUE_NONE = 0, EV_QUEUE_INSIDE = 1, EV_QUEUE_PASSED = 2 };

struct ev_thread {
	__u64 word;
	__u64 ns[EV_LOCK_STATES][EV_SCHED_STATES];
	__u64 seen_ns, end_ns; /* end 0: alive */
	__u32 tid, tgid, ns_tid;
	__u32 queue; /* enum ev_queue */
	/* waits */
	__u64 waits, wait_ns, wait_max_ns;
	__u64 wait_start_ns, wait_cpu_ns; /* of the open one; 0: none */
	__u64 wait_stack, wait_lock;
	__u64 queue_end_ns;
	__u64 slice_start_ns, slice_stack, charged_ns;
	__u32 slice_holder, slice_is_first;
	/* holds; exact tier only */
	__u64 holds, hold_ns, hold_max_ns;
	__u64 hold_start_ns, hold_cpu_ns;
	/* off the processor */
	__u64 off_stack;
	__u32 off_lock, reserved2;
	__u64 walk_credit_at_ns;
	__u64 samples[EV_LOCK_STATES];
	struct ev_interval longest_waits[EV_LONGEST], longest_holds[EV_LONGEST];
	char comm[EV_COMM];
};

struct ev_tally {
	__u64 ns, count, max_ns;
};

struct ev_blame_key {
	__u64 stack;
	__u32 tgid, waiter_tid, holder_tid, reserved;
};

struct ev_activity_key {
	__u64 stack;
	__u32 tgid, tid;
	__u32 lock, sched;
	__u32 is_sampled, reserved;
};

enum ev_hist { EV_HIST_WAIT = 0, EV_HIST_HOLD = 1, EV_HIST_HANDOFF = 2 };

struct ev_hist_key {
	__u32 tid, kind;
};

struct ev_native_key {
	__u32 tgid, ns_tid;
};

/* Counted a processor, in the order of the map. */
enum ev_counter {
	EV_HITS = 0,
	EV_LOST_EVENTS = 1, /* a map or the ring was full, or an interval had no beginning */
	EV_LOST_STACKS = 2, /* cut, unreadable or without a free slot */
	EV_SAMPLES = 3,
	EV_BLAME_ADDED = 4, /* rows of these two maps, ever */
	EV_ACTIVITY_ADDED = 5,
	EV_COUNTERS = 6,
};

/* Through the ring buffer: only the life of processes and threads. */
enum ev_kind { EV_FORK = 1, EV_EXEC = 2, EV_EXIT = 3, EV_THREAD_EXIT = 4 };

struct ev_life {
	__u64 at_ns;
	__u32 kind;
	__u32 tgid, tid; /* FORK: of the child; EXEC: after it */
	__u32 other;  /* FORK: parent's tgid; EXEC: the old tid */
	__s32 exit_code;
	char comm[EV_COMM];
	__u32 reserved;
};

_Static_assert(sizeof(struct ev_stack) == 16 + 16 * EV_STACK_DEPTH, "both sides must agree");
_Static_assert(sizeof(struct ev_interval) == 40, "both sides must agree");
_Static_assert(sizeof(struct ev_thread) == 344 + 2 * 40 * EV_LONGEST, "both sides must agree");
_Static_assert(sizeof(struct ev_life) == 48, "both sides must agree");

#endif
