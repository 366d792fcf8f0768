/* All SQL of the project: names → statements. Columns are always named, and a put and the reading
 * of its table list them in the same order. */
#include "runtime/core/query.h"

#include <errno.h>
#include <stddef.h>

#include "runtime/base/embed.h"

EMBED_TEXT(gilscope_schema_sql, GILSCOPE_SCHEMA_PATH);

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#define INFO_COLUMNS                                                                               \
	"tool_version, started, start_ns, end_ns, is_complete, tier, cores, cpu_quota, kernel, "   \
	"command, lost_events, lost_stacks, probe_hits, probe_ns, overhead_share, "                \
	"recorder_cpu_ns, hold_correction_ns, wait_correction_ns, sample_period_ns"
#define PROCESS_COLUMNS                                                                            \
	"pid, ppid, role, name, exe, argv, interpreter, version, lock, build_id, "                 \
	"why_unmeasured, start_ns, seen_ns, end_ns, cpu_ns"
#define MEMORY_COLUMNS "pid, at_ns, rss_bytes, pss_bytes, uss_bytes"
#define STATE_COLUMNS                                                                              \
	"none_running_ns, none_runnable_ns, none_blocked_ns, "                                     \
	"waiting_running_ns, waiting_runnable_ns, waiting_blocked_ns, "                            \
	"holding_running_ns, holding_runnable_ns, holding_blocked_ns"
#define THREAD_COLUMNS                                                                             \
	"tid, pid, name, seen_ns, end_ns, cpu_ns, waits, wait_ns, wait_max_ns, holds, hold_ns, "   \
	"hold_max_ns, " STATE_COLUMNS
#define SLICE_COLUMNS "tid, at_ns, length_ns, " STATE_COLUMNS
#define BUCKET_COLUMNS "tid, kind, low_ns, high_ns, count"
#define FRAME_COLUMNS "stack, depth, kind, function, file, line, module, build_id"
#define BLAME_COLUMNS "pid, waiter_tid, holder_tid, stack, wait_ns, waits, max_ns"
#define LONGEST_COLUMNS "kind, pid, tid, other_tid, start_ns, length_ns, cpu_ns, is_open, stack"
#define ACTIVITY_COLUMNS "pid, tid, lock, sched, stack, ns, count, is_sampled"

#define VALUES_5 "?, ?, ?, ?, ?"
#define VALUES_7 VALUES_5 ", ?, ?"
#define VALUES_8 VALUES_7 ", ?"
#define VALUES_9 VALUES_8 ", ?"
#define VALUES_12 VALUES_7 ", " VALUES_5
#define VALUES_15 VALUES_8 ", " VALUES_7
#define VALUES_19 VALUES_12 ", " VALUES_7
#define VALUES_21 VALUES_12 ", " VALUES_9

/* Locks are taken in the moment of the commit only, so that a reader never waits for a recorder
 * that is busy elsewhere. A killed recorder loses nothing that was committed: what the kernel has
 * survives the process. Syncing every flush would guard against a power cut too, at the price of
 * stalls while events arrive; the last commit of a run is synced. */
const char query_write_settings[] = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;"
				    "PRAGMA cache_spill = OFF; PRAGMA temp_store = MEMORY;";

const char query_read_settings[] = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
				   "PRAGMA mmap_size = 0; PRAGMA query_only = ON;"
				   "PRAGMA temp_store = MEMORY;";

