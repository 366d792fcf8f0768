/* Time → what is due: slices, memory, a flush of everything into the run file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probes/procfs.h"
#include "probes/recorder.h"
#include "runtime/base/clock.h"

#define SLICE_NS (50 * NS_PER_MS)
#define FLUSH_NS NS_PER_S
#define MEMORY_FIRST_NS (100 * NS_PER_MS)
#define MEMORY_NS NS_PER_S
#define MEMORY_REST 100 /* times what a look took */

int64_t collect_counter(const struct recorder *recorder, uint32_t counter)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;
	int64_t sum = 0;

	if (values &&
		!bpf_map_lookup_elem(attach_maps(recorder->attach)->counters, &counter, values))
		for (int i = 0; i < cpus; i++)
			sum += (int64_t)values[i];
	free(values);
	return sum;
}

static int64_t own_cpu_ns(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage); /* cannot fail with these arguments */
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (int64_t)NS_PER_S +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * (int64_t)NS_PER_US;
}

static int put_info(struct recorder *recorder, uint64_t now_ns)
{
	struct run_info *info = &recorder->info;

	info->end_ns = (int64_t)now_ns;
	info->lost_events = recorder->lost_events + collect_counter(recorder, EV_LOST_EVENTS);
	info->lost_stacks = recorder->lost_stacks + collect_counter(recorder, EV_LOST_STACKS);
	info->probe_hits = collect_counter(recorder, EV_HITS) - recorder->hits_before;
	info->overhead_share = RUN_UNKNOWN;
	if (info->probe_ns >= 0 && info->end_ns > info->start_ns)
		info->overhead_share = (double)info->probe_hits * (double)info->probe_ns /
				       (double)(info->end_ns - info->start_ns);
	info->recorder_cpu_ns = own_cpu_ns() - recorder->own_cpu_start_ns;
	return run_put_info(recorder->file, info);
}

static int put_process(struct recorder *recorder, const struct process *process)
{
	struct run_process row = {
		.pid = process->pid,
		.ppid = process->ppid,
		.role = process->role,
		.name = process->name,
		.exe = process->exe ? process->exe : "",
		.argv = process->argv,
		.start_ns = (int64_t)process->start_ns,
		.seen_ns = (int64_t)process->seen_ns,
		.end_ns = process->end_ns ? (int64_t)process->end_ns : RUN_UNKNOWN,
		.cpu_ns = process->ended_cpu_ns + threads_cpu_ns(recorder, process->pid),
	};

	if (process->is_probed) {
		row.interpreter = process->target.interpreter;
		row.version = process->target.version;
		row.lock = process->is_lock_off ? "off" : "on";
		row.build_id = process->target.image.build_id;
	} else if (process->why[0]) {
		row.why_unmeasured = process->why;
	}
	return run_put_process(recorder->file, &row);
}

static int put_processes(struct recorder *recorder, uint64_t now_ns)
{
	int rc = 0;

	for (struct process *p = recorder->processes; p && !rc; p = p->hh.next)
		if (process_is_listed(recorder, p, now_ns))
			rc = put_process(recorder, p);
	return rc;
}

/* Often at first: many processes do not live for a second. Seldom where it takes long: the kernel
 * walks all the process's pages, with its memory map locked against changes. */
static int put_memory(struct recorder *recorder, struct process *process)
{
	uint64_t before_ns = clock_now_ns(), took_ns;
	struct run_memory row = {.pid = process->pid, .at_ns = (int64_t)before_ns};
	int rc = procfs_memory(process->pid, &row.rss_bytes, &row.pss_bytes, &row.uss_bytes);

	took_ns = clock_now_ns() - before_ns;
	process->memory_every_ns =
		process->memory_every_ns ? 2 * process->memory_every_ns : MEMORY_FIRST_NS;
	if (process->memory_every_ns > MEMORY_NS)
		process->memory_every_ns = MEMORY_NS;
	if (process->memory_every_ns < took_ns * MEMORY_REST)
		process->memory_every_ns = took_ns * MEMORY_REST;
	process->memory_due_ns = before_ns + process->memory_every_ns;
	return rc ? 0 : run_put_memory(recorder->file, &row); /* gone, or unreadable: no row */
}

static int put_memories(struct recorder *recorder, uint64_t now_ns)
{
	int rc = 0;

	for (struct process *p = recorder->processes; p && !rc; p = p->hh.next)
		if (!p->end_ns && now_ns >= p->memory_due_ns &&
			process_is_listed(recorder, p, now_ns))
			rc = put_memory(recorder, p);
	return rc;
}

static int flush(struct recorder *recorder, uint64_t now_ns)
{
	int rc = threads_put(recorder, now_ns);

	if (!rc)
		rc = tallies_put(recorder, now_ns);
	if (!rc)
		rc = put_processes(recorder, now_ns);
	if (!rc)
		rc = put_info(recorder, now_ns);
	if (!rc)
		rc = run_commit(recorder->file);
	if (rc == -EBUSY || rc == -EAGAIN)
		rc = 0; /* a reader is in the way: the transaction goes on, the next flush ends it
			 */
	return rc ? rc : run_begin(recorder->file);
}

int collect_start(struct recorder *recorder)
{
	struct utsname names;
	struct run_info *info = &recorder->info;

	(void)uname(&names); /* cannot fail */
	(void)snprintf(recorder->kernel, sizeof(recorder->kernel), "%s", names.release);
	info->tool_version = GILSCOPE_VERSION;
	info->started = clock_iso_now(recorder->started);
	info->tier = tier_name(recorder->tier);
	info->kernel = recorder->kernel;
	info->start_ns = info->end_ns = (int64_t)recorder->start_ns;
	info->sample_period_ns = (int64_t)ATTACH_SAMPLE_PERIOD_NS;
	recorder->own_cpu_start_ns = own_cpu_ns();
	recorder->slice_length_ns = SLICE_NS;
	recorder->slice_due_ns = recorder->start_ns + SLICE_NS;
	recorder->flush_due_ns = recorder->start_ns + FLUSH_NS;
	return run_begin(recorder->file);
}

/* The first failure of the run file ends the recording. */
static void note(struct recorder *recorder, int rc)
{
	if (rc && !recorder->write_error)
		recorder->write_error = rc;
}

uint64_t collect_tick(struct recorder *recorder, uint64_t now_ns)
{
	uint64_t next_ns;

	if (now_ns >= recorder->slice_due_ns) {
		/* Stacks first: a thread's record may point to a new one only after it is stored.
		 */
		note(recorder, threads_read(recorder, now_ns, true));
		note(recorder, put_memories(recorder, now_ns));
		note(recorder, stacks_drain(recorder));
		recorder->slice_due_ns = now_ns + recorder->slice_length_ns;
	}
	if (now_ns >= recorder->flush_due_ns) {
		for (struct process *p = recorder->processes; p; p = p->hh.next)
			if (p->is_probed && !p->end_ns)
				scan_tstates(recorder, p);
		note(recorder, flush(recorder, now_ns));
		processes_forget(recorder, now_ns);
		recorder->flush_due_ns = now_ns + FLUSH_NS;
	}
	next_ns = recorder->slice_due_ns;
	return next_ns < recorder->flush_due_ns ? next_ns : recorder->flush_due_ns;
}

/* The probes are off: the maps stand still. */
int collect_finish(struct recorder *recorder, uint64_t end_ns)
{
	int rc = threads_read(recorder, end_ns, true);

	/* What a reader kept from being committed here, run_finish commits: it waits longer. */
	return rc ? rc : flush(recorder, end_ns);
}
