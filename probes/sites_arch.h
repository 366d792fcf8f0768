/* What the site finder needs to know about one kind of machine code. */
#ifndef GILSCOPE_PROBES_SITES_ARCH_H
#define GILSCOPE_PROBES_SITES_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/sites.h"
#include "runtime/base/vec.h"

/* More than this is no interpreter. */
#define SITES_CALLEES_MAX 64
#define SITES_CALLS_MAX 4096

/* A function, a stub that leads to it, or the slot that holds its address. */
struct callee {
	uint64_t address;
	enum site_kind kind;
};

struct callees {
	struct callee at[SITES_CALLEES_MAX];
	size_t len;
};

/* Bytes that may be instructions. */
struct code {
	uint64_t address; /* of bytes[0] */
	const uint8_t *bytes;
	size_t len;
};

/* What looks like a call until it is proved. */
struct call {
	uint64_t opcode; /* address of the opcode byte: prefixes come before it */
	uint64_t start, end; /* of the instruction; start is 0 until proved */
	uint64_t function;
	enum site_kind kind;
	bool is_tail; /* a jump: it does not come back here */
	bool is_slot; /* through memory */
	bool is_load; /* no call: takes the address out of the slot into a register */
};

struct calls {
	vec(struct call) list;
};

struct sites_arch {
	int machine;     /* EM_* */
	uint32_t slot_relocs[3]; /* relocations that put a function's address into a slot */
	/* Instructions that jump through a slot: adds the addresses one can call to get there. */
	int (*find_stubs)(
		const struct code *code, const struct callees *slots, struct callees *stubs);
	int (*find_calls)(const struct code *code, const struct callees *slots,
		const struct callees *entries, struct calls *calls);
	/* Decodes `function` (from its first to its last instruction) and sets `start` of those of
	 * `calls` that are instructions. */
	int (*prove)(const struct code *function, struct call *calls, size_t count);
	/* The proved `loads` of a function → calls through the registers that they fill, proved.
	 * NULL where compilers do not do that. */
	int (*find_register_calls)(const struct code *function, const struct call *loads,
		size_t count, struct calls *calls);
};

extern const struct sites_arch sites_arch_x86_64, sites_arch_aarch64;

const struct callee *callee_find(const struct callees *callees, uint64_t address);

/* Both: -E2BIG: too many to be true. */
int call_add(struct calls *calls, struct call call);
int callee_add(struct callees *callees, uint64_t address, enum site_kind kind);

#endif
