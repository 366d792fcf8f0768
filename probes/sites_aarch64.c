/* aarch64 machine code → calls of the wanted functions. Instructions are four aligned bytes, so a
 * candidate is proved by its alignment; only the stubs need their two-instruction address joined.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probes/sites_arch.h"

#define BTI_C 0xd503245fu

static uint32_t word_at(const struct code *code, size_t at)
{
	uint32_t word;

	memcpy(&word, code->bytes + at, sizeof(word));
	return word;
}

static int64_t sign_extend(uint64_t number, unsigned int bits)
{
	return (int64_t)(number << (64 - bits)) >> (64 - bits);
}

/* adrp x16, page; ldr x17, [x16, #offset]: what a stub loads its target from. 0: no stub. */
static uint64_t stub_slot(const struct code *code, size_t at)
{
	uint32_t adrp = word_at(code, at), ldr = word_at(code, at + 4);
	uint64_t pages;

	if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
		return 0;
	pages = ((uint64_t)(adrp >> 5 & 0x7ffff) << 2) | (adrp >> 29 & 3);
	return ((code->address + at) & ~0xfffULL) + ((uint64_t)sign_extend(pages, 21) << 12) +
	       ((uint64_t)(ldr >> 10 & 0xfff) << 3);
}

static int find_stubs(const struct code *code, const struct callees *slots, struct callees *stubs)
{
	int rc = 0;

	for (size_t at = 0; !rc && at + 8 <= code->len; at += 4) {
		uint64_t address = stub_slot(code, at);
		const struct callee *slot = address ? callee_find(slots, address) : NULL;

		if (!slot)
			continue;
		rc = callee_add(stubs, code->address + at, slot->kind);
		if (!rc && at >= 4 && word_at(code, at - 4) == BTI_C)
			rc = callee_add(stubs, code->address + at - 4, slot->kind);
	}
	return rc;
}

static int find_calls(const struct code *code, const struct callees *slots,
	const struct callees *entries, struct calls *calls)
{
	int rc = 0;

	(void)slots; /* calls through a register cannot be told from the instruction alone */
	for (size_t at = 0; !rc && at + 4 <= code->len; at += 4) {
		uint32_t word = word_at(code, at), kind = word & 0xfc000000;
		uint64_t address = code->address + at;
		const struct callee *callee;

		if (kind != 0x94000000 && kind != 0x14000000) /* bl, b */
			continue;
		callee = callee_find(
			entries, address + ((uint64_t)sign_extend(word & 0x3ffffff, 26) << 2));
		if (!callee)
			continue;
		rc = call_add(calls, (struct call){
					     .opcode = address,
					     .end = address + 4,
					     .kind = callee->kind,
					     .is_tail = kind == 0x14000000,
				     });
	}
	return rc;
}

static int prove(const struct code *function, struct call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((calls[i].opcode - function->address) % 4 == 0)
			calls[i].start = calls[i].opcode;
	return 0;
}

const struct sites_arch sites_arch_aarch64 = {
	.machine = EM_AARCH64,
	.slot_relocs = {R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT, R_AARCH64_ABS64},
	.find_stubs = find_stubs,
	.find_calls = find_calls,
	.prove = prove,
};
