/* SSA values of a function → value records, made when something first refers to them.
 *
 * Casts are looked through and truth tests undone (`if (x != 0)` of a comparison is the
 * comparison). An id is given out first and its record written later, from a list: no recursion,
 * whatever the depth of an expression, and phis may refer to themselves. */
#include "analyzer/walk.h"

#include <string.h>

uint32_t walk_value_new(struct walk *walk, struct outline_value value)
{
	uint32_t id = (uint32_t)walk->out->values.len;

	outline_push(walk->out, values, value);
	return id;
}

static bool is_boolean(LLVMValueRef value)
{
	LLVMTypeRef type = LLVMTypeOf(value);

	return LLVMGetTypeKind(type) == LLVMIntegerTypeKind && LLVMGetIntTypeWidth(type) == 1;
}

static bool is_zero(LLVMValueRef value)
{
	return LLVMIsAConstantInt(value) && LLVMIsNull(value);
}

static bool is_all_zero_address(LLVMValueRef address)
{
	int count = LLVMGetNumOperands(address);

	for (int i = 1; i < count; i++)
		if (!is_zero(LLVMGetOperand(address, (unsigned)i)))
			return false;
	return true;
}

/* What a call of one of LLVM's own functions passes on unchanged, or NULL. */
static LLVMValueRef passed_through(LLVMValueRef call)
{
	static const char *const names[] = {"llvm.expect", "llvm.threadlocal.address",
		"llvm.launder.invariant.group", "llvm.strip.invariant.group", "llvm.ssa.copy",
		"llvm.ptr.annotation"};
	LLVMValueRef callee = LLVMGetCalledValue(call);
	const char *name;
	size_t len;

	if (!LLVMIsAFunction(callee) || !LLVMGetIntrinsicID(callee))
		return NULL;
	name = LLVMGetValueName2(callee, &len);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return LLVMGetOperand(call, 0);
	return NULL;
}

/* One step through something that does not change what a value is, or NULL. */
static LLVMValueRef see_through(LLVMValueRef value)
{
	LLVMValueRef inner;

	switch (LLVMGetInstructionOpcode(value)) {
	case LLVMTrunc:
	case LLVMZExt:
	case LLVMSExt:
	case LLVMPtrToInt:
	case LLVMIntToPtr:
	case LLVMBitCast:
	case LLVMAddrSpaceCast:
	case LLVMFreeze:
		return LLVMGetOperand(value, 0);
	case LLVMGetElementPtr:
		return is_all_zero_address(value) ? LLVMGetOperand(value, 0) : NULL;
	case LLVMCall:
		return passed_through(value);
	case LLVMICmp:
		if (LLVMGetICmpPredicate(value) != LLVMIntNE || !is_zero(LLVMGetOperand(value, 1)))
			return NULL;
		inner = LLVMGetOperand(value, 0);
		while (LLVMIsAZExtInst(inner) || LLVMIsATruncInst(inner) || LLVMIsASExtInst(inner))
			inner = LLVMGetOperand(inner, 0);
		return is_boolean(inner) ? inner : NULL;
	default:
		return NULL;
	}
}

LLVMValueRef walk_look_through(LLVMValueRef value)
{
	while (LLVMIsAInstruction(value)) {
		LLVMValueRef inner = see_through(value);

		if (!inner)
			break;
		value = inner;
	}
	return value;
}

