/* What this kernel and this user can do; found out, never guessed from a version. */
#ifndef GILSCOPE_PROBES_FEATURES_H
#define GILSCOPE_PROBES_FEATURES_H

#include <stdbool.h>

struct err;

struct features {
	bool has_switch_state; /* sched_switch passes the state of `prev` (5.18) */
	int uprobe_type;       /* of the perf PMU; -1: none */
};

/* 0; -EPERM a right is missing; -EOPNOTSUPP the kernel lacks something. The sentence says which and
 * what to do. */
int features_find(struct features *ret_features, struct err *err);

#endif
