/* One thread's record: which of the states it is in since when, and how it came to be known. */
#ifndef GILSCOPE_PROBES_THREAD_BPF_H
#define GILSCOPE_PROBES_THREAD_BPF_H

#include "probes/kernel.bpf.h"
#include "probes/maps.bpf.h"

#define KEEP 0xffU /* leave this axis as it is */

/* Which context runs: decides which scratch slot is free. */
enum context { IN_PROBE = 0, IN_SCHED = 1, IN_SAMPLE = 2 };

static __always_inline __u32 thread_lock(const struct ev_thread *thread)
{
	return EV_WORD_LOCK(*(volatile const __u64 *)&thread->word);
}

/* Closes the time in the present state and enters the next; returns the moment of it. The loop ends
 * at once unless this very thread's switch came in between. */
static __always_inline __u64 thread_enter(struct ev_thread *thread, __u32 lock, __u32 sched)
{
	__u64 now = bpf_ktime_get_ns();

	for (int i = 0; i < 4; i++) {
		__u64 old = *(volatile __u64 *)&thread->word, at = EV_WORD_AT(old);
		__u32 old_lock = EV_WORD_LOCK(old), old_sched = EV_WORD_SCHED(old);
		__u64 next;

		if (now < at)
			now = at;
		next = EV_WORD(now, lock == KEEP ? old_lock : lock & 3,
			sched == KEEP ? old_sched : sched & 3);
		if (__sync_val_compare_and_swap(&thread->word, old, next) == old) {
			if (old_sched < EV_SCHED_STATES)
				__sync_fetch_and_add(
					&thread->ns[old_lock & 3][old_sched], now - at);
			return now;
		}
		now = bpf_ktime_get_ns();
	}
	count(EV_LOST_EVENTS);
	return now;
}

/* Processor time of the thread so far; meant for the thread itself (it is running). */
static __always_inline __u64 thread_cpu_ns(const struct ev_thread *thread, __u64 now)
{
	__u64 word = *(volatile const __u64 *)&thread->word, ns = 0;

	for (int lock = 0; lock < EV_LOCK_STATES; lock++)
		ns += thread->ns[lock][EV_RUNNING];
	if (EV_WORD_SCHED(word) == EV_RUNNING && now > EV_WORD_AT(word))
		ns += now - EV_WORD_AT(word);
	return ns;
}

static __always_inline __u32 task_ns_tid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid *numbers = pid ? __builtin_preserve_access_index(&pid->numbers[0]) : 0;
	int nr = 0;

	if (!pid || level > 32)
		return 0;
	if (!level)
		return BPF_CORE_READ(task, pid);
	bpf_probe_read_kernel(&nr, sizeof(nr),
		(char *)numbers + level * bpf_core_type_size(struct upid) +
			bpf_core_field_offset(struct upid, nr));
	return nr;
}

/* The record of a task that must be known; makes it if it is not. */
static __always_inline struct ev_thread *thread_make(
	struct task_struct *task, __u32 lock, __u32 sched, __u32 context)
{
	__u32 slot = context == IN_PROBE ? 0 : 1, tid = BPF_CORE_READ(task, pid);
	struct ev_thread *fresh = bpf_map_lookup_elem(&thread_scratch, &slot);
	struct ev_thread *former = bpf_map_lookup_elem(&threads, &tid);
	struct ev_native_key native;
	__u64 now = bpf_ktime_get_ns();

	if (!fresh)
		return 0;
	if (former && former->tid == tid) /* its tid is used again before it was read */
		count(EV_LOST_EVENTS);
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->word = EV_WORD(now, lock, sched);
	fresh->seen_ns = now;
	fresh->tid = tid;
	fresh->tgid = BPF_CORE_READ(task, tgid);
	fresh->ns_tid = task_ns_tid(task);
	bpf_probe_read_kernel(
		fresh->comm, sizeof(fresh->comm), __builtin_preserve_access_index(&task->comm));
	if (bpf_map_update_elem(&threads, &tid, fresh, BPF_ANY)) {
		count(EV_LOST_EVENTS);
		return 0;
	}
	if (fresh->ns_tid != tid) {
		native.tgid = fresh->tgid;
		native.ns_tid = fresh->ns_tid;
		if (bpf_map_update_elem(&natives, &native, &tid, BPF_ANY))
			count(EV_LOST_EVENTS);
	}
	return bpf_map_lookup_elem(&threads, &tid);
}

/* The current thread of a process that is being measured. */
static __always_inline struct ev_thread *thread_current(__u32 context)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct ev_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (thread && !thread->end_ns)
		return thread;
	return thread_make(
		(struct task_struct *)bpf_get_current_task(), EV_UNSEEN, EV_RUNNING, context);
}

/* Keeps an interval if it is among the longest of this thread. */
static __always_inline void interval_keep(struct ev_interval *list, const struct ev_interval *item)
{
	__u32 least = 0;

	for (__u32 i = 1; i < EV_LONGEST; i++)
		if (list[i].length_ns < list[least & 7].length_ns)
			least = i;
	if (least < EV_LONGEST && list[least].length_ns < item->length_ns)
		list[least] = *item;
}

static __always_inline __u64 interval_least_ns(const struct ev_interval *list)
{
	__u64 least_ns = list[0].length_ns;

	for (__u32 i = 1; i < EV_LONGEST; i++)
		if (list[i].length_ns < least_ns)
			least_ns = list[i].length_ns;
	return least_ns;
}

#endif
