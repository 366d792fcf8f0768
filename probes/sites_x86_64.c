/* x86-64 machine code → calls of the wanted functions. Candidates are found by opcode bytes at any
 * offset, then proved by decoding their function from its start. */
#include <capstone/capstone.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probes/sites_arch.h"
#include "probes/sites_x86_64.h"

static int64_t displacement(const uint8_t *bytes)
{
	int32_t number;

	memcpy(&number, bytes, sizeof(number));
	return number;
}

/* Where the slot of `ff 15` or `ff 25` at code[at] is. */
static uint64_t slot_address(const struct code *code, size_t at)
{
	return code->address + at + 6 + (uint64_t)displacement(code->bytes + at + 2);
}

/* A stub is entered at its jump or at what the linker puts before it: bnd, endbr64. */
static int add_entries(
	const struct code *code, size_t at, enum site_kind kind, struct callees *stubs)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
	int rc = callee_add(stubs, code->address + at, kind);

	if (!rc && at >= 1 && code->bytes[at - 1] == 0xf2)
		rc = callee_add(stubs, code->address + --at, kind);
	if (!rc && at >= sizeof(endbr) &&
		!memcmp(code->bytes + at - sizeof(endbr), endbr, sizeof(endbr)))
		rc = callee_add(stubs, code->address + at - sizeof(endbr), kind);
	return rc;
}

static int find_stubs(const struct code *code, const struct callees *slots, struct callees *stubs)
{
	int rc = 0;

	for (size_t at = 0; !rc && at + 6 <= code->len; at++) {
		const uint8_t *found = memchr(code->bytes + at, 0xff, code->len - 5 - at);
		const struct callee *slot;

		if (!found)
			break;
		at = (size_t)(found - code->bytes);
		if (found[1] != 0x25)
			continue;
		slot = callee_find(slots, slot_address(code, at));
		if (slot)
			rc = add_entries(code, at, slot->kind, stubs);
	}
	return rc;
}

/* One candidate at code[at], if any. The opcodes: e8 call, e9 jmp, ff 15 call [], ff 25 jmp [],
 * 8b mov reg, []. */
static int take_candidate(const struct code *code, size_t at, const struct callees *slots,
	const struct callees *entries, struct calls *calls)
{
	const uint8_t *bytes = code->bytes + at;
	struct call call = {.opcode = code->address + at};
	const struct callee *callee = NULL;

	if (bytes[0] == 0xe8 || bytes[0] == 0xe9) {
		call.end = call.opcode + 5;
		call.is_tail = bytes[0] == 0xe9;
		callee = callee_find(entries, call.end + (uint64_t)displacement(bytes + 1));
	} else if (at + 6 <= code->len) {
		call.end = call.opcode + 6;
		call.is_load = bytes[0] == 0x8b;
		call.is_tail = !call.is_load && bytes[1] == 0x25;
		call.is_slot = true;
		callee = callee_find(slots, slot_address(code, at));
	}
	if (!callee)
		return 0;
	call.kind = callee->kind;
	return call_add(calls, call);
}

/* Whether these two bytes may begin a candidate. */
static bool is_opcode(uint8_t byte, uint8_t next)
{
	return (byte & 0xfe) == 0xe8 || (byte == 0xff && (next == 0x15 || next == 0x25)) ||
	       (byte == 0x8b && (next & 0xc7) == 0x05);
}

static int find_calls(const struct code *code, const struct callees *slots,
	const struct callees *entries, struct calls *calls)
{
	int rc = 0;

	for (size_t at = 0; !rc && at + 5 <= code->len; at++)
		if (is_opcode(code->bytes[at], code->bytes[at + 1]))
			rc = take_candidate(code, at, slots, entries, calls);
	return rc;
}

/* The instruction [start, end) is one of the candidates when it ends where that ends and begins
 * with it or with a prefix (67 and f2 before e8: what linkers leave after relaxing a call). */
static void mark_proved(const cs_insn *insn, struct call *calls, size_t count)
{
	uint64_t end = insn->address + insn->size;

	if (insn->id != X86_INS_CALL && insn->id != X86_INS_JMP && insn->id != X86_INS_MOV)
		return;
	for (size_t i = 0; i < count; i++)
		if (calls[i].end == end && insn->address <= calls[i].opcode &&
			calls[i].opcode - insn->address <= 2)
			calls[i].start = insn->address;
}

static int prove(const struct code *function, struct call *calls, size_t count)
{
	const uint8_t *bytes = function->bytes;
	uint64_t address = function->address, last = calls[count - 1].end;
	size_t len = function->len;
	cs_insn *insn;
	csh handle;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
		return -ENOMEM;
	insn = cs_malloc(handle);
	while (insn && address < last && cs_disasm_iter(handle, &bytes, &len, &address, insn))
		mark_proved(insn, calls, count);
	if (insn)
		cs_free(insn, 1);
	cs_close(&handle);
	return insn ? 0 : -ENOMEM;
}

const struct sites_arch sites_arch_x86_64 = {
	.machine = EM_X86_64,
	.slot_relocs = {R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, R_X86_64_64},
	.find_stubs = find_stubs,
	.find_calls = find_calls,
	.prove = prove,
	.find_register_calls = x86_64_register_calls,
};
