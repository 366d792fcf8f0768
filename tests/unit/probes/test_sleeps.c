/* What /proc says of a sleeping thread, and of one that runs; and of a thread of our own. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probes/sleeps.h"

Test(sleeps, running)
{
	struct sleeps sleeps = {.call = 5};

	cr_assert(zero(int, sleeps_parse("running\n", &sleeps)));
	cr_assert(sleeps.is_known && sleeps.is_on_cpu);
	cr_assert(eq(long, sleeps.call, SLEEPS_NO_CALL));
	cr_assert_not(sleeps_in_futex(&sleeps, 0, UINT64_MAX));
}

Test(sleeps, in_a_call)
{
	struct sleeps sleeps = {0};
	char line[128];

	snprintf(line, sizeof(line), "%d 0x7f00deadbeef 0x89 0x0 0x1 0x7ffc00 0x7f0012\n",
		SYS_futex);
	cr_assert(zero(int, sleeps_parse(line, &sleeps)));
	cr_assert(sleeps.is_known && !sleeps.is_on_cpu);
	cr_assert(eq(u64, sleeps.argument, 0x7f00deadbeefULL));
	cr_assert(sleeps_in_futex(&sleeps, 0x7f00deadbeefULL, 0x7f00deadbef0ULL));
	cr_assert_not(sleeps_in_futex(&sleeps, 0x7f00deadbee0ULL, 0x7f00deadbeefULL));
	cr_assert_not(sleeps_in_futex(&sleeps, 0x7f00deadbef0ULL, UINT64_MAX));
}

Test(sleeps, another_call_on_the_same_address_is_no_futex)
{
	struct sleeps sleeps = {0};

	cr_assert_neq(SYS_futex, SYS_read);
	sleeps.is_known = true;
	sleeps.call = SYS_read;
	sleeps.argument = 0x1000;
	cr_assert_not(sleeps_in_futex(&sleeps, 0x1000, 0x2000));
	cr_assert(eq(str, (char *)sleeps_words(SYS_read), "read"));
}

Test(sleeps, in_no_call)
{
	struct sleeps sleeps = {0};

	cr_assert(zero(int, sleeps_parse("-1 0x7ffc00 0x7f0012\n", &sleeps)));
	cr_assert(sleeps.is_known && !sleeps.is_on_cpu);
	cr_assert(eq(long, sleeps.call, SLEEPS_NO_CALL));
	cr_assert(zero(u64, sleeps.argument));
	cr_assert_null(sleeps_words(sleeps.call));
}

Test(sleeps, what_is_no_such_line_is_unknown)
{
	static const char *const lines[] = {
		"", "\n", "202", "202 zzz", "-7 0x1 0x2", "runnin", "0x1 0x2"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sleeps sleeps = {.is_known = true, .call = SYS_futex};

		cr_assert(eq(int, sleeps_parse(lines[i], &sleeps), -EINVAL), "%s", lines[i]);
		cr_assert_not(sleeps.is_known);
		cr_assert(eq(long, sleeps.call, SLEEPS_NO_CALL));
	}
}

Test(sleeps, of_this_thread)
{
	struct sleeps sleeps;

	cr_assert(zero(int, sleeps_read(getpid(), getpid(), &sleeps)));
	cr_assert(eq(chr, sleeps.state, 'R'));
	cr_assert(eq(int, sleeps_read(1 << 30, 1 << 30, &sleeps), -ENOENT));
}
