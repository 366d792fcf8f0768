/* A report → one HTML file that needs nothing else: the parts of web/ with the JSON of the report
 * inside. Text of the measured program is in that JSON, where no character can end the script
 * element, and in three places as escaped HTML. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/embed.h"
#include "runtime/base/utf8.h"
#include "runtime/report/facts.h"
#include "runtime/report/run_json.h"

EMBED_TEXT(web_page, GILSCOPE_WEB "/report.html");
EMBED_TEXT(web_style, GILSCOPE_WEB "/report.css");
EMBED_TEXT(web_base, GILSCOPE_WEB "/base.js");
EMBED_TEXT(web_timeline, GILSCOPE_WEB "/timeline.js");
EMBED_TEXT(web_code, GILSCOPE_WEB "/code.js");
EMBED_TEXT(web_tables, GILSCOPE_WEB "/tables.js");
EMBED_TEXT(web_main, GILSCOPE_WEB "/main.js");

/* Slices in the page: more would make it slow, and no screen has as many pixels. */
#define SLICES_MOST 150000
#define SLICES_A_THREAD_LEAST 40
#define SLICES_A_THREAD_MOST 1500

static int64_t microseconds(int64_t ns)
{
	return ns < 0 ? -1 : ns / 1000;
}

/* at, length, nine times; -1: unknown. */
static int add_cells(json_t *cells, const struct run_slice *slice, int64_t start_ns)
{
	int rc = json_array_append_new(cells,
		json_integer(slice->at_ns > start_ns ? (slice->at_ns - start_ns) / 1000 : 0));

	if (!rc)
		rc = json_array_append_new(cells, json_integer(slice->length_ns / 1000));
	for (int lock = 0; !rc && lock < LOCK_STATES; lock++)
		for (int sched = 0; !rc && sched < SCHED_STATES; sched++)
			rc = json_array_append_new(
				cells, json_integer(microseconds(slice->states.ns[lock][sched])));
	return rc;
}

/* Adds the next slice of the same thread, which may lie after a gap. */
static void extend(struct run_slice *sum, const struct run_slice *next)
{
	int64_t end_ns = next->at_ns + next->length_ns;

	if (end_ns > sum->at_ns + sum->length_ns)
		sum->length_ns = end_ns - sum->at_ns;
	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			sum->states.ns[lock][sched] = known_sum(
				sum->states.ns[lock][sched], next->states.ns[lock][sched]);
}

/* One thread's slices, several in one where there are too many. NULL: out of memory. */
static json_t *make_lane(const struct run *run, size_t first, size_t end, size_t most)
{
	size_t each = (end - first + most - 1) / most;
	json_t *cells = json_array();

	for (size_t i = first; cells && i < end; i += each) {
		struct run_slice sum = run->slices.at[i];

		for (size_t next = i + 1; next < i + each && next < end; next++)
			extend(&sum, &run->slices.at[next]);
		if (add_cells(cells, &sum, run->info.start_ns)) {
			json_decref(cells);
			cells = NULL;
		}
	}
	return json_pack("{s:i, s:o}", "tid", run->slices.at[first].tid, "cells", cells);
}

static json_t *make_timeline(const struct report *report)
{
	const struct run *run = report->run;
	size_t most = SLICES_MOST / (run->threads.len + 1);
	json_t *lanes = json_array();

	if (most < SLICES_A_THREAD_LEAST)
		most = SLICES_A_THREAD_LEAST;
	if (most > SLICES_A_THREAD_MOST)
		most = SLICES_A_THREAD_MOST;
	for (size_t i = 0; lanes && i < run->slices.len;) {
		size_t end = i;

		while (end < run->slices.len && run->slices.at[end].tid == run->slices.at[i].tid)
			end++;
		if (json_array_append_new(lanes, make_lane(run, i, end, most))) {
			json_decref(lanes);
			lanes = NULL;
		}
		i = end;
	}
	return json_pack("{s:I, s:o}", "duration_us",
		(json_int_t)(report->facts->duration_ns / 1000), "threads", lanes);
}

static char *make_data(const struct report *report)
{
	json_t *root = report_json_value(report);
	char *text = NULL;

	if (root && !json_object_set_new(root, "timeline", make_timeline(report)) &&
		!json_object_set_new(root, "has_findings", json_boolean(report->findings)) &&
		!json_object_set_new(
			root, "has_native_stacks", json_boolean(report->has_native_stacks)))
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

/* Appends with each character of `from` written as its piece of `to`. */
static int add_replaced(struct str *out, const char *text, const char *from, const char *const *to)
{
	int rc = 0;

	while (!rc && *text) {
		size_t plain = strcspn(text, from);

		rc = str_add_bytes(out, text, plain);
		text += plain;
		if (!rc && *text)
			rc = str_add(out, to[strchr(from, *text++) - from]);
	}
	return rc;
}

/* Inside JSON these characters stand in strings only. */
static int add_json(struct str *out, const char *json)
{
	static const char *const escapes[] = {"\\u003c", "\\u003e", "\\u0026"};

	return add_replaced(out, json, "<>&", escapes);
}

static int add_text(struct str *out, const char *text)
{
	static const char *const escapes[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};

	return add_replaced(out, text, "<>&\"'", escapes);
}

static int add_title(const struct report *report, struct str *out)
{
	_str_fini_ struct str command = STR_INIT((size_t)1 << 22);
	int rc = str_addf(out, "%s: ", verdict_kind_name(report->verdict.kind));

	if (!rc)
		rc = str_add_visible(&command, report->run->info.command);
	if (!rc)
		rc = add_text(out, str_text(&command));
	return rc ? rc : str_add(out, " - gilscope");
}

static int add_script(struct str *out)
{
	const char *const scripts[] = {web_base, web_timeline, web_code, web_tables, web_main};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(scripts) / sizeof(scripts[0]); i++)
		rc = str_add(out, scripts[i]);
	return rc;
}

static int add_part(const struct report *report, const char *name, size_t len, const char *data,
	struct str *out)
{
	if (!strncmp(name, "TITLE", len))
		return add_title(report, out);
	if (!strncmp(name, "STYLE", len))
		return str_add(out, web_style);
	if (!strncmp(name, "KIND", len))
		return str_add(out, verdict_kind_name(report->verdict.kind));
	if (!strncmp(name, "VERDICT", len))
		return add_text(out, report->verdict.text);
	if (!strncmp(name, "DATA", len))
		return add_json(out, data);
	return add_script(out);
}

int report_html(const struct report *report, const struct report_style *style, struct str *out)
{
	_free_ char *data = make_data(report);
	const char *at = web_page, *mark;
	int rc = data ? 0 : -ENOMEM;

	(void)style; /* a page has colours and width of its own */
	while (!rc && (mark = strchr(at, '@'))) {
		size_t len = strspn(mark + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		rc = str_add_bytes(out, at, (size_t)(mark - at));
		if (!rc)
			rc = add_part(report, mark + 1, len, data, out);
		at = mark + 1 + len + (mark[1 + len] == '@');
	}
	return rc ? rc : str_add(out, at);
}
