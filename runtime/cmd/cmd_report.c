/* `gilscope report`: a run file, and findings if wanted → text, JSON, HTML, SARIF on stdout or in
 * files. Everything is made before anything is written, so that a failure leaves nothing. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/term.h"
#include "runtime/base/vec.h"
#include "runtime/cmd/cmd.h"
#include "runtime/report/figures.h"
#include "runtime/report/report.h"

static int format_sarif(
	const struct report *report, const struct report_style *style, struct str *out)
{
	return findings_sarif(report->findings, style, out);
}

struct format {
	const char *name;
	int (*make)(const struct report *report, const struct report_style *style, struct str *out);
	bool wants_findings;
};

static const struct format formats[] = {
	{"text", report_text, false},
	{"json", report_json, false},
	{"html", report_html, false},
	{"sarif", format_sarif, true},
};

struct output {
	const struct format *format;
	const char *file; /* borrowed from argv; NULL: stdout */
};

struct request {
	const char *run, *lint; /* borrowed from argv; lint may be NULL */
	vec(struct output) outputs;
	vec(struct threshold) thresholds;
	enum term_colour_mode colour;
	enum confidence confidence;
	struct err err; /* of the command line */
};

enum { OPTION_LINT = 0x100, OPTION_COLOR, OPTION_FAIL_ON, OPTION_CONFIDENCE };

static const struct argp_option option_table[] = {
	{"format", 'f', "FORMAT[:FILE]", 0,
		"text (default), json, html or sarif, to FILE or to stdout; may be repeated", 0},
	{"lint", OPTION_LINT, "FINDINGS.json", 0,
		"join the findings of `gilscope-lint --format json` and show what they cost", 0},
	{"confidence", OPTION_CONFIDENCE, "LEVEL", 0,
		"show findings that are at least this certain: high (default), medium, low", 0},
	{"fail-on", OPTION_FAIL_ON, "FIGURE>VALUE", 0,
		"exit with 1 when a figure passes a limit, like 'wait_share>0.2' or "
		"'p99_wait>5ms'; may be repeated",
		0},
	{"color", OPTION_COLOR, "WHEN", 0, "auto (default), always or never", 0},
	{0},
};

static const char help_text[] =
	"Say who held the interpreter lock in a run, for how long, doing what, and who waited.\v"
	"Exit status: 0 reported, 1 a --fail-on limit was passed, 2 not able to report.\n\n"
	"  gilscope report app.run\n"
	"  gilscope report app.run --format html:app.html --format json:app.json\n"
	"  gilscope report app.run --lint findings.json --fail-on 'wait_share>0.2'";

static int add_output(struct request *request, const char *text)
{
	size_t len = strcspn(text, ":");
	struct output output = {.file = text[len] ? text + len + 1 : NULL};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strlen(formats[i].name) == len && !strncmp(formats[i].name, text, len))
			output.format = &formats[i];
	if (!output.format)
		return err_ret(&request->err, -EINVAL,
			"no such format: %.80s (text, json, html, sarif, each with :FILE if "
			"wanted)",
			text);
	if (output.file && !*output.file)
		return err_ret(&request->err, -EINVAL, "--format %.80s names no file", text);
	return vec_push(&request->outputs, output);
}

static int add_colour(struct request *request, const char *text)
{
	static const char *const modes[] = {
		[TERM_COLOUR_AUTO] = "auto",
		[TERM_COLOUR_ALWAYS] = "always",
		[TERM_COLOUR_NEVER] = "never",
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(text, modes[i]) != 0)
			continue;
		request->colour = (enum term_colour_mode)i;
		return 0;
	}
	return err_ret(
		&request->err, -EINVAL, "--color wants auto, always or never; not \"%.80s\"", text);
}

static int add_threshold(struct request *request, const char *text)
{
	struct threshold threshold;
	int rc = threshold_parse(text, &threshold, &request->err);

	return rc ? rc : vec_push(&request->thresholds, threshold);
}

static int add_run(struct request *request, const char *path)
{
	if (request->run)
		return err_ret(&request->err, -EINVAL, "one run at a time: %.100s or %.100s?",
			request->run, path);
	request->run = path;
	return 0;
}

