/* Findings → SARIF 2.1.0 (OASIS), as code hosts and editors read it. Paths are relative to the
 * current directory; columns, which the compiler counts in bytes, become characters. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/utf8.h"
#include "runtime/core/json_out.h"
#include "runtime/core/rule.h"
#include "runtime/report/excerpt.h"
#include "runtime/report/report.h"

/* What readers accept: a code host shows 5,000 results of a run, 1,000 steps of a flow and 100
 * related places, and refuses more than 25,000 and 10,000. */
#define RESULTS_MAX 5000
#define STEPS_MAX 1000
#define RELATED_MAX 100

#define SCHEMA                                                                                     \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"                      \
	"sarif-schema-2.1.0.json"
#define ROOT_ID "SRCROOT"

static json_t *sarif_text(const char *text)
{
	return json_pack("{s:o}", "text", json_text(text));
}

/* Adds `value` unless it is NULL because there is nothing to say. */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) ? -ENOMEM : 0;
}

static bool is_plain_in_uri(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~/+@,", c));
}

/* A file name as part of a URI; every other byte is %XX, whatever its encoding. */
static json_t *uri(const char *prefix, const char *path, const char *suffix)
{
	_str_fini_ struct str out = STR_INIT(64 << 10);
	int rc = str_add(&out, prefix);

	for (; !rc && *path; path++)
		rc = is_plain_in_uri(*path) ? str_add_bytes(&out, path, 1)
					    : str_addf(&out, "%%%02X", (unsigned char)*path);
	if (!rc)
		rc = str_add(&out, suffix);
	return rc ? NULL : json_string(str_text(&out));
}

static json_t *artifact(const char *file)
{
	if (*file == '/')
		return json_pack("{s:o}", "uri", uri("file://", file, ""));
	while (!strncmp(file, "./", 2))
		file += 2;
	return json_pack("{s:o, s:s}", "uri", uri("", file, ""), "uriBaseId", ROOT_ID);
}

static json_t *region(int line, int column)
{
	if (column > 0)
		return json_pack("{s:i, s:i}", "startLine", line, "startColumn", column);
	return json_pack("{s:i}", "startLine", line);
}

static json_t *physical(const char *file, int line, int column)
{
	if (line < 1)
		return json_pack("{s:o}", "artifactLocation", artifact(file));
	return json_pack(
		"{s:o, s:o}", "artifactLocation", artifact(file), "region", region(line, column));
}

static json_t *function_name(const char *function)
{
	return json_pack(
		"[{s:o, s:s}]", "fullyQualifiedName", json_text(function), "kind", "function");
}

/* Where a step is, as far as it is known, and what happens there. */
static json_t *step_location(const struct finding_step *step)
{
	json_t *location = json_object();
	int rc = location ? 0 : -ENOMEM;

	if (!rc && *step->file)
		rc = set(location, "physicalLocation", physical(step->file, step->line, 0));
	if (!rc && *step->function)
		rc = set(location, "logicalLocations", function_name(step->function));
	if (!rc)
		rc = set(location, "message",
			sarif_text(*step->message ? step->message : step->function));
	if (!rc)
		return location;
	json_decref(location);
	return NULL;
}

static json_t *finding_location(const struct finding *finding)
{
	return json_pack("{s:o, s:o}", "physicalLocation",
		physical(finding->file, finding->line, finding->column), "logicalLocations",
		function_name(finding->function));
}

static int append_flow(json_t *locations, json_t *location)
{
	return json_array_append_new(locations, json_pack("{s:o}", "location", location)) ? -ENOMEM
											  : 0;
}

/* The way from the entry to the operation. The last steps matter most when there are too many. */
static json_t *code_flows(const struct finding *finding)
{
	size_t count = finding->path.len;
	size_t first = count > STEPS_MAX - 1 ? count - (STEPS_MAX - 1) : 0;
	json_t *locations = json_array(), *end = finding_location(finding);
	int rc = locations ? 0 : -ENOMEM;

	for (size_t i = first; !rc && i < count; i++)
		rc = append_flow(locations, step_location(&finding->path.at[i]));
	if (!rc && end)
		rc = set(end, "message", sarif_text(finding->message));
	if (!rc)
		rc = append_flow(locations, end);
	else
		json_decref(end);
	if (!rc)
		return json_pack("[{s:[{s:o}]}]", "threadFlows", "locations", locations);
	json_decref(locations);
	return NULL;
}

