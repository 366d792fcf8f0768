/* A loaded run → figures by process and thread. Whatever the tier recorded is taken as it is; the
 * lock states that it does not see are filled in from samples and the scheduler's stacks. */
#include "runtime/report/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"

/* A thread that did something: enough to be counted among those that share the lock. */
#define ACTIVE_CPU_SHARE 0.001 /* 1 ms a second: above what a periodic poll costs */
#define ACTIVE_STRETCHES_A_S 0.3 /* or it came back from a wait of its own this often */

int64_t known_sum(int64_t a, int64_t b)
{
	if (a < 0)
		return b;
	return b < 0 ? a : a + b;
}

int64_t lock_sum(const struct state_times *times, enum lock_state lock)
{
	int64_t sum = RUN_UNKNOWN;

	for (int sched = 0; sched < SCHED_STATES; sched++)
		sum = known_sum(sum, times->ns[lock][sched]);
	return sum;
}

double share_of(int64_t part, int64_t whole)
{
	if (part < 0 || whole < 0)
		return RUN_UNKNOWN;
	return whole ? (double)part / (double)whole : 0;
}

static void set_unknown(struct state_times *times)
{
	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			times->ns[lock][sched] = RUN_UNKNOWN;
}

static bool is_known(const struct state_times *times, int lock)
{
	return times->ns[lock][SCHED_RUNNING] >= 0;
}

static int64_t window(const struct run_info *info, int64_t seen_ns, int64_t end_ns)
{
	int64_t from = seen_ns > info->start_ns ? seen_ns : info->start_ns;
	int64_t to = end_ns >= 0 && end_ns < info->end_ns ? end_ns : info->end_ns;

	return to > from ? to - from : 0;
}

/* What activity says about one thread. */
struct seen {
	struct state_times times;
	bool is_any;
};

static void add_activity(const struct places *places, const struct run_activity *row,
	struct thread_facts *thread, struct seen *seen)
{
	const struct stack_place *place = places_find(places, row->stack);
	int64_t *ns = &seen->times.ns[row->lock][row->sched];

	*ns = known_sum(*ns, row->ns);
	seen->is_any = true;
	if (!row->is_sampled && row->lock == LOCK_NONE && row->sched == SCHED_BLOCKED)
		thread->stretches += row->count;
	if (!place || !place->frame)
		return;
	thread->stacked_ns += row->ns;
	if (place->is_loop)
		thread->loop_ns += row->ns;
}

/* Rows that the recorder left unknown come from the samples, but only together: a thread that was
 * sampled nowhere in a state was not in it for long. */
static void fill_times(struct thread_facts *thread, const struct seen *seen)
{
	const struct run_thread *recorded = thread->thread;

	thread->times = recorded->states;
	for (int lock = 0; lock < LOCK_STATES; lock++) {
		if (is_known(&recorded->states, lock) || !seen->is_any || lock == LOCK_WAITING)
			continue;
		for (int sched = 0; sched < SCHED_STATES; sched++)
			thread->times.ns[lock][sched] = known_sum(seen->times.ns[lock][sched], 0);
	}
	if (recorded->hold_ns >= 0)
		thread->held_ns = recorded->hold_ns;
	else
		thread->held_ns = lock_sum(&thread->times, LOCK_HOLDING);
}

static void fill_cpu(struct thread_facts *thread)
{
	int64_t running = RUN_UNKNOWN;

	for (int lock = 0; lock < LOCK_STATES; lock++)
		running = known_sum(running, thread->times.ns[lock][SCHED_RUNNING]);
	thread->cpu_ns = thread->thread->cpu_ns >= 0 ? thread->thread->cpu_ns : running;
	thread->is_active =
		share_of(thread->cpu_ns, thread->window_ns) >= ACTIVE_CPU_SHARE ||
		(double)thread->stretches * 1e9 >= ACTIVE_STRETCHES_A_S * (double)thread->window_ns;
	if (!thread->window_ns || (!thread->stretches && thread->cpu_ns <= 0))
		thread->is_active = false;
}

int64_t thread_weight(const struct thread_facts *thread)
{
	int64_t weight = known_sum(thread->cpu_ns, thread->thread->wait_ns);

	return known_sum(known_sum(weight, thread->times.ns[LOCK_HOLDING][SCHED_BLOCKED]), 0);
}

