/* Findings: what the analyzer reports, and what a report joins with a run.
 *
 * In and out: the JSON of `gilscope-lint --format json` (schema "gilscope-findings/1").
 * A `struct findings` owns everything it points to; strings are never NULL unless said so. */
#ifndef GILSCOPE_CORE_FINDING_H
#define GILSCOPE_CORE_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/vec.h"

struct err;

/* Append-only: these are stored. */
enum confidence { CONFIDENCE_LOW = 0, CONFIDENCE_MEDIUM = 1, CONFIDENCE_HIGH = 2 };
enum severity { SEVERITY_NOTE = 0, SEVERITY_WARNING = 1, SEVERITY_ERROR = 2 };
enum fix_verdict {
	FIX_UNKNOWN = 0,
	FIX_SAFE = 1, /* the region may simply be released */
	FIX_OBJECT_LOCK = 2, /* needs a lock on the object whose state the region uses */
	FIX_COPY = 3, /* needs a copy of what the region reads */
	FIX_ON_PURPOSE = 4, /* the lock is what makes the call safe */
};

const char *confidence_name(enum confidence confidence); /* "high" … static */
const char *severity_name(enum severity severity);
const char *fix_verdict_name(enum fix_verdict verdict);
int confidence_parse(const char *name, enum confidence *ret); /* 0 or -EINVAL */

/* One step of the way from the entry to the operation, outermost first. */
struct finding_step {
	const char *file;
	int line; /* 0: unknown */
	const char *function;
	const char *message;
	int weaker; /* a further place: how much less certain than the finding. not stored */
};

/* Replace the text from line:column to end (1-based, end exclusive) by `text`. */
struct finding_edit {
	const char *file;
	int line, column, end_line, end_column;
	const char *text;
};

/* Measured in a run. -1: that run cannot know. */
struct finding_cost {
	int64_t hold_ns;
	int64_t wait_ns;
	int64_t calls;
};

struct finding {
	const char *rule; /* a name of rules.def (rule.h) */
	enum confidence confidence;
	enum severity severity;
	const char *message;
	const char *file; /* relative to the root where possible */
	int line; /* from 1 */
	int column; /* from 1; 0: unknown */
	const char *function; /* holds the operation; demangled */
	const char *symbol; /* the same as the linker names it; "" when unknown */
	const char *operation; /* what blocks or is wrong: a callee's name, "loop" … */
	const char *entry; /* where the interpreter or a thread comes in; NULL: none known */
	vec(struct finding_step) path;
	vec(struct finding_step) siblings; /* places that do release around the operation */
	enum fix_verdict fix;
	const char *fix_note; /* one sentence; "" when there is nothing to say */
	vec(struct finding_edit) edits;
	const char *fingerprint; /* stable under line shifts, at least 8 characters */
	const char *suppressed; /* the reason given in the source; NULL: not suppressed */
	bool has_cost;
	struct finding_cost cost;
};

struct unit_failure {
	const char *file;
	const char *why;
};

/* How the list compares with a baseline; the known ones are not in it. */
struct findings_baseline {
	bool is_used;
	size_t known, gone;
};

struct findings {
	struct arena *arena; /* owned; all strings live here */
	vec(struct finding) list;
	size_t units_total, units_extracted, units_cached;
	vec(struct unit_failure) failures;
	double seconds;
	struct findings_baseline baseline; /* of this run only: not stored */
};

int findings_init(struct findings *findings);
void findings_fini(struct findings *findings); /* half-built is fine */

void finding_fini(struct finding *finding); /* what it owns beside the arena */

/* What text, SARIF and the exit code are about: not suppressed, and at least this confident. */
bool finding_is_shown(const struct finding *finding, enum confidence least);
size_t findings_count_shown(const struct findings *findings, enum confidence least);

/* The JSON text of all of them. owned by the caller */
int findings_format_json(const struct findings *findings, char **ret_json, size_t *ret_len);

/* Reads hostile input: everything is checked; `err` says what and where. `file` is for `err`. */
int findings_load(const char *path, struct findings *ret_findings, struct err *err);
int findings_parse(const char *file, const char *text, size_t len, struct findings *ret_findings,
	struct err *err);

#endif
