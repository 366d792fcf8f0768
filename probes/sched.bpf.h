/* Scheduler events and the processor clock → the scheduler half of each thread's state, where
 * threads that are off the processor stand, and the life of processes. */
#ifndef GILSCOPE_PROBES_SCHED_BPF_H
#define GILSCOPE_PROBES_SCHED_BPF_H

#include "probes/wait.bpf.h"

/* Walks a second that one thread may cause by leaving the processor, with the lock and without: a
 * switch costs about 1 us, a walk 2 us. */
#define WALK_PRICE_HOLDING_NS 200000ULL
#define WALK_PRICE_NS 1000000ULL
#define WALK_CREDIT_MAX_NS 100000000ULL

static __always_inline int walk_is_affordable(struct ev_thread *thread, __u64 now, __u64 price_ns)
{
	__u64 at = thread->walk_credit_at_ns;

	if (at + WALK_CREDIT_MAX_NS < now)
		at = now - WALK_CREDIT_MAX_NS;
	if (at + price_ns > now)
		return 0;
	thread->walk_credit_at_ns = at + price_ns;
	return 1;
}

/* The stretch that ends now, of a thread that is off the processor. */
static __always_inline void off_charge(const struct ev_thread *thread, __u64 now)
{
	__u64 word = *(volatile const __u64 *)&thread->word;
	struct ev_activity_key key = {
		.stack = thread->off_stack,
		.tgid = thread->tgid,
		.tid = thread->tid,
		.lock = EV_WORD_LOCK(word),
		.sched = EV_WORD_SCHED(word),
	};

	if (key.sched == EV_RUNNING || key.lock == EV_WAITING || now <= EV_WORD_AT(word))
		return;
	tally_add(&activity, &key, now - EV_WORD_AT(word), 1, now - EV_WORD_AT(word));
}

/* The lock half while the current thread leaves the processor: exact from here on, since it cannot
 * give the lock up or take it while it is away. */
static __always_inline __u32 off_lock(struct site_context *site, __u64 now)
{
	struct ev_thread *thread = site->thread;
	__u32 lock = thread_lock(thread);
	__u64 tstate = holds_now(site->process, site->layout, thread);

	if (!(site->process->flags & EV_EXACT) || lock == EV_UNSEEN)
		lock = tstate ? EV_HOLDING : EV_OUTSIDE;
	if (tstate)
		tstate_learn(thread, tstate);
	else
		tstate = tstate_current(site->layout, thread);
	if (tstate && walk_is_affordable(thread, now,
			      lock == EV_HOLDING ? WALK_PRICE_HOLDING_NS : WALK_PRICE_NS))
		thread->off_stack = stack_walk(site->layout, tstate, thread->tgid, IN_SCHED);
	return lock;
}

/* The lock whose mutex the task sleeps for; 0: none. */
static __always_inline __u64 queued_lock(const struct site_context *site, struct task_struct *task)
{
	const struct pt_regs___kernel *regs = (const void *)bpf_task_pt_regs(task);
	__u64 address;

	if (SYSCALL_NUMBER(regs) != SYSCALL_FUTEX)
		return 0;
	address = SYSCALL_ARGUMENT_0(regs);
	for (__u32 i = 0; i < EV_LOCKS; i++) {
		__u64 lock = site->process->locks[i];

		if (lock && address == lock + site->layout->gil_mutex)
			return lock;
	}
	return 0;
}

static __always_inline int site_of(struct site_context *site, struct ev_thread *thread)
{
	__u32 tgid = thread->tgid, layout;

	site->context = IN_SCHED;
	site->thread = thread;
	site->process = bpf_map_lookup_elem(&processes, &tgid);
	if (!site->process || !(site->process->flags & EV_HAS_LOCK))
		return -1;
	layout = site->process->layout;
	site->layout = bpf_map_lookup_elem(&layouts, &layout);
	return site->layout ? 0 : -1;
}

static __always_inline void switch_out(
	struct ev_thread *thread, struct task_struct *task, int is_runnable)
{
	struct site_context site = {0};
	__u32 lock = EV_UNSEEN, sched = is_runnable ? EV_RUNNABLE : EV_BLOCKED;
	__u64 now = bpf_ktime_get_ns();

