/* What the terminal behind a stream can do. Colour is decoration: meaning never hangs on it. */
#ifndef GILSCOPE_BASE_TERM_H
#define GILSCOPE_BASE_TERM_H

#include <stdbool.h>
#include <stdio.h>

enum term_colour_mode { TERM_COLOUR_AUTO, TERM_COLOUR_ALWAYS, TERM_COLOUR_NEVER };

/* AUTO: only on a terminal, and not when NO_COLOR is set to anything (no-color.org). */
bool term_has_colour(FILE *stream, enum term_colour_mode mode);

/* Columns, 80..500; 100 where the stream is no terminal. */
int term_columns(FILE *stream);

#endif
