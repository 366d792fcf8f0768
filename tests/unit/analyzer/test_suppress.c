/* Suppression comments: which are recognised, what they cover, and what findings make of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/comments.h"
#include "analyzer/draft.h"
#include "analyzer/suppress.h"

#define ALLOW "gilscope: allow(blocking-call) why"

static struct suppressions all;

static void begin(void)
{
	cr_assert_eq(suppressions_init(&all, ""), 0);
}

static void end(void)
{
	suppressions_fini(&all);
}

TestSuite(suppress, .init = begin, .fini = end);

static void add(const char *text)
{
	cr_assert_eq(suppressions_add_text(&all, "m.c", text, strlen(text)), 0);
}

static const struct suppression *only(void)
{
	cr_assert_not_null(suppressions_at(&all, "m.c", 0));
	cr_assert_null(suppressions_at(&all, "m.c", 1));
	cr_assert_eq(all.notes.len, 0, "%s", all.notes.at ? all.notes.at[0].text : "");
	return suppressions_at(&all, "m.c", 0);
}

static void expect(const char *text, int first_line, int last_line, const char *reason)
{
	const struct suppression *got;

	suppressions_fini(&all);
	begin();
	add(text);
	got = only();
	cr_expect_eq(got->first_line, first_line, "%s: %d", text, got->first_line);
	cr_expect_eq(got->last_line, last_line, "%s: %d", text, got->last_line);
	cr_expect_str_eq(got->reason, reason, "%s: %s", text, got->reason);
	cr_expect_eq(got->rule, &rules[RULE_BLOCKING_CALL]);
}

Test(suppress, covers_its_line_or_the_next_code)
{
	expect("a;\nf(); // " ALLOW "\ng();", 2, 2, "why");
	expect("f(); /* " ALLOW " */ g();", 1, 1, "why");
	expect("// " ALLOW "\nf();", 1, 2, "why");
	expect("/* " ALLOW " */ f();\ng();", 1, 1, "why");
	expect("/* x\n * " ALLOW "\n */\n\n/* more */\nf();\ng();", 1, 6, "why");
	expect("// " ALLOW "\r\nf();\r\n", 1, 2, "why");
	expect("#define M() /* " ALLOW " */ \\\n\tf()", 1, 1, "why");
	expect("#define M() \\\n\t/* " ALLOW " */ \\\n\tf()", 2, 3, "why");
	expect("/*! gilscope:allow( blocking-call ): a  reason - long */ f();", 1, 1,
		"a  reason - long");
	expect("f(); // " ALLOW " \\\n still the comment\ng();", 1, 2, "why \\");
	expect("// " ALLOW, 1, 1, "why");
	expect("f(); /* " ALLOW, 1, 1, "why");
}

Test(suppress, pairs)
{
	expect("a; // gilscope: allow-begin(blocking-call) why\nf();\n"
	       "// gilscope: allow-end(blocking-call)\n",
		1, 3, "why");
	expect("// NOLINTBEGIN(gilscope-blocking-call) why\nf();\n\n"
	       "// NOLINTEND(gilscope-blocking-call)",
		1, 4, "why");
}

Test(suppress, nolint)
{
	expect("f(); // NOLINT(gilscope-blocking-call)", 1, 1, "NOLINT");
	expect("// NOLINT(gilscope-blocking-call) x\nf();", 1, 1, "x");
	expect("f(); /* see NOLINT(misc-x,gilscope-blocking-call, cert-*) why */", 1, 1, "why");
	expect("// NOLINTNEXTLINE(gilscope-blocking-call): why\nf();", 2, 2, "why");
	suppressions_fini(&all);
	begin();
	add("f(); // NOLINT(gilscope-*)\n// NOLINT\n// NOLINT(misc-gilscope) NOLINT(*) gilscope");
	cr_expect_null(only()->rule);
}

Test(suppress, strings_and_numbers_are_no_comments)
{
	add("char *a = \"// " ALLOW "\";\nchar *b = \"\\\"/* " ALLOW " */\";\n"
	    "int c = '\"'; char *d = R\"x(\n// " ALLOW "\n)\" // " ALLOW "\n)x\";\n"
	    "int e = 1'000'000; char *f = u8R\"(/* " ALLOW " */)\";\n"
	    "char *g = \"\\\n// " ALLOW "\";\nint h = L'\\''; char *i = \"/* " ALLOW " */\";\n");
	cr_expect_null(suppressions_at(&all, "m.c", 0));
	cr_expect_eq(all.notes.len, 0);
}

Test(suppress, comments_after_odd_code_are_found)
{
	expect("int a = 1'000; // " ALLOW, 1, 1, "why");
	expect("#error don't\nf(); // " ALLOW, 2, 2, "why");
	expect("char *s = R\"(\n\n)\"; // " ALLOW "\nf();", 3, 3, "why");
	expect("char *s = R\"not raw\"; // " ALLOW, 1, 1, "why");
	expect("char *s = \"a\\\\\"; // " ALLOW, 1, 1, "why");
	expect("char *s = \"a\\\r\nb\"; // " ALLOW, 2, 2, "why");
	expect("a = b / c; // " ALLOW, 1, 1, "why");
}