static const char *const texts[QUERY_COUNT] = {
	[QUERY_BEGIN] = "BEGIN",
	[QUERY_COMMIT] = "COMMIT",
	[QUERY_ROLLBACK] = "ROLLBACK",
	[QUERY_PUT_INFO] = "REPLACE INTO run (id, " INFO_COLUMNS ") VALUES (1, " VALUES_19 ")",
	[QUERY_PUT_COMPLETE] = "UPDATE run SET is_complete = 1",
	[QUERY_PUT_PROCESS] = "REPLACE INTO process (" PROCESS_COLUMNS ") VALUES (" VALUES_15 ")",
	[QUERY_PUT_MEMORY] = "REPLACE INTO memory (" MEMORY_COLUMNS ") VALUES (" VALUES_5 ")",
	[QUERY_PUT_THREAD] = "REPLACE INTO thread (" THREAD_COLUMNS ") VALUES (" VALUES_21 ")",
	[QUERY_PUT_SLICE] = "REPLACE INTO slice (" SLICE_COLUMNS ") VALUES (" VALUES_12 ")",
	[QUERY_PUT_BUCKET] = "REPLACE INTO histogram (" BUCKET_COLUMNS ") VALUES (" VALUES_5 ")",
	[QUERY_CLEAR_STACK] = "DELETE FROM frame WHERE stack = ?",
	[QUERY_PUT_FRAME] = "INSERT INTO frame (" FRAME_COLUMNS ") VALUES (" VALUES_8 ")",
	[QUERY_CLEAR_BLAME] = "DELETE FROM blame",
	[QUERY_CLEAR_LONGEST] = "DELETE FROM longest",
	[QUERY_CLEAR_ACTIVITY] = "DELETE FROM activity",
	[QUERY_PUT_BLAME] = "INSERT INTO blame (" BLAME_COLUMNS ") VALUES (" VALUES_7 ")",
	[QUERY_PUT_LONGEST] = "INSERT INTO longest (" LONGEST_COLUMNS ") VALUES (" VALUES_9 ")",
	[QUERY_PUT_ACTIVITY] = "INSERT INTO activity (" ACTIVITY_COLUMNS ") VALUES (" VALUES_8 ")",
	/* One row for each name that is not a plain, strict table with ordinary columns: a view or
	 * a generated column would compute what its author likes for as long as he likes. */
	[QUERY_CHECK_TABLES] =
		"WITH wanted (name) AS (VALUES ('run'), ('process'), ('memory'), ('thread'), "
		"('slice'), ('histogram'), ('frame'), ('blame'), ('longest'), ('activity')) "
		"SELECT name FROM wanted WHERE NOT EXISTS (SELECT 1 FROM pragma_table_list AS t "
		"WHERE t.schema = 'main' AND t.name = wanted.name AND t.type = 'table' AND "
		"t.strict = 1) OR EXISTS (SELECT 1 FROM pragma_table_xinfo(wanted.name) "
		"WHERE hidden <> 0)",
	[QUERY_CHECK_CONTENT] = "PRAGMA quick_check(1)",
	[QUERY_EACH_INFO] = "SELECT " INFO_COLUMNS " FROM run",
	[QUERY_EACH_PROCESS] = "SELECT " PROCESS_COLUMNS " FROM process ORDER BY pid",
	[QUERY_EACH_MEMORY] = "SELECT " MEMORY_COLUMNS " FROM memory ORDER BY pid, at_ns",
	[QUERY_EACH_THREAD] = "SELECT " THREAD_COLUMNS " FROM thread ORDER BY tid",
	[QUERY_EACH_SLICE] = "SELECT " SLICE_COLUMNS " FROM slice ORDER BY tid, at_ns",
	[QUERY_EACH_BUCKET] = "SELECT " BUCKET_COLUMNS " FROM histogram ORDER BY tid, kind, low_ns",
	[QUERY_EACH_FRAME] = "SELECT " FRAME_COLUMNS " FROM frame ORDER BY stack, depth",
	[QUERY_EACH_BLAME] = "SELECT " BLAME_COLUMNS " FROM blame ORDER BY rowid",
	[QUERY_EACH_LONGEST] = "SELECT " LONGEST_COLUMNS " FROM longest ORDER BY rowid",
	[QUERY_EACH_ACTIVITY] = "SELECT " ACTIVITY_COLUMNS " FROM activity ORDER BY rowid",
};

int query_make_schema(sqlite3 *db)
{
	int code = sqlite3_exec(db,
		"PRAGMA application_id = " TEXT(RUN_APPLICATION_ID) ";"
								    "PRAGMA user_version = " TEXT(
									    RUN_VERSION) ";",
		NULL, NULL, NULL);

	return code ? code : sqlite3_exec(db, gilscope_schema_sql, NULL, NULL, NULL);
}

int query_prepare(sqlite3 *db, enum query query, sqlite3_stmt **ret_statement)
{
	return sqlite3_prepare_v3(
		db, texts[query], -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
}

int query_errno(sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return -EINVAL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_TOOBIG:
		return -EBADMSG;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return db && sqlite3_system_errno(db) ? -sqlite3_system_errno(db) : -EIO;
	default:
		return -EIO;
	}
}
