/* A process that already runs → its threads and what each is doing now: whoever holds the lock or
 * is off the processor would else be unknown until it moves. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "probes/procfs.h"
#include "probes/recorder.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"

#define TSTATES_MAX 4096
#define GLIBC_X86_64_PTHREAD_TID 0x2d0 /* struct pthread.tid, glibc 2.10 to 2.41 */

static uint64_t read_u64(const struct target *target, uint64_t address)
{
	uint64_t value;

	return address && !target_read(target, address, &value, sizeof(value)) ? value : 0;
}

static uint32_t read_u32(const struct target *target, uint64_t address)
{
	uint32_t value;

	return address && !target_read(target, address, &value, sizeof(value)) ? value : 0;
}

static uint32_t native_tid(const struct process *process, uint64_t tstate)
{
	const struct layout *layout = &process->layout;
	uint64_t thread_id;

	if (layout->tstate_native_id != LAYOUT_ABSENT)
		return read_u32(&process->target, tstate + layout->tstate_native_id);
	thread_id = read_u64(&process->target, tstate + layout->tstate_thread_id);
	return thread_id ? read_u32(&process->target, thread_id + GLIBC_X86_64_PTHREAD_TID) : 0;
}

/* The tid as the thread sees it. */
static uint32_t ns_tid(pid_t pid, pid_t tid)
{
	char path[64], line[256];
	_fclose_ FILE *file = NULL;
	uint32_t last = (uint32_t)tid;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *word, *rest = NULL;

		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		for (word = strtok_r(line + 6, " \t\n", &rest); word;
			word = strtok_r(NULL, " \t\n", &rest))
			last = (uint32_t)strtoul(word, NULL, 10);
		break;
	}
	return last;
}

/* The native id of the thread that holds the lock now; 0: nobody. */
static uint32_t holder_of(const struct process *process)
{
	const struct layout *layout = &process->layout;

	if (!process->pycode || read_u32(&process->target, process->lock + layout->gil_locked) != 1)
		return 0;
	return native_tid(
		process, read_u64(&process->target, process->lock + layout->gil_last_holder));
}

/* Where a thread stands that is off the processor, stored as the kernel side would; 0: unknown. */
static uint64_t store_stack(struct recorder *recorder, const struct process *process, pid_t tid)
{
	const struct attach_maps *maps = attach_maps(recorder->attach);
	struct ev_stack stack = {.tgid = (__u32)process->pid};
	struct pycode_frame frames[EV_STACK_DEPTH];
	uint64_t tstate, id = 0x5ca9ULL << 48 | (uint32_t)tid;
	int depth;

	if (!process->pycode || bpf_map_lookup_elem(maps->tstates, &tid, &tstate))
		return 0;
	depth = pycode_walk(&process->target, &process->layout, tstate, frames, EV_STACK_DEPTH);
	if (depth <= 0)
		return 0;
	for (int i = 0; i < depth; i++)
		stack.frames[i] = (struct ev_frame){frames[i].code, frames[i].instruction};
	stack.depth = (__u32)depth;
	if (bpf_map_update_elem(maps->stacks, &id, &stack, BPF_ANY)) {
		recorder->lost_stacks++;
		return 0;
	}
	return id;
}

static int add_thread(
	struct recorder *recorder, struct process *process, pid_t tid, uint32_t holder)
{
	const struct attach_maps *maps = attach_maps(recorder->attach);
	struct ev_thread thread = {.tid = (__u32)tid, .tgid = (__u32)process->pid};
	struct procfs_task task;
	uint32_t lock = EV_UNSEEN, sched;
	uint64_t now_ns = clock_now_ns();

	if (procfs_task(process->pid, tid, &task))
		return 0; /* it has just ended */
	memcpy(thread.comm, task.comm, sizeof(thread.comm));
	thread.ns_tid = ns_tid(process->pid, tid);
	sched = task.state == 'R' ? EV_RUNNING : EV_BLOCKED;
	if (sched == EV_BLOCKED && process->pycode)
		lock = holder && holder == thread.ns_tid ? EV_HOLDING : EV_OUTSIDE;
	if (sched == EV_BLOCKED)
		thread.off_stack = store_stack(recorder, process, tid);
	thread.word = EV_WORD(now_ns, lock, sched);
	thread.seen_ns = now_ns;
	/* The kernel side may have met it first, and knows better then. */
	if (bpf_map_update_elem(maps->threads, &thread.tid, &thread, BPF_NOEXIST) &&
		errno != EEXIST)
		recorder->lost_events++;
	return 0;
}

/* Threads of another namespace by the tids that they know themselves. */
static void add_native(struct recorder *recorder, const struct process *process, pid_t tid)
{
	struct ev_native_key native = {
		.tgid = (__u32)process->pid,
		.ns_tid = ns_tid(process->pid, tid),
	};
	uint32_t host = (uint32_t)tid;

	if (native.ns_tid != host && bpf_map_update_elem(attach_maps(recorder->attach)->natives,
					     &native, &host, BPF_ANY))
		recorder->lost_events++;
}

int scan_threads(struct recorder *recorder, struct process *process)
{
	struct procfs_tids tids;
	uint32_t holder = holder_of(process);
	int rc = procfs_tids_of(process->pid, &tids);

	if (rc)
		return rc;
	vec_each (tid, &tids.list)
		add_native(recorder, process, *tid);
	scan_tstates(recorder, process);
	vec_each (tid, &tids.list)
		if (!rc)
			rc = add_thread(recorder, process, *tid, holder);
	vec_fini(&tids.list);
	return rc;
}

static pid_t host_tid(
	const struct recorder *recorder, const struct process *process, uint32_t native)
{
	struct ev_native_key key = {.tgid = (__u32)process->pid, .ns_tid = native};
	uint32_t tid = native;

	if (bpf_map_lookup_elem(attach_maps(recorder->attach)->natives, &key, &tid))
		tid = native;
	return (pid_t)tid;
}

void scan_tstates(struct recorder *recorder, const struct process *process)
{
	const struct layout *layout = &process->layout;
	int tstates = attach_maps(recorder->attach)->tstates;
	uint64_t tstate, interp;

	if (!process->pycode || layout->interp_threads_head == LAYOUT_ABSENT)
		return;
	tstate = read_u64(&process->target, process->lock + layout->gil_last_holder);
	interp = tstate ? read_u64(&process->target, tstate + layout->tstate_interp) : 0;
	tstate = interp ? read_u64(&process->target, interp + layout->interp_threads_head) : 0;
	for (int i = 0; tstate && i < TSTATES_MAX; i++) {
		uint32_t tid = (uint32_t)host_tid(recorder, process, native_tid(process, tstate));

		/* Racy: the kernel side checks the native id before it uses one. */
		if (tid && bpf_map_update_elem(tstates, &tid, &tstate, BPF_NOEXIST) &&
			errno != EEXIST)
			recorder->lost_events++;
		tstate = read_u64(&process->target, tstate + layout->tstate_next);
	}
}
