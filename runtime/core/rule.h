/* The rules: what gilscope-lint reports, and what a report or an editor says about each. The list
 * is rules.def; it lives here and not with the analyzer because formatters show it too. */
#ifndef GILSCOPE_CORE_RULE_H
#define GILSCOPE_CORE_RULE_H

#include "runtime/core/finding.h"

enum rule_id {
#define RULE(id, name, severity, confidence, text, help) RULE_##id,
#include "runtime/core/rules.def"
#undef RULE
	RULE_COUNT,
};

struct rule {
	const char *name; /* what people type and tools store; never renamed, never reused */
	enum severity severity;
	enum confidence confidence; /* what a finding of it has unless the place says otherwise */
	const char *text; /* one line */
	const char *help; /* Markdown: what, why, how to fix */
};

extern const struct rule rules[RULE_COUNT];

const struct rule *rule_find(const char *name); /* NULL: none. static */

#endif
