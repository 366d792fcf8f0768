/* `gilscope record`: options → a run file, with progress on stderr and what to do next. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "probes/record.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"
#include "runtime/base/vec.h"
#include "runtime/cmd/cmd.h"
#include "runtime/core/run.h"

#define BUDGET_PERCENT "2"

static volatile sig_atomic_t stop;

struct request {
	struct record_options options;
	vec(pid_t) pids;
	char *path; /* owned */
	vec(char *) reports; /* borrowed from argv: FORMAT[:FILE] */
	bool is_quiet;
};

enum { OPTION_TIER = 0x100, OPTION_BUDGET, OPTION_ARGV, OPTION_REPORT };

static const struct argp_option option_table[] = {
	{"pid", 'p', "PID[,PID...]", 0, "record these running processes and their children", 0},
	{"duration", 'd', "DURATION", 0, "stop after so long: 10, 10s, 500ms, 2m", 0},
	{"output", 'o', "RUN", 0, "the run file (gilscope-PID.run in the current folder)", 0},
	{"tier", OPTION_TIER, "TIER", 0,
		"contention (waits; costs nothing where nobody waits), exact (every hold as well: "
		"about 2.5 us for each release), auto (contention in this version)",
		0},
	{"budget", OPTION_BUDGET, "PERCENT", 0,
		"of one core that --tier auto may cost the target (" BUDGET_PERCENT ")", 0},
	{"argv", OPTION_ARGV, NULL, 0, "store command lines (they may hold secrets)", 0},
	{"report", OPTION_REPORT, "FORMAT[:FILE]", 0,
		"report at once, as gilscope report --format does; may be repeated", 0},
	{"quiet", 'q', NULL, 0, "print nothing but errors", 0},
	{0},
};

static const char usage_text[] = "-p PID[,PID...]\n-- COMMAND [ARGUMENT...]";

static const char help_text[] =
	"Record who holds the interpreter lock, for how long, doing what, and who waited.\v"
	"The recording ends with the duration, with the last process, or on Ctrl-C, and is then "
	"complete; a killed recorder leaves what it had a second before.\n"
	"Exit status: 0 recorded, 2 not able to record. The status of COMMAND is printed, not "
	"passed on.\n\n"
	"  gilscope record -p 4242 -d 10s\n"
	"  gilscope record -o app.run -- python3 app.py\n"
	"  gilscope record --tier exact -p 4242 -d 5s\n"
	"  gilscope record --report text --report html:app.html -- python3 app.py\n"
	"  gilscope report app.run";

static void on_signal(int number)
{
	static const char text[] = "gilscope: stopping; once more to abort\n";

	(void)number;
	stop = 1;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1); /* nobody left to tell */
}

static void parse_pids(struct request *request, const char *text, struct argp_state *state)
{
	const char *at = text;

	do {
		char *end;
		long pid = strtol(at, &end, 10);

		if (end == at || (*end && *end != ',') || pid <= 0 || pid > 1 << 30)
			argp_error(state,
				"-p wants process ids, like 4242 or 4242,4243; not \"%s\"", text);
		if (vec_push(&request->pids, (pid_t)pid))
			argp_failure(state, EXIT_UNABLE, ENOMEM, "-p");
		at = end + 1;
		if (!*end)
			break;
	} while (true);
}

static void parse_budget(struct request *request, const char *text, struct argp_state *state)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || (*end && strcmp(end, "%") != 0) || !(percent > 0 && percent <= 100))
		argp_error(state, "--budget wants a percentage, like 2 or 0.5; not \"%s\"", text);
	request->options.budget_share = percent / 100;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'p':
		parse_pids(request, value, state);
		return 0;
	case 'd':
		if (clock_parse(value, &request->options.duration_ns) ||
			!request->options.duration_ns)
			argp_error(
				state, "-d wants a duration, like 10s or 500ms; not \"%s\"", value);
		return 0;
	case 'o':
		free(request->path);
		request->path = strdup(value);
		return request->path ? 0 : ENOMEM;
	case 'q':
		request->is_quiet = true;
		return 0;
	case OPTION_TIER:
		if (tier_parse(value, &request->options.tier))
			argp_error(state, "no such tier: %s (auto, contention, exact)", value);
		return 0;
	case OPTION_BUDGET:
		parse_budget(request, value, state);
		return 0;
	case OPTION_REPORT:
		return vec_push(&request->reports, value) ? ENOMEM : 0;
	case OPTION_ARGV:
		request->options.with_arguments = true;
		return 0;
	case ARGP_KEY_ARGS:
		request->options.command = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		if (!request->pids.len == !request->options.command)
			argp_error(state, request->pids.len
						  ? "either -p PID or a command, not both"
						  : "name what to record: -p PID, or -- COMMAND");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Wipes the progress line of a terminal. */
static const char *line_start(void)
{
	return isatty(STDERR_FILENO) ? "\r\033[K" : "";
}

static void listen_progress(const struct record_progress *progress, void *context)
{
	struct request *request = context;
	char text[CLOCK_TEXT_BYTES];

	if (request->is_quiet)
		return;
	if (progress->what)
		fprintf(stderr, "%s%s\n", line_start(), progress->what);
	else if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s  %d process%s, %d thread%s \r",
			clock_format(progress->elapsed_ns, text), progress->processes,
			progress->processes == 1 ? "" : "es", progress->threads,
			progress->threads == 1 ? "" : "s");
}

static int fill_path(struct request *request)
{
	pid_t pid = request->pids.len ? request->pids.at[0] : getpid();

	if (request->path)
		return 0;
	return asprintf(&request->path, "gilscope-%d.run", pid) < 0 ? -ENOMEM : 0;
}

