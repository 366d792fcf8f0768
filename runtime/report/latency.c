/* Buckets of all threads → one histogram a kind, and its percentiles. */
#include "runtime/report/latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const latency_kinds[LATENCY_KINDS] = {"wait", "hold", "handoff"};

#define ANY_PID (-1)

static int compare_buckets(const void *a, const void *b)
{
	const struct run_bucket *left = a, *right = b;

	if (left->low_ns != right->low_ns)
		return left->low_ns < right->low_ns ? -1 : 1;
	return left->high_ns < right->high_ns ? -1 : left->high_ns > right->high_ns;
}

static void merge(struct latency *latency)
{
	size_t kept = 0;

	qsort(latency->buckets.at, latency->buckets.len, sizeof(*latency->buckets.at),
		compare_buckets);
	vec_each (bucket, &latency->buckets) {
		struct run_bucket *last = kept ? &latency->buckets.at[kept - 1] : NULL;

		if (last && last->low_ns == bucket->low_ns && last->high_ns == bucket->high_ns)
			last->count += bucket->count;
		else
			latency->buckets.at[kept++] = *bucket;
	}
	latency->buckets.len = kept;
}

/* Within a bucket the values are taken as evenly spread. */
static int64_t percentile(const struct latency *latency, double share)
{
	double rank = share * (double)latency->count, below = 0;

	vec_each (bucket, &latency->buckets) {
		double count = (double)bucket->count;

		if (count > 0 && below + count >= rank) {
			double part = (rank - below) / count;

			return bucket->low_ns +
			       (int64_t)(part * (double)(bucket->high_ns - bucket->low_ns));
		}
		below += count;
	}
	return latency->max_ns;
}

/* The longest is known better from the totals; a bucket's end is only an upper limit. */
static int64_t find_max(const struct run *run, const struct latency *latency, int pid)
{
	int64_t max_ns = RUN_UNKNOWN;

	vec_each (thread, &run->threads) {
		int64_t ns = RUN_UNKNOWN;

		if (pid != ANY_PID && thread->pid != pid)
			continue;
		if (!strcmp(latency->kind, "wait"))
			ns = thread->wait_max_ns;
		else if (!strcmp(latency->kind, "hold"))
			ns = thread->hold_max_ns;
		if (ns > max_ns)
			max_ns = ns;
	}
	if (max_ns <= 0 && latency->buckets.len)
		max_ns = latency->buckets.at[latency->buckets.len - 1].high_ns;
	return max_ns;
}

static int64_t at_most(int64_t value, int64_t most)
{
	return value < most ? value : most;
}

static bool is_of(const struct run *run, const struct run_bucket *bucket, int pid)
{
	const struct run_thread *thread;

	if (pid == ANY_PID)
		return true;
	thread = run_thread_find(run, bucket->tid);
	return thread && thread->pid == pid;
}

int latency_init(struct latency *latency, const struct run *run, const char *kind)
{
	return latency_init_process(latency, run, kind, ANY_PID);
}

int latency_init_process(struct latency *latency, const struct run *run, const char *kind, int pid)
{
	*latency = (struct latency){.kind = kind};
	vec_each (bucket, &run->buckets) {
		struct run_bucket copy = *bucket;

		if (strcmp(bucket->kind, kind) != 0 || bucket->count <= 0 ||
			!is_of(run, bucket, pid))
			continue;
		copy.tid = 0;
		if (copy.high_ns < copy.low_ns)
			copy.high_ns = copy.low_ns;
		if (vec_push(&latency->buckets, copy)) {
			latency_fini(latency);
			return -ENOMEM;
		}
		latency->count += bucket->count;
	}
	if (!latency->count)
		return 0;
	merge(latency);
	latency->max_ns = find_max(run, latency, pid);
	latency->p50_ns = at_most(percentile(latency, 0.5), latency->max_ns);
	latency->p90_ns = at_most(percentile(latency, 0.9), latency->max_ns);
	latency->p99_ns = at_most(percentile(latency, 0.99), latency->max_ns);
	latency->p999_ns = at_most(percentile(latency, 0.999), latency->max_ns);
	return 0;
}

void latency_fini(struct latency *latency)
{
	vec_fini(&latency->buckets);
}
