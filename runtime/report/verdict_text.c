/* A judgement → one or two sentences with their numbers and the line to change, and the evidence.
 * One function a kind; what comes from the measured program is made visible before it gets in. */
#include <errno.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"
#include "runtime/report/verdict.h"

#define TEXT_MAX_BYTES ((size_t)1 << 16)
#define NAME_MAX_BYTES 120 /* of a function or file in a sentence */
#define NOTABLE_PREEMPTED_SHARE 0.25
#define NOTABLE_WAIT_SHARE 0.05 /* worth a clause where the lock is not the subject */

/* A sentence being written. Failed appends stick in `out.is_short`; `rc` is of everything else. */
struct writer {
	const struct run *run;
	const struct facts *facts;
	const struct judgement *judgement;
	const struct judged *judged;
	struct str out; /* owned */
	int rc;
};

#define add(writer, ...) ((void)str_addf(&(writer)->out, __VA_ARGS__)) /* out.is_short keeps it */

static void add_name(struct writer *w, const char *name)
{
	size_t len = strlen(name);

	/* The end of a path says more than its beginning. */
	if (len > NAME_MAX_BYTES) {
		add(w, "...");
		name += len - NAME_MAX_BYTES;
	}
	(void)str_add_visible(&w->out, name); /* out.is_short keeps it */
}

static void add_share(struct writer *w, double share)
{
	if (share > 0 && share < 0.005)
		add(w, "less than 1 %%");
	else
		add(w, "%.0f %%", share > 1 ? 100.0 : share * 100);
}

static void add_time(struct writer *w, double ns)
{
	char text[CLOCK_TEXT_BYTES];

	add(w, "%s", clock_format((uint64_t)ns, text));
}

static void add_frame(struct writer *w, const struct run_frame *frame)
{
	add(w, "`");
	add_name(w, frame->function);
	add(w, "`");
	if (!frame->file)
		return;
	add(w, " at ");
	add_name(w, place_short_name(frame->file));
	if (frame->line > 0)
		add(w, ":%d", frame->line);
}

static void add_place(struct writer *w, const struct place *place)
{
	add_frame(w, place->frame);
	if (!place->inner)
		return;
	add(w, " (inside it ");
	add_frame(w, place->inner);
	add(w, ")");
}

static void add_threads(struct writer *w, size_t count)
{
	add(w, "%zu thread%s", count, count == 1 ? "" : "s");
}

/* "process 4242 (python3): " where there are several. */
static void add_subject(struct writer *w)
{
	const struct run_process *process = w->judged->process->process;

	if (w->facts->process_count < 2)
		return;
	add(w, "process %d (", process->pid);
	add_name(w, process->name);
	add(w, "): ");
}

static void add_head(struct writer *w)
{
	add_subject(w);
	add_threads(w, w->judged->process->leading_count);
	add(w, ", %.2f cores used: ", w->judged->process->cores);
}

/* Holding is not known in every tier. */
static void add_held(struct writer *w)
{
	double wait_share = w->judged->process->leading_wait_share;

	if (w->judged->held_share < 0) {
		add(w, "threads wait for the lock ");
		add_share(w, wait_share);
		add(w, " of their time. ");
		return;
	}
	add(w, "the lock is held ");
	add_share(w, w->judged->held_share);
	add(w, " of the time%s, and threads wait for it ",
		w->judged->process->held_is_sampled ? " (sampled)" : "");
	add_share(w, wait_share);
	add(w, " of theirs. ");
}

/* Which place did the subject's waits wait for? */
static struct place blamed(struct writer *w)
{
	struct place place = {0};
	struct tally tally;

	w->rc = w->rc ? w->rc : tally_init(&tally, &w->facts->places);
	if (w->rc)
		return place;
	vec_each (row, &w->run->blame)
		if (row->pid == w->judged->process->process->pid)
			tally_add(&tally, row->stack, row->wait_ns);
	w->rc = tally_top(&tally, &place);
	tally_fini(&tally);
	return place;
}

#define ANY (-1)

/* Where the subject spent its time in some state; ANY leaves an axis open, tid 0 the thread. */
static struct place spent(struct writer *w, int tid, int lock, int sched)
{
	struct place place = {0};
	struct tally tally;

