/* Waits, in slices: from the moment in which a thread is found wanting the lock to the one in which
 * it finds it free. Each slice is charged to whoever holds the lock as it begins. */
#ifndef GILSCOPE_PROBES_WAIT_BPF_H
#define GILSCOPE_PROBES_WAIT_BPF_H

#include "probes/stack.bpf.h"

/* Where something happens. */
struct site_context {
	__u32 context; /* enum context */
	struct ev_thread *thread;
	struct ev_process *process;
	const struct layout *layout;
	__u64 lock; /* that the argument belongs to; 0: none */
};

/* A wait slice begins: who holds the lock now, doing what? The waiter shares the holder's memory.
 */
static __always_inline void slice_begin(struct site_context *site, __u64 now)
{
	struct ev_thread *thread = site->thread;
	struct holder holder;

	holder_read(site->process, site->layout, site->lock, thread->tgid, &holder);
	thread->slice_is_first = !thread->charged_ns || holder.tid != thread->slice_holder;
	if (thread->slice_is_first)
		thread->charged_ns = 0;
	thread->slice_holder = holder.tid;
	thread->slice_stack = stack_walk(site->layout, holder.tstate, thread->tgid, site->context);
	thread->slice_start_ns = now;
}

static __always_inline void slice_end(struct site_context *site, __u64 now)
{
	struct ev_thread *thread = site->thread;
	struct ev_blame_key key = {
		.stack = thread->slice_stack,
		.tgid = thread->tgid,
		.waiter_tid = thread->tid,
		.holder_tid = thread->slice_holder,
	};
	__u64 ns = now - thread->slice_start_ns;

	if (!thread->slice_start_ns || now < thread->slice_start_ns)
		return;
	thread->charged_ns += ns;
	tally_add(&blame, &key, ns, thread->slice_is_first, thread->charged_ns);
	thread->slice_start_ns = 0;
}

/* The first moment of a wait. */
static __always_inline void wait_open(struct site_context *site, __u64 now)
{
	struct ev_thread *thread = site->thread;

	thread->wait_start_ns = now;
	thread->wait_cpu_ns = thread_cpu_ns(thread, now);
	thread->charged_ns = 0;
	thread->hold_start_ns = 0;
	thread->wait_stack = stack_walk(
		site->layout, tstate_current(site->layout, thread), thread->tgid, site->context);
}

static __always_inline void wait_begin(struct site_context *site)
{
	struct ev_thread *thread = site->thread;
	__u64 now;

	if (thread_lock(thread) == EV_WAITING) {
		now = bpf_ktime_get_ns();
	} else {
		now = thread_enter(thread, EV_WAITING, EV_RUNNING);
		if (thread->queue != EV_QUEUE_PASSED)
			wait_open(site, now);
	}
	thread->queue = EV_QUEUE_NONE;
	slice_begin(site, now);
}

static __always_inline void wait_finish(struct site_context *site, __u64 now)
{
	struct ev_thread *thread = site->thread;
	__u64 ns = now - thread->wait_start_ns, correction_ns = wait_correction_ns;
	struct ev_interval interval = {
		.start_ns = thread->wait_start_ns,
		.cpu_ns = thread_cpu_ns(thread, now) - thread->wait_cpu_ns,
		.stack = thread->wait_stack,
		.other_tid = thread->slice_holder,
	};

	if (!thread->wait_start_ns || now < thread->wait_start_ns)
		return;
	ns = ns > correction_ns ? ns - correction_ns : 0;
	interval.length_ns = ns;
	thread->waits++;
	thread->wait_ns += ns;
	if (ns > thread->wait_max_ns)
		thread->wait_max_ns = ns;
	thread->wait_start_ns = 0;
	hist_add(thread->tid, EV_HIST_WAIT, ns);
	interval_keep(thread->longest_waits, &interval);
}

/* A thread that found the lock's own mutex taken slept for it: with the lock taken all the while,
 * or beside a busy neighbour who keeps a thread off the processor in the middle of giving it up. If
 * it then meets no wait site, it has found the lock free, and the wait ended as it came back. */
static __always_inline void queue_settle(struct site_context *site)
{
	struct ev_thread *thread = site->thread;

	if (thread->queue != EV_QUEUE_PASSED)
		return;
	thread->queue = EV_QUEUE_NONE;
	wait_finish(site, thread->queue_end_ns);
}

static __always_inline void queue_enter(struct site_context *site, __u64 now)
{
	if (site->thread->queue != EV_QUEUE_PASSED)
		wait_open(site, now);
	site->thread->wait_lock = site->lock;
	site->thread->queue = EV_QUEUE_INSIDE;
	slice_begin(site, now);
}

static __always_inline void queue_leave(struct site_context *site, __u64 now)
{
	slice_end(site, now);
	site->thread->queue = EV_QUEUE_PASSED;
	site->thread->queue_end_ns = now;
}

#endif
