/* pid → one look at its locks and threads while it runs on: what the locks say, then what each
 * thread does and its Python stack, holders first, then the locks once more. What had changed
 * meanwhile is looked at again, a few times, and said if it changed each time. All that is read is
 * the process's own memory, which may hold anything: every list has an end here. */
#include "probes/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/procfile.h"
#include "probes/procfs.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"

#define TRIES 4
#define RETRY_UNTIL_NS (30 * NS_PER_MS)
#define COND_BYTES 0x30 /* of pthread_cond_t */
#define PTHREAD_BYTES 0x400 /* where a C library keeps the thread's number, see match_pthreads */
#define INTERVAL_MAX_US 10000000000ULL

struct task {
	pid_t tid, ns_tid;
};

/* One try. */
struct look {
	struct snapshot *snapshot;
	uint64_t main_lock, main_pointer; /* as proved; as the main interpreter says */
	vec(struct task) tasks;
	vec(uint64_t) pthreads; /* of each of the threads; what pthread_self() says there */
};

static void clear_threads(struct snapshot *snapshot)
{
	vec_each (thread, &snapshot->threads)
		vec_fini(&thread->frames);
	vec_fini(&snapshot->threads);
	vec_fini(&snapshot->locks);
	snapshot->interpreters = 0;
	snapshot->has_changed = snapshot->is_torn = false;
}

void snapshot_fini(struct snapshot *snapshot)
{
	clear_threads(snapshot);
	pycode_free(snapshot->pycode);
	snapshot->pycode = NULL;
}

static int list_tasks(struct look *look)
{
	pid_t pid = look->snapshot->target.pid;
	struct procfs_tids tids;
	int rc = procfs_tids_of(pid, &tids);

	if (rc)
		return rc == -ENOENT ? -ESRCH : rc;
	vec_each (tid, &tids.list) {
		struct task task = {.tid = *tid};

		if (look->tasks.len >= SNAPSHOT_THREADS_MAX) {
			look->snapshot->is_torn = true;
			break;
		}
		if (proc_ns_pid(*tid, &task.ns_tid))
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

/* The lock's place in the list, added when new; -1 when it is none. */
static int find_lock(struct look *look, uint64_t address, bool is_proved)
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
	return find_lock(look, pointer, false);
}

static int add_thread(struct look *look, uint64_t tstate, int64_t number, int lock)
{
	const struct snapshot *snapshot = look->snapshot;
	const struct layout *layout = &snapshot->layout;
	struct snapshot_thread thread = {
		.tstate = tstate,
		.interpreter = number,
		.lock = lock,
		.waits_for = -1,
	};
	uint64_t pthread = 0, native = 0;

	(void)target_read(&snapshot->target, tstate + layout->tstate_thread_id, &pthread,
		sizeof(pthread)); /* stays 0 */
	if (layout->tstate_native_id != LAYOUT_ABSENT)
		(void)target_read(&snapshot->target, tstate + layout->tstate_native_id, &native,
			sizeof(native));
	if (native <= INT32_MAX)
		thread.ns_tid = (pid_t)native;
	if (vec_push(&look->snapshot->threads, thread))
		return -ENOMEM;
	return vec_push(&look->pthreads, pthread);
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
	const struct target *target = &snapshot->target;
	const struct layout *layout = &snapshot->layout;
	uint64_t tstate, back;
	int64_t number = -1;
	int lock = lock_of(look, interpreter, is_main), rc = 0;

	(void)target_read(
		target, interpreter + layout->interp_id, &number, sizeof(number)); /* stays -1 */
	if (target_read(target, interpreter + layout->interp_threads_head, &tstate, 8)) {
		snapshot->is_torn = true;
		return 0;
	}
	while (!rc && tstate) {
		if (snapshot->threads.len >= SNAPSHOT_THREADS_MAX || is_listed(snapshot, tstate) ||
			target_read(target, tstate + layout->tstate_interp, &back, 8) ||
			back != interpreter) {
			snapshot->is_torn = true;
			break;
		}
		rc = add_thread(look, tstate, number, lock);
		if (!rc && target_read(target, tstate + layout->tstate_next, &tstate, 8)) {
			snapshot->is_torn = true;
			break;
		}
	}
	return rc;
}

static int list_interpreters(struct look *look)
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

/* Whether each thread's pthread has the number of a task of its own at this place. */
static bool is_number_at(const struct look *look, const uint8_t *pthreads, size_t place)
{
	for (size_t i = 0; i < look->pthreads.len; i++) {
		bool is_task = false;
		int32_t number;

		memcpy(&number, pthreads + i * PTHREAD_BYTES + place, sizeof(number));
		vec_each (task, &look->tasks)
			is_task |= task->ns_tid == number;
		for (size_t j = 0; is_task && j < i; j++)
			is_task = memcmp(pthreads + j * PTHREAD_BYTES + place, &number, 4) != 0;
		if (!is_task)
			return false;
	}
	return true;
}

/* Before 3.11 a thread state knows pthread_self() alone. C libraries keep the thread's number in
 * what that points to, each at a place of its own: the place where all of them have one. */
static int match_pthreads(struct look *look)
{
	size_t count = look->pthreads.len;
	_free_ uint8_t *pthreads = calloc(count + 1, PTHREAD_BYTES);

	if (!pthreads)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (target_read(&look->snapshot->target, look->pthreads.at[i],
			    pthreads + i * PTHREAD_BYTES, PTHREAD_BYTES))
			return 0; /* unknown they stay */
	for (size_t place = 0; place + 4 <= PTHREAD_BYTES; place += 4) {
		if (!is_number_at(look, pthreads, place))
			continue;
		for (size_t i = 0; i < count; i++)
			memcpy(&look->snapshot->threads.at[i].ns_tid,
				pthreads + i * PTHREAD_BYTES + place, sizeof(pid_t));
		return 0;
	}
	return 0;
}

/* Tasks that are threads of Python's get their tid there, the others are added. */
static int join_tasks(struct look *look)
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
		bool is_known = false;

		/* A thread that works in several interpreters has a state in each. */
		for (size_t i = 0; i < count; i++)
			if (snapshot->threads.at[i].ns_tid == task->ns_tid) {
				snapshot->threads.at[i].tid = task->tid;
				is_known = true;
			}
		if (!is_known && vec_push(&snapshot->threads, other))
			return -ENOMEM;
	}
	return 0;
}

