/* Text from outside → valid UTF-8, and text that is safe to show on a terminal. */
#ifndef GILSCOPE_BASE_UTF8_H
#define GILSCOPE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct str;

/* Bytes of the well-formed character at `text` (1..4), 0 where there is none. */
size_t utf8_char_bytes(const char *text, size_t len);
bool utf8_is_valid(const char *text, size_t len);

/* A copy in which every ill-formed byte and every NUL is U+FFFD; NULL when memory is out. */
char *utf8_clean(struct arena *arena, const char *text, size_t len);

/* Appends `text` with control characters as \n, \t, \x1b … and ill-formed bytes as \xff: a name
 * that a measured program chose must not move the reader's cursor. */
int str_add_visible(struct str *str, const char *text);

#endif
