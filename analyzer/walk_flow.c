/* Basic blocks → reverse postorder of those that can be reached, and their immediate dominators
 * (Cooper, Harvey and Kennedy: intersect along the order until nothing changes). */
#include <errno.h>

#include "analyzer/walk.h"

struct visit {
	LLVMBasicBlockRef block;
	LLVMValueRef exit;
	unsigned next;
};

struct visits {
	vec(struct visit) open;
};

static LLVMValueRef exit_of(LLVMBasicBlockRef block)
{
	return LLVMGetBasicBlockTerminator(block);
}

static int enter(struct walk *walk, LLVMBasicBlockRef block, struct visits *visits)
{
	struct visit visit = {.block = block, .exit = exit_of(block)};

	/* Any number will do until the order is known. */
	return vec_push(&visits->open, visit) || idmap_add(&walk->positions, block, 0) ? -ENOMEM
										       : 0;
}

/* Depth first without recursion; `walk->blocks` ends up in postorder, reversed by the caller. */
static int add_postorder(struct walk *walk, LLVMBasicBlockRef entry)
{
	struct visits visits = {0};
	int rc = enter(walk, entry, &visits);

	while (!rc && visits.open.len) {
		struct visit *top = &visits.open.at[visits.open.len - 1];
		LLVMBasicBlockRef to;

		if (!top->exit || top->next == LLVMGetNumSuccessors(top->exit)) {
			rc = vec_push(&walk->blocks, top->block);
			visits.open.len--;
			continue;
		}
		to = LLVMGetSuccessor(top->exit, top->next++);
		if (idmap_find(&walk->positions, to) == IDMAP_NONE)
			rc = enter(walk, to, &visits);
	}
	vec_fini(&visits.open);
	return rc;
}

static int number_blocks(struct walk *walk)
{
	size_t count = walk->blocks.len;

	for (size_t i = 0; i < count / 2; i++) {
		LLVMBasicBlockRef other = walk->blocks.at[i];

		walk->blocks.at[i] = walk->blocks.at[count - 1 - i];
		walk->blocks.at[count - 1 - i] = other;
	}
	idmap_clear(&walk->positions);
	for (size_t i = 0; i < count; i++)
		if (idmap_add(&walk->positions, walk->blocks.at[i], (uint32_t)i))
			return -ENOMEM;
	return 0;
}

static uint32_t meet(const uint32_t *dominators, uint32_t a, uint32_t b)
{
	while (a != b) {
		while (a > b)
			a = dominators[a];
		while (b > a)
			b = dominators[b];
	}
	return a;
}

/* Offers `from` as a way into `to`; true when that changed the dominator of `to`. */
static bool offer(uint32_t *dominators, uint32_t from, uint32_t to)
{
	uint32_t above =
		dominators[to] == OUTLINE_NONE ? from : meet(dominators, from, dominators[to]);

	if (dominators[to] == above)
		return false;
	dominators[to] = above;
	return true;
}

/* Along edges instead of over predecessors, which LLVM-C does not list. A block's dominator only
 * ever moves up, so the same fixpoint is reached. */
static int find_dominators(struct walk *walk)
{
	uint32_t *dominators;
	bool is_changed = true;

	if (vec_reserve(&walk->dominators, walk->blocks.len))
		return -ENOMEM;
	walk->dominators.len = walk->blocks.len;
	dominators = walk->dominators.at;
	for (size_t i = 0; i < walk->blocks.len; i++)
		dominators[i] = i ? OUTLINE_NONE : 0;
	while (is_changed) {
		is_changed = false;
		for (uint32_t from = 0; from < walk->blocks.len; from++) {
			LLVMValueRef exit = exit_of(walk->blocks.at[from]);
			unsigned count = LLVMGetNumSuccessors(exit);

			for (unsigned i = 0; i < count; i++) {
				uint32_t to =
					idmap_find(&walk->positions, LLVMGetSuccessor(exit, i));

				if (to && offer(dominators, from, to))
					is_changed = true;
			}
		}
	}
	return 0;
}

int walk_flow(struct walk *walk, LLVMValueRef function)
{
	walk->blocks.len = 0;
	idmap_clear(&walk->positions);
	if (add_postorder(walk, LLVMGetEntryBasicBlock(function)) || number_blocks(walk) ||
		vec_reserve(&walk->costs, walk->blocks.len) || find_dominators(walk))
		return -ENOMEM;
	walk->costs.len = walk->blocks.len;
	return 0;
}

bool walk_dominates(const struct walk *walk, uint32_t above, uint32_t below)
{
	while (below > above)
		below = walk->dominators.at[below];
	return below == above;
}
