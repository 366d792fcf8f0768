/* The words of a compiler call → flags that clang needs, sources, output. What becomes of a flag is
 * a row of flags.tsv. */
#include "analyzer/command.h"

#include <string.h>

#include "runtime/base/embed.h"

EMBED_TEXT(gilscope_flags_tsv, GILSCOPE_FLAGS_PATH);

enum argument { ARGUMENT_NONE, ARGUMENT_JOINED, ARGUMENT_SEPARATE, ARGUMENT_EITHER };

struct flag {
	const char *name; /* in the table's text, not terminated */
	size_t len;
	enum argument argument;
	bool is_kept;
};

static bool is_column(const char *at, size_t len, const char *text)
{
	return strlen(text) == len && !strncmp(at, text, len);
}

/* One line of flags.tsv; false for comments. */
static bool parse_row(const char *line, struct flag *ret_flag)
{
	static const char *const arguments[] = {"none", "joined", "separate", "either"};
	struct flag flag = {.name = line, .len = strcspn(line, "\t\n")};
	const char *at = line + flag.len;
	size_t len;

	if (line[0] != '-' || *at != '\t')
		return false;
	at++;
	len = strcspn(at, "\t\n");
	for (int i = 0; i < 4; i++)
		if (is_column(at, len, arguments[i]))
			flag.argument = (enum argument)i;
	at += len;
	if (*at != '\t')
		return false;
	at++;
	flag.is_kept = is_column(at, strcspn(at, "\t\n"), "keep");
	*ret_flag = flag;
	return true;
}

static bool fits(const struct flag *flag, const char *word)
{
	bool is_whole = word[flag->len] == '\0';

	if (strncmp(word, flag->name, flag->len) != 0)
		return false;
	return is_whole || (flag->argument != ARGUMENT_NONE && flag->argument != ARGUMENT_SEPARATE);
}

/* The longest row that fits; a dropped flag of its own when none does. */
static struct flag find_flag(const char *word)
{
	struct flag best = {.argument = ARGUMENT_NONE}, flag;

