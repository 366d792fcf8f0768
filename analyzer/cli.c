/* argv → struct cli, by glibc's argp: one table for parsing and --help. */
#include "analyzer/cli.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

#include "runtime/base/cleanup.h"

const char *argp_program_version = "gilscope-lint " GILSCOPE_VERSION;
const char *const cli_formats[] = {"text", "concise", "json", "sarif", NULL};

enum {
	KEY_SELECT = 256,
	KEY_IGNORE,
	KEY_CONFIDENCE,
	KEY_MODEL,
	KEY_EXIT_ZERO,
	KEY_COLOUR,
	KEY_EXPLAIN,
	KEY_BASELINE,
	KEY_WRITE_BASELINE,
};

static const struct argp_option options[] = {
	{"build", 'p', "DIR", 0,
		"folder of compile_commands.json (default: the nearest at or above PATH)", 1},
	{"jobs", 'j', "N", 0, "units extracted at the same time (default: one a core)", 1},
	{"model", KEY_MODEL, "FILE", 0, "more about what functions do; later ones win", 1},
	{"select", KEY_SELECT, "RULES", 0, "only these rules (names with commas between)", 2},
	{"ignore", KEY_IGNORE, "RULES", 0, "all but these rules", 2},
	{"confidence", KEY_CONFIDENCE, "LEVEL", 0,
		"show findings from high (default), medium or low on", 2},
	{"baseline", KEY_BASELINE, "FILE", 0, "only findings that are not in FILE", 2},
	{"write-baseline", KEY_WRITE_BASELINE, "FILE", 0,
		"write what is found to FILE, for --baseline", 2},
	{"format", 'f', "FMT[:FILE]", 0,
		"text (default), concise, json or sarif; may be repeated, one without FILE", 3},
	{"color", KEY_COLOUR, "WHEN", 0, "auto (default), always or never", 3},
	{"exit-zero", KEY_EXIT_ZERO, NULL, 0, "exit 0 even with findings", 3},
	{"explain", KEY_EXPLAIN, "RULE", 0, "say what a rule means and how to fix it", 4},
	{0},
};

static const char doc[] =
	"Find C and C++ code that holds the interpreter lock too long, or lacks it."
	"\vPATH limits the run to sources below it. COMMAND is run, and what it compiles is "
	"checked."
	"\n\nExamples:\n"
	"  gilscope-lint                          the nearest compile_commands.json\n"
	"  gilscope-lint -p build src/            those below src/\n"
	"  gilscope-lint -- make -B               whatever this builds\n"
	"  gilscope-lint -- pip wheel --no-deps . a Python package\n"
	"  gilscope-lint -f text -f sarif:out.sarif\n"
	"  gilscope-lint --explain blocking-call\n"
	"\nExit code: 0 nothing found, 1 findings, 2 the check could not be done.\n";

static void set_rules(struct argp_state *state, struct cli *cli, const char *list, bool is_selected)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		_free_ char *name = strndup(list, len);
		const struct rule *rule = name ? rule_find(name) : NULL;

		if (!rule)
			argp_error(state,
				"there is no rule \"%s\"; the rules are blocking-call, "
				"api-unlocked, unbalanced … (--explain lists them)",
				name ? name : "");
		else
			cli->is_selected[rule - rules] = is_selected;
		list += len + (list[len] == ',');
	}
}

static void add_format(struct argp_state *state, struct cli *cli, char *text)
{
	char *colon = strchr(text, ':');
	struct cli_output output = {text, colon ? colon + 1 : NULL};
	size_t at = 0;

	if (colon)
		*colon = '\0';
	while (cli_formats[at] && strcmp(cli_formats[at], text) != 0)
		at++;
	if (!cli_formats[at])
		argp_error(
			state, "there is no format \"%s\"; use text, concise, json or sarif", text);
	if (colon && !*output.file)
		argp_error(state, "--format %s: has no file name", text);
	for (size_t i = 0; i < cli->outputs.len; i++)
		if (!output.file && !cli->outputs.at[i].file)
			argp_error(state,
				"two formats for standard output; give one a file: "
				"--format %s:FILE",
				text);
	if (vec_push(&cli->outputs, output))
		argp_failure(state, 2, ENOMEM, "--format");
}

static void set_colour(struct argp_state *state, struct cli *cli, const char *when)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(when, names[i])) {
			cli->colour = (enum term_colour_mode)i;
			return;
		}
	argp_error(state, "--color %s: use auto, always or never", when);
}

static void set_workers(struct argp_state *state, struct cli *cli, const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || end == text || text[0] == '-' || !number || number > 4096)
		argp_error(state, "-j %s: use a number from 1 to 4096", text);
	cli->workers = number;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct cli *cli = state->input;
	bool is_failed = false;

	switch (key) {
	case 'p':
		cli->database = text;
		break;
	case 'j':
		set_workers(state, cli, text);
		break;
	case 'f':
		add_format(state, cli, text);
		break;
	case KEY_SELECT:
		memset(cli->is_selected, 0, sizeof(cli->is_selected));
		set_rules(state, cli, text, true);
		break;
	case KEY_IGNORE:
		set_rules(state, cli, text, false);
		break;
	case KEY_BASELINE:
		cli->baseline = text;
		break;
	case KEY_WRITE_BASELINE:
		cli->new_baseline = text;
		break;
	case KEY_CONFIDENCE:
		if (confidence_parse(text, &cli->confidence))
			argp_error(state, "--confidence %s: use high, medium or low", text);
		break;
	case KEY_MODEL:
		is_failed = vec_push(&cli->models, text);
		break;
	case KEY_EXIT_ZERO:
		cli->is_exit_zero = true;
		break;
	case KEY_COLOUR:
		set_colour(state, cli, text);
		break;
	case KEY_EXPLAIN:
		cli->explain = text;
		break;
	case ARGP_KEY_ARG:
		is_failed = vec_push(&cli->paths, text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (is_failed)
		argp_failure(state, 2, ENOMEM, "reading the options");
	return 0;
}

void cli_parse(int argc, char **argv, struct cli *ret_cli)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "[PATH…]\n[PATH…] -- COMMAND [ARG…]",
		.doc = doc,
	};
	struct cli cli = {.confidence = CONFIDENCE_HIGH, .colour = TERM_COLOUR_AUTO};
	int own = 0;

	argp_err_exit_status = 2;
	memset(cli.is_selected, 1, sizeof(cli.is_selected));
	/* The command's options are not ours: argp would take them. */
	while (own < argc && strcmp(argv[own], "--") != 0)
		own++;
	argp_parse(&argp, own, argv, 0, NULL, &cli);
	if (own < argc) {
		cli.command = argv + own + 1;
		if (!cli.command[0]) {
			fputs("gilscope-lint: no command after \"--\"; for example: gilscope-lint "
			      "-- "
			      "make\n",
				stderr);
			exit(2);
		}
	}
	if (!cli.outputs.len && vec_push(&cli.outputs, (struct cli_output){"text", NULL})) {
		fputs("gilscope-lint: out of memory\n", stderr);
		exit(2);
	}
	*ret_cli = cli;
}

void cli_fini(struct cli *cli)
{
	vec_fini(&cli->outputs);
	vec_fini(&cli->models);
	vec_fini(&cli->paths);
}
