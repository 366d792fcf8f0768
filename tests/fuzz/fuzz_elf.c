/* Any bytes as an ELF file: symbols, function ranges, probe sites. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/elffile.h"
#include "probes/sites.h"
#include "runtime/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reuses one file in memory: the finder opens files by path. */
static const char *save(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz_elf", MFD_CLOEXEC);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* always fits */
	}
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = save(data, size);
	struct elf_symbol symbol;
	struct elf_file elf;
	struct sites sites;
	struct err err = {{0}};

	if (!elf_open(path, &elf, NULL)) {
		(void)elf_symbol_find(&elf, "_PyRuntime", &symbol); /* mostly not there */
		(void)elf_section_find(&elf, ".PyRuntime");
		elf_close(&elf);
	}
	if (!sites_find(path, &sites, &err)) {
		vec_each (site, &sites.list)
			if (site->offset >= size)
				abort();
		sites_fini(&sites);
	} else if (!err.text[0]) {
		abort();
	}
	return 0;
}
