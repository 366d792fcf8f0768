/* Constants → values: numbers, strings, functions, places in globals. */
#include "analyzer/walk.h"

#define MAX_STRING_BYTES 1024 /* what lies behind is cut: docstrings */

int64_t walk_integer(LLVMValueRef constant)
{
	unsigned bits = LLVMGetIntTypeWidth(LLVMTypeOf(constant));

	if (bits > 64)
		return 0;
	return bits == 1 ? (int64_t)LLVMConstIntGetZExtValue(constant)
			 : (int64_t)LLVMConstIntGetSExtValue(constant);
}

bool walk_c_string(LLVMValueRef global, const char **ret_text, size_t *ret_len)
{
	LLVMValueRef initial;
	LLVMTypeRef type;
	const char *text;
	size_t len;

	if (!LLVMIsAGlobalVariable(global) || !LLVMIsGlobalConstant(global))
		return false;
	initial = LLVMGetInitializer(global);
	if (!initial)
		return false;
	type = LLVMTypeOf(initial);
	if (LLVMGetTypeKind(type) != LLVMArrayTypeKind ||
		LLVMGetTypeKind(LLVMGetElementType(type)) != LLVMIntegerTypeKind ||
		LLVMGetIntTypeWidth(LLVMGetElementType(type)) != 8)
		return false;
	if (LLVMIsAConstantAggregateZero(initial)) {
		*ret_text = "";
		*ret_len = 0;
		return true;
	}
	if (!LLVMIsAConstantDataSequential(initial))
		return false;
	text = LLVMGetAsString(initial, &len);
	if (!len || text[len - 1] != '\0')
		return false;
	*ret_text = text;
	*ret_len = len - 1 > MAX_STRING_BYTES ? MAX_STRING_BYTES : len - 1;
	return true;
}

static bool is_private_string(LLVMValueRef global, const char **ret_text, size_t *ret_len)
{
	return LLVMGetLinkage(global) == LLVMPrivateLinkage &&
	       LLVMGetUnnamedAddress(global) == LLVMGlobalUnnamedAddr &&
	       walk_c_string(global, ret_text, ret_len);
}

/* The byte offset of one step of a constant address, and the type it leads to. */
static bool add_step(
	const struct walk *walk, LLVMTypeRef *type, LLVMValueRef index, int64_t *offset)
{
	LLVMTypeRef inner;
	int64_t number;

	if (!LLVMIsAConstantInt(index))
		return false;
	number = walk_integer(index);
	if (LLVMGetTypeKind(*type) == LLVMStructTypeKind) {
		if (number < 0 || number >= LLVMCountStructElementTypes(*type))
			return false;
		*offset += (int64_t)LLVMOffsetOfElement(walk->layout, *type, (unsigned)number);
		*type = LLVMStructGetTypeAtIndex(*type, (unsigned)number);
		return true;
	}
	if (LLVMGetTypeKind(*type) != LLVMArrayTypeKind)
		return false;
	inner = LLVMGetElementType(*type);
	*offset += number * (int64_t)LLVMABISizeOfType(walk->layout, inner);
	*type = inner;
	return true;
}

/* A constant getelementptr: its base and byte offset. */
static bool constant_address(
	const struct walk *walk, LLVMValueRef address, LLVMValueRef *ret_base, int64_t *offset)
{
	LLVMTypeRef type = LLVMGetGEPSourceElementType(address);
	int count = LLVMGetNumOperands(address);
	LLVMValueRef first = LLVMGetOperand(address, 1);

	if (!LLVMIsAConstantInt(first))
		return false;
	*offset += walk_integer(first) * (int64_t)LLVMABISizeOfType(walk->layout, type);
	for (int i = 2; i < count; i++)
		if (!add_step(walk, &type, LLVMGetOperand(address, (unsigned)i), offset))
			return false;
	*ret_base = LLVMGetOperand(address, 0);
	return true;
}

static bool global_value(
	struct walk *walk, LLVMValueRef constant, int64_t offset, struct outline_value *ret_value)
{
	const char *text;
	size_t len;

	if (LLVMIsAFunction(constant) || LLVMIsAGlobalIFunc(constant)) {
		*ret_value = (struct outline_value){
			.kind = VALUE_FUNCTION,
			.a = walk_symbol(walk, constant),
		};
		return true;
	}
	if (!LLVMIsAGlobalVariable(constant))
		return false;
	if (offset >= 0 && is_private_string(constant, &text, &len) && (size_t)offset <= len) {
		*ret_value = (struct outline_value){
			.kind = VALUE_STRING,
			.a = outline_builder_string(walk->out, text + offset, len - (size_t)offset),
		};
		return true;
	}
	*ret_value = (struct outline_value){
		.kind = VALUE_GLOBAL,
		.a = walk_symbol(walk, constant),
		.number = offset,
	};
	return true;
}

bool walk_constant(struct walk *walk, LLVMValueRef constant, struct outline_value *ret_value)
{
	int64_t offset = 0;

	if (LLVMIsAConstantInt(constant)) {
		if (LLVMGetIntTypeWidth(LLVMTypeOf(constant)) > 64)
			return false;
		*ret_value = (struct outline_value){
			.kind = VALUE_INT,
			.number = walk_integer(constant),
		};
		return true;
	}
	if (LLVMIsAConstantPointerNull(constant)) {
		*ret_value = (struct outline_value){.kind = VALUE_NULL};
		return true;
	}
	for (;;) {
		if (LLVMIsAGlobalAlias(constant)) {
			constant = LLVMAliasGetAliasee(constant);
			continue;
		}
		if (!LLVMIsAConstantExpr(constant))
			break;
		switch (LLVMGetConstOpcode(constant)) {
		case LLVMGetElementPtr:
			if (!constant_address(walk, constant, &constant, &offset))
				return false;
			break;
		case LLVMBitCast:
		case LLVMPtrToInt:
		case LLVMIntToPtr:
		case LLVMAddrSpaceCast:
		case LLVMTrunc:
			constant = LLVMGetOperand(constant, 0);
			break;
		default:
			return false;
		}
	}
	return global_value(walk, constant, offset, ret_value);
}