static void catch_signals(void)
{
	/* SA_RESETHAND: the second Ctrl-C aborts. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}, former;

	(void)sigaction(SIGINT, &action, NULL); /* these signals can be caught */
	(void)sigaction(SIGTERM, &action, NULL);
	/* nohup means it. */
	if (!sigaction(SIGHUP, NULL, &former) && former.sa_handler != SIG_IGN)
		(void)sigaction(SIGHUP, &action, NULL);
}

static void print_totals(const struct run *run, const struct record_summary *summary)
{
	char duration[CLOCK_TEXT_BYTES], waited[CLOCK_TEXT_BYTES];
	int64_t waits = 0, wait_ns = 0;
	bool is_known = false;

	vec_each (thread, &run->threads) {
		if (thread->wait_ns < 0)
			continue;
		is_known = true;
		waits += thread->waits;
		wait_ns += thread->wait_ns;
	}
	fprintf(stderr, "%srecorded %s: %d process%s, %d thread%s", line_start(),
		clock_format(summary->duration_ns, duration), summary->processes,
		summary->processes == 1 ? "" : "es", summary->threads,
		summary->threads == 1 ? "" : "s");
	if (is_known)
		fprintf(stderr, "; waited for the lock %s in %lld waits (summed over threads)",
			clock_format((uint64_t)wait_ns, waited), (long long)waits);
	fputc('\n', stderr);
}

static void print_cost(const struct run_info *info)
{
	char cpu[CLOCK_TEXT_BYTES];

	fprintf(stderr, "lost %lld events and %lld stacks; ", (long long)info->lost_events,
		(long long)info->lost_stacks);
	if (info->overhead_share >= 0)
		fprintf(stderr,
			"probes cost the target %.2f %% of one core (%lld hits of %lld ns); ",
			100 * info->overhead_share, (long long)info->probe_hits,
			(long long)info->probe_ns);
	else
		fprintf(stderr, "probes: %lld hits; ", (long long)info->probe_hits);
	fprintf(stderr, "the recorder used %s of processor time\n",
		clock_format((uint64_t)info->recorder_cpu_ns, cpu));
}

/* A recording without an interpreter is no failure, but hardly what was wanted. */
static void print_missing_interpreter(const struct run *run)
{
	const char *why = NULL;

	vec_each (process, &run->processes) {
		if (process->interpreter)
			return;
		if (!why)
			why = process->why_unmeasured;
	}
	fprintf(stderr, "no interpreter was recorded: %s\n",
		why ? why : "the processes ended before one appeared");
}

static void print_command_status(int status)
{
	if (status < 0)
		return;
	if (WIFSIGNALED(status))
		fprintf(stderr, "the command was ended by signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		fprintf(stderr, "the command ended with status %d\n", WEXITSTATUS(status));
}

static int print_summary(const struct request *request, const struct record_summary *summary)
{
	struct err err = {0};
	struct run run = {0};

	if (run_load(request->path, &run, &err)) {
		fprintf(stderr, "gilscope: %s\n", err.text);
		return EXIT_UNABLE;
	}
	if (!request->is_quiet) {
		print_totals(&run, summary);
		print_cost(&run.info);
		print_missing_interpreter(&run);
		print_command_status(summary->command_status);
		fprintf(stderr,
			"saved %s   next: gilscope report %s   gilscope report %s --format "
			"html:%s.html\n",
			request->path, request->path, request->path, request->path);
	}
	run_fini(&run);
	return EXIT_DONE;
}

/* `gilscope report RUN --format …` in one step with the recording. */
static int run_reports(const struct request *request)
{
	static char verb[] = "report", option[] = "--format";
	vec(char *) arguments = {0};
	int code = EXIT_UNABLE, rc;

	if (!request->reports.len)
		return EXIT_DONE;
	rc = vec_push(&arguments, verb);
	if (!rc)
		rc = vec_push(&arguments, request->path);
	vec_each (report, &request->reports) {
		if (!rc)
			rc = vec_push(&arguments, option);
		if (!rc)
			rc = vec_push(&arguments, *report);
	}
	if (!rc)
		rc = vec_push(&arguments, NULL);
	if (rc)
		fprintf(stderr, "gilscope: out of memory\n");
	else
		code = cmd_report.run((int)arguments.len - 1, arguments.at);
	vec_fini(&arguments);
	return code;
}

static int run_record(int argc, char **argv)
{
	static char name[] = "gilscope record";
	const struct argp argp = {
		option_table, parse_option, usage_text, help_text, NULL, NULL, NULL};
	struct request request = {.options = {.tier = TIER_AUTO, .budget_share = 0.02}};
	struct record_summary summary;
	struct err err = {0};
	int code = EXIT_UNABLE, rc;

	argp_err_exit_status = EXIT_UNABLE;
	argv[0] = name;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &request) || fill_path(&request)) {
		fprintf(stderr, "gilscope: out of memory\n");
		goto out;
	}
	request.options.pids = request.pids.at;
	request.options.pid_count = request.pids.len;
	request.options.path = request.path;
	request.options.stop = &stop;
	request.options.listen = listen_progress;
	request.options.context = &request;
	catch_signals();
	rc = record(&request.options, &summary, &err);
	if (rc)
		fprintf(stderr, "gilscope: %s\n", err.text);
	else
		code = print_summary(&request, &summary);
	if (code == EXIT_DONE)
		code = run_reports(&request);
out:
	vec_fini(&request.pids);
	vec_fini(&request.reports);
	free(request.path);
	return code;
}

const struct cmd cmd_record = {
	.name = "record",
	.args = "-p PID | -- COMMAND",
	.help = "record a running process or a command: who holds the lock, who waits",
	.run = run_record,
};
