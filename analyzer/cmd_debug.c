/* The hidden verbs: an outline as text, one unit extracted by hand. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/command.h"
#include "analyzer/debug.h"
#include "analyzer/extract.h"
#include "analyzer/outline.h"
#include "analyzer/outline_text.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/str.h"

#define MAX_TEXT_BYTES ((size_t)1 << 30)

static int complain(const char *text)
{
	fprintf(stderr, "gilscope-lint: %s\n", text);
	return 2;
}

int debug_outline(char **args)
{
	_str_fini_ struct str text = STR_INIT(MAX_TEXT_BYTES);
	struct outline outline;
	struct err err;
	int rc;

	if (outline_load(args[0], &outline, &err))
		return complain(err.text);
	rc = outline_text(&outline, args[1], &text);
	outline_fini(&outline);
	if (rc)
		return complain("out of memory");
	fputs(str_text(&text), stdout);
	return 0;
}

int debug_extract(char **args)
{
	char directory[PATH_MAX];
	_free_ char *file = realpath(args[1], NULL);
	struct unit unit = {
		.directory = getcwd(directory, sizeof(directory)),
		.file = file,
		.output = "",
		.args = (const char *const *)args + 2,
		.is_cxx = language_of(args[1]) == LANGUAGE_CXX,
	};
	struct err err;

	if (!unit.file || !unit.directory)
		return complain("cannot read the source file");
	return extract_unit(&unit, args[0], &err) ? complain(err.text) : 0;
}
