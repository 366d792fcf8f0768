/* Inside report: blame by waiter, holder and line. */
#ifndef GILSCOPE_REPORT_PAIRS_H
#define GILSCOPE_REPORT_PAIRS_H

#include "runtime/report/facts.h"

struct pair {
	int pid, waiter_tid, holder_tid;
	const struct stack_place *place; /* NULL: unknown */
	int64_t wait_ns, waits, max_ns;
};

struct pairs {
	vec(struct pair) list; /* the heaviest first */
	int64_t wait_ns; /* of all */
};

int pairs_init(struct pairs *pairs, const struct run *run, const struct places *places);
void pairs_fini(struct pairs *pairs);

#endif
