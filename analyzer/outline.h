/* The outline: what extract keeps of one translation unit, and the file it is kept in.
 *
 * Flat arrays of fixed-size records that refer to each other by index, and one string pool. The
 * same unit gives the same bytes. Nothing here knows models or rules: it is control flow, calls,
 * stores, loads and the SSA values that decide branches and name what a pointer points to.
 *
 * Ranges (`x_first`, `x_count`) are indices into the array of that name of the same outline. A
 * function is self-contained: every value id that its blocks and instructions use lies in its own
 * value range, and instruction, block and loop ids are absolute. */
#ifndef GILSCOPE_ANALYZER_OUTLINE_H
#define GILSCOPE_ANALYZER_OUTLINE_H

#include <stddef.h>
#include <stdint.h>

struct err;

#define OUTLINE_NONE UINT32_MAX /* no index */
#define OUTLINE_VERSION 1u /* raised whenever extract's result changes its meaning */

/* All enumerations are stored: explicit and append-only. */
enum outline_value_kind {
	VALUE_OPAQUE = 0, /* a result that we do not follow */
	VALUE_INT = 1,    /* number */
	VALUE_NULL = 2,
	VALUE_FUNCTION = 3, /* a: symbol (string) */
	VALUE_GLOBAL = 4,   /* a: symbol (string); number: byte offset into it */
	VALUE_STRING = 5,   /* a: the text of a constant C string (string) */
	VALUE_ARG = 6,      /* number: index from 0 */
	VALUE_RESULT = 7,   /* a: the call instruction */
	VALUE_LOAD = 8,     /* a: address (value); b: the load instruction */
	VALUE_FIELD = 9, /* an address. a: base (value); b: struct type name (string); number: byte
			    offset */
	VALUE_ELEMENT = 10, /* an address. a: base (value); b: index (value or NONE) */
	VALUE_LOCAL = 11, /* a stack slot whose address is taken. number: ordinal in the function;
			     b: type name */
	VALUE_COMPARE = 12, /* op: outline_compare; a, b: values */
	VALUE_BINARY = 13, /* op: outline_binary; a, b: values */
	VALUE_PHI = 14, /* a: first in `incoming`, b: count */
	VALUE_SELECT = 15, /* a: then, b: else (values); number: condition (value) */
};

enum outline_compare {
	COMPARE_EQ = 0,
	COMPARE_NE = 1,
	COMPARE_SLT = 2,
	COMPARE_SLE = 3,
	COMPARE_SGT = 4,
	COMPARE_SGE = 5,
	COMPARE_ULT = 6,
	COMPARE_ULE = 7,
	COMPARE_UGT = 8,
	COMPARE_UGE = 9,
	COMPARE_FLOAT = 10
};
enum outline_binary {
	BINARY_ADD = 0,
	BINARY_SUB = 1,
	BINARY_MUL = 2,
	BINARY_AND = 3,
	BINARY_OR = 4,
	BINARY_XOR = 5,
	BINARY_SHL = 6,
	BINARY_SHR = 7,
	BINARY_DIV = 8,
	BINARY_REM = 9,
	BINARY_FLOAT = 10
};

/* Integer casts and pointer casts are looked through. 24 bytes. */
struct outline_value {
	uint16_t kind, op;
	uint32_t a, b;
	uint32_t reserved;
	int64_t number;
};

struct outline_incoming {
	uint32_t block, value;
};

enum outline_instruction_kind {
	INSTRUCTION_CALL = 1, /* a: callee (value); operand range: arguments (values) */
	INSTRUCTION_STORE = 2, /* a: address (value), b: stored (value) */
	INSTRUCTION_LOAD = 3, /* a: the VALUE_LOAD it makes */
};

enum { /* instruction flags */
	CALL_NORETURN = 1, /* by attribute, of the call or of the callee's declaration */
	CALL_NOUNWIND = 2,
};

struct outline_instruction {
	uint16_t kind, flags;
	uint32_t a, b;
	uint32_t result; /* a call's VALUE_RESULT, or NONE */
	uint32_t operand_first, operand_count; /* into `operands` (values) */
	uint32_t file; /* string */
	uint32_t line, column; /* 0: unknown. Of the outermost place: macros at their use */
};

enum outline_exit {
	EXIT_JUMP = 1, /* one successor */
	EXIT_BRANCH = 2, /* condition; successors: true, false */
	EXIT_SWITCH = 3, /* condition; successors: default, then one a case; `number` of a case in
			    `cases` */
	EXIT_RETURN = 4, /* condition: the returned value, or NONE */
	EXIT_INVOKE = 5, /* the last instruction is the call; successors: normal, unwind */
	EXIT_RESUME = 6, /* an exception leaves the function */
	EXIT_UNREACHABLE = 7,
	EXIT_OTHER = 8, /* indirectbr, callbr …: successors as listed */
};

