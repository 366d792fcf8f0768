/* The kernel's tallies by stack → rows of blame, activity and longest: merged where stacks resolve
 * to the same lines, and written anew at each flush. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "probes/recorder.h"
#include "runtime/base/cleanup.h"

#define ROWS_MAX 300000U /* of each kind, in memory and in the file */

static void tally_merge(struct ev_tally *sum, const struct ev_tally *part)
{
	sum->ns += part->ns;
	sum->count += part->count;
	if (part->max_ns > sum->max_ns)
		sum->max_ns = part->max_ns;
}

static int merge_blame(struct recorder *recorder, const struct ev_blame_key *from,
	const struct ev_tally *tally, bool is_final)
{
	struct blame_row *row, key = {
				       .key.stack = stack_row(recorder, from->stack),
				       .key.pid = (int32_t)from->tgid,
				       .key.waiter_tid = (int32_t)from->waiter_tid,
				       .key.holder_tid = (int32_t)from->holder_tid,
			       };

	HASH_FIND(hh, recorder->blame, &key.key, sizeof(key.key), row);
	if (!row) {
		if (HASH_COUNT(recorder->blame) >= ROWS_MAX) {
			recorder->lost_events++;
			return 0;
		}
		row = calloc(1, sizeof(*row));
		if (!row)
			return -ENOMEM;
		row->key = key.key;
		HASH_ADD(hh, recorder->blame, key, sizeof(row->key), row);
		if (map_has_failed(row)) {
			free(row);
			return -ENOMEM;
		}
	}
	tally_merge(is_final ? &row->base : &row->live, tally);
	return 0;
}

static int merge_activity(struct recorder *recorder, const struct ev_activity_key *from,
	const struct ev_tally *tally, bool is_final)
{
	struct activity_row *row, key = {
					  .key.stack = stack_row(recorder, from->stack),
					  .key.pid = (int32_t)from->tgid,
					  .key.tid = (int32_t)from->tid,
					  .key.lock = (int32_t)from->lock,
					  .key.sched = (int32_t)from->sched,
					  .key.is_sampled = (int32_t)from->is_sampled,
				  };

	/* Before the interpreter's lock exists nobody holds it. */
	if (from->lock == EV_UNSEEN)
		key.key.lock = EV_OUTSIDE;
	HASH_FIND(hh, recorder->activity, &key.key, sizeof(key.key), row);
	if (!row) {
		if (HASH_COUNT(recorder->activity) >= ROWS_MAX) {
			recorder->lost_events++;
			return 0;
		}
		row = calloc(1, sizeof(*row));
		if (!row)
			return -ENOMEM;
		row->key = key.key;
		HASH_ADD(hh, recorder->activity, key, sizeof(row->key), row);
		if (map_has_failed(row)) {
			free(row);
			return -ENOMEM;
		}
	}
	tally_merge(is_final ? &row->base : &row->live, tally);
	return 0;
}

static int visit_blame(struct recorder *recorder, const void *key, const void *value)
{
	return merge_blame(recorder, key, value, false);
}

static int visit_activity(struct recorder *recorder, const void *key, const void *value)
{
	return merge_activity(recorder, key, value, false);
}

static int take_blame(struct recorder *recorder, const void *key, const void *value)
{
	return merge_blame(recorder, key, value, true);
}

static int take_activity(struct recorder *recorder, const void *key, const void *value)
{
	return merge_activity(recorder, key, value, true);
}

static void clear_live(struct recorder *recorder)
{
	for (struct blame_row *row = recorder->blame; row; row = row->hh.next)
		memset(&row->live, 0, sizeof(row->live));
	for (struct activity_row *row = recorder->activity; row; row = row->hh.next)
		memset(&row->live, 0, sizeof(row->live));
}

/* A map that is filling up is emptied into memory. Not otherwise: a probe may be adding to a row in
 * the moment in which it is taken out. */
static bool is_crowded(
	const struct recorder *recorder, uint32_t counter, int64_t *taken, int64_t room)
{
	int64_t added = collect_counter(recorder, counter);

	if (added - *taken < room)
		return false;
	*taken = added;
	return true;
}

static int read_blame(struct recorder *recorder, bool is_taken)
{
	const struct map_shape shape = {
		.fd = attach_maps(recorder->attach)->blame,
		.key_bytes = sizeof(struct ev_blame_key),
		.value_bytes = sizeof(struct ev_tally),
		.is_taken = is_taken,
	};

	return map_each(recorder, &shape, is_taken ? take_blame : visit_blame);
}

