/* Outline → text: values are written as the expressions they stand for, ids are relative to their
 * function, so that a change in one function leaves the text of the others alone. */
#include "analyzer/outline_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "analyzer/outline.h"
#include "runtime/base/str.h"

#define MAX_DEPTH 24 /* of one expression; what lies deeper is cut: "…" */

static const char *const compares[] = {
	"==", "!=", "<s", "<=s", ">s", ">=s", "<u", "<=u", ">u", ">=u", "<float>"};
static const char *const binaries[] = {
	"+", "-", "*", "&", "|", "^", "<<", ">>", "/", "%", "+float"};

struct view {
	const struct outline *outline;
	const struct outline_function *function;
	uint32_t instruction_first;
	struct str *out;
};

static void put_text(struct str *out, const char *text)
{
	str_add(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			str_addf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			str_addf(out, "\\x%02x", (unsigned char)*text);
		else
			str_add_bytes(out, text, 1);
	}
	str_add(out, "\"");
}

static void put_value(const struct view *view, uint32_t id, int depth);

static void put_pair(
	const struct view *view, const struct outline_value *value, const char *op, int depth)
{
	str_add(view->out, "(");
	put_value(view, value->a, depth);
	str_addf(view->out, " %s ", op);
	put_value(view, value->b, depth);
	str_add(view->out, ")");
}

static void put_address(const struct view *view, const struct outline_value *value, int depth)
{
	const char *type = outline_string(view->outline, value->b);

	put_value(view, value->a, depth);
	if (value->kind == VALUE_FIELD) {
		str_addf(view->out, "->{%s+%" PRId64 "}", *type ? type : "?", value->number);
		return;
	}
	str_add(view->out, "[");
	put_value(view, value->b, depth);
	str_add(view->out, "]");
}

static void put_simple(const struct view *view, const struct outline_value *value, uint32_t id)
{
	const struct outline *o = view->outline;
	struct str *out = view->out;

	switch (value->kind) {
	case VALUE_INT:
		str_addf(out, "%" PRId64, value->number);
		break;
	case VALUE_NULL:
		str_add(out, "null");
		break;
	case VALUE_FUNCTION:
		str_addf(out, "@%s", outline_string(o, value->a));
		break;
	case VALUE_GLOBAL:
		str_addf(out, "&%s", outline_string(o, value->a));
		if (value->number)
			str_addf(out, "+%" PRId64, value->number);
		break;
	case VALUE_STRING:
		put_text(out, outline_string(o, value->a));
		break;
	case VALUE_ARG:
		str_addf(out, "arg%" PRId64, value->number);
		break;
	case VALUE_RESULT:
		str_addf(out, "result%u", value->a - view->instruction_first);
		break;
	case VALUE_LOCAL:
		str_addf(out, "local%" PRId64, value->number);
		if (*outline_string(o, value->b))
			str_addf(out, ":%s", outline_string(o, value->b));
		break;
	case VALUE_PHI:
		str_addf(out, "phi%u", id - view->function->value_first);
		break;
	default:
		str_add(out, "?");
	}
}

static void put_value(const struct view *view, uint32_t id, int depth)
{
	const struct outline_value *value;

	if (view->out->is_short)
		return; /* a hostile outline shares values so that its text would never end */
	if (id == OUTLINE_NONE) {
		str_add(view->out, "-");
		return;
	}
	if (depth > MAX_DEPTH) {
		str_add(view->out, "…");
		return;
	}
	value = &view->outline->values[id];
	switch (value->kind) {
	case VALUE_LOAD:
		str_add(view->out, "*");
		put_value(view, value->a, depth + 1);
		str_addf(view->out, "@%u", value->b - view->instruction_first);
		break;
	case VALUE_FIELD:
	case VALUE_ELEMENT:
		put_address(view, value, depth + 1);
		break;
	case VALUE_COMPARE:
		put_pair(view, value, compares[value->op], depth + 1);
		break;
	case VALUE_BINARY:
		put_pair(view, value, binaries[value->op], depth + 1);
		break;
	case VALUE_SELECT:
		str_add(view->out, "(");
		put_value(view, (uint32_t)value->number, depth + 1);
		str_add(view->out, " ? ");
		put_value(view, value->a, depth + 1);
		str_add(view->out, " : ");
		put_value(view, value->b, depth + 1);
		str_add(view->out, ")");
		break;
	default:
		put_simple(view, value, id);
	}
}

