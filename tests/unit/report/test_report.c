/* The formats: what they hold, what they say is unknown, hostile text, empty and large runs. */
#include <jansson.h>
#include <stdlib.h>

#include "tests/unit/report/run_build.h"

#define APP "/srv/app/app.py"
#define HOSTILE "</script><img src=x onerror=alert(1)>\"'&\x1b[31m\r\n"

static const struct report_style plain = {.columns = 100, .confidence = CONFIDENCE_HIGH};

typedef int make_format(
	const struct report *report, const struct report_style *style, struct str *out);

static struct run run;

static void tear_down(void)
{
	run_fini(&run);
}

TestSuite(report, .fini = tear_down);

/* owned by the caller */
static char *make(make_format *format)
{
	struct report report;
	struct str out = STR_INIT(REPORT_MAX_BYTES);

	build_report(&report, &run);
	cr_assert_eq(format(&report, &plain, &out), 0);
	report_fini(&report);
	return out.data;
}

static json_t *make_json(void)
{
	_free_ char *text = make(report_json);
	json_error_t error;
	json_t *root = json_loads(text, 0, &error);

	cr_assert(root, "%d: %s", error.line, error.text);
	return root;
}

static void build_small(void)
{
	int64_t stack;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(&run, "spin", APP, 12, "main", APP, 3, NULL);
	build_thread(&run, 10, 11, 5000, 4900, 980);
	build_thread(&run, 10, 12, 4900, 5000, 990);
	build_blame(&run, 10, 11, 12, stack, 4900);
	build_blame(&run, 10, 12, 0, 0, 5000);
}

static const json_t *first_thread(const json_t *root)
{
	return json_array_get(
		json_object_get(json_array_get(json_object_get(root, "processes"), 0), "threads"),
		0);
}

Test(report, json_says_null_for_what_is_unknown)
{
	json_t *root, *states;
	const json_t *thread;

	build_small();
	root = make_json();
	thread = first_thread(root);
	cr_expect(json_is_null(json_object_get(thread, "holds")));
	cr_expect(json_is_null(json_object_get(thread, "hold_ns")));
	cr_expect_eq(json_integer_value(json_object_get(thread, "wait_ns")), 4900 * MS);
	states = json_object_get(thread, "states");
	cr_expect(json_is_null(json_object_get(states, "holding")));
	cr_expect(json_is_null(json_object_get(states, "none")));
	cr_expect(json_is_object(json_object_get(states, "waiting")));
	cr_expect(json_is_null(
		json_object_get(json_array_get(json_object_get(root, "blame"), 1), "holder_tid")));
	cr_expect_str_eq(
		json_string_value(json_object_get(
			json_array_get(
				json_object_get(
					json_array_get(json_object_get(root, "blame"), 0), "stack"),
				0),
			"function")),
		"spin", "the innermost frame comes first");
	json_decref(root);
}

Test(report, text_says_unknown)
{
	_free_ char *text = NULL;

	build_small();
	text = make(report_text);
	cr_expect(strstr(text, "lock-bound\n") == text);
	cr_expect(
		strstr(text, "\n   11  python3  5.00 s    980  4.90 s   49 %   5.00 ms      ?     "
			     "?         ?\n"),
		"%s", text);
	cr_expect(strstr(text, "Waits are summed over threads and can exceed wall time."));
	cr_expect(strstr(text, "Overhead: not measured."));
	cr_expect_null(strchr(text, '\033'));
}

