/* pid → one look at its locks and threads while it runs on: what the locks say, then what each
 * thread does and its Python stack, holders first, then the locks once more. What had changed
 * meanwhile is looked at again, a few times, and said if it changed each time. All that is read is
 * the process's own memory, which may hold anything: every list has an end here. */
#include "probes/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probes/look.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"

#define TRIES 4
#define AGAIN_TIMES 8
#define AGAIN_PAUSE_NS 500000L
#define RETRY_UNTIL_NS (30 * NS_PER_MS)

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

static void see_sleep(const struct snapshot *snapshot, struct snapshot_thread *thread)
{
	const struct sleeps *sleeps = &thread->sleeps;

	thread->doing = SNAPSHOT_UNKNOWN;
	thread->waits_for = -1;
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

static bool is_held(const struct snapshot_lock *lock)
{
	return lock->state.is_enabled && lock->state.locked == 1;
}

static bool holds_one(const struct snapshot *snapshot, const struct snapshot_thread *thread)
{
	vec_each (lock, &snapshot->locks)
		if (is_held(lock) && thread->tstate && lock->state.last_holder == thread->tstate)
			return true;
	return false;
}

static bool have_locks_changed(const struct snapshot *snapshot)
{
	vec_each (lock, &snapshot->locks) {
		struct layout_lock now;

		if (layout_lock_read(&snapshot->target, &snapshot->layout, lock->address, &now) ||
			now.locked != lock->state.locked ||
			now.last_holder != lock->state.last_holder ||
			now.switch_number != lock->state.switch_number)
			return true;
	}
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
	snapshot->has_changed |= have_locks_changed(snapshot);
	return rc;
}

/* Who waits wakes up every few milliseconds to ask for the lock, and is seen running then. As long
 * as the locks stay as they were seen, what is seen a moment later belongs to the same picture. */
static void see_runners_again(struct snapshot *snapshot)
{
	const struct timespec pause = {.tv_nsec = AGAIN_PAUSE_NS};
	bool has_runners = true;

	for (int i = 0; i < AGAIN_TIMES && has_runners && !snapshot->has_changed; i++) {
		has_runners = false;
		vec_each (thread, &snapshot->threads) {
			struct snapshot_thread again = *thread;

			if (thread->doing != SNAPSHOT_RUNS || thread->is_holder ||
				thread->lock < 0 || !is_held(&snapshot->locks.at[thread->lock]))
				continue;
			has_runners = true;
			memset(&again.frames, 0, sizeof(again.frames));
			again.lost_frames = 0;
			see_sleep(snapshot, &again);
			if (again.doing != SNAPSHOT_WAITS)
				continue;
			if (see_stack(snapshot, &again) || have_locks_changed(snapshot)) {
				vec_fini(&again.frames);
				return; /* the picture stays as it was */
			}
			vec_fini(&thread->frames);
			*thread = again;
		}
		if (has_runners)
			(void)nanosleep(&pause, NULL); /* woken early: seen early */
	}
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
	int rc = look_list_tasks(&look);

	if (!rc)
		rc = layout_main_interpreter(&snapshot->target, &snapshot->layout, &main_one);
	if (!rc)
		(void)layout_interpreter_lock(
			&snapshot->target, main_one, &look.main_pointer); /* stays 0 */
	if (!rc && look_find_lock(&look, lock_address, true) != 0)
		rc = -EFAULT;
	if (!rc)
		rc = look_list_interpreters(&look);
	if (!rc && snapshot->layout.tstate_native_id == LAYOUT_ABSENT)
		rc = look_match_pthreads(&look);
	if (!rc)
		rc = look_join_tasks(&look);
	if (!rc)
		rc = see_threads(snapshot);
	if (!rc) {
		see_runners_again(snapshot);
		order_threads(snapshot);
	}
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
