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

int file_load(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, struct err *err)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_str_fini_ struct str text = STR_INIT(max_bytes);
	char block[16384];
	ssize_t got;

	if (fd < 0)
		return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
	while ((got = read(fd, block, sizeof(block))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_ret(err, -errno, "cannot read %s: %s", path, strerror(errno));
		if (str_add_bytes(&text, block, (size_t)got))
			return err_ret(err, -E2BIG, "%s is larger than the %zu bytes allowed here",
				path, max_bytes);
	}
	if (!text.data && str_add(&text, ""))
		return -ENOMEM;
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

/* A new file beside `path`, with the permissions that the user's umask gives any new file. */
static int open_beside(const char *path, char **ret_name)
{
	_free_ char *name = NULL;
	static atomic_uint serial;
	int fd;

	for (int attempt = 0; attempt < 100; attempt++) {
		free(take_ptr(name));
		if (asprintf(&name, "%s.%d-%u.new", path, getpid(), atomic_fetch_add(&serial, 1)) <
			0) {
			name = NULL;
			return -ENOMEM;
		}
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0) {
			*ret_name = take_ptr(name);
			return fd;
		}
		if (errno != EEXIST) /* left by a process of the same number that was killed */
			return -errno;
	}
	return -EEXIST;
}

static int save_replacing(const char *path, const void *data, size_t len)
{
	_free_ char *temporary = NULL;
	int fd = open_beside(path, &temporary), rc;

	if (fd < 0)
		return fd;
	rc = write_all(fd, data, len);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc)
		unlink(temporary);
	return rc;
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
