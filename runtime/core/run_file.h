/* Inside core: a run being written. */
#ifndef GILSCOPE_CORE_RUN_FILE_H
#define GILSCOPE_CORE_RUN_FILE_H

#include <stdbool.h>

#include "runtime/core/query.h"
#include "runtime/core/run.h"

/* Until the first commit the database lives in memory: a recording that is refused before it
 * measured anything has touched nothing. */
struct run_file {
	sqlite3 *db; /* owned */
	sqlite3_stmt *statements[QUERY_COUNT]; /* owned; prepared at first use */
	char *path; /* owned */
	int lock_fd; /* held while recording; -1: still in memory */
};

/* Runs a statement without parameters. 0 or -errno */
int run_file_execute(struct run_file *file, enum query query);

/* The prepared statement, or NULL with *ret_rc set. borrowed */
sqlite3_stmt *run_file_statement(struct run_file *file, enum query query, int *ret_rc);

#endif
