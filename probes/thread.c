/* The kernel's thread records → rows of threads, of the timeline and of the histograms. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "probes/hist.h"
#include "probes/recorder.h"

_Static_assert((int)EV_OUTSIDE == LOCK_NONE && (int)EV_WAITING == LOCK_WAITING &&
		       (int)EV_HOLDING == LOCK_HOLDING,
	"the kernel side's words are the run's");
_Static_assert((int)EV_RUNNING == SCHED_RUNNING && (int)EV_RUNNABLE == SCHED_RUNNABLE &&
		       (int)EV_BLOCKED == SCHED_BLOCKED,
	"the kernel side's words are the run's");

#define SLICE_ROWS_STEP 60000 /* after so many rows a slice is twice as long */

/* Totals including the state that the thread is in at `now_ns`. */
static void totals_at(const struct ev_thread *thread, uint64_t now_ns,
	int64_t ret_ns[EV_LOCK_STATES][EV_SCHED_STATES])
{
	uint32_t lock = EV_WORD_LOCK(thread->word), sched = EV_WORD_SCHED(thread->word);
	uint64_t at_ns = EV_WORD_AT(thread->word);

	for (int i = 0; i < EV_LOCK_STATES; i++)
		for (int j = 0; j < EV_SCHED_STATES; j++)
			ret_ns[i][j] = (int64_t)thread->ns[i][j];
	if (!thread->end_ns && sched < EV_SCHED_STATES && now_ns > at_ns)
		ret_ns[lock][sched] += (int64_t)(now_ns - at_ns);
}

static int64_t running_ns(const struct ev_thread *thread, uint64_t now_ns)
{
	int64_t ns[EV_LOCK_STATES][EV_SCHED_STATES], sum = 0;

	totals_at(thread, now_ns, ns);
	for (int i = 0; i < EV_LOCK_STATES; i++)
		sum += ns[i][EV_RUNNING];
	return sum;
}

int64_t thread_open_cpu_ns(const struct ev_thread *thread, uint64_t from_ns, uint64_t now_ns)
{
	int64_t ns = running_ns(thread, now_ns) - (int64_t)from_ns;

	return ns > 0 ? ns : 0;
}

int64_t threads_cpu_ns(const struct recorder *recorder, pid_t pid)
{
	int64_t sum = 0;

	for (const struct thread *thread = recorder->threads; thread; thread = thread->hh.next)
		if (thread->now.tgid == (uint32_t)pid)
			sum += running_ns(&thread->now, recorder->read_ns);
	return sum;
}

/* Time on the processor in which the tier does not see the lock is split as the clock's samples
 * fell: of this stretch, else of the thread, else of the process. What is below one sample's
 * resolution counts as not holding. */
static void split_unseen(int64_t ns[EV_LOCK_STATES][EV_SCHED_STATES], const __u64 *const samples[],
	size_t sample_sets, struct state_times *ret_states)
{
	int64_t unseen = ns[EV_UNSEEN][EV_RUNNING], holding = 0;

	for (size_t i = 0; i < sample_sets; i++) {
		uint64_t sum = samples[i][EV_OUTSIDE] + samples[i][EV_HOLDING];

		if (!sum)
			continue;
		holding = (int64_t)((double)unseen * (double)samples[i][EV_HOLDING] / (double)sum);
		break;
	}
	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			ret_states->ns[lock][sched] = ns[lock][sched];
	ret_states->ns[LOCK_HOLDING][SCHED_RUNNING] += holding;
	ret_states->ns[LOCK_NONE][SCHED_RUNNING] += unseen - holding;
	/* Off the processor it is unseen only before the interpreter was found. */
	for (int sched = SCHED_RUNNABLE; sched < SCHED_STATES; sched++)
		ret_states->ns[LOCK_NONE][sched] += ns[EV_UNSEEN][sched];
}

static void process_samples(
	const struct recorder *recorder, uint32_t tgid, __u64 ret_samples[EV_LOCK_STATES])
{
	const struct process *process = process_find(recorder, (pid_t)tgid);

	memset(ret_samples, 0, EV_LOCK_STATES * sizeof(*ret_samples));
	if (process) {
		ret_samples[EV_OUTSIDE] = process->samples_none;
		ret_samples[EV_HOLDING] = process->samples_holding;
	}
}

