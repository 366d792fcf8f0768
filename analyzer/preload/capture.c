/* A process of a build that starts a compiler → starts gilscope-lint in its place.
 *
 * Loaded with LD_PRELOAD into every process of the build (`gilscope-lint -- make`), so that
 * compilers are seen by whatever path they are called, and no path of ours ends up in the build's
 * caches. Runs between fork and exec, also after vfork: no memory is allocated, nothing is changed
 * but the call's arguments. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analyzer/capture.h"
#include "analyzer/compiler_name.h"

#define MAX_ARGUMENTS 4096 /* of execl(): those come one by one */

extern char **environ;

/* How to call a compiler, rewritten. */
struct rewritten {
	const char *shim;
	char path[PATH_MAX]; /* the compiler */
	char variable[PATH_MAX + sizeof(CAPTURE_COMPILER_VARIABLE) + 1];
};

static bool is_variable(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(entry, name, len) && entry[len] == '=';
}

static const char *value_in(char *const *env, const char *name)
{
	for (; env && *env; env++)
		if (is_variable(*env, name))
			return *env + strlen(name) + 1;
	return NULL;
}

static size_t count(char *const *list)
{
	size_t len = 0;

	while (list && list[len])
		len++;
	return len;
}

/* The file that execvp() would run. */
static bool search(const char *name, char path[PATH_MAX])
{
	const char *at = getenv("PATH");

	if (!at)
		at = "/usr/local/bin:/usr/bin:/bin";
	for (;;) {
		size_t len = strcspn(at, ":");
		int put = len ? snprintf(path, PATH_MAX, "%.*s/%s", (int)len, at, name)
			      : snprintf(path, PATH_MAX, "./%s", name);

		if (put > 0 && put < PATH_MAX && !access(path, X_OK))
			return true;
		at += len;
		if (!*at)
			return false;
		at++;
	}
}

/* True when `name` is a compiler that exists and the build is under capture. */
static bool rewrite(
	const char *name, bool is_searched, char *const *env, struct rewritten *rewritten)
{
	int put;

	rewritten->shim = value_in(env, CAPTURE_SHIM_VARIABLE);
	if (!name || !rewritten->shim || !value_in(env, CAPTURE_FOLDER_VARIABLE) ||
		!compiler_name_fits(name))
		return false;
	if (is_searched && !strchr(name, '/')) {
		if (!search(name, rewritten->path))
			return false;
	} else {
		put = snprintf(rewritten->path, PATH_MAX, "%s", name);
		if (put >= PATH_MAX || access(name, X_OK))
			return false;
	}
	put = snprintf(rewritten->variable, sizeof(rewritten->variable), "%s=%s",
		CAPTURE_COMPILER_VARIABLE, rewritten->path);
	return put > 0 && (size_t)put < sizeof(rewritten->variable);
}

/* The environment with the compiler's path in it and us out of LD_PRELOAD. `out` has room for two
 * more than `env`. */
static void fill_environment(char *const *env, struct rewritten *rewritten, char **out)
{
	const char *ours = value_in(env, CAPTURE_LIBRARY_VARIABLE);
	size_t len = 0;

	for (; *env; env++) {
		const char *list =
			is_variable(*env, "LD_PRELOAD") ? *env + sizeof("LD_PRELOAD") : NULL;

		if (is_variable(*env, CAPTURE_COMPILER_VARIABLE))
			continue;
		if (list && ours && !strncmp(list, ours, strlen(ours)))
			continue;
		out[len++] = *env;
	}
	out[len++] = rewritten->variable;
	out[len] = NULL;
}

typedef int exec_function(const char *path, char *const argv[], char *const env[]);
typedef int spawn_function(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const env[]);

static int exec_as(const char *symbol, const char *name, bool is_searched, char *const argv[],
	char *const env[])
{
	exec_function *real = (exec_function *)dlsym(RTLD_NEXT, symbol);
	exec_function *plain = (exec_function *)dlsym(RTLD_NEXT, "execve");
	char **changed = __builtin_alloca((count(env) + 2) * sizeof(*changed));
	struct rewritten rewritten;

	if (!real || !plain) {
		errno = ENOSYS;
		return -1;
	}
	if (!rewrite(name, is_searched, env, &rewritten))
		return real(name, argv, env);
	fill_environment(env, &rewritten, changed);
	return plain(rewritten.shim, argv, changed);
}

static int spawn_as(const char *symbol, bool is_searched, pid_t *pid, const char *name,
	const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
	char *const argv[], char *const env[])
{
	spawn_function *real = (spawn_function *)dlsym(RTLD_NEXT, symbol);
	spawn_function *plain = (spawn_function *)dlsym(RTLD_NEXT, "posix_spawn");
	char **changed = __builtin_alloca((count(env) + 2) * sizeof(*changed));
	struct rewritten rewritten;

	if (!real || !plain)
		return ENOSYS;
	if (!rewrite(name, is_searched, env, &rewritten))
		return real(pid, name, actions, attributes, argv, env);
	fill_environment(env, &rewritten, changed);
	return plain(pid, rewritten.shim, actions, attributes, argv, changed);
}

int execve(const char *path, char *const argv[], char *const env[])
{
	return exec_as("execve", path, false, argv, env);
}

int execv(const char *path, char *const argv[])
{
	return exec_as("execve", path, false, argv, environ);
}

int execvp(const char *file, char *const argv[])
{
	return exec_as("execvpe", file, true, argv, environ);
}

int execvpe(const char *file, char *const argv[], char *const env[])
{
	return exec_as("execvpe", file, true, argv, env);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
	return spawn_as("posix_spawn", false, pid, path, actions, attributes, argv, env);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
	return spawn_as("posix_spawnp", true, pid, file, actions, attributes, argv, env);
}

/* execl() and its kin: the arguments up to NULL, and what follows it. */
#define COLLECT(first, argv, last)                                                                 \
	do {                                                                                       \
		size_t len_ = 0;                                                                   \
		va_start(last, first);                                                             \
		(argv)[len_++] = (char *)(first);                                                  \
		while ((argv)[len_ - 1] && len_ < MAX_ARGUMENTS)                                   \
			(argv)[len_++] = va_arg(last, char *);                                     \
		(argv)[len_] = NULL;                                                               \
	} while (0)

int execl(const char *path, const char *arg, ...)
{
	char *argv[MAX_ARGUMENTS + 1];
	va_list rest;

	COLLECT(arg, argv, rest);
	va_end(rest);
	return execv(path, argv);
}

int execlp(const char *file, const char *arg, ...)
{
	char *argv[MAX_ARGUMENTS + 1];
	va_list rest;

	COLLECT(arg, argv, rest);
	va_end(rest);
	return execvp(file, argv);
}

int execle(const char *path, const char *arg, ...)
{
	char *argv[MAX_ARGUMENTS + 1];
	char **env;
	va_list rest;

	COLLECT(arg, argv, rest);
	env = va_arg(rest, char **);
	va_end(rest);
	return execve(path, argv, env);
}