	w->rc = w->rc ? w->rc : tally_init(&tally, &w->facts->places);
	if (w->rc)
		return place;
	vec_each (row, &w->run->activity) {
		if (row->pid != w->judged->process->process->pid || (tid && row->tid != tid))
			continue;
		if ((lock == ANY || (int)row->lock == lock) &&
			(sched == ANY || (int)row->sched == sched))
			tally_add(&tally, row->stack, row->ns);
	}
	w->rc = tally_top(&tally, &place);
	tally_fini(&tally);
	return place;
}

/* "61 % of that waiting is for `spin` at app.py:12" + advice. */
static void add_blame(struct writer *w, const char *advice)
{
	struct place place = blamed(w);

	if (place.frame) {
		add_share(w, share_of(place.ns, place.of_ns));
		add(w, " of that waiting is for ");
		add_place(w, &place);
		add(w, ": %s.", advice);
		return;
	}
	place = spent(w, 0, LOCK_HOLDING, ANY);
	if (place.frame) {
		add(w, "While holding, threads are mostly in ");
		add_place(w, &place);
		add(w, ": %s.", advice);
		return;
	}
	add(w, "Which line holds it is not known: the run has no stack of a holder.");
}

/* On a busy machine the lock is kept by threads that do not run. */
static void add_preempted(struct writer *w)
{
	if (w->judged->causes.runnable < NOTABLE_PREEMPTED_SHARE)
		return;
	add(w, " The machine is busy: ");
	add_share(w, w->judged->causes.runnable);
	add(w, " of the waiting is for a holder that is ready but has no processor.");
}

static void write_lock_bound(struct writer *w)
{
	add_head(w);
	add_held(w);
	if (judged_is_long_hold(w->judged)) {
		add(w, "A wait takes ");
		add_time(w, w->judged->typical_wait_ns);
		add(w, ", longer than Python code may keep the lock. ");
		add_blame(w, "release the lock in the native code that computes there");
		add_preempted(w);
		return;
	}
	add_blame(w, "move that into processes, or into native code that releases the lock");
	add_preempted(w);
}

static void write_blocked(struct writer *w)
{
	add_head(w);
	add(w, "threads wait for the lock ");
	add_share(w, w->judged->process->leading_wait_share);
	add(w, " of their time, and ");
	add_share(w, w->judged->causes.blocked);
	if (w->judged->causes.is_inferred)
		add(w, " of the waiting goes with an idle processor: the holder is blocked. ");
	else
		add(w, " of the waiting is for a holder that is itself blocked. ");
	add_blame(w, "release the lock around what blocks there");
}

static void write_convoy(struct writer *w)
{
	const struct process_facts *process = w->judged->process;

	add_head(w);
	add(w, "short requests queue behind long holds; each of %lld waits takes ",
		(long long)known_sum(process->waits, 0));
	add_time(w, process->waits > 0 ? (double)process->wait_ns / (double)process->waits : 0);
	add(w, " on average, and thread `");
	add_name(w, w->judged->heavy->thread->name);
	add(w, "` makes ");
	add_share(w, w->judged->heavy_share);
	add(w, " of the CPU. ");
	add_blame(w, "move that out of this process, or let it release the lock more often");
}

static void add_waits(struct writer *w)
{
	const struct process_facts *process = w->judged->process;

	if (process->wait_ns < 0) {
		add(w, "waiting for the lock is not known");
		return;
	}
	if (!process->wait_ns) {
		add(w, "nobody waits for the lock");
		return;
	}
	add(w, "threads wait for the lock ");
	add_share(w, process->leading_wait_share);
	add(w, " of their time");
}

static void add_spent(struct writer *w, const char *what, int tid, int lock, int sched)
{
	struct place place = spent(w, tid, lock, sched);

	if (!place.frame)
		return;
	add(w, " %s ", what);
	add_place(w, &place);
	add(w, " (");
	add_share(w, share_of(place.ns, place.of_ns));
	add(w, ").");
}

/* How many threads overlap: those that did something, not only those that computed. */
static void write_overlapping(struct writer *w)
{
	const struct process_facts *process = w->judged->process;

	add_subject(w);
	add_threads(w, process->active_count);
	add(w, ", %.2f cores used: they block outside the lock and overlap, and ", process->cores);
	add_waits(w);
	add(w, ": it is not the limit.");
	add_spent(w, "The largest part of the blocked time is in", 0, LOCK_NONE, SCHED_BLOCKED);
}

