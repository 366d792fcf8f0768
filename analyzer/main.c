/* gilscope-lint: options → units → outlines → findings → output. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/baseline.h"
#include "analyzer/capture.h"
#include "analyzer/cli.h"
#include "analyzer/debug.h"
#include "analyzer/folder.h"
#include "analyzer/interrupt.h"
#include "analyzer/jobs.h"
#include "analyzer/model.h"
#include "analyzer/solve.h"
#include "analyzer/sources.h"
#include "analyzer/suppress.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/utf8.h"
#include "runtime/report/report.h"

#define FAILURES_SHOWN 20

enum { EXIT_CLEAN = 0, EXIT_FINDINGS = 1, EXIT_UNABLE = 2 };

/* One run. */
struct lint {
	struct cli cli;
	struct models *models;
	struct findings findings;
	struct arena *arena; /* paths of outlines */
	vec(const char *) outlines;
	struct suppressions suppressions;
	struct baseline baseline;
	char root[PATH_MAX]; /* the current folder; "": unknown */
	char *folder; /* temporary */
	struct err err;
};

static int explain(const char *name)
{
	const struct rule *rule = rule_find(name);

	if (rule) {
		printf("%s: %s\n\n%s", rule->name, rule->text, rule->help);
		return EXIT_CLEAN;
	}
	fprintf(stderr, "gilscope-lint: there is no rule \"%s\"; the rules are:\n", name);
	for (size_t i = 0; i < RULE_COUNT; i++)
		fprintf(stderr, "  %-16s %s\n", rules[i].name, rules[i].text);
	return EXIT_UNABLE;
}

