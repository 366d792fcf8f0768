/* Whole files in and out: bounded reads, atomic replacement. */
#include "runtime/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/str.h"

/* What an open file holds; `path` is for the sentence. */
static int read_all(int fd, const char *path, struct str *text, struct err *err)
{
	char block[16384];
	ssize_t got;

	while ((got = read(fd, block, sizeof(block))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
		if (str_add_bytes(text, block, (size_t)got))
			return err_ret(err, -E2BIG, "%s is larger than the %zu bytes allowed here",
				path, text->max);
	}
	return !text->data && str_add(text, "") ? -ENOMEM : 0;
}

int file_load(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, struct err *err)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_str_fini_ struct str text = STR_INIT(max_bytes);
	int rc = fd < 0 ? err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno))
			: read_all(fd, path, &text, err);

	if (rc)
		return rc;
	if (ret_len)
		*ret_len = text.len;
	*ret_data = take_ptr(text.data);
	return 0;
}

int file_load_regular(
	const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, struct err *err)
{
	_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_str_fini_ struct str text = STR_INIT(max_bytes);
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st))
		return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_ret(err, -EINVAL, "%s is not a regular file", path);
	rc = read_all(fd, path, &text, err);
	if (rc)
		return rc;
	if (ret_len)
		*ret_len = text.len;
	*ret_data = take_ptr(text.data);
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

static int save_direct(const char *path, const void *data, size_t len)
{
	_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);

	return fd < 0 ? -errno : write_all(fd, data, len);
}

/* A file without a name in the folder of `path`: it vanishes with its last descriptor, so that even
 * a process that is killed leaves nothing. Permissions are what the user's umask gives any new
 * file. */
static int open_nameless(const char *path)
{
	const char *slash = strrchr(path, '/');
	_free_ char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd;

	if (!folder)
		return -ENOMEM;
	fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

static char *name_beside(const char *path)
{
	static atomic_uint serial;
	char *name;

	if (asprintf(&name, "%s.%d-%u.new", path, getpid(), atomic_fetch_add(&serial, 1)) < 0)
		return NULL;
	return name;
}

static int rename_or_unlink(const char *from, const char *to)
{
	int rc = rename(from, to) ? -errno : 0;

	if (rc)
		unlink(from);
	return rc;
}

/* A new name in one step; an existing one by way of a second name, for an instant. */
static int give_name(int fd, const char *path)
{
	_free_ char *name = NULL;
	char self[40];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd); /* fits */
	if (!linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return 0;
	if (errno != EEXIST)
		return -errno;
	name = name_beside(path);
	if (!name)
		return -ENOMEM;
	if (linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW))
		return -errno;
	return rename_or_unlink(name, path);
}

/* For file systems without nameless files. */
static int save_by_name(const char *path, const void *data, size_t len)
{
	_free_ char *name = name_beside(path);
	int fd, rc;

	if (!name)
		return -ENOMEM;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, data, len);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc)
		return rename_or_unlink(name, path);
	unlink(name);
	return rc;
}

static int save_replacing(const char *path, const void *data, size_t len)
{
	_close_ int fd = open_nameless(path);

	if (fd >= 0) {
		int rc = write_all(fd, data, len);

		if (rc)
			return rc;
		if (!give_name(fd, path))
			return 0;
	}
	/* Whatever stood in the way of the better method, this one's failure is the one to tell. */
	return save_by_name(path, data, len);
}

int file_check_folder(const char *path, struct err *err)
{
	_close_ int fd = open_nameless(path);
	_free_ char *name = NULL;

	if (fd >= 0)
		return 0;
	name = name_beside(path);
	if (!name)
		return -ENOMEM;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_ret(err, -errno, "cannot write %s: %s", path, strerror(errno));
	unlink(name);
	return 0;
}

int file_save(const char *path, const void *data, size_t len, struct err *err)
{
	/* A link to a file stays a link: what it points to is replaced. */
	_free_ char *target = realpath(path, NULL);
	struct stat st;
	int rc;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		rc = save_direct(path, data, len);
	else
		rc = save_replacing(target ? target : path, data, len);
	if (rc)
		err_set(err, "cannot write %s: %s", path, strerror(-rc));
	return rc;
}
