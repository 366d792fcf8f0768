/* argv → verb. Everything else is in cmd_*.c. */
#include <stdio.h>
#include <string.h>

#include "runtime/cmd/cmd.h"

static const struct cmd *const commands[] = {
#define CMD(verb) &cmd_##verb,
#include "runtime/cmd/cmds.def"
#undef CMD
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *stream)
{
	fputs("gilscope: who holds the interpreter lock, for how long, doing what, and who "
	      "waited\n\n"
	      "usage: gilscope VERB [OPTIONS]\n\n",
		stream);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stream, "  %-8s %s\n", commands[i]->name, commands[i]->help);
	fputs("\ngilscope VERB --help says more about a verb.\n", stream);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "help";

	if (!strcmp(verb, "help") || !strcmp(verb, "--help") || !strcmp(verb, "-h")) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(verb, "--version") || !strcmp(verb, "version")) {
		puts("gilscope " GILSCOPE_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(verb, commands[i]->name))
			return commands[i]->run(argc - 1, argv + 1);
	fprintf(stderr, "gilscope: no such verb: %s (gilscope help lists them)\n", verb);
	return EXIT_UNABLE;
}