static void see_sleep(const struct snapshot *snapshot, struct snapshot_thread *thread)
{
	const struct sleeps *sleeps = &thread->sleeps;

	if (!thread->tid || sleeps_read(snapshot->target.pid, thread->tid, &thread->sleeps) ||
		!sleeps->state)
		return;
	for (size_t i = 0; i < snapshot->locks.len; i++)
		if (sleeps_in_futex(sleeps, snapshot->locks.at[i].first, snapshot->locks.at[i].end))
			thread->waits_for = (int)i;
	if (sleeps->state == 'T' || sleeps->state == 't')
		thread->doing = SNAPSHOT_STOPPED;
	else if (thread->waits_for >= 0)
		thread->doing = SNAPSHOT_WAITS;
	else if (sleeps->is_known)
		thread->doing = sleeps->is_on_cpu ? SNAPSHOT_RUNS : SNAPSHOT_SLEEPS;
	else if (sleeps->state == 'R')
		thread->doing = SNAPSHOT_RUNS;
	else
		thread->doing = SNAPSHOT_SLEEPS;
}

static int see_stack(struct snapshot *snapshot, struct snapshot_thread *thread)
{
	struct pycode_frame frames[SNAPSHOT_FRAMES_MAX];
	int count = pycode_walk(
		&snapshot->target, &snapshot->layout, thread->tstate, frames, SNAPSHOT_FRAMES_MAX);

	thread->lost_frames += count < 0;
	thread->is_deeper = count == SNAPSHOT_FRAMES_MAX;
	for (int i = 0; i < count; i++) {
		struct run_frame frame;

		if (pycode_resolve(snapshot->pycode, frames[i], &frame))
			thread->lost_frames++;
		else if (vec_push(&thread->frames, frame))
			return -ENOMEM;
	}
	return 0;
}

static bool holds_one(const struct snapshot *snapshot, const struct snapshot_thread *thread)
{
	vec_each (lock, &snapshot->locks)
		if (lock->state.is_enabled && lock->state.locked == 1 && thread->tstate &&
			lock->state.last_holder == thread->tstate)
			return true;
	return false;
}