uint32_t walk_value(struct walk *walk, LLVMValueRef value)
{
	struct outline_value record = {.kind = VALUE_OPAQUE};
	bool is_pending;
	uint32_t id;

	value = walk_look_through(value);
	id = idmap_find(&walk->values, value);
	if (id != IDMAP_NONE)
		return id;
	is_pending = LLVMIsAInstruction(value) != NULL;
	if (!is_pending && LLVMIsAArgument(value)) {
		unsigned index = 0;
		LLVMValueRef function = LLVMGetParamParent(value);

		while (LLVMGetParam(function, index) != value)
			index++;
		record = (struct outline_value){.kind = VALUE_ARG, .number = index};
	} else if (!is_pending && LLVMIsAConstant(value)) {
		(void)walk_constant(walk, value, &record); /* what it cannot tell stays opaque */
	}
	id = walk_value_new(walk, record);
	if (idmap_add(&walk->values, value, id))
		walk->out->is_short = true;
	if (is_pending && vec_push(&walk->pending, (struct walk_pending){id, value}))
		walk->out->is_short = true;
	return id;
}

static struct outline_value phi_value(struct walk *walk, LLVMValueRef phi)
{
	unsigned count = LLVMCountIncoming(phi);
	struct outline_value record = {
		.kind = VALUE_PHI,
		.a = (uint32_t)walk->out->incoming.len,
	};

	for (unsigned i = 0; i < count; i++) {
		uint32_t block = idmap_find(&walk->positions, LLVMGetIncomingBlock(phi, i));

		if (block == IDMAP_NONE)
			continue; /* comes from an unreachable block */
		outline_push(walk->out, incoming,
			(struct outline_incoming){
				.block = walk->block_first + block,
				.value = walk_value(walk, LLVMGetIncomingValue(phi, i)),
			});
		record.b++;
	}
	return record;
}

static uint32_t zero_value(struct walk *walk)
{
	if (walk->zero == OUTLINE_NONE)
		walk->zero = walk_value_new(walk, (struct outline_value){.kind = VALUE_INT});
	return walk->zero;
}

static uint16_t compare_of(LLVMIntPredicate predicate)
{
	static const uint16_t table[] = {COMPARE_EQ, COMPARE_NE, COMPARE_UGT, COMPARE_UGE,
		COMPARE_ULT, COMPARE_ULE, COMPARE_SGT, COMPARE_SGE, COMPARE_SLT, COMPARE_SLE};

	return table[predicate - LLVMIntEQ];
}

static uint16_t inverse(uint16_t compare)
{
	static const uint16_t table[] = {COMPARE_NE, COMPARE_EQ, COMPARE_SGE, COMPARE_SGT,
		COMPARE_SLE, COMPARE_SLT, COMPARE_UGE, COMPARE_UGT, COMPARE_ULE, COMPARE_ULT};

	return table[compare];
}

static struct outline_value compare_value(struct walk *walk, LLVMValueRef compare)
{
	return (struct outline_value){
		.kind = VALUE_COMPARE,
		.op = compare_of(LLVMGetICmpPredicate(compare)),
		.a = walk_value(walk, LLVMGetOperand(compare, 0)),
		.b = walk_value(walk, LLVMGetOperand(compare, 1)),
	};
}

/* The truth value that `value` is the negation of, or NULL: `xor x, true`, `x == 0` of a truth
 * value. */
static LLVMValueRef negated(LLVMValueRef value)
{
	LLVMValueRef inner = LLVMGetOperand(value, 0), other = LLVMGetOperand(value, 1);

	if (LLVMIsAICmpInst(value)) {
		if (LLVMGetICmpPredicate(value) != LLVMIntEQ || !is_zero(other))
			return NULL;
	} else if (!is_boolean(value) || !LLVMIsAConstantInt(other) || is_zero(other)) {
		return NULL;
	}
	inner = walk_look_through(inner);
	return is_boolean(inner) ? inner : NULL;
}

static struct outline_value not_value(struct walk *walk, LLVMValueRef inner)
{
	if (LLVMIsAICmpInst(inner)) {
		struct outline_value record = compare_value(walk, inner);

		record.op = inverse(record.op);
		return record;
	}
	return (struct outline_value){
		.kind = VALUE_COMPARE,
		.op = COMPARE_EQ,
		.a = walk_value(walk, inner),
		.b = zero_value(walk),
	};
}

