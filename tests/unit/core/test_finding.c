/* Findings: what is written as JSON comes back, and what is wrong is named with its place. */
#include "finding_sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/err.h"
#include "runtime/core/rule.h"

static void expect_steps(
	const struct finding_step *got, const struct finding_step *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cr_expect_str_eq(got[i].file, wanted[i].file);
		cr_expect_eq(got[i].line, wanted[i].line);
		cr_expect_str_eq(got[i].function, wanted[i].function);
		cr_expect_str_eq(got[i].message, wanted[i].message);
	}
}

static void expect_same(const struct finding *got, const struct finding *wanted)
{
	cr_expect_str_eq(got->rule, wanted->rule);
	cr_expect_eq(got->confidence, wanted->confidence);
	cr_expect_eq(got->severity, wanted->severity);
	cr_expect_str_eq(got->message, wanted->message);
	cr_expect_str_eq(got->file, wanted->file);
	cr_expect(got->line == wanted->line && got->column == wanted->column);
	cr_expect_str_eq(got->function, wanted->function);
	cr_expect_str_eq(got->symbol, wanted->symbol);
	cr_expect_str_eq(got->operation, wanted->operation);
	cr_expect(!got->entry == !wanted->entry);
	if (wanted->entry)
		cr_expect_str_eq(got->entry, wanted->entry);
	cr_assert(got->path.len == wanted->path.len && got->siblings.len == wanted->siblings.len);
	expect_steps(got->path.at, wanted->path.at, wanted->path.len);
	expect_steps(got->siblings.at, wanted->siblings.at, wanted->siblings.len);
	cr_expect_eq(got->fix, wanted->fix);
	cr_expect_str_eq(got->fix_note, wanted->fix_note);
	cr_expect_str_eq(got->fingerprint, wanted->fingerprint);
	cr_expect(!got->suppressed == !wanted->suppressed);
	if (wanted->suppressed)
		cr_expect_str_eq(got->suppressed, wanted->suppressed);
	cr_expect_eq(got->has_cost, wanted->has_cost);
	cr_expect(got->cost.hold_ns == wanted->cost.hold_ns &&
		  got->cost.wait_ns == wanted->cost.wait_ns &&
		  got->cost.calls == wanted->cost.calls);
}

Test(finding, everything_comes_back)
{
	struct findings wanted, got;
	struct err err = {0};
	char *json;
	size_t len;

	sample_findings(&wanted);
	cr_assert_eq(findings_format_json(&wanted, &json, &len), 0);
	cr_assert_eq(len, strlen(json));
	cr_assert_eq(findings_parse("f.json", json, len, &got, &err), 0, "%s", err.text);
	cr_assert_eq(got.list.len, 2);
	for (size_t i = 0; i < 2; i++)
		expect_same(&got.list.at[i], &wanted.list.at[i]);
	cr_expect_eq(got.list.at[0].edits.len, 1);
	cr_expect_str_eq(got.list.at[0].edits.at[0].text, "Py_BEGIN_ALLOW_THREADS\n");
	cr_expect(got.list.at[0].edits.at[0].line == 412 &&
		  got.list.at[0].edits.at[0].end_column == 1);
	cr_expect(got.units_total == 3 && got.units_extracted == 2 && got.units_cached == 1);
	cr_assert_eq(got.failures.len, 1);
	cr_expect_str_eq(got.failures.at[0].file, "x.c");
	cr_expect_str_eq(got.failures.at[0].why, "no such file");
	cr_expect_eq(got.seconds, 0.5);
	findings_fini(&got);
	findings_fini(&wanted);
	free(json);
}

Test(finding, bytes_that_are_no_text_do_not_stop_the_output)
{
	struct findings findings, got;
	struct err err = {0};
	char *json;
	size_t len;

	sample_findings(&findings);
	findings.list.at[0].file = "src/caf\xe9.c";
	cr_assert_eq(findings_format_json(&findings, &json, &len), 0);
	cr_assert_eq(findings_parse("f.json", json, len, &got, &err), 0, "%s", err.text);
	cr_expect_str_eq(got.list.at[0].file, "src/caf\xef\xbf\xbd.c");
	findings_fini(&got);
	findings_fini(&findings);
	free(json);
}

