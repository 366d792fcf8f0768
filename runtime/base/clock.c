/* Time: reading the clock, and durations to and from text. */
#include "runtime/base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

char *clock_format(uint64_t ns, char buffer[CLOCK_TEXT_BYTES])
{
	static const struct {
		double divisor;
		const char *unit;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double value = (double)ns / units[i].divisor;

		/* 0.9995 would round up to 1.00 of this unit. */
		if (value < 0.9995)
			continue;
		(void)snprintf(buffer, CLOCK_TEXT_BYTES, "%.*f %s",
			value >= 99.95   ? 0
			: value >= 9.995 ? 1
					 : 2,
			value, units[i].unit);
		return buffer;
	}
	(void)snprintf(buffer, CLOCK_TEXT_BYTES, "%llu ns", (unsigned long long)ns);
	return buffer;
}

int clock_parse(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"m", 60e9}, {"h", 3600e9}};
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || errno || !isfinite(value) || value < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double ns = value * units[i].ns;

		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (ns >= 9e18)
			return -EINVAL;
		*ret_ns = (uint64_t)llround(ns);
		return 0;
	}
	return -EINVAL;
}

char *clock_iso_now(char buffer[CLOCK_ISO_BYTES])
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	(void)strftime(buffer, CLOCK_ISO_BYTES, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return buffer;
}
