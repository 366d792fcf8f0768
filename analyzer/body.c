/* Outline function → what the explorer needs beside it. */
#include "analyzer/body.h"

#include <string.h>

uint32_t type_hash(const char *type)
{
	size_t len = strlen(type), end = len;
	uint32_t hash = 2166136261u;

	while (end > 0 && type[end - 1] >= '0' && type[end - 1] <= '9')
		end--;
	if (end > 0 && end < len && type[end - 1] == '.')
		len = end - 1;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)type[i]) * 16777619u;
	return len ? hash | 1 : 0;
}

struct place body_place(const struct body *body, uint32_t address)
{
	const struct outline_value *value = body_value(body, address);
	struct place place = {.is_known = true};

	for (int depth = 0; value->kind == VALUE_FIELD; depth++) {
		if (!depth)
			place.type = type_hash(outline_string(body->outline, value->b));
		place.offset = (int64_t)((uint64_t)place.offset + (uint64_t)value->number);
		address = value->a;
		value = body_value(body, address);
	}
	/* A plain global's type is its own name, so that not every store through a pointer is to
	 * it. */
	if (!place.type && value->kind == VALUE_GLOBAL)
		place.type = type_hash(outline_string(body->outline, value->a));
	place.base = body_canon(body, address);
	place.is_known = value->kind != VALUE_ELEMENT && value->kind != VALUE_OPAQUE;
	return place;
}

static bool is_constant(const struct outline_value *value)
{
	return value->kind == VALUE_INT || value->kind == VALUE_NULL ||
	       value->kind == VALUE_FUNCTION || value->kind == VALUE_GLOBAL ||
	       value->kind == VALUE_STRING || value->kind == VALUE_ARG ||
	       value->kind == VALUE_LOCAL;
}

static uint32_t constant_slot(const struct outline_value *value, uint32_t mask)
{
	uint64_t hash = (uint64_t)value->number * 0x9e3779b97f4a7c15ULL +
			((uint64_t)value->a << 5) + value->kind;

	hash ^= hash >> 29;
	return (uint32_t)(hash * 0xbf58476d1ce4e5b9ULL >> 32) & mask;
}

static bool is_same_constant(const struct outline_value *a, const struct outline_value *b)
{
	if (a->kind != b->kind || a->number != b->number)
		return false;
	return a->kind == VALUE_INT || a->kind == VALUE_NULL || a->kind == VALUE_ARG ||
	       a->kind == VALUE_LOCAL || a->a == b->a;
}

static struct outline_value constant_key(const struct outline_value *value)
{
	struct outline_value key = {.kind = value->kind, .number = value->number};

	if (value->kind == VALUE_FUNCTION || value->kind == VALUE_GLOBAL ||
		value->kind == VALUE_STRING)
		key.a = value->a;
	if (value->kind == VALUE_NULL)
		key.number = 0;
	return key;
}

