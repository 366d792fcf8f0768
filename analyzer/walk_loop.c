/* Edges back to a block that dominates them → natural loops, their nesting and their cost. */
#include <string.h>

#include "analyzer/walk.h"
#include "runtime/base/cleanup.h"

/* The predecessors of all blocks: those of block i are list[start[i]] … list[start[i + 1] - 1]. */
struct predecessors {
	uint32_t *start, *list;
};

struct latch {
	uint32_t header, from;
};

struct loops {
	struct predecessors before;
	vec(struct latch) latches; /* by header */
	vec(uint32_t) ends; /* by loop: the block that every way back goes through last */
	vec(uint32_t) work;
};

static struct outline_block *block_at(struct walk *walk, uint32_t number)
{
	return &walk->out->blocks.at[walk->block_first + number];
}

static uint32_t successor(struct walk *walk, const struct outline_block *block, uint32_t i)
{
	return walk->out->successors.at[block->successor_first + i] - walk->block_first;
}

static int by_header(const void *a, const void *b)
{
	const struct latch *x = a, *y = b;

	if (x->header != y->header)
		return x->header < y->header ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static void find_latches(struct walk *walk, struct loops *loops)
{
	for (uint32_t from = 0; from < walk->blocks.len; from++) {
		const struct outline_block *block = block_at(walk, from);

		for (uint32_t i = 0; i < block->successor_count; i++) {
			uint32_t to = successor(walk, block, i);

			if (to <= from && walk_dominates(walk, to, from) &&
				vec_push(&loops->latches, (struct latch){to, from}))
				walk->out->is_short = true;
		}
	}
	if (loops->latches.len)
		qsort(loops->latches.at, loops->latches.len, sizeof(*loops->latches.at), by_header);
}

static bool find_predecessors(struct walk *walk, struct predecessors *before)
{
	uint32_t count = (uint32_t)walk->blocks.len, total = 0;

	before->start = calloc(count + 2, sizeof(uint32_t));
	if (!before->start)
		return false;
	/* Counts go two places on, so that filling moves every start to its place. */
	for (uint32_t from = 0; from < count; from++) {
		const struct outline_block *block = block_at(walk, from);

		total += block->successor_count;
		for (uint32_t i = 0; i < block->successor_count; i++)
			before->start[successor(walk, block, i) + 2]++;
	}
	for (uint32_t i = 2; i < count + 2; i++)
		before->start[i] += before->start[i - 1];
	before->list = calloc(total ? total : 1, sizeof(uint32_t));
	if (!before->list)
		return false;
	for (uint32_t from = 0; from < count; from++) {
		const struct outline_block *block = block_at(walk, from);

		for (uint32_t i = 0; i < block->successor_count; i++)
			before->list[before->start[successor(walk, block, i) + 1]++] = from;
	}
	return true;
}

/* Backwards from a latch up to the header: everything met belongs to the loop. */
static void add_body(struct walk *walk, struct loops *loops, struct latch latch, uint32_t loop)
{
	const struct predecessors *before = &loops->before;

	loops->work.len = 0;
	if (vec_push(&loops->work, latch.from))
		walk->out->is_short = true;
	while (loops->work.len) {
		uint32_t at = loops->work.at[--loops->work.len];

		if (block_at(walk, at)->loop == loop)
			continue;
		block_at(walk, at)->loop = loop;
		for (uint32_t i = before->start[at]; i < before->start[at + 1]; i++)
			if (vec_push(&loops->work, before->list[i]))
				walk->out->is_short = true;
	}
}

/* The nearest block that dominates both. */
static uint32_t meet(const struct walk *walk, uint32_t a, uint32_t b)
{
	while (a != b) {
		while (a > b)
			a = walk->dominators.at[a];
		while (b > a)
			b = walk->dominators.at[b];
	}
	return a;
}

/* Outer headers come first in reverse postorder: what a header belongs to by now is its parent. */
static void add_loops(struct walk *walk, struct loops *loops)
{
	for (size_t i = 0; i < loops->latches.len && !walk->out->is_short;) {
		uint32_t header = loops->latches.at[i].header, end = loops->latches.at[i].from;
		uint32_t id = (uint32_t)walk->out->loops.len, parent = block_at(walk, header)->loop;
		struct outline_loop loop = {
			.header = walk->block_first + header,
			.parent = parent,
			.depth = parent == OUTLINE_NONE ? 1 : walk->out->loops.at[parent].depth + 1,
			.bound = OUTLINE_NONE,
		};

		block_at(walk, header)->loop = id;
		for (; i < loops->latches.len && loops->latches.at[i].header == header; i++) {
			add_body(walk, loops, loops->latches.at[i], id);
			end = meet(walk, end, loops->latches.at[i].from);
		}
		outline_push(walk->out, loops, loop);
		if (vec_push(&loops->ends, end))
			walk->out->is_short = true;
	}
}

static void add_costs(struct walk *walk)
{
	for (uint32_t i = 0; i < walk->blocks.len; i++) {
		const struct walk_cost *cost = &walk->costs.at[i];

		for (uint32_t at = block_at(walk, i)->loop; at != OUTLINE_NONE;) {
			struct outline_loop *loop = &walk->out->loops.at[at];

			loop->float_ops += cost->float_ops;
			loop->integer_ops += cost->integer_ops;
			loop->memory_ops += cost->memory_ops;
			at = loop->parent;
		}
	}
}

static bool is_inside(const struct walk *walk, uint32_t inner, uint32_t loop)
{
	while (inner != OUTLINE_NONE && inner > loop)
		inner = walk->out->loops.at[inner].parent;
	return inner == loop;
}

/* Branches out of a loop that every round passes. */
static void add_trips(struct walk *walk, const struct loops *loops)
{
	for (uint32_t i = 0; i < walk->blocks.len && !walk->out->is_short; i++) {
		struct outline_block block = *block_at(walk, i);
		LLVMValueRef exit = LLVMGetBasicBlockTerminator(walk->blocks.at[i]);
		struct outline_loop loop;
		bool leaves = false;

		if (block.loop == OUTLINE_NONE || block.exit != EXIT_BRANCH)
			continue;
		for (uint32_t k = 0; k < 2; k++)
			leaves |= !is_inside(
				walk, block_at(walk, successor(walk, &block, k))->loop, block.loop);
		if (!leaves ||
			!walk_dominates(walk, i, loops->ends.at[block.loop - walk->loop_first]))
			continue;
		loop = walk->out->loops.at[block.loop];
		walk_trip(walk, &loop, exit);
		walk->out->loops.at[block.loop] = loop;
	}
}

void walk_loops(struct walk *walk)
{
	struct loops loops = {0};

	find_latches(walk, &loops);
	if (loops.latches.len) {
		if (find_predecessors(walk, &loops.before))
			add_loops(walk, &loops);
		else
			walk->out->is_short = true;
		add_costs(walk);
		add_trips(walk, &loops);
	}
	free(loops.before.start);
	free(loops.before.list);
	vec_fini(&loops.latches);
	vec_fini(&loops.ends);
	vec_fini(&loops.work);
}
