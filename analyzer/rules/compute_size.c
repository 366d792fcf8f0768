/* A size or a loop's bound → what it grows with: followed through arithmetic, through the calls of
 * the way here, and to where Python's input comes in. */
#include <string.h>

#include "analyzer/rules/compute.h"

#define DEPTH_MAX 10
#define CONSTANT_LARGE (1 << 20)
#define PY_BUFFER_LEN 16 /* offsets in Py_buffer: object.h, 64-bit */
#define PY_BUFFER_SHAPE 48

/* One function on the way; `sighting` only for the innermost, whose facts are at hand. */
struct frame {
	struct reach *reach;
	uint32_t context;
	const struct sighting *sighting;
};

static struct size size_at(const struct frame *frame, uint32_t value, int depth);

static const struct size size_small = {SIZE_SMALL, "a constant"};
static const struct size size_unknown = {SIZE_UNKNOWN, "a size"};
static const struct size size_field = {SIZE_FIELD, "a field of an object"};
static const struct size size_buffer = {SIZE_INPUT, "the length of a buffer"};
static const struct size size_number = {SIZE_NUMBER, "a number that Python code passes"};

static const struct fn *frame_fn(const struct frame *frame)
{
	return program_fn(frame->reach->program, reach_context(frame->reach, frame->context)->fn);
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static struct size larger(struct size a, struct size b)
{
	return b.kind > a.kind ? b : a;
}

/* The caller's value for argument `number` of this function. */
static struct size size_of_argument(const struct frame *frame, int64_t number, int depth)
{
	const struct context *context = reach_context(frame->reach, frame->context);
	struct frame up = {frame->reach, context->parent, NULL};
	const struct outline_instruction *call;
	const struct outline_value *callee;
	const struct fn *caller;

	if (context->parent == CONTEXT_NONE)
		return size_unknown;
	caller = frame_fn(&up);
	call = &caller->outline->instructions[context->site];
	callee = &caller->outline->values[call->a];
	/* Handed over and called from within: the arguments are not the call's. */
	if (callee->kind == VALUE_FUNCTION &&
		program_function(frame->reach->program, caller->unit, callee->a) != context->fn)
		return size_unknown;
	if (number < 0 || number >= (int64_t)call->operand_count)
		return size_unknown;
	return size_at(&up, caller->outline->operands[call->operand_first + number], depth + 1);
}

static struct size size_of_result(const struct frame *frame, uint32_t instruction)
{
	static const struct {
		const char *prefix;
		struct size size;
	} rows[] = {
		{"PyBytes_Size", {SIZE_INPUT, "the length of bytes"}},
		{"PyBytes_GET_SIZE", {SIZE_INPUT, "the length of bytes"}},
		{"PyByteArray_Size", {SIZE_INPUT, "the length of a bytearray"}},
		{"PyByteArray_GET_SIZE", {SIZE_INPUT, "the length of a bytearray"}},
		{"PyLong_As", {SIZE_NUMBER, "a number that Python code passes"}},
		{"PyNumber_As", {SIZE_NUMBER, "a number that Python code passes"}},
		{"PyArray_", {SIZE_INPUT, "the size of an array"}},
		{"PyUnicode_", {SIZE_FIELD, "the length of a text"}},
		{"strlen", {SIZE_FIELD, "the length of a text"}},
		{"Py", {SIZE_COUNT, "a count of Python objects"}},
	};
	const struct outline *outline = frame_fn(frame)->outline;
	const struct outline_value *callee = &outline->values[outline->instructions[instruction].a];

	for (size_t i = 0; callee->kind == VALUE_FUNCTION && i < sizeof(rows) / sizeof(rows[0]);
		i++)
		if (has_prefix(outline_string(outline, callee->a), rows[i].prefix))
			return rows[i].size;
	return size_unknown;
}

/* What a call may write to a variable whose address it gets. */
static struct size size_of_filled(const struct frame *frame, const struct outline_instruction *call)
{
	static const char *const lengths[] = {"PyBytes_AsStringAndSize", "PyUnicode_AsUTF8AndSize",
		"PyObject_AsCharBuffer", "PyObject_AsReadBuffer", "PyObject_AsWriteBuffer"};
	const struct outline *outline = frame_fn(frame)->outline;
	const char *name = outline_string(outline, outline->values[call->a].a);

	if (!models_is_api(frame->reach->program->models, name))
		return size_field;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (!strcmp(name, lengths[i]))
			return size_buffer;
	for (uint32_t i = 0; i < call->operand_count; i++) {
		const struct outline_value *value =
			&outline->values[outline->operands[call->operand_first + i]];

		if (value->kind == VALUE_STRING && strchr(outline_string(outline, value->a), '#'))
			return size_buffer;
	}
	return size_number;
}

static bool is_passed(const struct outline *outline, const struct outline_instruction *call,
	const struct outline_value *local)
{
	for (uint32_t i = 0; i < call->operand_count; i++) {
		const struct outline_value *value =
			&outline->values[outline->operands[call->operand_first + i]];

		if (value->kind == VALUE_LOCAL && value->number == local->number)
			return true;
	}
	return false;
}

/* A variable whose address somebody got: who fills it? */
static struct size size_of_local(const struct frame *frame, const struct outline_value *local)
{
	const struct fn *fn = frame_fn(frame);
	const struct outline *outline = fn->outline;
	struct size size = size_unknown;

	for (uint32_t b = 0; b < fn->def->block_count; b++) {
		const struct outline_block *block = &outline->blocks[fn->def->block_first + b];

		for (uint32_t i = 0; i < block->instruction_count; i++) {
			const struct outline_instruction *call =
				&outline->instructions[block->instruction_first + i];

			if (call->kind == INSTRUCTION_CALL &&
				outline->values[call->a].kind == VALUE_FUNCTION &&
				is_passed(outline, call, local))
				size = larger(size, size_of_filled(frame, call));
		}
	}
	return size;
}

static bool is_py_buffer(const char *type)
{
	return strstr(type, "Py_buffer") || strstr(type, "bufferinfo");
}

static struct size size_of_field(const struct outline *outline, const struct outline_value *field)
{
	const char *type = outline_string(outline, field->b);

	if (is_py_buffer(type))
		return field->number == PY_BUFFER_LEN || field->number == PY_BUFFER_SHAPE
			       ? size_buffer
			       : size_small;
	if (strstr(type, "PyVarObject") || strstr(type, "PyTupleObject") ||
		strstr(type, "PyListObject"))
		return (struct size){SIZE_COUNT, "a count of Python objects"};
	return size_field;
}

static struct size size_of_load(const struct frame *frame, uint32_t address, int depth)
{
	const struct outline *outline = frame_fn(frame)->outline;
	const struct outline_value *at = &outline->values[address];

	if (depth > DEPTH_MAX)
		return size_unknown;
	switch (at->kind) {
	case VALUE_LOCAL:
		return size_of_local(frame, at);
	case VALUE_FIELD:
		return size_of_field(outline, at);
	case VALUE_ELEMENT: /* of an array: of what is its address? */
		return size_of_load(frame, at->a, depth + 1);
	case VALUE_RESULT:
		return size_of_result(frame, at->a);
	case VALUE_LOAD:
		return size_of_load(frame, at->a, depth + 1);
	case VALUE_GLOBAL:
		return (struct size){SIZE_COUNT, "a global"};
	default:
		return size_unknown;
	}
}

static bool is_constant(const struct outline_value *value, int64_t least, int64_t most)
{
	return value->kind == VALUE_INT && value->number >= least && value->number < most;
}

static struct size size_of_binary(
	const struct frame *frame, const struct outline_value *value, int depth)
{
	const struct outline *outline = frame_fn(frame)->outline;
	const struct outline_value *a = &outline->values[value->a], *b = &outline->values[value->b];

	switch (value->op) {
	case BINARY_AND:
		if (is_constant(a, 0, SIZE_FEW) || is_constant(b, 0, SIZE_FEW))
			return size_small;
		break;
	case BINARY_REM:
		if (is_constant(b, 0, SIZE_FEW))
			return size_small;
		break;
	case BINARY_SHR:
	case BINARY_DIV:
		return size_at(frame, value->a, depth + 1);
	case BINARY_FLOAT:
		return size_unknown;
	default:
		break;
	}
	return larger(size_at(frame, value->a, depth + 1), size_at(frame, value->b, depth + 1));
}

/* The end of an array is its begin and a length. */
static struct size size_of_element(
	const struct frame *frame, const struct outline_value *value, int depth)
{
	const struct outline *outline = frame_fn(frame)->outline;
	struct size size =
		value->b == OUTLINE_NONE ? size_unknown : size_at(frame, value->b, depth + 1);

	if (outline->values[value->a].kind == VALUE_ELEMENT)
		size = larger(size, size_at(frame, value->a, depth + 1));
	return size;
}

/* One of several; a constant that is not tiny limits all of them. */
static struct size size_of_choice(const struct frame *frame, uint32_t a, uint32_t b, int depth)
{
	const struct outline *outline = frame_fn(frame)->outline;

	if (is_constant(&outline->values[a], 16, SIZE_FEW) ||
		is_constant(&outline->values[b], 16, SIZE_FEW))
		return size_small;
	return larger(size_at(frame, a, depth + 1), size_at(frame, b, depth + 1));
}

static struct size size_of_phi(
	const struct frame *frame, const struct outline_value *value, int depth)
{
	const struct outline *outline = frame_fn(frame)->outline;
	struct size size = size_small;

	if (value->b == 2)
		return size_of_choice(frame, outline->incoming[value->a].value,
			outline->incoming[value->a + 1].value, depth);
	for (uint32_t i = 0; i < value->b && i < 8; i++)
		size = larger(
			size, size_at(frame, outline->incoming[value->a + i].value, depth + 2));
	return size;
}

static bool is_known_few(const struct frame *frame, uint32_t id)
{
	const struct sighting *sighting = frame->sighting;
	const struct outline_value *value;
	const struct body *body;
	struct place place;

	if (!sighting)
		return false;
	body = explorer_body(sighting->call ? sighting->call->explorer : sighting->loop->explorer);
	if (facts_range(body, &sighting->path->facts, id).high < SIZE_FEW)
		return true;
	/* A loop that loads its bound in every round has not done so yet. */
	value = body_value(body, id);
	if (value->kind != VALUE_LOAD)
		return false;
	place = body_place(body, value->a);
	return place.is_known && facts_memory(body, &sighting->path->facts, place).high < SIZE_FEW;
}

static struct size size_at(const struct frame *frame, uint32_t id, int depth)
{
	const struct outline_value *value = &frame_fn(frame)->outline->values[id];

	if (depth > DEPTH_MAX)
		return size_unknown;
	if (is_known_few(frame, id))
		return size_small;
	switch (value->kind) {
	case VALUE_INT:
		return value->number >= CONSTANT_LARGE ? size_unknown : size_small;
	case VALUE_ARG:
		return size_of_argument(frame, value->number, depth);
	case VALUE_RESULT:
		return size_of_result(frame, value->a);
	case VALUE_LOAD:
		return size_of_load(frame, value->a, depth);
	case VALUE_ELEMENT:
		return size_of_element(frame, value, depth);
	case VALUE_BINARY:
		return size_of_binary(frame, value, depth);
	case VALUE_SELECT:
		return size_of_choice(frame, value->a, value->b, depth);
	case VALUE_PHI:
		return size_of_phi(frame, value, depth);
	case VALUE_FIELD: /* p + constant */
	case VALUE_NULL:
		return size_small;
	default:
		return size_unknown;
	}
}

struct size size_here(const struct sighting *sighting, uint32_t value)
{
	return size_at(&(struct frame){sighting->reach, sighting->context, sighting}, value, 0);
}

struct size size_in(struct reach *reach, uint32_t context, uint32_t value)
{
	return size_at(&(struct frame){reach, context, NULL}, value, 0);
}
