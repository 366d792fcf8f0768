/* Inside core: reading hostile JSON. Every getter returns something usable; the first mismatch
 * sticks in `in->rc`, and `in->err` says what and where: "f.json: findings[3].line: expected …". */
#ifndef GILSCOPE_CORE_JSON_IN_H
#define GILSCOPE_CORE_JSON_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"

struct err;

#define JSON_IN_DEPTH 8

struct json_in {
	const char *file; /* borrowed, as are the next two; for the sentence */
	struct arena *arena; /* texts are copied there */
	struct err *err;
	int rc;
	/* Where we are: keys, and for an array's element its index. */
	struct {
		const char *key; /* static */
		size_t index;
		bool is_element;
	} at[JSON_IN_DEPTH];
	int depth;
};

/* The value of a key. Optional: NULL when missing or null. Required: complains. borrowed */
const json_t *json_in_find(struct json_in *in, const json_t *object, const char *key);
const json_t *json_in_need(struct json_in *in, const json_t *object, const char *key);

void json_in_refuse(struct json_in *in, const char *key, const char *expected);

const char *json_in_text(struct json_in *in, const json_t *object, const char *key);
const char *json_in_text_or(
	struct json_in *in, const json_t *object, const char *key, const char *otherwise);
int64_t json_in_integer(
	struct json_in *in, const json_t *object, const char *key, int64_t least, int64_t most);

/* Index of the word in `names`, as the key wants one of them. */
int json_in_word(struct json_in *in, const json_t *object, const char *key,
	const char *const *names, size_t count);

/* The array at `key` (empty when missing and not needed). Elements must be objects. */
const json_t *json_in_array(
	struct json_in *in, const json_t *object, const char *key, bool is_needed);
void json_in_enter(struct json_in *in, const char *key);
void json_in_enter_element(struct json_in *in, const char *key, size_t index);
void json_in_leave(struct json_in *in);

#endif
