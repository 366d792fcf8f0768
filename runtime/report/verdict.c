/* Figures → one kind of verdict. Every line it draws is a row of verdict.def; README.md shows the
 * procedure as a table. */
#include "runtime/report/verdict.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/cleanup.h"
#include "runtime/report/latency.h"

enum {
#define THRESHOLD(name, value, why) NUMBER_##name,
#include "runtime/report/verdict.def"
#undef THRESHOLD
};

static const double thresholds[] = {
#define THRESHOLD(name, value, why) [NUMBER_##name] = value,
#include "runtime/report/verdict.def"
#undef THRESHOLD
};

#define LIMIT(name) thresholds[NUMBER_##name]

static int64_t running_ns(const struct state_times *times)
{
	int64_t sum = RUN_UNKNOWN;

	for (int lock = 0; lock < LOCK_STATES; lock++)
		sum = known_sum(sum, times->ns[lock][SCHED_RUNNING]);
	return sum;
}

/* Ready to run, and not because of the lock. */
static int64_t runnable_ns(const struct state_times *times)
{
	return known_sum(
		times->ns[LOCK_NONE][SCHED_RUNNABLE], times->ns[LOCK_HOLDING][SCHED_RUNNABLE]);
}

static int compare_cpu(const void *a, const void *b)
{
	const struct thread_facts *left = *(const struct thread_facts *const *)a;
	const struct thread_facts *right = *(const struct thread_facts *const *)b;

	return left->cpu_ns > right->cpu_ns ? -1 : left->cpu_ns < right->cpu_ns;
}

/* Waits of threads that need little, while a few others compute. */
static void measure_convoy(
	const struct thread_facts *const *by_cpu, size_t count, struct judged *judged)
{
	double cpu_ns = 0, so_far_ns = 0, light_wait_ns = 0, wait_ns = 0;
	size_t heavy = 0, wanting = 0;

	for (size_t i = 0; i < count; i++) {
		cpu_ns += (double)known_sum(by_cpu[i]->cpu_ns, 0);
		wait_ns += (double)known_sum(by_cpu[i]->thread->wait_ns, 0);
		wanting += by_cpu[i]->thread->wait_ns > 0;
	}
	while (heavy < count && so_far_ns < LIMIT(HEAVY_CPU_SHARE) * cpu_ns)
		so_far_ns += (double)known_sum(by_cpu[heavy++]->cpu_ns, 0);
	for (size_t i = heavy; i < count; i++) {
		double waited = (double)known_sum(by_cpu[i]->thread->wait_ns, 0);

		if ((double)by_cpu[i]->cpu_ns < LIMIT(CONVOY_CPU_PER_WAIT) * waited)
			light_wait_ns += waited;
	}
	judged->light_wait_share = 0;
	if (wait_ns > 0 && (double)heavy <= LIMIT(HEAVY_THREAD_SHARE) * (double)wanting)
		judged->light_wait_share = light_wait_ns / wait_ns;
	judged->heavy = count ? by_cpu[0] : NULL;
	judged->heavy_share = cpu_ns > 0 ? (double)known_sum(by_cpu[0]->cpu_ns, 0) / cpu_ns : 0;
}

static int measure_threads(struct judged *judged)
{
	const struct process_facts *process = judged->process;
	_free_ const struct thread_facts **by_cpu =
		calloc(process->thread_count + 1, sizeof(struct thread_facts *));

	if (!by_cpu)
		return -ENOMEM;
	for (size_t i = 0; i < process->thread_count; i++)
		by_cpu[i] = &process->threads[i];
	qsort(by_cpu, process->thread_count, sizeof(struct thread_facts *), compare_cpu);
	measure_convoy(by_cpu, process->thread_count, judged);
	if (judged->heavy)
		judged->loop_share = judged->heavy->stacked_ns ? share_of(judged->heavy->loop_ns,
									 judged->heavy->stacked_ns)
							       : RUN_UNKNOWN;
	return 0;
}

/* Where the holder's state is not known, its CPU still tells: only the holder can have used it. */
static void infer_causes(struct judged *judged)
{
	double waiting = judged->waiting < 1 ? judged->waiting : 1;

	if (judged->causes.blocked >= 0)
		return;
	if (judged->process->cores < LIMIT(INFERRED_CPU_SHARE) * waiting)
		judged->causes = (struct wait_causes){judged->process->cores / waiting, 0,
			1 - judged->process->cores / waiting, true};
}

