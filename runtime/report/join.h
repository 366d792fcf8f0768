/* Inside report: findings × stacks of a run → what each finding costs. */
#ifndef GILSCOPE_REPORT_JOIN_H
#define GILSCOPE_REPORT_JOIN_H

#include "runtime/core/finding.h"
#include "runtime/core/run.h"

/* Fills `cost` of the findings whose function stands on a native stack of the run: by the symbol or
 * the function's name, and by file and line among several findings in one function. */
int join_findings(struct findings *findings, const struct run *run, size_t *ret_joined,
	bool *ret_has_native_stacks);

#endif
