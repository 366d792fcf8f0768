/* Growable text with a stated maximum. After a failed append the text is unchanged and `is_short`
 * stays true, so that a writer may check once at the end. */
#ifndef GILSCOPE_BASE_STR_H
#define GILSCOPE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/cleanup.h"

struct str {
	char *data; /* owned; NUL-terminated, or NULL while empty */
	size_t len;
	size_t cap;
	size_t max; /* bytes without the NUL */
	bool is_short; /* something did not fit */
};

#define STR_INIT(max_bytes) ((struct str){.max = (max_bytes)})

int str_add(struct str *str, const char *text);
int str_add_bytes(struct str *str, const void *bytes, size_t len);
int str_addf(struct str *str, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_clear(struct str *str);
void str_fini(struct str *str);

/* The text, "" while empty. borrowed */
const char *str_text(const struct str *str);

#define _str_fini_ _cleanup_(str_fini)

#endif
