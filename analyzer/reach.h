/* Top-down: which functions are reached in which lock state, with which constant arguments, from
 * which entry; and what the rules see on the way. */
#ifndef GILSCOPE_ANALYZER_REACH_H
#define GILSCOPE_ANALYZER_REACH_H

#include "analyzer/explore.h"
#include "runtime/core/rule.h"

struct solve_options;

#define CONTEXTS_PER_STATE_MAX 12 /* constant-argument signatures of a function in one state */
#define CONTEXT_NONE UINT32_MAX

/* A function in a state, as first reached on the most certain way. */
struct context {
	uint32_t fn;
	enum lock_state state;
	uint8_t doubts;
	bool is_done, is_queued;
	uint32_t parent, site; /* the context and its call; CONTEXT_NONE: an entry */
	uint32_t region_site; /* where the parent released the lock; LOCK_NO_SITE: not there */
	const struct root *root; /* of an entry; NULL: none known */
	struct signature signature;
};

struct context_row; /* reach.c */
struct draft;
struct rule_class;

struct reach {
	struct program *program;
	struct effects *effects;
	struct explorer *explorer;
	struct arena *arena; /* owned */
	struct roots roots;
	vec(struct context) contexts;
	struct context_row *rows;
	uint32_t *interesting; /* by function: which arguments decide anything, a bit each */
	vec(uint32_t) queues[8]; /* contexts by doubt, the most certain first */
	struct draft_table *drafts; /* draft.c */
	void *rule_work[RULE_COUNT];
	uint32_t current; /* the context that is explored */
	size_t limits_hit;
};

/* Something that a rule may report. Exactly one of the four is set. */
struct sighting {
	struct reach *reach;
	uint32_t context, fn;
	enum lock_state state; /* with what API calls before it imply */
	uint8_t doubts; /* of the context and of the path */
	const struct path_state *path;
	const struct explore_call *call;
	const struct explore_mismatch *mismatch;
	const struct explore_exit *exit;
	const struct explore_loop *loop;
};

/* A rule: NULL for what it does not look at. Each returns 0 or a negative errno. */
struct rule_class {
	enum rule_id id;
	int (*begin)(struct reach *reach); /* sets rule_work[id] */
	int (*call)(const struct sighting *sighting); /* each call in each state */
	int (*mismatch)(const struct sighting *sighting); /* an operation that cannot be */
	int (*exit)(const struct sighting *sighting); /* each way out */
	int (*loop)(const struct sighting *sighting); /* each loop in each state that enters it */
	int (*finish)(struct reach *reach); /* all sightings are in */
	void (*end)(struct reach *reach);
};

extern const struct rule_class *const rule_classes[];
extern const size_t rule_class_count;

int reach_solve(struct reach *reach, struct program *program, struct effects *effects);
void reach_fini(struct reach *reach);

static inline const struct context *reach_context(const struct reach *reach, uint32_t id)
{
	return &reach->contexts.at[id];
}

/* Fills `interesting`. */
int reach_interests(struct reach *reach);

/* How much the doubts weigh; 0: certain. */
unsigned int doubt_weight(uint8_t doubts);

#endif