/* Everything but the causes, which need the whole of blame and activity. */
static int measure(struct judged *judged, const struct process_facts *process)
{
	int64_t wait_ns = known_sum(process->wait_ns, 0);
	double demand_ns = (double)wait_ns + (double)known_sum(process->cpu_ns, 0) +
			   (double)known_sum(runnable_ns(&process->times), 0);

	*judged = (struct judged){.process = process,
		.loop_share = RUN_UNKNOWN,
		.causes = {RUN_UNKNOWN, RUN_UNKNOWN, RUN_UNKNOWN, false}};
	judged->waiting = process->window_ns ? share_of(wait_ns, process->window_ns) : 0;
	judged->demand_share = demand_ns > 0 ? (double)wait_ns / demand_ns : 0;
	judged->held_share = share_of(process->held_ns, process->window_ns);
	judged->runnable_cores = share_of(runnable_ns(&process->times), process->window_ns);
	judged->none_share =
		share_of(process->times.ns[LOCK_NONE][SCHED_RUNNING], running_ns(&process->times));
	return measure_threads(judged);
}

static int measure_waits(struct judged *judged, const struct run *run)
{
	const struct process_facts *process = judged->process;
	struct latency latency;
	int rc = latency_init_process(&latency, run, "wait", process->process->pid);

	if (rc)
		return rc;
	if (latency.count)
		judged->typical_wait_ns = (double)latency.p50_ns;
	else if (process->waits > 0)
		judged->typical_wait_ns = share_of(process->wait_ns, process->waits);
	latency_fini(&latency);
	return 0;
}

/* What is needed of the process that the verdict is about. */
static int measure_causes(struct judged *judged, const struct run *run, const struct facts *facts)
{
	int rc = wait_causes(run, facts, judged->process, &judged->causes);

	if (!rc)
		rc = measure_waits(judged, run);
	if (!rc)
		infer_causes(judged);
	return rc;
}

static bool is_queueing(const struct judged *judged)
{
	return judged->light_wait_share >= LIMIT(CAUSE_SHARE);
}

bool judged_is_long_hold(const struct judged *judged)
{
	return is_queueing(judged) && judged->typical_wait_ns > LIMIT(CONVOY_WAIT_NS);
}

static bool is_contended(const struct judged *judged)
{
	return judged->waiting >= LIMIT(WAITING_THREADS) &&
	       judged->demand_share >= LIMIT(DEMAND_SHARE);
}

static bool is_parallel(const struct judged *judged)
{
	double demand = judged->process->cores;

	if (judged->runnable_cores > 0)
		demand += judged->runnable_cores;
	if (judged->none_share >= LIMIT(PARALLEL_DEMAND_NONE_SHARE) &&
		demand > LIMIT(PARALLEL_CORES) && judged->heavy_share < LIMIT(ONE_THREAD_SHARE))
		return true;
	return judged->process->cores > LIMIT(PARALLEL_CORES) &&
	       (judged->none_share < 0 || judged->none_share >= LIMIT(PARALLEL_NONE_SHARE));
}

static bool has_used_quota(const struct judgement *judgement, const struct facts *facts)
{
	return judgement->quota >= 0 && facts->cores >= LIMIT(QUOTA_SHARE) * judgement->quota;
}

/* Somebody waits for the lock, and it matters: why? */
static enum verdict_kind judge_contended(
	const struct judgement *judgement, const struct judged *judged, const struct facts *facts)
{
	if (judged->causes.runnable >= LIMIT(PREEMPTED_SHARE))
		return VERDICT_CPU_LIMITED;
	if (is_parallel(judged) && facts->cores >= LIMIT(FULL_SHARE) * judgement->capacity)
		return has_used_quota(judgement, facts) ? VERDICT_CPU_LIMITED
							: VERDICT_PARALLEL_NATIVE;
	if (has_used_quota(judgement, facts) && judgement->quota < LIMIT(FULL_SHARE))
		return VERDICT_CPU_LIMITED;
	if (judged->causes.blocked >= LIMIT(CAUSE_SHARE))
		return VERDICT_BLOCKED_WHILE_HOLDING;
	if (is_parallel(judged) && judged->demand_share < LIMIT(PARALLEL_DEMAND_SHARE))
		return VERDICT_PARALLEL_NATIVE;
	if (is_queueing(judged) && !judged_is_long_hold(judged))
		return VERDICT_CONVOY;
	return VERDICT_LOCK_BOUND;
}

/* Ready threads without a core. */
static bool lacks_cores(const struct judged *judged)
{
	double active = (double)judged->process->active_count;

	return judged->runnable_cores >= LIMIT(RUNNABLE_CORES) &&
	       judged->runnable_cores >= LIMIT(RUNNABLE_PER_CORE) * judged->process->cores &&
	       judged->runnable_cores >= LIMIT(RUNNABLE_THREAD_SHARE) * active;
}

/* By a quota, or by a machine that has no second core to run on. */
static bool is_confined(const struct judgement *judgement, const struct facts *facts)
{
	return has_used_quota(judgement, facts) ||
	       (facts->cores >= LIMIT(FULL_SHARE) * judgement->capacity &&
		       judgement->capacity <= LIMIT(PARALLEL_CORES));
}