static struct outline_value binary_value(struct walk *walk, LLVMValueRef value, uint16_t op)
{
	return (struct outline_value){
		.kind = VALUE_BINARY,
		.op = op,
		.a = walk_value(walk, LLVMGetOperand(value, 0)),
		.b = walk_value(walk, LLVMGetOperand(value, 1)),
	};
}

/* One step of an address computation from `base`. */
static struct outline_value step_value(
	struct walk *walk, uint32_t base, LLVMTypeRef *type, LLVMValueRef index)
{
	struct outline_value record = {.a = base};

	if (LLVMGetTypeKind(*type) == LLVMStructTypeKind) {
		unsigned field = (unsigned)LLVMConstIntGetZExtValue(index);

		record.kind = VALUE_FIELD;
		record.b = walk_type_name(walk, *type);
		record.number = (int64_t)LLVMOffsetOfElement(walk->layout, *type, field);
		*type = LLVMStructGetTypeAtIndex(*type, field);
		return record;
	}
	record.kind = VALUE_ELEMENT;
	record.b = walk_value(walk, index);
	*type = LLVMGetElementType(*type);
	return record;
}

static struct outline_value address_value(struct walk *walk, LLVMValueRef address)
{
	LLVMTypeRef type = LLVMGetGEPSourceElementType(address);
	unsigned count = (unsigned)LLVMGetNumOperands(address);
	uint32_t base = walk_value(walk, LLVMGetOperand(address, 0));
	LLVMValueRef first = LLVMGetOperand(address, 1);
	struct outline_value record = {.kind = VALUE_ELEMENT, .a = base};

	/* A leading zero only says that the base is a pointer. */
	if (count == 2 || !is_zero(first)) {
		record.b = walk_value(walk, first);
		if (count > 2)
			base = walk_value_new(walk, record);
	}
	for (unsigned i = 2; i < count; i++) {
		if (LLVMGetTypeKind(type) != LLVMStructTypeKind &&
			LLVMGetTypeKind(type) != LLVMArrayTypeKind)
			return (struct outline_value){.kind = VALUE_OPAQUE};
		record = step_value(walk, base, &type, LLVMGetOperand(address, i));
		if (i + 1 < count)
			base = walk_value_new(walk, record);
	}
	return record;
}

/* walk_mark()'s calls: the field at offset 0, and so on inwards. */
static struct outline_value marked_value(struct walk *walk, LLVMValueRef call, LLVMTypeRef type)
{
	uint64_t depth = LLVMConstIntGetZExtValue(LLVMGetOperand(call, 2));
	struct outline_value record = {
		.kind = VALUE_FIELD,
		.a = walk_value(walk, LLVMGetOperand(call, 0)),
		.b = walk_type_name(walk, type),
	};

	for (uint64_t i = 1; i < depth; i++) {
		bool is_struct = LLVMGetTypeKind(type) == LLVMStructTypeKind;

		if (!is_struct && LLVMGetTypeKind(type) != LLVMArrayTypeKind)
			break;
		type = is_struct ? LLVMStructGetTypeAtIndex(type, 0) : LLVMGetElementType(type);
		if (LLVMGetTypeKind(type) != LLVMStructTypeKind)
			continue;
		record.a = walk_value_new(walk, record);
		record.b = walk_type_name(walk, type);
	}
	return record;
}

static struct outline_value call_value(struct walk *walk, LLVMValueRef call)
{
	LLVMTypeRef marked = walk_marked_type(walk, call);
	LLVMValueRef returned;
	uint32_t id;

	if (marked)
		return marked_value(walk, call, marked);
	returned = walk_returned_function(call);
	if (returned)
		return (struct outline_value){
			.kind = VALUE_FUNCTION,
			.a = walk_symbol(walk, returned),
		};
	id = idmap_find(&walk->positions, call);
	if (id == IDMAP_NONE)
		return (struct outline_value){.kind = VALUE_OPAQUE};
	return (struct outline_value){.kind = VALUE_RESULT, .a = id};
}

