/* One translation unit → one outline file: clang makes bitcode, LLVM-C walks it. */
#ifndef GILSCOPE_ANALYZER_EXTRACT_H
#define GILSCOPE_ANALYZER_EXTRACT_H

#include "analyzer/compdb.h"

/* Writes `outline_path` (atomically) and nothing else. Deterministic: the same unit, headers and
 * tool give the same bytes. Runs clang as a child process; safe to call from several processes.
 * Knows nothing of models: editing a model invalidates no outline. On failure `err` holds the
 * first error line of clang or of the reader. */
int extract_unit(const struct unit *unit, const char *outline_path, struct err *err);

#endif
