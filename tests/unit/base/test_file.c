/* Whole files in and out: bounds, refusals with their sentence, replacement in one step. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/file.h"

static char folder[120];

static void make_folder(void)
{
	(void)snprintf(folder, sizeof(folder), "%s/gilscope-test.XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	cr_assert(mkdtemp(folder) && !chdir(folder));
}

static void remove_folder(void)
{
	(void)unlink("a");
	(void)unlink("link");
	cr_assert(!chdir("/") && !rmdir(folder), "something was left behind");
}

TestSuite(file, .init = make_folder, .fini = remove_folder);

static void expect_content(const char *path, const char *wanted)
{
	struct err err = {0};
	char *data = NULL;
	size_t len;

	cr_assert_eq(file_load(path, 1000, &data, &len, &err), 0, "%s", err.text);
	cr_expect_eq(len, strlen(wanted));
	cr_expect_str_eq(data, wanted);
	free(data);
}

Test(file, what_is_saved_comes_back)
{
	cr_assert_eq(file_save("a", "one", 3, NULL), 0);
	expect_content("a", "one");
	cr_assert_eq(file_save("a", "", 0, NULL), 0);
	expect_content("a", "");
}

Test(file, save_respects_the_umask)
{
	struct stat st;
	mode_t old = umask(077);

	cr_assert_eq(file_save("a", "x", 1, NULL), 0);
	cr_assert(!stat("a", &st));
	cr_expect_eq(st.st_mode & 0777, 0600);
	(void)umask(022);
	cr_assert_eq(file_save("a", "x", 1, NULL), 0);
	cr_assert(!stat("a", &st));
	cr_expect_eq(st.st_mode & 0777, 0644);
	(void)umask(old);
}

Test(file, a_reader_keeps_the_old_file)
{
	char block[10] = {0};
	FILE *reader;

	cr_assert_eq(file_save("a", "old", 3, NULL), 0);
	reader = fopen("a", "r");
	cr_assert(reader);
	cr_assert_eq(file_save("a", "new", 3, NULL), 0);
	cr_expect_eq(fread(block, 1, sizeof(block) - 1, reader), 3);
	cr_expect_str_eq(block, "old");
	fclose(reader);
	expect_content("a", "new");
}

Test(file, a_link_stays_a_link)
{
	struct stat st;

	cr_assert_eq(file_save("a", "old", 3, NULL), 0);
	cr_assert(!symlink("a", "link"));
	cr_assert_eq(file_save("link", "new", 3, NULL), 0);
	cr_assert(!lstat("link", &st) && S_ISLNK(st.st_mode));
	expect_content("a", "new");
}

Test(file, save_says_what_it_cannot_do_and_leaves_nothing)
{
	struct err err = {0};

	cr_expect_eq(file_save("none/a", "x", 1, &err), -ENOENT);
	cr_expect_str_eq(err.text, "cannot write none/a: No such file or directory");
	cr_expect_eq(file_save(".", "x", 1, &err), -EISDIR);
	cr_expect_eq(file_save("/dev/full", "x", 1, &err), -ENOSPC);
	cr_expect_eq(file_save("/dev/null", "x", 1, &err), 0);
}

Test(file, load_is_bounded)
{
	struct err err = {0};
	char *data = NULL;
	size_t len = 0;

	cr_assert_eq(file_save("a", "12345", 5, NULL), 0);
	cr_expect_eq(file_load("a", 4, &data, &len, &err), -E2BIG);
	cr_expect_str_eq(err.text, "a is larger than the 4 bytes allowed here");
	cr_expect_eq(file_load("/dev/zero", 100000, &data, &len, &err), -E2BIG);
	cr_expect_null(data);
	cr_assert_eq(file_load("a", 5, &data, NULL, &err), 0);
	cr_expect_str_eq(data, "12345");
	free(data);
}

Test(file, load_says_what_is_wrong)
{
	struct err err = {0};
	char *data = NULL;

	cr_expect_eq(file_load("none", 10, &data, NULL, &err), -ENOENT);
	cr_expect_str_eq(err.text, "cannot read none: No such file or directory");
	cr_expect_eq(file_load(".", 10, &data, NULL, NULL), -EISDIR);
}

Test(file, load_reads_files_without_a_size)
{
	char *data = NULL;
	size_t len = 0;

	cr_assert_eq(file_load("/proc/self/status", 100000, &data, &len, NULL), 0);
	cr_expect(len > 100 && strstr(data, "VmRSS"));
	free(data);
}

Test(file, check_folder_tells_whether_a_file_can_be_made)
{
	struct err err = {0};

	cr_expect_eq(file_check_folder("a", &err), 0);
	cr_expect_eq(file_check_folder("./a", &err), 0);
	cr_expect_eq(file_check_folder("none/a", &err), -ENOENT);
	cr_expect_str_eq(err.text, "cannot write none/a: No such file or directory");
	cr_expect_lt(file_check_folder("/proc/a", &err), 0);
	cr_expect_neq(access("a", F_OK), 0);
}

/* Opening a pipe that nobody writes to would wait for ever. */
Test(file, load_regular_takes_files_only)
{
	static const char *const others[] = {"link", "/dev/zero", ".", "none"};
	struct err err = {0};
	char *data = NULL;
	size_t len = 0;

	cr_assert_eq(file_save("a", "12345", 5, NULL), 0);
	cr_assert_eq(mkfifo("link", 0600), 0);
	cr_expect_eq(file_load_regular("a", 4, &data, &len, &err), -E2BIG);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		cr_expect_lt(file_load_regular(others[i], 10, &data, &len, &err), 0);
		cr_expect(strstr(err.text, others[i]), "%s", err.text);
	}
	cr_expect_null(data);
	cr_assert_eq(file_load_regular("a", 5, &data, &len, &err), 0);
	cr_expect_str_eq(data, "12345");
	cr_expect_eq(len, 5);
	free(data);
}
