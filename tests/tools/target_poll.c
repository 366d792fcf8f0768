/* target_poll COMMAND…: starts it and looks for its interpreter and lock from its first moment on,
 * as record does. Prints how many looks said "not yet" and what the last one found; then ends it.
 * Exit code 1 when a look failed in any other way. For live/test_finding.py. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/layout.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"

static int look(pid_t pid, struct target *target, const char **ret_how, struct err *err)
{
	struct layout layout;
	uint64_t lock_address;
	int rc = target_open(pid, target, err);

	return rc ? rc : layout_find(target, &layout, &lock_address, ret_how, err);
}

int main(int argc, char **argv)
{
	static struct target target;
	struct err err = {{0}};
	const char *how = "";
	uint64_t end_ns = clock_now_ns() + 20 * NS_PER_S;
	int early = 0, rc;
	pid_t pid = argc > 1 ? fork() : -1;

	if (pid < 0) {
		fputs("usage: target_poll COMMAND...\n", stderr);
		return 2;
	}
	if (!pid) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while ((rc = look(pid, &target, &how, &err)) == -ENOENT && clock_now_ns() < end_ns)
		early++;
	(void)kill(pid, SIGKILL); /* gone already: the wait tells */
	(void)waitpid(pid, NULL, 0);
	if (rc) {
		printf("%d looks too early, then error %d: %s\n", early, rc, err.text);
		return 1;
	}
	printf("%d looks too early, then CPython %s by %s\n", early, target.version, how);
	return 0;
}
