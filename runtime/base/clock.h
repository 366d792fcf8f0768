/* Time: all of ours is CLOCK_MONOTONIC in nanoseconds, which is what bpf_ktime_get_ns() counts. */
#ifndef GILSCOPE_BASE_CLOCK_H
#define GILSCOPE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_US 1000ULL

uint64_t clock_now_ns(void);

/* "1.53 s", "870 us", "12 ns": three significant digits, for people. Returns `buffer`. */
#define CLOCK_TEXT_BYTES 24
char *clock_format(uint64_t ns, char buffer[CLOCK_TEXT_BYTES]);

/* "10", "10s", "250ms", "2m", "1.5s" -> nanoseconds; 0 or -EINVAL. A bare number is seconds. */
int clock_parse(const char *text, uint64_t *ret_ns);

/* Now as ISO 8601 in UTC, "2026-01-31T12:00:00Z". */
#define CLOCK_ISO_BYTES 24
char *clock_iso_now(char buffer[CLOCK_ISO_BYTES]);

#endif
