/* The small parts: tables, percentiles, places, thresholds. */
#include "runtime/report/figures.h"
#include "runtime/report/latency.h"
#include "runtime/report/place.h"
#include "runtime/report/table.h"
#include "tests/unit/report/run_build.h"

static struct run run;

static void expect_cut(const char *text, size_t cells, const char *wanted)
{
	_str_fini_ struct str out = STR_INIT(1000);

	cr_assert_eq(str_add_cut(&out, text, cells), 0);
	cr_expect_str_eq(str_text(&out), wanted);
}

Test(table, names_are_cut_in_the_middle)
{
	expect_cut("abcdefghij", 10, "abcdefghij");
	expect_cut("abcdefghij", 9, "abc..ghij");
	expect_cut("abcdefghij", 2, "ab");
	expect_cut("\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87", 7,
		"\xe4\xb8\xad..\xe6\x96\x87"); /* two cells each */
	cr_expect_eq(text_cells("\xe4\xb8\xad\xff"), 3);
}

Test(table, golden)
{
	static const struct table_column columns[] = {
		{"N", true, 0}, {"NAME", false, 6}, {"WHERE", false, 8}};
	struct table table = {columns, 3, {0}};
	_str_fini_ struct str out = STR_INIT(1000);
	static const char *const styles[2] = {"<", ">"};

	cr_assert(!table_add(&table, "1") && !table_add(&table, "short") &&
		  !table_add(&table, "app.py:1"));
	cr_assert(!table_addf(&table, "%d", 1000) && !table_add(&table, "a-long\tname") &&
		  !table_add(&table, "a/very/long/path.py:1234"));
	cr_assert_eq(table_print(&table, 34, styles, &out), 0);
	cr_expect_str_eq(str_text(&out), "<     N  NAME          WHERE\n"
					 ">     1  short         app.py:1\n"
					 "  1000  a-long\\tname  a/ver..:1234\n");
	table_fini(&table);
}

static void add_bucket(int tid, int64_t low, int64_t high, int64_t count)
{
	struct run_bucket bucket = {tid, "wait", low, high, count};

	cr_assert_eq(vec_push(&run.buckets, bucket), 0);
}

Test(latency, percentiles_of_all_threads)
{
	struct latency latency;

	build_run(&run, "contention", 2);
	build_thread(&run, 1, 1, 1, 4, 100)->wait_max_ns = 3900;
	add_bucket(1, 1000, 2000, 50);
	add_bucket(2, 1000, 2000, 40);
	add_bucket(2, 2000, 4000, 10);
	cr_assert_eq(latency_init(&latency, &run, "wait"), 0);
	cr_expect_eq(latency.count, 100);
	cr_expect_eq(latency.buckets.len, 2);
	cr_expect_eq(latency.p90_ns, 2000);
	cr_expect_eq(latency.p99_ns, 3800);
	cr_expect_eq(latency.p999_ns, 3900, "never above the longest");
	latency_fini(&latency);
	cr_assert_eq(latency_init(&latency, &run, "hold"), 0);
	cr_expect_eq(latency.count, 0);
	run_fini(&run);
}

static void expect_class(const char *file, bool is_native, enum place_class class)
{
	struct run_frame frame = {.function = "f", .file = file, .is_native = is_native};

	cr_expect_eq(place_class(&frame), class, "%s", file ? file : "NULL");
}

Test(place, classes)
{
	expect_class("/srv/app/app.py", false, PLACE_OWN);
	expect_class("app.py", false, PLACE_OWN);
	expect_class("<string>", false, PLACE_OWN);
	expect_class("<frozen importlib._bootstrap>", false, PLACE_LIBRARY);
	expect_class("<__array_function__ internals>", false, PLACE_LIBRARY);
	expect_class("/usr/lib/python3.11/threading.py", false, PLACE_LIBRARY);
	expect_class("/usr/lib/python3.11/site-packages/x.py", false, PLACE_PACKAGE);
	expect_class("/usr/lib/python3/dist-packages/x.py", false, PLACE_PACKAGE);
	expect_class("/srv/venv/lib/python3.12/site-packages/x.py", false, PLACE_PACKAGE);
	expect_class("/usr/bin/gunicorn", false, PLACE_PACKAGE);
	expect_class(NULL, false, PLACE_LIBRARY);
	expect_class("/srv/app/m.c", true, PLACE_NATIVE);
}

