/* compile_commands.json → units: quoting, flags, @files, and what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/command.h"
#include "analyzer/compdb.h"
#include "analyzer/compiler_name.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

static char folder[] = "/tmp/gilscope-compdb-XXXXXX";

static void folder_make(void)
{
	cr_assert(mkdtemp(folder));
}

static void folder_remove(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(compdb, .init = folder_make, .fini = folder_remove);

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cr_assert_eq(file_save(path, text, strlen(text), NULL), 0);
}

/* Loads the database with this text. */
static int load(const char *text, struct units *units, struct err *err)
{
	write_file("compile_commands.json", text);
	cr_assert_eq(units_init(units), 0);
	return compdb_load(folder, units, err);
}

static void join(const struct unit *unit, char out[512])
{
	out[0] = '\0';
	for (size_t i = 0; unit->args[i]; i++) {
		strcat(out, i ? " " : "");
		strcat(out, unit->args[i]);
	}
}

/* Which of a command's flags are kept. */
static void expect_args(const char *command, const char *kept)
{
	char text[2048], args[512];
	struct units units;
	struct err err = {""};

	snprintf(text, sizeof(text),
		"[{\"directory\": \"/d\", \"file\": \"m.c\", \"command\": \"%s\"}]", command);
	cr_assert_eq(load(text, &units, &err), 0, "%s", err.text);
	cr_assert_eq(units.list.len, 1, "%s", units.skipped.len ? units.skipped.at[0].why : "");
	join(&units.list.at[0], args);
	cr_expect_str_eq(args, kept, "%s: kept '%s'", command, args);
	units_fini(&units);
}

Test(compdb, flags)
{
	expect_args("gcc -c -O2 -Wall -g m.c -o m.o", "");
	expect_args("gcc -DA=1 -D B -UC -Iinc -I inc2 -c m.c", "-DA=1 -D B -UC -Iinc -I inc2");
	expect_args("gcc -isystem /s -iquote q -include x.h -idirafter /z m.c",
		"-isystem /s -iquote q -include x.h -idirafter /z");
	expect_args("gcc -std=gnu11 -x c -m32 -march=native -fsigned-char m.c",
		"-std=gnu11 -x c -m32 -march=native -fsigned-char");
	/* flags of gcc alone, and the words that belong to dropped flags */
	expect_args(
		"gcc -fno-plt -fstack-clash-protection -MF dep.d -MT m.c -Xlinker -DNO m.c", "");
	expect_args("gcc -Wp,-D_FORTIFY_SOURCE=2 -Wl,-z,now --param ssp-buffer-size=4 m.c", "");
	expect_args("ccache gcc -DX m.c", "-DX");
	/* g++ makes C++ of a .c file */
	expect_args("g++-12 -DX m.c", "-DX -x c++");
	expect_args("x86_64-linux-gnu-g++ -x c m.c", "-x c");
}

Test(compdb, quoting)
{
	expect_args("gcc '-DA=a b' -DB=\\\"q\\\" m.c", "-DA=a b -DB=q");
	expect_args("gcc -DS=\\\\\\\"x\\\\\\\" m.c", "-DS=\"x\"");
	expect_args("gcc   -DA\\t-DB  m.c", "-DA -DB");
}

Test(compdb, units)
{
	struct units units;
	struct err err = {""};
	static const char text[] =
		"[{\"directory\": \"/d/./x/..\", \"file\": \"b/../m.cc\", \"arguments\": [\"c++\", "
		"\"-c\", \"m.cc\", \"-o\", \"m.o\"]},\n"
		" {\"directory\": \"/d\", \"file\": \"/d/m.cc\", \"arguments\": [\"c++\", "
		"\"-fPIC\", "
		"\"m.cc\"], \"output\": \"pic.o\"},\n"
		" {\"directory\": \"/d\", \"file\": \"m.cc\", \"arguments\": [\"c++\", "
		"\"-DTWIN\"]},\n"
		" {\"directory\": \"/d\", \"file\": \"start.S\", \"command\": \"gcc -c "
		"start.S\"},\n"
		" {\"directory\": \"/d\", \"file\": \"a.c\", \"command\": \"gcc -c 'a.c\"},\n"
		" {\"file\": \"a.c\"}, 7,\n"
		" {\"directory\": \"/d\", \"file\": \"a.c\", \"arguments\": [1]},\n"
		" {\"directory\": \"/d\", \"file\": \"a.c\"}]";

	cr_assert_eq(load(text, &units, &err), 0, "%s", err.text);
	/* the second is the first again: -fPIC changes nothing that we look at */
	cr_assert_eq(units.list.len, 2);
	for (size_t i = 0; i < units.list.len; i++) {
		cr_expect_str_eq(units.list.at[i].file, "/d/m.cc");
		cr_expect_str_eq(units.list.at[i].directory, "/d");
		cr_expect(units.list.at[i].is_cxx);
	}
	cr_assert_eq(units.skipped.len, 5);
	cr_expect(strstr(units.skipped.at[0].why, "quote"));
	units_fini(&units);
}

