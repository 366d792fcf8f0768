/* Probe sites of files linked in every way (fixtures/), of a real interpreter, and of files that
 * are none, damaged or made to hurt. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probes/elffile.h"
#include "probes/sites.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

static int count(const struct sites *sites, enum site_kind kind)
{
	int found = 0;

	vec_each (site, &sites->list)
		found += site->kind == kind;
	return found;
}

/* Sites of one kind inside the function of this name. */
static int count_in(
	const struct sites *sites, const char *path, const char *name, enum site_kind kind)
{
	_elf_close_ struct elf_file elf = {.fd = -1};
	struct elf_symbol symbol;
	int found = 0;

	cr_assert(eq(int, elf_open(path, &elf, NULL), 0));
	cr_assert(eq(int, elf_symbol_find(&elf, name, &symbol), 0), "%s in %s", name, path);
	vec_each (site, &sites->list) {
		bool is_inside = site->address >= symbol.address &&
				 site->address < symbol.address + symbol.bytes;

		if (is_inside)
			cr_assert(eq(u64, site->function, symbol.address), "%s", name);
		found += is_inside && site->kind == kind;
	}
	return found;
}

static void expect_lock_code(const char *path, const char *names_from)
{
	struct sites sites;
	struct err err = {{0}};

	cr_assert(eq(int, sites_find(path, &sites, &err), 0), "%s", err.text);
	cr_assert(eq(int, count_in(&sites, names_from, "lock_take", SITE_WAIT), 1), "%s", path);
	cr_assert(eq(int, count_in(&sites, names_from, "lock_take", SITE_WAIT_END), 1), "%s", path);
	cr_assert(eq(int, count_in(&sites, names_from, "lock_clock", SITE_WAIT), 1), "%s", path);
	cr_assert(eq(int, count_in(&sites, names_from, "lock_drop", SITE_SIGNAL), 1), "%s", path);
	cr_assert(eq(int, count_in(&sites, names_from, "lock_signal", SITE_SIGNAL), 1), "%s", path);
	sites_fini(&sites);
}

/* libc comes from outside: nothing else is there, and the decoy is refused. */
static void expect_nothing_else(const char *path)
{
	struct sites sites;

	cr_assert(eq(int, sites_find(path, &sites, NULL), 0));
	cr_assert(eq(int, count(&sites, SITE_SIGNAL), 2), "%s", path);
	cr_assert(eq(int, count(&sites, SITE_WAIT), 2), "%s", path);
	cr_assert(eq(int, count(&sites, SITE_WAIT_END), 2), "%s", path);
#ifdef __x86_64__
	cr_assert(eq(u32, sites.refused, 1), "%s: the decoy", path);
#endif
	sites_fini(&sites);
}

Test(sites, finds_calls_however_they_are_linked)
{
	static const char *const paths[] = {
		FIXTURES "/lock_plt",
		FIXTURES "/lock_fixed",
		FIXTURES "/lock_now",
#ifdef __x86_64__
		FIXTURES "/lock_no_plt",
		FIXTURES "/lock_ibt",
		FIXTURES "/lock_register",
#endif
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		expect_lock_code(paths[i], paths[i]);
		expect_nothing_else(paths[i]);
	}
}

Test(sites, finds_calls_of_a_libc_in_the_same_file)
{
	expect_lock_code(FIXTURES "/lock_static", FIXTURES "/lock_static");
	expect_lock_code(FIXTURES "/lock_static_pie", FIXTURES "/lock_static_pie");
}

static char *load(const char *path, size_t *ret_len)
{
	char *data = NULL;

	cr_assert(eq(int, file_load(path, 64 << 20, &data, ret_len, NULL), 0));
	return data;
}

static void save(char *path, const void *data, size_t len)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	cr_assert(eq(sz, (size_t)write(fd, data, len), len));
	close(fd);
}

