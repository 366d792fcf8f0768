/* Blame, and what holders did → why threads waited: the holder computed, was ready without a core,
 * or was blocked. */
#include <errno.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/map.h"
#include "runtime/report/verdict.h"

/* What one thread did at one place, or anywhere, while it held the lock. */
struct doing {
	struct {
		int tid;
		int is_placed;
		size_t group;
	} key;
	double ns[SCHED_STATES];
	double placed_blocked_ns; /* of a whole thread: with a known stack */
	UT_hash_handle hh;
};

/* Below this much of a thread's blocked holding with a known stack, places say too little. */
#define KNOWN_STACK_SHARE 0.8

struct holders {
	const struct facts *facts;
	struct doing *map; /* owned */
};

static void cleanup_holders(struct holders *holders)
{
	struct doing *doing, *next;

	HASH_ITER (hh, holders->map, doing, next) {
		HASH_DEL(holders->map, doing);
		free(doing);
	}
}

static struct doing *find(struct holders *holders, int tid, const struct stack_place *place)
{
	struct doing key, *found;

	memset(&key, 0, sizeof(key));
	key.key.tid = tid;
	key.key.is_placed = place != NULL;
	key.key.group = place ? place->group : 0;
	HASH_FIND(hh, holders->map, &key.key, sizeof(key.key), found);
	return found;
}

/* NULL: out of memory. */
static struct doing *make(struct holders *holders, int tid, const struct stack_place *place)
{
	struct doing *doing = find(holders, tid, place);

	if (doing)
		return doing;
	doing = calloc(1, sizeof(*doing));
	if (!doing)
		return NULL;
	doing->key.tid = tid;
	doing->key.is_placed = place != NULL;
	doing->key.group = place ? place->group : 0;
	HASH_ADD(hh, holders->map, key, sizeof(doing->key), doing);
	if (!map_has_failed(doing))
		return doing;
	free(doing);
	return NULL;
}

static double total(const struct doing *doing)
{
	return doing ? doing->ns[0] + doing->ns[1] + doing->ns[2] : 0;
}

/* Threads as a whole, from their states. */
static int fill_threads(struct holders *holders, const struct process_facts *process)
{
	for (size_t i = 0; i < process->thread_count; i++) {
		const struct thread_facts *thread = &process->threads[i];
		struct doing *doing;

		if (lock_sum(&thread->times, LOCK_HOLDING) <= 0)
			continue;
		doing = make(holders, thread->thread->tid, NULL);
		if (!doing)
			return -ENOMEM;
		for (int sched = 0; sched < SCHED_STATES; sched++)
			doing->ns[sched] =
				(double)known_sum(thread->times.ns[LOCK_HOLDING][sched], 0);
	}
	return 0;
}

/* Their places, from activity. */
static int fill_places(
	struct holders *holders, const struct run *run, const struct process_facts *process)
{
	vec_each (row, &run->activity) {
		const struct stack_place *place = places_find(&holders->facts->places, row->stack);
		struct doing *doing, *whole;

		if (row->pid != process->process->pid || row->lock != LOCK_HOLDING || !place ||
			!place->frame)
			continue;
		doing = make(holders, row->tid, place);
		if (!doing)
			return -ENOMEM;
		doing->ns[row->sched] += (double)row->ns;
		whole = find(holders, row->tid, NULL);
		if (whole && row->sched == SCHED_BLOCKED)
			whole->placed_blocked_ns += (double)row->ns;
	}
	return 0;
}

/* What the holder did at the place it is blamed with; as a whole where that is known better. */
static const struct doing *doing_of(struct holders *holders, const struct run_blame *blame)
{
	const struct stack_place *place = places_find(&holders->facts->places, blame->stack);
	const struct doing *whole = find(holders, blame->holder_tid, NULL), *at;

	if (!place || !place->frame || !whole)
		return whole;
	at = find(holders, blame->holder_tid, place);
	if (total(at) < 0.01 * (double)blame->wait_ns)
		return whole;
	return whole->placed_blocked_ns < KNOWN_STACK_SHARE * whole->ns[SCHED_BLOCKED] ? whole : at;
}

int wait_causes(const struct run *run, const struct facts *facts,
	const struct process_facts *process, struct wait_causes *ret_causes)
{
	_cleanup_(cleanup_holders) struct holders holders = {facts, NULL};
	struct wait_causes causes = {0};
	double known_ns = 0;
	int rc = fill_threads(&holders, process);

	if (!rc)
		rc = fill_places(&holders, run, process);
	if (rc)
		return rc;
	vec_each (blame, &run->blame) {
		const struct doing *doing;
		double weight = (double)blame->wait_ns;

		if (blame->pid != process->process->pid)
			continue;
		doing = doing_of(&holders, blame);
		if (total(doing) <= 0)
			continue;
		known_ns += weight;
		causes.running += weight * doing->ns[SCHED_RUNNING] / total(doing);
		causes.runnable += weight * doing->ns[SCHED_RUNNABLE] / total(doing);
		causes.blocked += weight * doing->ns[SCHED_BLOCKED] / total(doing);
	}
	if (known_ns <= 0) {
		*ret_causes = (struct wait_causes){RUN_UNKNOWN, RUN_UNKNOWN, RUN_UNKNOWN, false};
		return 0;
	}
	causes.running /= known_ns;
	causes.runnable /= known_ns;
	causes.blocked /= known_ns;
	*ret_causes = causes;
	return 0;
}
