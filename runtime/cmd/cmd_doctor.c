/* What this machine, these rights and a target allow, as a table: cause and remedy of what is
 * missing. Exit 0 when recording is possible, 2 otherwise. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/feature_table.h"
#include "probes/inspect.h"
#include "runtime/base/err.h"
#include "runtime/base/term.h"
#include "runtime/cmd/cmd.h"

#define TARGETS_MAX 64
#define TARGET_ROWS 4

struct doctor {
	pid_t pids[TARGETS_MAX];
	size_t pid_count;
	bool is_json, with_help;
};

/* One target: its rows of the table, and what was found for --json. */
struct patient {
	pid_t pid;
	struct inspection inspection;
	struct feature rows[TARGET_ROWS];
	size_t row_count;
	bool can_record;
};

static struct feature *add_row(struct patient *patient, const char *name, enum feature_state state)
{
	struct feature *row = &patient->rows[patient->row_count++];

	row->name = name;
	row->state = state;
	return row;
}

/* The sentence of a failure holds its remedy. */
static void add_failure(struct patient *patient, const char *name, const struct err *err)
{
	struct feature *row = add_row(patient, name, FEATURE_MISSING);

	(void)snprintf(row->cause, sizeof(row->cause), "%.255s", err->text);
	patient->can_record = false;
}

static void add_lock(struct patient *patient)
{
	const struct inspection *found = &patient->inspection;
	struct feature *row = add_row(patient, "lock", FEATURE_OK);
	const char *state = found->lock.locked == 1 ? "held" : "free";

	if (!found->lock.is_enabled) {
		row->state = FEATURE_WARN;
		state = "switched off: this program runs without it, nothing will be recorded";
		(void)snprintf(row->remedy, sizeof(row->remedy),
			"start the program with PYTHON_GIL=1 to compare");
	}
	(void)snprintf(row->cause, sizeof(row->cause), "_PyRuntime+0x%" PRIx64 " (%s), %s",
		found->lock_address - found->target.runtime_address, found->how, state);
}

static void count_sites(const struct sites *sites, int counts[3])
{
	vec_each (site, &sites->list)
		counts[site->kind]++;
}

static void add_sites(struct patient *patient)
{
	const struct sites *sites = &patient->inspection.sites;
	struct feature *row = add_row(patient, "probe sites", FEATURE_OK);
	int counts[3] = {0};

	count_sites(sites, counts);
	(void)snprintf(row->cause, sizeof(row->cause), "%d of release and acquire, %d of waiting",
		counts[SITE_SIGNAL], counts[SITE_WAIT]);
	if (sites->refused) {
		row->state = FEATURE_WARN;
		(void)snprintf(row->remedy, sizeof(row->remedy),
			"%u more could not be proved and stay unwatched; report the build id",
			sites->refused);
	}
}

static void add_stacks(struct patient *patient)
{
	struct feature *row = add_row(patient, "stacks", FEATURE_OK);
	int frames = 0, lost = 0;

	vec_each (thread, &patient->inspection.threads) {
		frames += (int)thread->frames.len;
		lost += thread->lost_frames;
	}
	(void)snprintf(row->cause, sizeof(row->cause), "%zu threads, %d frames read, %d lost",
		patient->inspection.threads.len, frames, lost);
	if (lost > frames) {
		row->state = FEATURE_WARN;
		(void)snprintf(row->remedy, sizeof(row->remedy),
			"most frames are unreadable: blame will lack stacks");
	}
}

static void examine(struct patient *patient)
{
	struct inspection *found = &patient->inspection;
	struct err err = {{0}};
	int rc = inspect(patient->pid, found, &err);
	struct feature *row;

	patient->can_record = true;
	if (rc && !err.text[0])
		err_set(&err, "pid %d cannot be examined: %s", patient->pid, strerror(-rc));
	if (!found->target.has_interpreter) {
		add_failure(patient, "interpreter", &err);
		return;
	}
	row = add_row(patient, "interpreter", FEATURE_OK);
	(void)snprintf(row->cause, sizeof(row->cause), "%s %s%s in %.128s (pid %d)",
		found->target.interpreter, found->target.version,
		found->target.is_free_threaded_build ? " free-threaded" : "",
		found->target.image.name, patient->pid);
	if (!found->how) {
		add_failure(patient, "lock", &err);
		return;
	}
	add_lock(patient);
	add_stacks(patient);
	if (rc)
		add_failure(patient, "probe sites", &err);
	else
		add_sites(patient);
}

