/* Findings → the JSON of `gilscope-lint --format json`, schema "gilscope-findings/1". */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/utf8.h"
#include "runtime/core/finding.h"

/* Every constructor of jansson takes NULL for "out of memory below me" and returns NULL, and every
 * *_new function steals its references: one test of the root is enough. */

static json_t *text(const char *value)
{
	struct arena *arena;
	json_t *json;

	if (!value)
		value = "";
	if (utf8_is_valid(value, strlen(value)))
		return json_string_nocheck(value);
	/* Sources are bytes, JSON is not. */
	arena = arena_new();
	json = arena ? json_string(utf8_clean(arena, value, strlen(value))) : NULL;
	arena_free(arena);
	return json;
}

static json_t *text_or_null(const char *value)
{
	return value ? text(value) : json_null();
}

static json_t *amount(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static json_t *step(const struct finding_step *step)
{
	return json_pack("{s:o, s:i, s:o, s:o}", "file", text(step->file), "line",
		step->line > 0 ? step->line : 0, "function", text(step->function), "message",
		text(step->message));
}

static json_t *edit(const struct finding_edit *edit)
{
	return json_pack("{s:o, s:i, s:i, s:i, s:i, s:o}", "file", text(edit->file), "line",
		edit->line, "column", edit->column, "end_line", edit->end_line, "end_column",
		edit->end_column, "text", text(edit->text));
}

/* An array of what `make` returns for each element; NULL when memory is out. */
#define ARRAY(list, make)                                                                          \
	({                                                                                         \
		json_t *array_ = json_array();                                                     \
		vec_each (element_, (list))                                                        \
			if (array_ && json_array_append_new(array_, make(element_))) {             \
				json_decref(array_);                                               \
				array_ = NULL;                                                     \
			}                                                                          \
		array_;                                                                            \
	})

static json_t *fix(const struct finding *finding)
{
	return json_pack("{s:s, s:o, s:o}", "verdict", fix_verdict_name(finding->fix), "note",
		text(finding->fix_note), "edits", ARRAY(&finding->edits, edit));
}

static json_t *cost(const struct finding *finding)
{
	if (!finding->has_cost)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "hold_ns", amount(finding->cost.hold_ns), "wait_ns",
		amount(finding->cost.wait_ns), "calls", amount(finding->cost.calls));
}

static json_t *suppression(const struct finding *finding)
{
	if (!finding->suppressed)
		return json_null();
	return json_pack("{s:o}", "reason", text(finding->suppressed));
}

static json_t *finding_to_json(const struct finding *finding)
{
	json_t *json = json_pack("{s:o, s:s, s:s, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o}", "rule",
		text(finding->rule), "confidence", confidence_name(finding->confidence), "severity",
		severity_name(finding->severity), "message", text(finding->message), "file",
		text(finding->file), "line", finding->line > 0 ? finding->line : 1, "column",
		finding->column > 0 ? finding->column : 0, "function", text(finding->function),
		"symbol", text(finding->symbol), "operation", text(finding->operation), "entry",
		text_or_null(finding->entry));
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "path",
		ARRAY(&finding->path, step), "siblings", ARRAY(&finding->siblings, step), "fix",
		fix(finding), "fingerprint", text(finding->fingerprint), "suppressed",
		suppression(finding), "cost", cost(finding));

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
	return json_pack("{s:o, s:o}", "file", text(failure->file), "why", text(failure->why));
}

static json_t *units(const struct findings *findings)
{
	return json_pack("{s:I, s:I, s:I, s:o}", "total", (json_int_t)findings->units_total,
		"extracted", (json_int_t)findings->units_extracted, "cached",
		(json_int_t)findings->units_cached, "failed", ARRAY(&findings->failures, failure));
}

int findings_format_json(const struct findings *findings, char **ret_json, size_t *ret_len)
{
	json_t *root = json_pack("{s:s, s:{s:s, s:s}, s:o, s:f, s:o}", "schema",
		"gilscope-findings/1", "tool", "name", "gilscope-lint", "version", GILSCOPE_VERSION,
		"units", units(findings), "seconds", findings->seconds, "findings",
		ARRAY(&findings->list, finding_to_json));
	char *json = root ? json_dumps(root, JSON_INDENT(1)) : NULL;

	json_decref(root);
	if (!json)
		return -ENOMEM;
	*ret_len = strlen(json);
	*ret_json = json;
	return 0;
}
