/* A build command → the outlines of what it compiled. */
#include "analyzer/capture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/compiler_name.h"
#include "analyzer/interrupt.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/str.h"

#define LIBRARY_NAME "libgilscope-capture.so"
#define MAX_RECORD_BYTES 65536

/* The preload library: below this program's prefix, so that a moved installation works, else where
 * it was to be installed. */
static int find_library(const char *self, char path[PATH_MAX], struct err *err)
{
	const char *slash = strrchr(self, '/');
	int put = snprintf(path, PATH_MAX, "%.*s/../%s/gilscope/" LIBRARY_NAME,
		slash ? (int)(slash - self) : 0, self, GILSCOPE_LIBDIR);

	if (put < PATH_MAX && !access(path, R_OK))
		return 0;
	put = snprintf(path, PATH_MAX, "%s/gilscope/" LIBRARY_NAME, GILSCOPE_FULL_LIBDIR);
	if (put < PATH_MAX && !access(path, R_OK))
		return 0;
	return err_ret(err, -ENOENT,
		"cannot find " LIBRARY_NAME " in %s/gilscope; install gilscope again",
		GILSCOPE_FULL_LIBDIR);
}

static int find_self(char path[PATH_MAX], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (len < 0)
		return err_ret(err, -errno, "cannot find my own path: %s", strerror(errno));
	path[len] = '\0';
	return 0;
}

/* sh -c 'exec "$@"' sh COMMAND… */
static char *const *through_shell(char *const *command)
{
	static const char *const shell[] = {"sh", "-c", "exec \"$@\"", "sh"};
	size_t count = 0, before = sizeof(shell) / sizeof(shell[0]);
	const char **words;

	while (command[count])
		count++;
	words = calloc(before + count + 1, sizeof(*words));
	if (!words)
		return NULL;
	memcpy(words, shell, sizeof(shell));
	memcpy(words + before, command, count * sizeof(*words));
	return (char *const *)words;
}

_Noreturn static void become(char *const *command, const char *library, const int *report)
{
	const char *others = getenv("LD_PRELOAD");
	_free_ char *preload = NULL;
	int code;

	interrupt_reset();
	/* This process has no library loaded: a command that is itself a compiler needs a step
	 * in between. */
	if (compiler_name_fits(command[0]))
		command = through_shell(command);
	if (!command || asprintf(&preload, "%s%s%s", library, others && *others ? ":" : "",
				others ? others : "") < 0)
		_exit(127);
	if (!setenv("LD_PRELOAD", preload, 1) && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
		execvp(command[0], command);
	code = errno;
	(void)!write(*report, &code, sizeof(code)); /* the parent sees the exit code anyway */
	_exit(127);
}

static int wait_command(pid_t pid, const char *name, struct err *err)
{
	int status, rc = interrupt_wait(pid, &status);

	if (rc)
		return err_ret(err, rc, "cannot wait for %s: %s", name, strerror(-rc));
	if (interrupt_signal())
		return -EINTR;
	if (WIFSIGNALED(status))
		return err_ret(err, -EIO, "%s was killed by signal %d (%s); nothing was linted",
			name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		return err_ret(err, -EIO, "%s failed with exit code %d; nothing was linted", name,
			WEXITSTATUS(status));
	return 0;
}

static int start(char *const *command, const char *library, pid_t *ret_pid, struct err *err)
{
	int report[2], code = 0;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC))
		return err_ret(err, -errno, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		become(command, library, &report[1]);
	close(report[1]);
	if (pid > 0 && read(report[0], &code, sizeof(code)) == sizeof(code))
		(void)waitpid(pid, NULL, 0); /* it said why it could not start */
	close(report[0]);
	if (pid < 0)
		return err_ret(err, -errno, "cannot start %s: %s", command[0], strerror(errno));
	if (code)
		return err_ret(err, -code, "cannot run %s: %s", command[0], strerror(code));
	*ret_pid = pid;
	return 0;
}

int capture_run(char *const *command, const char *folder, struct err *err)
{
	char self[PATH_MAX], library[PATH_MAX];
	pid_t pid = 0;
	int rc = find_self(self, err);

	if (!rc)
		rc = find_library(self, library, err);
	if (rc)
		return rc;
	if (setenv(CAPTURE_FOLDER_VARIABLE, folder, 1) || setenv(CAPTURE_SHIM_VARIABLE, self, 1) ||
		setenv(CAPTURE_LIBRARY_VARIABLE, library, 1))
		return err_ret(err, -ENOMEM, "out of memory");
	rc = start(command, library, &pid, err);
	unsetenv(CAPTURE_FOLDER_VARIABLE);
	unsetenv(CAPTURE_SHIM_VARIABLE);
	unsetenv(CAPTURE_LIBRARY_VARIABLE);
	return rc ? rc : wait_command(pid, command[0], err);
}

static int by_file(const void *a, const void *b)
{
	const struct capture_unit *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	return order ? order : strcmp(x->outline, y->outline);
}

/* One record: the file's name, a NUL, and why there is no outline. */
static int add_record(
	struct capture *capture, const char *folder, const char *name, struct err *err)
{
	const char *path = arena_printf(capture->arena, "%s/%s", folder, name);
	_free_ char *text = NULL;
	struct capture_unit unit = {.outline = ""};
	size_t len;
	int rc;

	if (!path)
		return err_ret(err, -ENOMEM, "out of memory");
	rc = file_load(path, MAX_RECORD_BYTES, &text, &len, err);
	if (rc)
		return rc;
	unit.file = arena_strdup(capture->arena, text);
	unit.why = arena_strdup(capture->arena, strlen(text) < len ? text + strlen(text) + 1 : "");
	if (unit.why && !*unit.why)
		unit.outline = arena_printf(capture->arena, "%s/%.*s.outline", folder,
			(int)(strlen(name) - strlen(".unit")), name);
	if (!unit.file || !unit.why || !unit.outline || vec_push(&capture->list, unit))
		return err_ret(err, -ENOMEM, "out of memory");
	return 0;
}

int capture_load(const char *folder, struct capture *ret_capture, struct err *err)
{
	struct capture capture = {.arena = arena_new()};
	_closedir_ DIR *dir = opendir(folder);
	struct dirent *entry;
	int rc = 0;

	if (!capture.arena || !dir)
		rc = err_ret(err, -EIO, "cannot read %s: %s", folder, strerror(errno));
	while (!rc && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len > 5 && !strcmp(entry->d_name + len - 5, ".unit"))
			rc = add_record(&capture, folder, entry->d_name, err);
	}
	if (rc) {
		capture_fini(&capture);
		return rc;
	}
	if (capture.list.len)
		qsort(capture.list.at, capture.list.len, sizeof(*capture.list.at), by_file);
	*ret_capture = capture;
	return 0;
}

void capture_fini(struct capture *capture)
{
	vec_fini(&capture->list);
	arena_free(capture->arena);
	capture->arena = NULL;
}
