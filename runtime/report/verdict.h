/* Inside report: figures → one kind, and its sentence. */
#ifndef GILSCOPE_REPORT_VERDICT_H
#define GILSCOPE_REPORT_VERDICT_H

#include "runtime/report/facts.h"
#include "runtime/report/report.h"

/* Why threads waited: shares of the waits whose holder's state is known; RUN_UNKNOWN all when none
 * is. */
struct wait_causes {
	double running, runnable, blocked;
	bool is_inferred; /* from the CPU that was used meanwhile */
};

/* What the decision rests on, for one process. */
struct judged {
	const struct process_facts *process;
	double waiting; /* threads on average */
	double demand_share; /* waiting / (waiting, running or ready to run) */
	double held_share; /* of the time */
	double runnable_cores; /* ready outside a wait; RUN_UNKNOWN */
	double none_share; /* of the running time; RUN_UNKNOWN */
	double light_wait_share; /* of the waits: by threads that need little */
	double typical_wait_ns; /* the median, else the mean; 0: no waits */
	const struct thread_facts *heavy; /* most CPU; NULL: no threads */
	double heavy_share; /* its part of the CPU */
	double loop_share; /* of the heavy thread's time with a stack; RUN_UNKNOWN */
	struct wait_causes causes;
};

struct judgement {
	enum verdict_kind kind;
	struct judged subject; /* process NULL: nothing was measured */
	size_t busy_processes;
	double capacity; /* cores that the program may use */
	double quota; /* RUN_UNKNOWN: none */
};

int judge(const struct run *run, const struct facts *facts, struct judgement *ret_judgement);

/* From blame, and from what the holders did meanwhile. */
int wait_causes(const struct run *run, const struct facts *facts,
	const struct process_facts *process, struct wait_causes *ret_causes);

/* Do light threads queue for one long hold after the other? Python cannot interrupt those. */
bool judged_is_long_hold(const struct judged *judged);

int verdict_add_evidence(
	const struct facts *facts, const struct judgement *judgement, struct verdict *verdict);

/* The sentences and the evidence. */
int verdict_write(struct report *report, const struct facts *facts,
	const struct judgement *judgement, struct verdict *ret_verdict);

#endif
