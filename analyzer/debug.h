/* What people who debug the analyzer run; not in --help. NULL-terminated arguments; exit codes. */
#ifndef GILSCOPE_ANALYZER_DEBUG_H
#define GILSCOPE_ANALYZER_DEBUG_H

/* gilscope-lint outline FILE [FUNCTION]: what extract kept, as text. */
int debug_outline(char **args);

/* gilscope-lint extract OUTLINE SOURCE [CLANG FLAG…] */
int debug_extract(char **args);

#endif
