/* The verbs of `gilscope`: one cmd_*.c each, exporting one row. */
#ifndef GILSCOPE_CMD_CMD_H
#define GILSCOPE_CMD_CMD_H

/* Exit codes of every verb. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FOUND = 1, /* findings, or a threshold exceeded */
	EXIT_UNABLE = 2, /* usage, input or rights: the verb could not do its job */
};

struct cmd {
	const char *name;
	const char *args; /* "-p PID | -- COMMAND" */
	const char *help; /* one line */
	int (*run)(int argc, char **argv); /* argv[0] is the verb; returns an exit_code */
};

#define CMD(verb) extern const struct cmd cmd_##verb;
#include "runtime/cmd/cmds.def"
#undef CMD

#endif
