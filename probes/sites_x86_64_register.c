/* A function that loads the address of a wanted function into a register (-fno-plt, in loops) → the
 * calls through that register. Follows the instructions in the order in which they lie, not in
 * which they run: what else might be called there is told apart by its argument when it runs. */
#include <capstone/capstone.h>
#include <errno.h>
#include <string.h>

#include "probes/sites_x86_64.h"

#define REGISTERS 16
#define NOTHING (-1)

/* Every name of each general register, and whether calls leave it alone. */
static const struct {
	x86_reg names[4];
	bool is_saved;
} registers[REGISTERS] = {
	{{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL}, false},
	{{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL}, true},
	{{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL}, false},
	{{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL}, false},
	{{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL}, false},
	{{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL}, false},
	{{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL}, true},
	{{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL}, true},
	{{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B}, false},
	{{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B}, false},
	{{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B}, false},
	{{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B}, false},
	{{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B}, true},
	{{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B}, true},
	{{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B}, true},
	{{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B}, true},
};

struct follower {
	const struct call *loads;
	size_t count;
	struct calls *calls; /* NULL: only look where loads go to */
	int held[REGISTERS]; /* enum site_kind of the function whose address is there, or NOTHING */
};

static int register_index(unsigned int name)
{
	for (int i = 0; i < REGISTERS; i++)
		for (int j = 0; j < 4; j++)
			if (registers[i].names[j] == (x86_reg)name)
				return i;
	return NOTHING;
}

/* The proved load that this instruction is. */
static const struct call *find_load(const struct follower *follower, const cs_insn *insn)
{
	for (size_t i = 0; i < follower->count; i++)
		if (follower->loads[i].is_load && follower->loads[i].start == insn->address)
			return &follower->loads[i];
	return NULL;
}

static void forget_written(struct follower *follower, csh handle, const cs_insn *insn)
{
	cs_regs read, written;
	uint8_t read_count, written_count;

	if (insn->id == X86_INS_POP || cs_regs_access(handle, insn, read, &read_count, written,
					       &written_count) != CS_ERR_OK)
		return; /* a pop restores what the caller had: it ends a path, not the register's
			   use */
	for (uint8_t i = 0; i < written_count; i++) {
		int index = register_index(written[i]);

		if (index != NOTHING)
			follower->held[index] = NOTHING;
	}
}

static int take_call(struct follower *follower, const cs_insn *insn)
{
	const cs_x86_op *operand = &insn->detail->x86.operands[0];
	int index = operand->type == X86_OP_REG ? register_index(operand->reg) : NOTHING;

	if (!follower->calls || index == NOTHING || follower->held[index] == NOTHING)
		return 0;
	return call_add(follower->calls, (struct call){
						 .opcode = insn->address,
						 .start = insn->address,
						 .end = insn->address + insn->size,
						 .kind = (enum site_kind)follower->held[index],
						 .is_tail = insn->id == X86_INS_JMP,
					 });
}

static int follow(struct follower *follower, csh handle, const cs_insn *insn)
{
	const struct call *load = find_load(follower, insn);
	int rc = 0;

	if (insn->id == X86_INS_CALL || insn->id == X86_INS_JMP)
		rc = take_call(follower, insn);
	if (insn->id == X86_INS_CALL)
		for (int i = 0; i < REGISTERS && follower->calls; i++)
			if (!registers[i].is_saved)
				follower->held[i] = NOTHING;
	if (load && insn->detail->x86.operands[0].type == X86_OP_REG) {
		int index = register_index(insn->detail->x86.operands[0].reg);

		if (index != NOTHING)
			follower->held[index] = load->kind;
	} else if (follower->calls) {
		forget_written(follower, handle, insn);
	}
	return rc;
}

static int follow_all(
	struct follower *follower, csh handle, cs_insn *insn, const struct code *function)
{
	const uint8_t *bytes = function->bytes;
	uint64_t address = function->address;
	size_t len = function->len;
	int rc = 0;

	while (!rc && cs_disasm_iter(handle, &bytes, &len, &address, insn))
		rc = follow(follower, handle, insn);
	return rc;
}

int x86_64_register_calls(
	const struct code *function, const struct call *loads, size_t count, struct calls *calls)
{
	struct follower follower = {.loads = loads, .count = count};
	cs_insn *insn;
	csh handle;
	int rc = -ENOMEM;

	for (int i = 0; i < REGISTERS; i++)
		follower.held[i] = NOTHING;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
		return rc;
	(void)cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON); /* cannot fail for this option */
	insn = cs_malloc(handle);
	if (insn) {
		/* Twice: a block may lie before the one that loads, and run after it. */
		rc = follow_all(&follower, handle, insn, function);
		follower.calls = calls;
		if (!rc)
			rc = follow_all(&follower, handle, insn, function);
		cs_free(insn, 1);
	}
	cs_close(&handle);
	return rc;
}
