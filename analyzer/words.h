/* Command lines: one string → words, and @files → the words in them. */
#ifndef GILSCOPE_ANALYZER_WORDS_H
#define GILSCOPE_ANALYZER_WORDS_H

#include <stddef.h>

#include "runtime/base/arena.h"
#include "runtime/base/vec.h"

struct err;

#define WORDS_MAX 65536 /* of one command */
#define WORDS_MAX_FILE_BYTES ((size_t)4 << 20) /* of one @file */
#define WORDS_MAX_NESTING 8 /* of @files */

struct words {
	vec(const char *) list; /* strings live in the arena of the caller */
};

void words_fini(struct words *words);

/* Quotes and backslashes as a POSIX shell reads them; nothing is expanded. */
int words_split(struct arena *arena, const char *text, struct words *words, struct err *err);

/* Replaces every @file by its words, relative to `directory`; @files may name others. A file that
 * names itself ends in an error, not in a loop. */
int words_expand(struct arena *arena, const char *directory, struct words *words, struct err *err);

#endif