static const char *const state_names[] = {"ok", "warn", "MISS"};

static void print_row(const struct feature *row, bool has_colour)
{
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};

	printf(" %s%-4s%s  %-15s  %s", has_colour ? colours[row->state] : "",
		state_names[row->state], has_colour ? "\033[0m" : "", row->name, row->cause);
	if (row->remedy[0])
		printf("; %s", row->remedy);
	putchar('\n');
}

static json_t *row_json(const struct feature *row)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "name", row->name, "state",
		row->state == FEATURE_MISSING ? "missing" : state_names[row->state], "cause",
		row->cause, "remedy", row->remedy);
}

static json_t *rows_json(const struct feature *rows, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, row_json(&rows[i])); /* NULL is refused */
	return list;
}

static json_t *hex_json(uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, number);
	return json_string(text);
}

static json_t *threads_json(const struct inspection *found)
{
	json_t *list = json_array();

	vec_each (thread, &found->threads) {
		json_t *stack = json_array();

		vec_each (frame, &thread->frames)
			(void)json_array_append_new(
				stack, json_pack("{s:s, s:s?, s:i}", "function", frame->function,
					       "file", frame->file, "line", frame->line));
		(void)json_array_append_new(list,
			json_pack("{s:I, s:b, s:i, s:o}", "tid", (json_int_t)thread->native_id,
				"is_holder", (int)thread->is_holder, "lost_frames",
				thread->lost_frames, "stack", stack));
	}
	return list;
}

static json_t *lock_json(const struct inspection *found)
{
	if (!found->how)
		return json_null();
	return json_pack("{s:o, s:o, s:s, s:b, s:i, s:I, s:I}", "address",
		hex_json(found->lock_address), "runtime_address",
		hex_json(found->target.runtime_address), "how", found->how, "enabled",
		(int)found->lock.is_enabled, "locked", found->lock.locked, "interval_us",
		(json_int_t)found->lock.interval_us, "switches",
		(json_int_t)found->lock.switch_number);
}

static json_t *interpreter_json(const struct target *target)
{
	if (!target->has_interpreter)
		return json_null();
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s}", "name", target->interpreter, "version",
		target->version, "free_threaded_build", (int)target->is_free_threaded_build,
		"image", target->image.name, "path", target->image.path, "build_id",
		target->image.build_id);
}

static json_t *sites_json(const struct sites *sites)
{
	int counts[3] = {0};

	count_sites(sites, counts);
	return json_pack("{s:i, s:i, s:i, s:i}", "signal", counts[SITE_SIGNAL], "wait",
		counts[SITE_WAIT], "wait_end", counts[SITE_WAIT_END], "refused",
		(int)sites->refused);
}

static json_t *patient_json(const struct patient *patient)
{
	const struct inspection *found = &patient->inspection;

	return json_pack("{s:i, s:i, s:b, s:o, s:o, s:o, s:o, s:o}", "pid", (int)patient->pid,
		"ns_pid", (int)found->target.ns_pid, "can_record", (int)patient->can_record,
		"interpreter", interpreter_json(&found->target), "lock", lock_json(found), "sites",
		sites_json(&found->sites), "threads", threads_json(found), "checks",
		rows_json(patient->rows, patient->row_count));
}

static int print_json(const struct feature_table *table, const struct patient *patients,
	size_t count, bool can_record)
{
	json_t *targets = json_array(), *all;
	int rc;

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(targets, patient_json(&patients[i]));
	all = json_pack("{s:s, s:b, s:o, s:o}", "schema", "gilscope-doctor/1", "can_record",
		(int)can_record, "checks", rows_json(table->at, FEATURE_COUNT), "targets", targets);
	rc = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;
	json_decref(all);
	putchar('\n');
	return rc;
}

