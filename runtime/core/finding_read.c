/* Hostile JSON → findings. Whoever gets them may rely on what finding.h says: known enumerations
 * and rules, lines from 1, no NULL text. Fields that a newer version added are ignored. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/core/finding.h"
#include "runtime/core/json_in.h"
#include "runtime/core/rule.h"

#define FILE_MAX_BYTES ((size_t)256 << 20)

static const char *const confidence_names[] = {"low", "medium", "high"};
static const char *const severity_names[] = {"note", "warning", "error"};
static const char *const verdict_names[] = {"unknown", "safe", "object-lock", "copy", "on-purpose"};

#define WORD(in, object, key, names)                                                               \
	json_in_word(in, object, key, names, sizeof(names) / sizeof((names)[0]))

static int line(struct json_in *in, const json_t *object, const char *key, int least)
{
	return (int)json_in_integer(in, object, key, least, INT_MAX);
}

static struct finding_step read_step(struct json_in *in, const json_t *json)
{
	return (struct finding_step){
		.file = json_in_text(in, json, "file"),
		.line = line(in, json, "line", 0),
		.function = json_in_text(in, json, "function"),
		.message = json_in_text(in, json, "message"),
	};
}

static struct finding_edit read_edit(struct json_in *in, const json_t *json)
{
	struct finding_edit edit = {
		.file = json_in_text(in, json, "file"),
		.line = line(in, json, "line", 1),
		.column = line(in, json, "column", 1),
		.end_line = line(in, json, "end_line", 1),
		.end_column = line(in, json, "end_column", 1),
		.text = json_in_text(in, json, "text"),
	};

	if (edit.end_line < edit.line ||
		(edit.end_line == edit.line && edit.end_column < edit.column))
		json_in_refuse(in, "end_line", "an end that is not before the beginning");
	return edit;
}

static struct unit_failure read_failure(struct json_in *in, const json_t *json)
{
	return (struct unit_failure){
		.file = json_in_text(in, json, "file"),
		.why = json_in_text(in, json, "why"),
	};
}

/* Appends what `read` makes of each object of the array at `key`. */
#define READ_ARRAY(in, object, key, is_needed, read, list)                                         \
	do {                                                                                       \
		const json_t *array_ = json_in_array(in, object, key, is_needed);                  \
		for (size_t i_ = 0; i_ < json_array_size(array_) && !(in)->rc; i_++) {             \
			json_in_enter_element(in, key, i_);                                        \
			if (vec_push(list, read(in, json_array_get(array_, i_))))                  \
				(in)->rc = -ENOMEM;                                                \
			json_in_leave(in);                                                         \
		}                                                                                  \
	} while (0)

static const json_t *need_object(struct json_in *in, const json_t *object, const char *key)
{
	const json_t *value = json_in_need(in, object, key);

	if (!json_is_object(value))
		json_in_refuse(in, key, "an object");
	return value;
}

static int64_t amount(struct json_in *in, const json_t *object, const char *key)
{
	if (json_is_null(json_in_need(in, object, key)))
		return -1;
	return json_in_integer(in, object, key, 0, INT64_MAX / 2);
}

static void read_cost(struct json_in *in, const json_t *json, struct finding *finding)
{
	const json_t *cost = json_in_find(in, json, "cost");

	if (!cost)
		return;
	finding->has_cost = true;
	cost = need_object(in, json, "cost");
	json_in_enter(in, "cost");
	finding->cost.hold_ns = amount(in, cost, "hold_ns");
	finding->cost.wait_ns = amount(in, cost, "wait_ns");
	finding->cost.calls = amount(in, cost, "calls");
	json_in_leave(in);
}

static void read_fix(struct json_in *in, const json_t *json, struct finding *finding)
{
	const json_t *fix = need_object(in, json, "fix");

	json_in_enter(in, "fix");
	finding->fix = (enum fix_verdict)WORD(in, fix, "verdict", verdict_names);
	finding->fix_note = json_in_text_or(in, fix, "note", "");
	READ_ARRAY(in, fix, "edits", true, read_edit, &finding->edits);
	json_in_leave(in);
}

static void read_suppression(struct json_in *in, const json_t *json, struct finding *finding)
{
	if (!json_in_find(in, json, "suppressed"))
		return;
	json = need_object(in, json, "suppressed");
	json_in_enter(in, "suppressed");
	finding->suppressed = json_in_text_or(in, json, "reason", "");
	json_in_leave(in);
}