static bool has_no_lock(const struct recorder *recorder, uint32_t tgid)
{
	const struct process *process = process_find(recorder, (pid_t)tgid);

	return !process || !process->is_probed;
}

/* The only state that a slice has time in, as an index; -1: several. */
static int only_state(const struct state_times *states)
{
	int only = -1;

	for (int i = 0; i < LOCK_STATES * SCHED_STATES; i++) {
		if (states->ns[i / SCHED_STATES][i % SCHED_STATES] <= 0)
			continue;
		if (only >= 0)
			return -1;
		only = i;
	}
	return only;
}

static bool is_listed(const struct recorder *recorder, const struct thread *thread, uint64_t now_ns)
{
	const struct process *process = process_find(recorder, (pid_t)thread->now.tgid);

	return process && process_is_listed(recorder, process, now_ns);
}

static int put_pending(struct recorder *recorder, struct thread *thread)
{
	uint64_t now_ns = (uint64_t)(thread->pending.at_ns + thread->pending.length_ns);

	if (!thread->pending.length_ns || !is_listed(recorder, thread, now_ns))
		return 0;
	return run_put_slice(recorder->file, &thread->pending);
}

/* Slices in which nothing but the same one state went on become one row. */
static int add_slice(
	struct recorder *recorder, struct thread *thread, const struct run_slice *slice)
{
	int only = only_state(&slice->states), rc;

	if (thread->pending.length_ns && only >= 0 && only == only_state(&thread->pending.states)) {
		thread->pending.length_ns += slice->length_ns;
		thread->pending.states.ns[only / SCHED_STATES][only % SCHED_STATES] +=
			slice->states.ns[only / SCHED_STATES][only % SCHED_STATES];
		return 0;
	}
	rc = put_pending(recorder, thread);
	thread->pending = *slice;
	if (++recorder->slice_rows % SLICE_ROWS_STEP == 0)
		recorder->slice_length_ns *= 2;
	return rc;
}

static int slice_thread(struct recorder *recorder, struct thread *thread, uint64_t now_ns)
{
	int64_t totals[EV_LOCK_STATES][EV_SCHED_STATES], ns[EV_LOCK_STATES][EV_SCHED_STATES];
	uint64_t end_ns = thread->now.end_ns ? thread->now.end_ns : now_ns;
	__u64 recent[EV_LOCK_STATES], of_process[EV_LOCK_STATES];
	const __u64 *const samples[] = {recent, thread->now.samples, of_process};
	struct run_slice slice = {.tid = (int)thread->tid, .at_ns = (int64_t)thread->slice_at_ns};

	if (end_ns <= thread->slice_at_ns)
		return 0;
	totals_at(&thread->now, end_ns, totals);
	for (int i = 0; i < EV_LOCK_STATES; i++) {
		recent[i] = thread->now.samples[i] - thread->slice_samples[i];
		for (int j = 0; j < EV_SCHED_STATES; j++) {
			ns[i][j] = totals[i][j] - thread->slice_ns[i][j];
			if (ns[i][j] < 0)
				ns[i][j] = 0; /* a reading in the middle of a transition */
		}
	}
	process_samples(recorder, thread->now.tgid, of_process);
	split_unseen(ns, samples, 3, &slice.states);
	slice.length_ns = (int64_t)(end_ns - thread->slice_at_ns);
	memcpy(thread->slice_ns, totals, sizeof(totals));
	memcpy(thread->slice_samples, thread->now.samples, sizeof(thread->slice_samples));
	thread->slice_at_ns = end_ns;
	return add_slice(recorder, thread, &slice);
}

