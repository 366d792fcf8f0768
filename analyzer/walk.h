/* A module of bitcode → an outline. Shared by the walk_*.c files only. */
#ifndef GILSCOPE_ANALYZER_WALK_H
#define GILSCOPE_ANALYZER_WALK_H

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <stdbool.h>

#include "analyzer/idmap.h"
#include "analyzer/outline_build.h"

struct unit;

/* A value whose id is given out but whose record is still to be written. */
struct walk_pending {
	uint32_t id;
	LLVMValueRef value;
};

/* What a block costs, for its loops. */
struct walk_cost {
	uint32_t float_ops, integer_ops, memory_ops;
};

struct walk {
	struct outline_builder *out; /* borrowed */
	const struct unit *unit;     /* borrowed */
	LLVMModuleRef module;        /* borrowed */
	LLVMTargetDataRef layout;    /* borrowed */
	LLVMValueRef mark; /* the marker function of walk_mark(), or NULL */
	vec(LLVMTypeRef) mark_types;
	unsigned noreturn_kind, nounwind_kind; /* LLVM's attribute numbers */

	/* of the whole module */
	struct idmap scopes; /* debug scope → file (string) */
	struct idmap types;  /* type → its name (string) */
	struct idmap systems; /* file (string) + 1 → is it a system header */

	/* of the function at hand */
	struct idmap values;    /* LLVM value → value id */
	struct idmap positions; /* block → its number; instruction → instruction id */
	vec(LLVMBasicBlockRef) blocks; /* reachable ones, reverse postorder */
	vec(struct walk_cost) costs; /* by block number */
	vec(uint32_t) dominators; /* immediate, by block number */
	vec(struct walk_pending) pending;
	uint32_t block_first, value_first, loop_first;
	uint32_t local_count;
	uint32_t zero; /* the VALUE_INT 0 made for comparisons, or NONE */
};

/* walk.c */
int walk_module(struct walk *walk);
void walk_fini(struct walk *walk);

/* walk_mark.c: before the passes run. They fold `&p->first` into `p`, and the field's name with it;
 * a call of a marker function in its place survives them. */
int walk_mark(struct walk *walk);
LLVMTypeRef walk_marked_type(const struct walk *walk, LLVMValueRef call); /* NULL: no marker */

/* walk_function.c */
void walk_function(struct walk *walk, LLVMValueRef function);
void walk_alias(struct walk *walk, LLVMValueRef alias, LLVMValueRef function);

/* walk_call.c: how an instruction is kept: an outline_instruction_kind, or 0 when it is not; and
 * the symbol that a call of one of LLVM's own functions stands for (NULL: the callee's name). */
int walk_instruction_kind(const struct walk *walk, LLVMValueRef instruction);
LLVMValueRef walk_returned_function(LLVMValueRef call); /* all that it returns, or NULL */
void walk_instruction(struct walk *walk, LLVMValueRef instruction, uint32_t id);

/* walk_value.c */
uint32_t walk_value(struct walk *walk, LLVMValueRef value);
LLVMValueRef walk_look_through(LLVMValueRef value); /* casts, truth tests */
uint32_t walk_value_new(struct walk *walk, struct outline_value value);
void walk_values_finish(struct walk *walk); /* writes what is pending */

/* walk_constant.c: constants, and addresses computed from constants. */
bool walk_constant(struct walk *walk, LLVMValueRef constant, struct outline_value *ret_value);
bool walk_c_string(LLVMValueRef global, const char **ret_text, size_t *ret_len);
int64_t walk_integer(LLVMValueRef constant);

/* walk_flow.c: blocks, dominators. walk_loop.c: natural loops and how often they run. */
int walk_flow(struct walk *walk, LLVMValueRef function);
bool walk_dominates(const struct walk *walk, uint32_t above, uint32_t below);
void walk_loops(struct walk *walk);

/* walk_trip.c: tells from the branch that leaves `loop` how often it runs. */
void walk_trip(struct walk *walk, struct outline_loop *loop, LLVMValueRef exit);

/* walk_global.c */
void walk_global(struct walk *walk, LLVMValueRef global);

/* walk_place.c */
struct walk_place {
	uint32_t file; /* string, or NONE */
	uint32_t line, column;
};
struct walk_place walk_place(struct walk *walk, LLVMValueRef instruction);
struct walk_place walk_function_place(struct walk *walk, LLVMValueRef function);
bool walk_is_system(struct walk *walk, uint32_t file);
uint32_t walk_symbol(struct walk *walk, LLVMValueRef global); /* its linker name */
uint32_t walk_name(struct walk *walk, LLVMValueRef function); /* its source name */
uint32_t walk_type_name(struct walk *walk, LLVMTypeRef type); /* NONE: it has none */

#endif
