/* `gilscope lint …` runs gilscope-lint the way git runs git-foo: beside this program, else in PATH.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cmd/cmd.h"

static int run_lint(int argc, char **argv)
{
	static char name[] = "gilscope-lint";
	char self[PATH_MAX], beside[PATH_MAX + sizeof(name) + 1];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)argc;
	argv[0] = name;
	if (len > 0) {
		self[len] = '\0';
		(void)snprintf(beside, sizeof(beside), "%s/%s", dirname(self), name);
		execv(beside, argv);
	}
	execvp(name, argv);
	fprintf(stderr,
		"gilscope: cannot run gilscope-lint: %s; install it beside gilscope or in PATH\n",
		strerror(errno));
	return EXIT_UNABLE;
}

const struct cmd cmd_lint = {
	.name = "lint",
	.args = "[OPTIONS] [PATH...]",
	.help = "find code that holds the lock across blocking or computing regions "
		"(gilscope-lint)",
	.run = run_lint,
};
