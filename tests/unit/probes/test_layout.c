/* The lock of a made-up runtime in this very process: found, not there yet, or refused. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probes/layout_row.h"
#include "probes/version.h"
#include "runtime/base/err.h"

/* As big as the biggest row needs, so that the scan has room. */
static uint64_t runtime[4096], interpreter[2048], thread[64], stranger[64];

static struct target own_target(void)
{
	return (struct target){
		.pid = getpid(),
		.ns_pid = getpid(),
		.has_interpreter = true,
		.version = "3.11.2",
		.version_hex = 0x030b02f0,
		.runtime_address = (uint64_t)(uintptr_t)runtime,
	};
}

static void put(void *base, size_t offset, uint64_t number)
{
	memcpy((char *)base + offset, &number, sizeof(number));
}

/* 3.11: the lock is inside _PyRuntime. */
static void make_runtime(uint64_t lock_at)
{
	const struct layout_row *row = layout_row_find(11, EM_X86_64, false);

	memset(runtime, 0, sizeof(runtime));
	memset(interpreter, 0, sizeof(interpreter));
	memset(thread, 0, sizeof(thread));
	put(runtime, row->layout.runtime_interp_head, (uintptr_t)interpreter);
	put(runtime, row->layout.runtime_interp_head + 8U, (uintptr_t)interpreter);
	put(interpreter, row->layout.interp_threads_head, (uintptr_t)thread);
	put(thread, row->layout.tstate_interp, (uintptr_t)interpreter);
	put(runtime, lock_at, 5000);
	put(runtime, lock_at + row->layout.gil_last_holder, (uintptr_t)thread);
	put(runtime, lock_at + row->layout.gil_locked, 1);
	put(runtime, lock_at + row->layout.gil_switch_number, 42);
}

Test(layout, finds_the_lock_of_the_row)
{
	struct target target = own_target();
	struct layout layout;
	struct layout_lock lock;
	uint64_t address = 0;
	const char *how = "";

	make_runtime(0x168);
	cr_assert(eq(int, layout_find(&target, &layout, &address, &how, NULL), 0));
	cr_assert(eq(u64, address, (uintptr_t)runtime + 0x168));
	cr_assert(eq(str, (char *)how, "table 3.11"));
	cr_assert(eq(int, layout_lock_read(&target, &layout, address, &lock), 0));
	cr_assert(eq(int, lock.locked, 1));
	cr_assert(eq(u64, lock.switch_number, 42));
	cr_assert(eq(u64, lock.last_holder, (uintptr_t)thread));
	cr_assert(lock.is_enabled);
}

Test(layout, says_not_yet_before_the_runtime_starts)
{
	struct target target = own_target();
	struct layout layout;
	uint64_t address = 77;
	const char *how = "";
	struct err err = {{0}};

	memset(runtime, 0, sizeof(runtime));
	cr_assert(eq(int, layout_find(&target, &layout, &address, &how, &err), -ENOENT));
	cr_assert(eq(u64, address, 77));
	cr_assert(ne(ptr, strstr(err.text, "not started yet"), NULL));
	/* 3.11 marks a lock that does not exist yet with -1. */
	make_runtime(0x168);
	put(runtime, 0x168 + 0x8, 0);
	put(runtime, 0x168 + 0x10, (uint32_t)-1);
	cr_assert(eq(int, layout_find(&target, &layout, &address, &how, &err), -ENOENT));
}

Test(layout, scans_when_the_row_is_off)
{
	struct target target = own_target();
	struct layout layout;
	uint64_t address = 0;
	const char *how = "";

	make_runtime(0x1f8);
	cr_assert(eq(int, layout_find(&target, &layout, &address, &how, NULL), 0));
	cr_assert(eq(u64, address, (uintptr_t)runtime + 0x1f8));
	cr_assert(eq(str, (char *)how, "scan"));
}

Test(layout, refuses_a_wrong_row_in_one_line)
{
	struct target target = own_target();
	struct layout layout = {0};
	uint64_t address = 77;
	const char *how = NULL;
	struct err err = {{0}};

	make_runtime(0x168);
	put(stranger, 0x10, (uintptr_t)stranger); /* leads back to no interpreter */
	put(runtime, 0x168 + 0x8, (uintptr_t)stranger);
	cr_assert(eq(int, layout_find(&target, &layout, &address, &how, &err), -EPROTO));
	cr_assert(eq(u64, address, 77));
	cr_assert(ne(ptr, strstr(err.text, "its holder is no thread"), NULL), "%s", err.text);
	cr_assert(eq(ptr, strchr(err.text, '\n'), NULL));
}

Test(layout, refuses_versions_without_a_row)
{
	struct target target = own_target();
	struct layout layout;
	uint64_t address;
	const char *how;
	struct err err = {{0}};

	target.version_hex = 0x030700f0;
	cr_assert(eq(int, layout_find(&target, &layout, &address, &how, &err), -EOPNOTSUPP));
	cr_assert(ne(ptr, strstr(err.text, "3.8 to 3.15"), NULL));
}

Test(layout, has_sane_rows_for_every_version)
{
	for (int minor = 8; minor <= 15; minor++)
		for (int machine = 0; machine < 2; machine++) {
			const struct layout_row *row =
				layout_row_find(minor, machine ? EM_AARCH64 : EM_X86_64, false);

			cr_assert(ne(ptr, (void *)row, NULL), "3.%d", minor);
			/* Exactly one way to the lock. */
			cr_assert(ne(int, row->runtime_gil == LAYOUT_ABSENT,
				row->interp_gil == LAYOUT_ABSENT));
			cr_assert(ne(int, row->layout.frame_code, LAYOUT_ABSENT));
			cr_assert(ne(int, row->layout.code_linetable, LAYOUT_ABSENT));
		}
}

Test(layout, takes_published_offsets_only_when_plausible)
{
	struct target target = own_target();
	struct layout_row row = *layout_row_find(13, EM_X86_64, false);

	memset(runtime, 0, sizeof(runtime));
	cr_assert(eq(int, layout_row_publish(&target, &row), -ENOENT), "no cookie");
	memcpy(runtime, DEBUG_COOKIE, DEBUG_COOKIE_BYTES);
	put(runtime, 0x118, 0x1234); /* code_object.filename of 3.13 */
	cr_assert(eq(int, layout_row_publish(&target, &row), 0));
	cr_assert(eq(int, row.layout.code_filename, 0x1234));
	put(runtime, 0x118, 1ULL << 40);
	cr_assert(eq(int, layout_row_publish(&target, &row), -EPROTO));
	cr_assert(eq(int, row.layout.code_filename, 0x1234), "written only on success");
}
