/* A made-up runtime in this very process, laid out as 3.11: who holds, threads that are none of
 * Python's, and lists that no interpreter would make. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probes/layout_row.h"
#include "probes/snapshot.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"

#define LOCK_AT 0x168

static uint64_t runtime[4096], interpreters[2][2048], threads[3][64];
static const struct layout *layout;

static void put(void *base, size_t offset, uint64_t number)
{
	memcpy((char *)base + offset, &number, sizeof(number));
}

static void make_runtime(struct snapshot *snapshot)
{
	layout = &layout_row_find(11, EM_X86_64, false)->layout;
	memset(runtime, 0, sizeof(runtime));
	memset(interpreters, 0, sizeof(interpreters));
	memset(threads, 0, sizeof(threads));
	put(runtime, layout->runtime_interp_head, (uintptr_t)interpreters[0]);
	put(runtime, layout->runtime_interp_head + 8U, (uintptr_t)interpreters[0]);
	put(interpreters[0], layout->interp_threads_head, (uintptr_t)threads[0]);
	for (int i = 0; i < 3; i++)
		put(threads[i], layout->tstate_interp, (uintptr_t)interpreters[0]);
	put(threads[0], layout->tstate_next, (uintptr_t)threads[1]);
	put(threads[0], layout->tstate_native_id, (uint64_t)getpid());
	put(runtime, LOCK_AT, 5000);
	put(runtime, LOCK_AT + layout->gil_last_holder, (uintptr_t)threads[0]);
	put(runtime, LOCK_AT + layout->gil_locked, 1);
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->target = (struct target){
		.pid = getpid(),
		.ns_pid = getpid(),
		.has_interpreter = true,
		.version = "3.11.2",
		.version_hex = 0x030b02f0,
		.runtime_address = (uint64_t)(uintptr_t)runtime,
	};
}

/* Of the made-up threads. */
static size_t count_pythons(const struct snapshot *snapshot)
{
	size_t count = 0;

	vec_each (thread, &snapshot->threads)
		count += thread->tstate != 0;
	return count;
}

Test(snapshot, names_the_holder_first)
{
	struct snapshot snapshot;

	make_runtime(&snapshot);
	cr_assert(zero(int, snapshot_look(&snapshot, NULL)));
	cr_assert(eq(sz, snapshot.locks.len, 1));
	cr_assert(eq(int, snapshot.locks.at[0].holder, 0));
	cr_assert(snapshot.threads.at[0].is_holder);
	cr_assert(eq(int, snapshot.threads.at[0].tid, getpid()));
	cr_assert(ne(int, (int)snapshot.threads.at[0].doing, SNAPSHOT_UNKNOWN));
	cr_assert(eq(chr, snapshot.threads.at[0].sleeps.state, 'R'));
	cr_assert(eq(sz, count_pythons(&snapshot), 2));
	cr_assert_not(snapshot.has_changed || snapshot.is_torn);
	/* No thread of this process has the number that is not written in the second. */
	cr_assert(zero(int, snapshot.threads.at[1].tid));
	cr_assert(eq(int, (int)snapshot.threads.at[1].doing, SNAPSHOT_UNKNOWN));
	snapshot_fini(&snapshot);
}

Test(snapshot, a_free_lock_has_no_holder)
{
	struct snapshot snapshot;

	make_runtime(&snapshot);
	put(runtime, LOCK_AT + layout->gil_locked, 0);
	cr_assert(zero(int, snapshot_look(&snapshot, NULL)));
	cr_assert(eq(int, snapshot.locks.at[0].holder, -1));
	vec_each (thread, &snapshot.threads)
		cr_assert_not(thread->is_holder);
	snapshot_fini(&snapshot);
}

Test(snapshot, a_holder_in_no_list_is_nobody)
{
	struct snapshot snapshot;

	make_runtime(&snapshot);
	put(runtime, LOCK_AT + layout->gil_last_holder, (uintptr_t)threads[2]);
	cr_assert(zero(int, snapshot_look(&snapshot, NULL)));
	cr_assert(eq(int, snapshot.locks.at[0].state.locked, 1));
	cr_assert(eq(int, snapshot.locks.at[0].holder, -1));
	snapshot_fini(&snapshot);
}

Test(snapshot, cyclic_threads_end_and_are_said)
{
	struct snapshot snapshot;

	make_runtime(&snapshot);
	put(threads[1], layout->tstate_next, (uintptr_t)threads[0]);
	cr_assert(zero(int, snapshot_look(&snapshot, NULL)));
	cr_assert(eq(sz, count_pythons(&snapshot), 2));
	cr_assert(snapshot.is_torn);
	snapshot_fini(&snapshot);
}

Test(snapshot, cyclic_interpreters_end_and_are_said)
{
	struct snapshot snapshot;
	uint64_t begin_ns = clock_now_ns();

	make_runtime(&snapshot);
	put(interpreters[0], layout->interp_next, (uintptr_t)interpreters[1]);
	put(interpreters[1], layout->interp_next, (uintptr_t)interpreters[0]);
	put(interpreters[1], layout->interp_threads_head, (uintptr_t)threads[2]);
	put(threads[2], layout->tstate_interp, (uintptr_t)interpreters[1]);
	put(interpreters[1], layout->interp_id, 1);
	cr_assert(zero(int, snapshot_look(&snapshot, NULL)));
	cr_assert(eq(sz, count_pythons(&snapshot), 3));
	cr_assert(snapshot.is_torn);
	cr_assert(lt(u64, clock_now_ns() - begin_ns, 5 * NS_PER_S));
	snapshot_fini(&snapshot);
}

Test(snapshot, lists_that_lead_nowhere_are_said)
{
	static const uint64_t places[] = {8, 0x1000, UINT64_MAX, (uint64_t)1 << 63};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct snapshot snapshot;

		make_runtime(&snapshot);
		put(threads[0], layout->tstate_next, places[i]);
		put(threads[0], layout->tstate_frame, places[i]);
		put(threads[0], layout->tstate_native_id, places[i]);
		put(interpreters[0], layout->interp_next, places[i]);
		cr_assert(zero(int, snapshot_look(&snapshot, NULL)));
		cr_assert(eq(sz, count_pythons(&snapshot), 1));
		cr_assert(snapshot.is_torn);
		cr_assert(snapshot.threads.at[0].is_holder);
		cr_assert(zero(int, snapshot.threads.at[0].tid));
		cr_assert(gt(int, snapshot.threads.at[0].lost_frames, 0));
		snapshot_fini(&snapshot);
	}
}

Test(snapshot, no_such_process_in_one_line)
{
	struct snapshot snapshot;
	struct err err = {{0}};

	cr_assert(eq(int, snapshot_take(1 << 30, &snapshot, &err), -ESRCH));
	cr_assert(ne(ptr, strstr(err.text, "no such process"), NULL), "%s", err.text);
	snapshot_fini(&snapshot);
}
