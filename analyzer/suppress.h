/* Suppression comments: which findings the source itself answers, and with what reason.
 *
 *     recv(fd, p, n, 0); // gilscope: allow(blocking-call) the peer is this process
 *
 * README.md of this folder has the grammar. */
#ifndef GILSCOPE_ANALYZER_SUPPRESS_H
#define GILSCOPE_ANALYZER_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/core/finding.h"
#include "runtime/core/rule.h"

/* One rule of one comment. */
struct suppression {
	const struct rule *rule; /* NULL: every rule */
	int line; /* of the comment's words */
	int first_line, last_line; /* what it covers; last 0: nothing, a begin without its end */
	const char *reason;
	bool is_open; /* a begin that still looks for its end */
	bool is_used;
};

/* What a person should know about a comment: it is malformed, or answers nothing. */
struct suppress_note {
	const char *file;
	int line;
	const char *text;
};

struct suppress_file;

struct suppressions {
	struct arena *arena; /* owned; all texts */
	const char *root; /* absolute folder that names are relative to; "": none. borrowed */
	struct suppress_file *files; /* by name */
	vec(struct suppress_note) notes;
};

int suppressions_init(struct suppressions *suppressions, const char *root);
void suppressions_fini(struct suppressions *suppressions);

/* The comments of `file`, read once and only where it is a regular file of a sane size; one that
 * cannot be read has none. */
int suppressions_add_file(struct suppressions *suppressions, const char *file);
int suppressions_add_text(
	struct suppressions *suppressions, const char *file, const char *text, size_t len);

/* Sets `suppressed` where every place of a finding is answered, and moves a finding to its first
 * place that is not. Reads the files of the findings. */
int suppressions_apply(struct suppressions *suppressions, struct findings *findings);

/* Adds a note for each one that answered nothing, and sorts the notes. Of a whole program the note
 * says what to do; in a part of one the calls may be missing that make the finding. */
int suppressions_finish(struct suppressions *suppressions, bool is_whole);

/* The i-th of a file, for tests; NULL: no more. */
const struct suppression *suppressions_at(
	const struct suppressions *suppressions, const char *file, size_t i);

#endif