static const char *read_rule(struct json_in *in, const json_t *json)
{
	const json_t *value = json_in_need(in, json, "rule");
	const struct rule *rule =
		json_is_string(value) ? rule_find(json_string_value(value)) : NULL;

	if (rule)
		return rule->name;
	json_in_refuse(in, "rule", "a rule of this version (see gilscope-lint --help)");
	return "";
}

static struct finding read_finding(struct json_in *in, const json_t *json)
{
	struct finding finding = {.rule = read_rule(in, json)};

	finding.confidence = (enum confidence)WORD(in, json, "confidence", confidence_names);
	finding.severity = (enum severity)WORD(in, json, "severity", severity_names);
	finding.message = json_in_text(in, json, "message");
	finding.file = json_in_text(in, json, "file");
	finding.line = line(in, json, "line", 1);
	finding.column = line(in, json, "column", 0);
	finding.function = json_in_text(in, json, "function");
	finding.symbol = json_in_text_or(in, json, "symbol", "");
	finding.operation = json_in_text(in, json, "operation");
	finding.entry = json_in_text_or(in, json, "entry", NULL);
	READ_ARRAY(in, json, "path", true, read_step, &finding.path);
	READ_ARRAY(in, json, "siblings", false, read_step, &finding.siblings);
	read_fix(in, json, &finding);
	finding.fingerprint = json_in_text(in, json, "fingerprint");
	if (strlen(finding.fingerprint) < 8)
		json_in_refuse(in, "fingerprint", "at least 8 characters");
	read_suppression(in, json, &finding);
	read_cost(in, json, &finding);
	return finding;
}

static void read_units(struct json_in *in, const json_t *root, struct findings *findings)
{
	const json_t *units = need_object(in, root, "units");

	json_in_enter(in, "units");
	findings->units_total = (size_t)json_in_integer(in, units, "total", 0, INT_MAX);
	findings->units_extracted = (size_t)json_in_integer(in, units, "extracted", 0, INT_MAX);
	findings->units_cached = (size_t)json_in_integer(in, units, "cached", 0, INT_MAX);
	READ_ARRAY(in, units, "failed", true, read_failure, &findings->failures);
	json_in_leave(in);
}

static void read_root(struct json_in *in, const json_t *root, struct findings *findings)
{
	const json_t *schema = json_is_object(root) ? json_object_get(root, "schema") : NULL;
	const json_t *seconds;

	if (!json_is_string(schema) ||
		strcmp(json_string_value(schema), "gilscope-findings/1") != 0) {
		json_in_refuse(in, "schema",
			"\"gilscope-findings/1\": the output of gilscope-lint --format json");
		return;
	}
	read_units(in, root, findings);
	seconds = json_in_need(in, root, "seconds");
	findings->seconds = json_number_value(seconds);
	if (!json_is_number(seconds) || !isfinite(findings->seconds) || findings->seconds < 0)
		json_in_refuse(in, "seconds", "a number from 0");
	READ_ARRAY(in, root, "findings", true, read_finding, &findings->list);
}

int findings_parse(const char *file, const char *text, size_t len, struct findings *ret_findings,
	struct err *err)
{
	struct json_in in = {.file = file, .err = err};
	struct findings findings;
	json_error_t error;
	json_t *root;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return err_ret(err, -EBADMSG, "%s:%d:%d: not valid JSON: %s", file, error.line,
			error.column, error.text);
	if (findings_init(&findings)) {
		json_decref(root);
		return err_ret(err, -ENOMEM, "cannot read %s: out of memory", file);
	}
	in.arena = findings.arena;
	read_root(&in, root, &findings);
	json_decref(root);
	if (in.rc == -ENOMEM)
		err_set(err, "cannot read %s: out of memory", file);
	if (in.rc)
		findings_fini(&findings);
	else
		*ret_findings = findings;
	return in.rc;
}

int findings_load(const char *path, struct findings *ret_findings, struct err *err)
{
	_free_ char *text = NULL;
	size_t len;
	int rc = file_load(path, FILE_MAX_BYTES, &text, &len, err);

	return rc ? rc : findings_parse(path, text, len, ret_findings, err);
}
