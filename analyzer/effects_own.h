/* Between the files of effects: nobody else includes this. */
#ifndef GILSCOPE_ANALYZER_EFFECTS_OWN_H
#define GILSCOPE_ANALYZER_EFFECTS_OWN_H

#include "analyzer/explore.h"

/* Fills `by_state` of every function that touches the lock; the order and the rest are there. */
int effects_lock_solve(struct effects *effects, struct program *program);

#endif