static void expect_narrow(const char *text, size_t columns)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		cr_expect_leq(len, columns, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

Test(report, text_fits_the_terminal_whatever_the_names)
{
	_free_ char *text = NULL;
	char name[400];

	build_small();
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	run.threads.at[0].name = name;
	run.stacks.at[0].frames.at[0].function = name;
	run.processes.at[0].name = name;
	run.processes.at[0].why_unmeasured = name;
	text = make(report_text);
	expect_narrow(strchr(text, '\n'), 140); /* one word of the verdict is a name */
	expect_narrow(strstr(text, "Threads\n"), 100);
}

/* Nothing of a name may become markup, end the script, or move the cursor. */
Test(report, hostile_text)
{
	_free_ char *text = NULL, *html = NULL;
	json_t *root;

	build_small();
	run.threads.at[0].name = HOSTILE;
	run.processes.at[0].name = HOSTILE;
	run.processes.at[0].version = HOSTILE;
	run.stacks.at[0].frames.at[0].function = HOSTILE;
	run.stacks.at[0].frames.at[0].file = HOSTILE;
	run.info.command = HOSTILE;
	run.info.tier = HOSTILE;
	text = make(report_text);
	cr_expect_null(strchr(text, '\033'));
	cr_expect_null(strchr(text, '\r'));
	html = make(report_html);
	cr_expect_null(strstr(html, "<img"));
	cr_expect_null(strchr(html, '\033'));
	cr_expect(strstr(strstr(html, "</script>"), "<script>"), "the data ends where it should");
	cr_expect_null(strstr(strstr(strstr(html, "</script>") + 1, "</script>") + 1, "</script>"));
	root = make_json();
	cr_expect_str_eq(json_string_value(json_object_get(first_thread(root), "name")), HOSTILE);
	json_decref(root);
}

Test(report, html_loads_nothing)
{
	_free_ char *html = NULL;

	build_small();
	html = make(report_html);
	cr_expect_null(strstr(html, "src="));
	cr_expect_null(strstr(html, "@import"));
	cr_expect_null(strstr(html, "url("));
	cr_expect_null(strstr(html, "https://"));
	cr_expect_null(strstr(html, "fetch("));
	cr_expect(strstr(html, "default-src 'none'"));
	cr_expect(strstr(html, "<title>lock-bound: python3 - gilscope</title>"));
	cr_expect_null(strstr(html, "@SCRIPT@"));
}

Test(report, empty_runs)
{
	make_format *const formats[] = {report_text, report_json, report_html};

	build_run(&run, "contention", 2);
	for (size_t i = 0; i < 3; i++)
		free(make(formats[i]));
	build_process(&run, 10);
	for (size_t i = 0; i < 3; i++)
		free(make(formats[i]));
	run.info.end_ns = run.info.start_ns;
	build_thread(&run, 10, 10, 0, 0, 0);
	build_blame(&run, 10, 10, 10, 77, 0);
	build_activity(&run, 10, (struct spent){10, LOCK_NONE, SCHED_RUNNING, 99, 0, 0});
	for (size_t i = 0; i < 3; i++)
		free(make(formats[i]));
}

Test(report, thousands_of_threads, .timeout = 20)
{
	_free_ char *text = NULL, *json = NULL, *html = NULL;
	int64_t stack;

	build_run(&run, "contention", 64);
	build_process(&run, 10);
	stack = build_stack(&run, "spin", APP, 12, NULL);
	for (int tid = 11; tid < 5011; tid++) {
		build_thread(&run, 10, tid, 20, 9000, 500);
		build_blame(&run, 10, tid, tid == 11 ? 12 : 11, stack, 9000);
		for (int i = 0; i < 50; i++) {
			struct run_slice slice = {tid, run.info.start_ns + i * 200 * MS, 200 * MS,
				run.threads.at[run.threads.len - 1].states};

			cr_assert_eq(vec_push(&run.slices, slice), 0);
		}
	}
	text = make(report_text);
	cr_expect(strstr(text, "and 4980 more threads (--format json has all)"));
	cr_expect_lt(strlen(text), (size_t)20000);
	json = make(report_json);
	html = make(report_html);
	cr_expect_gt(strlen(json), strlen(text));
	cr_expect_lt(strlen(html), (size_t)32 << 20);
}

/* A thread with more slices than the page takes: times add up to the same. */
Test(report, slices_are_merged)
{
	_free_ char *html = NULL;
	struct state_times states = {.ns = {{1000, 0, 0}, {0, 0, 0}, {RUN_UNKNOWN, -1, -1}}};
	const char *cells;
	long long sum = 0;
	json_t *root, *lane;
	json_error_t error;

	build_small();
	for (int i = 0; i < 4001; i++) {
		struct run_slice slice = {11, run.info.start_ns + i * MS, MS, states};

		cr_assert_eq(vec_push(&run.slices, slice), 0);
	}
	html = make(report_html);
	cells = strstr(html, "\"timeline\":{") + strlen("\"timeline\":");
	root = json_loads(cells, JSON_DISABLE_EOF_CHECK, &error);
	cr_assert(root, "%s", error.text);
	lane = json_object_get(json_array_get(json_object_get(root, "threads"), 0), "cells");
	cr_expect_leq(json_array_size(lane), (size_t)1500 * 11);
	for (size_t i = 2; i < json_array_size(lane); i += 11)
		sum += json_integer_value(json_array_get(lane, i));
	cr_expect_eq(sum, 4001);
	cr_expect_eq(json_integer_value(json_array_get(lane, 8)), -1, "unknown stays unknown");
	json_decref(root);
}

static struct findings findings;

static void add_finding(const char *function, const char *file, int line)
{
	struct finding finding = {.rule = "blocking-call",
		.confidence = CONFIDENCE_HIGH,
		.severity = SEVERITY_WARNING,
		.message = "read() can block",
		.file = file,
		.line = line,
		.function = function,
		.symbol = "",
		.operation = "read",
		.fix_note = "",
		.fingerprint = "0123456789"};

	cr_assert_eq(vec_push(&findings.list, finding), 0);
}

Test(report, findings_get_the_cost_of_their_stacks)
{
	struct report report;
	struct err err = {0};
	int64_t near, far, python;

	build_run(&run, "exact", 2);
	build_process(&run, 10);
	near = build_stack(&run, "do_read", "m.c", 12, "call", APP, 3, NULL);
	far = build_stack(&run, "do_read", "m.c", 41, "call", APP, 3, NULL);
	python = build_stack(&run, "do_read", APP, 3, NULL);
	build_blame(&run, 10, 11, 12, near, 100);
	build_blame(&run, 10, 11, 12, far, 30);
	build_blame(&run, 10, 11, 12, python, 1000);
	build_activity(&run, 10, (struct spent){12, LOCK_HOLDING, SCHED_BLOCKED, near, 120, 1});
	build_activity(&run, 10, (struct spent){12, LOCK_NONE, SCHED_BLOCKED, near, 777, 1});
	cr_assert_eq(findings_init(&findings), 0);
	add_finding("do_read", "src/m.c", 12);
	add_finding("do_read", "src/m.c", 40);
	add_finding("do_read", "src/other.c", 12);
	add_finding("unseen", "src/m.c", 90);
	cr_assert_eq(report_init(&report, &run, &findings, &err), 0);
	cr_expect_eq(findings.list.at[0].cost.wait_ns, 100 * MS);
	cr_expect_eq(findings.list.at[0].cost.hold_ns, 120 * MS);
	cr_expect_eq(findings.list.at[0].cost.calls, RUN_UNKNOWN);
	cr_expect_eq(findings.list.at[1].cost.wait_ns, 30 * MS);
	cr_expect_eq(findings.list.at[1].cost.hold_ns, RUN_UNKNOWN);
	cr_expect_not(findings.list.at[2].has_cost);
	cr_expect_not(findings.list.at[3].has_cost);
	cr_expect_eq(report.findings_joined, 2);
	report_fini(&report);
	findings_fini(&findings);
}

Test(report, findings_without_native_stacks_have_no_cost)
{
	_str_fini_ struct str out = STR_INIT(REPORT_MAX_BYTES);
	struct report report;
	struct err err = {0};

	build_small();
	cr_assert_eq(findings_init(&findings), 0);
	add_finding("spin", "src/m.c", 12);
	cr_assert_eq(report_init(&report, &run, &findings, &err), 0);
	cr_expect_not(findings.list.at[0].has_cost);
	cr_assert_eq(report_text(&report, &plain, &out), 0);
	cr_expect(strstr(str_text(&out), "Costs are not known (?)"));
	report_fini(&report);
	findings_fini(&findings);
}