static json_t *related(const struct finding *finding)
{
	json_t *locations = json_array();

	for (size_t i = 0; i < finding->siblings.len && i < RELATED_MAX; i++) {
		json_t *location = step_location(&finding->siblings.at[i]);

		if (location)
			(void)json_object_set_new(location, "id", json_integer((json_int_t)i + 1));
		if (json_array_append_new(locations, location)) {
			json_decref(locations);
			return NULL;
		}
	}
	return locations;
}

static json_t *replacement(const struct finding_edit *edit)
{
	return json_pack("{s:{s:i, s:i, s:i, s:i}, s:o}", "deletedRegion", "startLine", edit->line,
		"startColumn", edit->column, "endLine", edit->end_line, "endColumn",
		edit->end_column, "insertedContent", sarif_text(edit->text));
}

static json_t *find_change(json_t *changes, json_t *file)
{
	json_t *change;
	size_t i;

	json_array_foreach(
		changes, i, change) if (json_equal(json_object_get(change, "artifactLocation"),
						file)) return change;
	return NULL;
}

/* One change a file, each with its replacements. */
static json_t *fixes(const struct finding *finding)
{
	json_t *changes = json_array();

	vec_each (edit, &finding->edits) {
		json_t *file = artifact(edit->file), *change = find_change(changes, file);

		if (change) {
			json_decref(file);
		} else {
			change = json_pack("{s:o, s:[]}", "artifactLocation", file, "replacements");
			if (json_array_append_new(changes, change))
				goto out;
		}
		if (json_array_append_new(
			    json_object_get(change, "replacements"), replacement(edit)))
			goto out;
	}
	return json_pack("[{s:o, s:o}]", "description",
		sarif_text(*finding->fix_note ? finding->fix_note : "change the lock's region"),
		"artifactChanges", changes);
out:
	json_decref(changes);
	return NULL;
}

static json_t *properties(const struct finding *finding)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:o}", "confidence",
		confidence_name(finding->confidence), "operation", json_text(finding->operation),
		"entry", json_text_or_null(finding->entry), "fixVerdict",
		fix_verdict_name(finding->fix), "fixNote", json_text(finding->fix_note));
}

static int add_optional(json_t *json, const struct finding *finding)
{
	int rc = 0;

	if (finding->path.len)
		rc = set(json, "codeFlows", code_flows(finding));
	if (!rc && finding->siblings.len)
		rc = set(json, "relatedLocations", related(finding));
	if (!rc && finding->edits.len)
		rc = set(json, "fixes", fixes(finding));
	if (!rc && finding->suppressed)
		rc = set(json, "suppressions",
			json_pack("[{s:s, s:s, s:o}]", "kind", "inSource", "status", "accepted",
				"justification", json_text(finding->suppressed)));
	return rc;
}

static json_t *result(const struct finding *finding)
{
	const struct rule *rule = rule_find(finding->rule);
	json_t *json = json_pack("{s:o, s:s, s:o, s:[o], s:{s:o}, s:o}", "ruleId",
		json_text(finding->rule), "level", severity_name(finding->severity), "message",
		sarif_text(finding->message), "locations", finding_location(finding),
		"partialFingerprints", "gilscope/v1", json_text(finding->fingerprint), "properties",
		properties(finding));
	int rc = json ? add_optional(json, finding) : -ENOMEM;

	if (!rc && rule)
		rc = set(json, "ruleIndex", json_integer(rule - rules));
	if (!rc)
		return json;
	json_decref(json);
	return NULL;
}

static const char *problem_severity(enum severity severity)
{
	return severity == SEVERITY_NOTE ? "recommendation" : severity_name(severity);
}

static json_t *rule_descriptor(const struct rule *rule)
{
	return json_pack("{s:s, s:o, s:o, s:{s:s, s:s}, s:{s:s}, s:{s:s, s:s, s:[s, s]}}", "id",
		rule->name, "shortDescription", sarif_text(rule->text), "fullDescription",
		sarif_text(rule->text), "help", "text", rule->help, "markdown", rule->help,
		"defaultConfiguration", "level", severity_name(rule->severity), "properties",
		"precision", confidence_name(rule->confidence), "problem.severity",
		problem_severity(rule->severity), "tags", "concurrency", "python");
}

static json_t *driver(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < RULE_COUNT; i++)
		if (json_array_append_new(list, rule_descriptor(&rules[i]))) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:s, s:s, s:s, s:o}", "name", "gilscope-lint", "version",
		GILSCOPE_VERSION, "semanticVersion", GILSCOPE_VERSION, "rules", list);
}

static json_t *failure(const struct unit_failure *failure)
{
	return json_pack("{s:s, s:o, s:[{s:o}]}", "level", "warning", "message",
		sarif_text(failure->why), "locations", "physicalLocation",
		physical(failure->file, 0, 0));
}

