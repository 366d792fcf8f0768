/* Python frames of a thread of the current process → id of a stored stack. Everything is read from
 * the process's own memory and believed only as far as it leads to readable addresses. */
#ifndef GILSCOPE_PROBES_STACK_BPF_H
#define GILSCOPE_PROBES_STACK_BPF_H

#include "probes/thread.bpf.h"

#define GLIBC_X86_64_PTHREAD_TID 0x2d0 /* struct pthread.tid, glibc 2.10 to 2.41 */
#define FRAMES_SKIPPED_MAX 32          /* entry frames and shims beside the real ones */

static __always_inline __u64 user_u64(__u64 address)
{
	__u64 value = 0;

	if (bpf_probe_read_user(&value, sizeof(value), (void *)address))
		return 0;
	return value;
}

static __always_inline __u32 user_u32(__u64 address)
{
	__u32 value = 0;

	if (bpf_probe_read_user(&value, sizeof(value), (void *)address))
		return 0;
	return value;
}

/* What the thread calls itself; 0: unreadable. */
static __always_inline __u32 tstate_ns_tid(const struct layout *layout, __u64 tstate)
{
	if (layout->tstate_native_id != LAYOUT_ABSENT)
		return user_u32(tstate + layout->tstate_native_id);
	return user_u32(user_u64(tstate + layout->tstate_thread_id) + GLIBC_X86_64_PTHREAD_TID);
}

/* What the verifier tracks while it goes round the loop must not change from frame to frame, or it
 * goes round it EV_STACK_DEPTH times: all that does change is in the scratch value. */
struct walk {
	struct walk_scratch *scratch;
	const struct layout *layout;
	__u64 owner;
};

/* One frame; 1 ends the walk. */
static long walk_step(__u32 index, void *context)
{
	struct walk *walk = context;
	struct walk_scratch *scratch = walk->scratch;
	const struct layout *layout = walk->layout;
	__u64 frame = scratch->frame, code, instruction;
	__u32 depth = scratch->stack.depth;
	__u8 owner = 0;

	(void)index;
	if (!frame || scratch->owner != walk->owner)
		return 1;
	if (depth >= EV_STACK_DEPTH) {
		scratch->stack.is_cut = 1;
		return 1;
	}
	code = user_u64(frame + layout->frame_code);
	if (layout->frame_code_is_tagged)
		code &= ~3ULL;
	if (layout->frame_owner != LAYOUT_ABSENT)
		bpf_probe_read_user(&owner, 1, (void *)(frame + layout->frame_owner));
	if (layout->lines == LAYOUT_LOCATIONS)
		instruction = user_u64(frame + layout->frame_instr);
	else
		instruction = user_u32(frame + layout->frame_instr);
	scratch->frame = user_u64(frame + layout->frame_back);
	if (!code || (layout->frame_owner != LAYOUT_ABSENT && owner >= layout->frame_owner_skip))
		return 0;
	scratch->stack.frames[depth & (EV_STACK_DEPTH - 1)].code = code;
	scratch->stack.frames[depth & (EV_STACK_DEPTH - 1)].instruction = instruction;
	scratch->hash = (scratch->hash ^ code) * 0x9e3779b97f4a7c15ULL;
	scratch->hash =
		(scratch->hash ^ (scratch->hash >> 29) ^ instruction) * 0xbf58476d1ce4e5b9ULL;
	scratch->hash ^= scratch->hash >> 32;
	scratch->stack.depth = depth + 1;
	return 0;
}

static __always_inline __u64 stack_store(struct walk_scratch *scratch)
{
	__u64 id = scratch->hash;

	if (!scratch->stack.depth)
		return 0;
	if (!id)
		id = 1;
	if (bpf_map_lookup_elem(&stacks, &id))
		return id;
	if (scratch->stack.is_cut)
		count(EV_LOST_STACKS);
	if (bpf_map_update_elem(&stacks, &id, &scratch->stack, BPF_ANY)) {
		count(EV_LOST_STACKS);
		return 0;
	}
	return id;
}

