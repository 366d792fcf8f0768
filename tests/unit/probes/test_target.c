/* Processes that are there, are gone, or are no interpreter; version texts. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probes/procfile.h"
#include "probes/target.h"
#include "probes/version.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"

Test(target, says_what_is_no_interpreter)
{
	static struct target target;
	struct err err = {{0}};

	cr_assert(eq(int, target_open(getpid(), &target, &err), -ENOENT));
	cr_assert(ne(ptr, strstr(err.text, "is not Python: no _PyRuntime in /"), NULL), "%s",
		err.text);
	cr_assert(eq(int, target.pid, getpid()));
	cr_assert(not(target.has_interpreter));
	cr_assert(target.start_ns <= clock_now_ns());
}

Test(target, says_when_there_is_no_process)
{
	static struct target target;
	struct err err = {{0}};

	cr_assert(eq(int, target_open(0x7ffffff0, &target, &err), -ESRCH));
	cr_assert(eq(str, err.text, "no such process: 2147483632"));
	cr_assert(eq(int, target_open(0, &target, &err), -ESRCH));
	cr_assert(eq(int, target_open(-1, &target, &err), -ESRCH));
}

Test(target, reads_across_mappings_or_not_at_all)
{
	static struct target target;
	char text[] = "hello", copy[sizeof(text)] = "";

	target.pid = getpid();
	cr_assert(eq(int, target_read(&target, (uintptr_t)text, copy, sizeof(text)), 0));
	cr_assert(eq(str, copy, "hello"));
	cr_assert(eq(int, target_read(&target, 16, copy, 4), -EFAULT));
	cr_assert(eq(int, target_read(&target, ~0ULL - 2, copy, 4), -EFAULT));
}

Test(version, reads_what_py_getversion_keeps)
{
	static const char memory[] = "x 3.9.2 (\0"
				     "3.34.1\0"
				     "3.9.2+ (default, Feb 28 2021)";
	int hex = 0;

	cr_assert(eq(int, version_scan(memory, sizeof(memory), &hex), 0));
	cr_assert(eq(int, hex, 0x030902f0));
	cr_assert(eq(int, version_scan("3.15.0a7 (main", 14, &hex), 0));
	cr_assert(eq(int, hex, 0x030f00a7));
	cr_assert(eq(int, version_scan("3.14.0rc2 (main", 15, &hex), 0));
	cr_assert(eq(int, hex, 0x030e00c2));
	cr_assert(eq(int, version_scan("3.9.", 4, &hex), -ENOENT));
	cr_assert(eq(int, version_scan("3.9.2 ", 6, &hex), -ENOENT));
	cr_assert(eq(int, version_scan("3.9999.2 (", 10, &hex), -ENOENT));
	cr_assert(eq(int, version_scan("", 0, &hex), -ENOENT));
}

Test(version, formats_as_python_does)
{
	char text[32];

	version_format(0x030b02f0, text, sizeof(text));
	cr_assert(eq(str, text, "3.11.2"));
	version_format(0x030f00a7, text, sizeof(text));
	cr_assert(eq(str, text, "3.15.0a7"));
	version_format(0x030e00c2, text, sizeof(text));
	cr_assert(eq(str, text, "3.14.0rc2"));
}

Test(procfile, lists_our_own_program)
{
	struct proc_maps maps;
	bool has_code = false;

	cr_assert(eq(int, proc_maps_load(getpid(), &maps), 0));
	vec_each (map, &maps.list)
		has_code |= map->is_executable && map->path && strstr(map->path, "test_target");
	cr_assert(has_code);
	proc_maps_fini(&maps);
}
