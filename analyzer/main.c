/* gilscope-lint: options → units → outlines → findings → output. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("gilscope-lint " GILSCOPE_VERSION);
		return 0;
	}
	fputs("usage: gilscope-lint [-p DIR] [PATH...]\n", stderr);
	return 2;
}