static int visit_thread(struct recorder *recorder, const void *key, const void *value)
{
	const struct ev_thread *record = value;
	struct process *process;
	struct thread *thread;
	uint32_t tid;

	memcpy(&tid, key, sizeof(tid));
	HASH_FIND(hh, recorder->threads, &tid, sizeof(tid), thread);
	if (!thread) {
		thread = calloc(1, sizeof(*thread));
		if (!thread)
			return -ENOMEM;
		thread->tid = tid;
		thread->slice_at_ns = record->seen_ns;
		HASH_ADD(hh, recorder->threads, tid, sizeof(tid), thread);
		if (map_has_failed(thread)) {
			free(thread);
			return -ENOMEM;
		}
		recorder->threads_seen++;
	}
	process = process_find(recorder, (pid_t)record->tgid);
	if (process) {
		process->samples_none +=
			record->samples[EV_OUTSIDE] - thread->now.samples[EV_OUTSIDE];
		process->samples_holding +=
			record->samples[EV_HOLDING] - thread->now.samples[EV_HOLDING];
	}
	thread->now = *record;
	return 0;
}

static int put_hist(struct recorder *recorder, uint32_t tid, enum ev_hist kind)
{
	static const char *const names[] = {
		[EV_HIST_WAIT] = "wait", [EV_HIST_HOLD] = "hold", [EV_HIST_HANDOFF] = "handoff"};
	struct ev_hist_key key = {.tid = tid, .kind = kind};
	struct run_bucket bucket = {.tid = (int)tid, .kind = names[kind]};
	struct hist hist;
	int rc = 0;

	if (bpf_map_lookup_elem(attach_maps(recorder->attach)->hists, &key, &hist))
		return 0; /* the thread did none of this */
	for (uint32_t i = 0; i < HIST_BUCKETS && !rc; i++) {
		if (!hist.counts[i])
			continue;
		bucket.low_ns = (int64_t)hist_low_ns(i);
		bucket.high_ns = i + 1 < HIST_BUCKETS ? (int64_t)hist_low_ns(i + 1) : INT64_MAX;
		bucket.count = hist.counts[i];
		rc = run_put_bucket(recorder->file, &bucket);
	}
	return rc;
}

/* The wait that is going on, or that has ended without the kernel side knowing so yet; 0: none. */
uint64_t thread_open_wait_ns(const struct ev_thread *thread, uint64_t now_ns)
{
	uint64_t end_ns = thread->queue == EV_QUEUE_PASSED ? thread->queue_end_ns : now_ns;

	if (thread->end_ns || !thread->wait_start_ns || end_ns <= thread->wait_start_ns)
		return 0;
	return end_ns - thread->wait_start_ns;
}

/* Since when the thread holds the lock, if it does: since it took it, or since the probes came. */
uint64_t thread_hold_start_ns(const struct recorder *recorder, const struct ev_thread *thread)
{
	const struct process *process = process_find(recorder, (pid_t)thread->tgid);

	if (thread->end_ns || recorder->tier != TIER_EXACT || !process || !process->is_probed)
		return 0;
	if (thread->hold_start_ns)
		return thread->hold_start_ns;
	if (EV_WORD_LOCK(thread->word) != EV_HOLDING)
		return 0;
	return process->probed_ns > thread->seen_ns ? process->probed_ns : thread->seen_ns;
}

static void fill_counts(const struct recorder *recorder, const struct ev_thread *thread,
	uint64_t now_ns, struct run_thread *row)
{
	int64_t open_ns = (int64_t)thread_open_wait_ns(thread, now_ns);
	uint64_t hold_start_ns = thread_hold_start_ns(recorder, thread);

	row->waits = (int64_t)thread->waits;
	row->wait_ns = (int64_t)thread->wait_ns;
	row->wait_max_ns = (int64_t)thread->wait_max_ns;
	if (open_ns) {
		row->waits++;
		row->wait_ns += open_ns;
		if (open_ns > row->wait_max_ns)
			row->wait_max_ns = open_ns;
	}
	row->holds = row->hold_ns = row->hold_max_ns = RUN_UNKNOWN;
	if (recorder->tier != TIER_EXACT)
		return;
	row->holds = (int64_t)thread->holds;
	row->hold_ns = (int64_t)thread->hold_ns;
	row->hold_max_ns = (int64_t)thread->hold_max_ns;
	if (hold_start_ns && now_ns > hold_start_ns) {
		open_ns = (int64_t)(now_ns - hold_start_ns);
		row->holds++;
		row->hold_ns += open_ns;
		if (open_ns > row->hold_max_ns)
			row->hold_max_ns = open_ns;
	}
}

