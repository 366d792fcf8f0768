/* Every operation in every state, and what a call leaves behind. */
#include <criterion/criterion.h>

#include "analyzer/lock.h"

Test(lock, release_and_acquire_are_balanced)
{
	struct lock lock = lock_at_entry(LOCK_HELD);

	cr_assert_eq(lock_apply(&lock, LOCK_OP_RELEASE, 7), MISMATCH_NONE);
	cr_assert_eq(lock.state, LOCK_RELEASED);
	cr_assert_eq(lock.site, 7);
	cr_assert_not(lock_is_balanced(&lock));
	cr_assert_eq(lock_apply(&lock, LOCK_OP_ACQUIRE, 9), MISMATCH_NONE);
	cr_assert_eq(lock.site, LOCK_NO_SITE);
	cr_assert(lock_is_balanced(&lock));
}

Test(lock, what_cannot_be_is_told_and_changes_nothing)
{
	struct lock lock = lock_at_entry(LOCK_RELEASED), before = lock;

	cr_assert_eq(lock_apply(&lock, LOCK_OP_RELEASE, 1), MISMATCH_RELEASE_RELEASED);
	cr_assert_eq(lock_apply(&lock, LOCK_OP_UNENSURE, 1), MISMATCH_UNENSURE_RELEASED);
	cr_assert(lock_is_same(&lock, &before));
	lock = lock_at_entry(LOCK_FOREIGN);
	cr_assert_eq(lock_apply(&lock, LOCK_OP_RELEASE, 1), MISMATCH_RELEASE_FOREIGN);
	lock = lock_at_entry(LOCK_HELD);
	cr_assert_eq(lock_apply(&lock, LOCK_OP_ACQUIRE, 1), MISMATCH_ACQUIRE_HELD);
}

Test(lock, ensure_goes_back_to_what_it_found)
{
	struct lock lock = lock_at_entry(LOCK_FOREIGN);

	lock_apply(&lock, LOCK_OP_ENSURE, 1);
	cr_assert_eq(lock.state, LOCK_HELD);
	lock_apply(&lock, LOCK_OP_RELEASE, 2);
	lock_apply(&lock, LOCK_OP_ENSURE, 3);
	cr_assert_eq(lock.state, LOCK_HELD);
	cr_assert_eq(lock.depth, 2);
	lock_apply(&lock, LOCK_OP_UNENSURE, 4);
	cr_assert_eq(lock.state, LOCK_RELEASED);
	lock_apply(&lock, LOCK_OP_ACQUIRE, 5);
	lock_apply(&lock, LOCK_OP_UNENSURE, 6);
	cr_assert_eq(lock.state, LOCK_FOREIGN);
	cr_assert(lock_is_balanced(&lock));
}

Test(lock, more_levels_than_are_told_apart_do_no_harm)
{
	struct lock lock = lock_at_entry(LOCK_HELD);

	for (int i = 0; i < 300; i++)
		lock_apply(&lock, LOCK_OP_ENSURE, 1);
	cr_assert_eq(lock.depth, LOCK_DEPTH_MAX);
	for (int i = 0; i < 300; i++)
		lock_apply(&lock, LOCK_OP_UNENSURE, 2);
	cr_assert_eq(lock.state, LOCK_CALLER);
}

Test(lock, the_unknown_becomes_what_the_code_implies)
{
	struct lock lock = lock_at_entry(LOCK_UNKNOWN);

	lock_apply(&lock, LOCK_OP_RELEASE, 1);
	cr_assert_eq(lock.entry, LOCK_HELD);
	lock_apply(&lock, LOCK_OP_ACQUIRE, 2);
	cr_assert(lock_is_balanced(&lock));
	lock = lock_at_entry(LOCK_UNKNOWN);
	lock_apply(&lock, LOCK_OP_ACQUIRE, 1);
	cr_assert_eq(lock.entry, LOCK_RELEASED);
	cr_assert_not(lock_is_balanced(&lock));
}

Test(lock, a_thread_gives_back_what_it_took)
{
	struct lock lock = lock_at_entry(LOCK_FOREIGN);

	lock_apply(&lock, LOCK_OP_ACQUIRE, 1);
	cr_assert_eq(lock.state, LOCK_HELD);
	lock_apply(&lock, LOCK_OP_RELEASE, 2);
	cr_assert_eq(lock.state, LOCK_FOREIGN);
	cr_assert(lock_is_balanced(&lock));
}

Test(lock, a_callee_may_pop_what_the_caller_ensured)
{
	struct lock caller = lock_at_entry(LOCK_RELEASED), callee = lock_at_entry(LOCK_HELD);

	lock_apply(&caller, LOCK_OP_ENSURE, 1);
	lock_apply(&callee, LOCK_OP_UNENSURE, 50);
	cr_assert_eq(callee.pops, 1);
	lock_after_call(&caller, &callee, 2);
	cr_assert_eq(caller.state, LOCK_RELEASED);
	cr_assert_eq(caller.depth, 0);
	cr_assert(lock_is_balanced(&caller));
}

Test(lock, a_callee_may_ensure_for_its_caller)
{
	struct lock caller = lock_at_entry(LOCK_FOREIGN), callee = lock_at_entry(LOCK_FOREIGN);

	lock_apply(&callee, LOCK_OP_ENSURE, 50);
	lock_after_call(&caller, &callee, 3);
	cr_assert_eq(caller.state, LOCK_HELD);
	cr_assert_eq(caller.depth, 1);
	cr_assert_eq(caller.sites[0], 3);
	lock_apply(&caller, LOCK_OP_UNENSURE, 4);
	cr_assert(lock_is_balanced(&caller));
}

Test(lock, a_callee_may_release_for_its_caller)
{
	struct lock caller = lock_at_entry(LOCK_HELD), callee = lock_at_entry(LOCK_HELD);

	lock_apply(&callee, LOCK_OP_RELEASE, 50);
	lock_after_call(&caller, &callee, 3);
	cr_assert_eq(caller.state, LOCK_RELEASED);
	cr_assert_eq(caller.site, 3);
}

Test(lock, who_ensures_first_did_not_have_it)
{
	struct lock caller = lock_at_entry(LOCK_UNKNOWN), callee = lock_at_entry(LOCK_UNKNOWN);

	lock_apply(&callee, LOCK_OP_ENSURE, 1);
	lock_apply(&callee, LOCK_OP_UNENSURE, 2);
	cr_assert_eq(callee.state, LOCK_FOREIGN);
	cr_assert(lock_is_balanced(&callee));
	lock_after_call(&caller, &callee, 3);
	cr_assert_eq(caller.state, LOCK_UNKNOWN, "which says nothing of its caller");
}
