/* Walk → outline in memory: appends records and interns strings (open addressing, FNV-1a). */
#include "analyzer/outline_build.h"

#include <string.h>

#define FIRST_SLOTS 1024u

void outline_builder_fini(struct outline_builder *builder)
{
	vec_fini(&builder->values);
	vec_fini(&builder->incoming);
	vec_fini(&builder->instructions);
	vec_fini(&builder->blocks);
	vec_fini(&builder->loops);
	vec_fini(&builder->functions);
	vec_fini(&builder->globals);
	vec_fini(&builder->initials);
	vec_fini(&builder->operands);
	vec_fini(&builder->successors);
	vec_fini(&builder->cases);
	vec_fini(&builder->strings);
	vec_fini(&builder->pool);
	free(builder->slots);
	*builder = (struct outline_builder){0};
}

static uint32_t hash_text(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return hash;
}

static const char *text_of(const struct outline_builder *builder, uint32_t id)
{
	return builder->pool.at + builder->strings.at[id];
}

static int rehash(struct outline_builder *builder)
{
	uint32_t count = builder->slot_count ? builder->slot_count * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t id = 0; id < builder->strings.len; id++) {
		const char *text = text_of(builder, id);
		uint32_t at = hash_text(text, strlen(text)) & (count - 1);

		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = id + 1;
	}
	free(builder->slots);
	builder->slots = slots;
	builder->slot_count = count;
	return 0;
}

static int append(struct outline_builder *builder, const char *text, size_t len)
{
	size_t start = builder->pool.len;

	if (vec_reserve(&builder->pool, start + len + 1) ||
		vec_push(&builder->strings, (uint32_t)start))
		return -ENOMEM;
	memcpy(builder->pool.at + start, text, len);
	builder->pool.at[start + len] = '\0';
	builder->pool.len += len + 1;
	return 0;
}

uint32_t outline_builder_string(struct outline_builder *builder, const char *text, size_t len)
{
	const char *end = memchr(text, '\0', len);
	uint32_t at, id;

	if (end)
		len = (size_t)(end - text);
	if (builder->strings.len * 2 >= builder->slot_count && rehash(builder)) {
		builder->is_short = true;
		return 0;
	}
	at = hash_text(text, len) & (builder->slot_count - 1);
	for (; builder->slots[at]; at = (at + 1) & (builder->slot_count - 1)) {
		const char *other = text_of(builder, builder->slots[at] - 1);

		if (!strncmp(other, text, len) && !other[len])
			return builder->slots[at] - 1;
	}
	id = (uint32_t)builder->strings.len;
	if (append(builder, text, len)) {
		builder->is_short = true;
		return 0;
	}
	builder->slots[at] = id + 1;
	return id;
}

int outline_builder_finish(const struct outline_builder *builder, const char *source, bool is_cxx,
	struct outline *ret_outline)
{
	struct outline outline = {
		.source = source,
		.is_cxx = is_cxx,
		.values = builder->values.at,
		.incoming = builder->incoming.at,
		.instructions = builder->instructions.at,
		.blocks = builder->blocks.at,
		.loops = builder->loops.at,
		.functions = builder->functions.at,
		.globals = builder->globals.at,
		.initials = builder->initials.at,
		.operands = builder->operands.at,
		.successors = builder->successors.at,
		.cases = builder->cases.at,
		.strings = builder->strings.at,
		.pool = builder->pool.at,
		.value_count = (uint32_t)builder->values.len,
		.incoming_count = (uint32_t)builder->incoming.len,
		.instruction_count = (uint32_t)builder->instructions.len,
		.block_count = (uint32_t)builder->blocks.len,
		.loop_count = (uint32_t)builder->loops.len,
		.function_count = (uint32_t)builder->functions.len,
		.global_count = (uint32_t)builder->globals.len,
		.initial_count = (uint32_t)builder->initials.len,
		.operand_count = (uint32_t)builder->operands.len,
		.successor_count = (uint32_t)builder->successors.len,
		.case_count = (uint32_t)builder->cases.len,
		.string_count = (uint32_t)builder->strings.len,
		.pool_bytes = (uint32_t)builder->pool.len,
	};

	if (builder->is_short)
		return -ENOMEM;
	*ret_outline = outline;
	return 0;
}