static int compare_threads(const void *a, const void *b)
{
	const struct thread_facts *left = a, *right = b;
	int64_t left_weight = thread_weight(left), right_weight = thread_weight(right);

	if (left->thread->pid != right->thread->pid)
		return left->thread->pid < right->thread->pid ? -1 : 1;
	if (left_weight != right_weight)
		return left_weight > right_weight ? -1 : 1;
	return left->thread->tid < right->thread->tid ? -1 : 1;
}

static int compare_processes(const void *a, const void *b)
{
	const struct process_facts *left = a, *right = b;
	int64_t left_weight = known_sum(known_sum(left->cpu_ns, left->wait_ns), 0);
	int64_t right_weight = known_sum(known_sum(right->cpu_ns, right->wait_ns), 0);

	if (left->is_root != right->is_root)
		return left->is_root ? -1 : 1;
	if (left_weight != right_weight)
		return left_weight > right_weight ? -1 : 1;
	return left->process->pid < right->process->pid ? -1 : 1;
}

/* All threads, those of one process side by side. */
static int make_threads(struct facts *facts, const struct run *run, struct thread_facts *threads)
{
	_free_ struct seen *seen = calloc(run->threads.len + 1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < run->threads.len; i++) {
		threads[i].thread = &run->threads.at[i];
		threads[i].window_ns =
			window(&run->info, run->threads.at[i].seen_ns, run->threads.at[i].end_ns);
		set_unknown(&seen[i].times);
	}
	vec_each (row, &run->activity) {
		const struct run_thread *thread = run_thread_find(run, row->tid);
		size_t at = thread ? (size_t)(thread - run->threads.at) : run->threads.len;

		facts->has_activity = true;
		facts->has_samples = facts->has_samples || row->is_sampled;
		if (thread && thread->pid == row->pid)
			add_activity(&facts->places, row, &threads[at], &seen[at]);
	}
	for (size_t i = 0; i < run->threads.len; i++) {
		fill_times(&threads[i], &seen[i]);
		fill_cpu(&threads[i]);
	}
	qsort(threads, run->threads.len, sizeof(*threads), compare_threads);
	return 0;
}

static void add_thread(struct process_facts *process, const struct thread_facts *thread)
{
	const struct run_thread *recorded = thread->thread;

	process->waits = known_sum(process->waits, recorded->waits);
	process->wait_ns = known_sum(process->wait_ns, recorded->wait_ns);
	if (recorded->wait_max_ns > process->wait_max_ns)
		process->wait_max_ns = recorded->wait_max_ns;
	process->held_ns = known_sum(process->held_ns, thread->held_ns);
	if (thread->held_ns >= 0 && recorded->hold_ns < 0 &&
		!is_known(&recorded->states, LOCK_HOLDING))
		process->held_is_sampled = true;
	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			process->times.ns[lock][sched] = known_sum(
				process->times.ns[lock][sched], thread->times.ns[lock][sched]);
	process->active_count += thread->is_active;
}

#define LEADING_SHARE 0.15

/* The threads that a sentence is about: they are sorted by weight. */
static void find_leading(struct process_facts *process)
{
	double wait_ns = 0, window_ns = 0, heaviest;

	if (!process->thread_count)
		return;
	heaviest = (double)thread_weight(&process->threads[0]);
	while (process->leading_count < process->thread_count) {
		const struct thread_facts *thread = &process->threads[process->leading_count];

		if ((double)thread_weight(thread) < LEADING_SHARE * heaviest)
			break;
		process->leading_count++;
		wait_ns += (double)known_sum(thread->thread->wait_ns, 0);
		window_ns += (double)thread->window_ns;
	}
	process->leading_wait_share = window_ns > 0 ? wait_ns / window_ns : 0;
}

