/* Inside report: stacks → the lines to name. */
#ifndef GILSCOPE_REPORT_PLACE_H
#define GILSCOPE_REPORT_PLACE_H

#include "runtime/base/arena.h"
#include "runtime/core/run.h"

/* What a reader can do about a frame. */
enum place_class { PLACE_OWN, PLACE_PACKAGE, PLACE_LIBRARY, PLACE_NATIVE };

/* Time of one line. `frame` is what the reader can change: the innermost frame of own code, else of
 * a package, else the innermost; NULL: not known. `inner` is the innermost frame where it is
 * another one, else NULL. Both borrowed from the run. */
struct place {
	const struct run_frame *frame, *inner;
	int64_t ns, of_ns; /* this function's part, of all that was added */
};

/* Every stack's line to name, worked out once. */
struct places {
	const struct run *run; /* borrowed */
	struct stack_place *stacks; /* parallel to run->stacks */
	size_t groups; /* functions: one number each */
};

struct stack_place {
	const struct run_frame *frame, *inner;
	size_t group;
	bool is_loop; /* it runs on an event loop */
};

int places_init(struct places *places, const struct run *run, struct arena *arena);

/* NULL: no such stack. */
const struct stack_place *places_find(const struct places *places, int64_t stack);

/* Time by stack, of whatever one question is about. */
struct tally {
	const struct places *places; /* borrowed */
	int64_t *ns; /* owned; parallel to run->stacks */
	int64_t total_ns; /* with what no stack is known of */
};

int tally_init(struct tally *tally, const struct places *places);
void tally_fini(struct tally *tally);
void tally_add(struct tally *tally, int64_t stack, int64_t ns);

/* The function with most time and its line with most; frame NULL where no stack is known. */
int tally_top(const struct tally *tally, struct place *ret_place);

enum place_class place_class(const struct run_frame *frame);
const char *place_short_name(const char *file); /* its last two parts. borrowed */

#endif
