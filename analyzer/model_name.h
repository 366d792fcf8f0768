/* How a linker symbol is spelt → how a model spells it. */
#ifndef GILSCOPE_ANALYZER_MODEL_NAME_H
#define GILSCOPE_ANALYZER_MODEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { MODEL_NAME_MAX = 512 }; /* longer symbols match no model */

/* Without symbol version, `__isoc99_`, `__x_chk`, `64`; C++ demangled, without template arguments,
 * parameters, return type and inline namespaces. False when nothing is left or it is too long. */
bool model_name_normalise(const char *symbol, char *ret_name, size_t size);

/* The same without undoing `64`, which some names really end in. */
bool model_name_plain(const char *symbol, char *ret_name, size_t size);

#endif
