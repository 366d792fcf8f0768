/* Snapshots → text for somebody whose program hangs: who holds the lock and where, who waits, then
 * everybody else. Names that the program chose are made visible, so that they move no cursor. */
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"
#include "runtime/cmd/dump_render.h"

static const char bold[] = "\033[1m", red[] = "\033[1;31m", yellow[] = "\033[33m",
		  plain[] = "\033[0m";

struct page {
	const struct dump_style *style;
	struct str *out; /* what does not fit is noticed at the end */
};

static void paint(const struct page *page, const char *colour)
{
	if (page->style->has_colour)
		(void)str_add(page->out, colour);
}

static bool lacks_lock(const struct snapshot *snapshot, const struct snapshot_thread *thread)
{
	return thread->lock >= 0 && !thread->is_holder &&
	       snapshot->locks.at[thread->lock].state.is_enabled;
}

void dump_doing(
	const struct snapshot *snapshot, const struct snapshot_thread *thread, struct str *out)
{
	const struct sleeps *sleeps = &thread->sleeps;
	const char *words = sleeps_words(sleeps->call);

	switch (thread->doing) {
	case SNAPSHOT_UNKNOWN:
		(void)str_add(out, thread->tid ? "has just ended" : "what it does is unknown");
		return;
	case SNAPSHOT_RUNS:
		(void)str_add(out, lacks_lock(snapshot, thread) ? "runs without the lock" : "runs");
		return;
	case SNAPSHOT_WAITS:
		(void)str_add(
			out, thread->is_holder ? "has just been given it" : "waits for the lock");
		return;
	case SNAPSHOT_STOPPED:
		(void)str_add(out, "stopped by a signal or a debugger");
		return;
	case SNAPSHOT_SLEEPS:
		break;
	}
	(void)str_add(out, sleeps->state == 'D' ? "blocked in " : "asleep in ");
	if (words)
		(void)str_add(out, words);
	else if (sleeps->call != SLEEPS_NO_CALL)
		(void)str_addf(out, "system call %ld", sleeps->call);
	else if (sleeps->is_known)
		(void)str_add(out, "the kernel, in no system call (a page fault, or traced)");
	else
		(void)str_add(out, "something that the kernel does not let us see");
	if (!words && *sleeps->wchan) {
		(void)str_add(out, ", at ");
		(void)str_add_visible(out, sleeps->wchan);
	}
}

static void add_name(const struct page *page, const struct snapshot_thread *thread)
{
	(void)str_add_visible(page->out, *thread->sleeps.comm ? thread->sleeps.comm : "(no name)");
	if (!thread->tid)
		(void)str_add(page->out, " (tid unknown");
	else if (thread->tid == thread->ns_tid)
		(void)str_addf(page->out, " (tid %d", thread->tid);
	else
		(void)str_addf(page->out, " (tid %d, inside %d", thread->tid, thread->ns_tid);
	/* A state that was made in one thread and is used by another keeps the first one's. */
	(void)str_add(page->out, thread->is_shared ? ", unsure: it has several states)" : ")");
}

static void add_frame(const struct page *page, const struct run_frame *frame)
{
	(void)str_add(page->out, "    ");
	(void)str_add_visible(page->out, frame->function);
	(void)str_add(page->out, "  ");
	(void)str_add_visible(page->out, frame->file ? frame->file : "?");
	if (frame->line > 0)
		(void)str_addf(page->out, ":%d", frame->line);
	(void)str_add(page->out, "\n");
}

static void add_stack(const struct page *page, const struct snapshot_thread *thread)
{
	size_t shown = 0;

	vec_each (frame, &thread->frames) {
		if (shown == page->style->frames)
			break;
		add_frame(page, frame);
		shown++;
	}
	if (shown < thread->frames.len)
		(void)str_addf(page->out, "    ... %zu%s more (--frames %d shows them)\n",
			thread->frames.len - shown, thread->is_deeper ? " or" : "",
			SNAPSHOT_FRAMES_MAX);
	else if (thread->is_deeper)
		(void)str_add(page->out, "    ... and more, which were not read\n");
	if (thread->lost_frames)
		(void)str_addf(
			page->out, "    (%d frames could not be read)\n", thread->lost_frames);
	else if (!thread->frames.len)
		(void)str_add(page->out, "    (no Python function)\n");
}

static const char *title_of(const struct snapshot_thread *thread)
{
	if (thread->is_holder)
		return "HOLDS";
	if (thread->doing == SNAPSHOT_WAITS)
		return "WAITS";
	if (thread->doing == SNAPSHOT_RUNS)
		return "runs";
	return thread->doing == SNAPSHOT_SLEEPS ? "sleeps" : "other";
}