Test(suppress, nothing_is_read_past_the_end)
{
	static const char *const texts[] = {"/", "/*", "//", "\"", "'", "\\", "R\"", "R\"x(", "1'",
		"\"\\", "/*gilscope:", "//gilscope: allow", "//gilscope: allow(",
		"//gilscope: allow(a,", "//gilscope", "// gilscope NOLINT",
		"// gilscope NOLINT(gilscope-", "/**", "/*\\", "u8R\"gilscope"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t len = strlen(texts[i]);
		char *copy = malloc(len); /* without a NUL: the sanitizer sees one byte more */

		memcpy(copy, texts[i], len);
		suppressions_fini(&all);
		begin();
		cr_expect_eq(suppressions_add_text(&all, "m.c", copy, len), 0);
		cr_expect_null(suppressions_at(&all, "m.c", 0), "%s", texts[i]);
		free(copy);
	}
}

Test(suppress, malformed_ones_are_said)
{
	add("\n// gilscope: allow(blocking-call)\n// gilscope: allow(none) why\n"
	    "// gilscope: permit(blocking-call) why\n// gilscope: allow-end(churn)\n"
	    "/*\n * gilscope: allow(churn, nothing) why */\n// NOLINT(gilscope-churm)\n"
	    "// gilscope: allow-begin(churn) why\n");
	cr_assert_eq(suppressions_finish(&all, true), 0);
	cr_assert_eq(all.notes.len, 7);
	for (int i = 0; i < 7; i++)
		cr_expect_eq(all.notes.at[i].line, i < 4 ? i + 2 : i + 3, "%d: %d", i,
			all.notes.at[i].line);
	cr_expect_str_eq(all.notes.at[0].file, "m.c");
	cr_expect(strstr(all.notes.at[5].text, "churm"));
}

static struct findings findings;

static struct finding *finding_add(const char *rule, int line)
{
	struct finding finding = {.rule = rule,
		.file = "m.c",
		.line = line,
		.column = 3,
		.confidence = CONFIDENCE_HIGH};

	if (!findings.arena)
		cr_assert_eq(findings_init(&findings), 0);
	cr_assert_eq(vec_push(&findings.list, finding), 0);
	return &findings.list.at[findings.list.len - 1];
}

static void further_add(struct finding *finding, int line)
{
	struct finding_step step = {"m.c", line, "f", DRAFT_FURTHER_PLACE, 1};

	cr_assert_eq(vec_push(&finding->path, step), 0);
}

Test(suppress, answers_its_rule_and_line_only)
{
	add("f(); // " ALLOW "\nf();\n");
	finding_add("blocking-call", 1);
	finding_add("blocking-call", 2);
	finding_add("churn", 1);
	cr_assert_eq(suppressions_apply(&all, &findings), 0);
	cr_expect_str_eq(findings.list.at[0].suppressed, "why");
	cr_expect_null(findings.list.at[1].suppressed);
	cr_expect_null(findings.list.at[2].suppressed);
	cr_assert_eq(suppressions_finish(&all, true), 0);
	cr_expect_eq(all.notes.len, 0);
	findings_fini(&findings);
}

Test(suppress, a_place_without_an_answer_is_shown)
{
	struct finding *finding;

	add("f(); // " ALLOW "\nf();\nf(); // " ALLOW "\n");
	finding = finding_add("blocking-call", 1);
	further_add(finding, 2);
	further_add(finding, 3);
	cr_assert_eq(suppressions_apply(&all, &findings), 0);
	cr_expect_null(finding->suppressed);
	cr_expect_eq(finding->line, 2);
	cr_expect_eq(finding->confidence, CONFIDENCE_MEDIUM);
	cr_expect_eq(finding->path.len, 0);
	findings_fini(&findings);
}

Test(suppress, the_unanswered_front_place_stays)
{
	struct finding *finding;

	add("f();\nf(); // " ALLOW "\n");
	finding = finding_add("blocking-call", 1);
	further_add(finding, 2);
	cr_assert_eq(suppressions_apply(&all, &findings), 0);
	cr_expect_null(finding->suppressed);
	cr_expect_eq(finding->line, 1);
	cr_expect_eq(finding->confidence, CONFIDENCE_HIGH);
	cr_expect_eq(finding->path.len, 0);
	findings_fini(&findings);
}

Test(suppress, an_idle_one_is_said)
{
	add("f(); // gilscope: allow(churn) why\n");
	cr_assert_eq(suppressions_finish(&all, true), 0);
	cr_assert_eq(all.notes.len, 1);
	cr_expect(strstr(all.notes.at[0].text, "no finding of churn"));
}

Test(suppress, what_is_no_file_has_no_comments)
{
	cr_expect_eq(suppressions_add_file(&all, "/nowhere/m.c"), 0);
	cr_expect_eq(suppressions_add_file(&all, "/dev/zero"), 0);
	cr_expect_eq(suppressions_add_file(&all, "/tmp"), 0);
	cr_expect_eq(all.notes.len, 0);
}