/* What no single option can say. */
static int check_request(struct request *request)
{
	size_t to_stdout = 0;

	if (!request->run)
		return err_ret(&request->err, -EINVAL,
			"name a run: gilscope report RUN (gilscope record makes one)");
	if (!request->outputs.len && add_output(request, "text"))
		return -ENOMEM;
	vec_each (output, &request->outputs) {
		to_stdout += !output->file;
		if (output->format->wants_findings && !request->lint)
			return err_ret(&request->err, -EINVAL,
				"--format %s holds findings: name them with --lint FINDINGS.json",
				output->format->name);
	}
	if (to_stdout > 1)
		return err_ret(&request->err, -EINVAL,
			"only one format can go to stdout: give the others a file, like "
			"--format html:report.html");
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct request *request = state->input;
	int rc;

	switch (key) {
	case 'f':
		rc = add_output(request, value);
		break;
	case OPTION_LINT:
		request->lint = value;
		return 0;
	case OPTION_CONFIDENCE:
		rc = confidence_parse(value, &request->confidence);
		if (rc)
			err_set(&request->err,
				"--confidence wants high, medium or low; not \"%.80s\"", value);
		break;
	case OPTION_FAIL_ON:
		rc = add_threshold(request, value);
		break;
	case OPTION_COLOR:
		rc = add_colour(request, value);
		break;
	case ARGP_KEY_ARG:
		rc = add_run(request, value);
		break;
	case ARGP_KEY_END:
		rc = check_request(request);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return -rc;
}

/* One output in memory. */
struct made {
	struct str text;
};

static int make_output(const struct request *request, const struct output *output,
	const struct report *report, struct str *out, struct err *err)
{
	struct report_style style = {
		.has_colour = output->file ? request->colour == TERM_COLOUR_ALWAYS
					   : term_has_colour(stdout, request->colour),
		.columns = output->file ? 100 : term_columns(stdout),
		.confidence = request->confidence,
		.source = request->run,
	};
	int rc = output->format->make(report, &style, out);

	if (rc)
		return err_ret(err, rc, "cannot make the %s report: %s", output->format->name,
			rc == -E2BIG ? "it would be larger than 512 MiB" : strerror(-rc));
	return 0;
}

static int write_stdout(const struct str *text, struct err *err)
{
	if (fwrite(str_text(text), 1, text->len, stdout) == text->len && !fflush(stdout))
		return 0;
	return err_ret(err, -errno, "cannot write the report to stdout: %s", strerror(errno));
}

static int write_outputs(const struct request *request, const struct made *made, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < request->outputs.len; i++)
		if (request->outputs.at[i].file)
			rc = file_save(request->outputs.at[i].file, str_text(&made[i].text),
				made[i].text.len, err);
	for (size_t i = 0; !rc && i < request->outputs.len; i++)
		if (!request->outputs.at[i].file)
			rc = write_stdout(&made[i].text, err);
	return rc;
}

static int make_and_write(
	const struct request *request, const struct report *report, struct err *err)
{
	size_t count = request->outputs.len;
	struct made *made = calloc(count + 1, sizeof(*made));
	int rc = 0;

	if (!made)
		return err_ret(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		made[i].text = STR_INIT(REPORT_MAX_BYTES);
	for (size_t i = 0; !rc && i < count; i++)
		rc = make_output(request, &request->outputs.at[i], report, &made[i].text, err);
	if (!rc)
		rc = write_outputs(request, made, err);
	for (size_t i = 0; i < count; i++)
		str_fini(&made[i].text);
	free(made);
	return rc;
}

/* Says each limit that was passed; 0, EXIT_FOUND, or a negative errno. */
static int check_thresholds(
	const struct request *request, const struct report *report, struct err *err)
{
	int code = 0;

	vec_each (threshold, &request->thresholds) {
		double value;

		if (threshold_measure(threshold, report, &value))
			return err_ret(err, -ENOMEM, "out of memory");
		if (value < 0)
			return err_ret(err, -ENODATA,
				"--fail-on: this run cannot know %s (tier %s)", threshold->figure,
				report->run->info.tier);
		if (!threshold_is_exceeded(threshold, value))
			continue;
		fprintf(stderr, "gilscope: %s is %.6g, the limit is %s%s %.6g\n", threshold->figure,
			value, threshold->is_below ? "<" : ">",
			threshold->is_equal_enough ? "=" : "", threshold->value);
		code = EXIT_FOUND;
	}
	return code;
}

static int report_run(const struct request *request, struct err *err)
{
	_cleanup_(run_fini) struct run run = {0};
	_cleanup_(findings_fini) struct findings findings = {0};
	_cleanup_(report_fini) struct report report = {0};
	int rc = run_load(request->run, &run, err);

	if (!rc && request->lint)
		rc = findings_load(request->lint, &findings, err);
	if (!rc)
		rc = report_init(&report, &run, request->lint ? &findings : NULL, err);
	if (!rc)
		rc = make_and_write(request, &report, err);
	return rc ? rc : check_thresholds(request, &report, err);
}

static int run_report(int argc, char **argv)
{
	static char name[] = "gilscope report";
	const struct argp argp = {option_table, parse_option, "RUN", help_text, NULL, NULL, NULL};
	struct request request = {.confidence = CONFIDENCE_HIGH};
	int rc;

	argp_err_exit_status = EXIT_UNABLE;
	argv[0] = name;
	rc = -argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (!rc)
		rc = report_run(&request, &request.err);
	if (rc < 0)
		fprintf(stderr, "gilscope: %s\n",
			*request.err.text ? request.err.text : strerror(-rc));
	vec_fini(&request.outputs);
	vec_fini(&request.thresholds);
	return rc < 0 ? EXIT_UNABLE : rc;
}

const struct cmd cmd_report = {
	.name = "report",
	.args = "RUN [--lint FINDINGS.json] [--format FORMAT[:FILE]]...",
	.help = "say what a run shows: text, JSON, HTML, SARIF",
	.run = run_report,
};