static void put_place(const struct view *view, const struct outline_instruction *instruction)
{
	const char *file = outline_string(view->outline, instruction->file);
	const char *base = strrchr(file, '/');

	if (instruction->line)
		str_addf(view->out, "  ; %s:%u:%u", base ? base + 1 : file, instruction->line,
			instruction->column);
	str_add(view->out, "\n");
}

static void put_instruction(const struct view *view, uint32_t id)
{
	const struct outline_instruction *instruction = &view->outline->instructions[id];

	str_addf(view->out, "    %u: ", id - view->instruction_first);
	switch (instruction->kind) {
	case INSTRUCTION_CALL:
		str_add(view->out, "call ");
		put_value(view, instruction->a, 0);
		str_add(view->out, "(");
		for (uint32_t i = 0; i < instruction->operand_count; i++) {
			if (i)
				str_add(view->out, ", ");
			put_value(view, view->outline->operands[instruction->operand_first + i], 0);
		}
		str_add(view->out, ")");
		if (instruction->flags & CALL_NORETURN)
			str_add(view->out, " noreturn");
		if (instruction->flags & CALL_NOUNWIND)
			str_add(view->out, " nounwind");
		break;
	case INSTRUCTION_STORE:
		str_add(view->out, "store ");
		put_value(view, instruction->a, 0);
		str_add(view->out, " = ");
		put_value(view, instruction->b, 0);
		break;
	case INSTRUCTION_LOAD:
		str_add(view->out, "load ");
		put_value(view, view->outline->values[instruction->a].a, 0);
		break;
	}
	put_place(view, instruction);
}

static void put_exit(const struct view *view, const struct outline_block *block)
{
	static const char *const names[] = {"?", "jump", "branch", "switch", "return", "invoke",
		"resume", "unreachable", "other"};
	const struct outline *o = view->outline;

	str_addf(view->out, "    %s", names[block->exit]);
	if (block->condition != OUTLINE_NONE) {
		str_add(view->out, " ");
		put_value(view, block->condition, 0);
	}
	for (uint32_t i = 0; i < block->successor_count; i++) {
		str_add(view->out, i ? ", " : " -> ");
		if (block->exit == EXIT_SWITCH && i)
			str_addf(view->out, "%" PRId64 ":", o->cases[block->case_first + i - 1]);
		str_addf(view->out, "b%u",
			o->successors[block->successor_first + i] - view->function->block_first);
	}
	if (block->line)
		str_addf(view->out, "  ; line %u", block->line);
	str_add(view->out, "\n");
}

static void put_phis(const struct view *view)
{
	const struct outline *o = view->outline;
	const struct outline_function *f = view->function;

	for (uint32_t id = f->value_first; id < f->value_first + f->value_count; id++) {
		const struct outline_value *value = &o->values[id];

		if (value->kind != VALUE_PHI)
			continue;
		str_addf(view->out, "  phi%u =", id - f->value_first);
		for (uint32_t i = value->a; i < value->a + value->b; i++) {
			str_addf(view->out, "%s b%u: ", i > value->a ? "," : "",
				o->incoming[i].block - f->block_first);
			put_value(view, o->incoming[i].value, 0);
		}
		str_add(view->out, "\n");
	}
}

static void put_loops(const struct view *view)
{
	const struct outline *o = view->outline;
	const struct outline_function *f = view->function;

	for (uint32_t i = 0; i < f->loop_count; i++) {
		const struct outline_loop *loop = &o->loops[f->loop_first + i];

		str_addf(view->out, "  loop%u: header b%u, depth %u", i,
			loop->header - f->block_first, loop->depth);
		if (loop->parent != OUTLINE_NONE)
			str_addf(view->out, " in loop%u", loop->parent - f->loop_first);
		if (loop->trip == TRIP_CONSTANT)
			str_addf(view->out, ", trips %" PRId64, loop->number);
		if (loop->trip == TRIP_BOUND) {
			str_add(view->out, ", trips by ");
			put_value(view, loop->bound, 0);
		}
		str_addf(view->out, ", ops: %u integer, %u float, %u memory\n", loop->integer_ops,
			loop->float_ops, loop->memory_ops);
	}
}

