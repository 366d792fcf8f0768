/* Symbols of real files, by hash and one by one. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "probes/elffile.h"

struct tally {
	const struct elf_file *elf;
	int seen;
};

static int check_export(const char *name, const struct elf_symbol *symbol, void *context)
{
	struct tally *tally = context;
	struct elf_symbol found;

	if (!symbol->is_defined || strlen(name) > 60)
		return 0;
	tally->seen++;
	cr_assert(eq(int, elf_export_find(tally->elf, name, &found), 0), "%s", name);
	return 0;
}

Test(elffile, finds_every_export_by_its_hash)
{
	_elf_close_ struct elf_file elf = {.fd = -1};
	struct tally tally = {.elf = &elf};
	struct elf_symbol symbol;

	cr_assert(eq(int, elf_open("/usr/bin/python3", &elf, NULL), 0));
	cr_assert(eq(int, elf_each_symbol(&elf, check_export, &tally), 0));
	cr_assert(gt(int, tally.seen, 1000));
	cr_assert(eq(int, elf_export_find(&elf, "_PyRuntime", &symbol), 0));
	cr_assert(gt(u64, symbol.bytes, 1000));
	cr_assert(eq(int, elf_export_find(&elf, "no_such_symbol", &symbol), -ENOENT));
	/* Imported, so not to be found here. */
	cr_assert(eq(int, elf_export_find(&elf, "pthread_cond_signal", &symbol), -ENOENT));
}

Test(elffile, needs_no_hash_table)
{
	_elf_close_ struct elf_file elf = {.fd = -1};
	struct elf_symbol symbol;

	cr_assert(eq(int, elf_open("/usr/bin/python3", &elf, NULL), 0));
	elf.gnu_hash = 0;
	cr_assert(eq(int, elf_export_find(&elf, "_PyRuntime", &symbol), -EOPNOTSUPP));
	cr_assert(eq(int, elf_symbol_find(&elf, "_PyRuntime", &symbol), 0));
}
