/* What a finding says about repairing it: shared by the rules. */
#ifndef GILSCOPE_ANALYZER_RULES_FIX_H
#define GILSCOPE_ANALYZER_RULES_FIX_H

#include "analyzer/draft.h"

/* May the lock be released around this call of a function with a model? Sets `fix`, `fix_note`. */
void fix_judge_call(
	const struct sighting *sighting, const struct model *model, struct draft *draft);

#endif
