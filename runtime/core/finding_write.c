/* Findings → the JSON of `gilscope-lint --format json`, schema "gilscope-findings/1". */
#include <errno.h>
#include <string.h>

#include "runtime/core/json_out.h"

static json_t *step(const struct finding_step *step)
{
	return json_pack("{s:o, s:i, s:o, s:o}", "file", json_text(step->file), "line",
		step->line > 0 ? step->line : 0, "function", json_text(step->function), "message",
		json_text(step->message));
}

static json_t *edit(const struct finding_edit *edit)
{
	return json_pack("{s:o, s:i, s:i, s:i, s:i, s:o}", "file", json_text(edit->file), "line",
		edit->line, "column", edit->column, "end_line", edit->end_line, "end_column",
		edit->end_column, "text", json_text(edit->text));
}

static json_t *fix(const struct finding *finding)
{
	return json_pack("{s:s, s:o, s:o}", "verdict", fix_verdict_name(finding->fix), "note",
		json_text(finding->fix_note), "edits", json_array_of(&finding->edits, edit));
}

static json_t *cost(const struct finding *finding)
{
	if (!finding->has_cost)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "hold_ns", json_amount(finding->cost.hold_ns),
		"wait_ns", json_amount(finding->cost.wait_ns), "calls",
		json_amount(finding->cost.calls));
}

static json_t *suppression(const struct finding *finding)
{
	if (!finding->suppressed)
		return json_null();
	return json_pack("{s:o}", "reason", json_text(finding->suppressed));
}

json_t *json_finding(const struct finding *finding)
{
	json_t *json = json_pack("{s:o, s:s, s:s, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o}", "rule",
		json_text(finding->rule), "confidence", confidence_name(finding->confidence),
		"severity", severity_name(finding->severity), "message",
		json_text(finding->message), "file", json_text(finding->file), "line",
		finding->line > 0 ? finding->line : 1, "column",
		finding->column > 0 ? finding->column : 0, "function", json_text(finding->function),
		"symbol", json_text(finding->symbol), "operation", json_text(finding->operation),
		"entry", json_text_or_null(finding->entry));
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "path",
		json_array_of(&finding->path, step), "siblings",
		json_array_of(&finding->siblings, step), "fix", fix(finding), "fingerprint",
		json_text(finding->fingerprint), "suppressed", suppression(finding), "cost",
		cost(finding));

	if (json && rest && !json_object_update(json, rest)) {
		json_decref(rest);
		return json;
	}
	json_decref(json);
	json_decref(rest);
	return NULL;
}

static json_t *failure(const struct unit_failure *failure)
{
	return json_pack(
		"{s:o, s:o}", "file", json_text(failure->file), "why", json_text(failure->why));
}

static json_t *units(const struct findings *findings)
{
	return json_pack("{s:I, s:I, s:I, s:o}", "total", (json_int_t)findings->units_total,
		"extracted", (json_int_t)findings->units_extracted, "cached",
		(json_int_t)findings->units_cached, "failed",
		json_array_of(&findings->failures, failure));
}

int findings_format_json(const struct findings *findings, char **ret_json, size_t *ret_len)
{
	json_t *root = json_pack("{s:s, s:{s:s, s:s}, s:o, s:f, s:o}", "schema",
		"gilscope-findings/1", "tool", "name", "gilscope-lint", "version", GILSCOPE_VERSION,
		"units", units(findings), "seconds", findings->seconds, "findings",
		json_array_of(&findings->list, json_finding));
	char *json = root ? json_dumps(root, JSON_INDENT(1)) : NULL;

	json_decref(root);
	if (!json)
		return -ENOMEM;
	*ret_len = strlen(json);
	*ret_json = json;
	return 0;
}
