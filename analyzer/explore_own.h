/* Between the files of walk: nobody else includes this. */
#ifndef GILSCOPE_ANALYZER_EXPLORE_OWN_H
#define GILSCOPE_ANALYZER_EXPLORE_OWN_H

#include "analyzer/explore.h"

/* A state that waits at the top of a block; as long as its facts. */
struct saved_state {
	bool is_dirty;
	struct path_state state;
};

struct block_states {
	uint32_t count, visits;
	struct saved_state *at[EXPLORE_STATES_MAX];
};

/* A state in the middle of a block. */
struct queued_state {
	uint32_t instruction; /* the next one */
	struct path_state state;
};

struct outcome {
	bool is_unwind;
	struct path_state state;
};

struct explorer {
	struct program *program;
	struct effects *effects;
	unsigned int depth;
	const struct explore_hooks *hooks;
	struct arena *arena; /* of this walk */
	struct body body;
	struct block_states *blocks; /* by block, from 0 */
	uint32_t first_instruction, instruction_count;
	uint8_t *pairs; /* by instruction: some path gives back what changed here */
	uint8_t *passes; /* by instruction: some path may do this operation */
	bool is_reporting; /* the second pass: states are final */
	bool is_limited;
	bool is_in_loop; /* the block that runs may run again: values get new values */
	int code; /* the first failure */
	uint32_t queued, outcome_count;
	struct queued_state queue[EXPLORE_QUEUE_MAX];
	struct outcome outcomes[EXPLORE_OUTCOMES_MAX];
};

/* Fills `outcomes` with what can follow the call in `state`. */
void explore_outcomes(struct explorer *explorer, const struct path_state *state, uint32_t site);

/* Remembers that what changed at the sites of `before` is given back in `after`. */
void explore_pair(struct explorer *explorer, const struct lock *before, const struct lock *after);

#endif
