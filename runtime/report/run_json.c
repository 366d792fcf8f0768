/* A report → JSON, schema "gilscope-report/1". Every field is always there; what is not known is
 * null, never 0. */
#include "runtime/report/run_json.h"

#include <errno.h>
#include <string.h>

#include "runtime/core/json_out.h"
#include "runtime/report/facts.h"
#include "runtime/report/latency.h"

#define SHARE_IS_KNOWN(value) ((value) >= 0 ? json_real(value) : json_null())

static json_t *make_frame(const struct run_frame *frame)
{
	return json_pack("{s:o, s:o, s:o, s:b, s:o}", "function", json_text(frame->function),
		"file", json_text_or_null(frame->file), "line",
		frame->line > 0 ? json_integer(frame->line) : json_null(), "is_native",
		frame->is_native, "module", json_text_or_null(frame->module));
}

static json_t *make_stack(const struct run *run, int64_t id)
{
	const struct run_stack *stack = id > 0 ? run_stack_find(run, id) : NULL;

	return stack ? json_array_of(&stack->frames, make_frame) : json_array();
}

static json_t *make_place(const struct report *report, int64_t id)
{
	const struct stack_place *place = places_find(&report->facts->places, id);

	return place && place->frame ? make_frame(place->frame) : json_null();
}

/* One object from several; NULL when any is NULL. */
static json_t *merge(json_t *first, json_t *second)
{
	if (first && second && !json_object_update(first, second)) {
		json_decref(second);
		return first;
	}
	json_decref(first);
	json_decref(second);
	return NULL;
}

static json_t *make_lock_states(const int64_t ns[SCHED_STATES])
{
	if (ns[SCHED_RUNNING] < 0 || ns[SCHED_RUNNABLE] < 0 || ns[SCHED_BLOCKED] < 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "running", (json_int_t)ns[SCHED_RUNNING], "runnable",
		(json_int_t)ns[SCHED_RUNNABLE], "blocked", (json_int_t)ns[SCHED_BLOCKED]);
}

static json_t *make_states(const struct state_times *states)
{
	return json_pack("{s:o, s:o, s:o}", "none", make_lock_states(states->ns[LOCK_NONE]),
		"waiting", make_lock_states(states->ns[LOCK_WAITING]), "holding",
		make_lock_states(states->ns[LOCK_HOLDING]));
}

static json_t *make_thread(const struct thread_facts *facts)
{
	const struct run_thread *thread = facts->thread;
	json_t *head = json_pack("{s:i, s:o, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tid",
		thread->tid > 0 ? thread->tid : 0, "name", json_text(thread->name), "cpu_ns",
		(json_int_t)known_sum(facts->cpu_ns, 0), "cpu_is_known", facts->cpu_ns >= 0,
		"wait_ns", json_amount(thread->wait_ns), "waits", json_amount(thread->waits),
		"wait_max_ns", json_amount(thread->wait_max_ns), "hold_ns",
		json_amount(thread->hold_ns), "holds", json_amount(thread->holds), "hold_max_ns",
		json_amount(thread->hold_max_ns), "states", make_states(&thread->states));
	json_t *rest = json_pack("{s:o, s:o, s:I, s:b, s:o}", "states_estimated",
		make_states(&facts->times), "held_ns_estimated", json_amount(facts->held_ns),
		"seen_for_ns", (json_int_t)facts->window_ns, "is_active", facts->is_active,
		"end_ns", json_amount(thread->end_ns));

	return merge(head, rest);
}

static json_t *make_interpreter(const struct run_process *process)
{
	const char *lock = process->lock ? process->lock : "on";

	if (!process->interpreter)
		return json_null();
	return json_pack("{s:o, s:o, s:s, s:o}", "name", json_text(process->interpreter), "version",
		json_text(process->version), "lock", !strcmp(lock, "off") ? "off" : "on",
		"build_id", json_text_or_null(process->build_id));
}

static json_t *make_threads(const struct process_facts *process)
{
	json_t *threads = json_array();

	for (size_t i = 0; threads && i < process->thread_count; i++) {
		if (json_array_append_new(threads, make_thread(&process->threads[i]))) {
			json_decref(threads);
			threads = NULL;
		}
	}
	return threads;
}

