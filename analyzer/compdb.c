/* compile_commands.json → units. The file comes from a build system, but may be anyone's. */
#include "analyzer/compdb.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/command.h"
#include "analyzer/words.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

#define FILE_NAME "compile_commands.json"
#define MAX_BYTES ((size_t)512 << 20)

int units_init(struct units *units)
{
	*units = (struct units){.arena = arena_new()};
	return units->arena ? 0 : -ENOMEM;
}

void units_fini(struct units *units)
{
	vec_fini(&units->list);
	vec_fini(&units->skipped);
	arena_free(units->arena);
	units->arena = NULL;
}

static const char *text_of(json_t *entry, const char *key)
{
	return json_string_value(json_object_get(entry, key));
}

static int skip(struct units *units, const char *file, const char *why)
{
	struct unit_skipped skipped = {
		.file = arena_strdup(units->arena, file ? file : "?"),
		.why = arena_strdup(units->arena, why),
	};

	return !skipped.file || !skipped.why || vec_push(&units->skipped, skipped) ? -ENOMEM : 0;
}

/* "arguments" or "command" → words. */
static int entry_words(struct arena *arena, json_t *entry, struct words *words, struct err *err)
{
	json_t *arguments = json_object_get(entry, "arguments"), *argument;
	const char *command = text_of(entry, "command");
	size_t i;

	if (!arguments && command)
		return words_split(arena, command, words, err);
	if (!json_is_array(arguments))
		return err_ret(err, -EINVAL, "the entry has neither \"command\" nor \"arguments\"");
	if (json_array_size(arguments) > WORDS_MAX)
		return err_ret(err, -E2BIG, "more than %d words in one command", WORDS_MAX);
	json_array_foreach(arguments, i, argument)
	{
		const char *text = arena_strdup(arena, json_string_value(argument));

		if (!json_is_string(argument))
			return err_ret(
				err, -EINVAL, "\"arguments\" holds something else than text");
		if (!text || vec_push(&words->list, text))
			return err_ret(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int add_unit(struct units *units, const struct words *words, const char *directory,
	const char *file, const char *output)
{
	struct command command;
	struct unit unit;
	int rc = command_parse(words, &command);

	if (rc)
		return rc;
	rc = command_unit(units->arena, &command, directory, file, &unit);
	command_fini(&command);
	if (rc)
		return rc == -ENOTSUP ? 0 : rc;
	if (output)
		unit.output = path_normalise(units->arena, directory, output);
	return !unit.output || vec_push(&units->list, unit) ? -ENOMEM : 0;
}

/* One entry; what is wrong with it alone skips it alone. -ENOMEM only. */
static int add_entry(struct units *units, const char *home, json_t *entry)
{
	const char *directory = text_of(entry, "directory"), *file = text_of(entry, "file");
	const char *output = text_of(entry, "output");
	struct words words = {0};
	struct err why = {""};
	int rc;

	if (!json_is_object(entry))
		return skip(units, NULL, "not an object");
	if (!file || !*file || !directory)
		return skip(units, file, "the entry has no \"file\" or no \"directory\"");
	directory = path_normalise(units->arena, home, directory);
	if (!directory)
		return -ENOMEM;
	rc = entry_words(units->arena, entry, &words, &why);
	if (!rc)
		rc = words_expand(units->arena, directory, &words, &why);
	if (!rc)
		rc = add_unit(units, &words, directory, file, output);
	else if (rc != -ENOMEM)
		rc = skip(units, file, why.text);
	words_fini(&words);
	return rc;
}

/* The database itself when `path` is a folder. */
static const char *database_path(struct arena *arena, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return arena_printf(arena, "%s/" FILE_NAME, path);
	return path;
}

/* The absolute folder of the database: what relative "directory" entries are relative to. */
static const char *home_of(struct arena *arena, const char *path)
{
	_free_ char *full = realpath(path, NULL);
	char *slash = full ? strrchr(full, '/') : NULL;

	if (!slash)
		return "/";
	slash[slash == full] = '\0';
	return arena_strdup(arena, full);
}

static int parse_json(const char *path, json_t **ret_root, struct err *err)
{
	_free_ char *text = NULL;
	json_error_t error;
	size_t len;
	int rc = file_load(path, MAX_BYTES, &text, &len, err);

	if (rc)
		return rc;
	*ret_root = json_loadb(text, len, 0, &error);
	if (!*ret_root)
		return err_ret(err, -EINVAL, "%s:%d:%d: not valid JSON: %s", path, error.line,
			error.column, error.text);
	if (!json_is_array(*ret_root)) {
		json_decref(*ret_root);
		return err_ret(err, -EINVAL, "%s:1: not a list of compile commands", path);
	}
	return 0;
}

int compdb_load(const char *path, struct units *units, struct err *err)
{
	const char *home;
	json_t *root, *entry;
	size_t i;
	int rc;

	path = database_path(units->arena, path);
	if (!path)
		return err_ret(err, -ENOMEM, "out of memory");
	rc = parse_json(path, &root, err);
	if (rc)
		return rc;
	home = home_of(units->arena, path);
	if (!home)
		rc = -ENOMEM;
	json_array_foreach(root, i, entry)
	{
		if (rc)
			break;
		rc = add_entry(units, home, entry);
	}
	json_decref(root);
	if (rc)
		return err_ret(err, rc, "out of memory reading %s", path);
	units_sort(units);
	return 0;
}

int compdb_find(const char *folder, char **ret_path)
{
	static const char *const places[] = {"", "build/"};
	_free_ char *at = realpath(folder, NULL);

	while (at) {
		char *slash;

		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			char *path;

			if (asprintf(&path, "%s/%s" FILE_NAME, at, places[i]) < 0)
				return -ENOMEM;
			if (!access(path, R_OK)) {
				*ret_path = path;
				return 0;
			}
			free(path);
		}
		slash = strrchr(at, '/');
		if (!slash || !*at)
			break;
		*slash = '\0';
	}
	return -ENOENT;
}

static bool is_under(const char *file, const char *path)
{
	size_t len = strlen(path);

	if (len && path[len - 1] == '/')
		len--;
	return !strncmp(file, path, len) && (file[len] == '/' || file[len] == '\0');
}

void units_filter(struct units *units, const char *const *paths, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < units->list.len; i++) {
		bool is_wanted = false;

		for (size_t k = 0; k < count && !is_wanted; k++)
			is_wanted = is_under(units->list.at[i].file, paths[k]);
		if (is_wanted)
			units->list.at[kept++] = units->list.at[i];
	}
	units->list.len = kept;
}

/* The same code compiled the same way, whatever it is written to. */
static int compare_content(const struct unit *a, const struct unit *b)
{
	int order = strcmp(a->file, b->file);

	if (!order)
		order = strcmp(a->directory, b->directory);
	for (size_t i = 0; !order; i++) {
		if (!a->args[i] || !b->args[i])
			return !!a->args[i] - !!b->args[i];
		order = strcmp(a->args[i], b->args[i]);
	}
	return order;
}

static int by_content(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;
	int order = compare_content(x, y);

	return order ? order : strcmp(x->output, y->output);
}

static int by_file(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	if (!order)
		order = strcmp(x->output, y->output);
	return order ? order : by_content(a, b);
}

void units_sort(struct units *units)
{
	size_t kept = 0;

	if (!units->list.len)
		return;
	qsort(units->list.at, units->list.len, sizeof(struct unit), by_content);
	for (size_t i = 0; i < units->list.len; i++)
		if (!i || compare_content(&units->list.at[i - 1], &units->list.at[i]) != 0)
			units->list.at[kept++] = units->list.at[i];
	units->list.len = kept;
	qsort(units->list.at, units->list.len, sizeof(struct unit), by_file);
}
