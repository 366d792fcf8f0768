/* The parts of the text format that name lines: who waited for whom, the longest waits and holds
 * with their stacks, and what findings cost. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/utf8.h"
#include "runtime/report/pairs.h"
#include "runtime/report/run_text.h"

static int add_wait(struct table *table, const struct pair *pair, int64_t whole_ns)
{
	int rc = table_add_time(table, pair->wait_ns);

	if (!rc)
		rc = table_add_share(table, share_of(pair->wait_ns, whole_ns));
	if (!rc)
		rc = table_add_count(table, pair->waits);
	return rc ? rc : table_add_time(table, pair->max_ns);
}

static int add_pair(const struct text_writer *text, struct table *table, const struct pair *pair,
	int64_t whole_ns)
{
	const char *waiter = text_thread_name(text, pair->waiter_tid);
	const char *holder = text_thread_name(text, pair->holder_tid);
	int rc = waiter && holder ? add_wait(table, pair, whole_ns) : -ENOMEM;

	if (!rc)
		rc = table_add(table, waiter);
	if (!rc)
		rc = table_add(table, holder);
	return rc ? rc : table_add_frame(table, pair->place ? pair->place->frame : NULL);
}

int text_blame(struct text_writer *text)
{
	static const struct table_column columns[] = {{"WAIT", true, 0}, {"SHARE", true, 0},
		{"TIMES", true, 0}, {"MAX", true, 0}, {"WAITER", false, 12},
		{"<- HOLDER", false, 12}, {"WHICH WAS MOSTLY IN", false, 20}};
	struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}};
	struct pairs pairs;
	int rc = pairs_init(
		&pairs, text->report->run, &text->report->facts->places, PAIRS_BY_THREADS);

	if (rc)
		return rc;
	if (pairs.list.len)
		rc = text_heading(text, "Who waited for whom");
	for (size_t i = 0; !rc && i < pairs.list.len && i < TEXT_PAIRS; i++)
		rc = add_pair(text, &table, &pairs.list.at[i], pairs.wait_ns);
	if (!rc && pairs.list.len)
		rc = text_print(text, &table,
			pairs.list.len > TEXT_PAIRS ? pairs.list.len - TEXT_PAIRS : 0, "pairs");
	table_fini(&table);
	pairs_fini(&pairs);
	return rc;
}

static int add_blamed(struct table *table, const struct pair *pair, int64_t whole_ns)
{
	const struct run_frame *frame = pair->place ? pair->place->frame : NULL;
	int rc = add_wait(table, pair, whole_ns);

	if (!rc)
		rc = table_add(table, frame ? frame->function : "?");
	if (!rc && frame && frame->file)
		rc = table_addf(table, "%s:%d", place_short_name(frame->file), frame->line);
	else if (!rc)
		rc = table_add(table, "?");
	if (!rc && pair->place && pair->place->inner)
		return table_add(table, pair->place->inner->function);
	return rc ? rc : table_add(table, "");
}

int text_blamed(struct text_writer *text)
{
	static const struct table_column columns[] = {{"WAIT", true, 0}, {"SHARE", true, 0},
		{"TIMES", true, 0}, {"MAX", true, 0}, {"FUNCTION", false, 12}, {"LINE", false, 20},
		{"INSIDE IT", false, 10}};
	struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}};
	struct pairs pairs;
	size_t shown;
	int rc = pairs_init(
		&pairs, text->report->run, &text->report->facts->places, PAIRS_BY_FUNCTION);

	if (rc)
		return rc;
	shown = pairs.list.len < TEXT_PAIRS ? pairs.list.len : TEXT_PAIRS;
	if (shown)
		rc = text_heading(text, "What they waited for: where the holder was");
	for (size_t i = 0; !rc && i < shown; i++)
		rc = add_blamed(&table, &pairs.list.at[i], pairs.wait_ns);
	if (!rc && shown)
		rc = text_print(text, &table, pairs.list.len - shown, "functions");
	table_fini(&table);
	pairs_fini(&pairs);
	return rc;
}

static int compare_length(const void *a, const void *b)
{
	const struct run_longest *left = *(const struct run_longest *const *)a;
	const struct run_longest *right = *(const struct run_longest *const *)b;

	if (left->length_ns != right->length_ns)
		return left->length_ns > right->length_ns ? -1 : 1;
	return left->start_ns < right->start_ns ? -1 : left->start_ns > right->start_ns;
}

/* "function  file.py:12", one a line. */
static int add_stack(struct text_writer *text, int64_t id)
{
	const struct run_stack *stack = id > 0 ? run_stack_find(text->report->run, id) : NULL;
	int rc = 0;

	if (!stack || !stack->frames.len)
		return str_add(text->out, "      the stack is not known\n");
	for (size_t i = 0; !rc && i < stack->frames.len && i < TEXT_FRAMES; i++) {
		const struct run_frame *frame = &stack->frames.at[i];
		_str_fini_ struct str line = STR_INIT((size_t)1 << 20);

		rc = str_add_visible(&line, frame->function);
		if (!rc && frame->file)
			rc = str_add(&line, "  ");
		if (!rc && frame->file)
			rc = str_add_visible(&line, frame->file);
		if (!rc && frame->file && frame->line > 0)
			rc = str_addf(&line, ":%d", frame->line);
		if (!rc)
			rc = str_add(text->out, "      ");
		if (!rc)
			rc = str_add_cut(
				text->out, str_text(&line), (size_t)text->style->columns - 6);
		if (!rc)
			rc = str_add(text->out, "\n");
	}
	if (!rc && stack->frames.len > TEXT_FRAMES)
		rc = str_addf(
			text->out, "      and %zu outer frames\n", stack->frames.len - TEXT_FRAMES);
	return rc;
}

