/* Findings → gilscope-findings/1: those at or above the confidence asked for, suppressed ones
 * included and marked. */
#include <errno.h>

#include "runtime/base/cleanup.h"
#include "runtime/report/report.h"

int findings_json(
	const struct findings *findings, const struct report_style *style, struct str *out)
{
	struct findings shown = *findings;
	_free_ struct finding *list = calloc(findings->list.len + 1, sizeof(*list));
	_free_ char *json = NULL;
	size_t len;
	int rc;

	if (!list)
		return -ENOMEM;
	shown.list.at = list;
	shown.list.len = 0;
	vec_each (finding, &findings->list)
		if (finding->confidence >= style->confidence)
			list[shown.list.len++] = *finding; /* still owned by `findings` */
	rc = findings_format_json(&shown, &json, &len);
	if (!rc)
		rc = str_add_bytes(out, json, len);
	return rc ? rc : str_add(out, "\n");
}