	thread->off_stack = 0;
	if (thread_lock(thread) == EV_WAITING) {
		thread_enter(thread, EV_WAITING, sched);
		return;
	}
	if (!site_of(&site, thread)) {
		if (!is_runnable && !holds_now(site.process, site.layout, thread))
			site.lock = queued_lock(&site, task);
		if (site.lock) {
			queue_enter(&site, now);
			thread_enter(thread, EV_WAITING, EV_BLOCKED);
			return;
		}
		queue_settle(&site);
		lock = off_lock(&site, now);
	}
	thread_enter(thread, lock, sched);
}

static __always_inline void switch_in(struct ev_thread *thread)
{
	struct site_context site = {0};
	__u32 lock = thread_lock(thread);
	__u64 now = bpf_ktime_get_ns();
	int has_site = !site_of(&site, thread), is_exact;

	is_exact = has_site && site.process->flags & EV_EXACT;
	off_charge(thread, now);
	if (thread->queue == EV_QUEUE_INSIDE) {
		queue_leave(&site, now);
		lock = is_exact ? EV_OUTSIDE : EV_UNSEEN;
	} else if (lock != EV_WAITING && !is_exact) {
		lock = EV_UNSEEN;
	}
	thread_enter(thread, lock, EV_RUNNING);
}

static __always_inline long task_state(struct task_struct *task)
{
	const struct task_struct___old *old = (const void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

SEC("tp_btf/sched_switch")
int on_switch(__u64 *ctx)
{
	int is_preempted = (int)ctx[0];
	struct task_struct *prev = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	__u32 prev_tid = prev->pid, next_tid = next->pid;
	struct ev_thread *thread;
	long state;

	if (is_over)
		return 0;
	thread = bpf_map_lookup_elem(&threads, &prev_tid);
	if (thread && !thread->end_ns) {
		state = has_switch_state ? (long)(__u32)ctx[3] : task_state(prev);
		switch_out(thread, prev, is_preempted || state == 0);
	}
	thread = bpf_map_lookup_elem(&threads, &next_tid);
	if (thread && !thread->end_ns)
		switch_in(thread);
	return 0;
}

static __always_inline void woken(struct task_struct *task)
{
	__u32 tid = task->pid;
	struct ev_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (is_over || !thread || thread->end_ns || EV_WORD_SCHED(thread->word) != EV_BLOCKED)
		return;
	off_charge(thread, bpf_ktime_get_ns());
	thread_enter(thread, KEEP, EV_RUNNABLE);
}

SEC("tp_btf/sched_wakeup")
int on_wakeup(__u64 *ctx)
{
	woken((struct task_struct *)ctx[0]);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int on_wakeup_new(__u64 *ctx)
{
	woken((struct task_struct *)ctx[0]);
	return 0;
}

/* Where running threads are, at the rate of the clock. */
SEC("perf_event")
int on_clock(void *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), tstate;
	__u32 tid = (__u32)pid_tgid, tgid = pid_tgid >> 32, layout_id;
	struct ev_thread *thread = bpf_map_lookup_elem(&threads, &tid);
	struct ev_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct ev_activity_key key = {.tgid = tgid, .tid = tid, .is_sampled = 1};
	const struct layout *layout;

	(void)ctx;
	if (is_over || !thread || thread->end_ns || !process)
		return 0;
	count(EV_SAMPLES);
	if (EV_WORD_SCHED(thread->word) != EV_RUNNING)
		thread_enter(thread, KEEP, EV_RUNNING);
	key.lock = EV_UNSEEN;
	layout_id = process->layout;
	layout = bpf_map_lookup_elem(&layouts, &layout_id);
	if (layout && process->flags & EV_HAS_LOCK) {
		key.lock = thread_lock(thread);
		tstate = holds_now(process, layout, thread);
		if (key.lock == EV_UNSEEN)
			key.lock = tstate ? EV_HOLDING : EV_OUTSIDE;
		if (process->flags & EV_EXACT && thread_lock(thread) == EV_UNSEEN)
			thread_enter(thread, key.lock, KEEP);
		if (tstate)
			tstate_learn(thread, tstate);
		else
			tstate = tstate_current(layout, thread);
		if (tstate)
			key.stack = stack_walk(layout, tstate, tgid, IN_SAMPLE);
	}
	thread->samples[key.lock & 3]++;
	tally_add(&activity, &key, sample_period_ns, 1, 0);
	return 0;
}

#endif