static json_t *make_process(const struct process_facts *facts)
{
	const struct run_process *process = facts->process;
	json_t *head = json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o}", "pid",
		process->pid > 0 ? process->pid : 0, "ppid", process->ppid > 0 ? process->ppid : 0,
		"role", json_text(process->role), "name", json_text(process->name), "exe",
		json_text(process->exe), "argv", json_text_or_null(process->argv), "interpreter",
		make_interpreter(process), "cores", facts->cores, "rss_bytes",
		json_amount(facts->rss_bytes), "pss_bytes", json_amount(facts->pss_bytes));
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "rss_peak_bytes",
		json_amount(facts->rss_peak_bytes), "cpu_ns", json_amount(facts->cpu_ns), "wait_ns",
		json_amount(facts->wait_ns), "waits", json_amount(facts->waits),
		"held_ns_estimated", json_amount(facts->held_ns), "held_is_sampled",
		facts->held_is_sampled, "why_unmeasured",
		json_text_or_null(process->why_unmeasured), "end_ns", json_amount(process->end_ns),
		"threads", make_threads(facts));

	return merge(head, rest);
}

static json_t *make_processes(const struct facts *facts)
{
	json_t *processes = json_array();

	for (size_t i = 0; processes && i < facts->process_count; i++) {
		if (json_array_append_new(processes, make_process(&facts->processes[i]))) {
			json_decref(processes);
			processes = NULL;
		}
	}
	return processes;
}

static json_t *make_run(const struct report *report)
{
	const struct run_info *info = &report->run->info;
	json_t *loss =
		json_pack("{s:I, s:I}", "events", (json_int_t)known_sum(info->lost_events, 0),
			"stacks", (json_int_t)known_sum(info->lost_stacks, 0));
	json_t *overhead = json_pack("{s:o, s:o, s:o, s:o}", "probe_ns",
		json_amount(info->probe_ns), "probe_hits", json_amount(info->probe_hits),
		"share_of_core", SHARE_IS_KNOWN(info->overhead_share), "recorder_cpu_ns",
		json_amount(info->recorder_cpu_ns));
	json_t *head = json_pack("{s:o, s:I, s:o, s:i, s:o, s:o}", "started",
		json_text(info->started), "duration_ns", (json_int_t)report->facts->duration_ns,
		"tier", json_text(info->tier), "cores", info->cores > 0 ? info->cores : 0, "loss",
		loss, "overhead", overhead);
	json_t *rest = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tool_version",
		json_text(info->tool_version), "is_complete", info->is_complete, "kernel",
		json_text(info->kernel), "command", json_text(info->command), "cpu_quota",
		SHARE_IS_KNOWN(info->cpu_quota), "start_ns", json_amount(info->start_ns),
		"hold_correction_ns", json_amount(info->hold_correction_ns), "wait_correction_ns",
		json_amount(info->wait_correction_ns), "sample_period_ns",
		json_amount(info->sample_period_ns));

	return merge(head, rest);
}

static json_t *make_evidence(const struct verdict_evidence *evidence)
{
	return json_pack("{s:s, s:f}", "name", evidence->name, "value", evidence->value);
}

static json_t *make_verdict(const struct report *report)
{
	return json_pack("{s:s, s:o, s:o}", "kind", verdict_kind_name(report->verdict.kind), "text",
		json_text(report->verdict.text), "evidence",
		json_array_of(&report->verdict.evidence, make_evidence));
}

