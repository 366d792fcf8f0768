/* A process → its threads twice, as the kernel lists them and as its interpreters do, joined by
 * their numbers; and the lock of each interpreter. The memory may hold anything: each list has an
 * end here, and none is followed where it has been. */
#include "probes/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "probes/procfile.h"
#include "probes/procfs.h"
#include "runtime/base/cleanup.h"

#define TSTATE_BYTES 0x400 /* enough of a thread state for the fields read here */
#define COND_BYTES 0x30 /* of pthread_cond_t */
#define PTHREAD_BYTES 0x400 /* where a C library keeps the thread's number, see below */
#define INTERVAL_MAX_US 10000000000ULL

/* In our own namespace the numbers are the same, and need not be looked up one by one. */
static bool has_our_numbers(const struct target *target)
{
	struct stat ours;

	return target->pid == target->ns_pid && !stat("/proc/self/ns/pid", &ours) &&
	       target->pidns_dev == ours.st_dev && target->pidns_ino == ours.st_ino;
}

int look_list_tasks(struct look *look)
{
	const struct target *target = &look->snapshot->target;
	bool is_ours = has_our_numbers(target);
	struct procfs_tids tids;
	int rc = procfs_tids_of(target->pid, &tids);

	if (rc)
		return rc == -ENOENT ? -ESRCH : rc;
	vec_each (tid, &tids.list) {
		struct task task = {.tid = *tid, .ns_tid = *tid};

		if (look->tasks.len >= SNAPSHOT_THREADS_MAX) {
			look->snapshot->is_torn = true;
			break;
		}
		if (!is_ours && proc_ns_pid(*tid, &task.ns_tid))
			continue; /* has ended */
		rc = vec_push(&look->tasks, task);
		if (rc)
			break;
	}
	vec_fini(&tids.list);
	return rc;
}

static bool is_plausible(const struct layout_lock *lock)
{
	return lock->interval_us && lock->interval_us <= INTERVAL_MAX_US &&
	       (lock->locked == 0 || lock->locked == 1);
}

int look_find_lock(struct look *look, uint64_t address, bool is_proved)
{
	struct snapshot *snapshot = look->snapshot;
	const struct layout *layout = &snapshot->layout;
	struct snapshot_lock lock = {.address = address, .holder = -1};

	for (size_t i = 0; i < snapshot->locks.len; i++)
		if (snapshot->locks.at[i].address == address)
			return (int)i;
	if (layout_lock_read(&snapshot->target, layout, address, &lock.state) ||
		(!is_proved && !is_plausible(&lock.state)))
		return -1;
	lock.first = address + layout->gil_cond;
	/* A condition, a mutex, and the same again for the thread that was made to give way. */
	lock.end = address + layout->gil_switch_cond + COND_BYTES + layout->gil_switch_cond -
		   layout->gil_mutex;
	return vec_push(&snapshot->locks, lock) ? -1 : (int)snapshot->locks.len - 1;
}

static int lock_of(struct look *look, uint64_t interpreter, bool is_main)
{
	uint64_t pointer = 0;

	if (is_main)
		return 0;
	if (layout_interpreter_lock(&look->snapshot->target, interpreter, &pointer) || !pointer)
		return -1;
	if (pointer == look->main_pointer)
		return 0;
	/* The row that leads to the locks is off: the one that was found is all that is known. */
	if (look->main_pointer != look->main_lock)
		return -1;
	return look_find_lock(look, pointer, false);
}

/* The words of a thread state that are wanted here, read at once: one moment, and one call. */
struct tstate {
	uint64_t interpreter, next, native_id, pthread;
};

static int read_tstate(const struct snapshot *snapshot, uint64_t address, struct tstate *ret_tstate)
{
	const struct layout *layout = &snapshot->layout;
	const struct {
		uint16_t offset;
		uint64_t *word;
	} fields[] = {
		{layout->tstate_interp, &ret_tstate->interpreter},
		{layout->tstate_next, &ret_tstate->next},
		{layout->tstate_native_id, &ret_tstate->native_id},
		{layout->tstate_thread_id, &ret_tstate->pthread},
	};
	uint8_t data[TSTATE_BYTES];
	size_t len = 0;
	int rc;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].offset != LAYOUT_ABSENT && fields[i].offset + 8U > len)
			len = fields[i].offset + 8U;
	if (len > sizeof(data))
		return -EPROTO;
	rc = target_read(&snapshot->target, address, data, len);
	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		*fields[i].word = 0;
		if (fields[i].offset != LAYOUT_ABSENT)
			memcpy(fields[i].word, data + fields[i].offset, 8);
	}
	return 0;
}

static int add_thread(struct look *look, struct snapshot_thread thread, const struct tstate *tstate)
{
	thread.waits_for = -1;
	if (tstate->native_id <= INT32_MAX)
		thread.ns_tid = (pid_t)tstate->native_id;
	if (vec_push(&look->snapshot->threads, thread))
		return -ENOMEM;
	return vec_push(&look->pthreads, tstate->pthread);
}

static bool is_listed(const struct snapshot *snapshot, uint64_t tstate)
{
	vec_each (thread, &snapshot->threads)
		if (thread->tstate == tstate)
			return true;
	return false;
}

