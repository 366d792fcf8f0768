/* One function → its blocks, instructions, values and loops, numbered in reverse postorder. */
#include "analyzer/walk.h"

static bool is_callee(LLVMValueRef user, LLVMValueRef function)
{
	if (!LLVMIsACallInst(user) && !LLVMIsAInvokeInst(user))
		return false;
	if (LLVMGetCalledValue(user) != function)
		return false;
	for (unsigned i = 0, count = LLVMGetNumArgOperands(user); i < count; i++)
		if (LLVMGetOperand(user, i) == function)
			return false;
	return true;
}

static bool is_address_taken(LLVMValueRef function)
{
	for (LLVMUseRef use = LLVMGetFirstUse(function); use; use = LLVMGetNextUse(use)) {
		LLVMValueRef user = LLVMGetUser(use);

		if (!is_callee(user, function) && !LLVMIsAGlobalAlias(user))
			return true;
	}
	return false;
}

static uint32_t linkage_flags(LLVMValueRef global)
{
	switch (LLVMGetLinkage(global)) {
	case LLVMInternalLinkage:
	case LLVMPrivateLinkage:
		return FUNCTION_INTERNAL;
	case LLVMAvailableExternallyLinkage:
	case LLVMLinkOnceAnyLinkage:
	case LLVMLinkOnceODRLinkage:
	case LLVMWeakAnyLinkage:
	case LLVMWeakODRLinkage:
		return LLVMIsDeclaration(global) ? 0 : FUNCTION_MERGED;
	default:
		return 0;
	}
}

static uint32_t function_flags(const struct walk *walk, LLVMValueRef function)
{
	LLVMAttributeIndex at = (LLVMAttributeIndex)LLVMAttributeFunctionIndex;
	uint32_t flags = linkage_flags(function);

	if (LLVMGetEnumAttributeAtIndex(function, at, walk->noreturn_kind))
		flags |= FUNCTION_NORETURN;
	if (LLVMGetEnumAttributeAtIndex(function, at, walk->nounwind_kind))
		flags |= FUNCTION_NOUNWIND;
	if (LLVMIsDeclaration(function))
		flags |= FUNCTION_DECLARED;
	if (LLVMIsFunctionVarArg(LLVMGlobalGetValueType(function)))
		flags |= FUNCTION_VARIADIC;
	if (is_address_taken(function))
		flags |= FUNCTION_ADDRESS_TAKEN;
	return flags;
}

static void begin(struct walk *walk)
{
	walk->block_first = (uint32_t)walk->out->blocks.len;
	walk->value_first = (uint32_t)walk->out->values.len;
	walk->loop_first = (uint32_t)walk->out->loops.len;
	walk->local_count = 0;
	walk->zero = OUTLINE_NONE;
	idmap_clear(&walk->values);
}

/* `a * b + c`, sqrt() and others are calls of LLVM's own functions. */
static bool is_float_intrinsic(LLVMValueRef call)
{
	LLVMValueRef callee = LLVMGetCalledValue(call);

	if (!LLVMIsAFunction(callee) || !LLVMGetIntrinsicID(callee))
		return false;
	switch (LLVMGetTypeKind(LLVMTypeOf(call))) {
	case LLVMFloatTypeKind:
	case LLVMDoubleTypeKind:
	case LLVMX86_FP80TypeKind:
		return true;
	default:
		return false;
	}
}

static void count_cost(LLVMValueRef instruction, struct walk_cost *cost)
{
	switch (LLVMGetInstructionOpcode(instruction)) {
	case LLVMLoad:
	case LLVMStore:
	case LLVMAtomicRMW:
	case LLVMAtomicCmpXchg:
		cost->memory_ops++;
		break;
	case LLVMFAdd:
	case LLVMFSub:
	case LLVMFMul:
	case LLVMFDiv:
	case LLVMFRem:
	case LLVMFNeg:
	case LLVMFCmp:
	case LLVMFPToSI:
	case LLVMFPToUI:
	case LLVMSIToFP:
	case LLVMUIToFP:
		cost->float_ops++;
		break;
	case LLVMCall:
		cost->float_ops += is_float_intrinsic(instruction);
		break;
	case LLVMAdd:
	case LLVMSub:
	case LLVMMul:
	case LLVMUDiv:
	case LLVMSDiv:
	case LLVMURem:
	case LLVMSRem:
	case LLVMShl:
	case LLVMLShr:
	case LLVMAShr:
	case LLVMAnd:
	case LLVMOr:
	case LLVMXor:
	case LLVMICmp:
		cost->integer_ops++;
		break;
	default:
		break;
	}
}

/* Gives every kept instruction its id, so that values may refer to any of them. */
static void number_instructions(struct walk *walk)
{
	for (size_t i = 0; i < walk->blocks.len; i++) {
		LLVMValueRef at = LLVMGetFirstInstruction(walk->blocks.at[i]);
		struct outline_block block = {
			.instruction_first = (uint32_t)walk->out->instructions.len,
			.condition = OUTLINE_NONE,
			.loop = OUTLINE_NONE,
		};

		walk->costs.at[i] = (struct walk_cost){0};
		for (; at; at = LLVMGetNextInstruction(at)) {
			uint32_t id = (uint32_t)walk->out->instructions.len;

			count_cost(at, &walk->costs.at[i]);
			if (!walk_instruction_kind(walk, at))
				continue;
			outline_push(walk->out, instructions, (struct outline_instruction){0});
			if (idmap_add(&walk->positions, at, id))
				walk->out->is_short = true;
		}
		block.instruction_count =
			(uint32_t)walk->out->instructions.len - block.instruction_first;
		outline_push(walk->out, blocks, block);
	}
}

