/* `gilscope dump`: pids → who holds the interpreter lock this moment, who waits and what every
 * thread does, on stdout or in files. One look without probes; works on a program that hangs. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/snapshot.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/term.h"
#include "runtime/cmd/cmd.h"
#include "runtime/cmd/dump_render.h"

#define PIDS_MAX 64
#define OUTPUTS_MAX 8
#define FRAMES_SHOWN 30
#define OUT_MAX_BYTES ((size_t)256 << 20)

struct format {
	const char *name;
	int (*make)(const struct snapshot *snapshots, size_t count, const struct dump_style *style,
		struct str *out);
};

static const struct format formats[] = {{"text", dump_text}, {"json", dump_json}};

struct output {
	const struct format *format;
	const char *file; /* borrowed from argv; NULL: stdout */
	struct str text;
};

struct request {
	pid_t pids[PIDS_MAX];
	size_t pid_count;
	struct output outputs[OUTPUTS_MAX];
	size_t output_count, frames;
	enum term_colour_mode colour;
	struct err err; /* of the command line */
};

enum { OPTION_COLOR = 0x100, OPTION_FRAMES };

static const struct argp_option option_table[] = {
	{"pid", 'p', "PID[,PID]", 0, "look into these processes", 0},
	{"format", 'f', "FORMAT[:FILE]", 0,
		"text (default) or json, to FILE or to stdout; may be repeated", 0},
	{"frames", OPTION_FRAMES, "N", 0, "functions of each stack in the text: 30 by default", 0},
	{"color", OPTION_COLOR, "WHEN", 0, "auto (default), always or never", 0},
	{0},
};

static const char help_text[] =
	"Say who holds the interpreter lock this moment, who waits for it, and what every thread "
	"does, each with its Python stack. Needs no probes and stops nothing; works on a program "
	"that hangs.\v"
	"Exit status: 0 done, 2 a process could not be looked into (the others are shown).\n\n"
	"  gilscope dump -p 4242\n"
	"  gilscope dump -p 4242,4243 --format json:dump.json";

static bool is_named(const struct request *request, pid_t pid)
{
	for (size_t i = 0; i < request->pid_count; i++)
		if (request->pids[i] == pid)
			return true;
	return false;
}

static int add_pids(struct request *request, const char *text)
{
	const char *at = text;

	do {
		char *end;
		long pid;

		errno = 0;
		pid = strtol(at, &end, 10);
		if (end == at || errno || pid <= 0 || pid > INT_MAX || (*end && *end != ','))
			return err_ret(&request->err, -EINVAL,
				"-p wants process ids like 4242 or 4242,4243; not \"%.80s\"", text);
		at = *end ? end + 1 : NULL;
		if (is_named(request, (pid_t)pid))
			continue;
		if (request->pid_count == PIDS_MAX)
			return err_ret(
				&request->err, -EINVAL, "at most %d processes at a time", PIDS_MAX);
		request->pids[request->pid_count++] = (pid_t)pid;
	} while (at);
	return 0;
}

static int add_output(struct request *request, const char *text)
{
	size_t len = strcspn(text, ":");
	struct output output = {
		.file = text[len] ? text + len + 1 : NULL,
		.text = STR_INIT(OUT_MAX_BYTES),
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strlen(formats[i].name) == len && !strncmp(formats[i].name, text, len))
			output.format = &formats[i];
	if (!output.format)
		return err_ret(&request->err, -EINVAL,
			"no such format: %.80s (text or json, each with :FILE if wanted)", text);
	if (output.file && !*output.file)
		return err_ret(&request->err, -EINVAL, "--format %.80s names no file", text);
	if (request->output_count == OUTPUTS_MAX)
		return err_ret(&request->err, -EINVAL, "--format: too many of them");
	request->outputs[request->output_count++] = output;
	return 0;
}

static int set_colour(struct request *request, const char *text)
{
	if (!strcmp(text, "auto"))
		request->colour = TERM_COLOUR_AUTO;
	else if (!strcmp(text, "always"))
		request->colour = TERM_COLOUR_ALWAYS;
	else if (!strcmp(text, "never"))
		request->colour = TERM_COLOUR_NEVER;
	else
		return err_ret(&request->err, -EINVAL,
			"--color wants auto, always or never; not \"%.80s\"", text);
	return 0;
}