static int read_activity(struct recorder *recorder, bool is_taken)
{
	const struct map_shape shape = {
		.fd = attach_maps(recorder->attach)->activity,
		.key_bytes = sizeof(struct ev_activity_key),
		.value_bytes = sizeof(struct ev_tally),
		.is_taken = is_taken,
	};

	return map_each(recorder, &shape, is_taken ? take_activity : visit_activity);
}

int tallies_relieve(struct recorder *recorder)
{
	int rc = 0;

	if (is_crowded(recorder, EV_BLAME_ADDED, &recorder->blame_taken, EV_BLAME_ROWS / 4))
		rc = read_blame(recorder, true);
	if (!rc && is_crowded(recorder, EV_ACTIVITY_ADDED, &recorder->activity_taken,
			   EV_ACTIVITY_ROWS / 4))
		rc = read_activity(recorder, true);
	return rc;
}

static int read_maps(struct recorder *recorder)
{
	int rc = stacks_drain(recorder); /* those that the rows point to */

	if (!rc)
		rc = tallies_relieve(recorder);
	clear_live(recorder);
	if (!rc)
		rc = read_blame(recorder, false);
	return rc ? rc : read_activity(recorder, false);
}

static int put_blame(struct recorder *recorder, const struct blame_row *row)
{
	struct ev_tally sum = row->base;
	struct run_blame out = {
		.pid = row->key.pid,
		.waiter_tid = row->key.waiter_tid,
		.holder_tid = row->key.holder_tid,
		.stack = row->key.stack,
	};

	tally_merge(&sum, &row->live);
	out.wait_ns = (int64_t)sum.ns;
	out.waits = (int64_t)sum.count;
	out.max_ns = (int64_t)sum.max_ns;
	return run_put_blame(recorder->file, &out);
}

static int put_activity(struct recorder *recorder, const struct activity_row *row)
{
	struct ev_tally sum = row->base;
	struct run_activity out = {
		.pid = row->key.pid,
		.tid = row->key.tid,
		.lock = (enum lock_state)row->key.lock,
		.sched = (enum sched_state)row->key.sched,
		.stack = row->key.stack,
		.is_sampled = row->key.is_sampled,
	};

	tally_merge(&sum, &row->live);
	out.ns = (int64_t)sum.ns;
	out.count = (int64_t)sum.count;
	return run_put_activity(recorder->file, &out);
}

/* What goes on at this moment: the kernel side adds it at its end. */
static int merge_open(struct recorder *recorder, const struct ev_thread *thread, uint64_t now_ns)
{
	uint64_t at_ns = EV_WORD_AT(thread->word);
	const struct ev_activity_key stay = {
		.stack = thread->off_stack,
		.tgid = thread->tgid,
		.tid = thread->tid,
		.lock = EV_WORD_LOCK(thread->word),
		.sched = EV_WORD_SCHED(thread->word),
	};
	const struct ev_blame_key slice = {
		.stack = thread->slice_stack,
		.tgid = thread->tgid,
		.waiter_tid = thread->tid,
		.holder_tid = thread->slice_holder,
	};
	struct ev_tally tally = {.count = 1};
	int rc = 0;

	if (thread->end_ns)
		return 0;
	if (stay.lock == EV_WAITING && thread->slice_start_ns && now_ns > thread->slice_start_ns) {
		tally.ns = now_ns - thread->slice_start_ns;
		tally.count = thread->slice_is_first;
		tally.max_ns = thread->charged_ns + tally.ns;
		rc = merge_blame(recorder, &slice, &tally, false);
	} else if (stay.lock != EV_WAITING && stay.sched != EV_RUNNING && now_ns > at_ns) {
		tally.ns = tally.max_ns = now_ns - at_ns;
		rc = merge_activity(recorder, &stay, &tally, false);
	}
	return rc;
}

static void keep_longest(struct longest_rows *rows, const struct run_longest *row)
{
	int least = 0;

	if (rows->len < LONGEST_ROWS) {
		rows->at[rows->len++] = *row;
		return;
	}
	for (int i = 1; i < rows->len; i++)
		if (rows->at[i].length_ns < rows->at[least].length_ns)
			least = i;
	if (rows->at[least].length_ns < row->length_ns)
		rows->at[least] = *row;
}