Test(finding, shown_is_confident_and_not_suppressed)
{
	struct findings findings;

	sample_findings(&findings);
	cr_expect_eq(findings_count_shown(&findings, CONFIDENCE_HIGH), 0, "suppressed");
	findings.list.at[0].suppressed = NULL;
	cr_expect_eq(findings_count_shown(&findings, CONFIDENCE_HIGH), 1);
	cr_expect_eq(findings_count_shown(&findings, CONFIDENCE_LOW), 2);
	findings_fini(&findings);
}

/* The sample's JSON with the first `from` replaced by `to` must be refused with `words`. */
static void expect_refused(const char *from, const char *to, const char *words)
{
	struct findings findings, got = {0};
	struct err err = {0};
	char *json, *changed, *at;
	size_t len;

	sample_findings(&findings);
	cr_assert_eq(findings_format_json(&findings, &json, &len), 0);
	at = strstr(json, from);
	cr_assert(at, "the sample has no %s", from);
	cr_assert(
		asprintf(&changed, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from)) > 0);
	cr_expect_eq(
		findings_parse("f.json", changed, strlen(changed), &got, &err), -EBADMSG, "%s", to);
	cr_expect_null(got.arena);
	cr_expect(!strncmp(err.text, "f.json", 6) && strstr(err.text, words), "'%s' lacks '%s'",
		err.text, words);
	free(changed);
	free(json);
	findings_fini(&findings);
}

Test(finding, wrong_values_are_named_with_their_place)
{
	expect_refused("gilscope-findings/1", "gilscope-findings/2", "schema: expected");
	expect_refused("\"schema\"", "\"scheme\"", "schema: expected");
	expect_refused("blocking-call", "blocking-cal", "findings[0].rule: expected a rule");
	expect_refused("\"high\"", "\"highest\"", "findings[0].confidence: expected low or medium");
	expect_refused("\"warning\"", "2", "findings[0].severity: expected note or warning");
	expect_refused("\"line\": 412", "\"line\": 0", "findings[0].line: expected a whole number");
	expect_refused("\"line\": 412", "\"line\": 99999999999", "findings[0].line: expected");
	expect_refused("\"line\": 412", "\"line\": 4.5", "findings[0].line: expected");
	expect_refused("\"column\": 9", "\"column\": -1", "findings[0].column: expected");
	expect_refused("\"m_open\"", "[]", "findings[0].entry: expected text");
	expect_refused("\"line\": 77", "\"line\": null", "findings[0].path[0].line: expected");
	expect_refused("\"path\": [", "\"path\": [1,", "findings[0].path[0]: expected an object");
	expect_refused("\"object-lock\"", "\"none\"", "findings[0].fix.verdict: expected unknown");
	expect_refused("\"end_line\": 412", "\"end_line\": 411", "fix.edits[0].end_line: expected");
	expect_refused("0123456789abcdef", "0123", "findings[0].fingerprint: expected at least 8");
	expect_refused("\"hold_ns\": 1", "\"hold_ns\": -1", "findings[0].cost.hold_ns: expected");
	expect_refused("\"suppressed\": {", "\"suppressed\": true, \"x\": {",
		"findings[0].suppressed: expected an object");
	expect_refused("\"total\": 3", "\"total\": -3", "units.total: expected");
	expect_refused("\"seconds\": 0.5", "\"seconds\": \"0.5\"", "seconds: expected a number");
	expect_refused(
		"\"findings\": [", "\"findings\": {}, \"x\": [", "findings: expected an array");
	expect_refused("\"message\": \"read", "\"message\": \"\\u0000read", "not valid JSON");
	expect_refused("\"file\": \"src/m.c\"", "\"file\": 1", "findings[0].file: expected text");
	expect_refused("\"operation\": \"read\",", "", "findings[0].operation: expected a value");
	expect_refused("\"column\": 9", "\"column\": 9, \"column\": 9", "not valid JSON");
}

