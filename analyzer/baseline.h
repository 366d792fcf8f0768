/* The baseline: findings that were there when a project began to use the tool, as a file
 * ("gilscope-baseline/1") that lives with the sources. Entries are known by fingerprint, so that
 * they survive edits elsewhere; the other fields are for people. */
#ifndef GILSCOPE_ANALYZER_BASELINE_H
#define GILSCOPE_ANALYZER_BASELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/core/finding.h"

struct err;
struct baseline_entry;

struct baseline {
	struct arena *arena; /* owned; entries and texts */
	struct baseline_entry *entries; /* by fingerprint */
};

/* Which findings a run is about. */
struct baseline_scope {
	enum confidence least;
	const bool *is_selected; /* by enum rule_id; NULL: all */
	/* Whether this run looked at `file`: what it did not see is not gone. NULL: at all. */
	bool (*is_covered)(const void *context, const char *file);
	const void *context;
};

/* Reads hostile input. `err` says what is wrong and where. */
int baseline_load(const char *path, struct baseline *ret_baseline, struct err *err);
int baseline_parse(const char *path, const char *text, size_t len, struct baseline *ret_baseline,
	struct err *err);
void baseline_fini(struct baseline *baseline);

/* Takes the known ones out of the list and counts in `findings->baseline`. One that has more
 * places in its function than the baseline knows is new. */
void baseline_apply(const struct baseline *baseline, const struct baseline_scope *scope,
	struct findings *findings);

/* The text of a new baseline: what `scope` shows, sorted. owned by the caller */
int baseline_format(const struct findings *findings, const struct baseline_scope *scope,
	char **ret_text, size_t *ret_count);

#endif
