/* Colour and width: what a terminal gets and what a pipe gets. */
#include <criterion/criterion.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/base/term.h"

/* A stream on a new terminal of that many columns; *ret_master must stay open meanwhile. */
static FILE *open_terminal(unsigned short columns, int *ret_master)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	int slave;

	cr_assert(!openpty(ret_master, &slave, NULL, NULL, &size));
	return fdopen(slave, "w");
}

Test(term, a_pipe_has_no_colour_and_100_columns)
{
	FILE *null = fopen("/dev/null", "w");

	cr_assert(null);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	cr_expect_not(term_has_colour(null, TERM_COLOUR_AUTO));
	cr_expect(term_has_colour(null, TERM_COLOUR_ALWAYS));
	cr_expect_eq(term_columns(null), 100);
	fclose(null);
}

Test(term, a_terminal_has_colour_unless_the_user_says_no)
{
	int master;
	FILE *stream = open_terminal(120, &master);

	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	cr_expect(term_has_colour(stream, TERM_COLOUR_AUTO));
	cr_expect_not(term_has_colour(stream, TERM_COLOUR_NEVER));
	setenv("NO_COLOR", "", 1);
	cr_expect(term_has_colour(stream, TERM_COLOUR_AUTO), "empty is as good as unset");
	setenv("NO_COLOR", "1", 1);
	cr_expect_not(term_has_colour(stream, TERM_COLOUR_AUTO));
	cr_expect(term_has_colour(stream, TERM_COLOUR_ALWAYS), "the option wins");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	cr_expect_not(term_has_colour(stream, TERM_COLOUR_AUTO));
	unsetenv("TERM");
	cr_expect_not(term_has_colour(stream, TERM_COLOUR_AUTO));
	fclose(stream);
	close(master);
}

Test(term, columns_are_the_terminals_within_reason)
{
	static const unsigned short given[] = {120, 10, 9999, 0};
	static const int wanted[] = {120, 80, 500, 100};

	for (size_t i = 0; i < 4; i++) {
		int master;
		FILE *stream = open_terminal(given[i], &master);

		cr_expect_eq(term_columns(stream), wanted[i]);
		fclose(stream);
		close(master);
	}
}