/* "  1.53 s (2 % on a processor), still open: worker-1 4711 waits for worker-2 4712" */
static int add_interval(struct text_writer *text, const struct run_longest *row, bool is_wait)
{
	char length[CLOCK_TEXT_BYTES];
	const char *name = text_thread_name(text, row->tid);
	const char *other = text_thread_name(text, row->other_tid);
	_str_fini_ struct str line = STR_INIT((size_t)1 << 20);
	int rc = name && other ? 0 : -ENOMEM;

	if (!rc)
		rc = str_addf(&line, "%s", clock_format((uint64_t)row->length_ns, length));
	if (!rc && row->cpu_ns >= 0 && !is_wait)
		rc = str_addf(&line, " (%.0f %% of it on a processor)",
			100 * share_of(row->cpu_ns, row->length_ns));
	if (!rc && row->is_open)
		rc = str_add(&line, ", still going on at the end");
	if (!rc)
		rc = str_add(&line, ": ");
	if (!rc)
		rc = str_add_visible(&line, name);
	if (!rc && is_wait && row->other_tid) {
		rc = str_add(&line, " waited for ");
		if (!rc)
			rc = str_add_visible(&line, other);
	}
	if (!rc)
		rc = str_add(text->out, "  ");
	if (!rc)
		rc = str_add_cut(text->out, str_text(&line), (size_t)text->style->columns - 2);
	if (!rc)
		rc = str_add(text->out, "\n");
	return rc;
}

int text_longest(struct text_writer *text, const char *kind)
{
	vec(const struct run_longest *) rows = {0};
	bool is_wait = !strcmp(kind, "wait");
	int rc = 0;

	vec_each (row, &text->report->run->longest)
		if (!rc && !strcmp(row->kind, kind))
			rc = vec_push(&rows, row);
	if (!rc && rows.len) {
		qsort(rows.at, rows.len, sizeof(struct run_longest *), compare_length);
		rc = text_heading(text, is_wait ? "Longest waits" : "Longest holds");
	}
	for (size_t i = 0; !rc && i < rows.len && i < TEXT_LONGEST; i++) {
		rc = add_interval(text, rows.at[i], is_wait);
		if (!rc && i && rows.at[i]->stack > 0 && rows.at[i]->stack == rows.at[i - 1]->stack)
			rc = str_add(text->out, "      the same stack\n");
		else if (!rc)
			rc = add_stack(text, rows.at[i]->stack);
	}
	vec_fini(&rows);
	return rc;
}

/* What cost most comes first; what has no cost keeps the order of the file. */
static int compare_cost(const void *a, const void *b)
{
	const struct finding *left = *(const struct finding *const *)a;
	const struct finding *right = *(const struct finding *const *)b;
	int64_t left_ns = left->has_cost ? left->cost.wait_ns : -2;
	int64_t right_ns = right->has_cost ? right->cost.wait_ns : -2;

	if (left_ns != right_ns)
		return left_ns > right_ns ? -1 : 1;
	left_ns = left->has_cost ? left->cost.hold_ns : -2;
	right_ns = right->has_cost ? right->cost.hold_ns : -2;
	if (left_ns != right_ns)
		return left_ns > right_ns ? -1 : 1;
	return left < right ? -1 : 1;
}

static int add_finding(struct table *table, const struct finding *finding)
{
	int rc = table_add_time(table, finding->has_cost ? finding->cost.wait_ns : RUN_UNKNOWN);

	if (!rc)
		rc = table_add_time(table, finding->has_cost ? finding->cost.hold_ns : RUN_UNKNOWN);
	if (!rc)
		rc = table_add(table, finding->rule);
	if (!rc)
		rc = table_addf(table, "%s:%d", place_short_name(finding->file), finding->line);
	if (!rc)
		rc = table_add(table, finding->function);
	return rc ? rc : table_add(table, finding->operation);
}

static int add_findings_note(struct text_writer *text, size_t shown)
{
	if (!shown)
		return str_add(text->out, "  none at this confidence\n");
	if (!text->report->has_native_stacks)
		return str_add_wrapped(text->out,
			"Costs are not known (?): this run has no native stacks to join them with.",
			text->style->columns, 0);
	return str_addf(text->out, "%zu of %zu findings are on a measured stack.\n",
		text->report->findings_joined, text->report->findings->list.len);
}

int text_findings(struct text_writer *text)
{
	static const struct table_column columns[] = {{"WAIT", true, 0}, {"HELD", true, 0},
		{"RULE", false, 0}, {"PLACE", false, 16}, {"FUNCTION", false, 12},
		{"OPERATION", false, 8}};
	struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}};
	vec(const struct finding *) shown = {0};
	int rc;

	if (!text->report->findings)
		return 0;
	rc = text_heading(text, "Findings, by what others waited for them");
	vec_each (finding, &text->report->findings->list)
		if (!rc && finding_is_shown(finding, text->style->confidence))
			rc = vec_push(&shown, finding);
	if (!rc && shown.len)
		qsort(shown.at, shown.len, sizeof(struct finding *), compare_cost);
	for (size_t i = 0; !rc && i < shown.len && i < TEXT_FINDINGS; i++)
		rc = add_finding(&table, shown.at[i]);
	if (!rc && shown.len)
		rc = text_print(text, &table,
			shown.len > TEXT_FINDINGS ? shown.len - TEXT_FINDINGS : 0, "findings");
	if (!rc)
		rc = add_findings_note(text, shown.len);
	table_fini(&table);
	vec_fini(&shown);
	return rc;
}
