/* Findings as a compiler would print them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/report/report.h"
#include "tests/unit/core/finding_sample.h"

static char folder[120];

/* The tests read sources relative to the current directory, as the program does. */
static void enter_folder(void)
{
	(void)snprintf(folder, sizeof(folder), "%s/gilscope-test.XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	cr_assert(mkdtemp(folder) && !chdir(folder));
}

static void leave_folder(void)
{
	(void)unlink("m.c");
	(void)unlink("pipe");
	cr_assert(!chdir("/") && !rmdir(folder));
}

TestSuite(lint_text, .init = enter_folder, .fini = leave_folder);

static const struct report_style plain = {.columns = 80, .confidence = CONFIDENCE_HIGH};

static void save(const char *text)
{
	struct err err = {0};

	cr_assert_eq(file_save("m.c", text, strlen(text), &err), 0, "%s", err.text);
}

static void expect_text(
	const struct findings *findings, const struct report_style *style, const char *wanted)
{
	_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);

	cr_assert_eq(findings_text(findings, style, &out), 0);
	cr_expect_str_eq(str_text(&out), wanted);
}

/* One finding at m.c:line:column, nothing else. */
static void make_one(struct findings *findings, int line, int column)
{
	sample_findings(findings);
	findings->list.len = 1;
	findings->list.at[0].suppressed = NULL;
	findings->list.at[0].has_cost = false;
	findings->list.at[0].file = "m.c";
	findings->list.at[0].line = line;
	findings->list.at[0].column = column;
	findings->list.at[0].path.len = 0;
	findings->list.at[0].siblings.len = 0;
	findings->list.at[0].fix = FIX_UNKNOWN;
	findings->list.at[0].fix_note = "";
	findings->failures.len = 0;
}

#define FIRST "m.c:2:%d: warning: read() can block while the lock is held [blocking-call]\n"
#define LAST "1 finding (1 warning) in 3 units\n"

static void expect_excerpt(const char *source, int column, const char *wanted)
{
	_str_fini_ struct str all = STR_INIT(10000);
	struct findings findings;

	save(source);
	make_one(&findings, 2, column);
	cr_assert_eq(str_addf(&all, FIRST "%s" LAST, column, wanted), 0);
	expect_text(&findings, &plain, str_text(&all));
	findings_fini(&findings);
}

Test(lint_text, shows_everything_a_finding_says)
{
	struct findings findings;

	save("\n");
	sample_findings(&findings);
	findings.list.at[0].suppressed = NULL;
	expect_text(&findings, &plain,
		"src/m.c:412:9: warning: read() can block while the lock is held "
		"[blocking-call]\n"
		"src/m.c:77: note: in m_open: called with the lock held\n"
		"  note: \n"
		"src/n.c:5: note: in n_read: releases around read\n"
		"  help: release the lock around it (needs an object lock): lock the file object\n"
		"  cost: held for 1 ns, others waited 2 ns\n"
		"x.c: note: not analysed: no such file\n"
		"1 finding (1 warning) in 3 units, 1 of them not analysed; "
		"1 less certain not shown (--confidence medium)\n");
	findings_fini(&findings);
}

Test(lint_text, counts_what_it_does_not_show)
{
	struct report_style low = plain;
	struct findings findings;

	sample_findings(&findings);
	findings.failures.len = 0;
	expect_text(&findings, &plain,
		"0 findings in 3 units; 1 suppressed, 1 less certain not shown (--confidence "
		"medium)\n");
	low.confidence = CONFIDENCE_LOW;
	expect_text(&findings, &low,
		"a b.c:1: error:  [unbalanced]\n"
		"1 finding (1 error) in 3 units; 1 suppressed\n");
	findings_fini(&findings);
}

Test(lint_text, excerpt_marks_the_word)
{
	expect_excerpt("first\nn = read(fd);\nlast\n", 5,
		"    2 | n = read(fd);\n"
		"      |     ^~~~\n");
	expect_excerpt("\n(x)", 1, "    2 | (x)\n      | ^\n");
	expect_excerpt("\nabc", 3, "    2 | abc\n      |   ^\n");
	expect_excerpt("\nab\r\n", 1, "    2 | ab\n      | ^~\n");
}

Test(lint_text, excerpt_without_a_place_for_the_caret)
{
	expect_excerpt("\nread\n", 5, "    2 | read\n");
	expect_excerpt("\nread\n", 4000000, "    2 | read\n");
	expect_excerpt("\n\n\n", 1, "    2 | \n");
	expect_excerpt("only one line\n", 1, "");
	expect_excerpt("", 1, "");
}

Test(lint_text, excerpt_expands_tabs_and_disarms_control_characters)
{
	expect_excerpt("\n\tread(1);\n", 2, "    2 |         read(1);\n      |         ^~~~\n");
	expect_excerpt("\nab\tread();\n", 4, "    2 | ab      read();\n      |         ^~~~\n");
	expect_excerpt("\n\x1b[2Jx\n", 5, "    2 | \\x1b[2Jx\n      |        ^\n");
	expect_excerpt("\n\xff\xc3\xa9 y\n", 5, "    2 | \\xff\xc3\xa9 y\n      |       ^\n");
}