static int canon_build(struct body *body, struct arena *arena)
{
	uint32_t count = body->def->value_count, first = body->def->value_first, size = 16;
	uint32_t *table;

	while (size < count * 2 && size < (1u << 30))
		size *= 2;
	body->canon = arena_alloc(arena, (size_t)count * sizeof(uint32_t) + 1);
	table = calloc(size, sizeof(*table));
	if (!body->canon || !table) {
		free(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct outline_value *value = body_value(body, first + i);
		struct outline_value key;
		uint32_t slot;

		body->canon[i] = first + i;
		if (!is_constant(value))
			continue;
		key = constant_key(value);
		slot = constant_slot(&key, size - 1);
		while (table[slot] &&
			!is_same_constant(body_value(body, first + table[slot] - 1), value))
			slot = (slot + 1) & (size - 1);
		if (table[slot])
			body->canon[i] = first + table[slot] - 1;
		else
			table[slot] = i + 1;
	}
	free(table);
	return 0;
}

static void use(struct body *body, uint32_t value)
{
	uint16_t *uses;

	if (value == OUTLINE_NONE)
		return;
	uses = &body->uses[body_canon(body, value) - body->def->value_first];
	if (*uses < UINT16_MAX)
		(*uses)++;
}

/* What goes into a phi is looked at again under another name. */
static void use_twice(struct body *body, uint32_t value)
{
	use(body, value);
	use(body, value);
}

static void uses_of_value(struct body *body, const struct outline_value *value)
{
	switch (value->kind) {
	case VALUE_COMPARE:
	case VALUE_BINARY:
		use(body, value->a);
		use(body, value->b);
		break;
	case VALUE_PHI:
		for (uint32_t i = 0; i < value->b; i++)
			use_twice(body, body->outline->incoming[value->a + i].value);
		break;
	case VALUE_SELECT:
		use_twice(body, value->a);
		use_twice(body, value->b);
		use(body, (uint32_t)value->number);
		break;
	default:
		break;
	}
}

/* Is the result asked for later without being named again (special.def, READY)? */
static bool is_remembered(const struct body *body, const struct outline_instruction *call)
{
	const struct outline_value *callee = body_value(body, call->a);
	uint32_t fn;

	if (callee->kind != VALUE_FUNCTION || call->result == OUTLINE_NONE)
		return false;
	fn = program_function(body->program, body->unit, callee->a);
	return fn != FN_NONE && program_fn(body->program, fn)->role == ROLE_READY;
}

static void uses_of_instruction(struct body *body, const struct outline_instruction *instruction)
{
	struct place place;
	uint8_t *count;

	switch (instruction->kind) {
	case INSTRUCTION_CALL:
		use(body, instruction->a);
		if (is_remembered(body, instruction))
			use_twice(body, instruction->result);
		for (uint32_t i = 0; i < instruction->operand_count; i++)
			use(body, body->outline->operands[instruction->operand_first + i]);
		break;
	case INSTRUCTION_STORE:
		use_twice(body, instruction->b);
		break;
	case INSTRUCTION_LOAD:
		place = body_place(body, body_value(body, instruction->a)->a);
		count = &body->load_counts[place_hash(place.type, place.offset) & 255];
		*count += *count < UINT8_MAX;
		break;
	default:
		break;
	}
}

static int uses_count(struct body *body, struct arena *arena)
{
	const struct outline *outline = body->outline;

	body->uses = arena_alloc(arena, (size_t)body->def->value_count * sizeof(uint16_t) + 1);
	if (!body->uses)
		return -ENOMEM;
	for (uint32_t i = 0; i < body->def->value_count; i++)
		uses_of_value(body, body_value(body, body->def->value_first + i));
	for (uint32_t b = 0; b < body->def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[body->def->block_first + b];

		use(body, block->condition);
		for (uint32_t i = 0; i < block->instruction_count; i++)
			uses_of_instruction(
				body, &outline->instructions[block->instruction_first + i]);
	}
	return 0;
}

static uint32_t successor(const struct body *body, uint32_t block, uint32_t i)
{
	const struct outline_block *at = &body->outline->blocks[body->def->block_first + block];

	return body->outline->successors[at->successor_first + i] - body->def->block_first;
}

static uint32_t successor_count(const struct body *body, uint32_t block)
{
	return body->outline->blocks[body->def->block_first + block].successor_count;
}

/* Depth first without recursion: `next` holds how many successors of a block are done. */
static void postorder(struct body *body, uint32_t *stack, uint32_t *next)
{
	uint32_t depth = 0, left = body->def->block_count;

	stack[depth++] = 0;
	body->rank[0] = 0;
	while (depth) {
		uint32_t block = stack[depth - 1];

		if (next[block] < successor_count(body, block)) {
			uint32_t to = successor(body, block, next[block]++);

			if (body->rank[to] == OUTLINE_NONE) {
				body->rank[to] = 0;
				stack[depth++] = to;
			}
			continue;
		}
		body->order[--left] = block;
		depth--;
	}
	body->order_count = body->def->block_count - left;
	memmove(body->order, body->order + left, body->order_count * sizeof(*body->order));
	for (uint32_t i = 0; i < body->order_count; i++)
		body->rank[body->order[i]] = i;
}

static int order_build(struct body *body, struct arena *arena)
{
	uint32_t count = body->def->block_count;
	size_t bytes = (size_t)count * sizeof(uint32_t);
	uint32_t *work = calloc((size_t)count * 2 + 1, sizeof(uint32_t));

	body->order = arena_alloc(arena, bytes + 1);
	body->rank = arena_alloc(arena, bytes + 1);
	body->pred_count = arena_alloc(arena, bytes + 1);
	if (!work || !body->order || !body->rank || !body->pred_count) {
		free(work);
		return -ENOMEM;
	}
	memset(body->rank, 0xff, bytes);
	postorder(body, work, work + count);
	free(work);
	for (uint32_t b = 0; b < count; b++)
		for (uint32_t i = 0; i < successor_count(body, b); i++)
			body->pred_count[successor(body, b, i)]++;
	return 0;
}

static bool goes_to(const struct body *body, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < successor_count(body, from); i++)
		if (successor(body, from, i) == to)
			return true;
	return false;
}

