/* Inside core: every SQL text, by name, and how SQLite's outcomes become ours. */
#ifndef GILSCOPE_CORE_QUERY_H
#define GILSCOPE_CORE_QUERY_H

#include <sqlite3.h>

#define RUN_APPLICATION_ID 0x47494c53 /* "GILS" */
#define RUN_VERSION 1 /* of schema.sql; a reader refuses what is newer */

enum query {
	QUERY_BEGIN,
	QUERY_COMMIT,
	QUERY_ROLLBACK,
	QUERY_PUT_INFO,
	QUERY_PUT_COMPLETE,
	QUERY_PUT_PROCESS,
	QUERY_PUT_MEMORY,
	QUERY_PUT_THREAD,
	QUERY_PUT_SLICE,
	QUERY_PUT_BUCKET,
	QUERY_CLEAR_STACK,
	QUERY_PUT_FRAME,
	QUERY_CLEAR_BLAME,
	QUERY_CLEAR_LONGEST,
	QUERY_CLEAR_ACTIVITY,
	QUERY_PUT_BLAME,
	QUERY_PUT_LONGEST,
	QUERY_PUT_ACTIVITY,
	/* reading */
	QUERY_CHECK_TABLES,
	QUERY_CHECK_CONTENT,
	QUERY_EACH_INFO,
	QUERY_EACH_PROCESS,
	QUERY_EACH_MEMORY,
	QUERY_EACH_THREAD,
	QUERY_EACH_SLICE,
	QUERY_EACH_BUCKET,
	QUERY_EACH_FRAME,
	QUERY_EACH_BLAME,
	QUERY_EACH_LONGEST,
	QUERY_EACH_ACTIVITY,
	QUERY_COUNT,
};

/* Several statements each, for sqlite3_exec(). static */
extern const char query_write_settings[]; /* of a recorder's connection */
extern const char query_read_settings[]; /* of a reader's: distrusts the file */

/* Makes the tables of an empty database and marks it as a run. A SQLite code. */
int query_make_schema(sqlite3 *db);

/* A SQLite code; the statement lives as long as the connection. */
int query_prepare(sqlite3 *db, enum query query, sqlite3_stmt **ret_statement);

/* A SQLite code → 0 or a negative errno. */
int query_errno(sqlite3 *db, int code);

#endif
