/* The tables of the text format: processes, threads, their states, latencies. Each takes the
 * heaviest rows and counts the rest. */
#include <errno.h>
#include <stdlib.h>

#include "runtime/report/latency.h"
#include "runtime/report/run_text.h"

static int add_process(struct table *table, const struct process_facts *facts)
{
	const struct run_process *process = facts->process;
	int rc = table_addf(table, "%d", process->pid);

	if (!rc)
		rc = table_add(table, process->role);
	if (!rc)
		rc = table_add(table, process->name);
	if (!rc)
		rc = table_addf(table, "%.2f", facts->cores);
	if (!rc)
		rc = table_add_time(table, facts->wait_ns);
	if (!rc)
		rc = table_add_bytes(table, facts->rss_bytes);
	if (!rc)
		rc = table_add_bytes(table, facts->pss_bytes);
	if (!rc && process->interpreter)
		rc = table_addf(table, "%s %s", process->interpreter,
			process->version ? process->version : "?");
	else if (!rc)
		rc = table_add(table, "none");
	if (!rc)
		rc = table_add(table, process->lock ? process->lock : "-");
	return rc ? rc : table_addf(table, "%zu", facts->thread_count);
}

static int add_unmeasured(struct text_writer *text)
{
	const struct facts *facts = text->report->facts;
	size_t shown = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < facts->process_count && shown < 3; i++) {
		const struct run_process *process = facts->processes[i].process;
		_free_ char *line = NULL;

		if (!process->why_unmeasured)
			continue;
		shown++;
		rc = str_addf(text->out, "  %d: lock not measured: ", process->pid);
		if (!rc)
			rc = str_add_cut(text->out, process->why_unmeasured,
				(size_t)text->style->columns - 35);
		if (!rc)
			rc = str_add(text->out, "\n");
	}
	return rc;
}

int text_processes(struct text_writer *text)
{
	static const struct table_column columns[] = {{"PID", true, 0}, {"ROLE", false, 6},
		{"NAME", false, 8}, {"CORES", true, 0}, {"WAIT", true, 0}, {"RSS", true, 0},
		{"PSS", true, 0}, {"INTERPRETER", false, 8}, {"LOCK", false, 0},
		{"THREADS", true, 0}};
	const struct facts *facts = text->report->facts;
	struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}};
	size_t shown =
		facts->process_count < TEXT_PROCESSES ? facts->process_count : TEXT_PROCESSES;
	int rc = shown ? text_heading(text, "Processes") : 0;

	for (size_t i = 0; !rc && i < shown; i++)
		rc = add_process(&table, &facts->processes[i]);
	if (!rc && shown)
		rc = text_print(text, &table, facts->process_count - shown, "processes");
	table_fini(&table);
	return rc ? rc : add_unmeasured(text);
}

static int compare_weight(const void *a, const void *b)
{
	const struct thread_facts *left = *(const struct thread_facts *const *)a;
	const struct thread_facts *right = *(const struct thread_facts *const *)b;
	int64_t left_weight = thread_weight(left), right_weight = thread_weight(right);

	if (left_weight != right_weight)
		return left_weight > right_weight ? -1 : 1;
	return left->thread->tid < right->thread->tid ? -1 : 1;
}

/* All threads of all processes, the heaviest first; owned by the caller. */
static const struct thread_facts **sort_threads(const struct facts *facts)
{
	const struct thread_facts **all =
		calloc(facts->thread_count + 1, sizeof(struct thread_facts *));
	size_t count = 0;

	for (size_t i = 0; all && i < facts->process_count; i++)
		for (size_t t = 0; t < facts->processes[i].thread_count; t++)
			all[count++] = &facts->processes[i].threads[t];
	if (all)
		qsort(all, count, sizeof(struct thread_facts *), compare_weight);
	return all;
}

