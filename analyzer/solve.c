/* Outlines + models → findings: load, effects bottom-up, reach top-down, let the rules judge. */
#include "analyzer/solve.h"

#include <string.h>

#include "analyzer/draft.h"
#include "runtime/base/err.h"

int solve_program(
	struct program *program, const struct solve_options *options, struct findings *findings)
{
	struct effects effects = {0};
	struct reach reach = {0};
	int code = effects_solve(&effects, program);

	if (!code)
		code = reach_solve(&reach, program, &effects);
	if (!code)
		code = drafts_finish(&reach, options, findings);
	if (!code && options->ret_limits)
		*options->ret_limits = effects.limits_hit + reach.limits_hit;
	reach_fini(&reach);
	effects_fini(&effects);
	return code;
}

static int files_tell(const struct program *program, const struct solve_options *options)
{
	const char *last = "";
	int code = 0;

	vec_each (fn, &program->functions) {
		const char *file = fn->def ? outline_string(fn->outline, fn->def->file) : "";

		if (code || !*file || fn->def->flags & FUNCTION_SYSTEM || !strcmp(file, last))
			continue;
		code = options->add_file(options->context, file);
		last = file;
	}
	return code;
}

int solve(const struct solve_options *options, struct findings *findings, struct err *err)
{
	struct program program = {.models = options->models};
	int code = program_load(&program, options->outlines, options->outline_count, findings);

	if (!code)
		code = solve_program(&program, options, findings);
	if (!code && options->add_file)
		code = files_tell(&program, options);
	program_fini(&program);
	return code ? err_ret(err, code, "cannot join the outlines: out of memory") : 0;
}
