/* gilscope-lint: options → units → outlines → findings → output. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/extract.h"
#include "analyzer/outline.h"
#include "analyzer/outline_text.h"
#include "runtime/base/err.h"
#include "runtime/base/str.h"

/* outline FILE [FUNCTION]: what extract kept, as text. */
static int show_outline(int argc, char **argv)
{
	_str_fini_ struct str text = STR_INIT((size_t)1 << 30);
	struct outline outline;
	struct err err;

	if (outline_load(argv[2], &outline, &err)) {
		fprintf(stderr, "gilscope-lint: %s\n", err.text);
		return 2;
	}
	if (outline_text(&outline, argc > 3 ? argv[3] : NULL, &text)) {
		fputs("gilscope-lint: out of memory\n", stderr);
		return 2;
	}
	outline_fini(&outline);
	fputs(str_text(&text), stdout);
	return 0;
}

/* extract OUTLINE FILE [CLANG FLAGS...] */
static int extract_one(char **argv)
{
	char file[PATH_MAX], directory[PATH_MAX];
	const char *dot = strrchr(argv[3], '.');
	struct unit unit = {
		.directory = getcwd(directory, sizeof(directory)),
		.file = realpath(argv[3], file),
		.output = "",
		.args = (const char *const *)argv + 4,
		.is_cxx = dot && strcmp(dot, ".c") != 0,
	};
	struct err err;

	if (!unit.file || !unit.directory) {
		fprintf(stderr, "gilscope-lint: cannot read %s\n", argv[3]);
		return 2;
	}
	if (extract_unit(&unit, argv[2], &err)) {
		fprintf(stderr, "gilscope-lint: %s\n", err.text);
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("gilscope-lint " GILSCOPE_VERSION);
		return 0;
	}
	if (argc >= 3 && !strcmp(argv[1], "outline"))
		return show_outline(argc, argv);
	if (argc >= 4 && !strcmp(argv[1], "extract"))
		return extract_one(argv);
	fputs("usage: gilscope-lint [-p DIR] [PATH...]\n", stderr);
	return 2;
}
