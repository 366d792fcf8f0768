/* One row of layouts.tsv, and the checks that a row must pass. Tests bring rows of their own. */
#ifndef GILSCOPE_PROBES_LAYOUT_ROW_H
#define GILSCOPE_PROBES_LAYOUT_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "probes/layout.h"

struct layout_row {
	const char *how; /* static */
	int minor; /* 3.minor */
	int machine;
	bool is_free_threaded;
	uint16_t runtime_gil, interp_gil;
	struct layout layout;
};

/* NULL: no such row. static */
const struct layout_row *layout_row_find(int minor, int machine, bool is_free_threaded);
const struct layout_row *layout_row_at(size_t index);

/* Replaces what the process publishes itself (3.13+). -ENOENT: it publishes nothing we know.
 * -EPROTO: what it publishes is implausible. */
int layout_row_publish(const struct target *target, struct layout_row *row);

/* 0: the lock is at *ret_lock_address. -ENOENT not created yet; -EPROTO what is there is no lock;
 * `ret_why` says in a few words what is wrong. */
int layout_row_check(const struct target *target, const struct layout_row *row,
	uint64_t *ret_lock_address, const char **ret_why);

/* Looks for the lock in the memory of _PyRuntime itself, at any place. */
int layout_row_scan(
	const struct target *target, const struct layout_row *row, uint64_t *ret_lock_address);

#endif