static struct outline_value load_value(struct walk *walk, LLVMValueRef load)
{
	uint32_t id = idmap_find(&walk->positions, load);

	if (id == IDMAP_NONE)
		return (struct outline_value){.kind = VALUE_OPAQUE};
	return (struct outline_value){
		.kind = VALUE_LOAD,
		.a = walk_value(walk, LLVMGetOperand(load, 0)),
		.b = id,
	};
}

static struct outline_value select_value(struct walk *walk, LLVMValueRef select)
{
	return (struct outline_value){
		.kind = VALUE_SELECT,
		.a = walk_value(walk, LLVMGetOperand(select, 1)),
		.b = walk_value(walk, LLVMGetOperand(select, 2)),
		.number = walk_value(walk, LLVMGetOperand(select, 0)),
	};
}

static struct outline_value operation_value(struct walk *walk, LLVMValueRef value)
{
	switch (LLVMGetInstructionOpcode(value)) {
	case LLVMAdd:
		return binary_value(walk, value, BINARY_ADD);
	case LLVMSub:
		return binary_value(walk, value, BINARY_SUB);
	case LLVMMul:
		return binary_value(walk, value, BINARY_MUL);
	case LLVMAnd:
		return binary_value(walk, value, BINARY_AND);
	case LLVMOr:
		return binary_value(walk, value, BINARY_OR);
	case LLVMXor:
		return binary_value(walk, value, BINARY_XOR);
	case LLVMShl:
		return binary_value(walk, value, BINARY_SHL);
	case LLVMLShr:
	case LLVMAShr:
		return binary_value(walk, value, BINARY_SHR);
	case LLVMUDiv:
	case LLVMSDiv:
		return binary_value(walk, value, BINARY_DIV);
	case LLVMURem:
	case LLVMSRem:
		return binary_value(walk, value, BINARY_REM);
	case LLVMFAdd:
	case LLVMFSub:
	case LLVMFMul:
	case LLVMFDiv:
	case LLVMFRem:
		return binary_value(walk, value, BINARY_FLOAT);
	default:
		return (struct outline_value){.kind = VALUE_OPAQUE};
	}
}

static struct outline_value record_of(struct walk *walk, LLVMValueRef value)
{
	LLVMValueRef inner;

	switch (LLVMGetInstructionOpcode(value)) {
	case LLVMPHI:
		return phi_value(walk, value);
	case LLVMLoad:
		return load_value(walk, value);
	case LLVMCall:
	case LLVMInvoke:
	case LLVMCallBr:
		return call_value(walk, value);
	case LLVMGetElementPtr:
		return address_value(walk, value);
	case LLVMAlloca:
		return (struct outline_value){
			.kind = VALUE_LOCAL,
			.b = walk_type_name(walk, LLVMGetAllocatedType(value)),
			.number = walk->local_count++,
		};
	case LLVMSelect:
		return select_value(walk, value);
	case LLVMICmp:
		inner = negated(value);
		return inner ? not_value(walk, inner) : compare_value(walk, value);
	case LLVMFCmp:
		return (struct outline_value){
			.kind = VALUE_COMPARE,
			.op = COMPARE_FLOAT,
			.a = walk_value(walk, LLVMGetOperand(value, 0)),
			.b = walk_value(walk, LLVMGetOperand(value, 1)),
		};
	case LLVMXor:
		inner = negated(value);
		return inner ? not_value(walk, inner) : operation_value(walk, value);
	default:
		return operation_value(walk, value);
	}
}

void walk_values_finish(struct walk *walk)
{
	while (walk->pending.len) {
		struct walk_pending next = walk->pending.at[--walk->pending.len];
		struct outline_value record = record_of(walk, next.value);

		if (!walk->out->is_short)
			walk->out->values.at[next.id] = record;
	}
}
