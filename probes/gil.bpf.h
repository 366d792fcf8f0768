/* Probe hits at the interpreter's lock code → waits, holds, handoffs and blame. All sites run with
 * the lock's own mutex held, so the hits of one lock come one after another. */
#ifndef GILSCOPE_PROBES_GIL_BPF_H
#define GILSCOPE_PROBES_GIL_BPF_H

#include "probes/wait.bpf.h"

static __always_inline __u64 lock_of(const struct site_context *site, __u64 argument, __u32 offset)
{
	for (__u32 i = 0; i < EV_LOCKS; i++) {
		__u64 lock = site->process->locks[i];

		if (lock && argument == lock + offset)
			return lock;
	}
	return 0;
}

/* A subinterpreter's own lock is met first when somebody waits for it: believed when it is held by
 * a thread of this process that we know. */
static __always_inline __u64 lock_learn(struct site_context *site, __u64 argument)
{
	__u64 lock = argument - site->layout->gil_cond;
	struct holder holder;

	holder_read(site->process, site->layout, lock, site->thread->tgid, &holder);
	if (!holder.tid || !bpf_map_lookup_elem(&threads, &holder.tid) ||
		!user_u64(holder.tstate + site->layout->tstate_interp))
		return 0;
	for (__u32 i = 0; i < EV_LOCKS; i++) {
		if (!site->process->locks[i]) {
			site->process->locks[i] = lock;
			return lock;
		}
	}
	count(EV_LOST_EVENTS);
	return 0;
}

static __always_inline int site_enter(struct site_context *site)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 layout;

	count(EV_HITS);
	if (is_over)
		return -1;
	site->context = IN_PROBE;
	site->process = bpf_map_lookup_elem(&processes, &tgid);
	if (!site->process || !(site->process->flags & EV_HAS_LOCK))
		return -1;
	layout = site->process->layout;
	site->layout = bpf_map_lookup_elem(&layouts, &layout);
	if (!site->layout)
		return -1;
	site->thread = thread_current(IN_PROBE);
	return site->thread ? 0 : -1;
}

/* call pthread_cond_timedwait(&gil->cond, …): reached only when somebody else holds the lock. */
SEC("uprobe")
int site_wait(struct pt_regs *ctx)
{
	struct site_context site = {0};
	__u64 argument = PT_REGS_PARM1(ctx);

	if (site_enter(&site))
		return 0;
	site.lock = lock_of(&site, argument, site.layout->gil_cond);
	if (!site.lock)
		site.lock = lock_learn(&site, argument);
	if (!site.lock)
		return 0;
	site.thread->wait_lock = site.lock;
	wait_begin(&site);
	return 0;
}

/* The instruction after it: the thread has the mutex; it takes the lock now if it finds it free. */
SEC("uprobe")
int site_wait_end(struct pt_regs *ctx)
{
	struct site_context site = {0};
	__u64 now;

	(void)ctx;
	if (site_enter(&site) || thread_lock(site.thread) != EV_WAITING)
		return 0;
	site.lock = site.thread->wait_lock;
	now = bpf_ktime_get_ns();
	slice_end(&site, now);
	if (user_u32(site.lock + site.layout->gil_locked) == 1)
		return 0;
	now = thread_enter(
		site.thread, site.process->flags & EV_EXACT ? EV_HOLDING : EV_UNSEEN, EV_RUNNING);
	wait_finish(&site, now);
	return 0;
}

static __always_inline void lock_taken(struct site_context *site)
{
	struct ev_thread *thread = site->thread;
	__u64 now = thread_enter(thread, EV_HOLDING, EV_RUNNING);
	__u64 *released = bpf_map_lookup_elem(&releases, &site->lock);

	if (released && *released && now > *released) {
		hist_add(thread->tid, EV_HIST_HANDOFF, now - *released);
		*released = 0;
	}
	queue_settle(site);
	thread->hold_cpu_ns = thread_cpu_ns(thread, now);
	thread->hold_start_ns = now;
}

/* A release without an acquire: the thread has held the lock since before the probes came. */
static __always_inline __u64 hold_start(const struct site_context *site)
{
	__u64 probed_ns = site->process->probed_ns, seen_ns = site->thread->seen_ns;

	if (site->thread->hold_start_ns || !probed_ns)
		return site->thread->hold_start_ns;
	return probed_ns > seen_ns ? probed_ns : seen_ns;
}

static __always_inline void lock_released(struct site_context *site)
{
	struct ev_thread *thread = site->thread;
	__u64 now = thread_enter(thread, EV_OUTSIDE, EV_RUNNING);
	__u64 start_ns = hold_start(site), correction_ns = hold_correction_ns, ns;
	struct ev_interval interval = {.start_ns = start_ns};

	bpf_map_update_elem(&releases, &site->lock, &now, BPF_ANY);
	thread->hold_start_ns = 0;
	if (!start_ns || now < start_ns)
		return;
	ns = now - start_ns > correction_ns ? now - start_ns - correction_ns : 0;
	thread->holds++;
	thread->hold_ns += ns;
	if (ns > thread->hold_max_ns)
		thread->hold_max_ns = ns;
	hist_add(thread->tid, EV_HIST_HOLD, ns);
	if (ns <= interval_least_ns(thread->longest_holds))
		return;
	interval.length_ns = ns;
	interval.cpu_ns = thread_cpu_ns(thread, now) - thread->hold_cpu_ns;
	interval.stack = stack_walk(site->layout,
		user_u64(site->lock + site->layout->gil_last_holder), thread->tgid, IN_PROBE);
	interval_keep(thread->longest_holds, &interval);
}

/* call pthread_cond_signal(…): a release if it is the lock's own condition, an acquire if it is the
 * one of forced switches. The thread's state settles what 3.13t does in between. */
SEC("uprobe")
int site_signal(struct pt_regs *ctx)
{
	struct site_context site = {0};
	__u64 argument = PT_REGS_PARM1(ctx);

	if (site_enter(&site))
		return 0;
	site.lock = lock_of(&site, argument, site.layout->gil_switch_cond);
	if (site.lock) {
		lock_taken(&site);
		return 0;
	}
	site.lock = lock_of(&site, argument, site.layout->gil_cond);
	if (site.lock && user_u32(site.lock + site.layout->gil_locked) != 1)
		lock_released(&site);
	return 0;
}

#endif