/* The outline does not say where a phi stands: it is the block that all its incoming blocks go to
 * and nothing else goes to. */
static uint32_t phi_block(const struct body *body, const struct outline_value *phi)
{
	const struct outline_incoming *incoming = &body->outline->incoming[phi->a];
	uint32_t first;

	if (!phi->b)
		return OUTLINE_NONE;
	first = incoming[0].block - body->def->block_first;
	for (uint32_t s = 0; s < successor_count(body, first); s++) {
		uint32_t to = successor(body, first, s), i = 0;

		if (body->pred_count[to] != phi->b)
			continue;
		while (i < phi->b && goes_to(body, incoming[i].block - body->def->block_first, to))
			i++;
		if (i == phi->b)
			return to;
	}
	return OUTLINE_NONE;
}

static int phis_place(struct body *body, struct arena *arena)
{
	uint32_t count = body->def->value_count, blocks = body->def->block_count, total = 0;
	uint32_t *block_of = malloc((size_t)count * sizeof(uint32_t) + 1);

	body->phi_first = arena_alloc(arena, ((size_t)blocks + 2) * sizeof(uint32_t));
	body->phis = arena_alloc(arena, (size_t)count * sizeof(uint32_t) + 1);
	if (!block_of || !body->phi_first || !body->phis) {
		free(block_of);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct outline_value *value = body_value(body, body->def->value_first + i);

		block_of[i] = value->kind == VALUE_PHI ? phi_block(body, value) : OUTLINE_NONE;
		if (block_of[i] != OUTLINE_NONE)
			body->phi_first[block_of[i] + 1]++;
	}
	for (uint32_t b = 0; b < blocks; b++)
		body->phi_first[b + 1] += body->phi_first[b];
	for (uint32_t i = count; i-- > 0;)
		if (block_of[i] != OUTLINE_NONE) {
			uint32_t end = block_of[i] + 1;

			body->phis[--body->phi_first[end]] = body->def->value_first + i;
			total++;
		}
	/* Filling moved every end back to its beginning. */
	memmove(body->phi_first, body->phi_first + 1, blocks * sizeof(uint32_t));
	body->phi_first[blocks] = total;
	free(block_of);
	return 0;
}

int body_prepare(struct body *body, struct program *program, uint32_t fn, struct arena *arena)
{
	*body = (struct body){
		.program = program,
		.fn = fn,
		.unit = program_fn(program, fn)->unit,
		.outline = program_fn(program, fn)->outline,
		.def = program_fn(program, fn)->def,
	};
	if (canon_build(body, arena) || uses_count(body, arena) || order_build(body, arena))
		return -ENOMEM;
	return phis_place(body, arena);
}
