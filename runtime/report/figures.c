/* Names of figures → their values in a report. Those of the verdict's evidence are taken from
 * there; latencies and losses are added. */
#include "runtime/report/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/err.h"
#include "runtime/report/facts.h"
#include "runtime/report/latency.h"

enum source {
	EVIDENCE,
	WAIT_NS,
	LATENCY_P50,
	LATENCY_P90,
	LATENCY_P99,
	LATENCY_MAX,
	LOST,
	OVERHEAD
};

static const struct {
	const char *name;
	enum source source;
	const char *latency;
} figures[] = {
	{"wait_share", EVIDENCE, NULL},
	{"waiting_threads", EVIDENCE, NULL},
	{"wait_share_of_demand", EVIDENCE, NULL},
	{"held_share", EVIDENCE, NULL},
	{"cores_used", EVIDENCE, NULL},
	{"wait_for_blocked_share", EVIDENCE, NULL},
	{"wait", WAIT_NS, NULL},
	{"p50_wait", LATENCY_P50, "wait"},
	{"p90_wait", LATENCY_P90, "wait"},
	{"p99_wait", LATENCY_P99, "wait"},
	{"max_wait", LATENCY_MAX, "wait"},
	{"p50_hold", LATENCY_P50, "hold"},
	{"p90_hold", LATENCY_P90, "hold"},
	{"p99_hold", LATENCY_P99, "hold"},
	{"max_hold", LATENCY_MAX, "hold"},
	{"lost_events", LOST, NULL},
	{"overhead_share", OVERHEAD, NULL},
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))
#define NAMES_MAX_BYTES 400

static const char *name_figures(char names[NAMES_MAX_BYTES])
{
	size_t at = 0;

	for (size_t i = 0; i < FIGURES; i++) {
		int len = snprintf(
			names + at, NAMES_MAX_BYTES - at, "%s%s", i ? ", " : "", figures[i].name);

		if (len < 0 || (size_t)len >= NAMES_MAX_BYTES - at)
			break;
		at += (size_t)len;
	}
	return names;
}

static int parse_value(const char *text, bool is_time, double *ret_value)
{
	uint64_t ns;
	char *end;
	double value = strtod(text, &end);

	if (is_time) {
		if (clock_parse(text, &ns))
			return -EINVAL;
		*ret_value = (double)ns;
		return 0;
	}
	if (end == text || !(value >= 0))
		return -EINVAL;
	if (!strcmp(end, "%"))
		value /= 100;
	else if (*end)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int threshold_parse(const char *text, struct threshold *ret_threshold, struct err *err)
{
	size_t len = strcspn(text, "<>=");
	const char *at = text + len;
	struct threshold threshold = {.is_below = *at == '<'};
	char names[NAMES_MAX_BYTES];
	bool is_time = false;

	if (*at != '<' && *at != '>')
		return err_ret(err, -EINVAL,
			"--fail-on wants FIGURE>VALUE, like 'wait_share>0.2' or 'p99_wait>5ms'; "
			"not \"%.80s\"",
			text);
	threshold.is_equal_enough = at[1] == '=';
	at += threshold.is_equal_enough ? 2 : 1;
	while (len && text[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < FIGURES; i++) {
		if (strlen(figures[i].name) != len || strncmp(figures[i].name, text, len) != 0)
			continue;
		threshold.figure = figures[i].name;
		is_time = figures[i].latency || figures[i].source == WAIT_NS;
	}
	if (!threshold.figure)
		return err_ret(err, -EINVAL, "--fail-on: no figure \"%.*s\"; there are %s",
			len < 60 ? (int)len : 60, text, name_figures(names));
	if (parse_value(at + strspn(at, " "), is_time, &threshold.value))
		return err_ret(err, -EINVAL, "--fail-on: %s wants %s; not \"%.60s\"",
			threshold.figure, is_time ? "a time, like 5ms" : "a number, like 0.2", at);
	*ret_threshold = threshold;
	return 0;
}

static double find_evidence(const struct report *report, const char *name)
{
	vec_each (evidence, &report->verdict.evidence)
		if (!strcmp(evidence->name, name))
			return evidence->value;
	return RUN_UNKNOWN;
}

static double sum_waits(const struct facts *facts)
{
	int64_t sum = RUN_UNKNOWN;

	for (size_t i = 0; i < facts->process_count; i++)
		sum = known_sum(sum, facts->processes[i].wait_ns);
	return (double)sum;
}

static double choose(const struct latency *latency, enum source source)
{
	switch (source) {
	case LATENCY_P50:
		return (double)latency->p50_ns;
	case LATENCY_P90:
		return (double)latency->p90_ns;
	case LATENCY_P99:
		return (double)latency->p99_ns;
	default:
		return (double)latency->max_ns;
	}
}

/* Where nobody waited although waits were measured, the latency is 0; else it is unknown. */
static int measure_latency(const struct report *report, size_t which, double *ret_value)
{
	struct latency latency;
	int rc = latency_init(&latency, report->run, figures[which].latency);

	if (rc)
		return rc;
	if (latency.count)
		*ret_value = choose(&latency, figures[which].source);
	else if (!strcmp(figures[which].latency, "wait") && sum_waits(report->facts) >= 0)
		*ret_value = 0;
	latency_fini(&latency);
	return 0;
}

int threshold_measure(
	const struct threshold *threshold, const struct report *report, double *ret_value)
{
	size_t which = 0;

	while (which + 1 < FIGURES && strcmp(figures[which].name, threshold->figure) != 0)
		which++;
	*ret_value = RUN_UNKNOWN;
	switch (figures[which].source) {
	case EVIDENCE:
		*ret_value = find_evidence(report, figures[which].name);
		return 0;
	case WAIT_NS:
		*ret_value = sum_waits(report->facts);
		return 0;
	case LOST:
		*ret_value = (double)report->run->info.lost_events;
		return 0;
	case OVERHEAD:
		*ret_value = report->run->info.overhead_share;
		return 0;
	default:
		return measure_latency(report, which, ret_value);
	}
}

bool threshold_is_exceeded(const struct threshold *threshold, double value)
{
	if (threshold->is_equal_enough && value == threshold->value)
		return true;
	return threshold->is_below ? value < threshold->value : value > threshold->value;
}