static void put_header(const struct view *view)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} flags[] = {
		{FUNCTION_INTERNAL, "internal"},
		{FUNCTION_MERGED, "merged"},
		{FUNCTION_NORETURN, "noreturn"},
		{FUNCTION_NOUNWIND, "nounwind"},
		{FUNCTION_VARIADIC, "variadic"},
		{FUNCTION_ADDRESS_TAKEN, "address-taken"},
		{FUNCTION_SYSTEM, "system"},
	};
	const struct outline_function *f = view->function;
	const char *symbol = outline_string(view->outline, f->symbol);
	const char *name = outline_string(view->outline, f->name);
	const char *file = outline_string(view->outline, f->file);
	const char *base = strrchr(file, '/');

	str_addf(view->out, "%s %s", f->flags & FUNCTION_DECLARED ? "declare" : "function", symbol);
	if (strcmp(symbol, name) != 0)
		str_addf(view->out, " (%s)", name);
	str_addf(view->out, "/%u", f->parameter_count);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (f->flags & flags[i].flag)
			str_addf(view->out, " %s", flags[i].name);
	if (f->line)
		str_addf(view->out, "  ; %s:%u", base ? base + 1 : file, f->line);
	str_add(view->out, "\n");
}

static void put_function(const struct view *view)
{
	const struct outline *o = view->outline;
	const struct outline_function *f = view->function;

	put_header(view);
	put_loops(view);
	put_phis(view);
	for (uint32_t i = f->block_first; i < f->block_first + f->block_count; i++) {
		const struct outline_block *block = &o->blocks[i];

		str_addf(view->out, "  b%u:", i - f->block_first);
		if (block->loop != OUTLINE_NONE)
			str_addf(view->out, " loop%u", block->loop - f->loop_first);
		str_add(view->out, "\n");
		for (uint32_t k = 0; k < block->instruction_count; k++)
			put_instruction(view, block->instruction_first + k);
		put_exit(view, block);
	}
}

static void put_initial(const struct view *view, const struct outline_initial *initial)
{
	const char *type = outline_string(view->outline, initial->type);

	str_addf(view->out, "  +%" PRIu64 ":", initial->offset);
	if (*type)
		str_addf(view->out, " {%s+%u}", type, initial->field_offset);
	str_add(view->out, " ");
	if (initial->kind == VALUE_INT)
		str_addf(view->out, "%" PRId64, initial->number);
	else if (initial->kind == VALUE_STRING)
		put_text(view->out, outline_string(view->outline, initial->target));
	else
		str_addf(view->out, "%s%s", initial->kind == VALUE_FUNCTION ? "@" : "&",
			outline_string(view->outline, initial->target));
	if (initial->kind == VALUE_GLOBAL && initial->number)
		str_addf(view->out, "+%" PRId64, initial->number);
	str_add(view->out, "\n");
}

static void put_global(const struct view *view, const struct outline_global *global)
{
	const char *type = outline_string(view->outline, global->type);

	str_addf(view->out, "global %s%s%s", outline_string(view->outline, global->symbol),
		*type ? " : " : "", type);
	if (global->flags & GLOBAL_INTERNAL)
		str_add(view->out, " internal");
	if (global->flags & GLOBAL_CONSTANT)
		str_add(view->out, " constant");
	if (global->flags & GLOBAL_DECLARED)
		str_add(view->out, " declared");
	str_add(view->out, "\n");
	for (uint32_t i = 0; i < global->initial_count; i++)
		put_initial(view, &view->outline->initials[global->initial_first + i]);
}

static uint32_t first_instruction(const struct outline *o, const struct outline_function *f)
{
	return f->block_count ? o->blocks[f->block_first].instruction_first : 0;
}

int outline_text(const struct outline *o, const char *function, struct str *out)
{
	struct view view = {.outline = o, .out = out};

	if (!function) {
		const char *base = strrchr(o->source, '/');

		str_addf(out, "unit %s (%s)\n", base ? base + 1 : o->source,
			o->is_cxx ? "C++" : "C");
		for (uint32_t i = 0; i < o->global_count; i++)
			put_global(&view, &o->globals[i]);
	}
	for (uint32_t i = 0; i < o->function_count; i++) {
		view.function = &o->functions[i];
		view.instruction_first = first_instruction(o, view.function);
		if (!function || !strcmp(function, outline_string(o, view.function->symbol)) ||
			!strcmp(function, outline_string(o, view.function->name)))
			put_function(&view);
	}
	return out->is_short ? -ENOMEM : 0;
}
