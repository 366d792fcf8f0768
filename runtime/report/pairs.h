/* Inside report: blame by waiter, holder and function, or by function alone. */
#ifndef GILSCOPE_REPORT_PAIRS_H
#define GILSCOPE_REPORT_PAIRS_H

#include "runtime/report/facts.h"

struct pair {
	int pid, waiter_tid, holder_tid;
	const struct stack_place *place; /* its heaviest line; NULL: unknown */
	int64_t wait_ns, waits, max_ns;
	int64_t line_ns; /* of that line */
};

struct pairs {
	vec(struct pair) list; /* the heaviest first */
	int64_t wait_ns; /* of all */
};

enum pairs_by { PAIRS_BY_THREADS, PAIRS_BY_FUNCTION };

/* By function: the tids are 0. */
int pairs_init(
	struct pairs *pairs, const struct run *run, const struct places *places, enum pairs_by by);
void pairs_fini(struct pairs *pairs);

#endif