	for (const char *line = gilscope_flags_tsv; *line;) {
		if (parse_row(line, &flag) && flag.len > best.len && strlen(word) >= flag.len &&
			fits(&flag, word))
			best = flag;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return best;
}

static bool takes_next(const struct flag *flag, const char *word)
{
	bool is_whole = word[flag->len] == '\0';

	return flag->argument == ARGUMENT_SEPARATE ||
	       (flag->argument == ARGUMENT_EITHER && is_whole);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* g++, clang++-19, x86_64-linux-gnu-g++-12 */
static bool is_cxx_name(const char *word)
{
	const char *name = base_name(word);

	return word[0] != '-' && strstr(name, "++") != NULL && language_of(name) == LANGUAGE_OTHER;
}

enum language language_of(const char *file)
{
	static const struct {
		const char *extension;
		enum language language;
	} table[] = {
		{"c", LANGUAGE_C},
		{"i", LANGUAGE_C},
		{"cc", LANGUAGE_CXX},
		{"cp", LANGUAGE_CXX},
		{"cpp", LANGUAGE_CXX},
		{"cxx", LANGUAGE_CXX},
		{"c++", LANGUAGE_CXX},
		{"C", LANGUAGE_CXX},
		{"CPP", LANGUAGE_CXX},
		{"ii", LANGUAGE_CXX},
	};
	const char *dot = strrchr(base_name(file), '.');

	for (size_t i = 0; dot && i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(dot + 1, table[i].extension))
			return table[i].language;
	return LANGUAGE_OTHER;
}

static void note_word(struct command *command, const char *word)
{
	static const char *const only[] = {"-E", "-M", "-MM", "-fsyntax-only", "--version", "-v",
		"-dumpversion", "-dumpmachine", "-###", "--help"};

	for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++)
		if (!strcmp(word, only[i]))
			command->is_compilation = false;
}

static void note_flag(struct command *command, const char *word, const char *value)
{
	if (!strncmp(word, "-x", 2))
		command->language = value;
	if (!strncmp(word, "-o", 2))
		command->output = value;
}

/* A flag, and the word after it where that belongs to it; returns how many words that was, or a
 * negative errno. */
static int add_flag(struct command *command, const char *word, const char *next)
{
	struct flag flag = find_flag(word);
	bool has_next = flag.len && takes_next(&flag, word) && next;

	note_word(command, word);
	if (flag.len)
		note_flag(command, word, has_next ? next : word + flag.len);
	if (!flag.is_kept)
		return has_next ? 2 : 1;
	if (vec_push(&command->args.list, word) ||
		(has_next && vec_push(&command->args.list, next)))
		return -ENOMEM;
	return has_next ? 2 : 1;
}

int command_parse(const struct words *words, struct command *ret_command)
{
	struct command command = {.output = "", .is_compilation = true};
	size_t at = 0;

	for (; at < words->list.len && words->list.at[at][0] != '-'; at++)
		if (is_cxx_name(words->list.at[at]))
			command.is_cxx_driver = true;
	for (at = words->list.len ? 1 : 0; at < words->list.len;) {
		const char *word = words->list.at[at];
		const char *next = at + 1 < words->list.len ? words->list.at[at + 1] : NULL;
		int used = 1;

		if (!strcmp(word, "-"))
			command.has_stdin = true;
		else if (word[0] == '-')
			used = add_flag(&command, word, next);
		else if (language_of(word) != LANGUAGE_OTHER)
			used = vec_push(&command.sources.list, word) ? -ENOMEM : 1;
		if (used < 0) {
			command_fini(&command);
			return used;
		}
		at += (size_t)used;
	}
	*ret_command = command;
	return 0;
}

void command_fini(struct command *command)
{
	words_fini(&command->args);
	words_fini(&command->sources);
}

const char *path_normalise(struct arena *arena, const char *directory, const char *path)
{
	char *full = path[0] == '/' ? arena_strdup(arena, path)
				    : arena_printf(arena, "%s/%s", directory, path);
	char *out = full, *at = full;

	if (!full)
		return NULL;
	while (*at) {
		size_t len = strcspn(at, "/");
		char *next = at + len + (at[len] == '/');

		if (len == 2 && at[0] == '.' && at[1] == '.') {
			while (out > full && *--out != '/')
				;
		} else if (len && !(len == 1 && at[0] == '.')) {
			*out++ = '/';
			memmove(out, at, len);
			out += len;
		}
		at = next;
	}
	if (out == full)
		*out++ = '/';
	*out = '\0';
	return full;
}

static enum language language_named(const char *name)
{
	if (!strcmp(name, "c") || !strcmp(name, "cpp-output"))
		return LANGUAGE_C;
	if (!strcmp(name, "c++") || !strcmp(name, "c++-cpp-output"))
		return LANGUAGE_CXX;
	return strcmp(name, "none") != 0 ? LANGUAGE_OTHER : LANGUAGE_C;
}

int command_unit(struct arena *arena, const struct command *command, const char *directory,
	const char *file, struct unit *ret_unit)
{
	bool has_language = command->language && strcmp(command->language, "none") != 0;
	enum language language =
		has_language ? language_named(command->language) : language_of(file);
	bool is_forced = !has_language && language == LANGUAGE_C && command->is_cxx_driver;
	size_t count = command->args.list.len;
	const char **args;

	if (language == LANGUAGE_OTHER)
		return -ENOTSUP;
	args = arena_alloc(arena, (count + 3) * sizeof(*args));
	if (!args)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		args[i] = command->args.list.at[i];
	if (is_forced) {
		args[count++] = "-x";
		args[count++] = "c++";
	}
	*ret_unit = (struct unit){
		.directory = path_normalise(arena, "/", directory),
		.file = path_normalise(arena, directory, file),
		.output = *command->output ? path_normalise(arena, directory, command->output) : "",
		.args = args,
		.is_cxx = is_forced || language == LANGUAGE_CXX,
	};
	return ret_unit->directory && ret_unit->file && ret_unit->output ? 0 : -ENOMEM;
}
