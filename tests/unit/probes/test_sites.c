/* Probe sites of a real interpreter and of files that are none. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "probes/sites.h"
#include "runtime/base/err.h"

static int count(const struct sites *sites, enum site_kind kind)
{
	int found = 0;

	vec_each (site, &sites->list)
		found += site->kind == kind;
	return found;
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
