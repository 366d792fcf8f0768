/* All outlines of a program + models → findings. */
#ifndef GILSCOPE_ANALYZER_SOLVE_H
#define GILSCOPE_ANALYZER_SOLVE_H

#include "analyzer/model.h"
#include "runtime/core/finding.h"

struct err;

struct solve_options {
	const char *const *outlines; /* paths */
	size_t outline_count;
	const char *root; /* absolute folder that file names are shown relative to; "" for none */
	const struct models *models;
	/* Told each file with a function of the program's own, some more than once. NULL: not
	 * wanted; 0 or a negative errno */
	int (*add_file)(void *context, const char *file);
	void *context; /* for it */
	size_t *ret_limits; /* how often a bound cut the analysis short; NULL: not wanted */
};

/* Appends to `findings->list` (initialised by the caller), sorted by file, line, column, rule.
 * Every confidence is reported; who shows them filters. An outline is hostile until checked: one
 * that cannot be used is added to `findings->failures`. */
int solve(const struct solve_options *options, struct findings *findings, struct err *err);

/* The same for a program that is loaded and linked: for tests. */
struct program;
int solve_program(
	struct program *program, const struct solve_options *options, struct findings *findings);

#endif
