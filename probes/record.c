/* Options → a finished run file: the order of things in a recording. */
#include "probes/record.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "probes/calibrate.h"
#include "probes/procfs.h"
#include "probes/recorder.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/str.h"

#define STOP_CHECK_NS (50 * NS_PER_MS) /* how often *stop is looked at */

static const char *const tier_names[] = {
	[TIER_AUTO] = "auto",
	[TIER_CONTENTION] = "contention",
	[TIER_EXACT] = "exact",
	[TIER_SAMPLE] = "sample",
};

#define TIERS (sizeof(tier_names) / sizeof(tier_names[0]))

const char *tier_name(enum tier tier)
{
	return (size_t)tier < TIERS ? tier_names[tier] : "unknown";
}

int tier_parse(const char *name, enum tier *ret_tier)
{
	for (size_t i = 0; i < TIERS; i++) {
		if (!strcmp(name, tier_names[i])) {
			*ret_tier = (enum tier)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int on_event(void *context, void *data, size_t len)
{
	struct recorder *recorder = context;

	if (len >= sizeof(struct ev_life)) {
		int rc = process_on_life(recorder, data);

		if (rc)
			recorder->lost_events++; /* a process that is not followed */
	}
	return 0;
}

static void recorder_fini(struct recorder *recorder)
{
	if (recorder->file)
		(void)run_finish(recorder->file, false); /* a failure was told already */
	processes_free(recorder);
	threads_free(recorder);
	tallies_free(recorder);
	stacks_free(recorder);
	ring_buffer__free(recorder->ring);
	attach_close(recorder->attach);
	command_fini(&recorder->command);
	free(recorder->command_text);
}

static int check_options(
	const struct record_options *options, struct recorder *recorder, struct err *err)
{
	if (!options->pid_count && !options->command)
		return err_ret(err, -EINVAL, "nothing to record: name a pid or a command");
	if (options->tier == TIER_SAMPLE)
		return err_ret(err, -EOPNOTSUPP,
			"the sample tier is not available in this version; use --tier contention");
	recorder->options = options;
	recorder->tier = options->tier == TIER_EXACT ? TIER_EXACT : TIER_CONTENTION;
	recorder->command.status = -1;
	recorder->info.probe_ns = RUN_UNKNOWN;
	recorder->info.hold_correction_ns = RUN_UNKNOWN;
	recorder->info.wait_correction_ns = RUN_UNKNOWN;
	return 0;
}

static int open_kernel_side(struct recorder *recorder, struct err *err)
{
	int rc = attach_open(&recorder->attach, err);

	if (rc)
		return rc;
	recorder->ring =
		ring_buffer__new(attach_maps(recorder->attach)->lives, on_event, recorder, NULL);
	if (!recorder->ring)
		return err_ret(err, -errno, "cannot record: %s", strerror(errno));
	return 0;
}

/* The program's name, or all its arguments where the user asked for them. */
static char *describe_command(const struct recorder *recorder, const struct process *process)
{
	char *const *command = recorder->options->command;
	_free_ char *exe = NULL;

	if (recorder->options->with_arguments && process->argv && !command)
		return strdup(process->argv);
	if (recorder->options->with_arguments && command) {
		struct str text = STR_INIT((size_t)1 << 20);

		for (int i = 0; command[i]; i++)
			(void)str_addf(
				&text, "%s%s", i ? " " : "", command[i]); /* is_short says it */
		return text.data ? text.data : strdup("");
	}
	exe = strdup(command ? command[0] : process->exe ? process->exe : process->name);
	return exe ? strdup(basename(exe)) : NULL;
}

static int add_targets(struct recorder *recorder, struct err *err)
{
	const struct record_options *options = recorder->options;
	struct process *first = NULL;
	int rc = 0;

	for (size_t i = 0; i < options->pid_count && !rc; i++) {
		rc = process_add(recorder, options->pids[i], "main", err);
		if (!rc)
			rc = process_require(
				recorder, process_find(recorder, options->pids[i]), err);
	}
	if (!rc && options->pid_count)
		rc = family_add(recorder, err);
	if (!rc && options->command) {
		rc = command_hold(options->command, &recorder->command, err);
		if (!rc)
			rc = process_add(recorder, recorder->command.pid, "main", err);
		if (!rc)
			rc = scan_threads(recorder, process_find(recorder, recorder->command.pid));
	}
	if (rc)
		return rc;
	first = process_find(
		recorder, options->pid_count ? options->pids[0] : recorder->command.pid);
	recorder->command_text = describe_command(recorder, first);
	recorder->info.command = recorder->command_text ? recorder->command_text : "";
	recorder->info.cores = procfs_cores(first->pid);
	recorder->info.cpu_quota = procfs_quota(first->pid);
	return 0;
}

static bool is_over(const struct recorder *recorder, uint64_t now_ns)
{
	const struct record_options *options = recorder->options;

	return (options->stop && *options->stop) || recorder->write_error ||
	       (options->duration_ns && now_ns >= recorder->start_ns + options->duration_ns) ||
	       !processes_alive(recorder);
}

static void run_loop(struct recorder *recorder)
{
	const struct record_options *options = recorder->options;
	uint64_t now_ns = clock_now_ns(), told_ns = now_ns;

	while (!is_over(recorder, now_ns)) {
		uint64_t until_ns = now_ns + STOP_CHECK_NS;
		uint64_t next_ns = processes_look(recorder, now_ns);

		if (next_ns < until_ns)
			until_ns = next_ns;
		next_ns = collect_tick(recorder, now_ns);
		if (next_ns < until_ns)
			until_ns = next_ns;
		if (options->duration_ns && recorder->start_ns + options->duration_ns < until_ns)
			until_ns = recorder->start_ns + options->duration_ns;
		now_ns = clock_now_ns();
		if (until_ns > now_ns)
			(void)ring_buffer__poll( /* an interruption is a reason to look at *stop */
				recorder->ring,
				(int)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS));
		else
			(void)ring_buffer__consume(recorder->ring);
		now_ns = clock_now_ns();
		if (options->listen && now_ns - told_ns >= NS_PER_S) {
			told_ns = now_ns;
			recorder_tell_time(recorder);
		}
	}
}

static int finish(struct recorder *recorder, struct record_summary *ret_summary, struct err *err)
{
	uint64_t end_ns;
	int rc = recorder->write_error;

	end_ns = attach_stop(recorder->attach);
	for (struct process *p = recorder->processes; p; p = p->hh.next)
		attach_links_fini(&p->links);
	if (!rc)
		rc = collect_finish(recorder, end_ns);
	if (!rc) {
		rc = run_finish(recorder->file, true);
		recorder->file = NULL;
	}
	if (rc)
		return err_ret(
			err, rc, "cannot write %s: %s", recorder->options->path, strerror(-rc));
	if (recorder->command.pid)
		(void)command_check(&recorder->command);
	*ret_summary = (struct record_summary){
		.duration_ns = end_ns - recorder->start_ns,
		.tier = recorder->tier,
		.processes = recorder->processes_seen,
		.threads = recorder->threads_seen,
		.command_status = recorder->command.status,
	};
	return 0;
}

/* Costs that cannot be measured stay unknown. */
static int measure_costs(struct recorder *recorder, struct err *err)
{
	struct calibration costs;
	int rc = calibrate(recorder, recorder->tier == TIER_EXACT, &costs);

	if (rc == -EOPNOTSUPP)
		return 0;
	if (rc)
		return err_ret(err, rc, "cannot record: measuring a probe's cost failed: %s",
			strerror(-rc));
	recorder->info.probe_ns = costs.probe_ns > 0 ? costs.probe_ns : 0;
	recorder->info.hold_correction_ns = costs.hold_correction_ns;
	recorder->info.wait_correction_ns = 0;
	attach_set_corrections(recorder->attach, 0,
		costs.hold_correction_ns > 0 ? (uint64_t)costs.hold_correction_ns : 0);
	return 0;
}

static int run_recording(
	struct recorder *recorder, struct record_summary *ret_summary, struct err *err)
{
	int rc = open_kernel_side(recorder, err);

	if (!rc)
		rc = run_create(recorder->options->path, &recorder->file, err);
	if (!rc)
		rc = measure_costs(recorder, err);
	if (rc)
		return rc;
	recorder->hits_before = collect_counter(recorder, EV_HITS);
	recorder->start_ns = clock_now_ns();
	rc = add_targets(recorder, err);
	if (rc)
		return rc;
	recorder->start_ns = clock_now_ns();
	rc = collect_start(recorder);
	if (rc)
		return err_ret(
			err, rc, "cannot write %s: %s", recorder->options->path, strerror(-rc));
	if (recorder->options->command) {
		rc = command_release(&recorder->command, recorder->options->command[0], err);
		if (rc)
			return rc;
	}
	run_loop(recorder);
	return finish(recorder, ret_summary, err);
}

int record(
	const struct record_options *options, struct record_summary *ret_summary, struct err *err)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	int rc;

	if (!recorder)
		return err_ret(err, -ENOMEM, "cannot record: out of memory");
	rc = check_options(options, recorder, err);
	if (!rc)
		rc = run_recording(recorder, ret_summary, err);
	recorder_fini(recorder);
	free(recorder);
	return rc;
}
