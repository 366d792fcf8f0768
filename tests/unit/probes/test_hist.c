/* Buckets of durations: every duration has one, its edges hold it, and they lie close together. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/hist.h"

#define LAST_EDGE_NS (1ULL << HIST_HIGH_BIT)

static void check(unsigned long long ns)
{
	__u32 bucket = hist_bucket(ns);

	cr_assert(lt(u32, bucket, HIST_BUCKETS));
	cr_assert(le(u64, hist_low_ns(bucket), ns));
	if (bucket + 1 < HIST_BUCKETS)
		cr_assert(gt(u64, hist_low_ns(bucket + 1), ns));
}

Test(hist, edges_hold_what_is_between_them)
{
	check(0);
	check(HIST_LOW_NS - 1);
	check(~0ULL);
	for (int bit = 0; bit < 64; bit++) {
		check((1ULL << bit) - 1);
		check(1ULL << bit);
		check((1ULL << bit) + (1ULL << bit) / 3);
	}
	for (unsigned long long ns = 1; ns < LAST_EDGE_NS; ns += ns / 7 + 1)
		check(ns);
}

Test(hist, edges_rise_by_an_eighth)
{
	for (__u32 bucket = 1; bucket + 1 < HIST_BUCKETS; bucket++) {
		double low = (double)hist_low_ns(bucket), high = (double)hist_low_ns(bucket + 1);

		cr_assert(gt(dbl, high, low));
		cr_assert(le(dbl, high, low * 1.125));
	}
	cr_assert(eq(u64, hist_low_ns(1), HIST_LOW_NS));
	cr_assert(eq(u64, hist_low_ns(HIST_BUCKETS - 1), LAST_EDGE_NS));
}
