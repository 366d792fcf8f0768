/* Instructions that an outline keeps: calls, stores, loads.
 *
 * Most of LLVM's own functions are arithmetic and disappear; copies and fills become the libc
 * functions that the source called. */
#include <string.h>

#include "analyzer/walk.h"

/* LLVM's name (a prefix), and the libc function that it stands for. */
static const struct {
	const char *prefix, *symbol;
	unsigned argument_count; /* LLVM adds one that says "volatile" */
} intrinsics[] = {
	{"llvm.memcpy.", "memcpy", 3},
	{"llvm.memmove.", "memmove", 3},
	{"llvm.memset.", "memset", 3},
	{"llvm.trap", "abort", 0},
	{"llvm.ubsantrap", "abort", 0},
};

#define INTRINSIC_COUNT (sizeof(intrinsics) / sizeof(intrinsics[0]))

/* The row for a call of one of LLVM's own functions; INTRINSIC_COUNT when it is arithmetic. */
static size_t intrinsic_row(LLVMValueRef callee)
{
	size_t len, row = 0;
	const char *name = LLVMGetValueName2(callee, &len);

	while (row < INTRINSIC_COUNT &&
		strncmp(name, intrinsics[row].prefix, strlen(intrinsics[row].prefix)) != 0)
		row++;
	return row;
}

static bool is_intrinsic(LLVMValueRef callee)
{
	return LLVMIsAFunction(callee) && LLVMGetIntrinsicID(callee);
}

int walk_instruction_kind(const struct walk *walk, LLVMValueRef instruction)
{
	LLVMValueRef callee;

	switch (LLVMGetInstructionOpcode(instruction)) {
	case LLVMCall:
		callee = LLVMGetCalledValue(instruction);
		if (callee == walk->mark ||
			(is_intrinsic(callee) && intrinsic_row(callee) == INTRINSIC_COUNT))
			return 0;
		return INSTRUCTION_CALL;
	case LLVMInvoke:
	case LLVMCallBr:
		return INSTRUCTION_CALL;
	case LLVMStore:
	case LLVMAtomicRMW:
	case LLVMAtomicCmpXchg:
		return INSTRUCTION_STORE;
	case LLVMLoad:
		return INSTRUCTION_LOAD;
	default:
		return 0;
	}
}

static bool has_attribute(LLVMValueRef call, LLVMValueRef callee, unsigned kind)
{
	LLVMAttributeIndex at = (LLVMAttributeIndex)LLVMAttributeFunctionIndex;

	return LLVMGetCallSiteEnumAttribute(call, at, kind) ||
	       (LLVMIsAFunction(callee) && LLVMGetEnumAttributeAtIndex(callee, at, kind));
}

/* A lambda without captures becomes a function pointer by a call of its conversion operator, which
 * does nothing but name that function: pybind11 and friends register theirs that way. */
LLVMValueRef walk_returned_function(LLVMValueRef call)
{
	LLVMValueRef callee = LLVMGetCalledValue(call), exit, returned;
	LLVMBasicBlockRef entry;

	if (!LLVMIsAFunction(callee) || LLVMCountBasicBlocks(callee) != 1)
		return NULL;
	entry = LLVMGetEntryBasicBlock(callee);
	exit = LLVMGetBasicBlockTerminator(entry);
	if (exit != LLVMGetFirstInstruction(entry) || !LLVMIsAReturnInst(exit) ||
		LLVMGetNumOperands(exit) != 1)
		return NULL;
	returned = LLVMGetOperand(exit, 0);
	return LLVMIsAFunction(returned);
}

static void fill_call(struct walk *walk, LLVMValueRef call, struct outline_instruction *record)
{
	LLVMValueRef callee = LLVMGetCalledValue(call);
	unsigned count = LLVMGetNumArgOperands(call);

	if (has_attribute(call, callee, walk->noreturn_kind))
		record->flags |= CALL_NORETURN;
	if (has_attribute(call, callee, walk->nounwind_kind))
		record->flags |= CALL_NOUNWIND;
	if (is_intrinsic(callee) && intrinsic_row(callee) < INTRINSIC_COUNT) {
		size_t row = intrinsic_row(callee);

		count = intrinsics[row].argument_count;
		record->a = walk_value_new(
			walk, (struct outline_value){
				      .kind = VALUE_FUNCTION,
				      .a = outline_builder_string(walk->out, intrinsics[row].symbol,
					      strlen(intrinsics[row].symbol)),
			      });
	} else {
		record->a = walk_value(walk, callee);
	}
	record->operand_first = (uint32_t)walk->out->operands.len;
	for (unsigned i = 0; i < count; i++) {
		uint32_t operand = walk_value(walk, LLVMGetOperand(call, i));

		outline_push(walk->out, operands, operand);
	}
	record->operand_count = count;
	if (LLVMGetTypeKind(LLVMTypeOf(call)) != LLVMVoidTypeKind && !walk_returned_function(call))
		record->result = walk_value(walk, call);
}

static void fill_store(struct walk *walk, LLVMValueRef store, struct outline_instruction *record)
{
	if (LLVMGetInstructionOpcode(store) == LLVMStore) {
		record->a = walk_value(walk, LLVMGetOperand(store, 1));
		record->b = walk_value(walk, LLVMGetOperand(store, 0));
		return;
	}
	/* atomicrmw, cmpxchg: the address comes first, and what is stored depends on it */
	record->a = walk_value(walk, LLVMGetOperand(store, 0));
	record->b = walk_value_new(walk, (struct outline_value){.kind = VALUE_OPAQUE});
}

void walk_instruction(struct walk *walk, LLVMValueRef instruction, uint32_t id)
{
	int kind = walk_instruction_kind(walk, instruction);
	struct walk_place place = walk_place(walk, instruction);
	struct outline_instruction record = {
		.kind = (uint16_t)kind,
		.b = OUTLINE_NONE,
		.result = OUTLINE_NONE,
		.operand_first = (uint32_t)walk->out->operands.len,
		.file = place.file,
		.line = place.line,
		.column = place.column,
	};

	if (kind == INSTRUCTION_CALL)
		fill_call(walk, instruction, &record);
	else if (kind == INSTRUCTION_STORE)
		fill_store(walk, instruction, &record);
	else
		record.a = walk_value(walk, instruction);
	if (!walk->out->is_short)
		walk->out->instructions.at[id] = record;
}