/* Units that could not be analysed, and results that did not fit. */
static json_t *invocation(const struct findings *findings, size_t left_out)
{
	json_t *notes = json_array_of(&findings->failures, failure);
	char text[100];

	if (notes && left_out) {
		(void)snprintf(text, sizeof(text),
			"%zu more results were left out; see --format json", left_out); /* fits */
		if (json_array_append_new(notes, json_pack("{s:s, s:o}", "level", "warning",
							 "message", sarif_text(text)))) {
			json_decref(notes);
			notes = NULL;
		}
	}
	return json_pack(
		"{s:b, s:o}", "executionSuccessful", 1, "toolExecutionNotifications", notes);
}

/* The worst and surest first where not all fit: how many of each rank are let through. */
static void share_out(const struct findings *findings, enum confidence least, size_t quota[9])
{
	size_t count[9] = {0}, free_slots = RESULTS_MAX;

	vec_each (finding, &findings->list)
		if (finding->confidence >= least)
			count[finding->severity * 3 + finding->confidence]++;
	for (int rank = 8; rank >= 0; rank--) {
		quota[rank] = count[rank] < free_slots ? count[rank] : free_slots;
		free_slots -= quota[rank];
	}
}

/* As it is where the source cannot be read. */
static int column_in_characters(struct excerpt *excerpt, const char *file, int line, int column)
{
	size_t len = 0, at = 0;
	const char *text = column > 1 ? excerpt_line(excerpt, file, line, &len) : NULL;
	int characters = 0;

	if (!text || (size_t)column - 1 > len)
		return column;
	while (at < (size_t)column - 1) {
		size_t bytes = utf8_char_bytes(text + at, len - at);

		at += bytes ? bytes : 1;
		characters++;
	}
	return characters + 1;
}

/* The result of a finding whose columns were translated. */
static json_t *translated_result(struct excerpt *excerpt, const struct finding *finding)
{
	struct finding shown = *finding;
	_free_ struct finding_edit *edits = calloc(finding->edits.len + 1, sizeof(*edits));

	if (!edits)
		return NULL;
	for (size_t i = 0; i < finding->edits.len; i++) {
		struct finding_edit *edit = &edits[i];

		*edit = finding->edits.at[i];
		edit->column = column_in_characters(excerpt, edit->file, edit->line, edit->column);
		edit->end_column =
			column_in_characters(excerpt, edit->file, edit->end_line, edit->end_column);
	}
	shown.edits.at = edits;
	shown.column = column_in_characters(excerpt, shown.file, shown.line, shown.column);
	return result(&shown);
}

static json_t *results(const struct findings *findings, enum confidence least, size_t *ret_left_out)
{
	json_t *list = json_array();
	size_t quota[9], left_out = 0;
	struct excerpt excerpt = {0};

	share_out(findings, least, quota);
	vec_each (finding, &findings->list) {
		size_t *left = &quota[finding->severity * 3 + finding->confidence];

		if (!list || finding->confidence < least)
			continue;
		if (!*left) {
			left_out++;
			continue;
		}
		(*left)--;
		if (json_array_append_new(list, translated_result(&excerpt, finding))) {
			json_decref(list);
			list = NULL;
		}
	}
	excerpt_fini(&excerpt);
	*ret_left_out = left_out;
	return list;
}

static json_t *base_ids(void)
{
	char folder[PATH_MAX];
	bool is_root;

	if (!getcwd(folder, sizeof(folder)))
		return json_pack("{s:{s:{s:s}}}", ROOT_ID, "description", "text",
			"the folder that the analyzer ran in");
	is_root = !strcmp(folder, "/");
	return json_pack("{s:{s:o}}", ROOT_ID, "uri", uri("file://", folder, is_root ? "" : "/"));
}

int findings_sarif(
	const struct findings *findings, const struct report_style *style, struct str *out)
{
	size_t left_out = 0;
	json_t *list = results(findings, style->confidence, &left_out);
	json_t *root = json_pack("{s:s, s:s, s:[{s:{s:o}, s:s, s:o, s:[o], s:o}]}", "$schema",
		SCHEMA, "version", "2.1.0", "runs", "tool", "driver", driver(), "columnKind",
		"unicodeCodePoints", "originalUriBaseIds", base_ids(), "invocations",
		invocation(findings, left_out), "results", list);
	_free_ char *json = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	int rc = json ? str_add(out, json) : -ENOMEM;

	json_decref(root);
	return rc ? rc : str_add(out, "\n");
}
