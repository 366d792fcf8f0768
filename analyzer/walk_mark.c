/* `getelementptr %struct.S, p, 0, 0` → `call marker(p, number of S, depth)`, before the passes.
 *
 * With opaque pointers the address of a first field is the address of the struct, and LLVM's
 * simplifications say so; which field a function pointer was loaded from is what we live on. The
 * marker reads and writes nothing, so common subexpressions among its calls are still found. */
#include "analyzer/walk.h"

#include <errno.h>
#include <string.h>

#define MARKER "gilscope.first_field"

static void add_attribute(
	LLVMContextRef context, LLVMValueRef function, const char *name, uint64_t number)
{
	unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));

	LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
		LLVMCreateEnumAttribute(context, kind, number));
}

static LLVMTypeRef marker_type(LLVMContextRef context)
{
	LLVMTypeRef pointer = LLVMPointerTypeInContext(context, 0);
	LLVMTypeRef number = LLVMInt32TypeInContext(context);
	LLVMTypeRef parameters[] = {pointer, number, number};

	return LLVMFunctionType(pointer, parameters, 3, 0);
}

static LLVMValueRef marker_add(LLVMModuleRef module, LLVMContextRef context)
{
	LLVMValueRef marker = LLVMAddFunction(module, MARKER, marker_type(context));

	add_attribute(context, marker, "memory", 0); /* none */
	add_attribute(context, marker, "nounwind", 0);
	add_attribute(context, marker, "willreturn", 0);
	add_attribute(context, marker, "speculatable", 0);
	return marker;
}

static bool is_first_field(LLVMValueRef instruction)
{
	LLVMTypeRef type = LLVMGetGEPSourceElementType(instruction);
	int count = LLVMGetNumOperands(instruction);
	LLVMValueRef base = LLVMGetOperand(instruction, 0);

	/* A local struct may still become registers; its slot knows its type anyway. */
	if (LLVMGetTypeKind(type) != LLVMStructTypeKind || count < 3 || LLVMIsAAllocaInst(base))
		return false;
	if (LLVMGetTypeKind(LLVMTypeOf(base)) != LLVMPointerTypeKind ||
		LLVMGetPointerAddressSpace(LLVMTypeOf(base)) != 0)
		return false;
	for (int i = 1; i < count; i++) {
		LLVMValueRef index = LLVMGetOperand(instruction, (unsigned)i);

		if (!LLVMIsAConstantInt(index) || LLVMConstIntGetZExtValue(index) != 0)
			return false;
	}
	return true;
}

static uint32_t type_number(struct walk *walk, LLVMTypeRef type)
{
	for (size_t i = walk->mark_types.len; i > 0; i--)
		if (walk->mark_types.at[i - 1] == type)
			return (uint32_t)i - 1;
	if (vec_push(&walk->mark_types, type)) {
		walk->out->is_short = true;
		return 0;
	}
	return (uint32_t)walk->mark_types.len - 1;
}

static void replace(struct walk *walk, LLVMBuilderRef builder, LLVMValueRef address)
{
	LLVMContextRef context = LLVMGetModuleContext(walk->module);
	LLVMTypeRef type = LLVMGetGEPSourceElementType(address);
	LLVMTypeRef number = LLVMInt32TypeInContext(context);
	LLVMValueRef arguments[] = {
		LLVMGetOperand(address, 0),
		LLVMConstInt(number, type_number(walk, type), 0),
		LLVMConstInt(number, (unsigned)LLVMGetNumOperands(address) - 2, 0),
	};
	LLVMValueRef call;

	LLVMPositionBuilderBefore(builder, address);
	call = LLVMBuildCall2(builder, marker_type(context), walk->mark, arguments, 3, "");
	LLVMReplaceAllUsesWith(address, call);
	LLVMInstructionEraseFromParent(address);
}

int walk_mark(struct walk *walk)
{
	LLVMContextRef context = LLVMGetModuleContext(walk->module);
	LLVMBuilderRef builder = LLVMCreateBuilderInContext(context);

	walk->mark = marker_add(walk->module, context);
	for (LLVMValueRef f = LLVMGetFirstFunction(walk->module); f; f = LLVMGetNextFunction(f))
		for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b;
			b = LLVMGetNextBasicBlock(b))
			for (LLVMValueRef i = LLVMGetFirstInstruction(b), next; i; i = next) {
				next = LLVMGetNextInstruction(i);
				if (LLVMGetInstructionOpcode(i) == LLVMGetElementPtr &&
					is_first_field(i))
					replace(walk, builder, i);
			}
	LLVMDisposeBuilder(builder);
	return walk->out->is_short ? -ENOMEM : 0;
}

LLVMTypeRef walk_marked_type(const struct walk *walk, LLVMValueRef call)
{
	uint64_t number;

	if (!walk->mark || LLVMGetCalledValue(call) != walk->mark)
		return NULL;
	number = LLVMConstIntGetZExtValue(LLVMGetOperand(call, 1));
	return number < walk->mark_types.len ? walk->mark_types.at[number] : NULL;
}
