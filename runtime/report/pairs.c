/* Blame by stack → by waiter, holder and the function that the holder was in, or by function. */
#include "runtime/report/pairs.h"

#include <errno.h>
#include <stdlib.h>

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* The same pair in the same function. */
static int compare_key(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	int order = ORDER(left->pid, right->pid);

	if (!order)
		order = ORDER(left->waiter_tid, right->waiter_tid);
	if (!order)
		order = ORDER(left->holder_tid, right->holder_tid);
	if (!order)
		order = ORDER(!left->place, !right->place);
	if (order || !left->place)
		return order;
	return ORDER(left->place->group, right->place->group);
}

static int compare_line(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	int order = compare_key(a, b);

	if (order || !left->place)
		return order;
	return ORDER(left->place->frame->line, right->place->frame->line);
}

static int compare_weight(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	int order = ORDER(right->wait_ns, left->wait_ns);

	return order ? order : compare_key(a, b);
}

typedef int compare(const void *a, const void *b);

/* Adds up neighbours that are the same; the heaviest place stays. */
static void merge(struct pairs *pairs, compare *is_other)
{
	size_t kept = 0;

	vec_each (pair, &pairs->list) {
		struct pair *last = kept ? &pairs->list.at[kept - 1] : NULL;

		if (!last || is_other(last, pair)) {
			pairs->list.at[kept++] = *pair;
			continue;
		}
		if (pair->line_ns > last->line_ns) {
			last->line_ns = pair->line_ns;
			last->place = pair->place;
		}
		last->wait_ns += pair->wait_ns;
		last->waits += pair->waits;
		if (pair->max_ns > last->max_ns)
			last->max_ns = pair->max_ns;
	}
	pairs->list.len = kept;
}

int pairs_init(
	struct pairs *pairs, const struct run *run, const struct places *places, enum pairs_by by)
{
	*pairs = (struct pairs){0};
	vec_each (row, &run->blame) {
		const struct stack_place *place = places_find(places, row->stack);
		struct pair pair = {row->pid, row->waiter_tid, row->holder_tid,
			place && place->frame ? place : NULL, row->wait_ns, row->waits, row->max_ns,
			row->wait_ns};

		if (by == PAIRS_BY_FUNCTION)
			pair.waiter_tid = pair.holder_tid = 0;
		if (vec_push(&pairs->list, pair)) {
			pairs_fini(pairs);
			return -ENOMEM;
		}
		pairs->wait_ns += row->wait_ns;
	}
	if (!pairs->list.len)
		return 0;
	qsort(pairs->list.at, pairs->list.len, sizeof(*pairs->list.at), compare_line);
	merge(pairs, compare_line);
	vec_each (pair, &pairs->list)
		pair->line_ns = pair->wait_ns;
	merge(pairs, compare_key);
	qsort(pairs->list.at, pairs->list.len, sizeof(*pairs->list.at), compare_weight);
	return 0;
}

void pairs_fini(struct pairs *pairs)
{
	vec_fini(&pairs->list);
}
