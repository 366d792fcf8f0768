/* Inside report: a run → the figures that the verdict and the formats show. Amounts are RUN_UNKNOWN
 * where neither the recorder nor its samples can tell. */
#ifndef GILSCOPE_REPORT_FACTS_H
#define GILSCOPE_REPORT_FACTS_H

#include "runtime/report/place.h"

struct thread_facts {
	const struct run_thread *thread; /* borrowed from the run */
	int64_t window_ns; /* while it was seen */
	int64_t cpu_ns;
	/* As recorded; a lock state that the tier does not see by itself comes from the samples and
	 * the scheduler's stacks. */
	struct state_times times;
	int64_t held_ns; /* recorded, else from `times` */
	int64_t stretches; /* times it left the processor outside the lock */
	int64_t loop_ns, stacked_ns; /* with a stack on an event loop; with any stack */
	bool is_active;
};

struct process_facts {
	const struct run_process *process; /* borrowed; made up where the run names only a pid */
	struct thread_facts *threads; /* the heaviest first */
	size_t thread_count, active_count;
	bool is_root; /* its parent was not recorded */
	bool has_lock; /* its lock was measured */
	int64_t window_ns, cpu_ns;
	int64_t waits, wait_ns, wait_max_ns;
	int64_t held_ns;
	bool held_is_sampled;
	struct state_times times;
	/* Threads that weigh at least 15 % of the heaviest, and how much of their time they wait.
	 */
	size_t leading_count;
	double leading_wait_share;
	int64_t rss_bytes, pss_bytes, rss_peak_bytes; /* last ones, and the highest */
	double cores; /* while it was there; 0 .. */
};

struct facts {
	struct places places;
	struct process_facts *processes; /* those that began it first, then the heaviest */
	size_t process_count, thread_count;
	int64_t duration_ns, cpu_ns;
	double cores; /* of all processes over the run */
	bool has_activity, has_samples;
};

int facts_init(struct facts *facts, const struct run *run, struct arena *arena);

/* Computing, waiting, and keeping the lock while blocked: 0 .. */
int64_t thread_weight(const struct thread_facts *thread);

/* a + b, where unknown is left out; unknown only when both are. */
int64_t known_sum(int64_t a, int64_t b);

/* Sum of one lock state's row. */
int64_t lock_sum(const struct state_times *times, enum lock_state lock);

/* part / whole, 0 where the whole is nothing; RUN_UNKNOWN where either is unknown. */
double share_of(int64_t part, int64_t whole);

const char *process_title(const struct process_facts *process, struct arena *arena);

#endif
