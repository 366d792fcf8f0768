/* Memory that dies together. Nothing taken from an arena is freed on its own. */
#ifndef GILSCOPE_BASE_ARENA_H
#define GILSCOPE_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is fine */

/* Zeroed, aligned for any type; NULL when memory is out. borrowed */
void *arena_alloc(struct arena *arena, size_t bytes);
char *arena_strdup(struct arena *arena, const char *text); /* NULL in, NULL out */
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
