/* Findings × native stacks → costs: the time that the lock was held at a finding, and what others
 * waited for it. A finding whose function is on no stack has no cost: nobody measured one. */
#include "runtime/report/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/map.h"

/* The findings in one function, by each of its names. */
struct known {
	const char *name; /* borrowed */
	vec(size_t) findings;
	UT_hash_handle hh;
};

struct join {
	struct findings *findings;
	const struct run *run;
	struct known *names; /* owned */
	size_t *charged_by; /* owned: number of the row that last charged each finding */
	size_t row; /* number of the present one */
};

static void cleanup_join(struct join *join)
{
	struct known *known, *next;

	HASH_ITER (hh, join->names, known, next) {
		HASH_DEL(join->names, known);
		vec_fini(&known->findings);
		free(known);
	}
	free(join->charged_by);
}

static int add_name(struct join *join, const char *name, size_t finding)
{
	struct known *known;

	if (!*name)
		return 0;
	HASH_FIND_STR(join->names, name, known);
	if (!known) {
		known = calloc(1, sizeof(*known));
		if (!known)
			return -ENOMEM;
		known->name = name;
		HASH_ADD_KEYPTR(hh, join->names, name, strlen(name), known);
		if (map_has_failed(known)) {
			free(known);
			return -ENOMEM;
		}
	}
	if (known->findings.len && known->findings.at[known->findings.len - 1] == finding)
		return 0;
	return vec_push(&known->findings, finding);
}

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

static bool is_same_file(const struct finding *finding, const struct run_frame *frame)
{
	return frame->file && !strcmp(base_name(frame->file), base_name(finding->file));
}

static int distance(const struct finding *finding, const struct run_frame *frame)
{
	return abs(finding->line - frame->line);
}

/* Which of the findings in this function is meant? The nearest line where lines are known. */
static bool is_meant(const struct join *join, const struct known *known, size_t which,
	const struct run_frame *frame)
{
	const struct finding *finding = &join->findings->list.at[which];

	if (frame->file && !is_same_file(finding, frame))
		return false;
	if (frame->line <= 0)
		return true;
	vec_each (other, &known->findings) {
		const struct finding *rival = &join->findings->list.at[*other];

		if (is_same_file(rival, frame) && distance(rival, frame) < distance(finding, frame))
			return false;
	}
	return true;
}

enum charge { CHARGE_HOLD, CHARGE_WAIT };

static void charge(struct finding *finding, enum charge what, int64_t ns)
{
	int64_t *amount = what == CHARGE_HOLD ? &finding->cost.hold_ns : &finding->cost.wait_ns;

	if (!finding->has_cost)
		finding->cost = (struct finding_cost){RUN_UNKNOWN, RUN_UNKNOWN, RUN_UNKNOWN};
	finding->has_cost = true;
	*amount = *amount < 0 ? ns : *amount + ns;
}

/* Once a finding, whatever frames of the stack mean it. */
static void charge_stack(struct join *join, int64_t id, enum charge what, int64_t ns)
{
	const struct run_stack *stack = id > 0 ? run_stack_find(join->run, id) : NULL;

	if (!stack)
		return;
	join->row++;
	vec_each (frame, &stack->frames) {
		struct known *known;

		if (!frame->is_native)
			continue;
		HASH_FIND_STR(join->names, frame->function, known);
		if (!known)
			continue;
		vec_each (which, &known->findings) {
			if (join->charged_by[*which] == join->row ||
				!is_meant(join, known, *which, frame))
				continue;
			join->charged_by[*which] = join->row;
			charge(&join->findings->list.at[*which], what, ns);
		}
	}
}

static bool has_native(const struct run *run)
{
	vec_each (stack, &run->stacks)
		vec_each (frame, &stack->frames)
			if (frame->is_native)
				return true;
	return false;
}

int join_findings(struct findings *findings, const struct run *run, size_t *ret_joined,
	bool *ret_has_native_stacks)
{
	_cleanup_(cleanup_join) struct join join = {findings, run, NULL, NULL, 0};
	size_t joined = 0;

	*ret_has_native_stacks = has_native(run);
	join.charged_by = calloc(findings->list.len + 1, sizeof(*join.charged_by));
	if (!join.charged_by)
		return -ENOMEM;
	for (size_t i = 0; i < findings->list.len; i++) {
		findings->list.at[i].has_cost = false;
		if (add_name(&join, findings->list.at[i].symbol, i) ||
			add_name(&join, findings->list.at[i].function, i))
			return -ENOMEM;
	}
	vec_each (row, &run->activity)
		if (row->lock == LOCK_HOLDING)
			charge_stack(&join, row->stack, CHARGE_HOLD, row->ns);
	vec_each (row, &run->blame)
		charge_stack(&join, row->stack, CHARGE_WAIT, row->wait_ns);
	vec_each (finding, &findings->list)
		joined += finding->has_cost;
	*ret_joined = joined;
	return 0;
}
