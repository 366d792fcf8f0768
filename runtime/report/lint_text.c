/* Findings → what a person reads, in the shape of a compiler's diagnostics: editors and CI matchers
 * know it already. */
#include <errno.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"
#include "runtime/report/excerpt.h"
#include "runtime/report/report.h"

#define SIBLINGS_SHOWN 3
#define FAILURES_SHOWN 5

/* Escape sequences, all "" without colour. */
struct palette {
	const char *bold, *caret, *note, *plain;
	const char *severity[3];
};

static const struct palette no_colours = {"", "", "", "", {"", "", ""}};
static const struct palette colours = {"\033[1m", "\033[1;32m", "\033[1;36m", "\033[0m",
	{"\033[1;36m", "\033[1;35m", "\033[1;31m"}};

static const char *const verdict_phrases[] = {
	[FIX_UNKNOWN] = "",
	[FIX_SAFE] = "release the lock around it (safe)",
	[FIX_OBJECT_LOCK] = "release the lock around it (needs an object lock)",
	[FIX_COPY] = "release the lock around it (needs a copy)",
	[FIX_ON_PURPOSE] = "held on purpose",
};

struct text {
	struct str *out; /* borrowed */
	const struct palette *colour;
	const struct report_style *style;
	struct excerpt excerpt;
};

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static int add_place(struct str *out, const char *file, int line, int column)
{
	int rc = str_add_visible(out, file);

	if (!rc && line > 0)
		rc = str_addf(out, ":%d", line);
	if (!rc && line > 0 && column > 0)
		rc = str_addf(out, ":%d", column);
	return rc ? rc : str_add(out, ": ");
}

/* "path:line:col: warning: message [rule]" */
static int add_first_line(
	struct str *out, const struct finding *finding, const struct palette *colour)
{
	int rc = str_add(out, colour->bold);

	if (!rc)
		rc = add_place(out, finding->file, finding->line, finding->column);
	if (!rc)
		rc = str_addf(out, "%s%s%s: ", colour->plain, colour->severity[finding->severity],
			severity_name(finding->severity));
	if (!rc)
		rc = str_addf(out, "%s%s", colour->plain, colour->bold);
	if (!rc)
		rc = str_add_visible(out, finding->message);
	return rc ? rc : str_addf(out, " [%s]%s\n", finding->rule, colour->plain);
}

/* "path:line: note: in m_open: called with the lock held" */
static int add_step(struct text *text, const struct finding_step *step)
{
	struct str *out = text->out;
	int rc = *step->file ? add_place(out, step->file, step->line, 0) : str_add(out, "  ");

	if (!rc)
		rc = str_addf(out, "%snote:%s ", text->colour->note, text->colour->plain);
	if (!rc && *step->function) {
		rc = str_add(out, "in ");
		if (!rc)
			rc = str_add_visible(out, step->function);
		if (!rc && *step->message)
			rc = str_add(out, ": ");
	}
	if (!rc)
		rc = str_add_visible(out, step->message);
	return rc ? rc : str_add(out, "\n");
}

static int add_siblings(struct text *text, const struct finding *finding)
{
	size_t shown =
		finding->siblings.len < SIBLINGS_SHOWN ? finding->siblings.len : SIBLINGS_SHOWN;
	size_t rest = finding->siblings.len - shown;
	int rc = 0;

	for (size_t i = 0; !rc && i < shown; i++)
		rc = add_step(text, &finding->siblings.at[i]);
	if (!rc && rest)
		rc = str_addf(text->out, "  %snote:%s and %zu more place%s like the last\n",
			text->colour->note, text->colour->plain, rest, plural(rest));
	return rc;
}

static int add_help(struct text *text, const struct finding *finding)
{
	const char *phrase = verdict_phrases[finding->fix];
	int rc;

	if (!*phrase && !*finding->fix_note)
		return 0;
	rc = str_addf(text->out, "  %shelp:%s %s%s", text->colour->note, text->colour->plain,
		phrase, *phrase && *finding->fix_note ? ": " : "");
	if (!rc)
		rc = str_add_visible(text->out, finding->fix_note);
	return rc ? rc : str_add(text->out, "\n");
}

static int add_cost(struct text *text, const struct finding *finding)
{
	const struct finding_cost *cost = &finding->cost;
	char hold[CLOCK_TEXT_BYTES], wait[CLOCK_TEXT_BYTES];
	const char *comma = "";
	int rc;

	if (!finding->has_cost || (cost->hold_ns < 0 && cost->wait_ns < 0 && cost->calls < 0))
		return 0;
	rc = str_addf(text->out, "  %scost:%s ", text->colour->note, text->colour->plain);
	if (!rc && cost->hold_ns >= 0) {
		rc = str_addf(
			text->out, "held for %s", clock_format((uint64_t)cost->hold_ns, hold));
		comma = ", ";
	}
	if (!rc && cost->wait_ns >= 0) {
		rc = str_addf(text->out, "%sothers waited %s", comma,
			clock_format((uint64_t)cost->wait_ns, wait));
		comma = ", ";
	}
	if (!rc && cost->calls >= 0)
		rc = str_addf(text->out, "%s%lld time%s", comma, (long long)cost->calls,
			plural((size_t)cost->calls));
	return rc ? rc : str_add(text->out, "\n");
}

