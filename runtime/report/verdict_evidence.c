/* A judgement → the figures that it rests on, by the names that people script against. */
#include "runtime/report/verdict.h"

static int add_evidence(struct verdict *verdict, const char *name, double value)
{
	if (value < 0)
		return 0;
	return vec_push(&verdict->evidence, (struct verdict_evidence){name, value});
}

int verdict_add_evidence(
	const struct facts *facts, const struct judgement *judgement, struct verdict *verdict)
{
	const struct judged *judged = &judgement->subject;
	const struct process_facts *process = judged->process;
	const struct {
		const char *name;
		double value;
	} all[] = {{"cores_used", facts->cores}, {"cores", judgement->capacity},
		{"cpu_quota", judgement->quota},
		{"busy_processes", (double)judgement->busy_processes},
		{"process_pid", process ? process->process->pid : RUN_UNKNOWN},
		{"process_cores_used", process ? process->cores : RUN_UNKNOWN},
		{"threads", process ? (double)process->thread_count : RUN_UNKNOWN},
		{"active_threads", process ? (double)process->active_count : RUN_UNKNOWN},
		{"wait_share", process && process->wait_ns >= 0 ? process->leading_wait_share
								: RUN_UNKNOWN},
		{"waiting_threads",
			process && process->wait_ns >= 0 ? judged->waiting : RUN_UNKNOWN},
		{"wait_share_of_demand",
			process && process->wait_ns >= 0 ? judged->demand_share : RUN_UNKNOWN},
		{"held_share", process ? judged->held_share : RUN_UNKNOWN},
		{"wait_for_running_share", process ? judged->causes.running : RUN_UNKNOWN},
		{"wait_for_runnable_share", process ? judged->causes.runnable : RUN_UNKNOWN},
		{"wait_for_blocked_share", process ? judged->causes.blocked : RUN_UNKNOWN},
		{"typical_wait_ns",
			judged->typical_wait_ns > 0 ? judged->typical_wait_ns : RUN_UNKNOWN},
		{"light_wait_share", process ? judged->light_wait_share : RUN_UNKNOWN},
		{"outside_lock_running_share", process ? judged->none_share : RUN_UNKNOWN},
		{"runnable_cores", process ? judged->runnable_cores : RUN_UNKNOWN},
		{"top_thread_cpu_share", process ? judged->heavy_share : RUN_UNKNOWN},
		{"event_loop_share", process ? judged->loop_share : RUN_UNKNOWN}};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(all) / sizeof(all[0]); i++)
		rc = add_evidence(verdict, all[i].name, all[i].value);
	return rc;
}
