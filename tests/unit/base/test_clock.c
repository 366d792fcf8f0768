/* Time as people write and read it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"

static void expect_format(uint64_t ns, const char *wanted)
{
	char buffer[CLOCK_TEXT_BYTES];

	cr_expect_str_eq(clock_format(ns, buffer), wanted);
}

Test(clock, format_has_three_digits_and_the_right_unit)
{
	expect_format(0, "0 ns");
	expect_format(999, "999 ns");
	expect_format(1000, "1.00 us");
	expect_format(9994, "9.99 us");
	expect_format(9995, "10.0 us");
	expect_format(99950, "100 us");
	expect_format(999499, "999 us");
	expect_format(999500, "1.00 ms");
	expect_format(12345678, "12.3 ms");
	expect_format(999499999, "999 ms");
	expect_format(999500000, "1.00 s");
	expect_format(1530000000, "1.53 s");
	expect_format(3600 * NS_PER_S, "3600 s");
	expect_format(UINT64_MAX, "18446744074 s");
}

static void expect_parse(const char *text, uint64_t wanted)
{
	uint64_t ns = 1;

	cr_expect_eq(clock_parse(text, &ns), 0, "%s", text);
	cr_expect_eq(ns, wanted, "%s", text);
}

Test(clock, parse_takes_units_and_fractions)
{
	expect_parse("10", 10 * NS_PER_S);
	expect_parse("10s", 10 * NS_PER_S);
	expect_parse("250ms", 250 * NS_PER_MS);
	expect_parse("5us", 5 * NS_PER_US);
	expect_parse("2m", 120 * NS_PER_S);
	expect_parse("1h", 3600 * NS_PER_S);
	expect_parse("1.5s", 1500 * NS_PER_MS);
	expect_parse("0", 0);
	expect_parse("0.0000000004", 0);
}

Test(clock, parse_refuses_everything_else_and_leaves_the_result_alone)
{
	static const char *const texts[] = {"", "s", "-1", "-1s", "1 s", "1x", "10ss", "nan", "inf",
		"1e300", "1e10h", "1,5s", "1s "};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t ns = 77;

		cr_expect_eq(clock_parse(texts[i], &ns), -EINVAL, "%s", texts[i]);
		cr_expect_eq(ns, 77, "%s", texts[i]);
	}
}

Test(clock, now_is_the_monotonic_clock)
{
	struct timespec before, after;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &before);
	now = clock_now_ns();
	clock_gettime(CLOCK_MONOTONIC, &after);
	cr_expect(now >= (uint64_t)before.tv_sec * NS_PER_S + (uint64_t)before.tv_nsec);
	cr_expect(now <= (uint64_t)after.tv_sec * NS_PER_S + (uint64_t)after.tv_nsec);
}

Test(clock, iso_now_is_utc_and_now)
{
	char buffer[CLOCK_ISO_BYTES];
	time_t before = time(NULL), told;
	struct tm utc = {0};

	clock_iso_now(buffer);
	cr_assert_eq(strlen(buffer), 20);
	cr_assert_str_eq(strptime(buffer, "%Y-%m-%dT%H:%M:%SZ", &utc), "");
	told = timegm(&utc);
	cr_expect(told >= before && told <= time(NULL));
}