static void add_thread(const struct page *page, const struct snapshot *snapshot,
	const struct snapshot_thread *thread)
{
	if (thread->is_holder)
		paint(page, red);
	else if (thread->doing == SNAPSHOT_WAITS)
		paint(page, yellow);
	(void)str_addf(page->out, "%-7s", title_of(thread));
	if (thread->is_holder || thread->doing == SNAPSHOT_WAITS)
		paint(page, plain);
	add_name(page, thread);
	if (snapshot->interpreters > 1)
		(void)str_addf(page->out, " of interpreter %lld", (long long)thread->interpreter);
	(void)str_add(page->out, ": ");
	dump_doing(snapshot, thread, page->out);
	(void)str_add(page->out, "\n");
	add_stack(page, thread);
}

/* Threads that Python knows nothing of, in one line each. */
static void add_strangers(const struct page *page, const struct snapshot *snapshot)
{
	bool is_first = true;

	vec_each (thread, &snapshot->threads) {
		if (thread->tstate)
			continue;
		if (is_first)
			(void)str_add(page->out, "threads without Python\n");
		is_first = false;
		(void)str_add(page->out, "    ");
		add_name(page, thread);
		(void)str_add(page->out, ": ");
		dump_doing(snapshot, thread, page->out);
		(void)str_add(page->out, "\n");
	}
}

static size_t count_waiters(const struct snapshot *snapshot, int lock)
{
	size_t count = 0;

	vec_each (thread, &snapshot->threads)
		count += thread->waits_for == lock && !thread->is_holder;
	return count;
}

static void add_lock(const struct page *page, const struct snapshot *snapshot, int index)
{
	const struct snapshot_lock *lock = &snapshot->locks.at[index];
	size_t waiters = count_waiters(snapshot, index);

	paint(page, bold);
	if (snapshot->locks.len > 1)
		(void)str_addf(page->out, "lock %d ", index);
	else
		(void)str_add(page->out, "the lock ");
	if (!lock->state.is_enabled) {
		(void)str_add(page->out, "is switched off: this free-threaded build runs without "
					 "it, nobody holds it or waits for it");
	} else if (lock->state.locked != 1) {
		(void)str_add(page->out, "is free");
	} else if (lock->holder < 0) {
		(void)str_add(page->out, "is held by a thread that is in none of the lists: it "
					 "comes or goes, try again");
	} else {
		(void)str_add(page->out, "is held by ");
		add_name(page, &snapshot->threads.at[lock->holder]);
		(void)str_add(page->out, ": ");
		dump_doing(snapshot, &snapshot->threads.at[lock->holder], page->out);
	}
	if (lock->state.is_enabled)
		(void)str_addf(
			page->out, "; %zu %s for it", waiters, waiters == 1 ? "waits" : "wait");
	paint(page, plain);
	(void)str_add(page->out, "\n");
}

static bool is_held(const struct snapshot *snapshot)
{
	vec_each (lock, &snapshot->locks)
		if (lock->state.is_enabled && lock->state.locked == 1)
			return true;
	return false;
}

static void add_remarks(const struct page *page, const struct snapshot *snapshot)
{
	bool is_racy = snapshot->has_changed;

	if (is_racy)
		(void)str_add(page->out, "note: a lock changed hands while we looked, each time; "
					 "stacks may be of different moments\n");
	if (snapshot->is_torn)
		(void)str_add(page->out, "note: threads came or went while we looked, or there are "
					 "too many: some may be missing\n");
	if (is_held(snapshot))
		(void)str_addf(page->out,
			"Since when it is held cannot be seen from one look: gilscope record -p %d "
			"-d 10s measures it.\n",
			snapshot->target.pid);
}

static void add_snapshot(const struct page *page, const struct snapshot *snapshot)
{
	char took[CLOCK_TEXT_BYTES];
	size_t pythons = 0;

	vec_each (thread, &snapshot->threads)
		pythons += thread->tstate != 0;
	(void)str_addf(page->out, "pid %d: %s %s%s, %zu threads in Python, %zu without; in %s\n",
		snapshot->target.pid, snapshot->target.interpreter, snapshot->target.version,
		snapshot->target.is_free_threaded_build ? " free-threaded" : "", pythons,
		snapshot->threads.len - pythons, clock_format(snapshot->took_ns, took));
	for (int i = 0; i < (int)snapshot->locks.len; i++)
		add_lock(page, snapshot, i);
	(void)str_add(page->out, "\n");
	vec_each (thread, &snapshot->threads)
		if (thread->tstate)
			add_thread(page, snapshot, thread);
	add_strangers(page, snapshot);
	if (snapshot->has_changed || snapshot->is_torn || is_held(snapshot))
		(void)str_add(page->out, "\n");
	add_remarks(page, snapshot);
}

int dump_text(const struct snapshot *snapshots, size_t count, const struct dump_style *style,
	struct str *out)
{
	struct page page = {style, out};

	for (size_t i = 0; i < count; i++) {
		if (i)
			(void)str_add(out, "\n");
		add_snapshot(&page, &snapshots[i]);
	}
	return out->is_short ? -E2BIG : 0;
}