/* Walks a thread state of the current process; 0: no frames. */
static __attribute__((noinline)) __u64 stack_walk(
	const struct layout *layout, __u64 tstate, __u32 tgid, __u32 context)
{
	__u32 slot = context;
	struct walk walk = {
		.scratch = bpf_map_lookup_elem(&walk_scratches, &slot),
		.layout = layout,
		.owner = bpf_get_current_pid_tgid(),
	};

	if (!walk.scratch || !tstate)
		return 0;
	walk.scratch->owner = walk.owner;
	walk.scratch->stack.tgid = tgid;
	walk.scratch->stack.depth = 0;
	walk.scratch->stack.is_cut = 0;
	walk.scratch->hash = (__u64)tgid << 32 | 0x51ed2701;
	walk.scratch->frame = user_u64(tstate + layout->tstate_frame);
	if (layout->cframe_frame != LAYOUT_ABSENT && walk.scratch->frame)
		walk.scratch->frame = user_u64(walk.scratch->frame + layout->cframe_frame);
	bpf_loop(EV_STACK_DEPTH + FRAMES_SKIPPED_MAX, walk_step, &walk, 0);
	if (walk.scratch->owner != walk.owner) {
		count(EV_LOST_STACKS);
		return 0;
	}
	return stack_store(walk.scratch);
}

/* The thread state of the current thread, if it is known and still its own. */
static __always_inline __u64 tstate_current(
	const struct layout *layout, const struct ev_thread *thread)
{
	__u32 tid = thread->tid;
	__u64 *known = bpf_map_lookup_elem(&tstates, &tid);

	if (!known || tstate_ns_tid(layout, *known) != thread->ns_tid)
		return 0;
	return *known;
}

static __always_inline void tstate_learn(const struct ev_thread *thread, __u64 tstate)
{
	__u32 tid = thread->tid;
	__u64 *known = bpf_map_lookup_elem(&tstates, &tid);

	if (known)
		*known = tstate;
	else
		bpf_map_update_elem(&tstates, &tid, &tstate, BPF_ANY);
}

/* What a lock's memory says at this moment. */
struct holder {
	__u64 tstate; /* 0: nobody holds it */
	__u32 tid;    /* 0: not known */
	__u32 ns_tid;
};

static __always_inline void holder_read(const struct ev_process *process,
	const struct layout *layout, __u64 lock, __u32 tgid, struct holder *ret_holder)
{
	struct ev_native_key key = {.tgid = tgid};
	__u32 *tid;

	ret_holder->tstate = 0;
	ret_holder->tid = 0;
	ret_holder->ns_tid = 0;
	if (user_u32(lock + layout->gil_locked) != 1)
		return;
	ret_holder->tstate = user_u64(lock + layout->gil_last_holder);
	if (!ret_holder->tstate)
		return;
	ret_holder->ns_tid = tstate_ns_tid(layout, ret_holder->tstate);
	ret_holder->tid = ret_holder->ns_tid;
	if (process->flags & EV_OTHER_PIDNS) {
		key.ns_tid = ret_holder->ns_tid;
		tid = bpf_map_lookup_elem(&natives, &key);
		ret_holder->tid = tid ? *tid : 0;
	}
}

/* Does the current thread hold one of its process's locks? Its thread state, or 0. */
static __always_inline __u64 holds_now(const struct ev_process *process,
	const struct layout *layout, const struct ev_thread *thread)
{
	struct holder holder;

	for (__u32 i = 0; i < EV_LOCKS; i++) {
		__u64 lock = process->locks[i];

		if (!lock)
			break;
		holder_read(process, layout, lock, thread->tgid, &holder);
		if (holder.tstate && holder.ns_tid == thread->ns_tid)
			return holder.tstate;
	}
	return 0;
}

#endif
