/* Log-linear histograms of durations, for both sides: 8 buckets an octave, so that a bucket's edges
 * lie within 12.5 % of each other. Bucket 0 takes everything below HIST_LOW_NS, the last one
 * everything from 2^HIST_HIGH_BIT ns (137 s) on. */
#ifndef GILSCOPE_PROBES_HIST_H
#define GILSCOPE_PROBES_HIST_H

#include <linux/types.h>

#define HIST_LOW_BIT 7
#define HIST_HIGH_BIT 37
#define HIST_SUB_BITS 3
#define HIST_LOW_NS (1ULL << HIST_LOW_BIT)
#define HIST_BUCKETS (((HIST_HIGH_BIT - HIST_LOW_BIT) << HIST_SUB_BITS) + 2)

/* One row of the kernel's map. */
struct hist {
	__u32 counts[HIST_BUCKETS];
	__u32 reserved[2];
};
_Static_assert(sizeof(struct hist) == 976, "both sides must agree");

/* Floor of the binary logarithm, without a loop (the verifier likes it). */
static inline __attribute__((always_inline)) __u32 hist_log2(__u64 value)
{
	__u32 bit = 0;

	for (__u32 step = 32; step; step >>= 1) {
		if (value >> step) {
			value >>= step;
			bit += step;
		}
	}
	return bit;
}

static inline __attribute__((always_inline)) __u32 hist_bucket(__u64 ns)
{
	__u32 bit;

	if (ns < HIST_LOW_NS)
		return 0;
	bit = hist_log2(ns);
	if (bit >= HIST_HIGH_BIT)
		return HIST_BUCKETS - 1;
	return 1 + ((bit - HIST_LOW_BIT) << HIST_SUB_BITS) +
	       (__u32)((ns >> (bit - HIST_SUB_BITS)) & ((1 << HIST_SUB_BITS) - 1));
}

/* Lowest duration of a bucket; that of bucket + 1 is its exclusive end. */
static inline __u64 hist_low_ns(__u32 bucket)
{
	__u32 octave;

	if (bucket == 0)
		return 0;
	octave = (bucket - 1) >> HIST_SUB_BITS;
	return (HIST_LOW_NS << octave) + ((__u64)((bucket - 1) & ((1 << HIST_SUB_BITS) - 1))
						 << (HIST_LOW_BIT + octave - HIST_SUB_BITS));
}

#endif
