/* The command line of gilscope-lint. */
#ifndef GILSCOPE_ANALYZER_CLI_H
#define GILSCOPE_ANALYZER_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/term.h"
#include "runtime/base/vec.h"
#include "runtime/core/finding.h"
#include "runtime/core/rule.h"

/* Where one format goes. */
struct cli_output {
	const char *format; /* "text" … */
	const char *file; /* NULL: standard output */
};

struct cli {
	const char *database; /* -p; NULL: the nearest */
	vec(struct cli_output) outputs; /* at least one */
	vec(const char *) models; /* --model */
	vec(const char *) paths;
	char *const *command; /* after "--", NULL-terminated; NULL: none */
	const char *baseline; /* what is known already; NULL: nothing */
	const char *new_baseline; /* to write; NULL: none */
	const char *explain; /* a rule's name; NULL: none */
	enum confidence confidence;
	enum term_colour_mode colour;
	size_t workers; /* 0: one a core */
	bool is_selected[RULE_COUNT];
	bool is_exit_zero;
};

/* Reads the command line. Prints help, version and usage errors itself and then exits, the latter
 * with 2, as argp does. */
void cli_parse(int argc, char **argv, struct cli *ret_cli);
void cli_fini(struct cli *cli);

extern const char *const cli_formats[]; /* NULL-terminated */

#endif