static struct run_longest longest_row(const struct recorder *recorder,
	const struct ev_thread *thread, const struct ev_interval *interval, const char *kind)
{
	return (struct run_longest){
		.kind = kind,
		.pid = (int)thread->tgid,
		.tid = (int)thread->tid,
		.other_tid = (int)interval->other_tid,
		.start_ns = (int64_t)interval->start_ns,
		.length_ns = (int64_t)interval->length_ns,
		.cpu_ns = (int64_t)interval->cpu_ns,
		.is_open = interval->is_open,
		.stack = stack_row(recorder, interval->stack),
	};
}

static void keep_thread_longest(const struct recorder *recorder, const struct ev_thread *thread,
	const char *kind, struct longest_rows *rows)
{
	const struct ev_interval *list =
		*kind == 'w' ? thread->longest_waits : thread->longest_holds;

	for (int i = 0; i < EV_LONGEST; i++) {
		struct run_longest row;

		if (!list[i].length_ns)
			continue;
		row = longest_row(recorder, thread, &list[i], kind);
		keep_longest(rows, &row);
	}
}

void longest_keep_ended(struct recorder *recorder, const struct ev_thread *thread)
{
	keep_thread_longest(recorder, thread, "wait", &recorder->ended_longest[0]);
	keep_thread_longest(recorder, thread, "hold", &recorder->ended_longest[1]);
}

/* Intervals that go on count as well: a short recording may hold no ended one at all. */
static void keep_open(const struct recorder *recorder, const struct ev_thread *thread,
	uint64_t now_ns, struct longest_rows rows[2])
{
	struct ev_interval interval = {.is_open = 1};
	uint64_t wait_ns = thread_open_wait_ns(thread, now_ns);
	uint64_t hold_start_ns = thread_hold_start_ns(recorder, thread);
	struct run_longest row;

	if (thread->end_ns)
		return;
	if (wait_ns) {
		interval.start_ns = thread->wait_start_ns;
		interval.length_ns = wait_ns;
		interval.stack = thread->wait_stack;
		interval.other_tid = thread->slice_holder;
		row = longest_row(recorder, thread, &interval, "wait");
		row.cpu_ns = thread_open_cpu_ns(thread, thread->wait_cpu_ns, now_ns);
		keep_longest(&rows[0], &row);
	}
	if (hold_start_ns && now_ns > hold_start_ns) {
		interval.start_ns = hold_start_ns;
		interval.length_ns = now_ns - hold_start_ns;
		interval.stack = thread->off_stack;
		interval.other_tid = 0;
		row = longest_row(recorder, thread, &interval, "hold");
		row.cpu_ns = thread_open_cpu_ns(thread, thread->hold_cpu_ns, now_ns);
		keep_longest(&rows[1], &row);
	}
}

static int put_longest(struct recorder *recorder, uint64_t now_ns)
{
	struct longest_rows *rows = malloc(2 * sizeof(*rows));
	int rc = rows ? 0 : -ENOMEM;

	if (rc)
		return rc;
	memcpy(rows, recorder->ended_longest, 2 * sizeof(*rows));
	for (struct thread *thread = recorder->threads; thread; thread = thread->hh.next) {
		keep_thread_longest(recorder, &thread->now, "wait", &rows[0]);
		keep_thread_longest(recorder, &thread->now, "hold", &rows[1]);
		keep_open(recorder, &thread->now, now_ns, rows);
	}
	for (int kind = 0; kind < 2; kind++)
		for (int i = 0; !rc && i < rows[kind].len; i++)
			rc = run_put_longest(recorder->file, &rows[kind].at[i]);
	free(rows);
	return rc;
}

int tallies_put(struct recorder *recorder, uint64_t now_ns)
{
	int rc = read_maps(recorder);

	for (struct thread *thread = recorder->threads; thread && !rc; thread = thread->hh.next)
		rc = merge_open(recorder, &thread->now, now_ns);
	if (!rc)
		rc = run_clear_tables(recorder->file);
	for (struct blame_row *row = recorder->blame; row && !rc; row = row->hh.next)
		rc = put_blame(recorder, row);
	for (struct activity_row *row = recorder->activity; row && !rc; row = row->hh.next)
		rc = put_activity(recorder, row);
	return rc ? rc : put_longest(recorder, now_ns);
}

void tallies_free(struct recorder *recorder)
{
	struct blame_row *blame, *next_blame;
	struct activity_row *activity, *next_activity;

	HASH_ITER (hh, recorder->blame, blame, next_blame) {
		HASH_DEL(recorder->blame, blame);
		free(blame);
	}
	HASH_ITER (hh, recorder->activity, activity, next_activity) {
		HASH_DEL(recorder->activity, activity);
		free(activity);
	}
}
