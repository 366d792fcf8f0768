/* Source text → its comments, told from strings, characters and numbers that look like them. What
 * a compiler would refuse ends somewhere too: nothing reads past the text. */
#include "analyzer/comments.h"

#include <ctype.h>
#include <string.h>

#define DELIMITER_MAX 16 /* of a raw string; the language's own bound */

struct lexer {
	const char *at, *end;
	int line;
	int code_line; /* the last with code */
	size_t settled; /* comments whose code_line is known */
	const char *word;
	struct comments *comments;
};

static char peek(const struct lexer *lexer, size_t ahead)
{
	return (size_t)(lexer->end - lexer->at) > ahead ? lexer->at[ahead] : '\0';
}

/* Bytes of a backslash and the end of line that it hides; 0: none here. */
static size_t splice_bytes(const struct lexer *lexer)
{
	if (peek(lexer, 0) != '\\')
		return 0;
	if (peek(lexer, 1) == '\n')
		return 2;
	return peek(lexer, 1) == '\r' && peek(lexer, 2) == '\n' ? 3 : 0;
}

/* Over one byte, or over one hidden end of line. */
static void step(struct lexer *lexer)
{
	size_t bytes = splice_bytes(lexer);

	if (!bytes)
		bytes = 1;
	lexer->at += bytes;
	lexer->line += lexer->at[-1] == '\n';
}

static void code_here(struct lexer *lexer)
{
	lexer->code_line = lexer->line;
	for (; lexer->settled < lexer->comments->list.len; lexer->settled++)
		lexer->comments->list.at[lexer->settled].code_line = lexer->line;
}

static int comment_add(struct lexer *lexer, const struct comment *comment)
{
	if (!memmem(comment->text, comment->len, lexer->word, strlen(lexer->word)))
		return 0;
	return vec_push(&lexer->comments->list, *comment);
}

static int lex_comment(struct lexer *lexer, bool is_block)
{
	struct comment comment = {
		.line = lexer->line,
		.is_trailing = lexer->code_line == lexer->line,
		.text = lexer->at + 2,
	};

	lexer->at += 2;
	while (lexer->at < lexer->end) {
		if (is_block ? peek(lexer, 0) == '*' && peek(lexer, 1) == '/'
			     : peek(lexer, 0) == '\n')
			break;
		step(lexer);
	}
	comment.len = (size_t)(lexer->at - comment.text);
	comment.end_line = lexer->line;
	if (is_block && lexer->at < lexer->end)
		lexer->at += 2;
	return comment_add(lexer, &comment);
}

/* A string or a character. An unfinished one (an apostrophe in skipped text) ends with its line. */
static void lex_quoted(struct lexer *lexer)
{
	char quote = *lexer->at++;

	while (lexer->at < lexer->end && *lexer->at != '\n') {
		if (*lexer->at == quote) {
			lexer->at++;
			return;
		}
		if (*lexer->at == '\\' && !splice_bytes(lexer) && peek(lexer, 1) != '\n' &&
			lexer->at + 1 < lexer->end)
			lexer->at++;
		step(lexer);
	}
}

/* R"x(…)x" from its quote on; false: it is none. */
static bool lex_raw(struct lexer *lexer)
{
	char close[DELIMITER_MAX + 3] = ")";
	size_t len = 1;
	const char *end;

	while (len <= DELIMITER_MAX && peek(lexer, len) && !strchr("()\\ \t\n\"", peek(lexer, len)))
		len++;
	if (peek(lexer, len) != '(')
		return false;
	memcpy(close + 1, lexer->at + 1, len - 1);
	close[len] = '"';
	end = memmem(lexer->at, (size_t)(lexer->end - lexer->at), close, len + 1);
	end = end ? end + len + 1 : lexer->end;
	while (lexer->at < end)
		lexer->line += *lexer->at++ == '\n';
	return true;
}

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* A name or a number; 1'000 holds no character. */
static void lex_word(struct lexer *lexer)
{
	static const char *const raw_marks[] = {"R", "LR", "uR", "UR", "u8R"};
	const char *begin = lexer->at;
	bool is_number = isdigit((unsigned char)*begin);
	size_t len;

	while (is_word_byte(peek(lexer, 0)) ||
		(is_number && peek(lexer, 0) == '\'' && is_word_byte(peek(lexer, 1))))
		lexer->at++;
	len = (size_t)(lexer->at - begin);
	for (size_t i = 0; peek(lexer, 0) == '"' && i < sizeof(raw_marks) / sizeof(*raw_marks); i++)
		if (strlen(raw_marks[i]) == len && !memcmp(raw_marks[i], begin, len)) {
			(void)lex_raw(lexer); /* what is none is read as a string next */
			return;
		}
}

static void lex_code(struct lexer *lexer)
{
	code_here(lexer);
	if (*lexer->at == '"' || *lexer->at == '\'')
		lex_quoted(lexer);
	else if (is_word_byte(*lexer->at))
		lex_word(lexer);
	else
		lexer->at++;
	lexer->code_line = lexer->line;
}

int comments_find(const char *text, size_t len, const char *word, struct comments *comments)
{
	struct lexer lexer = {
		.at = text,
		.end = text + len,
		.line = 1,
		.settled = comments->list.len,
		.word = word,
		.comments = comments,
	};
	int rc = 0;

	while (lexer.at < lexer.end && !rc) {
		if (peek(&lexer, 0) == '/' && (peek(&lexer, 1) == '*' || peek(&lexer, 1) == '/'))
			rc = lex_comment(&lexer, lexer.at[1] == '*');
		else if (isspace((unsigned char)*lexer.at) || splice_bytes(&lexer))
			step(&lexer);
		else
			lex_code(&lexer);
	}
	return rc;
}
