/* An outline as text, for people who debug the analyzer and for golden tests. */
#ifndef GILSCOPE_ANALYZER_OUTLINE_TEXT_H
#define GILSCOPE_ANALYZER_OUTLINE_TEXT_H

struct outline;
struct str;

/* Appends one function after the other; only `function` (a symbol or a source name) when not NULL.
 * 0 or -ENOMEM. */
int outline_text(const struct outline *outline, const char *function, struct str *out);

#endif