/* Beside this program first, so that a moved build or installation works. */
static int load_models(struct lint *lint)
{
	const char *places[] = {NULL, GILSCOPE_MODEL_DIR, GILSCOPE_BUILD_MODEL_DIR};
	char self[PATH_MAX], beside[PATH_MAX + 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int rc = models_new(&lint->models);

	if (rc)
		return err_ret(&lint->err, rc, "out of memory");
	if (len > 0) {
		self[len] = '\0';
		*strrchr(self, '/') = '\0';
		(void)snprintf(beside, sizeof(beside), "%s/../%s", self, GILSCOPE_MODEL_SUBDIR);
		places[0] = beside;
	}
	for (size_t i = 0; i < 3; i++)
		if (places[i] && !access(places[i], R_OK)) {
			rc = models_load(lint->models, places[i], &lint->err);
			break;
		} else if (i == 2) {
			rc = err_ret(&lint->err, -ENOENT,
				"cannot find the models in %s; install gilscope again",
				GILSCOPE_MODEL_DIR);
		}
	for (size_t i = 0; i < lint->cli.models.len && !rc; i++)
		rc = models_load(lint->models, lint->cli.models.at[i], &lint->err);
	return rc;
}

static int add_outline(struct lint *lint, const char *file, const char *outline, const char *why)
{
	struct unit_failure failure;

	lint->findings.units_total++;
	if (outline) {
		lint->findings.units_extracted++;
		outline = arena_strdup(lint->arena, outline);
		return !outline || vec_push(&lint->outlines, outline) ||
				       suppressions_add_file(&lint->suppressions, file)
			       ? -ENOMEM
			       : 0;
	}
	/* "…/m.c:3:10: fatal error" said of m.c: once is enough. */
	if (!strncmp(why, file, strlen(file)) && why[strlen(file)] == ':')
		why += strlen(file) + 1;
	failure.file = arena_strdup(lint->findings.arena, file);
	failure.why = arena_strdup(lint->findings.arena, why);
	return !failure.file || !failure.why || vec_push(&lint->findings.failures, failure)
		       ? -ENOMEM
		       : 0;
}

static void show_progress(size_t done, size_t total, const char *file, void *context)
{
	const char *slash = strrchr(file, '/');

	(void)context;
	fprintf(stderr, "\r\033[K[%zu/%zu] %.60s%s", done, total, slash ? slash + 1 : file,
		done == total ? "\r\033[K" : "");
}

static int add_jobs(struct lint *lint, const struct units *units)
{
	struct jobs_options options = {
		.folder = lint->folder,
		.workers = lint->cli.workers,
		.progress = isatty(STDERR_FILENO) ? show_progress : NULL,
	};
	struct jobs jobs;
	int rc = jobs_run(units, &options, &jobs, &lint->err);

	if (rc)
		return rc;
	vec_each (job, &jobs.list)
		if (!rc)
			rc = add_outline(lint, job->unit->file,
				job->state == JOB_DONE ? job->outline : NULL, job->why);
	jobs_fini(&jobs);
	return rc;
}

static int extract_sources(struct lint *lint)
{
	struct sources_request request = {
		.database = lint->cli.database,
		.paths = lint->cli.paths.at,
		.count = lint->cli.paths.len,
	};
	struct units units;
	bool is_loose;
	int rc = units_init(&units);

	if (rc)
		return err_ret(&lint->err, rc, "out of memory");
	rc = sources_find(&request, &units, &is_loose, &lint->err);
	if (!rc && is_loose)
		fputs("gilscope-lint: no compile_commands.json: compiling with the include folders "
		      "of python3-config only\n",
			stderr);
	vec_each (skipped, &units.skipped)
		if (!rc)
			rc = add_outline(lint, skipped->file, NULL, skipped->why);
	if (!rc)
		rc = add_jobs(lint, &units);
	units_fini(&units);
	return rc;
}

/* PATH… limits what a build compiled, too. */
static bool is_wanted(const struct lint *lint, const char *file)
{
	if (!lint->cli.paths.len)
		return true;
	for (size_t i = 0; i < lint->cli.paths.len; i++) {
		_free_ char *path = realpath(lint->cli.paths.at[i], NULL);
		size_t len = path ? strlen(path) : 0;

		if (len && !strncmp(file, path, len) && (file[len] == '/' || !file[len]))
			return true;
	}
	return false;
}

static int extract_build(struct lint *lint)
{
	struct capture capture;
	int rc = capture_run(lint->cli.command, lint->folder, &lint->err);

	if (!rc)
		rc = capture_load(lint->folder, &capture, &lint->err);
	if (rc)
		return rc;
	if (!capture.list.len)
		rc = err_ret(&lint->err, -ENOENT,
			"%s compiled no C or C++ source; clean the build first (everything may be "
			"up to date)",
			lint->cli.command[0]);
	vec_each (unit, &capture.list)
		if (!rc && is_wanted(lint, unit->file))
			rc = add_outline(
				lint, unit->file, *unit->outline ? unit->outline : NULL, unit->why);
	capture_fini(&capture);
	return rc;
}

static void drop_unselected(const struct cli *cli, struct findings *findings)
{
	size_t kept = 0;

	for (size_t i = 0; i < findings->list.len; i++) {
		struct finding *finding = &findings->list.at[i];
		const struct rule *rule = rule_find(finding->rule);

		if (!rule || cli->is_selected[rule - rules]) {
			findings->list.at[kept++] = *finding;
			continue;
		}
		finding_fini(finding);
	}
	findings->list.len = kept;
}

/* Headers of the project may hold comments too; those of others are not its concern. */
static int add_project_file(void *context, const char *file)
{
	struct lint *lint = context;
	size_t len = strlen(lint->root);
	bool is_inside = *file != '/' || (!strncmp(file, lint->root, len) && file[len] == '/');

	return is_inside ? suppressions_add_file(&lint->suppressions, file) : 0;
}

static int solve_all(struct lint *lint)
{
	struct solve_options options = {
		.outlines = lint->outlines.at,
		.outline_count = lint->outlines.len,
		.root = lint->root,
		.add_file = add_project_file,
		.context = lint,
		.models = lint->models,
	};

	if (!lint->outlines.len)
		return err_ret(&lint->err, -ENOENT, "none of the %zu units could be analysed",
			lint->findings.units_total);
	return solve(&options, &lint->findings, &lint->err);
}

/* Answers findings by their sources' comments, and says which comments are broken or idle. */
static int suppress_all(struct lint *lint)
{
	int rc = suppressions_apply(&lint->suppressions, &lint->findings);

	if (!rc)
		rc = suppressions_finish(
			&lint->suppressions, !lint->cli.paths.len && !lint->findings.failures.len);
	vec_each (note, &lint->suppressions.notes) {
		_str_fini_ struct str text = STR_INIT(PATH_MAX * 4);

		if (!str_addf(&text, "gilscope-lint: ") && !str_add_visible(&text, note->file) &&
			!str_addf(&text, ":%d: comment ", note->line) &&
			!str_add_visible(&text, note->text))
			fprintf(stderr, "%s\n", str_text(&text));
	}
	return rc;
}

/* Whether this run would have seen a finding in `file` again. */
static bool is_covered(const void *context, const char *file)
{
	const struct lint *lint = context;
	char path[PATH_MAX * 2];

	(void)snprintf(path, sizeof(path), "%s%s%s", *file == '/' ? "" : lint->root,
		*file == '/' ? "" : "/", file); /* one cut short matches nothing */
	vec_each (failure, &lint->findings.failures)
		if (!strcmp(failure->file, path) || !strcmp(failure->file, file))
			return false;
	return is_wanted(lint, path);
}

/* Takes out what the baseline knows. The new one is made before, and written when all is well. */
static int compare_baseline(struct lint *lint, char **ret_text, size_t *ret_count)
{
	const struct baseline_scope scope = {
		.least = lint->cli.confidence,
		.is_selected = lint->cli.is_selected,
		.is_covered = is_covered,
		.context = lint,
	};

	if (lint->cli.new_baseline && baseline_format(&lint->findings, &scope, ret_text, ret_count))
		return err_ret(&lint->err, -ENOMEM, "out of memory writing the baseline");
	if (lint->cli.baseline)
		baseline_apply(&lint->baseline, &scope, &lint->findings);
	return 0;
}

static int write_baseline(struct lint *lint, const char *text, size_t count)
{
	const char *path = lint->cli.new_baseline;
	_str_fini_ struct str whole = STR_INIT(REPORT_MAX_BYTES);
	int rc = str_add(&whole, text) || str_add(&whole, "\n") ? -ENOMEM : 0;

	if (!rc)
		rc = file_save(path, str_text(&whole), whole.len, &lint->err);
	if (!rc)
		fprintf(stderr, "gilscope-lint: wrote %zu finding%s to %s; next: --baseline %s\n",
			count, count == 1 ? "" : "s", path, path);
	return rc;
}

static int write_format(struct lint *lint, const struct cli_output *output)
{
	static const struct {
		const char *name;
		int (*format)(const struct findings *findings, const struct report_style *style,
			struct str *out);
	} formats[] = {
		{"text", findings_text},
		{"concise", findings_concise},
		{"json", findings_json},
		{"sarif", findings_sarif},
	};
	struct report_style style = {
		.has_colour = !output->file && term_has_colour(stdout, lint->cli.colour),
		.columns = term_columns(stdout),
		.confidence = lint->cli.confidence,
	};
	_str_fini_ struct str text = STR_INIT(REPORT_MAX_BYTES);
	size_t at = 0;

	while (strcmp(formats[at].name, output->format) != 0)
		at++;
	if (formats[at].format(&lint->findings, &style, &text))
		return err_ret(&lint->err, -ENOMEM, "out of memory writing %s", output->format);
	if (output->file)
		return file_save(output->file, str_text(&text), text.len, &lint->err);
	if (fwrite(str_text(&text), 1, text.len, stdout) != text.len || fflush(stdout))
		return err_ret(
			&lint->err, -EIO, "cannot write to standard output: %s", strerror(errno));
	return 0;
}

static bool is_text_on_stdout(const struct cli *cli)
{
	for (size_t i = 0; i < cli->outputs.len; i++)
		if (!cli->outputs.at[i].file)
			return !strcmp(cli->outputs.at[i].format, "text");
	return false;
}

/* The text format names them itself. */
static void list_failures(const struct lint *lint)
{
	const struct findings *findings = &lint->findings;

	for (size_t i = 0; i < findings->failures.len && i < FAILURES_SHOWN; i++)
		fprintf(stderr, "gilscope-lint: not analysed: %s:%s%s\n",
			findings->failures.at[i].file,
			strchr("0123456789", findings->failures.at[i].why[0]) ? "" : " ",
			findings->failures.at[i].why);
	if (findings->failures.len > FAILURES_SHOWN)
		fprintf(stderr, "gilscope-lint: … and %zu more; --format json lists them\n",
			findings->failures.len - FAILURES_SHOWN);
}

/* The text format's last line says it too. */
static void say_baseline(const struct lint *lint)
{
	const struct findings_baseline *baseline = &lint->findings.baseline;

	if (baseline->is_used)
		fprintf(stderr,
			"gilscope-lint: %zu new, %zu in the baseline, %zu of the baseline gone\n",
			findings_count_shown(&lint->findings, lint->cli.confidence),
			baseline->known, baseline->gone);
}

/* Everything that can be refused before the work. */
static int prepare(struct lint *lint)
{
	int rc = load_models(lint);

	if (!getcwd(lint->root, sizeof(lint->root)))
		lint->root[0] = '\0';
	if (!rc && suppressions_init(&lint->suppressions, lint->root))
		rc = err_ret(&lint->err, -ENOMEM, "out of memory");
	if (!rc && lint->cli.baseline)
		rc = baseline_load(lint->cli.baseline, &lint->baseline, &lint->err);
	if (!rc && lint->cli.new_baseline)
		rc = file_check_folder(lint->cli.new_baseline, &lint->err);
	return rc;
}

/* Findings as the analysis leaves them → as people get them. */
static int judge(struct lint *lint, char **ret_baseline, size_t *ret_count)
{
	int rc = solve_all(lint);

	if (!rc)
		rc = suppress_all(lint);
	if (!rc)
		rc = compare_baseline(lint, ret_baseline, ret_count);
	drop_unselected(&lint->cli, &lint->findings);
	return rc;
}

static int run(struct lint *lint)
{
	uint64_t begin_ns = clock_now_ns();
	_free_ char *baseline = NULL;
	size_t count = 0;
	int rc = prepare(lint);

	if (!rc)
		rc = folder_new(&lint->folder, &lint->err);
	if (!rc)
		rc = lint->cli.command ? extract_build(lint) : extract_sources(lint);
	if (rc)
		return rc;
	rc = judge(lint, &baseline, &count);
	if (rc || !is_text_on_stdout(&lint->cli)) {
		list_failures(lint);
		say_baseline(lint);
	}
	lint->findings.seconds = (double)(clock_now_ns() - begin_ns) / (double)NS_PER_S;
	for (size_t i = 0; i < lint->cli.outputs.len && !rc; i++)
		rc = write_format(lint, &lint->cli.outputs.at[i]);
	return rc || !baseline ? rc : write_baseline(lint, baseline, count);
}

static int lint_main(int argc, char **argv)
{
	struct lint lint = {.arena = arena_new()};
	size_t shown;
	int rc;

	cli_parse(argc, argv, &lint.cli);
	if (lint.cli.explain) {
		rc = explain(lint.cli.explain);
		cli_fini(&lint.cli);
		arena_free(lint.arena);
		return rc;
	}
	interrupt_catch();
	rc = !lint.arena || findings_init(&lint.findings) ? -ENOMEM : run(&lint);
	shown = findings_count_shown(&lint.findings, lint.cli.confidence);
	if (rc && !interrupt_signal())
		fprintf(stderr, "gilscope-lint: %s\n",
			lint.err.text[0] ? lint.err.text : strerror(-rc));
	folder_remove(lint.folder);
	free(lint.folder);
	models_free(lint.models);
	findings_fini(&lint.findings);
	vec_fini(&lint.outlines);
	suppressions_fini(&lint.suppressions);
	baseline_fini(&lint.baseline);
	arena_free(lint.arena);
	rc = rc ? EXIT_UNABLE : shown && !lint.cli.is_exit_zero ? EXIT_FINDINGS : EXIT_CLEAN;
	cli_fini(&lint.cli);
	interrupt_obey();
	return rc;
}

int main(int argc, char **argv)
{
	if (getenv(CAPTURE_COMPILER_VARIABLE))
		return capture_compiler(argv);
	if (argc >= 3 && !strcmp(argv[1], "outline"))
		return debug_outline(argv + 2);
	if (argc >= 4 && !strcmp(argv[1], "extract"))
		return debug_extract(argv + 2);
	return lint_main(argc, argv);
}