static int see_threads(struct snapshot *snapshot)
{
	int rc = 0;

	vec_each (lock, &snapshot->locks)
		if (layout_lock_read(
			    &snapshot->target, &snapshot->layout, lock->address, &lock->state))
			snapshot->has_changed = true;
	/* What the holder does is what is asked for: it has the least time to go on. */
	for (int pass = 0; pass < 2; pass++)
		vec_each (thread, &snapshot->threads) {
			bool is_holder = holds_one(snapshot, thread);

			if (rc || is_holder != (pass == 0))
				continue;
			thread->is_holder = is_holder;
			see_sleep(snapshot, thread);
			if (thread->tstate)
				rc = see_stack(snapshot, thread);
		}
	vec_each (lock, &snapshot->locks) {
		struct layout_lock now;

		if (layout_lock_read(&snapshot->target, &snapshot->layout, lock->address, &now) ||
			now.locked != lock->state.locked ||
			now.last_holder != lock->state.last_holder ||
			now.switch_number != lock->state.switch_number)
			snapshot->has_changed = true;
	}
	return rc;
}

static int rank(const struct snapshot_thread *thread)
{
	if (thread->is_holder)
		return 0;
	if (thread->doing == SNAPSHOT_WAITS)
		return 1;
	return thread->tstate ? 2 : 3;
}

static int compare_threads(const void *a, const void *b)
{
	const struct snapshot_thread *left = a, *right = b;

	if (rank(left) != rank(right))
		return rank(left) < rank(right) ? -1 : 1;
	if (left->tid != right->tid)
		return left->tid < right->tid ? -1 : 1;
	return (left->tstate > right->tstate) - (left->tstate < right->tstate);
}

static void order_threads(struct snapshot *snapshot)
{
	if (snapshot->threads.len)
		qsort(snapshot->threads.at, snapshot->threads.len, sizeof(snapshot->threads.at[0]),
			compare_threads);
	vec_each (lock, &snapshot->locks)
		for (size_t i = 0; i < snapshot->threads.len; i++)
			if (snapshot->threads.at[i].is_holder &&
				snapshot->threads.at[i].tstate == lock->state.last_holder)
				lock->holder = (int)i;
}

static int look_once(struct snapshot *snapshot, uint64_t lock_address)
{
	struct look look = {.snapshot = snapshot, .main_lock = lock_address};
	uint64_t main_one;
	int rc = list_tasks(&look);

	if (!rc)
		rc = layout_main_interpreter(&snapshot->target, &snapshot->layout, &main_one);
	if (!rc)
		(void)layout_interpreter_lock(
			&snapshot->target, main_one, &look.main_pointer); /* stays 0 */
	if (!rc && find_lock(&look, lock_address, true) != 0)
		rc = -EFAULT;
	if (!rc)
		rc = list_interpreters(&look);
	if (!rc && snapshot->layout.tstate_native_id == LAYOUT_ABSENT)
		rc = match_pthreads(&look);
	if (!rc)
		rc = join_tasks(&look);
	if (!rc)
		rc = see_threads(snapshot);
	if (!rc)
		order_threads(snapshot);
	vec_fini(&look.tasks);
	vec_fini(&look.pthreads);
	return rc;
}

/* The sentence for what the parts above leave to us. */
static int explain(const struct snapshot *snapshot, int rc, struct err *err)
{
	pid_t pid = snapshot->target.pid;

	if (rc == -ESRCH || rc == -ENOENT)
		return err_ret(err, -ESRCH, "process %d has ended", pid);
	if (rc == -EFAULT)
		return err_ret(err, rc, "pid %d ends or runs another program by now", pid);
	return err_ret(err, rc, "cannot look into pid %d: %s", pid, strerror(-rc));
}

int snapshot_look(struct snapshot *snapshot, struct err *err)
{
	uint64_t begin_ns = clock_now_ns(), lock_address;
	const char *how;
	int rc = layout_find(&snapshot->target, &snapshot->layout, &lock_address, &how, err);

	if (rc)
		return rc;
	rc = pycode_new(&snapshot->target, &snapshot->layout, &snapshot->pycode);
	for (int i = 0; !rc && i < TRIES; i++) {
		clear_threads(snapshot);
		rc = look_once(snapshot, lock_address);
		if ((!snapshot->has_changed && !snapshot->is_torn) ||
			clock_now_ns() - begin_ns > RETRY_UNTIL_NS)
			break;
	}
	return rc ? explain(snapshot, rc, err) : 0;
}

int snapshot_take(pid_t pid, struct snapshot *ret_snapshot, struct err *err)
{
	uint64_t begin_ns = clock_now_ns();
	int rc;

	memset(ret_snapshot, 0, sizeof(*ret_snapshot));
	rc = target_open(pid, &ret_snapshot->target, err);
	if (!rc)
		rc = snapshot_look(ret_snapshot, err);
	ret_snapshot->took_ns = clock_now_ns() - begin_ns;
	return rc;
}