static json_t *make_blame(const struct report *report)
{
	json_t *all = json_array();

	vec_each (row, &report->run->blame) {
		json_t *one = json_pack("{s:i, s:i, s:o, s:I, s:I, s:o, s:o, s:o}", "pid",
			row->pid > 0 ? row->pid : 0, "waiter_tid",
			row->waiter_tid > 0 ? row->waiter_tid : 0, "holder_tid",
			row->holder_tid > 0 ? json_integer(row->holder_tid) : json_null(),
			"wait_ns", (json_int_t)known_sum(row->wait_ns, 0), "waits",
			(json_int_t)known_sum(row->waits, 0), "max_ns", json_amount(row->max_ns),
			"place", make_place(report, row->stack), "stack",
			make_stack(report->run, row->stack));

		if (!all) {
			json_decref(one);
		} else if (json_array_append_new(all, one)) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}

static json_t *make_longest(const struct report *report)
{
	json_t *all = json_array();

	vec_each (row, &report->run->longest) {
		json_t *one = json_pack("{s:o, s:i, s:i, s:o, s:I, s:I, s:o, s:b, s:o, s:o}",
			"kind", json_text(row->kind), "pid", row->pid, "tid", row->tid, "other_tid",
			row->other_tid > 0 ? json_integer(row->other_tid) : json_null(), "start_ns",
			(json_int_t)row->start_ns, "length_ns", (json_int_t)row->length_ns,
			"cpu_ns", json_amount(row->cpu_ns), "is_open", row->is_open, "place",
			make_place(report, row->stack), "stack",
			make_stack(report->run, row->stack));

		if (!all) {
			json_decref(one);
		} else if (json_array_append_new(all, one)) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}

/* Many rows share a stack: they name it, and "stacks" has it. */
static json_t *make_activity(const struct run_activity *row)
{
	static const char *const locks[] = {"none", "waiting", "holding"};
	static const char *const scheds[] = {"running", "runnable", "blocked"};

	return json_pack("{s:i, s:i, s:s, s:s, s:I, s:I, s:b, s:o}", "pid", row->pid, "tid",
		row->tid, "lock", locks[row->lock], "sched", scheds[row->sched], "ns",
		(json_int_t)row->ns, "count", (json_int_t)row->count, "is_sampled", row->is_sampled,
		"stack", row->stack > 0 ? json_integer(row->stack) : json_null());
}

static json_t *make_stacks(const struct report *report)
{
	json_t *all = json_array();

	vec_each (stack, &report->run->stacks) {
		json_t *one = json_pack("{s:I, s:o, s:o}", "id", (json_int_t)stack->id, "place",
			make_place(report, stack->id), "frames",
			json_array_of(&stack->frames, make_frame));

		if (!all) {
			json_decref(one);
		} else if (json_array_append_new(all, one)) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}

static json_t *make_bucket(const struct run_bucket *bucket)
{
	return json_pack("[I, I, I]", (json_int_t)bucket->low_ns, (json_int_t)bucket->high_ns,
		(json_int_t)bucket->count);
}

/* {"wait": {"count", "p50_ns" …, "buckets": [[low, high, count] …]}, …}; null: none of that kind.
 */
static json_t *make_latency(const struct run *run)
{
	json_t *all = json_object();

	for (size_t i = 0; all && i < LATENCY_KINDS; i++) {
		struct latency latency;
		json_t *one = NULL;

		if (!latency_init(&latency, run, latency_kinds[i])) {
			one = !latency.count
				      ? json_null()
				      : json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "count",
						(json_int_t)latency.count, "p50_ns",
						(json_int_t)latency.p50_ns, "p90_ns",
						(json_int_t)latency.p90_ns, "p99_ns",
						(json_int_t)latency.p99_ns, "p999_ns",
						(json_int_t)latency.p999_ns, "max_ns",
						(json_int_t)latency.max_ns, "buckets",
						json_array_of(&latency.buckets, make_bucket));
			latency_fini(&latency);
		}
		if (json_object_set_new(all, latency_kinds[i], one)) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}

static json_t *make_memory(const struct run_memory *row)
{
	return json_pack("{s:i, s:I, s:o, s:o, s:o}", "pid", row->pid, "at_ns",
		(json_int_t)row->at_ns, "rss_bytes", json_amount(row->rss_bytes), "pss_bytes",
		json_amount(row->pss_bytes), "uss_bytes", json_amount(row->uss_bytes));
}

json_t *report_json_value(const struct report *report)
{
	json_t *findings = report->findings ? json_array_of(&report->findings->list, json_finding)
					    : json_array();

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
		"gilscope-report/1", "run", make_run(report), "verdict", make_verdict(report),
		"processes", make_processes(report->facts), "blame", make_blame(report), "longest",
		make_longest(report), "latency", make_latency(report->run), "activity",
		json_array_of(&report->run->activity, make_activity), "stacks", make_stacks(report),
		"memory", json_array_of(&report->run->memory, make_memory), "findings", findings);
}

int report_json(const struct report *report, const struct report_style *style, struct str *out)
{
	json_t *root = report_json_value(report);
	char *json = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	int rc = json ? str_add(out, json) : -ENOMEM;

	(void)style; /* JSON holds all findings: readers filter by themselves */
	if (!rc)
		rc = str_add(out, "\n");
	free(json);
	json_decref(root);
	return rc;
}