Test(compdb, response_files)
{
	struct units units;
	struct err err = {""};
	char text[512], args[512];

	write_file("flags.rsp", "-DA '-DB=x y'\n@more.rsp");
	write_file("more.rsp", "-DC");
	snprintf(text, sizeof(text),
		"[{\"directory\": \"%s\", \"file\": \"m.c\", \"command\": \"gcc @flags.rsp -DD "
		"m.c\"}]",
		folder);
	cr_assert_eq(load(text, &units, &err), 0);
	cr_assert_eq(units.list.len, 1);
	join(&units.list.at[0], args);
	cr_expect_str_eq(args, "-DA -DB=x y -DC -DD");
	units_fini(&units);

	/* one that names itself, and one that is not there */
	write_file("more.rsp", "@flags.rsp");
	cr_assert_eq(load(text, &units, &err), 0);
	cr_assert_eq(units.skipped.len, 1);
	cr_expect(strstr(units.skipped.at[0].why, "each other"), "%s", units.skipped.at[0].why);
	units_fini(&units);
	write_file("flags.rsp", "@gone.rsp");
	cr_assert_eq(load(text, &units, &err), 0);
	cr_expect(strstr(units.skipped.at[0].why, "gone.rsp"));
	units_fini(&units);
}

Test(compdb, refused)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"", ":1:"},
		{"[\n {\"file\": \"a.c\",\n  \"directory\": }]", "compile_commands.json:3:"},
		{"{}", "not a list"},
		{"[\"\\ud800\"]", "not valid JSON"},
		{"[1, 2", "not valid JSON"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct units units;
		struct err err = {""};

		cr_assert_neq(load(cases[i].text, &units, &err), 0, "%s", cases[i].text);
		cr_expect(strstr(err.text, cases[i].part), "%s", err.text);
		cr_expect(!strchr(err.text, '\n'));
		units_fini(&units);
	}
}

Test(compdb, missing_file)
{
	struct units units;
	struct err err = {""};

	cr_assert_eq(units_init(&units), 0);
	cr_assert_neq(compdb_load("/nowhere/at/all", &units, &err), 0);
	cr_expect(strstr(err.text, "/nowhere/at/all"));
	units_fini(&units);
}

Test(compdb, nearest)
{
	char inner[128];
	_free_ char *found = NULL;

	snprintf(inner, sizeof(inner), "%s/a", folder);
	cr_assert_eq(mkdir(inner, 0755), 0);
	write_file("compile_commands.json", "[]");
	cr_assert_eq(compdb_find(inner, &found), 0);
	cr_expect(!strncmp(found, folder, strlen(folder)) && !strstr(found, "/a/"), "%s", found);
}

Test(compdb, filter)
{
	struct units units;
	struct err err = {""};
	const char *const paths[] = {"/d/src", "/d/one.c"};

	cr_assert_eq(load("[{\"directory\": \"/d\", \"file\": \"src/a.c\", \"command\": \"cc\"},"
			  "{\"directory\": \"/d\", \"file\": \"src2/b.c\", \"command\": \"cc\"},"
			  "{\"directory\": \"/d\", \"file\": \"one.c\", \"command\": \"cc\"},"
			  "{\"directory\": \"/d\", \"file\": \"one.cc\", \"command\": \"cc\"}]",
			     &units, &err),
		0);
	units_filter(&units, paths, 2);
	cr_assert_eq(units.list.len, 2);
	cr_expect_str_eq(units.list.at[0].file, "/d/one.c");
	cr_expect_str_eq(units.list.at[1].file, "/d/src/a.c");
	units_fini(&units);
}

Test(compdb, normalised_paths)
{
	struct arena *arena = arena_new();

	cr_expect_str_eq(path_normalise(arena, "/a", "b/./c/../d"), "/a/b/d");
	cr_expect_str_eq(path_normalise(arena, "/a", "/x//y/"), "/x/y");
	cr_expect_str_eq(path_normalise(arena, "/a", "../../../.."), "/");
	cr_expect_str_eq(path_normalise(arena, "/a", "../b"), "/b");
	arena_free(arena);
}

Test(compdb, compiler_names)
{
	static const char *const yes[] = {"gcc", "/usr/bin/cc", "g++-12", "clang++-19",
		"x86_64-linux-gnu-gcc-12", "arm-none-eabi-g++", "ccache", "c99", "gcc-12.2"};
	static const char *const no[] = {"gcc-ar", "clang-format-19", "clang-tidy", "acc", "make",
		"cc1", "", "-12", "python3", "rustc"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		cr_expect(compiler_name_fits(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_expect(!compiler_name_fits(no[i]), "%s", no[i]);
}
