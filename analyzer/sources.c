/* -p and paths → units: from a compilation database, or, for single files without one, with the
 * include folders that python3-config names. */
#include "analyzer/sources.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/command.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

#define MAX_CONFIG_BYTES 16384
#define NO_DATABASE                                                                                \
	"no compile_commands.json at or above %s; run the build through the linter "               \
	"(gilscope-lint "                                                                          \
	"-- make), or name the folder that has one with -p DIR"

/* Absolute paths without links and dots, for comparing. */
static int resolve(const struct sources_request *request, struct arena *arena, const char **out,
	struct err *err)
{
	for (size_t i = 0; i < request->count; i++) {
		_free_ char *full = realpath(request->paths[i], NULL);

		if (!full)
			return err_ret(err, -errno, "cannot read %s: %s", request->paths[i],
				strerror(errno));
		out[i] = arena_strdup(arena, full);
		if (!out[i])
			return err_ret(err, -ENOMEM, "out of memory");
	}
	return 0;
}

/* What the interpreter's own headers need, as words: "-I/usr/include/python3.11 …". */
static int config_includes(struct arena *arena, struct words *words, struct err *err)
{
	char text[MAX_CONFIG_BYTES] = "";
	FILE *stream = popen("python3-config --includes 2>/dev/null", "re");
	size_t len;

	if (!stream)
		return err_ret(err, -errno, "cannot run python3-config: %s", strerror(errno));
	len = fread(text, 1, sizeof(text) - 1, stream);
	text[len] = '\0';
	if (pclose(stream) || !len)
		return err_ret(err, -ENOENT,
			"there is no compile_commands.json, and python3-config does not say where "
			"Python.h is; install python3-dev, or run the build through the linter "
			"(gilscope-lint -- make)");
	return words_split(arena, text, words, err);
}

static int add_loose_file(
	struct units *units, const struct words *includes, const char *file, struct err *err)
{
	char *folder = arena_strdup(units->arena, file);
	struct command command = {.args = *includes, .output = ""};
	struct unit unit;
	int rc;

	if (!folder)
		return err_ret(err, -ENOMEM, "out of memory");
	*strrchr(folder, '/') = '\0';
	rc = command_unit(units->arena, &command, folder, file, &unit);
	if (rc == -ENOTSUP)
		return err_ret(err, rc, "%s is not a C or C++ source file", file);
	if (rc || vec_push(&units->list, unit))
		return err_ret(err, -ENOMEM, "out of memory");
	return 0;
}

static bool are_all_files(const char *const *paths, size_t count)
{
	struct stat st;

	for (size_t i = 0; i < count; i++)
		if (stat(paths[i], &st) || !S_ISREG(st.st_mode))
			return false;
	return count > 0;
}

static int find_loose(struct units *units, const char *const *paths, size_t count, struct err *err)
{
	struct words includes = {0};
	int rc;

	if (!are_all_files(paths, count))
		return err_ret(err, -ENOENT, NO_DATABASE, count ? paths[0] : "this folder");
	rc = config_includes(units->arena, &includes, err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_loose_file(units, &includes, paths[i], err);
	words_fini(&includes);
	if (!rc)
		units_sort(units);
	return rc;
}

static int check_any(const struct units *units, const char *database, size_t total,
	const char *const *paths, struct err *err)
{
	if (units->list.len)
		return 0;
	if (total)
		return err_ret(err, -ENOENT,
			"%s has no C or C++ source below %s; build it first, or name another "
			"database with -p DIR",
			database, paths[0]);
	if (units->skipped.len)
		return err_ret(err, -EINVAL, "no entry of %s can be used; the first one, %s: %s",
			database, units->skipped.at[0].file, units->skipped.at[0].why);
	return err_ret(err, -ENOENT, "%s names no C or C++ source", database);
}

int sources_find(const struct sources_request *request, struct units *units, bool *ret_loose,
	struct err *err)
{
	const char **paths = arena_alloc(units->arena, (request->count + 1) * sizeof(*paths));
	_free_ char *database = NULL;
	size_t total;
	int rc;

	*ret_loose = false;
	if (!paths)
		return err_ret(err, -ENOMEM, "out of memory");
	rc = resolve(request, units->arena, paths, err);
	if (rc)
		return rc;
	if (request->database)
		database = strdup(request->database);
	else
		rc = compdb_find(request->count ? paths[0] : ".", &database);
	if (rc == -ENOENT) {
		*ret_loose = true;
		return find_loose(units, paths, request->count, err);
	}
	if (!database)
		return err_ret(err, -ENOMEM, "out of memory");
	rc = compdb_load(database, units, err);
	if (rc)
		return rc;
	total = units->list.len;
	if (request->count)
		units_filter(units, paths, request->count);
	return check_any(units, database, total, paths, err);
}
