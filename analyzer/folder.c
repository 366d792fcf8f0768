/* A private temporary folder: made, and removed with all its contents. */
#include "analyzer/folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

int folder_new(char **ret_path, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *path;

	if (!tmp || !*tmp)
		tmp = "/tmp";
	if (asprintf(&path, "%s/gilscope-lint.XXXXXX", tmp) < 0)
		return err_ret(err, -ENOMEM, "out of memory");
	if (!mkdtemp(path)) {
		int rc = -errno;

		free(path);
		return err_ret(err, rc,
			"cannot make a folder in %s: %s; set TMPDIR to one that can be written",
			tmp, strerror(-rc));
	}
	*ret_path = path;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	(void)remove(path); /* goes on with the rest: a leftover is all that can come of it */
	return 0;
}

void folder_remove(const char *path)
{
	if (path)
		(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); /* as above */
}