Test(sites, needs_no_sections)
{
	static const char *const paths[] = {FIXTURES "/lock_plt", FIXTURES "/lock_now",
#ifdef __x86_64__
		FIXTURES "/lock_no_plt", FIXTURES "/lock_ibt", FIXTURES "/lock_register"
#endif
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char copy[] = "/tmp/gilscope-sites-XXXXXX";
		size_t len;
		_free_ char *data = load(paths[i], &len);
		Elf64_Ehdr *header = (Elf64_Ehdr *)data;

		header->e_shoff = 0;
		header->e_shnum = header->e_shstrndx = 0;
		save(copy, data, len);
		expect_lock_code(copy, paths[i]);
		expect_nothing_else(copy);
		unlink(copy);
	}
}

Test(sites, finds_the_lock_code_of_the_systems_python)
{
	struct sites sites;
	struct err err = {{0}};

	cr_assert(eq(int, sites_find("/usr/bin/python3", &sites, &err), 0), "%s", err.text);
	cr_assert(ge(int, count(&sites, SITE_WAIT), 1));
	cr_assert(eq(int, count(&sites, SITE_WAIT), count(&sites, SITE_WAIT_END)));
	/* A release and an acquire, at least. */
	cr_assert(ge(int, count(&sites, SITE_SIGNAL), 2));
	cr_assert(eq(u32, sites.refused, 0));
	for (size_t i = 0; i < sites.list.len; i++) {
		cr_assert(ne(u64, sites.list.at[i].function, 0));
		cr_assert(le(u64, sites.list.at[i].function, sites.list.at[i].address));
		if (i)
			cr_assert(lt(u64, sites.list.at[i - 1].offset, sites.list.at[i].offset));
	}
	sites_fini(&sites);
}

Test(sites, says_what_a_file_is_not)
{
	struct sites sites = {0};
	struct err err = {{0}};

	cr_assert(eq(int, sites_find("/bin/cat", &sites, &err), -ENOENT));
	cr_assert(ne(ptr, strstr(err.text, "/bin/cat has no call of"), NULL));
	cr_assert(eq(int, sites_find("/etc/passwd", &sites, &err), -ENOEXEC));
	cr_assert(eq(int, sites_find("/no/such/file", &sites, &err), -ENOENT));
	cr_assert(eq(str, err.text, "cannot read /no/such/file: No such file or directory"));
	cr_assert(eq(int, sites_find("/dev/null", &sites, &err), -ENOEXEC));
	cr_assert(eq(int, sites_find("/", &sites, &err), -ENOEXEC));
}

/* Whatever is cut off or changed: an answer, and no crash (the sanitizers watch). */
static void expect_an_answer(const char *path)
{
	struct sites sites = {0};
	struct err err = {{0}};
	int rc = sites_find(path, &sites, &err);

	cr_assert(rc == 0 || err.text[0], "%d without a sentence", rc);
	sites_fini(&sites);
}

Test(sites, survives_truncation)
{
	char copy[] = "/tmp/gilscope-sites-XXXXXX";
	size_t len;
	_free_ char *data = load(FIXTURES "/lock_plt", &len);

	save(copy, data, len);
	for (size_t cut = len; cut; cut -= cut > 1024 ? 1021 : cut > 13 ? 13 : cut) {
		cr_assert(eq(int, truncate(copy, (off_t)cut), 0));
		expect_an_answer(copy);
	}
	unlink(copy);
}

Test(sites, survives_changed_headers)
{
	static const uint64_t values[] = {0, 0x7fffffff, 1ULL << 62, ~0ULL};
	char copy[] = "/tmp/gilscope-sites-XXXXXX";
	size_t len;
	_free_ char *data = load(FIXTURES "/lock_plt", &len);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)data;
	size_t end = header->e_phoff + (size_t)header->e_phnum * sizeof(Elf64_Phdr);
	_close_ int fd = -1;

	save(copy, data, len);
	fd = open(copy, O_RDWR | O_CLOEXEC);
	for (size_t at = 16; at + 8 <= end; at += 8)
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			cr_assert(eq(sz, (size_t)pwrite(fd, &values[i], 8, (off_t)at), 8));
			expect_an_answer(copy);
			cr_assert(eq(sz, (size_t)pwrite(fd, data + at, 8, (off_t)at), 8));
		}
	unlink(copy);
}
