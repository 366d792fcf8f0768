/* What this kernel, these rights and a target allow, found out by trying, for people
 * (gilscope doctor). Nothing here changes anything: what is attached for a try is this very
 * program. */
#ifndef GILSCOPE_PROBES_FEATURE_TABLE_H
#define GILSCOPE_PROBES_FEATURE_TABLE_H

#include <stdbool.h>

/* Append-only. */
enum feature_id {
	FEATURE_KERNEL = 0,
	FEATURE_RIGHTS = 1,   /* CAP_BPF, CAP_PERFMON, or root */
	FEATURE_PTRACE = 2,   /* looking into processes of others */
	FEATURE_LOCKDOWN = 3,
	FEATURE_BTF = 4,
	FEATURE_BPF = 5,   /* a program can be loaded */
	FEATURE_RINGBUF = 6,
	FEATURE_BPF_LOOP = 7,   /* the helper that walks stacks */
	FEATURE_TRACEPOINTS = 8,  /* tp_btf sched_switch */
	FEATURE_UPROBE = 9,   /* by perf_event_open */
	FEATURE_UPROBE_MULTI = 10, /* many by one link; needs half the time of perf's */
	FEATURE_MEMLOCK = 11,
	FEATURE_RECORD = 12,   /* features_find(), as record asks it */
	FEATURE_COUNT
};

enum feature_state {
	FEATURE_OK = 0,
	FEATURE_WARN = 1,    /* recording works, with less */
	FEATURE_MISSING = 2, /* recording does not work */
};

struct feature {
	const char *name; /* static */
	enum feature_state state;
	char cause[256];  /* what was found */
	char remedy[256]; /* what to do about it; "" when ok */
};

struct feature_table {
	struct feature at[FEATURE_COUNT]; /* by id */
};

/* Takes 0.2 to 0.4 s (time gilscope doctor): the kernel waits for quiet moments when a probe goes.
 * Who attaches tries at once, and asks this only to explain a refusal. */
void feature_table_probe(struct feature_table *ret_table);

/* NULL: recording is possible. Else the first that is missing. borrowed */
const struct feature *feature_table_missing(const struct feature_table *table);

#endif
