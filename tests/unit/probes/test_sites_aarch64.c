/* aarch64 instructions written down by hand: stubs, calls of them, and near misses. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/sites_arch.h"

#define SLOT 0x13018ULL

/* At 0x11000. */
static const uint32_t words[] = {
	0xd503245f, /*  0: bti c */
	0xf0000010, /*  4: adrp x16, 0x14000: not the slot's page */
	0xf9400e11, /*  8: ldr x17, [x16, #0x18] */
	0xd503245f, /*  c: bti c */
	0xd0000010, /* 10: adrp x16, 0x13000 */
	0xf9400e11, /* 14: ldr x17, [x16, #0x18] */
	0x91006210, /* 18: add x16, x16, #0x18 */
	0xd61f0220, /* 1c: br x17 */
	0x97fffffb, /* 20: bl 0x1100c */
	0x97fffffb, /* 24: bl 0x11010 */
	0x97fffffb, /* 28: bl 0x11014: into the stub, not to it */
	0x17fffff8, /* 2c: b 0x1100c */
	0x54fffee0, /* 30: b.eq 0x1100c: not always taken */
};

static const struct code code = {0x11000, (const uint8_t *)words, sizeof(words)};

static struct callees stubs_of(void)
{
	struct callees slots = {.at = {{SLOT, SITE_WAIT}}, .len = 1}, stubs = {0};

	cr_assert(eq(int, sites_arch_aarch64.find_stubs(&code, &slots, &stubs), 0));
	return stubs;
}

Test(sites_aarch64, finds_stubs)
{
	struct callees stubs = stubs_of();

	cr_assert(eq(sz, stubs.len, 2));
	cr_assert(ne(ptr, (void *)callee_find(&stubs, 0x1100c), NULL));
	cr_assert(ne(ptr, (void *)callee_find(&stubs, 0x11010), NULL));
}

Test(sites_aarch64, finds_calls_of_them)
{
	struct callees stubs = stubs_of(), slots = {0};
	struct calls calls = {0};

	cr_assert(eq(int, sites_arch_aarch64.find_calls(&code, &slots, &stubs, &calls), 0));
	cr_assert(eq(sz, calls.list.len, 3));
	cr_assert(eq(u64, calls.list.at[0].opcode, 0x11020));
	cr_assert(eq(u64, calls.list.at[0].end, 0x11024));
	cr_assert(not(calls.list.at[0].is_tail));
	cr_assert(eq(u64, calls.list.at[1].opcode, 0x11024));
	cr_assert(eq(u64, calls.list.at[2].opcode, 0x1102c));
	cr_assert(calls.list.at[2].is_tail);
	cr_assert(eq(int, (int)calls.list.at[0].kind, SITE_WAIT));
	cr_assert(eq(int, sites_arch_aarch64.prove(&code, calls.list.at, calls.list.len), 0));
	for (size_t i = 0; i < calls.list.len; i++)
		cr_assert(eq(u64, calls.list.at[i].start, calls.list.at[i].opcode));
	vec_fini(&calls.list);
}