static int put_thread(struct recorder *recorder, const struct thread *thread, uint64_t now_ns)
{
	int64_t ns[EV_LOCK_STATES][EV_SCHED_STATES];
	__u64 of_process[EV_LOCK_STATES];
	const __u64 *const samples[] = {thread->now.samples, of_process};
	char name[EV_COMM + 1] = "";
	struct run_thread row = {
		.tid = (int)thread->tid,
		.pid = (int)thread->now.tgid,
		.name = name,
		.seen_ns = (int64_t)thread->now.seen_ns,
		.end_ns = thread->now.end_ns ? (int64_t)thread->now.end_ns : RUN_UNKNOWN,
		.cpu_ns = running_ns(&thread->now, now_ns),
	};
	int rc;

	if (!is_listed(recorder, thread, now_ns))
		return 0;
	memcpy(name, thread->now.comm, EV_COMM);
	totals_at(&thread->now, now_ns, ns);
	process_samples(recorder, thread->now.tgid, of_process);
	split_unseen(ns, samples, 2, &row.states);
	fill_counts(recorder, &thread->now, now_ns, &row);
	if (has_no_lock(recorder, thread->now.tgid))
		row.waits = row.wait_ns = row.wait_max_ns = row.holds = row.hold_ns =
			row.hold_max_ns = RUN_UNKNOWN;
	rc = run_put_thread(recorder->file, &row);
	for (int kind = EV_HIST_WAIT; kind <= EV_HIST_HANDOFF && !rc; kind++)
		rc = put_hist(recorder, thread->tid, (enum ev_hist)kind);
	return rc;
}

/* A thread that ended is written for good and forgotten. */
static int finish_thread(struct recorder *recorder, struct thread *thread)
{
	const struct attach_maps *maps = attach_maps(recorder->attach);
	struct process *process = process_find(recorder, (pid_t)thread->now.tgid);
	struct ev_native_key native = {.tgid = thread->now.tgid, .ns_tid = thread->now.ns_tid};
	int rc = put_pending(recorder, thread);

	if (!rc)
		rc = put_thread(recorder, thread, thread->now.end_ns);
	longest_keep_ended(recorder, &thread->now);
	if (process)
		process->ended_cpu_ns += running_ns(&thread->now, thread->now.end_ns);
	(void)bpf_map_delete_elem(maps->threads, &thread->tid); /* gone is what we want */
	(void)bpf_map_delete_elem(maps->natives, &native);
	for (uint32_t kind = EV_HIST_WAIT; kind <= EV_HIST_HANDOFF; kind++) {
		struct ev_hist_key key = {.tid = thread->tid, .kind = kind};

		(void)bpf_map_delete_elem(maps->hists, &key);
	}
	HASH_DEL(recorder->threads, thread);
	free(thread);
	return rc;
}

int threads_read(struct recorder *recorder, uint64_t now_ns, bool is_slice)
{
	const struct map_shape shape = {
		.fd = attach_maps(recorder->attach)->threads,
		.key_bytes = sizeof(uint32_t),
		.value_bytes = sizeof(struct ev_thread),
	};
	struct thread *thread, *next;
	int rc = map_each(recorder, &shape, visit_thread);

	/* In this order: what a record points to is stored before the record says so. */
	if (!rc)
		rc = stacks_drain(recorder);
	if (!rc)
		rc = tallies_relieve(recorder);
	recorder->read_ns = now_ns;
	HASH_ITER (hh, recorder->threads, thread, next) {
		if (!rc && (is_slice || thread->now.end_ns))
			rc = slice_thread(recorder, thread, now_ns);
		if (!rc && thread->now.end_ns)
			rc = finish_thread(recorder, thread);
	}
	return rc;
}

int threads_put(struct recorder *recorder, uint64_t now_ns)
{
	int rc = 0;

	for (struct thread *thread = recorder->threads; thread && !rc; thread = thread->hh.next) {
		rc = put_pending(recorder, thread);
		if (!rc)
			rc = put_thread(recorder, thread, now_ns);
	}
	return rc;
}

void threads_free(struct recorder *recorder)
{
	struct thread *thread, *next;

	HASH_ITER (hh, recorder->threads, thread, next) {
		HASH_DEL(recorder->threads, thread);
		free(thread);
	}
}