static int add_thread(struct table *table, const struct thread_facts *facts)
{
	const struct run_thread *thread = facts->thread;
	int rc = table_addf(table, "%d", thread->tid);

	if (!rc)
		rc = table_add(table, thread->name);
	if (!rc)
		rc = table_add_time(table, facts->cpu_ns);
	if (!rc)
		rc = table_add_count(table, thread->waits);
	if (!rc)
		rc = table_add_time(table, thread->wait_ns);
	if (!rc)
		rc = table_add_share(table, share_of(thread->wait_ns, facts->window_ns));
	if (!rc)
		rc = table_add_time(table, thread->wait_max_ns);
	if (!rc)
		rc = table_add_count(table, thread->holds);
	if (!rc)
		rc = table_add_time(table, thread->hold_ns);
	return rc ? rc : table_add_time(table, thread->hold_max_ns);
}

typedef int add_row(struct table *table, const struct thread_facts *facts);

static int print_threads(struct text_writer *text, struct table *table, add_row *add)
{
	size_t count = text->report->facts->thread_count;
	size_t shown = count < TEXT_THREADS ? count : TEXT_THREADS;
	_free_ const struct thread_facts **all = sort_threads(text->report->facts);
	int rc = all ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < shown; i++)
		rc = add(table, all[i]);
	if (!rc)
		rc = text_print(text, table, count - shown, "threads");
	table_fini(table);
	return rc;
}

int text_threads(struct text_writer *text)
{
	static const struct table_column columns[] = {{"TID", true, 0}, {"NAME", false, 8},
		{"CPU", true, 0}, {"WAITS", true, 0}, {"WAIT", true, 0}, {"SHARE", true, 0},
		{"MAX WAIT", true, 0}, {"HOLDS", true, 0}, {"HELD", true, 0},
		{"MAX HOLD", true, 0}};
	struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}};
	int rc;

	if (!text->report->facts->thread_count)
		return 0;
	rc = text_heading(text, "Threads");
	return rc ? rc : print_threads(text, &table, add_thread);
}

static int add_states(struct table *table, const struct thread_facts *facts)
{
	int rc = table_addf(table, "%d", facts->thread->tid);

	if (!rc)
		rc = table_add(table, facts->thread->name);
	for (int lock = 0; !rc && lock < LOCK_STATES; lock++)
		for (int sched = 0; !rc && sched < SCHED_STATES; sched++)
			rc = table_add_share(
				table, share_of(facts->times.ns[lock][sched], facts->window_ns));
	return rc;
}

int text_states(struct text_writer *text)
{
	static const struct table_column columns[] = {{"TID", true, 0}, {"NAME", false, 8},
		{"FREE run", true, 0}, {"ready", true, 0}, {"block", true, 0},
		{"WAIT run", true, 0}, {"ready", true, 0}, {"block", true, 0},
		{"HOLD run", true, 0}, {"ready", true, 0}, {"block", true, 0}};
	struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}};
	int rc;

	if (!text->report->facts->thread_count)
		return 0;
	rc = text_heading(text,
		"Where their time went (without, waiting for, holding the lock; ready: no core)");
	return rc ? rc : print_threads(text, &table, add_states);
}

int text_latency(struct text_writer *text)
{
	static const struct table_column columns[] = {{"LATENCY", false, 0}, {"COUNT", true, 0},
		{"P50", true, 0}, {"P90", true, 0}, {"P99", true, 0}, {"P99.9", true, 0},
		{"MAX", true, 0}};
	struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}};
	int rc = 0;

	for (size_t i = 0; !rc && i < LATENCY_KINDS; i++) {
		struct latency latency;

		rc = latency_init(&latency, text->report->run, latency_kinds[i]);
		if (rc)
			break;
		if (latency.count) {
			rc = table_add(&table, latency.kind);
			rc = rc ? rc : table_add_count(&table, latency.count);
			rc = rc ? rc : table_add_time(&table, latency.p50_ns);
			rc = rc ? rc : table_add_time(&table, latency.p90_ns);
			rc = rc ? rc : table_add_time(&table, latency.p99_ns);
			rc = rc ? rc : table_add_time(&table, latency.p999_ns);
			rc = rc ? rc : table_add_time(&table, latency.max_ns);
		}
		latency_fini(&latency);
	}
	if (!rc && table.cells.len)
		rc = text_heading(text, "How long single waits and holds take");
	if (!rc && table.cells.len)
		rc = text_print(text, &table, 0, "");
	table_fini(&table);
	return rc;
}
