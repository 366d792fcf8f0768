/* Blame by stack → by waiter, holder and the line that the holder was in. */
#include "runtime/report/pairs.h"

#include <errno.h>
#include <stdlib.h>

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

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
	order = ORDER(left->place->group, right->place->group);
	return order ? order : ORDER(left->place->frame->line, right->place->frame->line);
}

static int compare_weight(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	int order = ORDER(right->wait_ns, left->wait_ns);

	return order ? order : compare_key(a, b);
}

static void merge(struct pairs *pairs)
{
	size_t kept = 0;

	vec_each (pair, &pairs->list) {
		struct pair *last = kept ? &pairs->list.at[kept - 1] : NULL;

		if (!last || compare_key(last, pair)) {
			pairs->list.at[kept++] = *pair;
			continue;
		}
		last->wait_ns += pair->wait_ns;
		last->waits += pair->waits;
		if (pair->max_ns > last->max_ns)
			last->max_ns = pair->max_ns;
	}
	pairs->list.len = kept;
}

int pairs_init(struct pairs *pairs, const struct run *run, const struct places *places)
{
	*pairs = (struct pairs){0};
	vec_each (row, &run->blame) {
		const struct stack_place *place = places_find(places, row->stack);
		struct pair pair = {row->pid, row->waiter_tid, row->holder_tid,
			place && place->frame ? place : NULL, row->wait_ns, row->waits,
			row->max_ns};

		if (vec_push(&pairs->list, pair)) {
			pairs_fini(pairs);
			return -ENOMEM;
		}
		pairs->wait_ns += row->wait_ns;
	}
	if (!pairs->list.len)
		return 0;
	qsort(pairs->list.at, pairs->list.len, sizeof(*pairs->list.at), compare_key);
	merge(pairs);
	qsort(pairs->list.at, pairs->list.len, sizeof(*pairs->list.at), compare_weight);
	return 0;
}

void pairs_fini(struct pairs *pairs)
{
	vec_fini(&pairs->list);
}