static int add_finding(struct text *text, const struct finding *finding)
{
	struct excerpt_place place = {finding->file, finding->line, finding->column,
		text->style->columns > 40 ? text->style->columns : 100, text->colour->caret,
		text->colour->plain};
	int rc = add_first_line(text->out, finding, text->colour);

	if (!rc)
		rc = excerpt_add(&text->excerpt, &place, text->out);
	for (size_t i = 0; !rc && i < finding->path.len; i++)
		rc = add_step(text, &finding->path.at[i]);
	if (!rc)
		rc = add_siblings(text, finding);
	if (!rc)
		rc = add_help(text, finding);
	return rc ? rc : add_cost(text, finding);
}

static int add_failures(struct text *text, const struct findings *findings)
{
	size_t count = findings->failures.len;
	int rc = 0;

	for (size_t i = 0; !rc && i < count && i < FAILURES_SHOWN; i++) {
		const struct unit_failure *failure = &findings->failures.at[i];

		rc = add_place(text->out, failure->file, 0, 0);
		if (!rc)
			rc = str_addf(text->out, "%snote:%s not analysed: ", text->colour->note,
				text->colour->plain);
		if (!rc)
			rc = str_add_visible(text->out, failure->why);
		if (!rc)
			rc = str_add(text->out, "\n");
	}
	if (!rc && count > FAILURES_SHOWN)
		rc = str_addf(text->out,
			"and %zu more units not analysed: --format json lists them\n",
			count - FAILURES_SHOWN);
	return rc;
}

/* "; 3 new, 12 in the baseline, 1 of the baseline gone" */
static int add_baseline(struct text *text, const struct findings *findings, size_t fresh)
{
	if (!findings->baseline.is_used)
		return 0;
	return str_addf(text->out, "; %zu new, %zu in the baseline, %zu of the baseline gone",
		fresh, findings->baseline.known, findings->baseline.gone);
}

/* "3 findings (1 error, 2 warnings) in 41 units, 3 of them not analysed; 2 suppressed, …" */
static int add_summary(struct text *text, const struct findings *findings)
{
	size_t by_severity[3] = {0}, suppressed = 0, uncertain = 0, shown = 0;
	const char *separator = " (";
	struct str *out = text->out;
	int rc;

	vec_each (finding, &findings->list) {
		if (finding_is_shown(finding, text->style->confidence)) {
			by_severity[finding->severity]++;
			shown++;
		} else if (finding->confidence < text->style->confidence) {
			uncertain++;
		} else {
			suppressed++;
		}
	}
	rc = str_addf(out, "%zu finding%s", shown, plural(shown));
	for (int severity = SEVERITY_ERROR; !rc && severity >= SEVERITY_NOTE; severity--) {
		size_t count = by_severity[severity];

		if (!count)
			continue;
		rc = str_addf(out, "%s%zu %s%s", separator, count,
			severity_name((enum severity)severity), plural(count));
		separator = ", ";
	}
	if (!rc)
		rc = str_addf(out, "%s in %zu unit%s", shown ? ")" : "", findings->units_total,
			plural(findings->units_total));
	if (!rc && findings->failures.len)
		rc = str_addf(out, ", %zu of them not analysed", findings->failures.len);
	separator = "; ";
	if (!rc && suppressed) {
		rc = str_addf(out, "; %zu suppressed", suppressed);
		separator = ", ";
	}
	if (!rc && uncertain)
		rc = str_addf(out, "%s%zu less certain not shown (--confidence %s)", separator,
			uncertain,
			confidence_name(text->style->confidence == CONFIDENCE_HIGH
						? CONFIDENCE_MEDIUM
						: CONFIDENCE_LOW));
	if (!rc)
		rc = add_baseline(text, findings, shown);
	return rc ? rc : str_add(out, "\n");
}

int findings_text(
	const struct findings *findings, const struct report_style *style, struct str *out)
{
	struct text text = {
		.out = out, .colour = style->has_colour ? &colours : &no_colours, .style = style};
	int rc = 0;

	for (size_t i = 0; !rc && i < findings->list.len; i++)
		if (finding_is_shown(&findings->list.at[i], style->confidence))
			rc = add_finding(&text, &findings->list.at[i]);
	if (!rc)
		rc = add_failures(&text, findings);
	if (!rc)
		rc = add_summary(&text, findings);
	excerpt_fini(&text.excerpt);
	return rc;
}

int findings_concise(
	const struct findings *findings, const struct report_style *style, struct str *out)
{
	const struct palette *colour = style->has_colour ? &colours : &no_colours;
	int rc = 0;

	for (size_t i = 0; !rc && i < findings->list.len; i++)
		if (finding_is_shown(&findings->list.at[i], style->confidence))
			rc = add_first_line(out, &findings->list.at[i], colour);
	return rc;
}
