/* Inside report: histograms of a run → percentiles. */
#ifndef GILSCOPE_REPORT_LATENCY_H
#define GILSCOPE_REPORT_LATENCY_H

#include "runtime/core/run.h"

/* One kind ("wait", "hold", "handoff"), all threads or those of one process. Percentiles are exact
 * to a bucket's width (an eighth of an octave). */
struct latency {
	const char *kind; /* static */
	int64_t count; /* 0: none */
	int64_t p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
	vec(struct run_bucket) buckets; /* merged over the threads, by low_ns; tid 0 */
};

#define LATENCY_KINDS 3
extern const char *const latency_kinds[LATENCY_KINDS];

int latency_init(struct latency *latency, const struct run *run, const char *kind);
int latency_init_process(struct latency *latency, const struct run *run, const char *kind, int pid);
void latency_fini(struct latency *latency);

#endif
