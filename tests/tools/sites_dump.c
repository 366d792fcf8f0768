/* sites_dump FILE: its probe sites, one a line: kind, file offset, ELF address, function. */
#include <inttypes.h>
#include <stdio.h>

#include "probes/sites.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"signal", "wait", "wait_end"};
	struct sites sites;
	struct err err = {{0}};
	unsigned long long start_ns = clock_now_ns();

	if (argc != 2) {
		fputs("usage: sites_dump FILE\n", stderr);
		return 2;
	}
	if (sites_find(argv[1], &sites, &err)) {
		fprintf(stderr, "sites_dump: %s\n", err.text);
		return 2;
	}
	printf("machine %d refused %u us %llu\n", sites.machine, sites.refused,
		(clock_now_ns() - start_ns) / NS_PER_US);
	vec_each (site, &sites.list)
		printf("%s %#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n", kinds[site->kind],
			site->offset, site->address, site->function);
	sites_fini(&sites);
	return 0;
}
