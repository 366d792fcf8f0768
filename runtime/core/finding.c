/* The life of a set of findings, and which of them a reader is shown. */
#include "runtime/core/finding.h"

#include <errno.h>

int findings_init(struct findings *findings)
{
	*findings = (struct findings){.arena = arena_new()};
	return findings->arena ? 0 : -ENOMEM;
}

void finding_fini(struct finding *finding)
{
	vec_fini(&finding->path);
	vec_fini(&finding->siblings);
	vec_fini(&finding->edits);
}

void findings_fini(struct findings *findings)
{
	if (!findings)
		return;
	vec_each (finding, &findings->list)
		finding_fini(finding);
	vec_fini(&findings->list);
	vec_fini(&findings->failures);
	arena_free(findings->arena);
	*findings = (struct findings){0};
}

bool finding_is_shown(const struct finding *finding, enum confidence least)
{
	return !finding->suppressed && finding->confidence >= least;
}

size_t findings_count_shown(const struct findings *findings, enum confidence least)
{
	size_t count = 0;

	vec_each (finding, &findings->list)
		count += finding_is_shown(finding, least);
	return count;
}
