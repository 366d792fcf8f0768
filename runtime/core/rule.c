/* rules.def → a table. */
#include "runtime/core/rule.h"

#include <string.h>

const struct rule rules[RULE_COUNT] = {
#define RULE(id, name_, severity_, confidence_, text_, help_)                                      \
	{.name = name_,                                                                            \
		.severity = severity_,                                                             \
		.confidence = confidence_,                                                         \
		.text = text_,                                                                     \
		.help = help_},
#include "runtime/core/rules.def"
#undef RULE
};

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < RULE_COUNT; i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}
