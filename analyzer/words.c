/* Command line → words, as the shell and the compilers' @files quote them. */
#include "analyzer/words.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

void words_fini(struct words *words)
{
	vec_fini(&words->list);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* Copies one word to `out` (large enough for the whole text); NULL when a quote stays open. */
static const char *scan_word(const char *at, char *out)
{
	char quote = '\0';

	for (; *at && (quote || !is_space(*at)); at++) {
		if (quote) {
			if (*at == quote)
				quote = '\0';
			else if (quote == '"' && *at == '\\' && at[1] && strchr("\"\\$`\n", at[1]))
				*out++ = *++at;
			else
				*out++ = *at;
		} else if (*at == '\'' || *at == '"') {
			quote = *at;
		} else if (*at == '\\' && at[1]) {
			*out++ = *++at;
		} else {
			*out++ = *at;
		}
	}
	*out = '\0';
	return quote ? NULL : at;
}

static int add_word(struct words *words, const char *word, struct err *err)
{
	if (words->list.len >= WORDS_MAX)
		return err_ret(err, -E2BIG, "more than %d words in one command", WORDS_MAX);
	if (!word || vec_push(&words->list, word))
		return err_ret(err, -ENOMEM, "out of memory");
	return 0;
}

int words_split(struct arena *arena, const char *text, struct words *words, struct err *err)
{
	_free_ char *word = malloc(strlen(text) + 1);
	int rc;

	if (!word)
		return err_ret(err, -ENOMEM, "out of memory");
	for (;;) {
		while (is_space(*text))
			text++;
		if (!*text)
			return 0;
		text = scan_word(text, word);
		if (!text)
			return err_ret(err, -EINVAL, "a quote is not closed");
		rc = add_word(words, arena_strdup(arena, word), err);
		if (rc)
			return rc;
	}
}

static int expand_word(struct arena *arena, const char *directory, const char *word, int depth,
	struct words *out, struct err *err);

static int expand_file(struct arena *arena, const char *directory, const char *file, int depth,
	struct words *out, struct err *err)
{
	struct words inner = {0};
	_free_ char *text = NULL;
	const char *path = file[0] == '/' ? file : arena_printf(arena, "%s/%s", directory, file);
	int rc;

	if (depth >= WORDS_MAX_NESTING)
		return err_ret(err, -ELOOP, "@%s: @files name each other more than %d deep", file,
			WORDS_MAX_NESTING);
	if (!path)
		return err_ret(err, -ENOMEM, "out of memory");
	rc = file_load(path, WORDS_MAX_FILE_BYTES, &text, NULL, err);
	if (!rc)
		rc = words_split(arena, text, &inner, err);
	for (size_t i = 0; i < inner.list.len && !rc; i++)
		rc = expand_word(arena, directory, inner.list.at[i], depth + 1, out, err);
	words_fini(&inner);
	return rc;
}

static int expand_word(struct arena *arena, const char *directory, const char *word, int depth,
	struct words *out, struct err *err)
{
	if (word[0] == '@' && word[1])
		return expand_file(arena, directory, word + 1, depth, out, err);
	return add_word(out, word, err);
}

int words_expand(struct arena *arena, const char *directory, struct words *words, struct err *err)
{
	struct words out = {0};
	int rc = 0;

	for (size_t i = 0; i < words->list.len && !rc; i++)
		rc = expand_word(arena, directory, words->list.at[i], 0, &out, err);
	if (rc) {
		words_fini(&out);
		return rc;
	}
	words_fini(words);
	*words = out;
	return 0;
}
