/* The stored names of findings' enumerations, both ways. */
#include <errno.h>
#include <string.h>

#include "runtime/core/finding.h"

static const char *const confidences[] = {"low", "medium", "high"};
static const char *const severities[] = {"note", "warning", "error"};
static const char *const verdicts[] = {"unknown", "safe", "object-lock", "copy", "on-purpose"};

const char *confidence_name(enum confidence confidence)
{
	return confidences[confidence];
}

const char *severity_name(enum severity severity)
{
	return severities[severity];
}

const char *fix_verdict_name(enum fix_verdict verdict)
{
	return verdicts[verdict];
}

int confidence_parse(const char *name, enum confidence *ret)
{
	for (size_t i = 0; i < sizeof(confidences) / sizeof(confidences[0]); i++) {
		if (strcmp(name, confidences[i]) != 0)
			continue;
		*ret = (enum confidence)i;
		return 0;
	}
	return -EINVAL;
}
