/* Findings ↔ the baseline file, and what of the two is new, known and gone. */
#include "analyzer/baseline.h"

#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "analyzer/draft.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/map.h"
#include "runtime/core/json_in.h"
#include "runtime/core/json_out.h"
#include "runtime/core/rule.h"

#define SCHEMA "gilscope-baseline/1"
#define FILE_MAX_BYTES ((size_t)64 << 20)
#define FINGERPRINT_MIN 8

struct baseline_entry {
	const char *fingerprint; /* key */
	const char *file;
	int64_t places;
	bool is_seen;
	UT_hash_handle hh;
};

void baseline_fini(struct baseline *baseline)
{
	HASH_CLEAR(hh, baseline->entries);
	arena_free(baseline->arena);
	*baseline = (struct baseline){0};
}

static struct baseline_entry *entry_find(const struct baseline *baseline, const char *fingerprint)
{
	struct baseline_entry *entry;

	HASH_FIND_STR(baseline->entries, fingerprint, entry);
	return entry;
}

/* The same one twice is what a merge of two branches leaves: no mistake. */
static void entry_read(struct json_in *in, const json_t *json, struct baseline *baseline)
{
	struct baseline_entry *entry = arena_alloc(baseline->arena, sizeof(*entry));

	if (!entry) {
		in->rc = -ENOMEM;
		return;
	}
	entry->fingerprint = json_in_text(in, json, "fingerprint");
	(void)json_in_text(in, json, "rule"); /* for people, as the next one */
	(void)json_in_text(in, json, "function");
	entry->file = json_in_text(in, json, "file");
	entry->places = json_in_integer(in, json, "places", 1, INT_MAX);
	if (!in->rc && strlen(entry->fingerprint) < FINGERPRINT_MIN)
		json_in_refuse(in, "fingerprint", "at least 8 characters");
	if (in->rc || entry_find(baseline, entry->fingerprint))
		return;
	HASH_ADD_KEYPTR(
		hh, baseline->entries, entry->fingerprint, strlen(entry->fingerprint), entry);
	if (map_has_failed(entry))
		in->rc = -ENOMEM;
}

static void root_read(struct json_in *in, const json_t *root, struct baseline *baseline)
{
	const json_t *schema = json_is_object(root) ? json_object_get(root, "schema") : NULL;
	const json_t *list;

	if (!json_is_string(schema) || strcmp(json_string_value(schema), SCHEMA) != 0) {
		json_in_refuse(
			in, "schema", "\"" SCHEMA "\": what gilscope-lint --write-baseline writes");
		return;
	}
	list = json_in_array(in, root, "findings", true);
	for (size_t i = 0; i < json_array_size(list) && !in->rc; i++) {
		json_in_enter_element(in, "findings", i);
		entry_read(in, json_array_get(list, i), baseline);
		json_in_leave(in);
	}
}

int baseline_parse(const char *path, const char *text, size_t len, struct baseline *ret_baseline,
	struct err *err)
{
	struct baseline baseline = {.arena = arena_new()};
	struct json_in in = {.file = path, .arena = baseline.arena, .err = err};
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!root) {
		baseline_fini(&baseline);
		return err_ret(err, -EBADMSG, "%s:%d:%d: not valid JSON: %s", path, error.line,
			error.column, error.text);
	}
	if (baseline.arena)
		root_read(&in, root, &baseline);
	else
		in.rc = -ENOMEM;
	json_decref(root);
	if (in.rc == -ENOMEM)
		err_set(err, "cannot read %s: out of memory", path);
	if (in.rc)
		baseline_fini(&baseline);
	else
		*ret_baseline = baseline;
	return in.rc;
}

int baseline_load(const char *path, struct baseline *ret_baseline, struct err *err)
{
	_free_ char *text = NULL;
	size_t len;
	int rc = file_load(path, FILE_MAX_BYTES, &text, &len, err);

	return rc ? rc : baseline_parse(path, text, len, ret_baseline, err);
}

static int64_t places_count(const struct finding *finding)
{
	int64_t count = 1;

	vec_each (step, &finding->path)
		count += !strcmp(step->message, DRAFT_FURTHER_PLACE);
	return count;
}

static bool is_in_scope(const struct baseline_scope *scope, const struct finding *finding)
{
	const struct rule *rule = rule_find(finding->rule);

	return finding_is_shown(finding, scope->least) &&
	       (!rule || !scope->is_selected || scope->is_selected[rule - rules]);
}

static bool is_known(const struct baseline *baseline, const struct finding *finding)
{
	struct baseline_entry *entry = entry_find(baseline, finding->fingerprint);

	if (!entry)
		return false;
	entry->is_seen = true;
	return !finding->suppressed && places_count(finding) <= entry->places;
}

void baseline_apply(const struct baseline *baseline, const struct baseline_scope *scope,
	struct findings *findings)
{
	size_t kept = 0;

	findings->baseline = (struct findings_baseline){.is_used = true};
	for (size_t i = 0; i < findings->list.len; i++) {
		struct finding *finding = &findings->list.at[i];

		if (!is_known(baseline, finding)) {
			findings->list.at[kept++] = *finding;
			continue;
		}
		findings->baseline.known += is_in_scope(scope, finding);
		finding_fini(finding);
	}
	findings->list.len = kept;
	for (struct baseline_entry *entry = baseline->entries; entry; entry = entry->hh.next)
		if (!entry->is_seen &&
			(!scope->is_covered || scope->is_covered(scope->context, entry->file)))
			findings->baseline.gone++;
}

static int entry_cmp(const void *left, const void *right)
{
	const struct finding *a = *(const struct finding *const *)left;
	const struct finding *b = *(const struct finding *const *)right;
	int order = strcmp(a->file, b->file);

	if (!order)
		order = strcmp(a->function, b->function);
	if (!order)
		order = strcmp(a->rule, b->rule);
	return order ? order : strcmp(a->fingerprint, b->fingerprint);
}

static json_t *entry_json(const struct finding *finding)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I}", "fingerprint",
		json_text(finding->fingerprint), "rule", json_text(finding->rule), "function",
		json_text(finding->function), "file", json_text(finding->file), "places",
		(json_int_t)places_count(finding));
}

int baseline_format(const struct findings *findings, const struct baseline_scope *scope,
	char **ret_text, size_t *ret_count)
{
	_free_ const struct finding **sorted = calloc(findings->list.len + 1, sizeof(*sorted));
	json_t *list = json_array(), *root;
	size_t count = 0;
	int rc = sorted && list ? 0 : -ENOMEM;

	if (!rc)
		vec_each (finding, &findings->list)
			if (is_in_scope(scope, finding))
				sorted[count++] = finding;
	/* No line numbers and one order: a change of the file is a change of the findings. */
	if (!rc && count)
		qsort(sorted, count, sizeof(*sorted), entry_cmp);
	for (size_t i = 0; i < count && !rc; i++)
		rc = json_array_append_new(list, entry_json(sorted[i])) ? -ENOMEM : 0;
	root = json_pack("{s:s, s:o}", "schema", SCHEMA, "findings", list);
	*ret_text = rc || !root ? NULL : json_dumps(root, JSON_INDENT(1));
	*ret_count = count;
	json_decref(root);
	return *ret_text ? 0 : -ENOMEM;
}
