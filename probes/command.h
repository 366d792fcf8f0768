/* A command that waits to be let go: so that it is measured from its first instruction. */
#ifndef GILSCOPE_PROBES_COMMAND_H
#define GILSCOPE_PROBES_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

struct command {
	pid_t pid;
	int go_fd;  /* owned: a byte lets it run, closing it ends it */
	int why_fd; /* owned: its errno when exec fails */
	bool is_released, is_ended;
	int status; /* of waitpid(); -1 until it ended */
};

/* Forks; the child waits before exec. Standard streams are ours. */
int command_hold(char *const *argv, struct command *ret_command, struct err *err);
/* Lets it exec; -ENOENT … and a sentence when that fails. */
int command_release(struct command *command, const char *name, struct err *err);
/* Has it ended? Never waits. */
bool command_check(struct command *command);
/* Ends a command that was never released; forgets one that runs. */
void command_fini(struct command *command);

#endif
