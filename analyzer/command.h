/* One compiler call → what clang needs of it to compile the same code. */
#ifndef GILSCOPE_ANALYZER_COMMAND_H
#define GILSCOPE_ANALYZER_COMMAND_H

#include <stdbool.h>

#include "analyzer/compdb.h"
#include "analyzer/words.h"

struct command {
	struct words args; /* kept flags, by flags.tsv; owned list */
	struct words sources; /* words that are no flags and name C or C++ files; owned list */
	const char *output; /* after -o; "" when none */
	const char *language; /* of the last -x; NULL when none */
	bool is_cxx_driver; /* g++, clang++: .c files are C++ too */
	bool is_compilation; /* makes code: not just -E, -M, -fsyntax-only, --version */
	bool has_stdin; /* "-" is the source */
};

/* `words` begins with the compiler (and what is before it: ccache). The strings are borrowed. */
int command_parse(const struct words *words, struct command *ret_command);
void command_fini(struct command *command);

/* What a file is by its name; LANGUAGE_OTHER: nothing that clang could compile for us. */
enum language { LANGUAGE_OTHER, LANGUAGE_C, LANGUAGE_CXX };
enum language language_of(const char *file);

/* Makes the unit of `file` (absolute or relative to `directory`). -ENOTSUP: not C or C++. Strings
 * live in `arena`. */
int command_unit(struct arena *arena, const struct command *command, const char *directory,
	const char *file, struct unit *ret_unit);

/* "/a/./b/../c" → "/a/c", relative ones below `directory`; NULL when memory is out. */
const char *path_normalise(struct arena *arena, const char *directory, const char *path);

#endif
