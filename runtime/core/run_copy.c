/* A run that was left in the middle of a commit → a copy that may be repaired. */
#include "runtime/core/run_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

static int copy_all(int from, int to)
{
	char block[65536];
	ssize_t got;

	while ((got = read(from, block, sizeof(block))) != 0) {
		if (got < 0 && errno != EINTR)
			return -errno;
		for (ssize_t done = 0; done < got;) {
			ssize_t put = write(to, block + done, (size_t)(got - done));

			if (put < 0 && errno != EINTR)
				return -errno;
			done += put > 0 ? put : 0;
		}
	}
	return 0;
}

static int copy_file(const char *from_path, const char *to_path)
{
	_close_ int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_close_ int to = -1;

	if (from < 0)
		return -errno;
	to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return to < 0 ? -errno : copy_all(from, to);
}

/* A journal that ends in this names a "super-journal", which SQLite deletes after the rollback. Our
 * recorder never makes one, so the name would be somebody's choice of a file to lose. */
static bool names_super_journal(const char *path)
{
	static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char last[8];
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (end < (off_t)sizeof(last))
		return end < 0;
	return pread(fd, last, sizeof(last), end - (off_t)sizeof(last)) != sizeof(last) ||
	       !memcmp(last, magic, sizeof(last));
}

static int make_names(struct run_copy *copy)
{
	const char *temporary = getenv("TMPDIR");

	if (!temporary || *temporary != '/')
		temporary = "/tmp";
	if (asprintf(&copy->folder, "%s/gilscope.XXXXXX", temporary) < 0) {
		copy->folder = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(copy->folder)) {
		free(take_ptr(copy->folder));
		return -errno;
	}
	if (asprintf(&copy->file, "%s/run", copy->folder) < 0) {
		copy->file = NULL;
		return -ENOMEM;
	}
	if (asprintf(&copy->journal, "%s/run-journal", copy->folder) < 0) {
		copy->journal = NULL;
		return -ENOMEM;
	}
	return 0;
}

int run_copy_init(struct run_copy *copy, const char *path, struct err *err)
{
	_free_ char *journal = NULL;
	int rc = make_names(copy);

	if (asprintf(&journal, "%s-journal", path) < 0) {
		journal = NULL;
		rc = -ENOMEM;
	}
	if (!rc)
		rc = copy_file(path, copy->file);
	if (!rc)
		rc = copy_file(journal, copy->journal);
	if (rc)
		return err_ret(err, rc,
			"%s was left in the middle of a write and cannot be repaired: %s", path,
			strerror(-rc));
	if (names_super_journal(copy->journal))
		return err_ret(
			err, -EBADMSG, "%s is damaged: %s-journal is not gilscope's", path, path);
	return 0;
}

void run_copy_fini(struct run_copy *copy)
{
	/* What is missing was never made. */
	if (copy->file)
		(void)unlink(copy->file);
	if (copy->journal)
		(void)unlink(copy->journal);
	if (copy->folder)
		(void)rmdir(copy->folder);
	free(copy->file);
	free(copy->journal);
	free(copy->folder);
	*copy = (struct run_copy){0};
}
