/* A path → a run being written: where the file lives, and when what was put becomes durable. */
#include "runtime/core/run_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/core/run_header.h"

/* A flush must not keep the recorder from its events: the next one tries again. The last has none.
 */
#define FLUSH_BUSY_MS 50
#define FINISH_BUSY_MS 5000

sqlite3_stmt *run_file_statement(struct run_file *file, enum query query, int *ret_rc)
{
	sqlite3_stmt **statement = &file->statements[query];

	if (!*statement) {
		int code = query_prepare(file->db, query, statement);

		if (code) {
			*ret_rc = query_errno(file->db, code);
			return NULL;
		}
	}
	return *statement;
}

int run_file_execute(struct run_file *file, enum query query)
{
	int rc = 0;
	sqlite3_stmt *statement = run_file_statement(file, query, &rc);

	if (!statement)
		return rc;
	rc = query_errno(file->db, sqlite3_step(statement));
	(void)sqlite3_reset(statement); /* repeats the code of the step */
	return rc;
}

static void close_database(struct run_file *file)
{
	for (size_t i = 0; i < QUERY_COUNT; i++) {
		(void)sqlite3_finalize(file->statements[i]); /* repeats the last step's code */
		file->statements[i] = NULL;
	}
	(void)sqlite3_close(file->db); /* every statement is gone: cannot be busy */
	file->db = NULL;
}

static void free_file(struct run_file *file)
{
	close_database(file);
	/* Only now: closing any descriptor of the file drops SQLite's own locks on it. */
	if (file->lock_fd >= 0)
		close(file->lock_fd);
	free(file->path);
	free(file);
}

/* An existing file may only be replaced when it is a run that nobody writes any more. */
static int check_replaceable(const char *path, struct err *err)
{
	struct run_header header;
	_close_ int fd = -1;
	struct stat st;
	int rc;

	if (stat(path, &st))
		return errno == ENOENT
			       ? 0
			       : err_ret(err, -errno, "cannot write %s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_ret(
			err, -EISDIR, "cannot write %s: it is a folder; name a file in it", path);
	if (!S_ISREG(st.st_mode))
		return err_ret(err, -EEXIST,
			"cannot write %s: it is not a regular file, and a run must be one", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_ret(err, -errno, "cannot replace %s: %s", path, strerror(errno));
	rc = run_header_read(fd, &header);
	if (rc || !header.is_run)
		return err_ret(err, -EEXIST,
			"%s exists and is not a gilscope run: remove it or choose another name",
			path);
	/* Where locks do not work at all, nobody can be warned. */
	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return err_ret(err, -EBUSY,
			"%s is being recorded by another gilscope: choose another name", path);
	return 0;
}

int run_create(const char *path, struct run_file **ret_file, struct err *err)
{
	struct run_file *file;
	int rc, code;

	if (!*path)
		return err_ret(err, -EINVAL, "cannot write a run: its file name is empty");
	rc = check_replaceable(path, err);
	if (!rc) /* the first commit may be minutes away: it must be known now */
		rc = file_check_folder(path, err);
	if (rc)
		return rc;
	file = calloc(1, sizeof(*file));
	if (!file)
		return err_ret(err, -ENOMEM, "cannot record: out of memory");
	file->lock_fd = -1;
	file->path = strdup(path);
	code = file->path ? sqlite3_open(":memory:", &file->db) : SQLITE_NOMEM;
	if (!code)
		code = query_make_schema(file->db);
	if (code) {
		rc = query_errno(NULL, code);
		err_set(err, "cannot record to %s: %s", path, sqlite3_errstr(code));
		free_file(file);
		return rc;
	}
	*ret_file = file;
	return 0;
}

int run_begin(struct run_file *file)
{
	/* A commit that found the file busy left its transaction open: go on with it. */
	if (!sqlite3_get_autocommit(file->db))
		return 0;
	return run_file_execute(file, QUERY_BEGIN);
}

/* Goes on with the database that now lies at the path; on failure the one in memory stays. */
static int open_on_disk(struct run_file *file)
{
	_close_ int fd = open(file->path, O_RDWR | O_CLOEXEC);
	sqlite3 *db = NULL;
	int code, rc;

	if (fd < 0)
		return -errno;
	(void)flock(fd, LOCK_EX | LOCK_NB); /* advice to others; nobody else knows the file yet */
	code = sqlite3_open_v2(file->path, &db, SQLITE_OPEN_READWRITE, NULL);
	if (!code)
		code = sqlite3_exec(db, query_write_settings, NULL, NULL, NULL);
	if (!code)
		code = sqlite3_busy_timeout(db, FLUSH_BUSY_MS);
	if (code) {
		rc = query_errno(db, code);
		(void)sqlite3_close(db); /* nothing was prepared: cannot be busy */
		return rc;
	}
	close_database(file);
	file->db = db;
	file->lock_fd = take_fd(fd);
	return 0;
}

/* The journal of a recorder that was killed in a commit would be rolled back over the new run. */
static int remove_journal(const char *path)
{
	_free_ char *journal = NULL;

	if (asprintf(&journal, "%s-journal", path) < 0) {
		journal = NULL;
		return -ENOMEM;
	}
	return unlink(journal) && errno != ENOENT ? -errno : 0;
}

static int move_to_disk(struct run_file *file)
{
	sqlite3_int64 bytes;
	unsigned char *image;
	int rc;

	/* Somebody else may have begun to record there since run_create. */
	if (check_replaceable(file->path, NULL))
		return -EEXIST;
	image = sqlite3_serialize(file->db, "main", &bytes, 0);
	if (!image)
		return -ENOMEM;
	rc = remove_journal(file->path);
	if (!rc)
		rc = file_save(file->path, image, (size_t)bytes, NULL);
	sqlite3_free(image);
	return rc ? rc : open_on_disk(file);
}

int run_commit(struct run_file *file)
{
	int rc = 0;

	if (!sqlite3_get_autocommit(file->db))
		rc = run_file_execute(file, QUERY_COMMIT);
	if (!rc && file->lock_fd < 0)
		rc = move_to_disk(file);
	return rc;
}

/* The last commit of a run reaches the disk before anybody is told that it is there. */
static int complete(struct run_file *file)
{
	int rc;

	(void)sqlite3_busy_timeout(file->db, FINISH_BUSY_MS); /* fails on a closed handle only */
	if (file->lock_fd >= 0 && sqlite3_get_autocommit(file->db))
		(void)sqlite3_exec(file->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	rc = run_begin(file);
	if (!rc)
		rc = run_file_execute(file, QUERY_PUT_COMPLETE);
	if (!rc && !sqlite3_changes(file->db))
		rc = -EINVAL; /* no run_put_info: nothing that could be complete */
	if (!rc)
		rc = run_commit(file);
	if (!rc && file->lock_fd >= 0 && fdatasync(file->lock_fd))
		rc = -errno;
	return rc;
}

int run_finish(struct run_file *file, bool is_complete)
{
	int rc = 0;

	if (!file)
		return 0;
	if (is_complete)
		rc = complete(file);
	if (!sqlite3_get_autocommit(file->db))
		(void)run_file_execute(file, QUERY_ROLLBACK); /* closing would do the same */
	free_file(file);
	return rc;
}
