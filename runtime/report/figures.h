/* Figures of a report by name, for thresholds: `--fail-on 'wait_share>0.2'`. */
#ifndef GILSCOPE_REPORT_FIGURES_H
#define GILSCOPE_REPORT_FIGURES_H

#include "runtime/report/report.h"

/* "wait_share>0.2", "p99_wait>=5ms", "cores_used<1.5". */
struct threshold {
	const char *figure; /* static */
	bool is_below, is_equal_enough; /* '<' rather than '>'; with '=' */
	double value; /* times in ns */
};

/* 0 or -EINVAL and a sentence. */
int threshold_parse(const char *text, struct threshold *ret_threshold, struct err *err);

/* The figure's value; RUN_UNKNOWN: this run cannot know it. 0 or -ENOMEM. */
int threshold_measure(
	const struct threshold *threshold, const struct report *report, double *ret_value);
bool threshold_is_exceeded(const struct threshold *threshold, double value);

#endif
