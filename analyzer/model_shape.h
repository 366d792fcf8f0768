/* What a YAML text looks like before anything is made of it. */
#ifndef GILSCOPE_ANALYZER_MODEL_SHAPE_H
#define GILSCOPE_ANALYZER_MODEL_SHAPE_H

#include <stddef.h>

struct err;

/* Refuses text that is not one YAML document, nests deeper than model files do, or uses anchors.
 * `ret_lines` gets the line of every entry of the top-level sequence `functions`. owned */
int model_shape(
	const char *path, const char *text, size_t len, unsigned **ret_lines, struct err *err);

/* The line, not before `from`, on which `key` is written as a key; `from` when there is none. */
unsigned model_shape_key_line(const char *text, const char *key, unsigned from);

#endif
