/* Baselines: written and read back, matched by fingerprint, refused when broken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/baseline.h"
#include "analyzer/draft.h"
#include "runtime/base/err.h"

static struct findings findings;
static const struct baseline_scope everything = {.least = CONFIDENCE_HIGH};

static void begin(void)
{
	cr_assert_eq(findings_init(&findings), 0);
}

static void end(void)
{
	findings_fini(&findings);
}

TestSuite(baseline, .init = begin, .fini = end);

static struct finding *add(const char *fingerprint, const char *file)
{
	struct finding finding = {.rule = "blocking-call",
		.confidence = CONFIDENCE_HIGH,
		.file = file,
		.line = 7,
		.function = "f",
		.fingerprint = fingerprint};

	cr_assert_eq(vec_push(&findings.list, finding), 0);
	return &findings.list.at[findings.list.len - 1];
}

static void further_add(struct finding *finding)
{
	struct finding_step step = {"m.c", 9, "f", DRAFT_FURTHER_PLACE, 0};

	cr_assert_eq(vec_push(&finding->path, step), 0);
}

static char *format(size_t count)
{
	char *text = NULL;
	size_t got = 0;

	cr_assert_eq(baseline_format(&findings, &everything, &text, &got), 0);
	cr_expect_eq(got, count);
	return text;
}

/* The baseline of what `findings` holds. */
static struct baseline snapshot(size_t count)
{
	char *text = format(count);
	struct baseline baseline;
	struct err err = {""};

	cr_assert_eq(
		baseline_parse("b.json", text, strlen(text), &baseline, &err), 0, "%s", err.text);
	free(text);
	return baseline;
}

static void expect(size_t fresh, size_t known, size_t gone)
{
	cr_expect(findings.baseline.is_used);
	cr_expect_eq(findings.list.len, fresh, "%zu new", findings.list.len);
	cr_expect_eq(findings.baseline.known, known, "%zu known", findings.baseline.known);
	cr_expect_eq(findings.baseline.gone, gone, "%zu gone", findings.baseline.gone);
}

Test(baseline, new_known_and_gone)
{
	struct baseline baseline;

	add("11111111", "a.c");
	add("22222222", "b.c");
	baseline = snapshot(2);
	findings.list.len = 0;
	add("22222222", "b.c")->line = 700;
	add("33333333", "b.c");
	baseline_apply(&baseline, &everything, &findings);
	expect(1, 1, 1);
	cr_expect_str_eq(findings.list.at[0].fingerprint, "33333333");
	baseline_fini(&baseline);
}

Test(baseline, more_places_are_new)
{
	struct baseline baseline;

	further_add(add("11111111", "a.c"));
	baseline = snapshot(1);
	further_add(&findings.list.at[0]);
	baseline_apply(&baseline, &everything, &findings);
	expect(1, 0, 0);
	baseline_fini(&baseline);
}

Test(baseline, fewer_places_are_known)
{
	struct baseline baseline;

	further_add(add("11111111", "a.c"));
	baseline = snapshot(1);
	findings.list.at[0].path.len = 0;
	baseline_apply(&baseline, &everything, &findings);
	expect(0, 1, 0);
	baseline_fini(&baseline);
}

static bool is_b(const void *context, const char *file)
{
	(void)context;
	return !strcmp(file, "b.c");
}

Test(baseline, only_what_was_looked_at_is_gone)
{
	struct baseline_scope scope = {.least = CONFIDENCE_HIGH, .is_covered = is_b};
	struct baseline baseline;

	add("11111111", "a.c");
	add("22222222", "b.c");
	baseline = snapshot(2);
	findings.list.len = 0;
	baseline_apply(&baseline, &scope, &findings);
	expect(0, 0, 1);
	baseline_fini(&baseline);
}

Test(baseline, holds_what_is_shown)
{
	struct baseline baseline;

	add("11111111", "a.c")->suppressed = "why";
	add("22222222", "a.c")->confidence = CONFIDENCE_LOW;
	add("33333333", "a.c");
	baseline = snapshot(1);
	baseline_apply(&baseline, &everything, &findings);
	expect(2, 1, 0);
	baseline_fini(&baseline);
}

Test(baseline, the_order_of_findings_does_not_show)
{
	char *first, *second;

	add("22222222", "a.c");
	add("11111111", "a.c");
	add("33333333", "\xff.c"); /* no UTF-8 */
	first = format(3);
	findings.list.len = 0;
	add("33333333", "\xff.c");
	add("11111111", "a.c");
	add("22222222", "a.c");
	second = format(3);
	cr_expect_str_eq(first, second);
	free(first);
	free(second);
}

#define ENTRY(fingerprint, places)                                                                 \
	"{\"fingerprint\": " fingerprint ", \"rule\": \"churn\", \"function\": \"f\", \"file\": "  \
	"\"a.c\", \"places\": " places "}"
#define FILE_OF(entries) "{\"schema\": \"gilscope-baseline/1\", \"findings\": [" entries "]}"

Test(baseline, broken_ones_are_refused)
{
	static const struct {
		const char *text, *words;
	} files[] = {
		{"", "b.json:1"},
		{"{} x", "b.json:1"},
		{"7", "b.json:1"},
		{"[]", "schema"},
		{"{\"schema\": \"gilscope-baseline/2\", \"findings\": []}", "schema"},
		{"{\"schema\": \"gilscope-baseline/1\", \"findings\": {}}", "findings"},
		{FILE_OF("null"), "findings[0]"},
		{FILE_OF(ENTRY("\"11111111\"", "1") "," ENTRY("\"short\"", "1")),
			"findings[1].fingerprint"},
		{FILE_OF(ENTRY("\"1111\\u00001111\"", "1")), "b.json:1"},
		{FILE_OF(ENTRY("\"11111111\"", "0")), "findings[0].places"},
		{FILE_OF(ENTRY("\"11111111\"", "1e9")), "findings[0].places"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct baseline baseline;
		struct err err = {""};

		cr_expect_lt(baseline_parse("b.json", files[i].text, strlen(files[i].text),
				     &baseline, &err),
			0, "%s", files[i].text);
		cr_expect(strstr(err.text, files[i].words), "%s: %s", files[i].text, err.text);
	}
}

Test(baseline, the_same_entry_twice_is_a_merge)
{
	const char *text = FILE_OF(ENTRY("\"11111111\"", "1") "," ENTRY("\"11111111\"", "1"));
	struct baseline baseline;

	cr_assert_eq(baseline_parse("b.json", text, strlen(text), &baseline, NULL), 0);
	baseline_apply(&baseline, &everything, &findings);
	expect(0, 0, 1);
	baseline_fini(&baseline);
}
