/* Forks, execs and exits → which processes and threads are measured. A child of a measured process
 * is measured from its first instruction; user space attaches probes to it as soon as it hears of
 * it. */
#ifndef GILSCOPE_PROBES_LIFE_BPF_H
#define GILSCOPE_PROBES_LIFE_BPF_H

#include "probes/wait.bpf.h"

static __always_inline void life_send(struct task_struct *task, __u32 kind, __u32 other)
{
	struct ev_life *life = bpf_ringbuf_reserve(&lives, sizeof(*life), 0);

	if (!life) {
		count(EV_LOST_EVENTS);
		return;
	}
	__builtin_memset(life, 0, sizeof(*life));
	life->at_ns = bpf_ktime_get_ns();
	life->kind = kind;
	life->tgid = task->tgid;
	life->tid = task->pid;
	life->other = other;
	life->exit_code = task->exit_code;
	bpf_probe_read_kernel(
		life->comm, sizeof(life->comm), __builtin_preserve_access_index(&task->comm));
	bpf_ringbuf_submit(life, 0);
}

SEC("tp_btf/sched_process_fork")
int on_fork(__u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0];
	struct task_struct *child = (struct task_struct *)ctx[1];
	__u32 parent_tgid = parent->tgid, child_tgid = child->tgid, lock = EV_UNSEEN;
	struct ev_process *process = bpf_map_lookup_elem(&processes, &parent_tgid), copy;

	if (is_over || !process)
		return 0;
	if (child_tgid != parent_tgid) {
		copy = *process;
		copy.probed_ns = 0;
		if (bpf_map_update_elem(&processes, &child_tgid, &copy, BPF_ANY)) {
			count(EV_LOST_EVENTS);
			return 0;
		}
		life_send(child, EV_FORK, parent_tgid);
	} else if (process->flags & EV_HAS_LOCK) {
		lock = EV_OUTSIDE;
	}
	/* It sleeps in the making until sched_wakeup_new. */
	thread_make(child, lock, EV_BLOCKED, IN_SCHED);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int on_exec(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	__u32 old_tid = (__u32)ctx[1], tgid = task->tgid;
	struct ev_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct ev_thread *thread = bpf_map_lookup_elem(&threads, &tgid);

	if (is_over || !process)
		return 0;
	process->flags = 0;
	process->probed_ns = 0;
	for (__u32 i = 0; i < EV_LOCKS; i++)
		process->locks[i] = 0;
	bpf_map_delete_elem(&tstates, &tgid);
	if (thread) {
		thread_enter(thread, EV_UNSEEN, EV_RUNNING);
		thread->wait_start_ns = 0;
		thread->hold_start_ns = 0;
		thread->queue = EV_QUEUE_NONE;
		bpf_probe_read_kernel(thread->comm, sizeof(thread->comm),
			__builtin_preserve_access_index(&task->comm));
	}
	life_send(task, EV_EXEC, old_tid);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit_task(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	__u32 tid = task->pid, tgid = task->tgid;
	struct ev_thread *thread = bpf_map_lookup_elem(&threads, &tid);
	struct site_context site = {.thread = thread};

	if (is_over || !thread)
		return 0;
	queue_settle(&site);
	if (!thread->end_ns)
		thread->end_ns = thread_enter(thread, KEEP, KEEP);
	bpf_probe_read_kernel(
		thread->comm, sizeof(thread->comm), __builtin_preserve_access_index(&task->comm));
	bpf_map_delete_elem(&tstates, &tid);
	life_send(task, tid == tgid ? EV_EXIT : EV_THREAD_EXIT, 0);
	return 0;
}

#endif
