/* A compiler call of a build → the same call, then an outline of every source in it.
 *
 * Whatever goes wrong with ours, the build gets what the compiler said and nothing else. */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/capture.h"
#include "analyzer/command.h"
#include "analyzer/extract.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/embed.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/str.h"

EMBED_TEXT(gilscope_capture_ignore_tsv, GILSCOPE_CAPTURE_IGNORE_PATH);

extern char **environ;

static bool is_ignored(const char *file)
{
	char pattern[256];

	for (const char *line = gilscope_capture_ignore_tsv; *line;) {
		size_t len = strcspn(line, "\t\n");

		if (line[0] != '#' && len && len < sizeof(pattern)) {
			memcpy(pattern, line, len);
			pattern[len] = '\0';
			if (!fnmatch(pattern, file, 0))
				return true;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
	while (*text++);
	return hash;
}

/* The same source compiled the same way has one outline, however often the build does it. */
static uint64_t unit_key(const struct unit *unit)
{
	uint64_t hash = hash_text(14695981039346656037ULL, unit->file);

	hash = hash_text(hash, unit->directory);
	for (size_t i = 0; unit->args[i]; i++)
		hash = hash_text(hash, unit->args[i]);
	return hash;
}

static void keep_unit(const struct unit *unit, const char *folder)
{
	char outline[PATH_MAX], record[PATH_MAX];
	_str_fini_ struct str text = STR_INIT(2 * PATH_MAX);
	struct err why = {""};
	uint64_t key = unit_key(unit);
	int rc;

	if (snprintf(outline, sizeof(outline), "%s/%016" PRIx64 ".outline", folder, key) >=
			(int)sizeof(outline) ||
		snprintf(record, sizeof(record), "%s/%016" PRIx64 ".unit", folder, key) >=
			(int)sizeof(record))
		return;
	rc = extract_unit(unit, outline, &why);
	str_add_bytes(&text, unit->file, strlen(unit->file) + 1);
	str_add(&text, rc ? why.text : "");
	/* A record that cannot be written is a unit that is not counted; the build goes on. */
	(void)file_save(record, str_text(&text), text.len, NULL);
}

static void extract_sources(struct arena *arena, const struct command *command, const char *folder)
{
	char directory[PATH_MAX];

	if (!getcwd(directory, sizeof(directory)))
		return;
	for (size_t i = 0; i < command->sources.list.len; i++) {
		struct unit unit;

		if (!command_unit(arena, command, directory, command->sources.list.at[i], &unit) &&
			!is_ignored(unit.file))
			keep_unit(&unit, folder);
	}
}

/* Runs the compiler as a child; its exit code, 128 + n when signal n ended it. */
static int run_compiler(const char *compiler, char **argv)
{
	int status;
	pid_t pid;

	if (posix_spawn(&pid, compiler, NULL, NULL, argv, environ))
		return 127;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int parse(struct arena *arena, char **argv, struct command *ret_command)
{
	struct words words = {0};
	char directory[PATH_MAX];
	int rc = getcwd(directory, sizeof(directory)) ? 0 : -errno;

	for (size_t i = 0; argv[i] && !rc; i++)
		rc = vec_push(&words.list, argv[i]);
	if (!rc)
		rc = words_expand(arena, directory, &words, NULL);
	if (!rc)
		rc = command_parse(&words, ret_command);
	words_fini(&words);
	return rc;
}

int capture_compiler(char **argv)
{
	_free_ char *compiler = strdup(getenv(CAPTURE_COMPILER_VARIABLE));
	_free_ char *folder = strdup(getenv(CAPTURE_FOLDER_VARIABLE) ?: "");
	struct arena *arena = arena_new();
	struct command command = {0};
	int code = 0;

	unsetenv(CAPTURE_COMPILER_VARIABLE);
	unsetenv(CAPTURE_FOLDER_VARIABLE);
	unsetenv(CAPTURE_SHIM_VARIABLE);
	unsetenv(CAPTURE_LIBRARY_VARIABLE);
	if (!compiler || !folder || !arena)
		return 127;
	if (parse(arena, argv, &command) || !command.is_compilation || !command.sources.list.len) {
		execv(compiler, argv);
		code = 127;
	} else {
		code = run_compiler(compiler, argv);
	}
	if (code == 0)
		extract_sources(arena, &command, folder);
	command_fini(&command);
	arena_free(arena);
	return code;
}
