/* Linker symbol → the name that a model has: what the C library, the preprocessor and the C++
 * compiler add to a function's name is taken off again. */
#include "analyzer/model_name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"

/* Of libstdc++, which LLVM needs anyway. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *size, int *status);

enum { SYMBOL_MAX = 4096 }; /* a longer mangled name is not worth demangling */

static bool has_suffix(const char *text, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);

	return len > suffix_len && !memcmp(text + len - suffix_len, suffix, suffix_len);
}

static bool copy(const char *text, size_t len, char *ret_name, size_t size)
{
	if (!len || len >= size)
		return false;
	memmove(ret_name, text, len);
	ret_name[len] = '\0';
	return true;
}

/* Undoes redirections of the C library's headers. */
static bool c_name(const char *symbol, char *ret_name, size_t size)
{
	size_t len = strcspn(symbol, "@"); /* name@@GLIBC_2.34 */

	if (len && *symbol == '\1') { /* the compiler's mark of an assembler name */
		symbol++;
		len--;
	}
	if (len > 9 && !memcmp(symbol, "__isoc", 6) && isdigit((unsigned char)symbol[6]) &&
		isdigit((unsigned char)symbol[7]) && symbol[8] == '_') {
		symbol += 9;
		len -= 9;
	} else if (len > 2 && !memcmp(symbol, "__", 2) && has_suffix(symbol, len, "_chk")) {
		symbol += 2;
		len -= 6;
	} else if (len > 2 && !memcmp(symbol, "__", 2) && has_suffix(symbol, len, "_time64")) {
		symbol += 2;
		len -= 9;
	}
	return copy(symbol, len, ret_name, size);
}

/* Reads past one bracketed group, which `text` opens. */
static const char *skip_group(const char *text, char open, char close)
{
	int depth = 0;

	for (; *text; text++) {
		if (*text == open)
			depth++;
		else if (*text == close && !--depth)
			return text + 1;
	}
	return text;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* `operator<`, `operator->`, `operator()`: brackets that belong to the name. */
static size_t operator_length(const char *text, const char *start)
{
	static const char word[] = "operator";
	size_t len = sizeof(word) - 1;

	if (strncmp(text, word, len) != 0 || (text > start && is_word(text[-1])))
		return 0;
	if (!strncmp(text + len, "()", 2))
		return len + 2;
	return len + strspn(text + len, "<>-=!+*/&|^%,[]");
}

/* Drops template arguments, parameters, ABI tags and "(anonymous namespace)::". */
static void strip_groups(char *name)
{
	const char *from = name;
	char *to = name;

	while (*from) {
		size_t keep = operator_length(from, name);

		if (keep) {
			memmove(to, from, keep);
			to += keep;
			from += keep;
		} else if (!strncmp(from, "(anonymous namespace)::", 23)) {
			from += 23;
		} else if (*from == '<') {
			from = skip_group(from, '<', '>');
		} else if (*from == '[') {
			from = skip_group(from, '[', ']');
		} else if (*from == '(') {
			from = skip_group(from, '(', ')');
			if (strncmp(from, "::", 2) != 0) /* a local class of that function */
				break;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* The text after the return type, which templates carry. */
static const char *after_return_type(const char *name)
{
	const char *end = strstr(name, "operator ");
	const char *at = end ? end : name + strlen(name);

	while (at > name && at[-1] != ' ')
		at--;
	return at;
}

/* Inline namespaces of the standard libraries change with their version, not with the function. */
static void strip_inline_namespaces(char *name)
{
	static const char *const spaces[] = {"__cxx11::", "__1::", "_V2::", "__ndk1::"};

	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		char *at = strstr(name, spaces[i]);
		size_t len = strlen(spaces[i]);

		if (at && at > name && at[-1] == ':')
			memmove(at, at + len, strlen(at + len) + 1);
	}
}

static bool cxx_name(const char *symbol, char *ret_name, size_t size)
{
	_free_ char *mangled = NULL;
	_free_ char *name = NULL;
	int status = -1;

	if (strlen(symbol) > SYMBOL_MAX)
		return false;
	mangled = strndup(symbol, strcspn(symbol, "@."));
	if (!mangled)
		return false;
	name = __cxa_demangle(mangled, NULL, NULL, &status);
	if (!name || status)
		return false;
	strip_groups(name);
	strip_inline_namespaces(name);
	return copy(after_return_type(name), strlen(after_return_type(name)), ret_name, size);
}

bool model_name_plain(const char *symbol, char *ret_name, size_t size)
{
	if (!strncmp(symbol, "_Z", 2))
		return cxx_name(symbol, ret_name, size);
	return c_name(symbol, ret_name, size);
}

bool model_name_normalise(const char *symbol, char *ret_name, size_t size)
{
	size_t len;

	if (!model_name_plain(symbol, ret_name, size))
		return false;
	len = strlen(ret_name);
	/* fstat64, and __open64_2 of fortified code. */
	if (has_suffix(ret_name, len, "64_2") && !memcmp(ret_name, "__", 2))
		return copy(ret_name + 2, len - 6, ret_name, size);
	if (has_suffix(ret_name, len, "64"))
		ret_name[len - 2] = '\0';
	return true;
}