static void print_table(
	const struct feature_table *table, const struct patient *patients, size_t count)
{
	bool has_colour = term_has_colour(stdout, TERM_COLOUR_AUTO);

	for (int i = 0; i < FEATURE_COUNT; i++)
		print_row(&table->at[i], has_colour);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < patients[i].row_count; j++)
			print_row(&patients[i].rows[j], has_colour);
}

static int diagnose(const struct doctor *doctor)
{
	struct patient *patients = calloc(TARGETS_MAX, sizeof(*patients));
	struct feature_table table;
	bool can_record;
	int rc = 0;

	if (!patients) {
		fputs("gilscope doctor: out of memory\n", stderr);
		return EXIT_UNABLE;
	}
	feature_table_probe(&table);
	can_record = !feature_table_missing(&table);
	for (size_t i = 0; i < doctor->pid_count; i++) {
		patients[i].pid = doctor->pids[i];
		examine(&patients[i]);
		can_record &= patients[i].can_record;
	}
	if (doctor->is_json)
		rc = print_json(&table, patients, doctor->pid_count, can_record);
	else
		print_table(&table, patients, doctor->pid_count);
	for (size_t i = 0; i < doctor->pid_count; i++)
		inspection_fini(&patients[i].inspection);
	free(patients);
	if (rc || fflush(stdout)) {
		fputs("gilscope doctor: cannot write the result\n", stderr);
		return EXIT_UNABLE;
	}
	return can_record ? EXIT_DONE : EXIT_UNABLE;
}

/* "12,34" → pids. */
static int parse_pids(const char *text, struct doctor *doctor)
{
	while (*text) {
		char *end;
		long pid;

		errno = 0;
		pid = strtol(text, &end, 10);
		if (end == text || errno || pid <= 0 || pid > INT32_MAX ||
			doctor->pid_count == TARGETS_MAX || (*end && (*end != ',' || !end[1])))
			return -EINVAL;
		doctor->pids[doctor->pid_count++] = (pid_t)pid;
		text = *end ? end + 1 : end;
	}
	return doctor->pid_count ? 0 : -EINVAL;
}

static void print_help(void)
{
	puts("usage: gilscope doctor [-p PID[,PID]] [--json]\n\n"
	     "What this machine, these rights and a target allow, with cause and remedy of what "
	     "is\n"
	     "missing. Exit code 0: recording is possible; 2: it is not.\n\n"
	     "  -p, --pid PID   examine this process too: interpreter, lock, probe sites, stacks\n"
	     "      --json      print everything found as JSON (schema gilscope-doctor/1)\n\n"
	     "  gilscope doctor\n"
	     "  gilscope doctor -p 4242 --json");
}

static int parse_options(int argc, char **argv, struct doctor *doctor)
{
	static const struct option options[] = {
		{"pid", required_argument, NULL, 'p'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "p:h", options, NULL)) != -1) {
		if (option == 'p' && parse_pids(optarg, doctor)) {
			fprintf(stderr, "gilscope doctor: -p wants a process id, not %s\n", optarg);
			return -EINVAL;
		}
		if (option == '?')
			return -EINVAL;
		doctor->is_json |= option == 'j';
		doctor->with_help |= option == 'h';
	}
	if (optind < argc) {
		fprintf(stderr, "gilscope doctor: what is %s? (gilscope doctor --help)\n",
			argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int run_doctor(int argc, char **argv)
{
	static char name[] = "gilscope doctor";
	struct doctor doctor = {0};

	argv[0] = name; /* getopt begins its sentences with it */
	if (parse_options(argc, argv, &doctor))
		return EXIT_UNABLE;
	if (doctor.with_help) {
		print_help();
		return EXIT_DONE;
	}
	return diagnose(&doctor);
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.args = "[-p PID] [--json]",
	.help = "say what this machine, these rights and a target allow, and what to do",
	.run = run_doctor,
};
