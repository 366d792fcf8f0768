/* What the terminal behind a stream can do. */
#include "runtime/base/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool term_has_colour(FILE *stream, enum term_colour_mode mode)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (mode != TERM_COLOUR_AUTO)
		return mode == TERM_COLOUR_ALWAYS;
	if (no_color && *no_color)
		return false;
	return isatty(fileno(stream)) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

int term_columns(FILE *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) || !size.ws_col)
		return 100;
	return size.ws_col < 80 ? 80 : size.ws_col > 500 ? 500 : size.ws_col;
}
