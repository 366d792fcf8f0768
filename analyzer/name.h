/* A linker symbol as its author wrote it. */
#ifndef GILSCOPE_ANALYZER_NAME_H
#define GILSCOPE_ANALYZER_NAME_H

struct str;

/* Appends `space::Class::function`, without parameters, template arguments and return type; the
 * symbol itself when it is no C++ name. 0 or -ENOMEM. */
int name_from_symbol(const char *symbol, struct str *out);

#endif
