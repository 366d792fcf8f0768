/* One unit → bitcode: clang as a child process, its output and its complaints in memory files, so
 * that nothing is left behind whatever happens. */
#include "analyzer/clang.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "analyzer/compdb.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

#define MAX_RETRIES 16 /* flags left out because clang does not know them */
#define MAX_COMPLAINT_BYTES 65536

extern char **environ;

/* What every unit is compiled with, after its own flags. -O0 keeps calls and paths as written; the
 * passes that we want run in this process. Fortified headers would turn read into __read_chk.
 * -emit-llvm would write the order of use lists too, a quarter of the time for large units. */
static const char *const extract_flags[] = {
	"-O0",
	"-Xclang",
	"-disable-O0-optnone",
	"-Xclang",
	"-disable-llvm-passes",
	"-Xclang",
	"-mno-constructor-aliases",
	"-U_FORTIFY_SOURCE",
	"-gline-tables-only",
	"-gcolumn-info",
	"-w",
	"-Wno-everything",
	"-ferror-limit=1",
	"-fno-caret-diagnostics",
	"-fno-color-diagnostics",
	"-fno-crash-diagnostics",
	"-Xclang",
	"-emit-llvm-bc",
	"-c",
	"-o",
	"-",
};

#define EXTRACT_FLAG_COUNT (sizeof(extract_flags) / sizeof(extract_flags[0]))

const char *clang_program(void)
{
	return access(GILSCOPE_CLANG, X_OK) == 0 ? GILSCOPE_CLANG : "clang-19";
}

void bitcode_fini(struct bitcode *bitcode)
{
	if (bitcode->data)
		munmap(bitcode->data, bitcode->len);
	*bitcode = (struct bitcode){0};
}

static size_t args_count(const char *const *args)
{
	size_t count = 0;

	while (args && args[count])
		count++;
	return count;
}

/* program, the unit's own flags, ours, file. owned; the strings are borrowed */
static const char **make_argv(const struct unit *unit, const char *const *args)
{
	size_t count = args_count(args), at = 0;
	const char **argv = calloc(count + EXTRACT_FLAG_COUNT + 3, sizeof(*argv));

	if (!argv)
		return NULL;
	argv[at++] = clang_program();
	for (size_t i = 0; i < count; i++)
		argv[at++] = args[i];
	for (size_t i = 0; i < EXTRACT_FLAG_COUNT; i++)
		argv[at++] = extract_flags[i];
	argv[at++] = unit->file;
	return argv;
}

static int spawn(const char *directory, const char **argv, const int fds[2], pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return -rc;
	rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, fds[0], 1);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, fds[1], 2);
	if (!rc && *directory)
		rc = posix_spawn_file_actions_addchdir_np(&actions, directory);
	if (!rc)
		rc = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char **)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions); /* cannot fail in glibc */
	return -rc;
}

/* Runs clang to its end; `ret_status` is as wait(2) gives it. */
static int run(const struct unit *unit, const char **argv, const int fds[2], int *ret_status)
{
	pid_t pid;
	int rc = spawn(unit->directory, argv, fds, &pid);

	if (rc)
		return rc;
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static void read_complaint(int fd, char text[MAX_COMPLAINT_BYTES])
{
	ssize_t got = pread(fd, text, MAX_COMPLAINT_BYTES - 1, 0);

	text[got > 0 ? got : 0] = '\0';
}

/* The first line that says "error:"; the first line when none does. */
static char *first_error(char *text)
{
	char *at = strstr(text, "error: ");

	if (!at)
		at = text;
	while (at > text && at[-1] != '\n')
		at--;
	at[strcspn(at, "\n")] = '\0';
	return at;
}

static bool is_quoted(const char *line, const char *arg)
{
	for (const char *at = line; (at = strstr(at, arg)); at++) {
		char after = at[strlen(arg)];

		if (at > line && at[-1] == '\'' && (after == '\'' || after == '='))
			return true;
	}
	return false;
}

/* Leaves the flag out that `line` complains about. False when it is not about a flag. */
static bool drop_flag(const char **args, const char *line)
{
	bool is_about_flag =
		strstr(line, "unknown argument") || strstr(line, "unsupported option") ||
		strstr(line, "unsupported argument") || strstr(line, "invalid value") ||
		strstr(line, "unknown target CPU") || strstr(line, "no such file or directory: '-");

	for (size_t i = 0; is_about_flag && args[i]; i++) {
		char option[256];
		size_t len = strcspn(args[i], "=");

		if (args[i][0] != '-' || len >= sizeof(option))
			continue;
		memcpy(option, args[i], len);
		option[len] = '\0';
		if (!is_quoted(line, args[i]) && !is_quoted(line, option) &&
			(args[i][len] != '=' || !is_quoted(line, args[i] + len + 1)))
			continue;
		for (; args[i]; i++)
			args[i] = args[i + 1];
		return true;
	}
	return false;
}

static int map_bitcode(int fd, struct bitcode *ret_bitcode)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size <= 0)
		return -ENODATA;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*ret_bitcode = (struct bitcode){data, (size_t)st.st_size};
	return 0;
}

/* One attempt: 0, -EAGAIN after a flag was left out of `args`, or another error. */
static int attempt(
	const struct unit *unit, const char **args, struct bitcode *ret_bitcode, struct err *err)
{
	_close_ int output = memfd_create("bitcode", MFD_CLOEXEC);
	_close_ int complaint = memfd_create("complaint", MFD_CLOEXEC);
	_free_ char *text = malloc(MAX_COMPLAINT_BYTES);
	_free_ const char **argv = make_argv(unit, args);
	const int fds[2] = {output, complaint};
	int status, rc;
	char *line;

	if (output < 0 || complaint < 0 || !text || !argv)
		return err_ret(err, -ENOMEM, "out of memory or descriptors");
	rc = run(unit, argv, fds, &status);
	if (rc == -ENOENT && !access(unit->directory, X_OK))
		return err_ret(err, rc, "cannot run %s: it is not installed (apt install clang-19)",
			argv[0]);
	if (rc)
		return err_ret(err, rc, "cannot run %s in %s: %s", argv[0], unit->directory,
			strerror(-rc));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		rc = map_bitcode(output, ret_bitcode);
		return rc ? err_ret(err, rc, "clang wrote no bitcode") : 0;
	}
	if (WIFSIGNALED(status))
		return err_ret(err, -EIO, "clang was killed by signal %d", WTERMSIG(status));
	read_complaint(complaint, text);
	line = first_error(text);
	if (drop_flag(args, line))
		return -EAGAIN;
	return err_ret(err, -EINVAL, "%s", *line ? line : "clang failed without saying why");
}

int clang_bitcode(const struct unit *unit, struct bitcode *ret_bitcode, struct err *err)
{
	size_t count = args_count(unit->args);
	_free_ const char **args = calloc(count + 1, sizeof(*args));
	int rc = -EAGAIN;

	if (!args)
		return err_ret(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		args[i] = unit->args[i];
	for (int i = 0; i < MAX_RETRIES && rc == -EAGAIN; i++)
		rc = attempt(unit, args, ret_bitcode, err);
	if (rc == -EAGAIN)
		return err_ret(err, -EINVAL, "clang knows too few of this unit's flags");
	return rc;
}
