/* Linker symbol → source name: demangles, then cuts what identifies an overload but not a place:
 * return type, template arguments, parameters, qualifiers. */
#include "analyzer/name.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/str.h"

/* libstdc++'s, which LLVM is linked with; its header is C++. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *len, int *status);

static bool starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$';
}

/* Past the bracket that closes the one at `at`; the end of the text when there is none. */
static const char *past_bracket(const char *at)
{
	int depth = 0;

	for (; *at; at++) {
		if (strchr("(<{[", *at))
			depth++;
		else if (*at == '>' && at[-1] == '-')
			continue;
		else if (strchr(")>}]", *at) && --depth == 0)
			return at + 1;
	}
	return at;
}

/* The length of an operator's name at `at` ("operator<<", "operator()", "operator bool"), or 0. */
static size_t operator_len(const char *at)
{
	size_t len = strlen("operator");

	if (!starts(at, "operator") || is_word(at[len]))
		return 0;
	if (starts(at + len, "()"))
		return len + 2;
	if (starts(at + len, "[]"))
		return len + 2;
	if (at[len] == ' ') /* a conversion, new, delete: up to its parameters */
		return len + strcspn(at + len, "(<");
	return len + strspn(at + len, "<>=!+-*/%&|^~,");
}

/* "{lambda(int)#1}" → "{lambda#1}"; "{unnamed type#1}" as it is. */
static const char *copy_braces(const char *at, struct str *out)
{
	const char *end = past_bracket(at);
	size_t head = strcspn(at, "(}");

	str_add_bytes(out, at, head);
	if (at[head] == '(') {
		const char *tail = past_bracket(at + head);

		if (tail < end)
			str_add_bytes(out, tail, (size_t)(end - tail));
	} else if (at + head < end) {
		str_add_bytes(out, at + head, (size_t)(end - at) - head);
	}
	return end;
}

/* A parameter list is followed by nothing, qualifiers, or "::" when it names an enclosing function.
 */
static const char *skip_parameters(const char *at)
{
	at = past_bracket(at);
	while (starts(at, " const") || starts(at, " volatile") || starts(at, " &"))
		at += 1 + strcspn(at + 1, " :");
	return at;
}

static void simplify(const char *at, struct str *out)
{
	while (*at) {
		size_t len = operator_len(at);

		if (len && (out->len == 0 || !is_word(str_text(out)[out->len - 1]))) {
			/* What follows a conversion is its type or its parameters. */
			bool is_last = at[strlen("operator")] == ' ';

			while (at[len - 1] == ' ')
				len--;
			str_add_bytes(out, at, len);
			at += len;
			if (is_last)
				return;
		} else if (starts(at, "(anonymous namespace)")) {
			str_add(out, "(anonymous namespace)");
			at += strlen("(anonymous namespace)");
		} else if (*at == '{') {
			at = copy_braces(at, out);
		} else if (*at == '<') {
			at = past_bracket(at);
		} else if (*at == '(') {
			at = skip_parameters(at);
			/* A space follows the brackets of a return type: decltype(…) f(int). */
			if (!starts(at, "::") && (*at != ' ' || starts(at, " [")))
				return;
		} else if (*at == ' ') {
			/* What stood before was a return type, or the kind of a thunk. */
			str_clear(out);
			at++;
		} else if (*at == '[') {
			at = past_bracket(at);
		} else {
			str_add_bytes(out, at++, 1);
		}
	}
}

int name_from_symbol(const char *symbol, struct str *out)
{
	_str_fini_ struct str name = STR_INIT(out->max);
	_free_ char *full = NULL;
	int status;

	if (starts(symbol, "_Z"))
		full = __cxa_demangle(symbol, NULL, NULL, &status);
	if (full)
		simplify(full, &name);
	if (name.is_short)
		return -ENOMEM;
	return str_add(out, name.len ? name.data : symbol) ? -ENOMEM : 0;
}
