/* Findings in the making: one for a rule, a function and an operation, however often it is seen. */
#ifndef GILSCOPE_ANALYZER_DRAFT_H
#define GILSCOPE_ANALYZER_DRAFT_H

#include "analyzer/reach.h"

#define DRAFT_PLACES_MAX 6 /* further places that a finding names */

/* The message of the steps that are such places. */
#define DRAFT_FURTHER_PLACE "also here"

struct spot {
	uint32_t fn, site; /* an instruction */
};

struct draft {
	enum rule_id rule;
	uint32_t fn;
	const char *operation; /* with rule and fn: what makes it the same. borrowed */
	bool is_dropped; /* another one says it better */
	int confidence; /* enum confidence while rules add and take: may be out of range */
	uint32_t context;
	uint32_t site; /* OUTLINE_NONE: only a line is known */
	uint32_t line;
	uint32_t released_site; /* of this function; LOCK_NO_SITE: none */
	const char *change; /* what happened at released_site; NULL: the lock was released */
	const char *message;
	const char *last; /* what the last step of the path says; NULL: no such step */
	enum fix_verdict fix;
	const char *fix_note;
	const struct model *model; /* for the rule's own use; may be NULL */
	uint32_t more_count, more_total; /* further places in the function */
	uint32_t more[DRAFT_PLACES_MAX]; /* instructions */
	int more_weaker[DRAFT_PLACES_MAX]; /* by how much each is less certain than `site` */
	uint32_t sibling_count;
	struct spot siblings[DRAFT_PLACES_MAX];
};

/* Adds `draft`, or to the one that is there: the more certain one stays in front. Strings must live
 * as long as `reach->arena`. */
int draft_add(struct reach *reach, const struct draft *seen);

/* Every draft in the order of first sight. */
struct draft *draft_each(struct reach *reach, size_t i); /* NULL: no more */
void drafts_free(struct reach *reach);

/* Drafts → findings, sorted. */
int drafts_finish(
	struct reach *reach, const struct solve_options *options, struct findings *findings);

/* "PyFoo_Bar" for people: the source's name of a function. */
const char *fn_name(const struct reach *reach, uint32_t fn);

#endif