static void fill_switch(struct walk *walk, LLVMValueRef exit, struct outline_block *block)
{
	unsigned count = LLVMGetNumSuccessors(exit);

	block->exit = EXIT_SWITCH;
	block->condition = walk_value(walk, LLVMGetOperand(exit, 0));
	block->case_first = (uint32_t)walk->out->cases.len;
	/* operands: condition, default, then case and block in turn */
	for (unsigned i = 1; i < count; i++)
		outline_push(walk->out, cases, walk_integer(LLVMGetOperand(exit, 2 * i)));
}

static void fill_exit(struct walk *walk, LLVMValueRef exit, struct outline_block *block)
{
	switch (LLVMGetInstructionOpcode(exit)) {
	case LLVMBr:
		block->exit = LLVMIsConditional(exit) ? EXIT_BRANCH : EXIT_JUMP;
		if (LLVMIsConditional(exit))
			block->condition = walk_value(walk, LLVMGetCondition(exit));
		break;
	case LLVMSwitch:
		fill_switch(walk, exit, block);
		break;
	case LLVMRet:
		block->exit = EXIT_RETURN;
		if (LLVMGetNumOperands(exit))
			block->condition = walk_value(walk, LLVMGetOperand(exit, 0));
		break;
	case LLVMInvoke:
		block->exit = EXIT_INVOKE;
		break;
	case LLVMResume:
		block->exit = EXIT_RESUME;
		break;
	case LLVMUnreachable:
		block->exit = EXIT_UNREACHABLE;
		break;
	default:
		block->exit = EXIT_OTHER;
	}
}

static void fill_block(struct walk *walk, size_t number)
{
	struct outline_block block = walk->out->blocks.at[walk->block_first + number];
	LLVMValueRef at = LLVMGetFirstInstruction(walk->blocks.at[number]);
	LLVMValueRef exit = LLVMGetBasicBlockTerminator(walk->blocks.at[number]);
	unsigned count = LLVMGetNumSuccessors(exit);

	for (; at; at = LLVMGetNextInstruction(at)) {
		uint32_t id = idmap_find(&walk->positions, at);

		if (id != IDMAP_NONE)
			walk_instruction(walk, at, id);
	}
	fill_exit(walk, exit, &block);
	block.line = walk_place(walk, exit).line;
	block.successor_first = (uint32_t)walk->out->successors.len;
	block.successor_count = count;
	for (unsigned i = 0; i < count; i++) {
		uint32_t to = idmap_find(&walk->positions, LLVMGetSuccessor(exit, i));

		outline_push(walk->out, successors, walk->block_first + to);
	}
	walk->out->blocks.at[walk->block_first + number] = block;
	walk_values_finish(walk);
}

static void fill_body(struct walk *walk, LLVMValueRef function)
{
	if (walk_flow(walk, function)) {
		walk->out->is_short = true;
		return;
	}
	number_instructions(walk);
	for (size_t i = 0; i < walk->blocks.len && !walk->out->is_short; i++)
		fill_block(walk, i);
	walk_loops(walk);
	walk_values_finish(walk);
}

static void push_function(struct walk *walk, struct outline_function record)
{
	record.block_first = walk->block_first;
	record.block_count = (uint32_t)walk->out->blocks.len - walk->block_first;
	record.value_first = walk->value_first;
	record.value_count = (uint32_t)walk->out->values.len - walk->value_first;
	record.loop_first = walk->loop_first;
	record.loop_count = (uint32_t)walk->out->loops.len - walk->loop_first;
	outline_push(walk->out, functions, record);
}

void walk_function(struct walk *walk, LLVMValueRef function)
{
	struct walk_place place = walk_function_place(walk, function);
	struct outline_function record = {
		.symbol = walk_symbol(walk, function),
		.name = walk_name(walk, function),
		.file = place.file,
		.line = place.line,
		.flags = function_flags(walk, function),
		.parameter_count = LLVMCountParams(function),
	};

	if (walk_is_system(walk, place.file))
		record.flags |= FUNCTION_SYSTEM;
	begin(walk);
	if (!LLVMIsDeclaration(function))
		fill_body(walk, function);
	push_function(walk, record);
}

/* A second name for a function: a function that calls it and returns its result. */
void walk_alias(struct walk *walk, LLVMValueRef alias, LLVMValueRef function)
{
	struct walk_place place = walk_function_place(walk, function);
	uint32_t count = LLVMCountParams(function), id = (uint32_t)walk->out->instructions.len;
	struct outline_function record = {
		.symbol = walk_symbol(walk, alias),
		.name = walk_name(walk, alias),
		.file = place.file,
		.line = place.line,
		.flags = linkage_flags(alias),
		.parameter_count = count,
	};
	struct outline_instruction call = {
		.kind = INSTRUCTION_CALL,
		.b = OUTLINE_NONE,
		.operand_first = (uint32_t)walk->out->operands.len,
		.operand_count = count,
		.file = place.file,
		.line = place.line,
	};
	struct outline_block block = {
		.instruction_first = id,
		.instruction_count = 1,
		.exit = EXIT_RETURN,
		.successor_first = (uint32_t)walk->out->successors.len,
		.loop = OUTLINE_NONE,
		.line = place.line,
	};

	begin(walk);
	call.a = walk_value(walk, function);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t operand = walk_value(walk, LLVMGetParam(function, i));

		outline_push(walk->out, operands, operand);
	}
	call.result = walk_value_new(walk, (struct outline_value){.kind = VALUE_RESULT, .a = id});
	block.condition = call.result;
	outline_push(walk->out, instructions, call);
	outline_push(walk->out, blocks, block);
	push_function(walk, record);
}