Test(lint_text, long_lines_are_cut_around_the_caret)
{
	char source[6000] = "\n", wanted[400];
	struct findings findings;
	_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);

	memset(source + 1, '.', 5000);
	memcpy(source + 1 + 999, "call", 4);
	save(source);
	make_one(&findings, 2, 1000);
	cr_assert_eq(findings_text(&findings, &plain, &out), 0);
	(void)snprintf(wanted, sizeof(wanted), "    2 | %.35scall%.32s\n      | %35s^~~~\n",
		source + 1, source + 1, "");
	cr_expect(strstr(str_text(&out), wanted), "%s", str_text(&out));
	findings_fini(&findings);
}

Test(lint_text, only_regular_files_are_opened)
{
	struct findings findings;

	make_one(&findings, 1, 1);
	cr_assert(!mkfifo("pipe", 0600));
	findings.list.at[0].file = "pipe";
	expect_text(&findings, &plain,
		"pipe:1:1: warning: read() can block while the lock is held "
		"[blocking-call]\n" LAST);
	findings.list.at[0].file = "/dev/zero";
	expect_text(&findings, &plain,
		"/dev/zero:1:1: warning: read() can block while the lock is held "
		"[blocking-call]\n" LAST);
	findings_fini(&findings);
}

Test(lint_text, text_from_a_file_cannot_move_the_cursor)
{
	struct findings findings;

	make_one(&findings, 1, 0);
	findings.list.at[0].file = "a\x1b[31m.c";
	findings.list.at[0].message = "two\nlines";
	expect_text(
		&findings, &plain, "a\\x1b[31m.c:1: warning: two\\nlines [blocking-call]\n" LAST);
	findings_fini(&findings);
}

Test(lint_text, siblings_and_failures_are_bounded)
{
	struct findings findings;

	make_one(&findings, 1, 0);
	findings.list.at[0].siblings.len = 1;
	for (int i = 0; i < 4; i++)
		cr_assert_eq(vec_push(&findings.list.at[0].siblings,
				     (struct finding_step){"s.c", i + 1, "g", "releases", 0}),
			0);
	for (int i = 0; i < 7; i++)
		cr_assert_eq(vec_push(&findings.failures, (struct unit_failure){"x.c", "why"}), 0);
	expect_text(&findings, &plain,
		"m.c:1: warning: read() can block while the lock is held [blocking-call]\n"
		"src/n.c:5: note: in n_read: releases around read\n"
		"s.c:1: note: in g: releases\n"
		"s.c:2: note: in g: releases\n"
		"  note: and 2 more places like the last\n"
		"x.c: note: not analysed: why\n"
		"x.c: note: not analysed: why\n"
		"x.c: note: not analysed: why\n"
		"x.c: note: not analysed: why\n"
		"x.c: note: not analysed: why\n"
		"and 2 more units not analysed: --format json lists them\n"
		"1 finding (1 warning) in 3 units, 7 of them not analysed\n");
	findings_fini(&findings);
}

Test(lint_text, colour_only_when_asked_for)
{
	struct report_style colour = plain;
	_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);
	struct findings findings;

	save("\nread();\n");
	make_one(&findings, 2, 1);
	colour.has_colour = true;
	cr_assert_eq(findings_text(&findings, &colour, &out), 0);
	cr_expect(strstr(str_text(&out), "\033[1;35mwarning: \033[0m"), "%s", str_text(&out));
	cr_expect(strstr(str_text(&out), "\033[1;32m^~~~\033[0m\n"), "%s", str_text(&out));
	str_clear(&out);
	cr_assert_eq(findings_text(&findings, &plain, &out), 0);
	cr_expect_null(strchr(str_text(&out), '\033'));
	findings_fini(&findings);
}

Test(lint_text, concise_is_the_first_lines)
{
	struct report_style low = plain;
	_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);
	struct findings findings;

	sample_findings(&findings);
	findings.list.at[0].suppressed = NULL;
	low.confidence = CONFIDENCE_LOW;
	cr_assert_eq(findings_concise(&findings, &low, &out), 0);
	cr_expect_str_eq(str_text(&out),
		"src/m.c:412:9: warning: read() can block while the lock is held "
		"[blocking-call]\n"
		"a b.c:1: error:  [unbalanced]\n");
	findings_fini(&findings);
}

Test(lint_text, json_holds_the_suppressed_but_not_the_uncertain)
{
	_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);
	struct findings findings, got;
	struct err err = {0};

	sample_findings(&findings);
	cr_assert_eq(findings_json(&findings, &plain, &out), 0);
	cr_expect_eq(out.data[out.len - 1], '\n');
	cr_assert_eq(findings_parse("out", out.data, out.len, &got, &err), 0, "%s", err.text);
	cr_assert_eq(got.list.len, 1);
	cr_expect_str_eq(got.list.at[0].suppressed, "short \"reads\" only");
	findings_fini(&got);
	findings_fini(&findings);
}