static enum verdict_kind judge_quiet(
	const struct judgement *judgement, const struct judged *judged, const struct facts *facts)
{
	const struct process_facts *process = judged->process;

	if (process->cores >= LIMIT(ASYNC_CORES) && judged->loop_share >= LIMIT(LOOP_SHARE) &&
		judged->heavy_share >= LIMIT(CAUSE_SHARE))
		return VERDICT_ASYNC;
	if (!judged->heavy || process->cores < LIMIT(IDLE_CORES) ||
		(process->active_count <= 1 && process->cores < LIMIT(IDLE_ONE_THREAD_CORES)))
		return VERDICT_IDLE;
	if (lacks_cores(judged) && is_confined(judgement, facts))
		return VERDICT_CPU_LIMITED;
	if (is_parallel(judged))
		return VERDICT_PARALLEL_NATIVE;
	/* Others have the cores. */
	if (lacks_cores(judged) && facts->cores < LIMIT(FULL_SHARE) * judgement->capacity)
		return VERDICT_CPU_LIMITED;
	if (process->active_count <= 1 || (judged->heavy_share >= LIMIT(ONE_THREAD_SHARE) &&
						  process->cores >= LIMIT(ONE_THREAD_CORES)))
		return VERDICT_SINGLE_THREAD;
	return VERDICT_OVERLAPPING;
}

static bool is_free_threaded(const struct process_facts *process)
{
	return process->process->lock && *process->process->lock == 'o' &&
	       process->process->lock[1] == 'f';
}

static double weight(const struct process_facts *process)
{
	return (double)known_sum(process->cpu_ns, 0) + (double)known_sum(process->wait_ns, 0);
}

/* The process whose lock costs most, if it stands for the program. */
static int find_contended(const struct facts *facts, struct judged *ret_judged, bool *ret_found)
{
	double whole = 0;

	*ret_found = false;
	for (size_t i = 0; i < facts->process_count; i++)
		whole += weight(&facts->processes[i]);
	for (size_t i = 0; i < facts->process_count; i++) {
		const struct process_facts *process = &facts->processes[i];
		struct judged judged;
		int rc;

		if (!process->has_lock || process->wait_ns <= 0)
			continue;
		if (*ret_found && process->wait_ns <= ret_judged->process->wait_ns)
			continue;
		rc = measure(&judged, process);
		if (rc)
			return rc;
		if (!is_contended(&judged) || (weight(process) < LIMIT(SUBJECT_SHARE) * whole &&
						      judged.waiting < LIMIT(SUBJECT_WAITING)))
			continue;
		*ret_judged = judged;
		*ret_found = true;
	}
	return 0;
}

static size_t count_busy(const struct facts *facts)
{
	size_t count = 0;

	for (size_t i = 0; i < facts->process_count; i++) {
		const struct process_facts *process = &facts->processes[i];
		double share = share_of(known_sum(process->cpu_ns, 0), facts->cpu_ns);

		count += process->cores >= LIMIT(BUSY_CORES) &&
			 share >= LIMIT(BUSY_CPU_SHARE) / (double)facts->process_count;
	}
	return count;
}

/* By CPU: with no contention that is what the program does. */
static size_t find_busiest(const struct facts *facts)
{
	size_t best = 0;

	for (size_t i = 1; i < facts->process_count; i++)
		if (facts->processes[i].cpu_ns > facts->processes[best].cpu_ns)
			best = i;
	return best;
}

int judge(const struct run *run, const struct facts *facts, struct judgement *ret_judgement)
{
	struct judgement judgement = {.kind = VERDICT_IDLE, .quota = run->info.cpu_quota};
	bool is_found = false;
	size_t busiest;
	int rc;

	judgement.capacity = run->info.cores > 0 ? run->info.cores : 1;
	if (judgement.quota >= 0 && judgement.quota < judgement.capacity)
		judgement.capacity = judgement.quota;
	else
		judgement.quota = RUN_UNKNOWN;
	judgement.busy_processes = count_busy(facts);
	*ret_judgement = judgement;
	if (!facts->process_count || !facts->duration_ns)
		return 0;
	rc = find_contended(facts, &judgement.subject, &is_found);
	if (!rc && is_found)
		rc = measure_causes(&judgement.subject, run, facts);
	if (rc)
		return rc;
	if (is_found) {
		judgement.kind = judge_contended(&judgement, &judgement.subject, facts);
		*ret_judgement = judgement;
		return 0;
	}
	busiest = find_busiest(facts);
	rc = measure(&judgement.subject, &facts->processes[busiest]);
	if (rc)
		return rc;
	judgement.kind = judge_quiet(&judgement, &judgement.subject, facts);
	if (judgement.busy_processes > 1 && share_of(facts->processes[busiest].cpu_ns,
						    facts->cpu_ns) < LIMIT(ONE_PROCESS_SHARE))
		judgement.kind = has_used_quota(&judgement, facts) ? VERDICT_CPU_LIMITED
								   : VERDICT_MULTI_PROCESS;
	else if (is_free_threaded(&facts->processes[busiest]) && judgement.kind != VERDICT_IDLE)
		judgement.kind = VERDICT_FREE_THREADED;
	*ret_judgement = judgement;
	return 0;
}