/* Index of the first row of a pid, in rows sorted by pid. */
static size_t first_memory(const struct run *run, int pid)
{
	size_t low = 0, high = run->memory.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (run->memory.at[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_memory(const struct run *run, struct process_facts *process)
{
	int pid = process->process->pid;

	for (size_t i = first_memory(run, pid); i < run->memory.len; i++) {
		const struct run_memory *row = &run->memory.at[i];

		if (row->pid != pid)
			return;
		if (row->rss_bytes >= 0)
			process->rss_bytes = row->rss_bytes;
		if (row->pss_bytes >= 0)
			process->pss_bytes = row->pss_bytes;
		if (row->rss_bytes > process->rss_peak_bytes)
			process->rss_peak_bytes = row->rss_bytes;
	}
}

static void make_process(
	const struct run *run, const struct run_process *recorded, struct process_facts *process)
{
	int64_t cpu_ns = RUN_UNKNOWN;

	process->process = recorded;
	process->is_root = !run_process_find(run, recorded->ppid);
	process->has_lock = recorded->interpreter && !recorded->why_unmeasured;
	process->waits = process->wait_ns = process->wait_max_ns = RUN_UNKNOWN;
	process->held_ns = process->rss_bytes = process->pss_bytes = RUN_UNKNOWN;
	process->rss_peak_bytes = RUN_UNKNOWN;
	set_unknown(&process->times);
	for (size_t i = 0; i < process->thread_count; i++) {
		add_thread(process, &process->threads[i]);
		cpu_ns = known_sum(cpu_ns, process->threads[i].cpu_ns);
	}
	process->cpu_ns = recorded->cpu_ns >= 0 ? recorded->cpu_ns : cpu_ns;
	process->window_ns = window(&run->info, recorded->seen_ns, recorded->end_ns);
	process->cores = process->cpu_ns > 0 && process->window_ns
				 ? (double)process->cpu_ns / (double)process->window_ns
				 : 0;
	find_leading(process);
	add_memory(run, process);
}

/* The threads of a pid that the run says nothing about. */
static const struct run_process *make_up_process(
	const struct run *run, int pid, struct arena *arena)
{
	struct run_process *process = arena_alloc(arena, sizeof(*process));

	if (process)
		*process = (struct run_process){.pid = pid,
			.role = "other",
			.name = "?",
			.exe = "?",
			.why_unmeasured = "the run says nothing about this process",
			.start_ns = run->info.start_ns,
			.seen_ns = run->info.start_ns,
			.end_ns = RUN_UNKNOWN,
			.cpu_ns = RUN_UNKNOWN};
	return process;
}

/* Both lists are sorted by pid: walk them together. */
static int make_processes(struct facts *facts, const struct run *run, struct thread_facts *threads,
	struct arena *arena)
{
	size_t next = 0, known = 0;

	while (next < run->threads.len || known < run->processes.len) {
		struct process_facts *process = &facts->processes[facts->process_count++];
		int thread_pid = next < run->threads.len ? threads[next].thread->pid : INT32_MAX;
		const struct run_process *recorded = NULL;

		if (known < run->processes.len && run->processes.at[known].pid <= thread_pid)
			recorded = &run->processes.at[known++];
		else
			recorded = make_up_process(run, thread_pid, arena);
		if (!recorded)
			return -ENOMEM;
		process->threads = &threads[next];
		while (next < run->threads.len && threads[next].thread->pid == recorded->pid) {
			process->thread_count++;
			next++;
		}
		make_process(run, recorded, process);
	}
	return 0;
}

int facts_init(struct facts *facts, const struct run *run, struct arena *arena)
{
	struct thread_facts *threads =
		arena_alloc(arena, (run->threads.len + 1) * sizeof(*threads));
	int rc;

	*facts = (struct facts){.thread_count = run->threads.len, .cpu_ns = RUN_UNKNOWN};
	facts->duration_ns = window(&run->info, run->info.start_ns, run->info.end_ns);
	facts->processes = arena_alloc(
		arena, (run->threads.len + run->processes.len + 1) * sizeof(*facts->processes));
	if (!threads || !facts->processes)
		return -ENOMEM;
	rc = places_init(&facts->places, run, arena);
	if (!rc)
		rc = make_threads(facts, run, threads);
	if (!rc)
		rc = make_processes(facts, run, threads, arena);
	if (rc)
		return rc;
	for (size_t i = 0; i < facts->process_count; i++)
		facts->cpu_ns = known_sum(facts->cpu_ns, facts->processes[i].cpu_ns);
	if (facts->cpu_ns > 0 && facts->duration_ns)
		facts->cores = (double)facts->cpu_ns / (double)facts->duration_ns;
	qsort(facts->processes, facts->process_count, sizeof(*facts->processes), compare_processes);
	return 0;
}

const char *process_title(const struct process_facts *process, struct arena *arena)
{
	return arena_printf(
		arena, "process %d (%s)", process->process->pid, process->process->name);
}