Test(place, launchers_and_libraries_give_way)
{
	struct places places;
	const struct stack_place *place;
	int64_t served, own;

	build_run(&run, "contention", 2);
	served = build_stack(&run, "read", "/usr/lib/python3.11/socket.py", 700, "handle",
		"/srv/v/lib/python3.11/site-packages/gunicorn/sync.py", 30, "<module>",
		"/usr/bin/gunicorn", 8, NULL);
	own = build_stack(&run, "read", "/usr/lib/python3.11/socket.py", 700, "view",
		"/srv/app/views.py", 12, "<module>", "/usr/bin/gunicorn", 8, NULL);
	cr_assert_eq(places_init(&places, &run, run.arena), 0);
	place = places_find(&places, served);
	cr_expect_str_eq(place->frame->function, "handle");
	cr_expect_str_eq(place->inner->function, "read");
	cr_expect_str_eq(places_find(&places, own)->frame->function, "view");
	cr_expect_null(places_find(&places, 99));
	run_fini(&run);
}

/* The line that is named is the heaviest of the heaviest function, not of the heaviest stack. */
Test(place, heaviest_line_of_the_heaviest_function)
{
	struct places places;
	struct tally tally;
	struct place place;

	build_run(&run, "contention", 2);
	for (int line = 10; line < 13; line++)
		(void)build_stack(&run, "f", "a.py", line, NULL);
	(void)build_stack(&run, "f", "a.py", 11, "outer", "a.py", 90, NULL);
	(void)build_stack(&run, "g", "a.py", 50, NULL);
	cr_assert_eq(places_init(&places, &run, run.arena), 0);
	cr_assert_eq(tally_init(&tally, &places), 0);
	tally_add(&tally, 1, 30);
	tally_add(&tally, 2, 20);
	tally_add(&tally, 3, 10);
	tally_add(&tally, 4, 20);
	tally_add(&tally, 5, 70);
	tally_add(&tally, 0, 50);
	cr_assert_eq(tally_top(&tally, &place), 0);
	cr_expect_str_eq(place.frame->function, "f");
	cr_expect_eq(place.frame->line, 11);
	cr_expect_eq(place.ns, 80);
	cr_expect_eq(place.of_ns, 200);
	tally_fini(&tally);
	run_fini(&run);
}

static void expect_refused(const char *text, const char *words)
{
	struct threshold threshold;
	struct err err = {0};

	cr_expect_eq(threshold_parse(text, &threshold, &err), -EINVAL, "%s", text);
	cr_expect(strstr(err.text, words), "%s", err.text);
}

Test(threshold, hostile)
{
	expect_refused("", "wants FIGURE>VALUE");
	expect_refused("wait_share", "wants FIGURE>VALUE");
	expect_refused("wait_share=1", "wants FIGURE>VALUE");
	expect_refused("nonsense>1", "no figure \"nonsense\"");
	expect_refused(">1", "no figure");
	expect_refused("wait_share>much", "wants a number");
	expect_refused("wait_share>-1", "wants a number");
	expect_refused("p99_wait>5parsecs", "wants a time");
}

Test(threshold, measures)
{
	struct threshold threshold;
	struct report report;
	struct err err = {0};
	double value;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_thread(&run, 10, 11, 5000, 4000, 100);
	build_thread(&run, 10, 12, 5000, 4000, 100);
	build_report(&report, &run);
	cr_assert_eq(threshold_parse("wait_share > 35%", &threshold, &err), 0, "%s", err.text);
	cr_assert_eq(threshold_measure(&threshold, &report, &value), 0);
	cr_expect_float_eq(value, 0.4, 1e-9);
	cr_expect(threshold_is_exceeded(&threshold, value));
	cr_assert_eq(threshold_parse("cores_used<1", &threshold, &err), 0);
	cr_assert_eq(threshold_measure(&threshold, &report, &value), 0);
	cr_expect_not(threshold_is_exceeded(&threshold, value));
	cr_assert_eq(threshold_parse("wait>=8s", &threshold, &err), 0);
	cr_assert_eq(threshold_measure(&threshold, &report, &value), 0);
	cr_expect(threshold_is_exceeded(&threshold, value));
	cr_assert_eq(threshold_parse("p99_hold>1ms", &threshold, &err), 0);
	cr_assert_eq(threshold_measure(&threshold, &report, &value), 0);
	cr_expect_eq(value, RUN_UNKNOWN, "the contention tier knows no holds");
	report_fini(&report);
	run_fini(&run);
}
