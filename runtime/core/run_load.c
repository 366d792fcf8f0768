/* A hostile file → a checked run in memory. Nothing is written next to the file: it is opened
 * read-only, and what a killed recorder left half committed is repaired in a private copy. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/core/query.h"
#include "runtime/core/run.h"
#include "runtime/core/run_copy.h"
#include "runtime/core/run_header.h"
#include "runtime/core/run_rows.h"

#define FILE_MAX_BYTES ((uint64_t)4 << 30)
#define VALUE_MAX_BYTES (1 << 20) /* of one text; also of one row */
#define BUSY_MS 2000    /* a recorder's commit takes milliseconds */

static void cleanup_db(sqlite3 **db)
{
	(void)sqlite3_close(*db); /* every statement was finalized: cannot be busy */
}

/* A recorder that was killed in a commit may have stated more pages than it wrote. */
static bool has_journal(const char *path)
{
	_free_ char *journal = NULL;
	struct stat st;

	if (asprintf(&journal, "%s-journal", path) < 0) {
		journal = NULL;
		return false;
	}
	return !stat(journal, &st) && S_ISREG(st.st_mode) && st.st_size > 0;
}

static int check_header(const char *path, struct err *err)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct run_header header;
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st))
		return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_ret(err, -EINVAL, "%s is not a file that `gilscope record` wrote", path);
	rc = run_header_read(fd, &header);
	if (rc)
		return err_ret(err, rc, "cannot read %s: %s", path, strerror(-rc));
	if (header.is_sqlite && !header.is_run && header.file_bytes < 512)
		return err_ret(err, -EBADMSG, "%s is cut off: only %llu bytes of a run are left",
			path, (unsigned long long)header.file_bytes);
	if (!header.is_run)
		return err_ret(err, -EINVAL, "%s is not a gilscope run%s", path,
			header.file_bytes ? "" : ": it is empty");
	if (header.version > RUN_VERSION)
		return err_ret(err, -EPROTONOSUPPORT,
			"%s was recorded by a newer gilscope (format %u, this one reads %d): "
			"update gilscope",
			path, header.version, RUN_VERSION);
	if (header.version < 1 || header.has_wal)
		return err_ret(err, -EBADMSG,
			"%s is damaged: its header is not as gilscope writes it", path);
	if (header.file_bytes < header.stated_bytes && !has_journal(path))
		return err_ret(err, -EBADMSG, "%s is cut off: %llu of %llu bytes are left", path,
			(unsigned long long)header.file_bytes,
			(unsigned long long)header.stated_bytes);
	if (header.file_bytes > FILE_MAX_BYTES)
		return err_ret(
			err, -EFBIG, "%s is larger than the 4 GiB that a report can read", path);
	return 0;
}

static int damaged(sqlite3 *db, int code, const char *path, struct err *err)
{
	int rc = query_errno(db, code);

	if (rc == -EBUSY)
		return err_ret(err, rc, "%s is in use by another program: try again", path);
	if (rc == -EBADMSG || rc == -EIO)
		return err_ret(err, -EBADMSG, "%s is damaged: %s", path, sqlite3_errmsg(db));
	return err_ret(err, rc, "cannot read %s: %s", path, sqlite3_errmsg(db));
}

/* "*** in database main ***\nTree 3 page 3: …": the first line says nothing. */
static const char *skip_heading(const char *text)
{
	const char *end = strchr(text, '\n');

	return !strncmp(text, "***", 3) && end ? end + 1 : text;
}

/* The first row of a check must be `good`, or be missing when `good` is NULL. */
static int check(sqlite3 *db, enum query query, const char *good, const char *path, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int rc = 0, code = query_prepare(db, query, &statement);
	const char *text = NULL;

	if (!code)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(statement, 0);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = damaged(db, code, path, err);
	else if (good && (!text || strcmp(text, good) != 0))
		rc = err_ret(err, -EBADMSG, "%s is damaged: %.200s", path,
			text ? skip_heading(text) : "");
	else if (!good && text)
		rc = err_ret(err, -EBADMSG,
			"%s is damaged: it has no table %s as gilscope makes it", path, text);
	(void)sqlite3_finalize(statement); /* repeats the step's code */
	return rc;
}

