/* A report → text for a terminal: the verdict first, then tables from the large to the small, then
 * what the figures are worth. */
#include "runtime/report/run_text.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/utf8.h"

#define LEAST_COLUMNS 60

int text_heading(struct text_writer *text, const char *heading)
{
	return str_addf(text->out, "\n%s%s%s\n", text->bold, heading, text->plain);
}

int text_print(struct text_writer *text, const struct table *table, size_t more, const char *what)
{
	const char *const styles[2] = {text->dim, text->plain};
	int rc = table_print(table, text->style->columns, styles, text->out);

	if (!rc && more)
		rc = str_addf(text->out, "  and %zu more %s (--format json has all)\n", more, what);
	return rc;
}

int table_add_time(struct table *table, int64_t ns)
{
	char buffer[CLOCK_TEXT_BYTES];

	if (ns < 0)
		return table_add(table, "?");
	return table_add(table, ns ? clock_format((uint64_t)ns, buffer) : "0");
}

int table_add_count(struct table *table, int64_t count)
{
	return count < 0 ? table_add(table, "?") : table_addf(table, "%lld", (long long)count);
}

int table_add_share(struct table *table, double share)
{
	if (share < 0)
		return table_add(table, "?");
	if (share > 0 && share < 0.005)
		return table_add(table, "<1 %");
	return table_addf(table, "%.0f %%", share * 100);
}

int table_add_bytes(struct table *table, int64_t bytes)
{
	return bytes < 0 ? table_add(table, "?")
			 : table_addf(table, "%.1f MB", (double)bytes / 1e6);
}

int table_add_frame(struct table *table, const struct run_frame *frame)
{
	if (!frame)
		return table_add(table, "?");
	if (!frame->file)
		return table_add(table, frame->function);
	if (frame->line <= 0)
		return table_addf(table, "%s %s", frame->function, place_short_name(frame->file));
	return table_addf(
		table, "%s %s:%d", frame->function, place_short_name(frame->file), frame->line);
}

const char *text_thread_name(const struct text_writer *text, int tid)
{
	const struct run_thread *thread = run_thread_find(text->report->run, tid);

	if (!tid)
		return "?";
	return arena_printf(text->report->arena, "%s %d", thread ? thread->name : "?", tid);
}

static int add_verdict(struct text_writer *text)
{
	const struct verdict *verdict = &text->report->verdict;
	int rc = str_addf(
		text->out, "%s%s%s\n", text->bold, verdict_kind_name(verdict->kind), text->plain);

	return rc ? rc : str_add_wrapped(text->out, verdict->text, text->style->columns, 0);
}

/* "app.py: 5.02 s on 2 cores, 0.99 used; tier contention, 2026-…" */
static int add_run(struct text_writer *text)
{
	const struct run_info *info = &text->report->run->info;
	char duration[CLOCK_TEXT_BYTES];
	int rc = str_add(text->out, "\n");

	if (!rc)
		rc = str_add_visible(text->out, info->command);
	if (!rc)
		rc = str_addf(text->out, ": %s on %d core%s",
			clock_format((uint64_t)text->report->facts->duration_ns, duration),
			info->cores, info->cores == 1 ? "" : "s");
	if (!rc && info->cpu_quota >= 0)
		rc = str_addf(text->out, " (limited to %.2f)", info->cpu_quota);
	if (!rc)
		rc = str_addf(text->out, ", %.2f used; ", text->report->facts->cores);
	if (!rc)
		rc = str_add_visible(text->out, info->started);
	return rc ? rc : str_add(text->out, "\n");
}

/* What each tier cannot know, for people. */
static const struct {
	const char *tier, *unknown, *next;
} tiers[] = {
	{"contention",
		"This tier sees waits, not holds: their number and length are unknown (?), and "
		"what "
		"holders do comes from samples and the scheduler. A thread that wants the lock but "
		"is kept off the cores before it can ask counts as ready to run, not as waiting.",
		"--tier exact ... measures every hold"},
	{"exact",
		"This tier sees every wait and hold; each release and acquire takes about 2 us "
		"longer "
		"in the measured program, and what can be subtracted has been.",
		NULL},
	{"sample",
		"This tier takes samples only: waits and holds are unknown (?), shares are "
		"estimates.",
		"--tier contention ... measures waits"},
};

