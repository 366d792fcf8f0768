/* Between the files of facts: nobody else includes this. */
#ifndef GILSCOPE_ANALYZER_FACTS_OWN_H
#define GILSCOPE_ANALYZER_FACTS_OWN_H

#include "analyzer/facts.h"

#define DEPTH_MAX 6 /* operands of operands that are looked at */

const struct fact *facts_find(
	const struct facts *facts, enum fact_kind kind, uint32_t key, int64_t offset);
void facts_set(struct facts *facts, const struct fact *fact);
void facts_drop(struct facts *facts, uint32_t at);

#endif