/* Returns a SQLite code. The first read finds out whether a commit was left half done. */
static int open_database(const char *path, int flags, sqlite3 **ret_db)
{
	int code = sqlite3_open_v2(path, ret_db, flags, NULL);

	if (code)
		return code;
	(void)sqlite3_extended_result_codes(*ret_db, 1); /* fails on a NULL handle only */
	(void)sqlite3_limit(*ret_db, SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES); /* returns the old */
	(void)sqlite3_limit(*ret_db, SQLITE_LIMIT_ATTACHED, 0);
	(void)sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_busy_timeout(*ret_db, BUSY_MS); /* fails on a closed handle only */
	code = sqlite3_exec(*ret_db, query_read_settings, NULL, NULL, NULL);
	if (!code)
		code = sqlite3_exec(
			*ret_db, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	return code;
}

static int load_from(sqlite3 *db, const char *path, struct run *run, struct err *err)
{
	int rc = check(db, QUERY_CHECK_CONTENT, "ok", path, err);

	if (!rc)
		rc = check(db, QUERY_CHECK_TABLES, NULL, path, err);
	if (!rc)
		rc = run_rows_load(db, path, run, err);
	return rc;
}

static int load(const char *path, struct run *run, struct err *err)
{
	_cleanup_(cleanup_db) sqlite3 *db = NULL;
	_cleanup_(run_copy_fini) struct run_copy copy = {0};
	int rc, code = open_database(path, SQLITE_OPEN_READONLY, &db);

	if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_CANTOPEN) {
		rc = run_copy_init(&copy, path, err);
		if (rc)
			return rc;
		cleanup_db(&db);
		db = NULL;
		code = open_database(copy.file, SQLITE_OPEN_READWRITE, &db);
	}
	return code ? damaged(db, code, path, err) : load_from(db, path, run, err);
}

/* Whoever draws the tree of processes must not run in circles. A reused pid can close a circle in
 * an honest recording, so the one that started first loses its parent. `walk_of` holds, by index,
 * the number of the walk that came past first: meeting one's own number closes a circle. */
static void follow_parents(struct run *run, size_t start, size_t *walk_of)
{
	struct run_process *all = run->processes.at, *first;
	size_t at = start;

	for (;;) {
		const struct run_process *parent;

		walk_of[at] = start + 1;
		parent = run_process_find(run, all[at].ppid);
		if (!parent)
			return;
		at = (size_t)(parent - all);
		if (walk_of[at] && walk_of[at] != start + 1)
			return;
		if (walk_of[at])
			break;
	}
	first = &all[at];
	for (const struct run_process *p = run_process_find(run, first->ppid); p != &all[at];
		p = run_process_find(run, p->ppid))
		if (p->start_ns < first->start_ns)
			first = &all[p - all];
	first->ppid = 0;
}

static int break_circles(struct run *run)
{
	_free_ size_t *walk_of = calloc(run->processes.len + 1, sizeof(*walk_of));

	if (!walk_of)
		return -ENOMEM;
	for (size_t i = 0; i < run->processes.len; i++)
		if (!walk_of[i])
			follow_parents(run, i, walk_of);
	return 0;
}

int run_load(const char *path, struct run *ret_run, struct err *err)
{
	struct run run = {.arena = arena_new()};
	int rc;

	if (!run.arena)
		return err_ret(err, -ENOMEM, "cannot read %s: out of memory", path);
	rc = check_header(path, err);
	if (!rc)
		rc = load(path, &run, err);
	if (!rc && break_circles(&run))
		rc = err_ret(err, -ENOMEM, "cannot read %s: out of memory", path);
	if (rc) {
		run_fini(&run);
		return rc;
	}
	*ret_run = run;
	return 0;
}

void run_fini(struct run *run)
{
	if (!run)
		return;
	vec_each (stack, &run->stacks)
		vec_fini(&stack->frames);
	vec_fini(&run->processes);
	vec_fini(&run->memory);
	vec_fini(&run->threads);
	vec_fini(&run->slices);
	vec_fini(&run->buckets);
	vec_fini(&run->stacks);
	vec_fini(&run->blame);
	vec_fini(&run->longest);
	vec_fini(&run->activity);
	arena_free(run->arena);
	*run = (struct run){0};
}