#define NOTABLE_RUNNABLE_CORES 0.3

/* Others have the cores that this program could use. */
static void add_busy_machine(struct writer *w)
{
	if (w->judged->runnable_cores < NOTABLE_RUNNABLE_CORES ||
		w->judged->runnable_cores < 0.25 * (double)w->judged->process->active_count)
		return;
	add(w, " The machine is busy: on average %.1f more threads were ready to run.",
		w->judged->runnable_cores);
}

static void write_parallel(struct writer *w)
{
	bool is_full = w->facts->cores >= 0.8 * w->judgement->capacity;

	add_subject(w);
	add_threads(w, w->judged->process->leading_count);
	add(w, ", %.2f of %.*f cores used: ", w->judged->process->cores,
		w->judgement->quota >= 0 ? 2 : 0, w->judgement->capacity);
	if (w->judged->none_share >= 0) {
		add(w, "native code runs outside the lock for ");
		add_share(w, w->judged->none_share);
		add(w, " of the running time, and ");
	} else {
		add(w, "more than one lock allows, so native code runs outside of it, and ");
	}
	add_waits(w);
	add(w, is_full ? ": the cores are the limit." : ".");
	if (!is_full)
		add_busy_machine(w);
	if (w->judged->process->leading_wait_share >= NOTABLE_WAIT_SHARE) {
		struct place place = blamed(w);

		if (!place.frame)
			return;
		add(w, " ");
		add_share(w, share_of(place.ns, place.of_ns));
		add(w, " of that waiting is for ");
		add_place(w, &place);
		add(w, ".");
		return;
	}
	add_spent(w, "Most of it is called in", 0, LOCK_NONE, SCHED_RUNNING);
}

static void write_single(struct writer *w)
{
	const struct thread_facts *heavy = w->judged->heavy;

	add_subject(w);
	add(w, "one thread, `");
	add_name(w, heavy->thread->name);
	add(w, "`, makes ");
	add_share(w, w->judged->heavy_share);
	add(w, " of the CPU (%.2f cores used), and ", w->judged->process->cores);
	add_waits(w);
	add(w, ": the lock is not the limit.");
	add_busy_machine(w);
	add_spent(w, "It runs mostly", heavy->thread->tid, ANY, SCHED_RUNNING);
}

/* The longest time that the loop's thread kept the lock, where the tier sees holds. */
static void write_async(struct writer *w)
{
	const struct thread_facts *loop = w->judged->heavy;

	add_subject(w);
	add(w, "an event loop on thread `");
	add_name(w, loop->thread->name);
	add(w, "` (%.2f cores used), and ", w->judged->process->cores);
	add_waits(w);
	if (loop->thread->hold_max_ns > 0) {
		add(w, "; it ran for up to ");
		add_time(w, (double)loop->thread->hold_max_ns);
		add(w, " at a time");
	}
	add(w, ". While one task computes, all others are late:");
	if (!spent(w, loop->thread->tid, ANY, SCHED_RUNNING).frame)
		add(w, " which one is not known, the run has no samples.");
	add_spent(w, "most of its running time is in", loop->thread->tid, ANY, SCHED_RUNNING);
}

static void write_processes(struct writer *w)
{
	int64_t wait_ns = 0, pss_bytes = RUN_UNKNOWN;
	double window_ns = 0;

	for (size_t i = 0; i < w->facts->process_count; i++) {
		const struct process_facts *process = &w->facts->processes[i];

		wait_ns += known_sum(process->wait_ns, 0);
		pss_bytes = known_sum(pss_bytes, process->pss_bytes);
		for (size_t t = 0; t < process->leading_count; t++)
			window_ns += (double)process->threads[t].window_ns;
	}
	add(w, "%zu busy processes, each with a lock of its own: %.2f of %.*f cores used, and ",
		w->judgement->busy_processes, w->facts->cores, w->judgement->quota >= 0 ? 2 : 0,
		w->judgement->capacity);
	add(w, "threads wait for their lock ");
	add_share(w, window_ns > 0 ? (double)wait_ns / window_ns : 0);
	add(w, " of the time");
	if (pss_bytes >= 0)
		add(w, "; together they take %.0f MB", (double)pss_bytes / 1e6);
	add(w, ".");
	add_spent(w, "The busiest runs mostly", 0, ANY, SCHED_RUNNING);
}