static int add_tier(struct text_writer *text, const char **ret_next)
{
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
		if (strcmp(tiers[i].tier, text->report->run->info.tier) != 0)
			continue;
		*ret_next = tiers[i].next;
		return str_add_wrapped(text->out, tiers[i].unknown, text->style->columns, 0);
	}
	return 0;
}

static int add_overhead(const struct run_info *info, struct str *line)
{
	char buffer[CLOCK_TEXT_BYTES];
	int rc;

	if (info->overhead_share < 0)
		return str_add(line, " Overhead: not measured.");
	rc = str_addf(line, " Overhead: %.2f %% of one core", info->overhead_share * 100);
	if (!rc && info->probe_hits >= 0 && info->probe_ns >= 0)
		rc = str_addf(line, " (%lld probe hits of %s)", (long long)info->probe_hits,
			clock_format((uint64_t)info->probe_ns, buffer));
	if (!rc && info->recorder_cpu_ns >= 0)
		rc = str_addf(line, "; the recorder itself used %s of CPU",
			clock_format((uint64_t)info->recorder_cpu_ns, buffer));
	return rc ? rc : str_add(line, ".");
}

/* Duration, tier, losses, overhead. */
static int add_measured(struct text_writer *text)
{
	const struct run_info *info = &text->report->run->info;
	_str_fini_ struct str line = STR_INIT((size_t)1 << 12);
	char duration[CLOCK_TEXT_BYTES];
	int rc = str_addf(&line, "Measured for %s, tier ",
		clock_format((uint64_t)text->report->facts->duration_ns, duration));

	if (!rc)
		rc = str_add_visible(&line, info->tier);
	if (!rc)
		rc = str_add(&line, info->is_complete
					    ? ""
					    : "; the recording was cut off, this is what had been "
					      "saved");
	if (!rc)
		rc = str_addf(&line, ". Lost: %lld event%s, %lld stack%s.",
			(long long)info->lost_events, info->lost_events == 1 ? "" : "s",
			(long long)info->lost_stacks, info->lost_stacks == 1 ? "" : "s");
	if (!rc)
		rc = add_overhead(info, &line);
	return rc ? rc : str_add_wrapped(text->out, str_text(&line), text->style->columns, 0);
}

static int add_next(struct text_writer *text, const char *tier_hint)
{
	const char *source = text->style->source ? text->style->source : "RUN";
	int rc = str_addf(text->out, "%sNext:%s gilscope report ", text->bold, text->plain);

	if (!rc)
		rc = str_add_visible(text->out, source);
	if (!rc)
		rc = str_add(text->out, " --format html:report.html");
	if (!rc && tier_hint)
		rc = str_addf(text->out, "\n      gilscope record %s", tier_hint);
	return rc ? rc : str_add(text->out, "\n");
}

static int add_footer(struct text_writer *text)
{
	const char *tier_hint = NULL;
	int rc = text_heading(text, "How this was measured");

	if (!rc)
		rc = add_measured(text);
	if (!rc)
		rc = add_tier(text, &tier_hint);
	if (!rc)
		rc = str_add_wrapped(text->out,
			"Waits are summed over threads and can exceed wall time. TIMES: a wait "
			"counts once for each holder in turn.",
			text->style->columns, 0);
	return rc ? rc : add_next(text, tier_hint);
}

int report_text(const struct report *report, const struct report_style *style, struct str *out)
{
	struct report_style used = *style;
	struct text_writer text = {.report = report,
		.style = &used,
		.out = out,
		.bold = style->has_colour ? "\033[1m" : "",
		.dim = style->has_colour ? "\033[2m" : "",
		.plain = style->has_colour ? "\033[0m" : ""};
	int rc;

	if (used.columns < LEAST_COLUMNS)
		used.columns = LEAST_COLUMNS;
	if (used.columns > 100)
		used.columns = 100;
	rc = add_verdict(&text);
	if (!rc)
		rc = add_run(&text);
	if (!rc)
		rc = text_processes(&text);
	if (!rc)
		rc = text_threads(&text);
	if (!rc)
		rc = text_states(&text);
	if (!rc)
		rc = text_blamed(&text);
	if (!rc)
		rc = text_blame(&text);
	if (!rc)
		rc = text_longest(&text, "wait");
	if (!rc)
		rc = text_longest(&text, "hold");
	if (!rc)
		rc = text_latency(&text);
	if (!rc)
		rc = text_findings(&text);
	return rc ? rc : add_footer(&text);
}
