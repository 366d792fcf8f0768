/* Error sentences: formatted once where the failure happened, printed once by the command. */
#include "runtime/base/err.h"

#include <stdarg.h>
#include <stdio.h>

/* What failed is often named by a file or a program that nobody vouches for: a sentence stays one
 * line, and cannot steer the terminal that it is printed on (C0, DEL, and C1 in UTF-8). */
static void make_one_line(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at; at++) {
		if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = ' ';
		if (*at < 0x20 || *at == 0x7f)
			*at = ' ';
	}
}

static void format_into(struct err *err, const char *format, va_list args)
{
	if (!err)
		return;
	(void)vsnprintf(err->text, sizeof(err->text), format, args); /* truncation is fine */
	make_one_line(err->text);
}

void err_set(struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_into(err, format, args);
	va_end(args);
}

int err_ret(struct err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_into(err, format, args);
	va_end(args);
	return code;
}