static void write_cpu_limited(struct writer *w)
{
	const struct judged *judged = w->judged;
	bool is_quota = w->judgement->quota >= 0 && w->facts->cores >= 0.9 * w->judgement->quota;

	add_head(w);
	if (is_quota)
		add(w, "the limit of %.2f cores (cgroup) is used up", w->judgement->quota);
	else if (judged->process->cores >= 0.8 * w->judgement->capacity)
		add(w, "all of the %.2g cores are in use", w->judgement->capacity);
	else
		add(w, "other programs, or the machine's owner, take the cores");
	if (judged->runnable_cores >= 0)
		add(w, "; on average %.1f more threads were ready to run", judged->runnable_cores);
	if (judged->causes.runnable >= 0.5) {
		add(w, ". ");
		add_share(w, judged->causes.runnable);
		add(w, " of the waiting for the lock is for a holder without a processor");
	}
	add(w, ": %s.",
		is_quota ? "raise the limit, or start fewer threads"
			 : "give it cores of its own, or start fewer threads");
}

static void write_idle(struct writer *w)
{
	if (!w->judged->process) {
		add(w, "nothing was measured: the run has no %s.",
			w->facts->process_count ? "duration" : "process");
		return;
	}
	add_subject(w);
	if (!w->judged->heavy) {
		add(w, "%.2f cores used, but its threads were not recorded.",
			w->judged->process->cores);
		return;
	}
	add_threads(w, w->judged->process->thread_count);
	add(w, ", %.3f cores used: nothing happened that could be sped up.",
		w->judged->process->cores);
	add_spent(w, "The time is spent blocked in", 0, LOCK_NONE, SCHED_BLOCKED);
}

static void write_free_threaded(struct writer *w)
{
	const struct run_process *process = w->judged->process->process;

	add_head(w);
	add_name(w, process->interpreter ? process->interpreter : "the interpreter");
	add(w, " ");
	add_name(w, process->version ? process->version : "");
	add(w, " runs with its lock off, so that there is none to wait for.");
	add_spent(w, "Most of the running time is in", 0, ANY, SCHED_RUNNING);
}

typedef void sentence(struct writer *w);

static sentence *const sentences[] = {
	[VERDICT_LOCK_BOUND] = write_lock_bound,
	[VERDICT_BLOCKED_WHILE_HOLDING] = write_blocked,
	[VERDICT_CONVOY] = write_convoy,
	[VERDICT_OVERLAPPING] = write_overlapping,
	[VERDICT_PARALLEL_NATIVE] = write_parallel,
	[VERDICT_SINGLE_THREAD] = write_single,
	[VERDICT_ASYNC] = write_async,
	[VERDICT_MULTI_PROCESS] = write_processes,
	[VERDICT_CPU_LIMITED] = write_cpu_limited,
	[VERDICT_IDLE] = write_idle,
	[VERDICT_FREE_THREADED] = write_free_threaded,
};

/* Somebody relies on figures that were never taken: say so first of all. */
static void add_unmeasured(struct writer *w)
{
	const struct process_facts *process = w->judged->process;

	if (!process || process->has_lock || w->judgement->kind == VERDICT_FREE_THREADED)
		return;
	add(w, " Its lock was not measured: ");
	add_name(w, process->process->why_unmeasured ? process->process->why_unmeasured
						     : "no interpreter was found in it");
	add(w, ".");
}

int verdict_write(struct report *report, const struct facts *facts,
	const struct judgement *judgement, struct verdict *ret_verdict)
{
	struct writer w = {.run = report->run,
		.facts = facts,
		.judgement = judgement,
		.judged = &judgement->subject,
		.out = STR_INIT(TEXT_MAX_BYTES)};
	struct verdict verdict = {.kind = judgement->kind};

	if (judgement->kind == VERDICT_IDLE || w.judged->process)
		sentences[judgement->kind](&w);
	add_unmeasured(&w);
	verdict.text = arena_strdup(report->arena, str_text(&w.out));
	if (!verdict.text || w.out.is_short)
		w.rc = -ENOMEM;
	str_fini(&w.out);
	if (!w.rc)
		w.rc = verdict_add_evidence(facts, judgement, &verdict);
	if (w.rc) {
		vec_fini(&verdict.evidence);
		return w.rc;
	}
	*ret_verdict = verdict;
	return 0;
}
