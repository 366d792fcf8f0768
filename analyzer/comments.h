/* The comments of a C or C++ source. */
#ifndef GILSCOPE_ANALYZER_COMMENTS_H
#define GILSCOPE_ANALYZER_COMMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/vec.h"

struct comment {
	const char *text; /* between the comment's marks, in the source. borrowed */
	size_t len;
	int line, end_line; /* from 1 */
	bool is_trailing; /* code stands before it on its first line */
	int code_line; /* of the code that comes next; 0: none */
};

struct comments {
	vec(struct comment) list;
};

/* Appends the comments that hold `word`, in order. 0 or -ENOMEM. */
int comments_find(const char *text, size_t len, const char *word, struct comments *comments);

#endif
