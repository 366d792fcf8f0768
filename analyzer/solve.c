/* Outlines + models → findings: load, find the entries, run the engine, let the rules judge. */
#include "analyzer/solve.h"

#include "analyzer/program.h"
#include "runtime/base/err.h"

int solve(const struct solve_options *options, struct findings *findings, struct err *err)
{
	struct program program = {.models = options->models};
	struct roots roots = {0};
	int code;

	code = program_load(&program, options->outlines, options->outline_count, findings);
	if (!code)
		code = roots_find(&program, &roots);
	vec_fini(&roots.list);
	program_fini(&program);
	return code ? err_ret(err, code, "cannot join the outlines: out of memory") : 0;
}
