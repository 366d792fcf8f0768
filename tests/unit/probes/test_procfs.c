/* Facts about this very process, as /proc tells them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <unistd.h>

#include "probes/procfs.h"
#include "probes/record.h"
#include "runtime/base/clock.h"

Test(procfs, task_of_this_process)
{
	struct procfs_task task;

	cr_assert(zero(int, procfs_task(getpid(), getpid(), &task)));
	cr_assert(eq(int, task.ppid, getppid()));
	cr_assert(gt(sz, strlen(task.comm), 0));
	cr_assert(eq(chr, task.state, 'R'));
	cr_assert(le(u64, task.start_ns, clock_now_ns()));
	cr_assert(lt(u64, clock_now_ns() - task.start_ns, 600 * NS_PER_S));
}

Test(procfs, no_such_process)
{
	struct procfs_task task;
	struct procfs_tids tids;

	cr_assert(lt(int, procfs_task(1 << 30, 1 << 30, &task), 0));
	cr_assert(lt(int, procfs_tids_of(1 << 30, &tids), 0));
	cr_assert_null(procfs_exe(1 << 30));
}

Test(procfs, threads_of_this_process)
{
	struct procfs_tids tids;

	cr_assert(zero(int, procfs_tids_of(getpid(), &tids)));
	cr_assert(ge(sz, tids.list.len, 1));
	cr_assert(eq(int, tids.list.at[0], getpid()));
	vec_fini(&tids.list);
}

Test(procfs, memory_and_cores)
{
	int64_t rss, pss, uss;

	cr_assert(zero(int, procfs_memory(getpid(), &rss, &pss, &uss)));
	cr_assert(gt(i64, pss, 0));
	cr_assert(le(i64, pss, rss));
	cr_assert(le(i64, uss, rss));
	cr_assert(ge(int, procfs_cores(getpid()), 1));
}

Test(procfs, exe_and_arguments)
{
	char *exe = procfs_exe(getpid()), *arguments = procfs_arguments(getpid());

	cr_assert_not_null(strstr(exe, "test_procfs"));
	cr_assert_not_null(arguments); /* Criterion renames its workers */
	free(exe);
	free(arguments);
}

Test(record, tiers_have_names)
{
	enum tier tier;

	cr_assert(zero(int, tier_parse("exact", &tier)));
	cr_assert(eq(int, tier, TIER_EXACT));
	cr_assert(lt(int, tier_parse("everything", &tier), 0));
	for (int i = TIER_AUTO; i <= TIER_SAMPLE; i++) {
		cr_assert(zero(int, tier_parse(tier_name((enum tier)i), &tier)));
		cr_assert(eq(int, (int)tier, i));
	}
}
