/* Inside core: the rows of an opened run, checked while they are read. */
#ifndef GILSCOPE_CORE_RUN_ROWS_H
#define GILSCOPE_CORE_RUN_ROWS_H

#include <sqlite3.h>

#include "runtime/core/run.h"

struct err;

/* Fills every part of `run` (its arena exists). `path` is for the sentence in `err`. */
int run_rows_load(sqlite3 *db, const char *path, struct run *run, struct err *err);

#endif
