/* Error sentences: formatted once where the failure happened, printed once by the command. */
#include "runtime/base/err.h"

#include <stdarg.h>
#include <stdio.h>

static void format_into(struct err *err, const char *format, va_list args)
{
	if (err)
		(void)vsnprintf(
			err->text, sizeof(err->text), format, args); /* truncation is fine */
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