/* Threads come and go meanwhile: each must lead back to its interpreter, and none comes twice. */
static int list_threads(struct look *look, uint64_t interpreter, bool is_main)
{
	struct snapshot *snapshot = look->snapshot;
	const struct layout *layout = &snapshot->layout;
	struct snapshot_thread thread = {
		.interpreter = -1,
		.lock = lock_of(look, interpreter, is_main),
	};
	uint64_t address;
	int rc = 0;

	(void)target_read(&snapshot->target, interpreter + layout->interp_id, &thread.interpreter,
		8); /* stays -1 */
	if (target_read(
		    &snapshot->target, interpreter + layout->interp_threads_head, &address, 8)) {
		snapshot->is_torn = true;
		return 0;
	}
	while (!rc && address) {
		struct tstate tstate;

		if (snapshot->threads.len >= SNAPSHOT_THREADS_MAX || is_listed(snapshot, address) ||
			read_tstate(snapshot, address, &tstate) ||
			tstate.interpreter != interpreter) {
			snapshot->is_torn = true;
			break;
		}
		thread.tstate = address;
		rc = add_thread(look, thread, &tstate);
		address = tstate.next;
	}
	return rc;
}

int look_list_interpreters(struct look *look)
{
	struct snapshot *snapshot = look->snapshot;
	const struct target *target = &snapshot->target;
	const struct layout *layout = &snapshot->layout;
	uint64_t main_one = 0, interpreter;
	int rc = layout_main_interpreter(target, layout, &main_one);

	if (!rc)
		rc = list_threads(look, main_one, true);
	snapshot->interpreters = 1;
	if (rc || target_read(target, target->runtime_address + layout->runtime_interp_head,
			  &interpreter, sizeof(interpreter)))
		return rc;
	while (!rc && interpreter) {
		if (snapshot->interpreters >= SNAPSHOT_INTERPRETERS_MAX) {
			snapshot->is_torn = true;
			break;
		}
		if (interpreter != main_one) {
			rc = list_threads(look, interpreter, false);
			snapshot->interpreters++;
		}
		if (target_read(target, interpreter + layout->interp_next, &interpreter, 8)) {
			snapshot->is_torn = true;
			break;
		}
	}
	return rc;
}

/* Whether each pthread has the number of a task of its own at this place. One that could not be
 * read is 0, and one that has a state in several interpreters comes more than once. */
static bool is_number_at(const struct look *look, const uint8_t *pthreads, size_t place)
{
	const uint64_t *addresses = look->pthreads.at;
	size_t matches = 0;

	for (size_t i = 0; i < look->pthreads.len; i++) {
		bool is_task = false;
		int32_t number;

		if (!addresses[i])
			continue;
		memcpy(&number, pthreads + i * PTHREAD_BYTES + place, sizeof(number));
		vec_each (task, &look->tasks)
			is_task |= task->ns_tid == number;
		for (size_t j = 0; is_task && j < i; j++)
			is_task = addresses[j] == addresses[i] || !addresses[j] ||
				  memcmp(pthreads + j * PTHREAD_BYTES + place, &number, 4) != 0;
		if (!is_task)
			return false;
		matches++;
	}
	return matches > 0;
}

/* Before 3.11 a thread state knows pthread_self() alone. C libraries keep the thread's number in
 * what that points to, each at a place of its own: the place where all of them have one. */
int look_match_pthreads(struct look *look)
{
	size_t count = look->pthreads.len, place = 0;
	_free_ uint8_t *pthreads = calloc(count + 1, PTHREAD_BYTES);

	if (!pthreads)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (target_read(&look->snapshot->target, look->pthreads.at[i],
			    pthreads + i * PTHREAD_BYTES, PTHREAD_BYTES))
			look->pthreads.at[i] = 0;
	while (place + 4 <= PTHREAD_BYTES && !is_number_at(look, pthreads, place))
		place += 4;
	for (size_t i = 0; place + 4 <= PTHREAD_BYTES && i < count; i++)
		if (look->pthreads.at[i])
			memcpy(&look->snapshot->threads.at[i].ns_tid,
				pthreads + i * PTHREAD_BYTES + place, sizeof(pid_t));
	return 0;
}

/* Tasks that are threads of Python's get their tid there, the others are added. */
int look_join_tasks(struct look *look)
{
	struct snapshot *snapshot = look->snapshot;
	size_t count = snapshot->threads.len;

	vec_each (task, &look->tasks) {
		struct snapshot_thread other = {
			.interpreter = -1,
			.lock = -1,
			.waits_for = -1,
			.tid = task->tid,
			.ns_tid = task->ns_tid,
		};
		struct snapshot_thread *first = NULL;

		for (size_t i = 0; i < count; i++) {
			struct snapshot_thread *thread = &snapshot->threads.at[i];

			if (thread->ns_tid != task->ns_tid)
				continue;
			thread->tid = task->tid;
			if (first)
				first->is_shared = thread->is_shared = true;
			else
				first = thread;
		}
		if (!first && vec_push(&snapshot->threads, other))
			return -ENOMEM;
	}
	return 0;
}