Test(finding, what_a_newer_version_added_is_ignored_and_the_rest_may_be_missing)
{
	static const char text[] =
		"{\"schema\": \"gilscope-findings/1\", \"later\": [],"
		"\"units\": {\"total\": 1, \"extracted\": 1, \"cached\": 0, \"failed\": []},"
		"\"seconds\": 1, \"findings\": [{\"rule\": \"churn\", \"confidence\": \"low\","
		"\"severity\": \"note\", \"message\": \"m\", \"file\": \"f\", \"line\": 1,"
		"\"column\": 0, \"function\": \"g\", \"operation\": \"o\", \"entry\": null,"
		"\"path\": [], \"fix\": {\"verdict\": \"safe\", \"edits\": []},"
		"\"fingerprint\": \"12345678\", \"later\": {}}]}";
	struct findings got;
	struct err err = {0};
	const struct finding *finding;

	cr_assert_eq(findings_parse("f.json", text, strlen(text), &got, &err), 0, "%s", err.text);
	finding = &got.list.at[0];
	cr_expect_str_eq(finding->symbol, "");
	cr_expect_str_eq(finding->fix_note, "");
	cr_expect(!finding->suppressed && !finding->entry && !finding->has_cost);
	findings_fini(&got);
}

/* xorshift: the same changes on every machine. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

/* Changes that leave it JSON more often than random bytes would. */
static void change(char *json, size_t len, uint32_t *state)
{
	static const char *const pieces[] = {"null", "true", "-1", "{}", "[]", "\"\"", "1e99", "[",
		"}", ",", "\\u0000", "\xff", "0", "9999999999999999999999"};
	const char *piece = pieces[next_random(state) % (sizeof(pieces) / sizeof(pieces[0]))];
	size_t at = next_random(state) % len, bytes = strlen(piece);

	if (at + bytes <= len)
		memcpy(json + at, piece, bytes);
	if (next_random(state) % 4 == 0)
		json[next_random(state) % len] = (char)next_random(state);
}

Test(finding, random_changes_never_crash)
{
	uint32_t state = 0x9e3779b9;
	struct findings findings;
	int loaded = 0, refused = 0;
	char *json, *changed;
	size_t len;

	sample_findings(&findings);
	cr_assert_eq(findings_format_json(&findings, &json, &len), 0);
	changed = malloc(len);
	cr_assert(changed);
	for (int round = 0; round < 2000; round++) {
		struct findings got = {0};
		struct err err = {0};

		memcpy(changed, json, len);
		for (int i = 0; i < 1 + round % 3; i++)
			change(changed, len, &state);
		if (findings_parse("f.json", changed, len - next_random(&state) % 2 * round % len,
			    &got, &err)) {
			cr_expect(*err.text && !strchr(err.text, '\n'), "%s", err.text);
			cr_expect_null(got.arena);
			refused++;
		} else {
			loaded++;
			findings_fini(&got);
		}
	}
	cr_expect(loaded > 20 && refused > 20, "%d loaded, %d refused", loaded, refused);
	findings_fini(&findings);
	free(changed);
	free(json);
}

Test(finding, load_says_what_is_wrong_with_the_file)
{
	struct findings got;
	struct err err = {0};

	cr_expect_eq(findings_load("/nonexistent/f.json", &got, &err), -ENOENT);
	cr_expect_str_eq(err.text, "cannot read /nonexistent/f.json: No such file or directory");
	cr_expect_eq(findings_load("/", &got, &err), -EISDIR);
	cr_expect_eq(findings_parse("f.json", "[1,", 3, &got, &err), -EBADMSG);
	cr_expect(strstr(err.text, "f.json:1:3: not valid JSON"), "%s", err.text);
	cr_expect_eq(findings_parse("f.json", "", 0, &got, &err), -EBADMSG);
	cr_expect_eq(findings_parse("f.json", "[]", 2, &got, &err), -EBADMSG);
}

Test(rule, the_nine_rules_are_found_by_name_and_say_enough)
{
	static const char *const names[] = {"blocking-call", "compute-region", "api-unlocked",
		"unbalanced", "lock-order", "gilstate", "churn", "unsafe-release", "contradiction"};

	cr_assert_eq(RULE_COUNT, 9);
	for (size_t i = 0; i < RULE_COUNT; i++) {
		const struct rule *rule = rule_find(names[i]);

		cr_assert(rule, "%s", names[i]);
		cr_expect(strlen(rule->text) > 20 && !strchr(rule->text, '\n'));
		cr_expect(strstr(rule->help, "**What.**") && strstr(rule->help, "**Why.**") &&
				  strstr(rule->help, "**Fix.**"),
			"%s", rule->name);
	}
	cr_expect_eq(rule_find("blocking-call"), &rules[RULE_BLOCKING_CALL]);
	cr_expect_null(rule_find("blocking"));
	cr_expect_null(rule_find(""));
}
