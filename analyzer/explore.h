/* Walks one function along all its paths, for one state at entry: the lock, and facts about
 * values. States that agree about the lock and differ in facts are kept apart up to a small
 * number, then joined; so the work is bounded and the lock stays exact. */
#ifndef GILSCOPE_ANALYZER_EXPLORE_H
#define GILSCOPE_ANALYZER_EXPLORE_H

#include "analyzer/effects.h"

#define EXPLORE_VARIANTS_MAX 3 /* facts kept apart for one lock state, per block */
#define EXPLORE_STATES_MAX 12 /* states per block */
#define EXPLORE_VISITS_MAX 64 /* times a block's states may change */
#define EXPLORE_QUEUE_MAX 24 /* states inside one block */
#define EXPLORE_OUTCOMES_MAX 12 /* of one call */

struct path_state {
	struct lock lock;
	uint8_t doubts;
	uint32_t from_line; /* of the jump that led to the last place where paths meet */
	struct facts facts; /* last: stored only as long as it is */
};

struct explorer;

/* A call that a path reaches, before it happens. */
struct explore_call {
	const struct explorer *explorer;
	const struct path_state *state;
	const struct outline_instruction *call;
	uint32_t site; /* the instruction's id */
	uint32_t callee; /* FN_NONE: an unknown pointer */
	bool is_ambiguous; /* one of several that the pointer may be */
};

struct explore_exit {
	const struct explorer *explorer;
	const struct path_state *state;
	bool is_unwind;
	bool is_broken; /* other paths from where the state changed give it back */
	uint32_t site; /* the call that throws, or OUTLINE_NONE */
	uint32_t line; /* where the path leaves; 0: unknown */
	struct range result;
};

struct explore_mismatch {
	const struct explorer *explorer;
	const struct path_state *state;
	const struct outline_instruction *call;
	uint32_t site;
	enum lock_mismatch kind;
	bool is_contested; /* another path passes the same operation rightly */
};

/* A loop that a path enters, as it is whichever time round. */
struct explore_loop {
	const struct explorer *explorer;
	const struct path_state *state;
	uint32_t loop; /* of the outline */
};

struct explore_hooks {
	void *context;
	int (*call)(void *context, const struct explore_call *call);
	int (*mismatch)(void *context, const struct explore_mismatch *mismatch);
	int (*exit)(void *context, const struct explore_exit *exit);
	int (*loop)(void *context, const struct explore_loop *loop); /* NULL: nobody asks */
};

#define SIGNATURE_MAX 8
/* What a context knows of its arguments, and of the memory that they point to. */
struct signature_part {
	uint32_t argument, type;
	bool is_memory; /* at argument + offset */
	int64_t offset;
	struct range range;
};
struct signature {
	uint32_t count;
	struct signature_part at[SIGNATURE_MAX];
};

struct explore_entry {
	uint32_t fn;
	enum lock_state state;
	const struct signature *signature; /* NULL: nothing is known */
};

/* Reused from walk to walk. `depth`: explorers that wait for this one. */
struct explorer *explorer_new(struct program *program, struct effects *effects, unsigned int depth);
void explorer_free(struct explorer *explorer);

/* Finds the states of every block, then reports every call, mismatch and exit once a state. Hooks
 * return 0, or a negative errno that ends the walk. `ret_is_limited`: some bound was hit. */
int explore(struct explorer *explorer, const struct explore_entry *entry,
	const struct explore_hooks *hooks, bool *ret_is_limited);

const struct body *explorer_body(const struct explorer *explorer);

/* Where the callee's argument + offset is, as the caller sees it. */
struct place explore_passed(const struct body *body, const struct outline_instruction *call,
	const struct effect_fact *fact);

/* What the arguments of a call are known to be, as models ask for it. */
#define EXPLORE_ARGUMENTS_MAX 16
size_t explore_arguments(
	const struct explore_call *call, struct model_argument arguments[EXPLORE_ARGUMENTS_MAX]);

#endif