struct outline_block {
	uint32_t instruction_first, instruction_count;
	uint32_t exit; /* enum outline_exit */
	uint32_t condition; /* value or NONE */
	uint32_t successor_first, successor_count; /* into `successors` (absolute block ids) */
	uint32_t case_first; /* EXIT_SWITCH: case i of `cases` belongs to successor i + 1 */
	uint32_t loop; /* innermost loop, or NONE */
	uint32_t line; /* of the exit; 0: unknown */
};

enum outline_trip {
	TRIP_UNKNOWN = 0,
	TRIP_CONSTANT = 1, /* number */
	TRIP_BOUND = 2, /* grows with `bound`: an argument, a field, a call's result … */
};

struct outline_loop {
	uint32_t header; /* block */
	uint32_t parent; /* loop, or NONE */
	uint32_t depth; /* 1: outermost */
	uint32_t trip; /* enum outline_trip */
	uint32_t bound; /* value or NONE */
	uint32_t float_ops, integer_ops, memory_ops; /* in its blocks, inner loops included */
	int64_t number;
};

enum { /* function flags */
	FUNCTION_INTERNAL = 1, /* static, or in an anonymous namespace */
	FUNCTION_MERGED = 2, /* linkonce/weak: inline functions, templates */
	FUNCTION_NORETURN = 4,
	FUNCTION_NOUNWIND = 8,
	FUNCTION_DECLARED = 16, /* no body here: block_count is 0 */
	FUNCTION_VARIADIC = 32,
	FUNCTION_ADDRESS_TAKEN = 64, /* used other than as a callee */
	FUNCTION_SYSTEM = 128, /* defined in a system header */
};

struct outline_function {
	uint32_t symbol; /* as the linker names it (string) */
	uint32_t name; /* as the source names it, with its class (string) */
	uint32_t file; /* string; "" when unknown */
	uint32_t line;
	uint32_t flags;
	uint32_t parameter_count;
	uint32_t block_first, block_count; /* the first is the entry */
	uint32_t value_first, value_count;
	uint32_t loop_first, loop_count;
};

enum { GLOBAL_INTERNAL = 1, GLOBAL_CONSTANT = 2, GLOBAL_DECLARED = 4 };

struct outline_global {
	uint32_t symbol, type; /* strings; type: "struct.PyMethodDef" … of the element when an
				  array, "" otherwise */
	uint32_t flags;
	uint32_t initial_first, initial_count;
};

/* One function pointer, string or non-zero integer in a global's initialiser. */
struct outline_initial {
	uint32_t kind; /* VALUE_FUNCTION, VALUE_STRING, VALUE_GLOBAL, VALUE_INT */
	uint32_t target; /* string; NONE for VALUE_INT */
	uint32_t type; /* innermost struct type that holds it (string), "" for none */
	uint32_t field_offset; /* byte offset inside that struct */
	uint64_t offset; /* byte offset inside the global */
	int64_t number;
};

struct outline {
	const char *source; /* the unit's file */
	uint32_t source_string, is_cxx;
	const struct outline_value *values; /* … everything borrowed from `memory` */
	const struct outline_incoming *incoming;
	const struct outline_instruction *instructions;
	const struct outline_block *blocks;
	const struct outline_loop *loops;
	const struct outline_function *functions;
	const struct outline_global *globals;
	const struct outline_initial *initials;
	const uint32_t *operands, *successors;
	const int64_t *cases;
	const uint32_t *strings; /* offset of each string in the pool */
	const char *pool; /* NUL-terminated strings */
	uint32_t value_count, incoming_count, instruction_count, block_count, loop_count,
		function_count;
	uint32_t global_count, initial_count, operand_count, successor_count, case_count,
		string_count;
	uint32_t pool_bytes;
	void *memory; /* owned */
};

/* The text of string `id`. borrowed; "" for OUTLINE_NONE */
static inline const char *outline_string(const struct outline *outline, uint32_t id)
{
	return id == OUTLINE_NONE ? "" : outline->pool + outline->strings[id];
}

/* Reads and checks everything: afterwards every index is in range, every range inside its array,
 * every value that a function uses inside its value range, every string terminated. Functions
 * follow each other in every array (blocks, instructions, values, loops) without gap or overlap,
 * a loop comes after its parent, and following a value's operands (and a result's call) ends
 * unless it goes through a phi. */
int outline_load(const char *path, struct outline *ret_outline, struct err *err);

/* Writes atomically. The arrays may live anywhere. */
int outline_save(const struct outline *outline, const char *path, struct err *err);
void outline_fini(struct outline *outline);

#endif
