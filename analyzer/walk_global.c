/* A global variable and its initialiser → the function pointers, strings, addresses and numbers in
 * it, each with the innermost struct that holds it: method tables, type slots, vtables. */
#include "analyzer/walk.h"

#define MAX_INITIALS (1u << 20) /* of one global */
#define MAX_NESTING 32

/* Where in the global we are, and in which struct. */
struct inside {
	uint64_t offset;
	uint32_t type; /* innermost named struct (string), or NONE */
	uint64_t type_offset; /* where it begins */
	bool is_struct; /* a struct holds it, with a name or without */
	int nesting;
};

static void add_constant(struct walk *walk, LLVMValueRef constant, struct inside at);

static void add_elements(struct walk *walk, LLVMValueRef constant, struct inside at)
{
	LLVMTypeRef type = LLVMTypeOf(constant);
	bool is_struct = LLVMGetTypeKind(type) == LLVMStructTypeKind;
	unsigned count =
		is_struct ? LLVMCountStructElementTypes(type) : (unsigned)LLVMGetArrayLength2(type);
	uint64_t stride = is_struct ? 0 : LLVMABISizeOfType(walk->layout, LLVMGetElementType(type));
	uint32_t name = is_struct ? walk_type_name(walk, type) : OUTLINE_NONE;

	if (name != OUTLINE_NONE) {
		at.type = name;
		at.type_offset = at.offset;
	}
	at.is_struct |= is_struct;
	at.nesting++;
	for (unsigned i = 0; i < count; i++) {
		LLVMValueRef element = LLVMGetAggregateElement(constant, i);
		struct inside inner = at;

		inner.offset += is_struct ? LLVMOffsetOfElement(walk->layout, type, i) : i * stride;
		if (element)
			add_constant(walk, element, inner);
	}
}

static void add_constant(struct walk *walk, LLVMValueRef constant, struct inside at)
{
	struct outline_value value;
	LLVMTypeKind kind = LLVMGetTypeKind(LLVMTypeOf(constant));

	if (LLVMIsNull(constant) || at.nesting > MAX_NESTING)
		return;
	/* Tables of plain numbers hold nothing to call. */
	if (LLVMIsAConstantDataSequential(constant) && !at.is_struct)
		return;
	if (kind == LLVMStructTypeKind || kind == LLVMArrayTypeKind) {
		if (!LLVMIsAConstantDataSequential(constant))
			add_elements(walk, constant, at);
		return;
	}
	if (!walk_constant(walk, constant, &value) || (value.kind == VALUE_INT && !at.is_struct))
		return;
	outline_push(walk->out, initials,
		(struct outline_initial){
			.kind = value.kind,
			.target = value.kind == VALUE_INT ? OUTLINE_NONE : value.a,
			.type = at.type,
			.field_offset = (uint32_t)(at.offset - at.type_offset),
			.offset = at.offset,
			.number = value.number,
		});
}

static void add_initials(struct walk *walk, LLVMValueRef global, LLVMValueRef initial)
{
	struct inside at = {.type = OUTLINE_NONE};
	const char *text;
	size_t len;

	if (walk_c_string(global, &text, &len))
		outline_push(walk->out, initials,
			(struct outline_initial){
				.kind = VALUE_STRING,
				.target = outline_builder_string(walk->out, text, len),
				.type = OUTLINE_NONE,
			});
	else
		add_constant(walk, initial, at);
}

void walk_global(struct walk *walk, LLVMValueRef global)
{
	LLVMValueRef initial = LLVMGetInitializer(global);
	LLVMLinkage linkage = LLVMGetLinkage(global);
	struct outline_global record = {
		.type = walk_type_name(walk, LLVMGlobalGetValueType(global)),
		.initial_first = (uint32_t)walk->out->initials.len,
	};
	const char *text;
	size_t len;

	/* String literals are told where they are used. */
	if (linkage == LLVMPrivateLinkage && walk_c_string(global, &text, &len))
		return;
	record.symbol = walk_symbol(walk, global);
	if (linkage == LLVMPrivateLinkage || linkage == LLVMInternalLinkage)
		record.flags |= GLOBAL_INTERNAL;
	if (LLVMIsGlobalConstant(global))
		record.flags |= GLOBAL_CONSTANT;
	if (initial)
		add_initials(walk, global, initial);
	else
		record.flags |= GLOBAL_DECLARED;
	if (walk->out->initials.len - record.initial_first > MAX_INITIALS)
		walk->out->initials.len = record.initial_first + MAX_INITIALS;
	record.initial_count = (uint32_t)walk->out->initials.len - record.initial_first;
	outline_push(walk->out, globals, record);
}