static int set_frames(struct request *request, const char *text)
{
	char *end;
	long frames;

	errno = 0;
	frames = strtol(text, &end, 10);
	if (end == text || *end || errno || frames < 1 || frames > SNAPSHOT_FRAMES_MAX)
		return err_ret(&request->err, -EINVAL,
			"--frames wants a number from 1 to %d; not \"%.80s\"", SNAPSHOT_FRAMES_MAX,
			text);
	request->frames = (size_t)frames;
	return 0;
}

static int check_request(struct request *request)
{
	size_t to_stdout = 0;

	if (!request->pid_count)
		return err_ret(
			&request->err, -EINVAL, "name a process: gilscope dump -p PID[,PID]");
	if (!request->output_count && add_output(request, "text"))
		return -EINVAL;
	for (size_t i = 0; i < request->output_count; i++)
		to_stdout += !request->outputs[i].file;
	if (to_stdout > 1)
		return err_ret(&request->err, -EINVAL,
			"only one format can go to stdout: give the others a file, like "
			"--format json:dump.json");
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'p':
	case ARGP_KEY_ARG:
		return -add_pids(request, value);
	case 'f':
		return -add_output(request, value);
	case OPTION_FRAMES:
		return -set_frames(request, value);
	case OPTION_COLOR:
		return -set_colour(request, value);
	case ARGP_KEY_END:
		return -check_request(request);
	}
	return ARGP_ERR_UNKNOWN;
}

static int make_output(const struct request *request, struct output *output,
	const struct snapshot *snapshots, size_t count, struct err *err)
{
	struct dump_style style = {
		.has_colour = output->file ? request->colour == TERM_COLOUR_ALWAYS
					   : term_has_colour(stdout, request->colour),
		.frames = request->frames,
	};
	int rc = output->format->make(snapshots, count, &style, &output->text);

	return rc ? err_ret(err, rc, "cannot make the %s: %s", output->format->name, strerror(-rc))
		  : 0;
}

static int write_output(const struct output *output, struct err *err)
{
	const char *text = str_text(&output->text);

	if (output->file)
		return file_save(output->file, text, output->text.len, err);
	if (fwrite(text, 1, output->text.len, stdout) == output->text.len && !fflush(stdout))
		return 0;
	return err_ret(err, -EIO, "cannot write to stdout: %s", strerror(errno));
}

/* Everything is made before anything is written, so that a failure leaves nothing. */
static int make_and_write(
	struct request *request, const struct snapshot *snapshots, size_t count, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < request->output_count; i++)
		rc = make_output(request, &request->outputs[i], snapshots, count, err);
	for (size_t i = 0; !rc && i < request->output_count; i++)
		rc = write_output(&request->outputs[i], err);
	return rc;
}

static int dump(struct request *request)
{
	struct snapshot *snapshots = calloc(PIDS_MAX, sizeof(*snapshots));
	struct err err = {{0}};
	size_t count = 0;
	int code = EXIT_DONE;

	if (!snapshots) {
		fputs("gilscope: out of memory\n", stderr);
		return EXIT_UNABLE;
	}
	for (size_t i = 0; i < request->pid_count; i++) {
		if (!snapshot_take(request->pids[i], &snapshots[count], &err)) {
			count++;
			continue;
		}
		fprintf(stderr, "gilscope: %s\n", err.text);
		snapshot_fini(&snapshots[count]);
		code = EXIT_UNABLE;
	}
	if (count && make_and_write(request, snapshots, count, &err)) {
		fprintf(stderr, "gilscope: %s\n", err.text);
		code = EXIT_UNABLE;
	}
	for (size_t i = 0; i < count; i++)
		snapshot_fini(&snapshots[i]);
	free(snapshots);
	return code;
}

static int run_dump(int argc, char **argv)
{
	static char name[] = "gilscope dump";
	const struct argp argp = {
		option_table, parse_option, "-p PID[,PID]", help_text, NULL, NULL, NULL};
	struct request request = {.frames = FRAMES_SHOWN};
	int code = EXIT_UNABLE, rc;

	argp_err_exit_status = EXIT_UNABLE;
	argv[0] = name;
	rc = argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (rc)
		fprintf(stderr, "gilscope: %s\n",
			*request.err.text ? request.err.text : strerror(rc));
	else
		code = dump(&request);
	for (size_t i = 0; i < request.output_count; i++)
		str_fini(&request.outputs[i].text);
	return code;
}

const struct cmd cmd_dump = {
	.name = "dump",
	.args = "-p PID[,PID] [--format text|json[:FILE]]",
	.help = "say who holds the lock this moment, who waits, and what every thread does",
	.run = run_dump,
};
