/* Grows an outline: arrays to append to, and strings that are stored once. */
#ifndef GILSCOPE_ANALYZER_OUTLINE_BUILD_H
#define GILSCOPE_ANALYZER_OUTLINE_BUILD_H

#include <stdbool.h>

#include "analyzer/outline.h"
#include "runtime/base/vec.h"

struct outline_builder {
	vec(struct outline_value) values;
	vec(struct outline_incoming) incoming;
	vec(struct outline_instruction) instructions;
	vec(struct outline_block) blocks;
	vec(struct outline_loop) loops;
	vec(struct outline_function) functions;
	vec(struct outline_global) globals;
	vec(struct outline_initial) initials;
	vec(uint32_t) operands;
	vec(uint32_t) successors;
	vec(int64_t) cases;
	vec(uint32_t) strings;
	vec(char) pool;
	uint32_t *slots; /* open addressing: string id + 1 */
	uint32_t slot_count; /* a power of two */
	bool is_short; /* memory ran out: check once at the end */
};

void outline_builder_fini(struct outline_builder *builder);

/* The id of that text, added when new; 0 after running out of memory (see is_short). */
uint32_t outline_builder_string(struct outline_builder *builder, const char *text, size_t len);

/* Lends the arrays to `ret_outline`, whose `memory` stays NULL: it lives as long as the builder. */
int outline_builder_finish(const struct outline_builder *builder, const char *source, bool is_cxx,
	struct outline *ret_outline);

/* Appends and remembers a failure, so that the walk need not check every step. */
#define outline_push(builder, array, ...)                                                          \
	((void)(vec_push(&(builder)->array, __VA_ARGS__) && ((builder)->is_short = true)))

#endif
